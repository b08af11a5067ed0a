"""The bootstrap by citizen: people are drawn again, each with all their rows, since those belong together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from bot.errors import RefusedError
from bot.research.estimators.faults import Faults
from bot.research.estimators.results import Array
from bot.research.estimators.variance import by_person, numbered

Rows: TypeAlias = npt.NDArray[np.intp]
#: More draws than this share without a number, and the interval would be about the others only.
MOST_FAILED: Final = 0.05
_AT_ONCE: Final = 2_000_000  # drawn counts that are held in memory together


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampled:
    """The estimate from the data as they are; spread and percentile interval over the draws.

    `failed` of the `replicates` gave no number and are left out of the interval.
    """

    estimate: float
    se: float
    lower: float
    upper: float
    citizens: int
    replicates: int
    failed: int
    alpha: float


def bootstrap(
    statistic: Callable[[Rows], float],
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    rng: np.random.Generator,
    replicates: int = 1000,
    alpha: float = 0.05,
) -> Resampled:
    """A percentile interval for whatever `statistic` makes of the rows with these numbers (some come repeatedly).

    A statistic that cannot be had from some draw may return NaN. Source: Efron (1979); by cluster: Davison and
    Hinkley, "Bootstrap methods and their application" (1997), section 3.8. Raises RefusedError when more than one draw
    in twenty has no number.
    """
    index, people = _people(id, replicates, alpha)
    rows = np.argsort(index, kind="stable")
    ends = np.cumsum(np.bincount(index, minlength=people))
    own = np.split(rows, ends[:-1])
    found = np.array(
        [
            statistic(np.concatenate([own[person] for person in rng.integers(people, size=people)]))
            for _ in range(replicates)
        ]
    )
    return _resampled(statistic(np.arange(len(index))), found, people, alpha)


def bootstrap_ratio(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    rng: np.random.Generator,
    replicates: int = 1000,
    alpha: float = 0.05,
) -> Resampled:
    """The same for Σ numerators / Σ denominators, in a fraction of the time.

    A mean has denominators of 1; IPS numerators w·Y and denominators 1; SNIPS w·Y and w.
    """
    top, bottom = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    faults = Faults()
    faults.same_length({"numerators": top, "denominators": bottom, "id": np.asarray(id)})
    faults.where("numerators", top, ~np.isfinite(top), "must be numbers")
    faults.where("denominators", bottom, ~np.isfinite(bottom), "must be numbers")
    faults.end()
    index, people = _people(id, replicates, alpha)
    sums = by_person(np.column_stack((top, bottom)), index, people)
    found = np.empty(0)
    while found.size < replicates:
        size = min(replicates - found.size, max(1, _AT_ONCE // people))
        drawn = rng.multinomial(people, np.full(people, 1 / people), size=size) @ sums
        found = np.append(found, _divided(drawn[:, 0], drawn[:, 1]))
    return _resampled(float(_divided(top.sum(keepdims=True), bottom.sum(keepdims=True))[0]), found, people, alpha)


def _people(id: npt.ArrayLike, replicates: int, alpha: float) -> tuple[Rows, int]:  # noqa: A002 - as above
    faults = Faults()
    index, people = numbered(id)
    if people < 2:
        faults.add("id", f"{people} people", "at least 2 are needed to draw from")
    if replicates < 2:
        faults.add("replicates", replicates, "must be 2 or more, better 1000")
    faults.alpha("alpha", alpha)
    faults.end()
    return index, people


def _divided(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0)


def _resampled(estimate: float, found: Array, people: int, alpha: float) -> Resampled:
    told = found[np.isfinite(found)]
    failed = found.size - told.size
    if failed > MOST_FAILED * found.size:
        raise RefusedError(
            "{failed} of {drawn} draws gave no number: there is too little to draw from.",
            failed=failed,
            drawn=found.size,
        )
    lower, upper = np.quantile(told, (alpha / 2, 1 - alpha / 2))
    return Resampled(
        estimate=float(estimate), se=float(told.std(ddof=1)), lower=float(lower), upper=float(upper), citizens=people,
        replicates=found.size, failed=failed, alpha=alpha,
    )  # fmt: skip
