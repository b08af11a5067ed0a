"""How many draws the smallest difference worth finding needs, and what the expected number of them could show."""

import math
from typing import Any, Final

from bot.research.plans.choices import Choices
from bot.research.power import decisions_needed, power_of_ratio

#: Half of what is drawn is sent while nothing is learned yet; two tones are compared as evenly.
_HALF: Final = 0.5


def sample(choices: Choices, *, send: bool, tones: int) -> dict[str, Any]:
    """For each comparison that is drawn: what is assumed, the draws needed, those expected, and the power they give.

    By the formula of `bot.research.power` for a log risk ratio, draws independent and arms of equal size. With several
    tones alpha is that of Holm's first step. Draws of one person resemble each other, so the true number is higher.
    """
    draws = choices.people * choices.points
    found: dict[str, Any] = {"people": choices.people, "points": choices.points, "power": choices.power}
    if send and choices.send is not None:
        found["send"] = _needs(choices, choices.baseline_send, choices.ratio_send, arms=2, draws=draws)
    if tones > 1 and choices.tone is not None:
        sent = draws * (_HALF if send else 1.0)
        found["tone"] = _needs(choices, choices.baseline_tone, choices.ratio_tone, arms=tones, draws=sent)
    return found


def _needs(choices: Choices, baseline: float, ratio: float, *, arms: int, draws: float) -> dict[str, Any]:
    """`needed` and `expected` are of all arms together; each contrast has two of them. None: more than 10⁹."""
    alpha = choices.alpha / (arms - 1)
    pair = decisions_needed(baseline, ratio, p_send=_HALF, power=choices.power, alpha=alpha)
    power = power_of_ratio(baseline, ratio, decisions=draws * 2 / arms, p_send=_HALF, alpha=alpha)
    return {
        "baseline": baseline,
        "ratio": ratio,
        "alpha": alpha,
        "needed": None if pair is None else math.ceil(pair / 2) * arms,
        "expected": math.floor(draws),
        "power_expected": round(power, 3),
    }
