"""What came from Telegram and waits, and how things stand."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, bindparam, delete, func, literal_column, or_, select
from sqlmodel import Session, col

from bot.store.ledger.common import mark, one_of, table_of
from bot.store.ledger.messages import CITIZEN, NUDGE, ON_THE_WAY
from bot.store.provenance import COPY, RESTORED
from bot.store.tables import (
    InboxRow,
    MessageRow,
)

INBOX = table_of(InboxRow)
#: Said as in the index `ix_inbox_new`.
_NEW = INBOX.c.state == literal_column("'new'")
_NOBODYS = (
    select(INBOX.c.update_id)
    .where(_NEW, INBOX.c.received_at < bindparam("before"), INBOX.c.chat_hash.is_(None))
    .limit(1)
)
_SPOKE = (
    select(CITIZEN.c.id)
    .join(INBOX, INBOX.c.chat_hash == CITIZEN.c.chat_hash)
    .where(_NEW, one_of(CITIZEN.c.id, "people"))
)


_UNHEARD = (
    select(INBOX.c.update_id, INBOX.c.body_sealed, INBOX.c.tries)
    .where(_NEW, or_(INBOX.c.retry_at.is_(None), INBOX.c.retry_at <= bindparam("now")))
    .order_by(INBOX.c.update_id)
    .limit(bindparam("most", type_=Integer()))
)


def unheard(session: Session, now: datetime, limit: int) -> Sequence[Row[tuple[int, str | None, int]]]:
    """Updates that took no effect yet; of those that failed, the ones whose time for another try has come."""
    return session.execute(_UNHEARD, {"now": now, "most": limit}).all()


def is_behind(session: Session, before: datetime) -> bool:
    """Whether something of nobody we know of, that came in before then, is unheard; it may be anybody's stop."""
    return session.execute(_NOBODYS, {"before": before}).first() is not None


def spoke(session: Session, people: Collection[str]) -> set[str]:
    """Those of `people` of whom something is stored that was not taken to heart yet."""
    return set(session.execute(_SPOKE, {"people": list(people)}).scalars())


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
