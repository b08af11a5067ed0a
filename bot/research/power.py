"""How many messages it takes to see a difference, and which difference a number of messages can show.

Rates and differences are shares (0.05 is five points). Tests are two-sided. Where people decide before a trial, they
should look at `detectable_difference` for what the town will send in a year: small towns cannot see small differences.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from bot.research.estimators.faults import Faults
from bot.research.estimators.variance import by_person, numbered

_MOST = 10**9  # more messages than this are told as "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Town:
    """What planning needs of a town's own answers.

    `rate`: share of messages with the outcome. `per_person`: messages per person who got any; `spread`: their standard
    deviation over their mean. `icc`: how much one person's answers go together, 0 (not) to 1 (always the same).
    """

    rate: float
    per_person: float
    spread: float
    icc: float
    citizens: int
    messages: int


def town(outcome: npt.ArrayLike, *, id: npt.ArrayLike) -> Town:  # noqa: A002 - as in the export's views
    """A town's own numbers from one row for each message: `outcome` 0 or 1 and the person.

    The ICC is the one-way analysis of variance's, (MSB − MSW)/(MSB + (m₀ − 1) MSW) with m₀ = (N − Σm²/N)/(k − 1), cut
    to 0 to 1. Source: Donner and Klar, "Design and analysis of cluster randomization trials" (2000); for binary
    outcomes Ridout, Demétrio and Firth (Biometrics, 1999). It is 0 when nobody got two messages. Raises FaultsError
    for unfit columns and fewer than two people.
    """
    faults = Faults()
    y = np.asarray(outcome, dtype=float)
    faults.same_length({"outcome": y, "id": np.asarray(id)})
    faults.where("outcome", y, ~np.isin(y, (0, 1)), "must be 0 or 1")
    index, people = numbered(id)
    if people < 2:
        faults.add("id", f"{people} people", "at least 2 are needed")
    faults.end()
    count, positive = by_person(np.column_stack((np.ones_like(y), y)), index, people).T
    own, rate = positive / count, float(y.mean())
    between = float((count * (own - rate) ** 2).sum()) / (people - 1)
    within = float((positive * (1 - own)).sum()) / max(1, len(y) - people)
    usual = (len(y) - float((count**2).sum()) / len(y)) / (people - 1)
    total = between + (usual - 1) * within
    icc = (between - within) / total if len(y) > people and total > 0 else 0.0
    return Town(
        rate=rate, per_person=float(count.mean()), spread=float(count.std() / count.mean()),
        icc=min(1.0, max(0.0, icc)), citizens=people, messages=len(y),
    )  # fmt: skip


def design_effect(numbers: Town, *, drawn_for: Literal["message", "person"]) -> float:
    """How many times more messages it takes than if each were another person's.

    Drawn for each person (the hold-out): 1 + ((spread² + 1) per_person − 1) icc; Eldridge, Ashby and Kerry
    (International Journal of Epidemiology, 2006). Drawn for each message anew (tones, the lottery): 1, since who
    answers much then answers much in both arms; it is more only when people differ in how much a wording moves them.
    """
    if drawn_for == "message":
        return 1.0
    return 1 + max(0.0, (numbers.spread**2 + 1) * numbers.per_person - 1) * numbers.icc


def power_of_difference(
    rate: float,
    difference: float,
    *,
    first: float,
    second: float,
    design_effect: float = 1.0,
    comparisons: int = 1,
    alpha: float = 0.05,
) -> float:
    """The chance to see a second arm that is `difference` better (below 0: worse) than `rate`, from that many messages.

    z-test of two shares, pooled under no difference: Φ((|d| − z√(p̄(1−p̄)(1/n₁+1/n₂)))/√(p₁(1−p₁)/n₁ + p₂(1−p₂)/n₂)),
    with messages divided by the design effect and alpha by `comparisons` (Bonferroni; Holm never does worse). Source:
    Fleiss, Levin and Paik, "Statistical methods for rates and proportions" (2003), chapter 4.
    """
    _check(rate=rate, first=first, second=second, design_effect=design_effect, comparisons=comparisons, alpha=alpha)
    other = rate + difference
    if not 0 <= other <= 1:
        _fail("difference", difference, f"must leave a share between 0 and 1 beside a rate of {rate}")
    n1, n2 = first / design_effect, second / design_effect
    pooled = (n1 * rate + n2 * other) / (n1 + n2)
    null = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    spread = math.sqrt(rate * (1 - rate) / n1 + other * (1 - other) / n2)
    z = float(-ndtri(alpha / comparisons / 2))
    return float(ndtr((abs(difference) - z * null) / spread))


def messages_needed(
    rate: float,
    difference: float,
    *,
    share: float = 0.5,
    design_effect: float = 1.0,
    comparisons: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> tuple[int, int] | None:
    """Messages for the first and for the second arm to see `difference` with that power, whichever way it goes.

    `share`: of all messages of the two, the second arm's. The direction that takes more counts, of those that leave a
    share between 0 and 1. None: more than 10⁹.
    """
    _check(rate=rate, share=share, design_effect=design_effect, comparisons=comparisons, power=power, alpha=alpha)
    if not difference or not _ways(rate, difference):
        _fail("difference", difference, f"must be no nought and leave a share between 0 and 1 beside a rate of {rate}")

    def least(total: float) -> float:
        return _weakest(
            rate, difference, first=total * (1 - share), second=total * share, design_effect=design_effect,
            comparisons=comparisons, alpha=alpha,
        )  # fmt: skip

    total = _total(least, power)
    return None if total is None else (math.ceil(total * (1 - share)), math.ceil(total * share))


def detectable_difference(
    rate: float,
    *,
    first: float,
    second: float,
    design_effect: float = 1.0,
    comparisons: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float | None:
    """The least difference that so many messages show with that power, whichever way it goes; None: none does."""
    _check(rate=rate, first=first, second=second, design_effect=design_effect, comparisons=comparisons, power=power,
           alpha=alpha)  # fmt: skip

    def lacking(difference: float) -> float:
        return power - _weakest(
            rate, difference, first=first, second=second, design_effect=design_effect, comparisons=comparisons,
            alpha=alpha,
        )  # fmt: skip

    furthest = max(rate, 1 - rate) - 1e-9
    # Past its own edge a direction no longer counts, so each stretch is looked at by itself.
    for low, high in ((1e-9, min(rate, 1 - rate) - 1e-9), (min(rate, 1 - rate), furthest)):
        if low < high and lacking(high) <= 0:
            return _root(lacking, low, high, within=1e-9) if lacking(low) > 0 else low
    return None


def power_of_ratio(
    held: float,
    ratio: float,
    *,
    decisions: float,
    p_send: float,
    design_effect: float = 1.0,
    alpha: float = 0.05,
) -> float:
    """The chance to see that writing multiplies the chance of an outcome by `ratio`, from so many available decisions.

    `held` is that chance when it is held, `p_send` the (mean) probability of writing. The test of EMEE's log relative
    risk, whose variance is ((1−p₁)/(p₁ p_send) + (1−p₀)/(p₀ (1−p_send)))/decisions, p₁ = held · ratio. Source: Cohn,
    Qian and Murphy, "Sample size considerations for micro-randomized trials with binary proximal outcomes" (Statistics
    in Medicine, 2023), for a constant effect.
    """
    _check(rate=held, share=p_send, first=decisions, design_effect=design_effect, alpha=alpha)
    sent = held * ratio
    if not (ratio > 0 and sent < 1):
        _fail("ratio", ratio, f"must be above 0 and leave a share below 1 beside {held}")
    variance = ((1 - sent) / (sent * p_send) + (1 - held) / (held * (1 - p_send))) * design_effect / decisions
    return float(ndtr(abs(math.log(ratio)) / math.sqrt(variance) + ndtri(alpha / 2)))


def decisions_needed(
    held: float,
    ratio: float,
    *,
    p_send: float,
    design_effect: float = 1.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """Available decisions to see that writing multiplies the outcome's chance by `ratio`. None: more than 10⁹."""
    _check(rate=held, share=p_send, design_effect=design_effect, power=power, alpha=alpha)
    if ratio == 1:
        _fail("ratio", ratio, "must differ from 1")
    total = _total(
        lambda n: power_of_ratio(held, ratio, decisions=n, p_send=p_send, design_effect=design_effect, alpha=alpha),
        power,
    )
    return None if total is None else math.ceil(total)


def _ways(rate: float, difference: float) -> list[float]:
    """The directions that leave a share between 0 and 1."""
    return [way for way in (abs(difference), -abs(difference)) if 0 < rate + way < 1]


def _weakest(rate: float, difference: float, **rest: Any) -> float:
    """The power in the direction that takes more messages; `rest` is for `power_of_difference`."""
    return min(power_of_difference(rate, way, **rest) for way in _ways(rate, difference))


def _total(power_at: Callable[[float], float], power: float) -> float | None:
    """The least total that reaches `power`, up to a fraction of a message."""
    high = 4.0
    while power_at(high) < power:
        high *= 2
        if high > _MOST:
            return None
    return _root(lambda total: power_at(total) - power, 1e-6, high, within=1e-6)


def _root(of: Callable[[float], float], low: float, high: float, *, within: float) -> float:
    from scipy.optimize import brentq  # noqa: PLC0415 - 24 MB, and the console has these pages whether read or not

    return float(brentq(of, low, high, xtol=within))


def _check(
    *,
    rate: float,
    share: float = 0.5,
    first: float = 1.0,
    second: float = 1.0,
    design_effect: float = 1.0,
    comparisons: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> None:
    faults = Faults()
    for name, value in (("rate", rate), ("share", share), ("power", power), ("alpha", alpha)):
        if not 0 < value < 1:
            faults.add(name, value, "must lie between 0 and 1")
    for name, value in (("first", first), ("second", second)):
        if not value > 0:
            faults.add(name, value, "must be above 0")
    if not design_effect >= 1 / 1000:
        faults.add("design_effect", design_effect, "must be above 0; 1 when each message is another person's")
    if comparisons < 1:
        faults.add("comparisons", comparisons, "must be 1 or more")
    if 0 < alpha < 1 and 0 < power < 1 and power <= alpha:
        faults.add("power", power, f"must be above alpha, which is {alpha}")
    faults.end()


def _fail(name: str, value: float, mend: str) -> None:
    faults = Faults()
    faults.add(name, value, mend)
    faults.end()
