"""The estimator of the marginal excursion effect: the effect of a treatment on an outcome that is yes or no."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import root

from bot.errors import FaultsError
from bot.research.estimators.results import Array, Fit
from bot.research.estimators.trial import Trial, columns_of, trial
from bot.research.estimators.variance import by_person, sandwich
from bot.research.estimators.wcls import fit_of, outer

NO_SOLUTION: Final = (
    "the columns: the estimating equations have no solution; some columns are sums of others, or the outcome never "
    "differs under one of them; leave columns out"
)


def emee(  # noqa: PLR0913 - the columns of a trial, by the names that R's MRTAnalysis gives them
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view and in R
    outcome: npt.ArrayLike,
    treatment: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    availability: npt.ArrayLike | None = None,
    moderators: Mapping[str, npt.ArrayLike] | None = None,
    controls: Mapping[str, npt.ArrayLike] | None = None,
    arms: Sequence[str] | None = None,
    numerator: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    corrected: bool = True,
) -> Fit:
    """The proximal effect of treatment on the log of the chance of `outcome`: a log relative risk; exp gives the ratio.

    Solves Σ I W exp(−Σ_k 1{A=k} X'b_k) (Y − exp(Z'a + Σ_k 1{A=k} X'b_k)) [Z; (1{A=k} − p̃_k) X] = 0 with
    W = Π (p̃_k/p_k)^1{A=k}: b stays right when Z'a is wrong. Intervals by t with people less coefficients; `corrected`
    is the small-sample correction, to be left on but for comparing with what others published. Sources: Qian, Yoo,
    Klasnja, Almirall and Murphy, "Estimating time-varying causal excursion effects in mobile health with binary
    outcomes" (Biometrika, 2021); several arms as in the analysis of the Drink Less trial.

    The columns are those of `wcls`, with an outcome of 0 or 1 that happens at least once under each treatment. Raises
    FaultsError for columns that are not fit for it.
    """
    data = trial(
        id=id, outcome=outcome, treatment=treatment, rand_prob=rand_prob, availability=availability,
        moderators=columns_of(moderators), controls=columns_of(controls), arms=arms, numerator=numerator, alpha=alpha,
        binary=True,
    )  # fmt: skip
    found = _solved(data)
    at = _at(data, found)
    scores = by_person(at.equations * at.residuals[:, None], data.index, data.people)
    leverages = by_person(at.equations[:, :, None] * at.towards[:, None, :], data.index, data.people)
    slopes = by_person(at.slopes, data.index, data.people)
    return fit_of(data, found, sandwich(scores, slopes, corrected=corrected, leverages=leverages), alpha)


@dataclass(frozen=True, slots=True)
class _At:
    """The estimating function at some coefficients: rows of `equations` (D) times `residuals` (r), and ∂r, ∂(D r)."""

    equations: Array
    residuals: Array
    towards: Array
    slopes: Array


def _at(data: Trial, coefficients: Array) -> _At:
    q = data.z.shape[1]
    active = outer(data.given, data.x)
    lift = active @ coefficients[q:]
    mean = np.exp(data.z @ coefficients[:q] + lift)
    weight = data.weights * np.exp(-lift)
    equations = weight[:, None] * np.column_stack((data.z, outer(data.centred, data.x)))
    residuals = data.outcome - mean
    towards = -mean[:, None] * np.column_stack((data.z, active))
    lifted = np.column_stack((np.zeros_like(data.z), active))
    slopes = equations[:, :, None] * (towards - residuals[:, None] * lifted)[:, None, :]
    return _At(equations, residuals, towards, slopes)


def _solved(data: Trial) -> Array:
    q = data.z.shape[1]
    size = q + data.given.shape[1] * data.x.shape[1]
    start = np.zeros(size)
    start[0] = np.log(np.average(data.outcome, weights=data.weights))
    people = data.people

    def both(coefficients: Array) -> tuple[Array, Array]:
        with np.errstate(over="ignore", invalid="ignore"):
            at = _at(data, coefficients)
        return at.equations.T @ at.residuals / people, at.slopes.sum(axis=0) / people

    solution = root(both, start, jac=True, tol=1e-12)
    value, slope = both(solution.x)
    if not (np.isfinite(value).all() and np.abs(value).max() < 1e-8 and np.linalg.matrix_rank(slope) == size):
        raise FaultsError([NO_SOLUTION])
    found: Array = solution.x
    return found
