"""How things stand, in a few cheap questions: what waits and since when, what got stuck, who is at work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, text
from sqlmodel import Session, col

from bot.core.facts import Purpose
from bot.store import ledger
from bot.store.tables import (
    CitizenRow,
    ContactRequestRow,
    InboxRow,
    MarkRow,
    MessageRow,
    OfferRow,
    PolicyRow,
    SignalRow,
)

#: In front of a process's name: the mark by which it shows that it is at work.
ALIVE: Final = "alive:"
FORGOTTEN_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Queue:
    """How many wait, and since when the one that waits longest; None when nothing does."""

    waiting: int
    oldest: datetime | None

    def age_s(self, now: datetime) -> float:
        """Seconds that the oldest has waited; 0 when nothing waits."""
        return 0.0 if self.oldest is None else max(0.0, (now - self.oldest).total_seconds())


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """How things stood at `at`. `promises` are open requests for contact; `late` were promised by an earlier day."""

    at: datetime
    due: Mapping[Purpose, Queue]
    signals: Queue
    offers: Queue
    updates: Queue
    dead_letters: Queue
    uncertain: Queue
    promises: int
    promises_today: int
    promises_late: int
    earliest_promise: date | None
    policy_at: datetime | None
    nudges_paused: Mapping[str, Any] | None
    nudges_paused_at: datetime | None
    all_paused_until: datetime | None
    size_bytes: int
    guard_alarms: Queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process at work. `at`: when it last said so; `worked`: when each of its duties was last done.

    `key`: which key it seals with (`Vault.front`); None: an older program does not say.
    """

    name: str
    role: str
    at: datetime
    since: datetime
    worked: Mapping[str, datetime]
    key: str | None = None


def take(session: Session, now: datetime, today: date) -> Vitals:
    """How things stand at `now`; `today` is the date on the municipality's calendar."""
    due = dict.fromkeys(Purpose, Queue(0, None))
    waiting = (
        select(col(MessageRow.purpose), func.count(), func.min(MessageRow.due_at))
        .where(col(MessageRow.state) == "due", col(MessageRow.due_at) <= now)
        .group_by(col(MessageRow.purpose))
    )
    for purpose, count, oldest in session.execute(waiting):
        due[Purpose(purpose)] = Queue(count, oldest)
    promised = col(ContactRequestRow.promised_by)
    promises = (
        select(promised, func.count()).where(col(ContactRequestRow.state).in_(("open", "talking"))).group_by(promised)
    )
    by_day: dict[date, int] = dict(iter(session.execute(promises)))
    pause = session.get(MarkRow, "pause_nudges")
    flood = ledger.mark(session, "pause")
    until = None if flood is None else datetime.fromisoformat(flood["until"])
    return Vitals(
        at=now,
        due=due,
        signals=_queue(session, col(SignalRow.received_at), col(SignalRow.outcome).is_(None)),
        offers=_queue(session, col(OfferRow.look_at), col(OfferRow.state) == "open", col(OfferRow.look_at) <= now),
        updates=_queue(session, col(InboxRow.received_at), col(InboxRow.state) == "new"),
        dead_letters=_queue(session, col(InboxRow.received_at), col(InboxRow.state) == "dead"),
        uncertain=_queue(session, col(MessageRow.closed_at), col(MessageRow.state) == "uncertain"),
        promises=sum(by_day.values()),
        promises_today=by_day.get(today, 0),
        promises_late=sum(count for day, count in by_day.items() if day < today),
        earliest_promise=min(by_day, default=None),
        policy_at=session.execute(select(func.max(PolicyRow.created_at))).scalar_one(),
        nudges_paused=None if pause is None else pause.value,
        nudges_paused_at=None if pause is None else pause.at,
        all_paused_until=until if until is not None and until > now else None,
        size_bytes=_size(session),
        guard_alarms=_alarms(session),
    )


def _queue(session: Session, since: Any, *conditions: Any) -> Queue:
    count, oldest = session.execute(select(func.count(), func.min(since)).where(*conditions)).one()
    return Queue(count, oldest)


def _alarms(session: Session) -> Queue:
    rows = ledger.alarms(session)
    return Queue(len(rows), min((row.alarmed_at for row in rows if row.alarmed_at is not None), default=None))


def _size(session: Session) -> int:
    if session.get_bind().dialect.name == "postgresql":
        return int(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    pages = session.execute(text("PRAGMA page_count")).scalar_one()
    return int(pages) * int(session.execute(text("PRAGMA page_size")).scalar_one())


def at_work(session: Session, process: Process) -> None:
    """Write down that `process` is at work; processes that fell silent long ago are forgotten."""
    worked = {duty: at.isoformat() for duty, at in process.worked.items()}
    value = {"role": process.role, "since": process.since.isoformat(), "worked": worked, "key": process.key}
    ledger.set_mark(session, ALIVE + process.name, value, process.at)
    old = process.at - FORGOTTEN_AFTER
    session.execute(delete(MarkRow).where(col(MarkRow.name).startswith(ALIVE), col(MarkRow.at) < old))


def gone_home(session: Session, name: str) -> None:
    """This process ended as it should."""
    ledger.clear_mark(session, ALIVE + name)


def processes(session: Session) -> Sequence[Process]:
    """Every process that is at work, or ended without saying so, the newest sign of life first."""
    rows = session.execute(
        select(MarkRow).where(col(MarkRow.name).startswith(ALIVE)).order_by(col(MarkRow.at).desc())
    ).scalars()
    return [
        Process(
            name=row.name.removeprefix(ALIVE),
            role=row.value["role"],
            at=row.at,
            since=datetime.fromisoformat(row.value["since"]),
            worked={duty: datetime.fromisoformat(at) for duty, at in row.value["worked"].items()},
            key=row.value.get("key"),
        )
        for row in rows
    ]


def uncertain_since(session: Session, since: datetime) -> int:
    """Of how many messages it became unknown, after `since`, whether they arrived."""
    late = col(MessageRow.closed_at) > since
    statement = select(func.count()).where(col(MessageRow.state) == "uncertain", late)
    return int(session.execute(statement).scalar_one())


def sealed_addresses(session: Session, limit: int) -> Sequence[str]:
    """Some sealed chat addresses, of those who came first and of those who came last."""
    sealed = col(CitizenRow.chat_sealed)
    found: list[str] = []
    for order in (col(CitizenRow.created_at), col(CitizenRow.created_at).desc()):
        statement = select(sealed).where(sealed.is_not(None)).order_by(order).limit(limit)
        found += [one for one in session.execute(statement).scalars() if one is not None]
    return found
