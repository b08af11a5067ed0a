"""Variances that know that one person's rows belong together; one place for all estimators."""

import numpy as np
import numpy.typing as npt

from bot.errors import FaultsError
from bot.research.estimators.results import Array


def numbered(people: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], int]:
    """Each row's person as a number from 0 on, and how many people there are."""
    known, index = np.unique(np.asarray(people), return_inverse=True)
    return index.reshape(-1), known.size


def by_person(rows: Array, index: npt.NDArray[np.intp], people: int) -> Array:
    """The sum of each person's rows, for rows of any shape."""
    sums = np.zeros((people, *rows.shape[1:]))
    np.add.at(sums, index, rows)
    return sums


def sandwich(scores: Array, slopes: Array, *, corrected: bool = True, leverages: Array | None = None) -> Array:
    """The covariance of a root of Σ scores = 0, robust against whatever happens within one person.

    `scores`: people × d, each person's part of the estimating function at its root. `slopes`: people × d × d, its
    derivative. B = (Σ slopes)⁻¹, V = B (Σ u u') B'. With `corrected`, u_i = D_i'(I − H_ii)⁻¹ r_i instead of D_i' r_i,
    where H_ii = (∂r_i) B D_i': the correction of Mancl and DeRouen, "A covariance estimator for GEE with improved
    small-sample properties" (Biometrics, 2001). `leverages` holds D_i'(∂r_i) where it is not the slope itself.
    By Woodbury's identity u_i = (I − D_i'(∂r_i) B)⁻¹ D_i'r_i, so that nothing of a person's length is inverted.

    Raises FaultsError when the columns do not suffice to tell the coefficients apart.
    """
    try:
        inverse: Array = np.linalg.inv(slopes.sum(axis=0))
        if corrected:
            own = (slopes if leverages is None else leverages) @ inverse
            scores = np.asarray(np.linalg.solve(np.eye(scores.shape[1]) - own, scores[:, :, None])[:, :, 0], float)
    except np.linalg.LinAlgError:
        raise FaultsError(
            ["the columns: some are sums of others, or one person alone decides a coefficient; leave a column out"]
        ) from None
    half = inverse @ scores.T
    return np.asarray(half @ half.T, dtype=float)


def ratio(numerators: Array, denominators: Array, index: npt.NDArray[np.intp], people: int) -> tuple[float, float]:
    """Σ numerators / Σ denominators and its standard error, robust within people.

    Linearised: u_i = Σ (numerator − ratio · denominator), se = √(n/(n−1) Σ u_i²) / Σ denominators, with the n/(n−1) of
    small samples. A plain mean has denominators of 1.
    """
    total = float(denominators.sum())
    found = float(numerators.sum()) / total
    parts = by_person(numerators - found * denominators, index, people)
    return found, float(np.sqrt(people / (people - 1) * np.sum(parts**2))) / abs(total)
