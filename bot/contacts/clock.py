"""What time asks for: reminders, promises that cannot be kept, and talks in which nobody speaks any more."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

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
        citizen = session.get(CitizenRow, row.citizen_id)
        assert citizen is not None
        local = now.astimezone(ZoneInfo(citizen.zone))
        if row.state == "talking":
            if row.spoken_at is not None and now - row.spoken_at >= SILENT_FOR:
                done(session, wording, row.id, by="clock", now=now, whosever=True)
                told += 1
        elif row.promised_by < local.date() or (row.promised_by == local.date() and local.time() >= TOLD_AT):
            told += _put_off(session, wording, row, citizen, local.date(), now)
        elif row.remind and row.reminded_at is None and row.promised_by == local.date():
            row.reminded_at = now
            choices = buttons("r", "change", "cancel", ref=row.id)
            say = Say(words=(phrase(f"contact.reminder.{row.how}"),), buttons=choices)
            saying.notify(session, wording, citizen, f"contact:{row.id}:remind:{row.moved}", say, now)
            told += 1
    return told


def _put_off(
    session: Session, wording: Wording, row: ContactRequestRow, citizen: CitizenRow, today: date, now: datetime
) -> bool:
    """Say that the promise cannot be kept: with a new day the first time, and after that with the number to call."""
    if row.moved >= MOVES:
        return False
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
    return True
