"""The columns of a micro-randomised trial, checked once for all estimators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bot.research.estimators.faults import Faults
from bot.research.estimators.results import Array
from bot.research.estimators.variance import numbered

Named: TypeAlias = Sequence[tuple[str, npt.ArrayLike]]
#: So many people more than coefficients there must be.
SPARE = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Available rows only. `given` is rows × treatments: 1 where that treatment was given, 0 of which is the reference.

    `weights` are Π (p̃_k/p_k)^1{A=k}. `centred` are the indicators less p̃, without the reference. `z` are the controls
    and `x` the moderators, each with a column of 1 first.
    """

    index: npt.NDArray[np.intp]
    people: int
    outcome: Array
    given: Array
    weights: Array
    centred: Array
    z: Array
    x: Array
    control_names: tuple[str, ...]
    effect_names: tuple[str, ...]


def trial(  # noqa: PLR0913 - the columns of a trial, by the names that R's MRTAnalysis gives them
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view and in R
    outcome: npt.ArrayLike,
    treatment: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    availability: npt.ArrayLike | None,
    moderators: Named,
    controls: Named,
    arms: Sequence[str] | None,
    numerator: npt.ArrayLike | None,
    alpha: float,
    binary: bool,
) -> Trial:
    """Check the columns and make of them what the estimating equations need. Raises FaultsError, all faults at once.

    What stands where `availability` is 0 is not looked at, so it may be empty.
    """
    faults = Faults()
    people = np.asarray(id)
    columns = {
        "outcome": _numbers(faults, "outcome", outcome),
        "treatment": _numbers(faults, "treatment", treatment),
        "availability": _numbers(
            faults, "availability", np.ones(len(people)) if availability is None else availability
        ),
        **{name: _numbers(faults, name, column) for name, column in (*moderators, *controls)},
    }
    chances = _numbers(faults, "rand_prob", rand_prob)
    faults.end()
    faults.same_length({"id": people, "rand_prob": chances, **columns})
    faults.alpha("alpha", alpha)
    available = columns["availability"]
    faults.where("availability", available, ~np.isin(available, (0, 1)), "must be 1 or 0")
    here = available == 1
    faults.where("id", people, here & _missing(people), "every available row needs its person")
    names = tuple(arms) if arms is not None else ("treatment",)
    given = columns["treatment"]
    wanted = "must be 0 or 1" if len(names) == 1 else f"must be 0 to {len(names)}, 0 for the reference"
    faults.where("treatment", given, here & ~np.isin(given, np.arange(len(names) + 1)), wanted)
    chances = _each_arm(faults, chances, here, len(names))
    y = columns["outcome"]
    if binary:
        faults.where("outcome", y, here & ~np.isin(y, (0, 1)), "must be 0 or 1; for other outcomes use wcls")
    else:
        faults.where("outcome", y, here & ~np.isfinite(y), "must be a number; set availability to 0 where missing")
    for name, _ in (*moderators, *controls):
        faults.where(name, columns[name], here & ~np.isfinite(columns[name]), "must be a number where available")
    faults.end()

    index, count = numbered(people[here])
    coefficients = 1 + len(controls) + len(names) * (1 + len(moderators))
    if count < coefficients + SPARE:
        faults.add("id", f"{count} people", f"{coefficients} coefficients need at least {coefficients + SPARE}")
    for arm in range(len(names) + 1):
        rows = here & (given == arm)
        if not rows.any():
            faults.add("treatment", arm, "no available row has it; leave that arm out")
        elif binary and not y[rows].any():
            faults.add("outcome", f"no 1 under treatment {arm}", "take an outcome that happens under each treatment")
    aimed = _numerator(faults, numerator, chances[here])
    faults.end()
    indicators = (given[here, None] == np.arange(len(names) + 1)).astype(float)
    z = _design(controls, columns, here)
    x = _design(moderators, columns, here)
    inner = [name for name, _ in moderators]
    return Trial(
        index=index,
        people=count,
        outcome=y[here],
        given=indicators[:, 1:],
        weights=np.prod((aimed / chances[here]) ** indicators, axis=1),
        centred=indicators[:, 1:] - aimed[:, 1:],
        z=z,
        x=x,
        control_names=("(Intercept)", *(name for name, _ in controls)),
        effect_names=tuple(label for arm in names for label in (arm, *(f"{arm}:{one}" for one in inner))),
    )


def columns_of(named: Mapping[str, npt.ArrayLike] | None) -> Named:
    """Moderators or controls as (name, column): from a mapping, or from None for none."""
    return [] if named is None else list(named.items())


def _numbers(faults: Faults, name: str, column: npt.ArrayLike) -> Array:
    try:
        return np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        values = np.asarray(column, dtype=object).ravel()
        bad = np.array([not _is_number(value) for value in values])
        faults.where(name, values, bad, "must be a number")
        return np.zeros(len(values))


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _missing(people: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.array([one is None or one != one or one == "" for one in people.tolist()], dtype=bool)  # noqa: PLR0124


def _each_arm(faults: Faults, chances: Array, here: npt.NDArray[np.bool_], arms: int) -> Array:
    """Rows × treatments, the reference first."""
    if chances.ndim == 1 and arms == 1:
        chances = np.column_stack((1 - chances, chances))
    elif chances.ndim != 2 or chances.shape[1] != arms + 1:
        faults.add("rand_prob", f"shape {chances.shape}", f"give {arms + 1} columns, one for each treatment from 0 on")
        faults.end()
    within: npt.NDArray[np.bool_] = np.all((chances > 0) & (chances < 1), axis=1)
    told = chances[:, 1] if arms == 1 else chances
    faults.where(
        "rand_prob", told, here & ~within, "must lie strictly between 0 and 1 where available; set availability to 0 "
        "where nothing was drawn",
    )  # fmt: skip
    faults.where("rand_prob", told, here & within & (np.abs(chances.sum(axis=1) - 1) > 1e-6), "must sum to 1")
    return np.where(here[:, None] & within[:, None], chances, 0.5)


def _numerator(faults: Faults, numerator: npt.ArrayLike | None, chances: Array) -> Array:
    """p̃: as given, or the mean probability of each treatment; the same in all rows, so that it depends on nothing."""
    arms = chances.shape[1] - 1
    aimed = chances.mean(axis=0)[1:] if numerator is None else np.atleast_1d(np.asarray(numerator, dtype=float))
    if aimed.shape != (arms,) or not (aimed > 0).all() or not aimed.sum() < 1:
        faults.add("numerator", aimed.tolist(), f"give {arms} above 0 that sum to less than 1, one for each treatment")
        return chances
    return np.tile(np.concatenate(([1 - aimed.sum()], aimed)), (len(chances), 1))


def _design(named: Named, columns: dict[str, Array], here: npt.NDArray[np.bool_]) -> Array:
    return np.column_stack([np.ones(int(here.sum())), *(columns[name][here] for name, _ in named)])
