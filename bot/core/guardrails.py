"""What watches over sending and learning: more stops than people bargained for, and chances that are not kept.

All of it may be looked at after every message: an e-process is a bet against the thing that should hold, and when that
holds the bet reaches 1/α with a chance of at most α, ever (Ville's inequality). `learning.md` 3.4 has the formulas.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Numbers = NDArray[np.float64]

#: A bet that grew so much is no chance any more: 1 in 20, however often one looks.
ALARM: Final = 20.0
#: The same for chances that are not kept, 1 in 100: several such bets run side by side, for years.
BROKEN: Final = 100.0
#: How many times as high as it may be, or as low, the rate is supposed to be by the bets.
HIGHER: Final = (1.25, 1.5, 2.0, 3.0, 4.0)
LOWER: Final = tuple(1 / times for times in HIGHER)
#: So many stops in so many messages in a row pause at once; the bets are too slow for a small town.
STOPS: Final = 3
IN_A_ROW: Final = 50
#: The stakes of the bets that what is drawn does not follow its chances; one for each direction.
STAKES: Final = (-0.5, -0.2, -0.05, 0.05, 0.2, 0.5)


def evidence(count: int, of: int, rate: float, times: Sequence[float] = HIGHER) -> float:
    """E_n: how much `count` among `of` speaks against a rate of at most `rate`; with `LOWER`, of at least `rate`.

    The mean over q = rate × `times` of (q/rate)^count × ((1-q)/(1-rate))^(of-count); rates of 1 and above are left out.
    Infinite where it is beyond a double. `rate` lies strictly between 0 and 1.
    """
    bets = [
        count * math.log(q / rate) + (of - count) * math.log((1 - q) / (1 - rate))
        for q in (rate * factor for factor in times)
        if q < 1
    ]
    return _mean_of(bets)


def too_close(stopped: Iterable[bool], stops: int = STOPS, among: int = IN_A_ROW) -> bool:
    """Whether `stops` of any `among` messages in a row, in the order of sending, were followed by a stop."""
    places = [place for place, it in enumerate(stopped) if it]
    return any(last - first < among for first, last in zip(places, places[stops - 1 :], strict=False))


def wagered(chances: Numbers, came: Numbers, before: Sequence[float] | None = None) -> list[float]:
    """The logarithms of the bets, one for each of `STAKES`, that `came` (0 or 1) does not have these `chances`.

    Π (1 + stake × (came - chance)), from `before` on; each has mean 1 as long as every chance was as it was written
    down, whatever decided about it.
    """
    gains = np.log1p(np.outer(STAKES, came - chances)).sum(axis=1)
    return [float(gain) for gain in gains + (np.zeros(len(STAKES)) if before is None else np.asarray(before))]


def broken(*bets: Sequence[float]) -> float:
    """How much the bets of `wagered` together speak against the chances being kept; `BROKEN` is an alarm."""
    return _mean_of([bet for some in bets for bet in some])


def share_at_clip(chances: Numbers, least: float, most: float) -> float:
    """Which share of chances lies at a bound; NaN without any. There the policy would go on and may not."""
    if not len(chances):
        return math.nan
    return float(np.mean((chances <= least + 1e-9) | (chances >= most - 1e-9)))


def effective_size(chances: Numbers) -> float:
    """As how many evenly drawn decisions these count, of which each came with its chance: (Σw)²/Σw², w = 1/chance."""
    weights = 1 / chances
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(chances) else 0.0


def bounds(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Between what a rate lies that was seen `count` times `of`: Clopper and Pearson's exact interval, for one look."""
    side = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, of - count + 1, side))
    high = 1.0 if count == of else float(betaincinv(count + 1, of - count, 1 - side))
    return low, high


def _mean_of(logs: Sequence[float]) -> float:
    """The mean of what these are the logarithms of; infinite beyond a double."""
    most = max(logs)
    mean = most + math.log(math.fsum(math.exp(one - most) for one in logs) / len(logs))
    return math.exp(mean) if mean < 700 else math.inf
