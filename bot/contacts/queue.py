"""Who waits for an answer: one's own, those that anybody may take, those that are late. The earliest promise first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel import Session, col

from bot.contacts.claims import OPEN, is_free, lapsed, names, who
from bot.store.tables import ContactLineRow, ContactRequestRow

#: So long a closed request can still be found in the queue.
LATELY: Final = timedelta(days=7)


class Tab(StrEnum):
    MINE = "mine"
    FREE = "free"
    LATE = "late"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """One request in the queue. `due` None: it waits for the person, or is closed. `is_free`: anybody may take it.

    `since`: since when the person has waited for a word from us. `said`: how many lines of theirs there are to read.
    """

    row: ContactRequestRow
    due: date | None
    since: datetime
    is_free: bool
    owner: str | None
    handed_by: str | None
    said: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many requests are open. `mine`, `free` and `late` overlap; `handed` are mine and not looked at yet."""

    open: int
    mine: int
    free: int
    late: int
    today: int
    tomorrow: int
    handed: int


_STATE: Final = col(ContactRequestRow.state)
#: By which day somebody is owed a word: the promise, and in a talk the day by which their last word is answered.
_due: Final[ColumnElement[Any]] = case(
    (_STATE == "open", col(ContactRequestRow.promised_by)), else_=col(ContactRequestRow.answer_by)
)


def queue(
    session: Session,
    tab: Tab,
    login: str,
    *,
    now: datetime,
    today: date,
    language: str | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[Sequence[Waiting], int]:
    """One page of a tab, and how many there are in all. `today` is the day on the municipality's calendar."""
    only = [_tab(tab, login, now, today)]
    if language is not None:
        only.append(col(ContactRequestRow.language) == language)
    order = (
        (col(ContactRequestRow.closed_at).desc(), col(ContactRequestRow.id))
        if tab is Tab.CLOSED
        else (_due.is_(None), _due, col(ContactRequestRow.id))
    )
    statement = select(ContactRequestRow).where(*only).order_by(*order).limit(limit).offset(offset)
    rows = session.execute(statement).scalars().all()
    count = session.execute(select(func.count()).select_from(ContactRequestRow).where(*only)).scalar_one()
    return _waiting(session, rows, now), count


def languages(session: Session) -> Sequence[str]:
    """In which languages people wait."""
    statement = select(col(ContactRequestRow.language)).where(_STATE.in_(OPEN)).distinct()
    return sorted(session.execute(statement).scalars())


def counts(session: Session, login: str, *, now: datetime, today: date) -> Counts:
    """What the tabs and the first page say, in one statement."""
    mine = _mine(login, now)
    wanted = {
        "open": _STATE.in_(OPEN),
        "mine": mine,
        "free": is_free(now),
        "late": _late(today),
        "today": and_(_due == today, ~_late(today)),
        "tomorrow": and_(_due == today + timedelta(days=1), ~_late(today)),
        "handed": and_(mine, col(ContactRequestRow.handed_by).is_not(None)),
    }
    columns = [func.count(case((condition, 1))) for condition in wanted.values()]
    found = session.execute(select(*columns).where(_STATE.in_(OPEN))).one()
    return Counts(**dict(zip(wanted, found, strict=True)))


def handed(session: Session, login: str, *, now: datetime) -> Sequence[Waiting]:
    """What colleagues handed over to somebody who has not looked at it yet."""
    only = and_(_STATE.in_(OPEN), _mine(login, now), col(ContactRequestRow.handed_by).is_not(None))
    return _waiting(session, session.execute(select(ContactRequestRow).where(only).order_by(_due)).scalars().all(), now)


def due(row: ContactRequestRow) -> date | None:
    """By which day the person is owed a word; None when it is their turn, or it is closed."""
    if row.state == "open":
        return row.promised_by
    return row.answer_by if row.state == "talking" else None


def _tab(tab: Tab, login: str, now: datetime, today: date) -> ColumnElement[bool]:
    is_open = _STATE.in_(OPEN)
    match tab:
        case Tab.MINE:
            return and_(is_open, _mine(login, now))
        case Tab.FREE:
            return and_(is_open, is_free(now))
        case Tab.LATE:
            return and_(is_open, _late(today))
        case Tab.CLOSED:
            return and_(~is_open, col(ContactRequestRow.closed_at) >= now - LATELY)


def _late(today: date) -> ColumnElement[bool]:
    """A promise was broken: its day is over, or a new day had to be promised."""
    return and_(
        _STATE.in_(OPEN),
        or_(func.coalesce(_due < today, False), and_(_STATE == "open", col(ContactRequestRow.moved) > 0)),
    )


def _mine(login: str, now: datetime) -> ColumnElement[bool]:
    lapsed = func.coalesce(col(ContactRequestRow.claim_until) < now, False)
    return and_(col(ContactRequestRow.claimed_by) == who(login), ~lapsed)


def _said(session: Session, requests: Sequence[int]) -> Mapping[int, int]:
    statement = (
        select(col(ContactLineRow.request_id), func.count())
        .where(col(ContactLineRow.request_id).in_(requests), col(ContactLineRow.by).is_(None))
        .group_by(col(ContactLineRow.request_id))
    )
    return dict(iter(session.execute(statement)))


def _waiting(session: Session, rows: Sequence[ContactRequestRow], now: datetime) -> list[Waiting]:
    called = names(session, [name for row in rows for name in (row.claimed_by, row.handed_by)])
    said = _said(session, [row.id for row in rows])
    return [
        Waiting(
            row=row,
            due=due(row),
            since=row.waiting_since or row.asked_at,
            is_free=row.state in OPEN and (row.claimed_by is None or lapsed(row, now)),
            owner=None if row.claimed_by is None else called[row.claimed_by],
            handed_by=None if row.handed_by is None else called[row.handed_by],
            said=said.get(row.id, 0),
        )
        for row in rows
    ]
