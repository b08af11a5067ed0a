"""From stored signals to offers: which campaigns answer, and for whom."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot import campaigns
from bot.core import outreach
from bot.core.facts import Campaign, Reason, SignalRule
from bot.planning.world import signal_for
from bot.store import ledger
from bot.store.ledger import Unplanned
from bot.store.tables import CampaignRow
from bot.wording import Wording

#: After so many new offers the database counts anew what it holds, so that it goes on finding its way.
MANY = 5_000


def plan_signals(session: Session, wording: Wording, now: datetime, limit: int) -> int:
    """Turn signals into offers, one for each campaign that answers and each person concerned; return how many signals.

    A signal that leads to none gets the reason as its outcome, so that none is lost.
    """
    signals = ledger.unplanned(session, limit)
    if not signals:
        return 0
    planner = _Planner(session=session, wording=wording, now=now, alive=campaigns.alive(session, wording, now))
    outcomes = defaultdict(list)
    for signal in signals:
        outcomes[planner.outcome_of(signal)].append(signal.id)
    planner.offer()
    ledger.plan(session, outcomes, now)
    if planner.offered >= MANY:
        ledger.count_anew(session)
    return len(signals)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One campaign's answer to a kind of signal; rule None: its card has none for that origin."""

    campaign: Campaign
    rule: SignalRule | None


@dataclass(kw_only=True)
class _Planner:
    """A batch: signals of one kind get one answer, and those that name a person are offered all together."""

    session: Session
    wording: Wording
    now: datetime
    alive: Sequence[tuple[CampaignRow, Campaign]]
    offered: int = 0
    _answers: dict[tuple[str, str | None, str, str | None], list[_Answer]] = field(default_factory=dict)
    _named: list[dict[str, Any]] = field(default_factory=list)

    def outcome_of(self, signal: Unplanned) -> str:
        if signal.addressed and signal.citizen_id is None:
            return Reason.UNKNOWN_PERSON
        answers = self._answers_to(signal)
        if not answers:
            return Reason.NO_CAMPAIGN
        asked = signal_for(signal, None)
        ruled = [(answer, answer.rule) for answer in answers if answer.rule is not None]
        if not ruled:
            return Reason.SIGNAL_NOT_ENABLED
        offered = 0
        for answer, rule in ruled:
            end = min(outreach.window(asked, rule)[1], answer.campaign.ends_at)
            if signal.citizen_id is None:
                offered += ledger.offer_to_all(self.session, signal.id, answer.campaign, self.now, end)
            else:
                self._named.append(ledger.offer_row(signal, answer.campaign.id, self.now, end))
        self.offered += offered
        if offered or signal.citizen_id is not None:
            return "planned"
        narrowed = all(answer.campaign.situations for answer, _ in ruled)
        return Reason.NOT_IN_AUDIENCE if narrowed else Reason.NO_CONSENT

    def offer(self) -> None:
        """Make the offers to people whom their signal names, all in one statement."""
        ledger.offer_to(self.session, self._named)
        self.offered += len(self._named)

    def _answers_to(self, signal: Unplanned) -> list[_Answer]:
        source = signal.source if signal.source.startswith(campaigns.CALENDAR_SOURCE) else None
        kind = (signal.type, signal.card, signal.origin, source)
        if kind not in self._answers:
            asked, found = signal_for(signal, None), []
            for row, campaign in campaigns.answering(self.alive, signal.type, signal.card, source=signal.source):
                card = self.wording.cards[row.card].facts()
                found.append(_Answer(campaign, outreach.rule_for(asked, card)))
            self._answers[kind] = found
        return self._answers[kind]
