"""How the guards stand, for whoever looks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from bot import register
from bot.core import guardrails
from bot.planning import LEARNING
from bot.store import ledger
from bot.store.ledger import WATCHED_CAMPAIGN, WATCHED_VARIANT
from bot.wording import Wording

#: Over so many weeks it is told how wide the draws are.
LATELY: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A campaign or a wording, with what counts of it.

    `kind` is campaign or variant. `since` None: everything counts. `evidence` is that of `core.guardrails`, against the
    rate that people signed for; `guardrails.ALARM` pauses. `alarm` None: it is not paused by a guard.
    """

    kind: str
    id: str
    sends: int
    stops: int
    evidence: float
    since: datetime | None
    alarm: str | None
    alarmed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """How what is learned stands. `doubt`: why the guard keeps it from being used; None: it does not.

    `registered`: the algorithm register describes what runs; without that it is not used either.
    `broken_send` and `broken_tones` are evidence that chances are not kept; `guardrails.BROKEN` is an alarm. The rest
    is about the last `LATELY` weeks with a lottery: `drawn` decisions, as how many even ones they count
    (`effective_size`, rounded down), which share of the learned chances lay at a bound (None: there were none), and in
    how many decisions even chances stood in.
    """

    doubt: str | None
    doubted_at: datetime | None
    registered: bool
    broken_send: float
    broken_tones: float
    drawn: int
    effective_size: int
    at_clip: float | None
    fallbacks: int


def standing(session: Session, wording: Wording) -> list[Watched]:
    """Every campaign and wording that something left of, campaigns first."""
    rate = wording.rules.stops_per_thousand / 1000
    found = []
    for watched, row in ledger.guards(session).items():
        kind, _, name = watched.partition(":")
        if not watched.startswith((WATCHED_CAMPAIGN, WATCHED_VARIANT)):
            continue
        sends, stops = row.counts.get("sends", 0), row.counts.get("stops", 0)
        found.append(
            Watched(
                kind=kind,
                id=name,
                sends=sends,
                stops=stops,
                evidence=guardrails.evidence(stops, sends, rate),
                since=row.counted_since,
                alarm=row.alarm,
                alarmed_at=row.alarmed_at,
            )
        )
    return found


def learned(session: Session, wording: Wording) -> Learned:
    row = ledger.guard(session, LEARNING)
    counts = {} if row is None else row.counts
    weeks = list(counts.get("weeks", {}).values())[-LATELY:]
    known = sum(week["learned"] for week in weeks)
    squares = math.fsum(week["w2"] for week in weeks)
    return Learned(
        doubt=None if row is None else row.alarm,
        doubted_at=None if row is None else row.alarmed_at,
        registered=register.doubt(session, wording) is None,
        broken_send=_evidence([counts["send"]] if "send" in counts else []),
        broken_tones=_evidence(list(counts.get("tones", {}).values())),
        drawn=sum(week["n"] for week in weeks),
        effective_size=int(math.fsum(week["w"] for week in weeks) ** 2 / squares) if squares else 0,
        at_clip=sum(week["at_clip"] for week in weeks) / known if known else None,
        fallbacks=sum(week["fallback"] for week in weeks),
    )


def _evidence(bets: Sequence[Sequence[float]]) -> float:
    return guardrails.broken(*bets) if bets else 1.0
