"""What a policy version believes about wordings and about writing at all, and the exact chances that follow from it.

The mathematics is that of `learning.md` 1.1 (tone) and 1.2 layer B (whether to write now). A belief is a normal
distribution over the weights of named features; a feature that no row has had yet keeps its prior, which is exact
because the priors of the weights are independent. So a new language or theme needs no new version.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.polynomial.hermite import hermgauss
from numpy.polynomial.legendre import leggauss
from scipy.special import log_ndtr

from bot.core.facts import Tone, Values
from bot.core.sums import Others, Sums

ONE = "one"  # the feature that is 1 for everybody
DRIFT = 1e-9  # a sum of probabilities that is off by more is a fault, not rounding

R0 = 0.15  # interest per message that is supposed before anything is known
TONE_MEAN, TONE_SD = 0.15, 0.12
TONE_NOISE = 0.13  # variance of an outcome of 1 at 15 %, 0 else
TONE_SLOPE_SD = 0.01  # a point: nineteen wordings in the largest trial lay within three
SEND_SD = 0.15
SEND_NOISE = 0.20
SEND_SLOPE_SD = 0.05
RATE = "rate"  # somebody's own rate of interest counts as much as interest does, give or take
RATE_SD = 0.3
SLOPE = 30.0  # B: how sharply the chance of writing follows what it is believed to be worth
BASE_SD = 0.5  # of the weights that only explain how things go anyway

_NODES, _WEIGHTS = leggauss(64)
_LOG_WEIGHTS = np.log(_WEIGHTS)
_MARKS = np.array([-8.0, -2.5, 0.0, 2.5, 8.0])
_LOG_ROOT_TAU = 0.5 * math.log(math.tau)
_HERMITE = [(math.sqrt(2.0) * float(x), float(w) / math.sqrt(math.pi)) for x, w in zip(*hermgauss(5), strict=True)]


@dataclass(frozen=True, kw_only=True)
class Belief:
    """A normal distribution over the weights of `names`; any other feature's weight is N(0, `unseen_sd`²)."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    cov: tuple[tuple[float, ...], ...]
    unseen_sd: float

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def predict(self, features: Mapping[str, float]) -> tuple[float, float]:
        """Mean and standard deviation of the features' weighted sum."""
        seen = [(self._places[name], x) for name, x in features.items() if name in self._places]
        unseen = sum(x * x for name, x in features.items() if name not in self._places)
        mean = sum(self.mean[i] * x for i, x in seen)
        variance = self.unseen_sd**2 * unseen
        for i, x in seen:
            row = self.cov[i]
            variance += x * sum(row[j] * y for j, y in seen)
        return mean, math.sqrt(variance) if variance > 0 else math.nan


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One version: what was believed at `cutoff`, and the bounds within which it may act.

    `phase` 0: even chances, nothing learned is used; 1: wide floors while little is known; 2: afterwards. `eps` is the
    least probability of each eligible tone, `p_min` and `p_max` bound the chance of writing, `slope` is B. `cutoff` and
    `parent` are None for the prior alone. `s2_tone` and `s2_send` are residual variances, `r0` the pooled rate of
    interest, `n_tone` and `n_send` the rows that the two models were made from. `others` is what rows of other
    municipalities added to the prior; None: nothing.
    """

    tones: Mapping[Tone, Belief]
    send: Belief
    phase: int
    eps: float
    p_min: float
    p_max: float
    slope: float
    s2_tone: float
    s2_send: float
    r0: float
    cutoff: datetime | None
    n_tone: int
    n_send: int
    values: Values
    parent: str | None
    others: Others | None = None

    @cached_property
    def version(self) -> str:
        """The hash of everything in it: two versions with the same hash decide alike."""
        canonical = json.dumps(self.as_record(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; `from_record` makes the same policy of it, to the last bit."""
        return {
            "tones": {tone.value: _belief_record(belief) for tone, belief in sorted(self.tones.items())},
            "send": _belief_record(self.send),
            "phase": self.phase,
            "eps": self.eps,
            "p_min": self.p_min,
            "p_max": self.p_max,
            "slope": self.slope,
            "s2_tone": self.s2_tone,
            "s2_send": self.s2_send,
            "r0": self.r0,
            "cutoff": None if self.cutoff is None else self.cutoff.isoformat(),
            "n_tone": self.n_tone,
            "n_send": self.n_send,
            "values": asdict(self.values),
            "parent": self.parent,
            # A version without it has the hash that it had before there were others.
            **({} if self.others is None else {"others": self.others.as_record()}),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Policy":
        """The policy that `as_record` described. Raises KeyError, TypeError or ValueError for anything else."""
        cutoff, others = record["cutoff"], record.get("others")
        return cls(
            **{
                **record,
                "tones": {Tone(tone): _belief(belief) for tone, belief in record["tones"].items()},
                "send": _belief(record["send"]),
                "cutoff": None if cutoff is None else datetime.fromisoformat(cutoff),
                "values": Values(**record["values"]),
                "others": None if others is None else Others.from_record(others),
            }
        )


#: The bounds of each phase: learning.md 1.2. Phase 0 does not use them. Which phase it is, `lessons` says.
PHASES: Mapping[int, Mapping[str, float]] = {
    0: {"eps": 0.10, "p_min": 0.2, "p_max": 0.8},
    1: {"eps": 0.10, "p_min": 0.2, "p_max": 0.8},
    2: {"eps": 0.05, "p_min": 0.1, "p_max": 0.9},
}


def prior(values: Values) -> Policy:
    """The policy before any answer: even chances for everybody."""
    tone = Belief(names=(ONE,), mean=(TONE_MEAN,), cov=((TONE_SD**2,),), unseen_sd=TONE_SLOPE_SD)
    send = Belief(
        names=(ONE, RATE),
        mean=(0.0, values.interested),
        cov=((SEND_SD**2, 0.0), (0.0, RATE_SD**2)),
        unseen_sd=SEND_SLOPE_SD,
    )
    return Policy(
        tones=dict.fromkeys(Tone, tone),
        send=send,
        phase=0,
        **PHASES[0],
        slope=SLOPE,
        s2_tone=TONE_NOISE,
        s2_send=SEND_NOISE,
        r0=R0,
        cutoff=None,
        n_tone=0,
        n_send=0,
        values=values,
        parent=None,
        others=None,
    )


def tone_features(context: Mapping[str, float], tone: Tone) -> dict[str, float]:
    """What a tone's outcome is explained by: who chose what (segment), and how lately this tone was used."""
    features = {name: x for name, x in context.items() if ":" in name and x}
    worn = context.get(f"recent_{tone}", 0.0)
    if worn:
        features["recent"] = worn
    features[ONE] = 1.0
    return features


def send_features(context: Mapping[str, float]) -> dict[str, float]:
    """What the good of writing now is explained by."""
    features = {name: x for name, x in context.items() if not name.startswith("recent_") and x}
    features[ONE] = 1.0
    return features


def tone_odds(policy: Policy, context: Mapping[str, float], tones: Sequence[Tone]) -> dict[Tone, float]:
    """The probability of each of `tones` (distinct, at least one): Thompson sampling with a floor.

    They sum to one within 1e-12 and none is under `policy.eps`. Raises FloatingPointError when the beliefs give no
    numbers to draw from.
    """
    if len(tones) == 1 or policy.phase == 0:
        return dict.fromkeys(tones, 1 / len(tones))
    beliefs = [policy.tones[tone].predict(tone_features(context, tone)) for tone in tones]
    wins = best_odds(tuple(mean for mean, _ in beliefs), tuple(sd for _, sd in beliefs))
    total = math.fsum(wins)
    if not math.isfinite(total) or abs(total - 1.0) > DRIFT:
        raise FloatingPointError(f"the tones' probabilities sum to {total!r}")
    spare = 1.0 - len(tones) * policy.eps
    return {tone: policy.eps + spare * (win / total) for tone, win in zip(tones, wins, strict=True)}


@lru_cache(maxsize=4096)  # many people of a segment are alike to a version
def best_odds(means: tuple[float, ...], sds: tuple[float, ...]) -> tuple[float, ...]:
    """The probability of each of several independent normals to be the greatest, by quadrature, not renormalised.

    The range is cut at each arm's own marks with 64 Gauss-Legendre nodes on each piece, so that an arm that is known
    ten or a hundred times better than another is still resolved. NaN where a mean or deviation is not a number.
    """
    mu, sd = np.array(means), np.array(sds)
    if not (np.isfinite(mu).all() and np.isfinite(sd).all()):
        return (math.nan,) * len(means)
    marks = np.unique((mu[:, None] + sd[:, None] * _MARKS).ravel())
    half = np.diff(marks) / 2
    z = ((marks[:-1] + half)[:, None] + half[:, None] * _NODES).ravel()
    log_dz = (np.log(half)[:, None] + _LOG_WEIGHTS).ravel()
    u = (z - mu[:, None]) / sd[:, None]
    log_below = log_ndtr(u)
    log_density = -0.5 * u * u - _LOG_ROOT_TAU - np.log(sd)[:, None]
    wins = np.exp(log_density + log_below.sum(axis=0) - log_below + log_dz).sum(axis=1)
    return tuple(wins.tolist())


def send_odds(policy: Policy, context: Mapping[str, float]) -> float:
    """The probability of writing now, within [`p_min`, `p_max`]; a half in phase 0.

    Raises FloatingPointError when the belief gives no number.
    """
    if policy.phase == 0:
        return 0.5
    mean, sd = policy.send.predict(send_features(context))
    share = math.fsum(w * _expit(policy.slope * (mean + sd * x)) for x, w in _HERMITE)
    if not math.isfinite(share):
        raise FloatingPointError(f"the chance of writing is {share!r}")
    return min(policy.p_max, max(policy.p_min, policy.p_min + (policy.p_max - policy.p_min) * share))


def fit(sums: Sums, noise: float, *, start: Belief) -> Belief:
    """`start` after seeing the rows that `sums` stands for: the conjugate normal update with residual variance `noise`.

    `start` has independent weights. The result is rounded to twelve decimals, so that the linear algebra of another
    machine gives the same version.
    """
    whole = sums + Sums(
        names=start.names,
        xx=np.diag([noise / start.cov[place][place] for place in range(len(start.names))]),
        xy=np.array([noise * start.mean[place] / start.cov[place][place] for place in range(len(start.names))]),
        yy=0.0,
        weight=0.0,
        n=0,
    )
    unseen = np.array([0.0 if name in start.names else start.unseen_sd**-2 for name in whole.names])
    cov = np.linalg.inv(np.diag(unseen) + whole.xx / noise)
    mean = cov @ (whole.xy / noise)
    cov = np.round((cov + cov.T) / 2, 12)
    return replace(
        start,
        names=whole.names,
        mean=tuple(np.round(mean, 12).tolist()),
        cov=tuple(tuple(line) for line in cov.tolist()),
    )


def residual_variance(sums: Sums, belief: Belief) -> float:
    """The mean square of what `belief`, which was fitted to them, leaves unexplained of the rows."""
    at = [belief.names.index(name) for name in sums.names]
    mean = np.array(belief.mean)[at]
    return float(sums.yy - 2 * mean @ sums.xy + mean @ sums.xx @ mean) / sums.weight


def only(belief: Belief, *, prefix: str) -> Belief:
    """The belief about those of its weights alone whose name begins with `prefix`, without the prefix."""
    places = [place for place, name in enumerate(belief.names) if name.startswith(prefix)]
    return replace(
        belief,
        names=tuple(belief.names[i].removeprefix(prefix) for i in places),
        mean=tuple(belief.mean[i] for i in places),
        cov=tuple(tuple(belief.cov[i][j] for j in places) for i in places),
    )


def _expit(x: float) -> float:
    # math.exp overflows above 709; the chance is then nought or one to the last bit.
    return 0.0 if x < -700 else 1.0 / (1.0 + math.exp(-x))


def _belief_record(belief: Belief) -> dict[str, Any]:
    return {
        "names": list(belief.names),
        "mean": list(belief.mean),
        "cov": [list(line) for line in belief.cov],
        "unseen_sd": belief.unseen_sd,
    }


def _belief(record: Mapping[str, Any]) -> Belief:
    return Belief(
        names=tuple(record["names"]),
        mean=tuple(record["mean"]),
        cov=tuple(tuple(line) for line in record["cov"]),
        unseen_sd=record["unseen_sd"],
    )
