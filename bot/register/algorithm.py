"""What the algorithm is: all that decides how chances follow from answers, but not what was learned from them."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.core import guardrails, lessons, policy
from bot.core.beliefs import PHASES, send_features, tone_features
from bot.core.facts import Campaign, Citizen, Learning, Rules, Tone, Values
from bot.wording import Wording

_SOME: Final = "some"
_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
#: Weights are values that people sign; who signed them, and what the version is called, decides nothing.
_WEIGHTS: Final = ("interested", "unwelcome", "stop", "per_send", "per_dose")


def configuration(wording: Wording) -> dict[str, Any]:
    """The algorithm in JSON: its declared version, what it looks at, phases and floors, priors, values, guards."""
    return wording.once(("algorithm", "configuration"), lambda: _configuration(wording))


def fingerprint(wording: Wording) -> str:
    """SHA-256 in hex of the configuration. It changes with the algorithm, never with a week's learning."""
    return wording.once(("algorithm", "fingerprint"), lambda: _hashed(configuration(wording)))


def features() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the models of tone and of sending look at, as the code has it: names of numbers, a colon's rest left out."""
    prior = policy.prior(Values(version="", signed_by=None))
    citizen = Citizen(id="", language=_SOME, zone="UTC", active=True, tone=Tone.NEUTRAL)
    campaign = Campaign(
        id="", card="", theme=_SOME, variants=(), languages=frozenset(), linked_only=False, starts_at=_MOMENT,
        ends_at=_MOMENT, learning=Learning.ADAPTIVE, running=True,
    )  # fmt: skip
    seen = policy.context(citizen, campaign, Rules(), prior, _MOMENT, window_end=_MOMENT)
    whole = dict.fromkeys(seen, 1.0)  # a feature that is nought for somebody is one all the same
    tone = {name.partition(":")[0] for name in tone_features(whole, Tone.NEUTRAL)}
    send = {name.partition(":")[0] for name in send_features(whole)}
    return tuple(sorted(tone)), tuple(sorted(send))


def _configuration(wording: Wording) -> dict[str, Any]:
    values, rules = wording.values, wording.rules
    tone, send = features()
    weights = asdict(values)
    prior = policy.prior(values, wording.others).as_record()
    return {
        "algorithm": policy.ALGORITHM,
        "tone_features": list(tone),
        "send_features": list(send),
        "tones": [str(tone) for tone in Tone],
        "phases": {str(phase): dict(bounds) for phase, bounds in sorted(PHASES.items())},
        "first_sends": lessons.FIRST_SENDS,
        "enough_sends": lessons.ENOUGH_SENDS,
        "memory_a_week": lessons.MEMORY_A_WEEK,
        "rate_weight": policy.RATE_WEIGHT,
        "lottery_again_days": policy.LOTTERY_AGAIN / timedelta(days=1),
        "stale_days": policy.STALE / timedelta(days=1),
        "holdout": {"share": policy.HOLDOUT_SHARE, "gap_days": policy.HOLDOUT_GAP / timedelta(days=1)},
        "window_days": rules.window / timedelta(days=1),
        "guardrails": {
            "stops_per_thousand": rules.stops_per_thousand,
            "alarm": guardrails.ALARM,
            "higher": list(guardrails.HIGHER),
            "stops_in_a_row": [guardrails.STOPS, guardrails.IN_A_ROW],
            "chances_broken": guardrails.BROKEN,
        },
        "slope": prior["slope"],
        "prior": {name: prior[name] for name in ("tones", "send", "s2_tone", "s2_send", "r0")},
        "values": {name: weights[name] for name in _WEIGHTS},
    }


def _hashed(record: dict[str, Any]) -> str:
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
