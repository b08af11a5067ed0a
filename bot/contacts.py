"""People who asked for contact: the day that is promised, what staff write back, and how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
from sqlmodel import Session

from bot import outbox, saying
from bot.core.buttons import buttons
from bot.core.talk import Say
from bot.errors import RefusedError
from bot.saying import phrase
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, ContactLineRow, ContactRequestRow
from bot.store.vault import Vault
from bot.wording import Wording

#: On the day of a promise that is still open at this hour, the person hears that it will be another day.
TOLD_AT = time(15)
#: A talk in which nobody said anything for so long is closed.
SILENT_FOR = timedelta(days=14)
LONGEST_REPLY = 3000
#: After this many times a new day is not promised any more; the person has the number to call.
MOVES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing said in a talk. `by` None: the person."""

    at: datetime
    by: str | None
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Who of the staff writes. `team` None: the municipality's own; `by` is for the audit trail."""

    name: str
    team: str | None
    by: str


def promise(session: Session, wording: Wording, today: date) -> date:
    """The day by which somebody who asks today is contacted: the first one on which the team has room."""
    country = wording.rules.holidays_of
    day = working_days_after(today, wording.rules.promise_working_days, country)
    taken = conversation.promised(session, day)
    while taken.get(day, 0) >= wording.municipality.contacts_per_day:
        day = working_days_after(day, 1, country)
    return day


def working_days_after(day: date, count: int, country: str) -> date:
    """The `count`-th working day after `day`: no weekend and no public holiday of `country`."""
    free = holidays.country_holidays(country)
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in free:
            count -= 1
    return day


def keep_line(
    session: Session, vault: Vault, request: ContactRequestRow, text: str, now: datetime, *, by: str | None = None
) -> None:
    """Keep something that was said in a talk, sealed, until the talk is closed."""
    assert request.id is not None
    session.add(ContactLineRow(request_id=request.id, at=now, by=by, text_sealed=vault.seal(text)))
    request.spoken_at = now


def lines(session: Session, vault: Vault, request: int, *, by: str, now: datetime) -> Sequence[Line]:
    """What was said in an open talk. Looking is audited. Raises RefusedError for one that is closed."""
    row = _open(session, request)
    ledger.audit(session, now, by, "contact.read", str(row.id))
    known = conversation.contact_lines(session, row.id)
    return [Line(at=line.at, by=line.by, text=vault.open(line.text_sealed)) for line in known]


def reply(
    session: Session, wording: Wording, vault: Vault, request: int, text: str, *, signed: Signature, now: datetime
) -> ContactRequestRow:
    """Write back in the chat, signed; from then on the person can answer.

    Raises RefusedError for a request that is closed, and for a reply that is empty or too long.
    """
    row, text, name = _open(session, request), text.strip(), signed.name.strip()
    if not name:
        raise RefusedError("A reply has a name under it: --name.")
    if not text or len(text) > LONGEST_REPLY:
        raise RefusedError(
            "A reply has 1 to {most} characters; this one has {length}.", most=LONGEST_REPLY, length=len(text)
        )
    citizen = session.get(CitizenRow, row.citizen_id)
    assert citizen is not None
    keep_line(session, vault, row, text, now, by=signed.by)
    row.state = "talking"
    session.flush()
    language = citizen.language
    team = signed.team or wording.say("municipality.team", language)
    said = wording.say("talk.reply", language, {"colleague": name, "from_team": team, "text": text})
    number = len(conversation.contact_lines(session, row.id))
    body = {"text": "", "sealed": vault.seal(said)}
    outbox.queue_reply(session, citizen, f"contact:{row.id}:{number}", body, now)
    ledger.audit(session, now, signed.by, "contact.reply", str(row.id), name=name, characters=len(text))
    return row


def done(session: Session, wording: Wording, request: int, *, by: str, now: datetime) -> ContactRequestRow:
    """Close a request, kindly: the person is told, and what was typed and the number to call are wiped."""
    row = _open(session, request)
    row.state, row.closed_at = "done", now
    conversation.forget_contact(session, [row])
    citizen = session.get(CitizenRow, row.citizen_id)
    assert citizen is not None
    say = Say(words=(phrase("talk.closed"),), buttons=buttons("c", "ask"))
    outbox.queue_reply(
        session, citizen, f"contact:{row.id}:closed", saying.body_of(wording, citizen.language, say), now
    )
    ledger.audit(session, now, by, "contact.done", str(row.id))
    return row


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
                done(session, wording, row.id, by="clock", now=now)
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
    return True


def _open(session: Session, request: int) -> ContactRequestRow:
    row = session.get(ContactRequestRow, request)
    if row is None or row.state not in {"open", "talking"}:
        raise RefusedError(
            "There is no open request {request}. `handreiking contact list` shows those that are.", request=request
        )
    return row
