"""The plan itself: what a campaign's trial is, from its definition and the configuration that runs it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot import __version__, campaigns
from bot.campaigns import CampaignFile
from bot.core import lessons, policy
from bot.core.beliefs import PHASES
from bot.core.facts import Learning, Reason, Tone
from bot.research.plans.choices import Choices, Outcome
from bot.store.tables import CampaignRow
from bot.wording import Wording, with_own

SCHEMA: Final = "handreiking-plan-1"
#: The numerator of the weights for sending: a fixed number, so that the estimand does not depend on what was learned.
REFERENCE_SEND: Final = 0.5

#: So long after somebody's first consent it is looked at whether any is in force.
AFTER_DAYS: Final = 365

#: What the gate asks, in its order; what it refuses is a row without a propensity.
_UNAVAILABLE: Final = tuple(reason for reason in Reason if reason not in {Reason.LOTTERY, Reason.HOLDOUT})


def tones_of(file: CampaignFile, wording: Wording) -> list[Tone]:
    """The tones of the campaign's wordings that can still be said, neutral first: it is what others are compared to."""
    said = with_own(wording, file.wordings)
    found = {said.variants[name].tone for name in file.variants if name in said.variants}
    return [tone for tone in Tone if tone in found]


def drawn(file: CampaignFile, wording: Wording) -> tuple[bool, bool]:
    """Whether writing is drawn, and whether the tone is: a fixed campaign holds nobody, and one tone is no choice."""
    return file.learning is not Learning.FIXED, len(tones_of(file, wording)) > 1


def primaries(file: CampaignFile, wording: Wording, choices: Choices) -> list[dict[str, Any]]:
    """The primary estimands. None about what is not drawn."""
    tones = tones_of(file, wording)
    send_is_drawn, tone_is_drawn = drawn(file, wording)
    found: list[dict[str, Any]] = []
    if choices.send is not None and send_is_drawn:
        found.append(_of_sending(choices.send))
    if choices.tone is not None and tone_is_drawn:
        found += [_of_tone(tone, tones[0], choices.tone, len(tones)) for tone in tones[1:]]
    return found


def analysed_on(file: CampaignFile, wording: Wording, choices: Choices) -> date:
    """The first day on which primary results may be looked at."""
    closes = file.period.until + timedelta(days=wording.rules.window.days + 1)
    return choices.analysed_on or closes


def record(
    row: CampaignRow,
    wording: Wording,
    choices: Choices,
    *,
    version: int,
    began: datetime | None,
    policies: list[dict[str, Any]],
    guardrails: Mapping[str, Any],
    sample: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole plan as JSON. `began`: the first decision of this campaign at which something was drawn.

    `policies` are the policy versions that decided in it so far, oldest first.
    """
    file = campaigns.file_of(row)
    said = with_own(wording, file.wordings)
    tones = tones_of(file, wording)
    send_is_drawn, tone_is_drawn = drawn(file, wording)
    zone = ZoneInfo(wording.municipality.zone)
    rules, values = wording.rules, wording.values
    day = analysed_on(file, wording, choices)
    return {
        "schema": SCHEMA,
        "version": version,
        "program": __version__,
        "algorithm": policy.ALGORITHM,
        "municipality": wording.municipality.name,
        "title": f"Micro-randomised trial of the campaign “{file.title}”",
        "question": choices.question,
        "remarks": choices.remarks,
        "registered": {"first_draw": None if began is None else began.isoformat()},
        "campaign": {
            "id": file.id,
            "title": file.title,
            "card": file.card,
            "card_version": None if file.card not in wording.cards else wording.cards[file.card].facts().version,
            "sensitivity": None
            if file.card not in wording.cards
            else str(wording.cards[file.card].facts().sensitivity),
            "content_hash": campaigns.hash_of(row, wording),
            "definition": file.definition(),
            "from": file.period.first.isoformat(),
            "until": file.period.until.isoformat(),
            "languages": list(file.languages),
            "learning": str(file.learning),
        },
        "points": {"again_after_days": policy.LOTTERY_AGAIN.days, "zone": wording.municipality.zone},
        "unavailable": [str(reason) for reason in _UNAVAILABLE],
        "bounds": _bounds(asdict(rules)),
        "arms": {
            "wordings": [
                {
                    "id": name,
                    "tone": str(said.variants[name].tone),
                    "hashes": {
                        language: said.wording_hash(name, language)
                        for language in file.languages
                        if language in said.variants[name].languages
                    },
                }
                for name in sorted(file.variants)
                if name in said.variants
            ],
            "tones": [str(tone) for tone in tones],
            "reference_tone": str(tones[0]) if tones else None,
        },
        "randomisation": {
            "send_is_drawn": send_is_drawn,
            "tone_is_drawn": tone_is_drawn,
            "phases": [{"phase": number, **bounds} for number, bounds in sorted(PHASES.items())],
            "first_sends": lessons.FIRST_SENDS,
            "enough_sends": lessons.ENOUGH_SENDS,
            "slope": policy.prior(values).slope,
            "holdout_share": policy.HOLDOUT_SHARE,
            "holdout_gap_days": policy.HOLDOUT_GAP.days,
        },
        "window_days": rules.window.days,
        "estimands": {
            "alpha": choices.alpha,
            "reference_send": REFERENCE_SEND,
            "primary": primaries(file, wording, choices),
            "looks_early": choices.looks_early,
        },
        "moderators": ["decision_index", "f_dose", "f_language", "f_prefers"],
        "distal": {"after_days": AFTER_DAYS, "of": "everybody"},
        "sample": dict(sample),
        "guardrails": dict(guardrails),
        "values": asdict(values),
        "policies": policies,
        "analysed_on": day.isoformat(),
        "analysed_from": datetime.combine(day, time(), zone).isoformat(),
    }


def canonical(plan: Mapping[str, Any]) -> str:
    """The plan as the JSON that its hash is of: sorted keys, no spaces."""
    return json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(plan: Mapping[str, Any]) -> str:
    """SHA-256 in hex of a plan's canonical JSON in UTF-8."""
    return hashlib.sha256(canonical(plan).encode()).hexdigest()


def _of_sending(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": f"send.{outcome}",
        "family": "send",
        "outcome": str(outcome),
        "treated": "send",
        "reference": "hold",
        "estimator": "EMEE",
        "measure": "log risk ratio",
        "correction": None,
    }


def _of_tone(tone: Tone, reference: Tone, outcome: Outcome, tones: int) -> dict[str, Any]:
    return {
        "id": f"tone.{outcome}.{tone}-{reference}",
        "family": "tone",
        "outcome": str(outcome),
        "treated": str(tone),
        "reference": str(reference),
        "estimator": "EMEE, several arms" if tones > 2 else "EMEE",
        "measure": "log risk ratio",
        "correction": "Holm" if tones > 2 else None,
    }


def _bounds(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules as JSON: days for spans, HH:MM for times of the day."""
    plain: dict[str, Any] = {}
    for name, value in rules.items():
        match value:
            case timedelta():
                plain[name] = value / timedelta(days=1)
            case time():
                plain[name] = f"{value:%H:%M}"
            case _:
                plain[name] = value
    return plain
