"""Whether what is drawn follows the chances that are written down, and how much the draws can still teach."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlmodel import Session

from bot.core import guardrails
from bot.core.facts import Tone
from bot.store import ledger
from bot.store.ledger import Drawn
from bot.store.tables import GuardRow, PolicyRow, WorldRow

#: So many decisions are looked at each time; an old ledger is caught up with over several looks.
MOST: Final = 10_000
#: Weeks are kept so long, for whoever looks at how wide the draws are.
WEEKS: Final = 26
EVEN: Final = 0.5

SEND_BROKEN: Final = "how often messages are written does not follow the chances that are written down"
TONE_BROKEN: Final = "which texts are chosen does not follow the chances that are written down"


def look(session: Session, row: GuardRow | None, until: datetime) -> tuple[dict[str, Any], str | None]:
    """What there is to keep, and why what was learned may not be used; None: there is no reason.

    Counted is from behind the last look, or from `counted_since` when a person let it go on, up to `until`.
    """
    kept = {} if row is None else dict(row.counts)
    since = kept.get("until")
    after = None if since is None else (datetime.fromisoformat(since[0]), str(since[1]))
    if after is None and row is not None and row.counted_since is not None:
        after = (row.counted_since, "~")  # behind every id
    found = ledger.drawn(session, after, until, MOST)
    if found:
        kept["until"] = [found[-1].decided_at.isoformat(), found[-1].id]
    _send(kept, [one for one in found if one.randomised_send])
    _tones(kept, [one for one in found if one.plan == "send" and one.randomised_tone], _tones_of(session, found))
    _weeks(session, kept, found)
    for bets, said in ((kept["send"], [SEND_BROKEN]), (kept["tones"], [TONE_BROKEN])):
        some = [bets] if isinstance(bets, list) else list(bets.values())
        if guardrails.broken(*some) >= guardrails.BROKEN:
            return kept, said[0]
    return kept, None


def _send(kept: dict[str, Any], found: Sequence[Drawn]) -> None:
    chances = np.array([one.p_send for one in found], dtype=float)
    came = np.array([one.plan == "send" for one in found], dtype=float)
    kept["send"] = guardrails.wagered(chances, came, kept.get("send"))


def _tones(kept: dict[str, Any], found: Sequence[Drawn], tone_of: Mapping[tuple[str, str], str]) -> None:
    """One set of bets for each tone: that it comes as often as it should."""
    before = kept.get("tones", {})
    bets = {}
    for tone in Tone:
        chances = np.array(
            [sum(p for v, p in one.tone_probs.items() if tone_of.get((one.world, v)) == tone) for one in found],
            dtype=float,
        )
        came = np.array([one.tone == tone for one in found], dtype=float)
        bets[tone.value] = guardrails.wagered(chances, came, before.get(tone.value))
    kept["tones"] = bets


def _tones_of(session: Session, found: Sequence[Drawn]) -> dict[tuple[str, str], str]:
    """By (world, variant) the tone that the variant had there."""
    worlds = ledger.by_id(session, WorldRow, {one.world for one in found if one.randomised_tone})
    return {
        (known, variant["id"]): variant["tone"] for known, row in worlds.items() for variant in row.record["variants"]
    }


def _weeks(session: Session, kept: dict[str, Any], found: Sequence[Drawn]) -> None:
    """By ISO week: learned chances, how many of them at a bound, and the weights of what came (1/chance)."""
    bounds = {
        known: (row.record["p_min"], row.record["p_max"])
        for known, row in ledger.by_id(session, PolicyRow, {one.policy for one in found if one.policy}).items()
    }
    weeks: dict[str, dict[str, float]] = kept.get("weeks", {})
    # Even chances of a trial or a fallback are at no bound of a policy.
    by_week: dict[str, list[Drawn]] = {}
    for one in found:
        if one.randomised_send:
            by_week.setdefault(f"{one.decided_at:%G-W%V}", []).append(one)
    for week, rows in by_week.items():
        chances = np.array([one.p_send if one.plan == "send" else 1 - one.p_send for one in rows])
        learned = [one for one in rows if one.fallback is None and one.p_send != EVEN]
        clipped = 0.0
        for known in {one.policy for one in learned}:
            of_it = np.array([one.p_send for one in learned if one.policy == known])
            clipped += guardrails.share_at_clip(of_it, *bounds[known]) * len(of_it)
        before = weeks.get(week, {})
        new = {
            "n": len(rows),
            "learned": len(learned),
            "at_clip": round(clipped),
            "w": float((1 / chances).sum()),
            "w2": float((1 / chances**2).sum()),
            "fallback": sum(one.fallback is not None for one in rows),
        }
        weeks[week] = {name: before.get(name, 0) + value for name, value in new.items()}
    kept["weeks"] = {week: weeks[week] for week in sorted(weeks)[-WEEKS:]}
