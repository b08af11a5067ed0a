"""What learning and research read."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from bot.store.tables import (
    DecisionRow,
    MessageRow,
    PolicyRow,
)


def policy_row(session: Session, version: str | None = None) -> PolicyRow | None:
    """One policy version, or the newest."""
    if version is not None:
        return session.get(PolicyRow, version)
    return session.execute(select(PolicyRow).order_by(col(PolicyRow.created_at).desc()).limit(1)).scalar_one_or_none()


def newest_policy(session: Session) -> str | None:
    """The record of the newest policy version as JSON text; None: there is none yet."""
    statement = select(cast(col(PolicyRow.record), Text)).order_by(col(PolicyRow.created_at).desc()).limit(1)
    return session.execute(statement).scalar_one_or_none()


def closed_decisions(session: Session, before: datetime) -> Iterable[tuple[DecisionRow, MessageRow | None]]:
    """Decisions at which something could be drawn, older than `before`, with the message that came of them."""
    statement = (
        select(DecisionRow, MessageRow)
        .outerjoin(MessageRow, col(MessageRow.decision_id) == col(DecisionRow.id))
        .where(col(DecisionRow.available).is_(True), col(DecisionRow.decided_at) <= before)
        .order_by(col(DecisionRow.id))
    )
    for decision, message in session.execute(statement):  # noqa: UP028 - rows, told apart
        yield decision, message
