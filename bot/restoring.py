"""What happens when an old copy of the database was put back: nothing goes out until a person says how to go on.

The copy knows neither what left after it was made nor who stopped. So nudges and notices are held, and so are the
replies that waited in it; what people say from now on is answered.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import and_, func, not_, or_, select, update
from sqlmodel import Session, col

from bot import campaigns, outbox
from bot.core.facts import Onward, Purpose
from bot.errors import InTheWayError, RefusedError
from bot.store import conversation, ledger, provenance
from bot.store.provenance import RESTORED
from bot.store.tables import CitizenRow, MarkRow, MessageRow, OfferRow, SignalRow

#: What a message or offer that may have left already is closed with, never to be sent again. Such a message counts as
#: a contact. Of an offer without one nobody knows when it left, so that its person gets no nudge for some time.
UNCERTAIN: Final = "uncertain"
QUIET_AFTER: Final = timedelta(days=14)
_WAITS: Final = ("due", "leased")
#: Who pauses nudges after a restore, and holds notices besides.
GUARD: Final = "guard"


_DECIDE: Final = """\
This database {because}.
It was last at work at {last}. What left after that could be sent twice, and who stopped after that stands in it as
taking part. So no nudge leaves ({waiting} wait), nor anything else that nobody asked for just now; what people say is
answered. Say how to go on:
  {command} ask
      Recommended when anybody could reach the bot after the copy was made. What may have left is never sent again.
      Every consent ends, and everybody who takes part is asked once, in civil hours, whether we may go on. Whoever
      stopped gets no more than that one question.
  {command} withdraw
      The same, but consents stay: only when you know that nobody stopped since.
  {command} send
      Everything goes on: only when you know that nothing left and nobody said anything since, because the bot stood
      still."""


def guard(session: Session, said: provenance.Marks, state_dir: Path | None, now: datetime) -> Collection[Purpose]:
    """What may leave from this database: everything, replies only, or nothing at all.

    Raises InTheWayError when the witness of a new database cannot be written.
    """
    if provenance.unusable(said, here="here") is not None:
        return ()
    if RESTORED not in said:
        because = provenance.suspicion(session, said, state_dir)
        if because is None:
            if provenance.IDENTITY not in said:
                _adopt(session, said, state_dir, now)
            return tuple(Purpose)
        _hold(session, because, now)
    if ledger.mark(session, outbox.PAUSE_NUDGES) is None:
        _pause(session, now)
    return (Purpose.REPLY,)


def look(session: Session) -> str | None:
    """What there is to decide and the ways on, as far as the database says itself; None: there is nothing.

    Changes nothing. What else tells of an old copy is known where the bot runs, and marked when it starts.
    """
    said = provenance.marks(session)
    held = said.get(RESTORED) or said.get(provenance.COPY)
    if held is None:
        return None
    return _DECIDE.format(
        because=held["because"],
        last=held.get("last_at_work") or _last_at_work(session) or "an unknown time",
        waiting=_nudges_waiting(session),
        command="handreiking nudges resume --after-restore",
    )


def go_on(session: Session, onward: Onward, state_dir: Path | None, now: datetime, *, who: str) -> dict[str, int]:
    """Do what a person decided after a restore; return how much was withdrawn, taken up again and asked.

    Raises RefusedError when nothing waits for such a decision, InTheWayError when the witness cannot be written.
    """
    guard(session, provenance.marks(session), state_dir, now)
    said = provenance.marks(session)
    if RESTORED not in said:
        raise RefusedError("No restore waits for a decision. `handreiking nudges resume` lets nudges leave again.")
    counts = {"withdrawn": 0, "taken_up": 0, "consents_ended": 0}
    if onward is Onward.SEND:
        counts["taken_up"] = _take_up(session)
    else:
        counts["withdrawn"] = _withdraw(session, now, _held_since(session))
    if onward is Onward.ASK:
        counts["consents_ended"] = conversation.end_consents(session, now)
        ledger.set_mark(session, conversation.ENDED_BY_RESTORE, {"at": now.isoformat()}, now)
    before, pause = said[RESTORED].get("paused_before"), ledger.mark(session, outbox.PAUSE_NUDGES)
    if pause is None or pause.get("who") == GUARD:  # else somebody paused them meanwhile, for a reason of their own
        if before is None:
            ledger.clear_mark(session, outbox.PAUSE_NUDGES)
        else:
            ledger.set_mark(session, outbox.PAUSE_NUDGES, before, now)
    ledger.audit(session, now, who, "after_restore", onward, because=said[RESTORED]["because"], **counts)
    _adopt(session, said, state_dir, now)
    return counts


def _adopt(session: Session, said: provenance.Marks, state_dir: Path | None, now: datetime) -> None:
    try:
        provenance.adopt(session, said, state_dir, now)
    except OSError as error:
        path = provenance.witness_path(session, state_dir)
        raise InTheWayError(
            f"The witness {path} cannot be written: {error.strerror}. HANDREIKING_STATE_DIR can name another directory."
        ) from None


def _last_at_work(session: Session) -> str | None:
    copying = (provenance.COPY, provenance.MOVING)
    last = session.execute(select(func.max(col(MarkRow.at))).where(col(MarkRow.name).not_in(copying))).scalar_one()
    return None if last is None else last.isoformat(timespec="seconds")


def _hold(session: Session, because: str, now: datetime) -> None:
    value: dict[str, Any] = {
        "because": because,
        "at": now.isoformat(timespec="seconds"),
        "last_at_work": _last_at_work(session),
        "paused_before": ledger.mark(session, outbox.PAUSE_NUDGES),
    }
    if not ledger.add_new(session, MarkRow, [{"name": RESTORED, "value": value, "at": now}]):
        return  # another process that started with this one has done it
    # Replies that waited in the copy may have left; what is said from now on is answered.
    session.execute(
        update(MessageRow)
        .where(col(MessageRow.purpose) == Purpose.REPLY, col(MessageRow.state).in_(_WAITS))
        .values(state="withdrawn", error=RESTORED, closed_at=now, owner=None, leased_until=None)
    )
    session.execute(
        update(MessageRow).where(col(MessageRow.state) == "leased").values(state="due", owner=None, leased_until=None)
    )
    _pause(session, now)
    ledger.audit(session, now, GUARD, "hold_after_restore", "all", because=because)


def _pause(session: Session, now: datetime) -> None:
    held = ledger.mark(session, RESTORED)
    why = "this database was put back from a copy" if held is None else f"this database {held['because']}"
    ledger.set_mark(session, outbox.PAUSE_NUDGES, {"because": why, "who": GUARD}, now)


def _nudges_waiting(session: Session) -> int:
    statement = select(func.count()).where(col(MessageRow.purpose) == Purpose.NUDGE, col(MessageRow.state).in_(_WAITS))
    return int(session.execute(statement).scalar_one())


def _take_up(session: Session) -> int:
    """Nobody can have got what waited: let the replies go after all, as far as they still are of use."""
    again = session.execute(
        update(MessageRow)
        .where(col(MessageRow.state) == "withdrawn", col(MessageRow.error) == RESTORED)
        .values(state="due", error=None, closed_at=None)
    )
    return again.rowcount  # type: ignore[attr-defined,no-any-return]


def _held_since(session: Session) -> datetime:
    since: datetime = session.execute(select(col(MarkRow.at)).where(col(MarkRow.name) == RESTORED)).scalar_one()
    return since


def _withdraw(session: Session, now: datetime, held: datetime) -> int:
    """Close what may have left: waiting messages and the offers behind them, and open offers that the copy led to."""
    # A planner goes on while it is held, so a nudge or notice made after that may have left as well. A reply cannot.
    answers_now = and_(col(MessageRow.purpose) == Purpose.REPLY, col(MessageRow.created_at) > held)
    may_have_left = or_(
        and_(col(MessageRow.state).in_(_WAITS), not_(answers_now)),
        and_(col(MessageRow.state) == "withdrawn", col(MessageRow.error) == RESTORED),
    )
    rows = session.execute(select(MessageRow.id, MessageRow.body).where(may_have_left)).all()  # type: ignore[call-overload]
    ledger.unseal(session, rows)
    session.execute(
        update(MessageRow)
        .where(may_have_left)
        .values(state=UNCERTAIN, error=RESTORED, closed_at=now, owner=None, leased_until=None)
    )
    # A day of a campaign's calendar is a signal of now, and came in what was lost as well.
    known: Any = select(col(SignalRow.id)).where(
        or_(col(SignalRow.received_at) <= held, col(SignalRow.source).startswith(campaigns.CALENDAR_SOURCE))
    )
    undecided = and_(
        col(OfferRow.state) == "open",
        or_(col(OfferRow.look_at) <= now, col(OfferRow.created_at) <= held, col(OfferRow.signal_id).in_(known)),
    )
    quiet: Any = held + QUIET_AFTER
    session.execute(
        update(CitizenRow)
        .where(
            col(CitizenRow.id).in_(select(col(OfferRow.citizen_id)).where(undecided)),
            or_(col(CitizenRow.paused_until).is_(None), col(CitizenRow.paused_until) < quiet),
        )
        .values(paused_until=quiet),
        execution_options={"synchronize_session": False},
    )
    waiting = or_(col(OfferRow.state) == "queued", undecided)
    session.execute(
        update(OfferRow).where(waiting).values(state="closed", outcome=UNCERTAIN, closed_at=now),
        execution_options={"synchronize_session": False},
    )
    return len(rows)
