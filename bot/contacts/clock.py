"""What time asks for: reminders, promises that cannot be kept, and talks in which nobody speaks any more."""

from datetime import date, datetime, time, timedelta
from enum import Enum, auto
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from bot import klant, saying
from bot.contacts.days import promise
from bot.contacts.talk import done
from bot.core.buttons import buttons
from bot.core.talk import Say
from bot.saying import phrase
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, ContactRequestRow
from bot.wording import Wording

#: On the day of a promise that is still open at this hour, the person hears that it will be another day.
TOLD_AT: Final = time(15)
#: A talk in which nobody said anything for so long is closed.
SILENT_FOR: Final = timedelta(days=14)
#: After this many times a new day is not promised any more; the person has the number to call.
MOVES: Final = 2


def keep_promises(session: Session, wording: Wording, now: datetime) -> int:
    """Remind who asked for it, tell who will be contacted later than promised, close talks that went silent.

    Return how many people were written to.
    """
    told = 0
    for row in conversation.open_requests(session):
        citizen = session.get_one(CitizenRow, row.citizen_id)
        if _due(row, citizen, now) is None or not _hold(session, row, citizen):
            continue
        match _due(row, citizen, now):
            case _Due.SILENT:
                done(session, wording, row.id, by="clock", now=now, whosever=True)
            case _Due.LATE:
                _put_off(session, wording, row, citizen, _today(citizen, now), now)
            case _Due.TODAY:
                row.reminded_at = now
                choices = buttons("r", "change", "cancel", ref=row.id)
                say = Say(words=(phrase(f"contact.reminder.{row.how}"),), buttons=choices)
                saying.notify(session, wording, citizen, f"contact:{row.id}:remind:{row.moved}", say, now)
            case None:
                continue
        told += 1
    return told


class _Due(Enum):
    """What it is time for."""

    SILENT = auto()
    LATE = auto()
    TODAY = auto()


def _due(row: ContactRequestRow, citizen: CitizenRow, now: datetime) -> _Due | None:
    local = now.astimezone(ZoneInfo(citizen.zone))
    if row.state == "talking":
        return _Due.SILENT if row.spoken_at is not None and now - row.spoken_at >= SILENT_FOR else None
    if row.state != "open":
        return None
    if row.promised_by < local.date() or (row.promised_by == local.date() and local.time() >= TOLD_AT):
        return _Due.LATE if row.moved < MOVES else None
    is_today = row.remind and row.reminded_at is None and row.promised_by == local.date()
    return _Due.TODAY if is_today else None


def _hold(session: Session, row: ContactRequestRow, citizen: CitizenRow) -> bool:
    """Hold the person until the end of the transaction, and read the request as it is by then.

    False: they are being heard or answered this very moment. Whatever is still due then waits for the next time, so
    that nobody waits here, and so nobody waits in a circle.
    """
    held = select(CitizenRow).where(col(CitizenRow.id) == citizen.id)
    held = held.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    if session.exec(held).first() is None:
        return False
    session.refresh(row)
    return True


def _today(citizen: CitizenRow, now: datetime) -> date:
    return now.astimezone(ZoneInfo(citizen.zone)).date()


def _put_off(
    session: Session, wording: Wording, row: ContactRequestRow, citizen: CitizenRow, today: date, now: datetime
) -> None:
    """Say that the promise cannot be kept: with a new day the first time, and after that with the number to call."""
    row.moved += 1
    if row.moved < MOVES:
        row.promised_by, row.reminded_at = promise(session, wording, today), None
        words = phrase("contact.moved", date=row.promised_by)
    else:
        words = phrase("contact.late")
    say = Say(words=(words,), buttons=buttons("r", "change", "cancel", ref=row.id))
    saying.notify(session, wording, citizen, f"contact:{row.id}:moved:{row.moved}", say, now)
    ledger.audit(session, now, "clock", "contact.moved", str(row.id), promised_by=row.promised_by.isoformat())
    klant.moved(session, row, now)
