"""What came from Telegram and waits, and how things stand."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlmodel import Session, col

from bot.store.ledger.common import mark
from bot.store.ledger.messages import NUDGE, ON_THE_WAY
from bot.store.provenance import COPY, RESTORED
from bot.store.tables import (
    CitizenRow,
    InboxRow,
    MessageRow,
)


def unheard(session: Session, now: datetime, limit: int) -> Sequence[InboxRow]:
    """Updates that took no effect yet; of those that failed, the ones whose time for another try has come."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.state) == "new", or_(col(InboxRow.retry_at).is_(None), col(InboxRow.retry_at) <= now))
        .order_by(col(InboxRow.update_id))
        .limit(limit)
    )
    return session.execute(statement).scalars().all()


def is_behind(session: Session, before: datetime) -> bool:
    """Whether something of nobody we know of, that came in before then, is unheard; it may be anybody's stop."""
    statement = select(InboxRow.update_id).where(  # type: ignore[call-overload]
        col(InboxRow.state) == "new", col(InboxRow.received_at) < before, col(InboxRow.chat_hash).is_(None)
    )
    return session.execute(statement.limit(1)).first() is not None


def spoke(session: Session, people: Collection[str]) -> set[str]:
    """Those of `people` of whom something is stored that was not taken to heart yet."""
    statement = select(CitizenRow.id).join(InboxRow, col(InboxRow.chat_hash) == col(CitizenRow.chat_hash))  # type: ignore[call-overload]
    return set(session.execute(statement.where(col(InboxRow.state) == "new", col(CitizenRow.id).in_(people))).scalars())


def forget_updates(session: Session, before: datetime) -> None:
    """Drop updates that took effect long enough ago that Telegram no longer delivers them again."""
    session.execute(delete(InboxRow).where(col(InboxRow.state) == "done", col(InboxRow.received_at) < before))


def condition(session: Session) -> dict[str, Any]:
    """What an operator wants to know: whether nudges leave, how many wait, what got stuck.

    `restored`: that this is an old copy and nobody has decided yet how to go on (`store.provenance`).
    """
    paused = mark(session, "pause_nudges")

    def count(*conditions: Any) -> int:
        return int(session.execute(select(func.count()).where(*conditions)).scalar_one())

    return {
        "paused_because": None if paused is None else paused["because"],
        "restored": mark(session, RESTORED) or mark(session, COPY),
        "waiting": count(col(MessageRow.purpose) == NUDGE, col(MessageRow.state).in_(ON_THE_WAY)),
        "uncertain": count(col(MessageRow.state) == "uncertain"),
        "dead_letters": count(col(InboxRow.state) == "dead"),
    }
