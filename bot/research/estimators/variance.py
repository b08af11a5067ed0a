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
    """The sum of each person's rows, for numbers or rows of numbers."""
    if rows.ndim == 1:
        return np.bincount(index, weights=rows, minlength=people).astype(float)
    return np.column_stack([np.bincount(index, weights=column, minlength=people) for column in rows.T])


def crossed(left: Array, right: Array, index: npt.NDArray[np.intp], people: int) -> Array:
    """People × columns of left × columns of right: the sum of each person's products, never held row by row."""
    return np.stack([by_person(left * column[:, None], index, people) for column in right.T], axis=2)


def sandwich(scores: Array, slope: Array, leverages: Array | None) -> Array:
    """The covariance of a root of Σ scores = 0, robust against whatever happens within one person.

    `scores`: people × d, each person's part D_i'r_i of the estimating function at its root. `slope`: d × d, the
    derivative of its sum. B = slope⁻¹, V = B (Σ u u') B'. `leverages`: people × d × d, D_i'(∂r_i), for the correction
    of Mancl and DeRouen, "A covariance estimator for GEE with improved small-sample properties" (Biometrics, 2001):
    u_i = D_i'(I − H_ii)⁻¹ r_i with H_ii = (∂r_i) B D_i'. By Woodbury's identity that is (I − D_i'(∂r_i) B)⁻¹ D_i'r_i,
    so that nothing of the length of a person's rows is inverted. None: without the correction.

    Raises FaultsError when the columns do not suffice to tell the coefficients apart.
    """
    try:
        inverse = np.asarray(np.linalg.inv(slope), dtype=float)
        if leverages is not None:
            own = np.eye(scores.shape[1]) - leverages @ inverse
            scores = np.asarray(np.linalg.solve(own, scores[:, :, None])[:, :, 0], dtype=float)
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
