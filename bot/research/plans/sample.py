"""How many draws the smallest difference worth finding needs, and what the expected number of them could show."""

import math
from statistics import NormalDist
from typing import Any, Final

from bot.research.plans.choices import Choices

_NORMAL: Final = NormalDist()
#: Half of what is drawn is sent while nothing is learned yet.
_SENT: Final = 0.5


def sample(choices: Choices, *, send: bool, tones: int) -> dict[str, Any]:
    """For each comparison that is drawn: what is assumed, the draws needed, those expected, and the power they give.

    Two proportions compared on the scale of the log risk ratio (delta method), arms of equal size, draws independent:
    n per arm = (z(1 - alpha / 2) + z(power))² · ((1 - p0) / p0 + (1 - p1) / p1) / (ln p1 / p0)². With several tones
    alpha is that of Holm's first step. Draws of one person resemble each other, so the true number is somewhat higher.
    """
    draws = choices.people * choices.points
    found: dict[str, Any] = {"people": choices.people, "points": choices.points, "power": choices.power}
    if send and choices.send is not None:
        found["send"] = _needs(choices, choices.baseline_send, choices.ratio_send, arms=2, comparisons=1, draws=draws)
    if tones > 1 and choices.tone is not None:
        sent = draws * (_SENT if send else 1.0)
        found["tone"] = _needs(
            choices, choices.baseline_tone, choices.ratio_tone, arms=tones, comparisons=tones - 1, draws=sent
        )
    return found


def _needs(
    choices: Choices, baseline: float, ratio: float, *, arms: int, comparisons: int, draws: float
) -> dict[str, Any]:
    alpha = choices.alpha / comparisons
    spread = (1 - baseline) / baseline + (1 - baseline * ratio) / (baseline * ratio)
    effect = abs(math.log(ratio))
    margin = _NORMAL.inv_cdf(1 - alpha / 2)
    per_arm = (margin + _NORMAL.inv_cdf(choices.power)) ** 2 * spread / effect**2
    reached = _NORMAL.cdf(effect / math.sqrt(spread / (draws / arms)) - margin)
    return {
        "baseline": baseline,
        "ratio": ratio,
        "alpha": alpha,
        "per_arm": math.ceil(per_arm),
        "needed": math.ceil(per_arm) * arms,
        "expected": math.floor(draws),
        "power_expected": round(reached, 3),
    }
