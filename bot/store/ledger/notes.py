"""The notes of what was done with answers: who gets one, and when somebody had one."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from bot.core.facts import Purpose
from bot.core.talk import Standing
from bot.store.ledger.common import table_of
from bot.store.ledger.people import Person
from bot.store.tables import CitizenRow, MessageRow


def noted(session: Session, ids: Collection[str]) -> dict[str, datetime]:
    """For each of these people when their last note left, or may have; who had none is left out."""
    message = table_of(MessageRow)
    at = func.max(func.coalesce(message.c.closed_at, message.c.due_at, type_=message.c.due_at.type))
    left = select(message.c.citizen_id, at).where(
        message.c.citizen_id.in_(ids),
        message.c.purpose == Purpose.NOTE,
        message.c.state.in_(("sending", "sent", "uncertain")),
    )
    return {person: moment for person, moment in session.execute(left.group_by(message.c.citizen_id)).all()}  # noqa: C416


def after(session: Session, person: str | None, among: Any, limit: int) -> Sequence[Person]:
    """People who take part, in the order of their ids, behind `person`; `among` is a subquery of ids."""
    citizen = table_of(CitizenRow)
    statement = select(*(citizen.c[name] for name in Person._fields)).where(
        citizen.c.standing == Standing.ACTIVE, citizen.c.id.in_(among)
    )
    if person is not None:
        statement = statement.where(citizen.c.id > person)
    rows = session.execute(statement.order_by(citizen.c.id).limit(limit).with_for_update(key_share=True)).all()
    return [Person._make(row) for row in rows]


def withdraw_notes(session: Session, key: str, why: str, now: datetime) -> int:
    """Take back those messages that have not begun to leave, whose key begins with `key`; return how many."""
    waiting = update(MessageRow).where(
        col(MessageRow.purpose) == Purpose.NOTE,
        col(MessageRow.key).startswith(key),
        col(MessageRow.state).in_(("due", "leased")),
    )
    done = waiting.values(state="withdrawn", error=why, closed_at=now, owner=None, leased_until=None)
    return session.execute(done).rowcount  # type: ignore[attr-defined,no-any-return]
