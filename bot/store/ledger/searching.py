"""Looking something up in the audit trail: newest first, a page at a time, as quick with a million rows as with ten."""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session, col

from bot.store.ledger.common import by_id
from bot.store.tables import AuditRow


class Place(NamedTuple):
    """Where a page ended. `audit.at` alone would not do: one deed may write several rows."""

    at: datetime
    id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows; what is left out is not asked for. `until` is the first moment that is too late."""

    who: str | None = None
    actions: Collection[str] = ()
    subjects: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.who is not None:
            yield col(AuditRow.who) == self.who
        if self.subjects:
            yield col(AuditRow.subject).in_(self.subjects)
        if self.since is not None:
            yield col(AuditRow.at) >= self.since
        if self.until is not None:
            yield col(AuditRow.at) < self.until


def deeds(session: Session, wanted: Wanted, *, before: Place | None = None, limit: int) -> list[AuditRow]:
    """The newest rows that are wanted and stand before that place.

    One statement for each action: each is a stretch of an index, and only so is none of them sorted whole.
    """
    conditions = list(wanted.conditions())
    if before is not None:
        at, number = col(AuditRow.at), col(AuditRow.id)
        conditions += [at <= before.at, or_(at < before.at, and_(at == before.at, number < before.id))]
    kinds: list[list[ColumnElement[bool]]] = [[col(AuditRow.action) == action] for action in wanted.actions] or [[]]
    found = [session.execute(_newest([*conditions, *kind], limit)).all() for kind in kinds]
    places = [Place(*place) for place in heapq.nlargest(limit, (one for part in found for one in part))]
    rows = by_id(session, AuditRow, [place.id for place in places])
    return [rows[place.id] for place in places]


def _newest(conditions: Collection[ColumnElement[bool]], limit: int) -> Any:
    at, number = col(AuditRow.at), col(AuditRow.id)
    return select(at, number).where(*conditions).order_by(at.desc(), number.desc()).limit(limit)


def actions_done(session: Session) -> list[str]:
    """Every action that the trail knows, by name."""
    return list(_different(session, AuditRow.action))


def who_did(session: Session) -> list[str]:
    """Everybody whom the trail knows, by name."""
    return list(_different(session, AuditRow.who))


def _different(session: Session, column: Any) -> Iterator[str]:
    """The different values of a column with an index: one step in it for each, however many rows there are."""
    steps = select(func.min(column).label("value")).cte("steps", recursive=True)
    onward = select(func.min(column)).where(column > steps.c.value).scalar_subquery()
    steps = steps.union_all(select(onward).where(steps.c.value.is_not(None)))
    yield from session.execute(select(steps.c.value).where(steps.c.value.is_not(None))).scalars()
