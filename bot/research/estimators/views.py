"""From the export's views `mrt_send` and `mrt_tone` to the columns that estimators take; pandas and polars alike."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bot.research.estimators.faults import Faults


class Frame(Protocol):
    @property
    def columns(self) -> Any: ...

    def __getitem__(self, name: str, /) -> Any: ...


def send_columns(
    frame: Frame, *, outcome: str = "outcome_any", moderators: Sequence[str] = (), controls: Sequence[str] = ()
) -> dict[str, Any]:
    """Whether to write: `emee(**send_columns(mrt_send))`, or `wcls` with outcome="reward".

    By default the outcome is whether anything sent to the person within 14 days was felt welcome: that of the message
    itself is nought by construction when it is held, so a ratio to it does not exist. Text columns become one column
    for each value but the most frequent. Raises FaultsError for columns that are not there.
    """
    _there(frame, ["id", "treatment", "rand_prob", "availability", outcome, *moderators, *controls])
    here = _numbers(frame, "availability") == 1
    return {
        "id": frame["id"].to_numpy(),
        "outcome": _numbers(frame, outcome),
        "treatment": _numbers(frame, "treatment"),
        "rand_prob": _numbers(frame, "rand_prob"),
        "availability": here.astype(float),
        "moderators": _explaining(frame, moderators, here),
        "controls": _explaining(frame, controls, here),
    }


def tone_columns(
    frame: Frame,
    tones: Sequence[str],
    *,
    outcome: str = "outcome",
    moderators: Sequence[str] = (),
    controls: Sequence[str] = (),
) -> dict[str, Any]:
    """Which tone: `emee(**tone_columns(mrt_tone, ["plain", "warm"]))`, against the first of `tones`.

    Rows count as available when their tone is one of `tones` and each of these could have been drawn. Given that, the
    probabilities are those of the view, divided by their sum over `tones`. Raises FaultsError as `send_columns` does.
    """
    _there(frame, ["id", "treatment", outcome, *(f"p_{tone}" for tone in tones), *moderators, *controls])
    drawn = np.column_stack([_numbers(frame, f"p_{tone}") for tone in tones])
    treatment = frame["treatment"].to_numpy()
    place = {tone: float(number) for number, tone in enumerate(tones)}
    arm = np.array([place.get(tone, np.nan) for tone in treatment.tolist()])
    here = np.isfinite(arm) & np.all(drawn > 0, axis=1)
    chances = np.where(here[:, None], drawn, 1.0)
    return {
        "id": frame["id"].to_numpy(),
        "outcome": _numbers(frame, outcome),
        "treatment": arm,
        "rand_prob": chances / chances.sum(axis=1, keepdims=True),
        "availability": here.astype(float),
        "moderators": _explaining(frame, moderators, here),
        "controls": _explaining(frame, controls, here),
        "arms": list(tones[1:]),
    }


def _there(frame: Frame, wanted: Sequence[str]) -> None:
    faults = Faults()
    for name in dict.fromkeys(wanted):
        if name not in list(frame.columns):
            faults.add("columns", name, "is not in this view; read the codebook")
    faults.end()


def _numbers(frame: Frame, name: str) -> npt.NDArray[np.float64]:
    values = frame[name].to_numpy()
    if values.dtype.kind in "OUT":
        values = np.array([np.nan if value is None or value != value else value for value in values.tolist()])  # noqa: PLR0124
    return np.asarray(values, dtype=float)


def _explaining(frame: Frame, names: Sequence[str], here: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[np.float64]]:
    found = {}
    for name in names:
        values = frame[name].to_numpy()
        if values.dtype.kind not in "OUT":
            found[name] = values.astype(float)
            continue
        texts = np.array([value if isinstance(value, str) else "" for value in values.tolist()])
        known, counts = np.unique(texts[here], return_counts=True)
        for value in known[np.argsort(-counts, kind="stable")][1:]:
            found[f"{name}={value}"] = (texts == value).astype(float)
    return found
