"""Confidence sequences: intervals that may be looked at after every message, as a dashboard is.

A fixed interval is right 95 times in 100 at one moment that was settled beforehand. A sequence is right at all moments
together, so one may look, wait and look again. All values are in the unit of what is handed in; `alpha` is the
probability of ever being wrong, two-sided.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.optimize.elementwise import find_root
from scipy.special import betaln, gammainc, gammaln, xlog1py, xlogy

from bot.research.estimators.faults import Faults

Array: TypeAlias = npt.NDArray[np.float64]

#: The asymptotic sequence is not shown before: on published data it excluded nought at the second value.
BURN_IN: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The running mean after `n` values, and where the true mean lies, in the unit of the values."""

    n: int
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """The same after the 1st, 2nd, … value; NaN where there are no bounds yet."""

    estimate: Array
    lower: Array
    upper: Array

    def last(self) -> Bounds | None:
        """The newest bounds; None where there are none."""
        if not self.estimate.size or not math.isfinite(self.lower[-1]):
            return None
        return Bounds(
            n=self.estimate.size,
            estimate=float(self.estimate[-1]),
            lower=float(self.lower[-1]),
            upper=float(self.upper[-1]),
        )


def mean_sequence(values: npt.ArrayLike, *, alpha: float = 0.05, t_opt: int) -> Bounds | None:
    """The asymptotic confidence sequence of the mean of `values`, in their order in time, as it stands now.

    None: under 200 values, or no two of them differ, so that nothing is known of their spread yet. `t_opt`: the number
    of values at which the bounds shall be narrowest. Raises FaultsError as `mean_path` does.
    """
    return mean_path(values, alpha=alpha, t_opt=t_opt).last()


def mean_path(values: npt.ArrayLike, *, alpha: float = 0.05, t_opt: int) -> Path:
    """The asymptotic confidence sequence of the mean after each of `values`.

    mean ± sd·√( 2(tr+1)/(t²r) · ln(√(tr+1)/alpha) ), r = (−2 ln alpha + ln(1 − 2 ln alpha))/t_opt, with sd the running
    standard deviation (division by t). Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central
    limit theory and asymptotic confidence sequences" (Annals of Statistics, 2024), theorem 2.2. The values may be
    increments of a doubly robust estimate under a changing policy whose probabilities are known; it is then about the
    mean of their conditional means. Raises FaultsError for values that are no numbers, and for `alpha` or `t_opt` out
    of range.
    """
    x = _checked(values, alpha, "t_opt", t_opt)
    t = np.arange(1.0, x.size + 1)
    shift = x.mean() if x.size else 0.0  # so that the squares do not cancel where the mean is far from nought
    mean = np.cumsum(x - shift) / t
    sd = np.sqrt(np.maximum(np.cumsum((x - shift) ** 2) / t - mean**2, 0.0))
    log_alpha = math.log(alpha)
    r = (-2 * log_alpha + math.log(1 - 2 * log_alpha)) / t_opt
    radius = sd * np.sqrt(2 * (t * r + 1) / (t**2 * r) * (0.5 * np.log(t * r + 1) - log_alpha))
    differ = np.cumsum(np.concatenate(([False], np.diff(x) != 0))[: x.size]) > 0
    radius[(t < BURN_IN) | ~differ] = np.nan
    return Path(estimate=mean + shift, lower=mean + shift - radius, upper=mean + shift + radius)


def bounded_sequence(
    values: npt.ArrayLike, *, low: float, high: float, v_opt: float, alpha: float = 0.05, alpha_opt: float = 0.05
) -> Bounds | None:
    """As `bounded_path`, now; with the running mean of the values before as the prediction of each. None: no values."""
    x = np.asarray(values, dtype=float).ravel()
    before = np.concatenate(([(low + high) / 2], np.cumsum(x)[:-1] / np.arange(1, x.size))) if x.size else x
    return bounded_path(x, before, low=low, high=high, v_opt=v_opt, alpha=alpha, alpha_opt=alpha_opt).last()


def bounded_path(
    values: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    low: float,
    high: float,
    v_opt: float,
    alpha: float = 0.05,
    alpha_opt: float = 0.05,
) -> Path:
    """A confidence sequence of the mean that holds from the first value on, for values that lie in [`low`, `high`].

    Empirical Bernstein with a gamma-exponential mixture: S = Σ values, V = Σ (values − predictions)², c = high − low,
    mean ± `gamma_exponential_bound`(V, alpha/2, v_opt, c)/t, cut to [low, high]. Each prediction may know only what
    came before its value. `v_opt`: the V at which the bounds shall be narrowest; the mixture is tuned at the level
    `alpha_opt`/2. Source: Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
    sequences" (Annals of Statistics, 2021), theorem 4 and proposition 9. Raises FaultsError for values out of range.
    """
    faults = Faults()
    if not low < high:
        faults.add("low, high", (low, high), "give the least and the greatest value that can occur")
    x, guess = np.asarray(values, dtype=float).ravel(), np.asarray(predictions, dtype=float).ravel()
    faults.same_length({"values": x, "predictions": guess})
    for name, column in (("values", x), ("predictions", guess)):
        faults.where(name, column, ~((column >= low) & (column <= high)), f"must lie within [{low}, {high}]")
    faults.alpha("alpha_opt", alpha_opt)
    _check_level(faults, alpha, "v_opt", v_opt)
    faults.end()
    t = np.arange(1.0, x.size + 1)
    mean = np.cumsum(x) / t
    spread = np.cumsum((x - guess) ** 2)
    radius = gamma_exponential_bound(spread, alpha / 2, v_opt=v_opt, c=high - low, alpha_opt=alpha_opt / 2) / t
    return Path(estimate=mean, lower=np.maximum(mean - radius, low), upper=np.minimum(mean + radius, high))


def proportion_sequence(successes: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Lower and upper bound of a proportion (0 to 1) after `n` trials; right at all n together, from the first on.

    All p with B(s+½, n−s+½)/B(½, ½) · p^−s (1−p)^−(n−s) < 1/alpha: the beta-binomial mixture, a martingale when each
    trial succeeds with probability p whatever came before. Source: Robbins, "Statistical methods related to the law of
    the iterated logarithm" (Annals of Mathematical Statistics, 1970); Howard et al. (2021), proposition 7. For a
    chance that changes in time use `bounded_sequence`. Raises FaultsError unless 0 ≤ successes ≤ n.
    """
    faults = Faults()
    if not 0 <= successes <= n:
        faults.add("successes", successes, f"must lie between 0 and n, which is {n}")
    faults.alpha("alpha", alpha)
    faults.end()
    if n == 0:
        return 0.0, 1.0
    mixed = float(betaln(successes + 0.5, n - successes + 0.5) - betaln(0.5, 0.5)) + math.log(alpha)

    def above(p: float) -> float:
        return mixed - float(xlogy(successes, p) + xlog1py(n - successes, -p))

    rate = successes / n
    lower = 0.0 if successes == 0 else _root(above, 0.0, rate)
    upper = 1.0 if successes == n else _root(above, rate, 1.0)
    return lower, upper


def gamma_exponential_log_mixture(
    s: npt.ArrayLike, v: npt.ArrayLike, *, v_opt: float, c: float, alpha_opt: float = 0.05
) -> Array:
    """The logarithm of the gamma-exponential mixture supermartingale at sum `s` and intrinsic time `v`.

    For sums whose increments have scale `c`; tuned by ρ = v_opt/(2 ln(1/2a) + ln(1 + 2 ln(1/2a))), a = `alpha_opt`.
    exp of its negative is an always-valid p-value of "the mean is not above nought". Source: Howard et al. (2021),
    proposition 9.
    """
    s, v = np.asarray(s, dtype=float), np.asarray(v, dtype=float)
    double = math.log(1 / (2 * alpha_opt))
    rho = v_opt / (2 * double + math.log(1 + 2 * double))
    start, now = rho / c**2, (v + rho) / c**2
    reach = (c * s + v) / c**2
    leading = start * math.log(start) - float(gammaln(start)) - math.log(float(gammainc(start, start)))
    # Far below nought there is no number, and nothing that speaks against the hypothesis either.
    with np.errstate(invalid="ignore", divide="ignore"):
        found = leading + gammaln(now) + np.log(gammainc(now, reach + start)) - now * np.log(reach + start) + reach
    return np.where(reach + start > 0, found, -np.inf)


def gamma_exponential_bound(
    v: npt.ArrayLike, alpha: float, *, v_opt: float, c: float, alpha_opt: float = 0.05
) -> Array:
    """The sum that a process with intrinsic times `v` ever exceeds with probability `alpha` at most, one-sided."""
    v = np.atleast_1d(np.asarray(v, dtype=float))
    wanted = math.log(1 / alpha)

    def excess(s: Array, v: Array) -> Array:
        return gamma_exponential_log_mixture(s, v, v_opt=v_opt, c=c, alpha_opt=alpha_opt) - wanted

    high = np.maximum(v, c)
    while (low := excess(high, v) <= 0).any():
        high = np.where(low, 2 * high, high)
    found = find_root(excess, (np.zeros_like(v), high), args=(v,), tolerances={"xrtol": 1e-13, "xatol": 1e-13})
    return np.asarray(found.x, dtype=float)


def _root(function: object, low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-12))


def _checked(values: npt.ArrayLike, alpha: float, name: str, optimum: float) -> Array:
    faults = Faults()
    x = np.asarray(values, dtype=float).ravel()
    faults.where("values", x, ~np.isfinite(x), "must be numbers")
    _check_level(faults, alpha, name, optimum)
    faults.end()
    return x


def _check_level(faults: Faults, alpha: float, name: str, optimum: float) -> None:
    faults.alpha("alpha", alpha)
    if not optimum > 0:
        faults.add(name, optimum, "must be above nought")
