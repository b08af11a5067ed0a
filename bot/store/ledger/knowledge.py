"""What learning and research read."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Text, and_, case, cast, or_, select
from sqlmodel import Session, col

from bot.store.ledger.common import table_of
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


class Closed(NamedTuple):
    """A decision at which something could be drawn. `message` and `sent_at` None: it was held."""

    id: str
    decided_at: datetime
    context: dict[str, float] | None
    tone: str | None
    p_send: float
    randomised_send: bool
    randomised_tone: bool
    tone_forced: bool
    world: str
    message: int | None
    sent_at: datetime | None


def closed_decisions(session: Session, before: datetime, *, chunk: int = 1_000) -> Iterator[Sequence[Closed]]:
    """Each lottery's hold and each decision whose message arrived, older than `before`, in chunks read as asked for.

    What failed, is uncertain or was taken back is missing, not silent.
    """
    decision, message = table_of(DecisionRow), table_of(MessageRow)
    arrived = and_(message.c.state == "sent", message.c.closed_at.is_not(None))
    statement = (
        select(
            *(decision.c[name] for name in Closed._fields[:-2]),
            case((arrived, message.c.id)),
            case((arrived, message.c.closed_at)),
        )
        .outerjoin(message, message.c.decision_id == decision.c.id)
        .where(
            decision.c.available.is_(True),
            decision.c.decided_at <= before,
            decision.c.p_send.is_not(None),
            or_(decision.c.plan == "hold", arrived),
        )
        .order_by(decision.c.id)
    )
    for rows in session.execute(statement, execution_options={"yield_per": chunk}).partitions():
        yield [Closed._make(row) for row in rows]


def people_of_decisions(session: Session) -> dict[str, str]:
    """Whom each decision was about at which something could be drawn, by its id."""
    decision = table_of(DecisionRow)
    statement = select(decision.c.id, decision.c.citizen_id).where(decision.c.p_send.is_not(None))
    return {row[0]: row[1] for row in session.execute(statement)}
