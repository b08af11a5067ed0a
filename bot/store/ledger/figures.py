"""Counts that staff look at, for many campaigns at once."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlmodel import Session, col

from bot.core.facts import Choice
from bot.store.tables import AnswerRow, MessageRow, OfferRow


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
    """How these campaigns stand, each in its own figures; three statements, however many campaigns."""
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
    answers = (
        select(MessageRow.campaign_id, AnswerRow.choice, func.count())  # type: ignore[call-overload]
        .join(MessageRow, col(MessageRow.id) == col(AnswerRow.message_id))
        .where(col(MessageRow.campaign_id).in_(campaigns))
        .group_by(MessageRow.campaign_id, AnswerRow.choice)
    )
    for campaign, choice, count in session.execute(answers):
        found[campaign].answers[choice] += count
    answered = (
        select(MessageRow.campaign_id, func.count(func.distinct(AnswerRow.message_id)))  # type: ignore[call-overload]
        .join(MessageRow, col(MessageRow.id) == col(AnswerRow.message_id))
        .where(col(MessageRow.campaign_id).in_(campaigns))
        .group_by(MessageRow.campaign_id)
    )
    for campaign, count in session.execute(answered):
        found[campaign].answered = count
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
