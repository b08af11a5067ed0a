"""Counts that staff look at, for many campaigns at once."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import case, exists, func, select
from sqlmodel import Session, col

from bot.core.facts import Choice
from bot.store.ledger.common import table_of
from bot.store.ledger.messages import NUDGE
from bot.store.tables import AnswerRow, InboxRow, MessageRow, OfferRow

#: So many messages that wait are looked at to find which campaigns are next; each of them may be of another one.
LOOKED_AT: Final = 500


@dataclass(kw_only=True, slots=True)
class Figures:
    """How a campaign stands. `messages`, `offers` and `failures` by state, outcome and error; `answers` by choice.

    `answered` counts messages with at least one answer, `stops` the messages after which somebody stopped.
    """

    messages: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    answered: int = 0

    @property
    def sent(self) -> int:
        return self.messages["sent"] + self.messages["uncertain"]

    @property
    def stops(self) -> int:
        return self.answers[Choice.STOP]


def figures(session: Session, campaigns: Collection[str]) -> dict[str, Figures]:
    """How these campaigns stand, each in its own figures; two statements, however many campaigns."""
    found: dict[str, Figures] = defaultdict(Figures)
    messages = (
        select(MessageRow.campaign_id, MessageRow.state, MessageRow.error, func.count())  # type: ignore[call-overload]
        .where(col(MessageRow.campaign_id).in_(campaigns))
        .group_by(MessageRow.campaign_id, MessageRow.state, MessageRow.error)
    )
    for campaign, state, error, count in session.execute(messages):
        found[campaign].messages[state] += count
        if state == "failed":
            found[campaign].failures[error or ""] += count
    # A message counts as answered with the first of its answers by name, so that one statement tells both.
    answer, message, earlier = table_of(AnswerRow), table_of(MessageRow), table_of(AnswerRow).alias("earlier")
    another = exists().where(earlier.c.message_id == answer.c.message_id, earlier.c.choice < answer.c.choice)
    answers = (
        select(message.c.campaign_id, answer.c.choice, func.count(), func.sum(case((another, 0), else_=1)))
        .join(message, message.c.id == answer.c.message_id)
        .where(message.c.campaign_id.in_(campaigns))
        .group_by(message.c.campaign_id, answer.c.choice)
    )
    for campaign, choice, count, answered in session.execute(answers):
        found[campaign].answers[choice] += count
        found[campaign].answered += answered
    return {campaign: found[campaign] for campaign in campaigns}


def standing(session: Session, campaign: str) -> tuple[Counter[str], Counter[str]]:
    """The offers of a campaign by state, and the outcomes of those that led to no message, by reason."""
    states: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    statement = (
        select(OfferRow.state, OfferRow.outcome, func.count())  # type: ignore[call-overload]
        .where(col(OfferRow.campaign_id) == campaign)
        .group_by(OfferRow.state, OfferRow.outcome)
    )
    for state, outcome, count in session.execute(statement):
        states[state] += count
        if outcome is not None:
            reasons[outcome] += count
    return states, reasons


class Unsure(NamedTuple):
    """A message of which nobody knows whether it arrived. `id` is the attempt that a press on it would name."""

    id: int
    left_at: datetime | None
    variant: str | None
    language: str | None


def uncertain(session: Session, campaign: str, limit: int) -> list[Unsure]:
    """Of these messages of a campaign the newest."""
    of = table_of(MessageRow).c
    statement = (
        select(of.id, of.closed_at, of.variant, of.language)
        .where(of.campaign_id == campaign, of.state == "uncertain")
        .order_by(of.closed_at.desc(), of.id.desc())
        .limit(limit)
    )
    return [Unsure(*row) for row in session.execute(statement)]


class Next(NamedTuple):
    """A campaign with something that is about to happen. `queued`: a message is ready; else it is still decided."""

    campaign: str
    at: datetime
    queued: bool


def upcoming(session: Session, limit: int) -> list[Next]:
    """The campaigns whose nudges leave or are decided about next, the soonest first, each once.

    Only so many rows are looked at, so a campaign behind a long queue of others is left out.
    """
    messages, offers = table_of(MessageRow).c, table_of(OfferRow).c
    due = (
        select(messages.campaign_id, messages.due_at)
        .where(messages.state == "due", messages.purpose == NUDGE, messages.campaign_id.is_not(None))
        .order_by(messages.due_at)
    )
    looks = select(offers.campaign_id, offers.look_at).where(offers.state == "open").order_by(offers.look_at)
    found = [
        Next(campaign, at, queued)
        for queued, statement in ((True, due), (False, looks))
        for campaign, at in session.execute(statement.limit(LOOKED_AT))
    ]
    soonest: dict[str, Next] = {}
    for one in sorted(found, key=lambda one: one.at):
        soonest.setdefault(one.campaign, one)
    return list(soonest.values())[:limit]


def unresolved(session: Session) -> tuple[int, int]:
    """How many messages nobody knows the end of, and how many updates could not be read."""
    unsure = select(func.count()).where(col(MessageRow.state) == "uncertain")
    dead = select(func.count()).where(col(InboxRow.state) == "dead")
    return session.execute(unsure).scalar_one(), session.execute(dead).scalar_one()


def asked_for_contact(session: Session) -> dict[str, tuple[int, int]]:
    """For each card: how many messages reached somebody, and after how many of them they asked for contact."""
    reached = (
        select(MessageRow.card, func.count())  # type: ignore[call-overload]
        .where(col(MessageRow.state) == "sent", col(MessageRow.card).is_not(None))
        .group_by(MessageRow.card)
    )
    asked = (
        select(MessageRow.card, func.count())  # type: ignore[call-overload]
        .join(AnswerRow, col(AnswerRow.message_id) == col(MessageRow.id))
        .where(col(AnswerRow.choice) == Choice.CONTACT, col(MessageRow.card).is_not(None))
        .group_by(MessageRow.card)
    )
    contacts = dict(iter(session.execute(asked)))
    return {card: (sent, contacts.get(card, 0)) for card, sent in session.execute(reached)}
