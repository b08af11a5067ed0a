"""What is to be told, to whom, and what became of it. Every function takes a session and none commits."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from bot.klant.why import Why
from bot.store import conversation, ledger
from bot.store.tables import ContactRequestRow, OutgoingRow


class Target(StrEnum):
    """Who may hear of a request for contact."""

    OPEN_KLANT = "open_klant"
    EVENTS = "events"


class What(StrEnum):
    """What can happen in the life of a request."""

    ASKED = "asked"
    CLAIMED = "claimed"
    REPLIED = "replied"
    MOVED = "moved"
    CLOSED = "closed"


#: Who closed a request that was handled there, in the audit trail; and how errors name it.
THEIR_STAFF: Final = "Open Klant"
#: Open Klant has no place for the others: its staff assign and answer there.
HEARS: Final[Mapping[Target, Collection[What]]] = {
    Target.OPEN_KLANT: (What.ASKED, What.CLOSED),
    Target.EVENTS: tuple(What),
}
#: The mark that names who listens. It is written by the process that tells, so that nobody else needs its settings.
LISTENING: Final = "telling"
WAITING: Final = ("due", "sending")
#: How long a row is in one process's hands; no telling lasts that long.
LEASE: Final = timedelta(minutes=10)
SHORTEST: Final = timedelta(seconds=30)
LONGEST: Final = timedelta(hours=6)
#: A target that does not answer is asked again after this at the latest.
STANDS_STILL: Final = timedelta(minutes=15)
#: Tried in vain for so long, it waits for somebody of the staff.
GIVES_UP: Final = timedelta(days=7)


def listening(session: Session) -> frozenset[Target]:
    """Who is told of what happens from now on."""
    mark = ledger.mark(session, LISTENING)
    return frozenset() if mark is None else frozenset(Target(target) for target in mark["targets"])


def listen(session: Session, targets: Collection[Target], now: datetime) -> None:
    """From now on these listen, and nobody else.

    What waits for somebody who does not listen any more waits on, and is not sent.
    """
    if listening(session) != set(targets):
        ledger.set_mark(session, LISTENING, {"targets": sorted(targets)}, now)


def catch_up(session: Session) -> int:
    """Whoever listens hears of each request that is open: also of those from before they did. Return how many."""
    count = 0
    for target in sorted(listening(session)):
        known = exists().where(
            col(OutgoingRow.target) == target, col(OutgoingRow.request_id) == col(ContactRequestRow.id)
        )
        statement = select(ContactRequestRow).where(col(ContactRequestRow.state).in_(conversation.OPEN), ~known)
        for row in session.execute(statement.order_by(col(ContactRequestRow.id))).scalars().all():
            _tell(session, row, What.ASKED, row.asked_at, {"promised_by": row.promised_by.isoformat()}, only=[target])
            count += 1
    return count


def asked(session: Session, row: ContactRequestRow, now: datetime) -> None:
    """Somebody asked for contact."""
    _tell(session, row, What.ASKED, now, {"promised_by": row.promised_by.isoformat()})


def claimed(session: Session, row: ContactRequestRow, now: datetime) -> None:
    """One of the staff took a request up."""
    _tell(session, row, What.CLAIMED, now, {}, number=int(now.timestamp()))


def replied(session: Session, row: ContactRequestRow, number: int, now: datetime) -> None:
    """One of the staff wrote back; `number` is that of the line in this talk."""
    _tell(session, row, What.REPLIED, now, {}, number=number)


def moved(session: Session, row: ContactRequestRow, now: datetime) -> None:
    """The person was promised another day, or told that there will be none."""
    _tell(session, row, What.MOVED, now, {"promised_by": row.promised_by.isoformat()}, number=row.moved)


def closed(session: Session, row: ContactRequestRow, outcome: str, now: datetime) -> None:
    """A request is over; `outcome` is a word of our own, never words about a person."""
    _tell(session, row, What.CLOSED, now, {"outcome": outcome})


def _tell(
    session: Session,
    row: ContactRequestRow,
    what: What,
    at: datetime,
    detail: Mapping[str, Any],
    *,
    number: int | None = None,
    only: Iterable[Target] | None = None,
) -> None:
    targets = sorted(listening(session) if only is None else only)
    targets = [target for target in targets if what in HEARS[target]]
    if not targets:
        return
    session.flush()  # the request itself may be new
    name = str(what) if number is None else f"{what}:{number}"
    new = {"request_id": row.id, "what": name, "at": at, "detail": dict(detail), "state": "due", "tries": 0}
    ledger.add_new(session, OutgoingRow, [{"target": target, "next_at": at, **new} for target in targets])


def take(session: Session, target: Target, owner: str, now: datetime) -> OutgoingRow | None:
    """The next thing to tell, in `owner`'s hands for `LEASE`; what a dead process had in its hands comes again.

    Of one request one thing after the other, in the order in which it happened.
    """
    if stands_still(session, target, now):
        return None
    earlier = aliased(OutgoingRow)
    before = exists().where(
        col(earlier.request_id) == col(OutgoingRow.request_id),
        col(earlier.target) == col(OutgoingRow.target),
        col(earlier.id) < col(OutgoingRow.id),
        col(earlier.state).in_(WAITING),
    )
    ready = or_(
        and_(col(OutgoingRow.state) == "due", col(OutgoingRow.next_at) <= now),
        and_(col(OutgoingRow.state) == "sending", col(OutgoingRow.until) <= now),
    )
    statement = (
        select(OutgoingRow)
        .where(col(OutgoingRow.target) == target, ready, ~before)
        .order_by(col(OutgoingRow.id))
        .limit(1)
        .with_for_update(skip_locked=True, of=OutgoingRow)
    )
    row = session.execute(statement).scalars().first()
    if row is not None:
        row.state, row.owner, row.until = "sending", owner, now + LEASE
        row.tries, row.tried_at = row.tries + 1, row.tried_at or now
    return row


def held(session: Session, id_: int, owner: str) -> OutgoingRow | None:
    """The row while it is in `owner`'s hands; nobody else takes it before the transaction ends."""
    row = session.get(OutgoingRow, id_, with_for_update=True, populate_existing=True)
    return row if row is not None and row.state == "sending" and row.owner == owner else None


def told(session: Session, row: OutgoingRow, now: datetime) -> None:
    _close(row, "done", None, now)
    went_well(session, Target(row.target), now)


def went_well(session: Session, target: Target, now: datetime) -> None:
    """The target answered: whatever kept it from that is over."""
    ledger.set_mark(session, mark_of(target), {"succeeded": now.isoformat()}, now)


def dropped(row: OutgoingRow, why: Why, now: datetime) -> None:
    """There is nothing to tell any more."""
    _close(row, "dropped", why, now)


def failed(row: OutgoingRow, why: Why, now: datetime) -> None:
    """It was refused, and would be again: it waits for somebody of the staff."""
    _close(row, "failed", why, now)


def put_off(row: OutgoingRow, why: Why, now: datetime, *, wait: timedelta | None, draw: float) -> None:
    """It is tried again: after `wait` if the target said so, else the later the more often it was tried.

    `draw` in [0, 1) spreads what failed together. After `GIVES_UP` it waits for somebody of the staff.
    """
    if row.tried_at is not None and now - row.tried_at >= GIVES_UP:
        failed(row, why, now)
        return
    row.state, row.owner, row.until, row.error = "due", None, None, why.as_record()
    row.next_at = now + (growing(row.tries, LONGEST, draw) if wait is None else wait)


def stands_still(session: Session, target: Target, now: datetime) -> bool:
    """Whether nothing gets through to this target for now."""
    until = moment_of((ledger.mark(session, mark_of(target)) or {}).get("until"))
    return until is not None and until > now


def stand_still(session: Session, target: Target, why: Why, now: datetime, *, wait: timedelta | None) -> None:
    """Nothing gets through to this target: none of it is tried for a while."""
    known = ledger.mark(session, mark_of(target)) or {}
    times = int(known.get("times", 0)) + 1
    value = {
        "succeeded": known.get("succeeded"),
        "until": (now + (growing(times, STANDS_STILL, 1.0) if wait is None else wait)).isoformat(),
        "since": known.get("since") or now.isoformat(),
        "why": why.as_record(),
        "times": times,
    }
    ledger.set_mark(session, mark_of(target), value, now)


def growing(times: int, most: timedelta, draw: float) -> timedelta:
    """Twice as long each time, from `SHORTEST` to `most`; by `draw` between half of that and the whole."""
    seconds = min(SHORTEST.total_seconds() * 2 ** min(times - 1, 30), most.total_seconds())
    return timedelta(seconds=seconds * (0.5 + 0.5 * draw))


def _close(row: OutgoingRow, state: str, why: Why | None, now: datetime) -> None:
    row.state, row.closed_at, row.owner, row.until = state, now, None, None
    row.error = None if why is None else why.as_record()


def mark_of(target: Target) -> str:
    """The mark that says how it goes with telling this target."""
    return f"telling:{target}"


def moment_of(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
