"""What estimators hand back: an effect with its interval, and the fit that it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from bot.research.estimators.faults import Faults

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One number with its standard error, its interval and the two-sided p-value of "it is nought", by t with `df`.

    The unit is that of the fit: the outcome's own for WCLS, a log relative risk for EMEE (exp gives the ratio).
    """

    name: str
    estimate: float
    se: float
    lower: float
    upper: float
    df: float
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Test:
    """Hotelling's test that several effects are nought together: F = T²/adj with `df1` and `df2`."""

    __test__ = False  # pytest shall not take it for one of its own

    statistic: float
    df1: int
    df2: int
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """An effect for each treatment and moderator; `controls` only make it more precise and mean nothing by themselves.

    `citizens` and `decision_points` count those that were available. `df` is citizens less coefficients. `covariance`
    is that of `controls`, then `effects`: cluster-robust, with the small-sample correction.
    """

    effects: tuple[Effect, ...]
    controls: tuple[Effect, ...]
    covariance: Array
    citizens: int
    decision_points: int
    df: int
    alpha: float

    def contrast(self, weights: Mapping[str, float], *, name: str) -> Effect:
        """The weighted sum of effects, such as {"warm": 1, "plain": -1}. Raises FaultsError for unknown names."""
        names = [effect.name for effect in self.effects]
        faults = Faults()
        for key in weights:
            if key not in names:
                faults.add("weights", key, f"must be one of {', '.join(names)}")
        faults.end()
        row = np.array([weights.get(key, 0.0) for key in names])
        block = self._block()
        estimate = float(row @ [effect.estimate for effect in self.effects])
        return effect(name, estimate, float(np.sqrt(row @ block @ row)), self.df, self.alpha)

    def jointly(self, names: Sequence[str] | None = None) -> Test:
        """Whether the named effects (None: all) are nought together.

        T² = b'V⁻¹b, F = T²/adj with df1 = their number, df2 = `df`, adj = df1(df1 + df2 − 1)/df2. Source: Liao,
        Klasnja, Tewari and Murphy, "Sample size calculations for micro-randomized trials in mHealth" (Statistics in
        Medicine, 2016).
        """
        places = [i for i, one in enumerate(self.effects) if names is None or one.name in names]
        found = np.array([self.effects[i].estimate for i in places])
        t2 = float(found @ np.linalg.solve(self._block()[np.ix_(places, places)], found))
        df1, df2 = len(places), self.df
        statistic = t2 * df2 / (df1 * (df1 + df2 - 1))
        return Test(statistic=statistic, df1=df1, df2=df2, p_value=float(stats.f.sf(statistic, df1, df2)))

    def _block(self) -> Array:
        start = len(self.controls)
        return self.covariance[start:, start:]


def effect(name: str, estimate: float, se: float, df: float, alpha: float) -> Effect:
    """With the interval estimate ± t(1 − alpha/2; df)·se."""
    reach = float(stats.t.ppf(1 - alpha / 2, df)) * se
    p_value = float(2 * stats.t.sf(abs(estimate) / se, df)) if se > 0 else float(estimate == 0)
    return Effect(
        name=name, estimate=estimate, se=se, lower=estimate - reach, upper=estimate + reach, df=df, p_value=p_value
    )


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values that may all be read together: Holm (1979), step-down, each at most 1.

    The k-th smallest of m is multiplied by m − k + 1, and none is less than the one before it.
    """
    adjusted, highest = {}, 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda one: one[1])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}
