"""Weighted and centred least squares: the effect of a treatment on an outcome that is a number."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bot.errors import FaultsError
from bot.research.estimators.results import Array, Fit, effect
from bot.research.estimators.trial import Trial, columns_of, trial
from bot.research.estimators.variance import by_person, sandwich


def wcls(  # noqa: PLR0913 - the columns of a trial, by the names that R's MRTAnalysis gives them
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
) -> Fit:
    """The proximal effect of treatment on the mean of `outcome`, in the outcome's own unit.

    Minimises Σ I W (Y − Z'a − Σ_k (1{A=k} − p̃_k) X'b_k)² with W = Π (p̃_k/p_k)^1{A=k}: the effect b stays right
    when the controls Z explain the outcome wrongly. Intervals by t with people less coefficients, the covariance of
    `variance.sandwich` with its small-sample correction at any number of people. Source: Boruvka, Almirall, Witkiewitz
    and Murphy, "Assessing time-varying causal effect moderation in mobile health" (JASA, 2018).

    One value for each row in every column. `treatment` is 0 or 1 and `rand_prob` the probability of 1; with k `arms`,
    0 to k (0: the reference) and k+1 columns of probabilities that sum to 1. `availability` 0: nothing was drawn, and
    nothing else in that row is looked at. `moderators` change the effect, `controls` only the precision; a constant is
    added to both. `numerator` is p̃, a number (k numbers): the mean probability when None. Effects are named by their
    arm ("treatment" when there is one) and arm:moderator. Raises FaultsError for columns that are not fit for it.
    """
    data = trial(
        id=id, outcome=outcome, treatment=treatment, rand_prob=rand_prob, availability=availability,
        moderators=columns_of(moderators), controls=columns_of(controls), arms=arms, numerator=numerator, alpha=alpha,
        binary=False,
    )  # fmt: skip
    design = np.column_stack((data.z, outer(data.centred, data.x)))
    weighted = design * data.weights[:, None]
    gram = design.T @ weighted
    if np.linalg.matrix_rank(gram, hermitian=True) < len(gram):
        raise FaultsError(["the columns: some are sums of others; leave one out"])
    found = np.asarray(np.linalg.solve(gram, weighted.T @ data.outcome), dtype=float)
    scores = by_person(weighted * (data.outcome - design @ found)[:, None], data.index, data.people)
    slopes = -by_person(weighted[:, :, None] * design[:, None, :], data.index, data.people)
    return fit_of(data, found, sandwich(scores, slopes), alpha)


def outer(arms: Array, x: Array) -> Array:
    """Each arm's column times each moderator's, arm by arm."""
    return (arms[:, :, None] * x[:, None, :]).reshape(len(x), -1)


def fit_of(data: Trial, found: Array, covariance: Array, alpha: float) -> Fit:
    """The coefficients, controls first, as effects with intervals."""
    df = data.people - len(found)
    ses = np.sqrt(np.diag(covariance))
    made = tuple(
        effect(name, float(value), float(se), df, alpha)
        for name, value, se in zip((*data.control_names, *data.effect_names), found, ses, strict=True)
    )
    start = len(data.control_names)
    return Fit(
        effects=made[start:], controls=made[:start], covariance=covariance, citizens=data.people,
        decision_points=len(data.outcome), df=df, alpha=alpha,
    )  # fmt: skip
