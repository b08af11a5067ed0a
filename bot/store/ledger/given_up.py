"""What ended in a way that somebody should look at: messages of which nobody knows, updates that were given up."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session, col

from bot.store.tables import InboxRow, MessageRow


def uncertain_messages(
    session: Session, *, before: tuple[datetime, int] | None = None, limit: int
) -> Sequence[MessageRow]:
    """Of which it is not known whether they arrived, the newest first, before that moment and number."""
    at, number = col(MessageRow.closed_at), col(MessageRow.id)
    asked = select(MessageRow).where(col(MessageRow.state) == "uncertain")
    if before is not None:
        asked = asked.where(at <= before[0], or_(at < before[0], and_(at == before[0], number < before[1])))
    return session.execute(asked.order_by(at.desc(), number.desc()).limit(limit)).scalars().all()


def forget_given_up(session: Session, chat_hash: str, now: datetime) -> None:
    """What somebody said and could not be read is emptied, as when somebody of the staff forgets it."""
    dead = (col(InboxRow.chat_hash) == chat_hash) & (col(InboxRow.state) == "dead")
    session.execute(update(InboxRow).where(dead).values(state="done", done_at=now, body_sealed=None))


def dead_letters(session: Session, limit: int) -> Sequence[InboxRow]:
    """Updates that failed five times, the oldest first."""
    asked = select(InboxRow).where(col(InboxRow.state) == "dead").order_by(col(InboxRow.received_at))
    return session.execute(asked.limit(limit)).scalars().all()
