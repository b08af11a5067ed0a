"""What another way of choosing would have been worth, from decisions whose probabilities were written down.

For one step only: a tone given that it is sent, or writing given the state; over a year of choices weights collapse.
Every result says how many plain observations it is worth (the effective sample size) and its largest weight; under 100
it is refused.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bot.errors import RefusedError
from bot.research.estimators.faults import Faults
from bot.research.estimators.results import Array, Effect, effect
from bot.research.estimators.variance import numbered, ratio

LEAST_ESS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """The mean outcome per decision if the target had chosen, in the outcome's unit, robust within people.

    `ess` is (Σw)²/Σw², in decision points. `increments` is one number for each row; their mean is the estimate.
    """

    method: str
    estimate: float
    se: float
    lower: float
    upper: float
    df: int
    citizens: int
    decision_points: int
    ess: float
    max_weight: float
    increments: Array
    index: npt.NDArray[np.intp]
    alpha: float


def ips(
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    action: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    target: npt.ArrayLike,
    alpha: float = 0.05,
) -> Value:
    """Inverse propensity score: mean of w·Y, w = target(A)/p(A). Unbiased; wide when weights are.

    `action`: 0 to K−1. `rand_prob`: the probability that this action had when it was drawn. `target`: rows × K, the
    probabilities of the way of choosing that is asked about. Source: Horvitz and Thompson (1952); Dudík, Langford and
    Li, "Doubly robust policy evaluation and learning" (ICML, 2011). Raises FaultsError for unfit columns and
    RefusedError under an effective sample size of 100.
    """
    rows = _rows(id, action, outcome, rand_prob, target, alpha)
    return _value("IPS", rows, rows.weights * rows.outcome, alpha)


def snips(
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    action: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    target: npt.ArrayLike,
    alpha: float = 0.05,
) -> Value:
    """Self-normalised: Σ w·Y / Σ w. A little biased, far less wide, and within the outcome's range.

    Source: Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning" (NIPS, 2015); Hájek.
    Columns and errors as for `ips`.
    """
    rows = _rows(id, action, outcome, rand_prob, target, alpha)
    mean = float(np.average(rows.outcome, weights=rows.weights))
    return _value("SNIPS", rows, mean + _normalised(rows.weights) * (rows.outcome - mean), alpha)


def dr(
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    action: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    target: npt.ArrayLike,
    predictions: npt.ArrayLike,
    alpha: float = 0.05,
) -> Value:
    """Doubly robust: mean of Σ_k target(k)·q(k) + w·(Y − q(A)). Unbiased whatever q, less wide the better q is.

    `predictions` are q, rows × K: the outcome expected under each action, from a model that did not see the row's own
    person (`cross_fitted`). Source: Dudík, Langford and Li (2011); cross-fitting as in Chernozhukov and others,
    "Double/debiased machine learning" (Econometrics Journal, 2018). Other columns and errors as for `ips`.
    """
    rows = _rows(id, action, outcome, rand_prob, target, alpha, predictions)
    return _value("DR", rows, rows.expected + rows.weights * (rows.outcome - rows.predicted), alpha)


def sndr(
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    action: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    target: npt.ArrayLike,
    predictions: npt.ArrayLike,
    alpha: float = 0.05,
) -> Value:
    """Self-normalised doubly robust: mean of Σ_k target(k)·q(k), plus Σ w·(Y − q(A)) / Σ w. As `dr` and `snips`."""
    rows = _rows(id, action, outcome, rand_prob, target, alpha, predictions)
    missed = rows.outcome - rows.predicted
    mean = float(np.average(missed, weights=rows.weights))
    return _value("SNDR", rows, rows.expected + mean + _normalised(rows.weights) * (missed - mean), alpha)


def difference(first: Value, second: Value, *, name: str) -> Effect:
    """What the first way is worth more than the second one, from the same rows. Raises FaultsError for others."""
    faults = Faults()
    if not np.array_equal(first.index, second.index):
        faults.add("second", f"{len(second.index)} rows", "must come from the same rows as the first")
    faults.end()
    apart = first.increments - second.increments
    estimate, se = ratio(apart, np.ones_like(apart), first.index, first.citizens)
    return effect(name, estimate, se, first.df, first.alpha)


def cross_fitted(
    *,
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    action: npt.ArrayLike,
    outcome: npt.ArrayLike,
    features: npt.ArrayLike,
    actions: int,
    rng: np.random.Generator,
    folds: int = 3,
    penalty: float = 1.0,
) -> Array:
    """Rows × actions: the outcome expected under each action, by a model made from other people only.

    People are dealt into `folds` by `rng`. For each action a ridge regression on `features` (rows × any, numbers known
    before the decision; a constant is added and not penalised; `penalty` for features at unit spread); an action that
    the other folds never took is expected to do as all together. For `dr` the model need not be right.
    """
    faults = Faults()
    x = np.asarray(features, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    chosen, y = np.asarray(action, dtype=float), np.asarray(outcome, dtype=float)
    faults.same_length({"id": np.asarray(id), "action": chosen, "outcome": y, "features": x})
    faults.where("action", chosen, ~np.isin(chosen, np.arange(actions)), f"must be 0 to {actions - 1}")
    faults.where("outcome", y, ~np.isfinite(y), "must be a number")
    faults.where("features", x, ~np.isfinite(x).all(axis=1), "must be numbers")
    index, people = numbered(id)
    if not 2 <= folds <= people:
        faults.add("folds", folds, f"must be 2 to {people}, the number of people")
    faults.end()
    spread = x.std(axis=0)
    x = np.column_stack((np.ones(len(x)), (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)))
    fold = rng.permutation(people)[index] % folds
    ridge = penalty * np.diag([0.0, *np.ones(x.shape[1] - 1)])
    found = np.empty((len(x), actions))
    for number in range(folds):
        others, own = fold != number, fold == number
        for k in range(actions):
            rows = others & (chosen == k)
            rows = rows if rows.any() else others
            weights = np.linalg.solve(x[rows].T @ x[rows] + ridge, x[rows].T @ y[rows])
            found[own, k] = x[own] @ weights
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    index: npt.NDArray[np.intp]
    people: int
    ess: float
    outcome: Array
    weights: Array
    expected: Array
    predicted: Array


def _rows(
    id: npt.ArrayLike,  # noqa: A002 - as in the export's view
    action: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rand_prob: npt.ArrayLike,
    target: npt.ArrayLike,
    alpha: float,
    predictions: npt.ArrayLike | None = None,
) -> _Rows:
    faults = Faults()
    people, chosen = np.asarray(id), np.asarray(action, dtype=float)
    y, p, wanted = (np.asarray(column, dtype=float) for column in (outcome, rand_prob, target))
    q = np.zeros_like(wanted) if predictions is None else np.asarray(predictions, dtype=float)
    faults.same_length(
        {"id": people, "action": chosen, "outcome": y, "rand_prob": p, "target": wanted, "predictions": q}
    )
    if wanted.ndim != 2 or q.shape != wanted.shape:
        faults.add("target, predictions", (wanted.shape, q.shape), "give one column for each action in both")
        faults.end()
    actions = wanted.shape[1]
    faults.alpha("alpha", alpha)
    faults.where("action", chosen, ~np.isin(chosen, np.arange(actions)), f"must be 0 to {actions - 1}")
    faults.where("outcome", y, ~np.isfinite(y), "must be a number; leave rows out whose outcome is missing")
    faults.where(
        "rand_prob", p, ~((p > 0) & (p < 1)), "must lie strictly between 0 and 1; leave out what was not drawn"
    )
    odd = ~((wanted >= 0).all(axis=1) & (np.abs(wanted.sum(axis=1) - 1) < 1e-6))
    faults.where("target", wanted, odd, "must be 0 or more and sum to 1 in each row")
    faults.where("predictions", q, ~np.isfinite(q).all(axis=1), "must be numbers")
    faults.end()
    index, count = numbered(people)
    if count < 2:
        faults.add("id", f"{count} people", "at least 2 are needed for an interval")
        faults.end()
    own = np.arange(len(y)), chosen.astype(int)
    weights = wanted[own] / p
    squares = float((weights**2).sum())
    ess = float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
    if ess < LEAST_ESS:
        raise RefusedError(
            "These decisions are worth only {ess} for that way of choosing, and {least} are needed: it differs too "
            "much from what was done.",
            ess=int(ess),
            least=LEAST_ESS,
        )
    return _Rows(
        index=index, people=count, outcome=y, ess=ess, weights=weights, expected=(wanted * q).sum(axis=1),
        predicted=q[own],
    )  # fmt: skip


def _normalised(weights: Array) -> Array:
    """Weights with mean 1."""
    return np.asarray(weights / weights.mean(), dtype=float)


def _value(method: str, rows: _Rows, increments: Array, alpha: float) -> Value:
    estimate, se = ratio(increments, np.ones_like(increments), rows.index, rows.people)
    found = effect(method, estimate, se, rows.people - 1, alpha)
    return Value(
        method=method, estimate=estimate, se=se, lower=found.lower, upper=found.upper, df=rows.people - 1,
        citizens=rows.people, decision_points=len(increments), ess=rows.ess, max_weight=float(rows.weights.max()),
        increments=increments, index=rows.index, alpha=alpha,
    )  # fmt: skip
