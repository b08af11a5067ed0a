"""A talk with somebody who asked for contact: what was said, what staff write back, and how it ends."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import klant, outbox, saying
from bot.contacts.claims import claim, closed, is_theirs, lapsed, open_request
from bot.contacts.days import claim_end, working_days_after
from bot.core.buttons import buttons
from bot.core.talk import AskContact, Say
from bot.errors import RefusedError
from bot.saying import phrase
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, ContactLineRow, ContactRequestRow, MessageRow
from bot.store.vault import Vault
from bot.wording import Wording

LONGEST_REPLY: Final = 3000
NOTE: Final = "note"
#: In a standard reply: something that whoever sends it fills in.
GAP: Final = "…"


class Outcome(StrEnum):
    """What came of a request, for figures."""

    REACHED = "reached"
    HELPED = "helped"
    REFERRED = "referred"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing said in a talk, or a note. `by` None: the person.

    `delivery` is the state of the message that carries a reply, `error` why it failed; None: not known any more.
    """

    id: int
    at: datetime
    by: str | None
    text: str = field(repr=False)
    is_note: bool = False
    delivery: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Who of the staff writes. `team` None: the municipality's own; `by` is for the audit trail."""

    name: str
    team: str | None
    by: str


def ask(
    session: Session, vault: Vault, citizen: CitizenRow, asked: AskContact, *, update: int, now: datetime
) -> ContactRequestRow:
    """Take in that somebody wants contact. Whoever held the request that this one replaces holds this one."""
    about = None if asked.message is None else session.get(MessageRow, asked.message)
    theirs = about is not None and about.citizen_id == citizen.id
    before = conversation.just_cancelled(session, citizen.id, now)
    row = ContactRequestRow(
        id=update,
        citizen_id=citizen.id,
        message_id=about.id if about and theirs else None,
        card=about.card if about and theirs else None,
        how=asked.how,
        daypart=asked.daypart,
        phone_sealed=None if asked.phone is None else vault.seal(asked.phone),
        language=citizen.language,
        asked_at=now,
        promised_by=asked.promised_by,
        state="open",
    )
    if before is not None and not lapsed(before, now):
        row.claimed_by, row.claimed_at, row.claim_until = before.claimed_by, before.claimed_at, before.claim_until
    session.add(row)
    klant.asked(session, row, now)
    return row


def heard(session: Session, wording: Wording, vault: Vault, row: ContactRequestRow, text: str, now: datetime) -> None:
    """Keep what the person said. In a talk that goes on, whose it is has some working hours to answer."""
    _keep(session, vault, row, text, now)
    if row.state != "talking" or row.waiting_since is not None:
        return
    today = now.astimezone(ZoneInfo(wording.municipality.zone)).date()
    row.waiting_since = now
    row.answer_by = working_days_after(today, 1, wording.municipality)
    if row.claimed_by is not None:
        row.claim_until = claim_end(wording, now)


def cancel(session: Session, row: ContactRequestRow, now: datetime) -> None:
    """The person takes the request back: what was typed and the number to call are wiped."""
    row.state, row.closed_at = "cancelled", now
    conversation.forget_contact(session, [row])
    klant.closed(session, row, "cancelled", now)


def lines(session: Session, wording: Wording, vault: Vault, request: int, *, by: str, now: datetime) -> Sequence[Line]:
    """What was said in an open talk, notes included. Looking is audited, and takes a request that is free.

    People are told that only who helps them reads it. So it raises TakenError when a colleague has it; and ClosedError.
    """
    row = open_request(session, request)
    if not is_theirs(row, by, now):
        row = claim(session, wording, request, by=by, now=now)
    row.handed_by = None
    session.add(row)
    ledger.audit(session, now, by, "contact.read", str(request))
    rows = conversation.contact_lines(session, request)
    states = conversation.delivery(session, [line.message_key for line in rows if line.message_key is not None])
    return [_line(vault, line, states) for line in rows]


def stamp(session: Session, request: int) -> str:
    """Something that changes whenever a talk has a new line or a reply got further. It tells nothing of anybody."""
    rows = conversation.contact_lines(session, request)
    states = conversation.delivery(session, [line.message_key for line in rows if line.message_key is not None])
    seen = [str(line.id) for line in rows] + [states.get(line.message_key or "", ("",))[0] for line in rows]
    return hashlib.sha256("|".join(seen).encode()).hexdigest()[:16]


def phone(session: Session, wording: Wording, vault: Vault, request: int, *, by: str, now: datetime) -> str | None:
    """The number to call, opened; None when there is none. Showing it is audited. Raises TakenError, ClosedError."""
    row = claim(session, wording, request, by=by, now=now)
    ledger.audit(session, now, by, "contact.phone", str(request))
    return None if row.phone_sealed is None else vault.open(row.phone_sealed)


def reply(
    session: Session,
    wording: Wording,
    vault: Vault,
    request: int,
    text: str,
    *,
    signed: Signature,
    now: datetime,
    after: int | None = None,
) -> ContactRequestRow:
    """Write back in the chat, signed; from then on the person can answer.

    `after` is the last line that the writer had before them: the same words once more after it are the same press
    arriving twice, and are not sent again. Raises ClosedError, TakenError when a colleague has it, and RefusedError for
    a reply that is empty, too long, or has a gap.
    """
    text, name = text.strip(), signed.name.strip()
    if not name:
        raise RefusedError("A reply has a name under it: --name.")
    if not text or len(text) > LONGEST_REPLY:
        raise RefusedError(
            "A reply has 1 to {most} characters; this one has {length}.", most=LONGEST_REPLY, length=len(text)
        )
    if GAP in text:
        raise RefusedError("Fill in what is left open with …, or take it out.")
    citizen = _person(session, request)
    row = claim(session, wording, request, by=signed.by, now=now)
    if after is not None and _was_said(session, vault, row, text, by=signed.by, after=after):
        return row
    line = _keep(session, vault, row, text, now, by=signed.by)
    row.state, row.claim_until, row.waiting_since, row.answer_by = "talking", None, None, None
    session.flush()
    line.message_key = f"contact:{row.id}:{line.id}"
    said = as_sent(wording, citizen.language, text, signed)
    body = {"text": "", "sealed": vault.seal(said)}
    outbox.queue_reply(session, citizen, line.message_key, body, now)
    assert line.id is not None
    klant.replied(session, row, line.id, now)
    ledger.audit(session, now, signed.by, "contact.reply", str(row.id), name=name, characters=len(text))
    return row


def as_sent(wording: Wording, language: str, text: str, signed: Signature) -> str:
    """A reply as the person reads it, signed."""
    team = signed.team or wording.say("municipality.team", language)
    params = {"colleague": signed.name.strip(), "from_team": team, "text": text.strip()}
    return wording.say("talk.reply", language, params)


def note(
    session: Session, wording: Wording, vault: Vault, request: int, text: str, *, by: str, now: datetime
) -> ContactRequestRow:
    """Write something down for colleagues. It is never sent, and wiped with the talk.

    Raises ClosedError, TakenError, and RefusedError for a note that is empty or too long.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_REPLY:
        raise RefusedError(
            "A note has 1 to {most} characters; this one has {length}.", most=LONGEST_REPLY, length=len(text)
        )
    row = claim(session, wording, request, by=by, now=now)
    session.add(ContactLineRow(request_id=row.id, at=now, by=by, kind=NOTE, text_sealed=vault.seal(text)))
    ledger.audit(session, now, by, "contact.note", str(row.id), characters=len(text))
    return row


def done(
    session: Session,
    wording: Wording,
    request: int,
    *,
    by: str,
    now: datetime,
    outcome: Outcome | None = None,
    referred_to: str | None = None,
    whosever: bool = False,
) -> ContactRequestRow:
    """Close a request, kindly: the person is told, and what was typed and the number to call are wiped.

    `referred_to` is where the person was sent on to: a name from `places`, never words about a person. `whosever`: for
    what is no person, such as the clock; a request that a colleague holds is closed too. Raises ClosedError,
    TakenError, and RefusedError for an outcome that is not whole.
    """
    if outcome is Outcome.REFERRED and referred_to not in places(wording):
        raise RefusedError("Say where you sent the person on to.")
    citizen = _person(session, request)
    if whosever:
        row = open_request(session, request)
    else:
        row = claim(session, wording, request, by=by, now=now)
    row.state, row.closed_at, row.outcome = "done", now, outcome
    row.referred_to = referred_to if outcome is Outcome.REFERRED else None
    row.waiting_since, row.answer_by, row.handed_by = None, None, None
    conversation.forget_contact(session, [row])
    words = "talk.not_reached" if outcome is Outcome.NOT_REACHED else "talk.closed"
    say = Say(words=(phrase(words),), buttons=buttons("c", "ask"))
    outbox.queue_reply(
        session, citizen, f"contact:{row.id}:closed", saying.body_of(wording, citizen.language, say), now
    )
    detail = {} if outcome is None else {"outcome": str(outcome)}
    ledger.audit(session, now, by, "contact.done", str(row.id), **detail)
    klant.closed(session, row, "done" if outcome is None else str(outcome), now)
    return row


#: Where people are sent on to when it is none of the organisations that the cards know.
ELSEWHERE: Final = "elsewhere"


def places(wording: Wording) -> Sequence[str]:
    """Where somebody can be sent on to: the providers that the cards name, and elsewhere. So it can be counted."""
    named = {provider.name for card in wording.cards.values() for provider in card.providers}
    return [*sorted(named, key=str.casefold), ELSEWHERE]


def _person(session: Session, request: int) -> CitizenRow:
    """Who asked, held until the end of the transaction: whoever hears them holds the person before their requests."""
    row = session.get(ContactRequestRow, request)
    if row is None:
        raise closed(request)
    citizen = session.get(CitizenRow, row.citizen_id, with_for_update={"key_share": True}, populate_existing=True)
    assert citizen is not None
    return citizen


def _keep(
    session: Session, vault: Vault, row: ContactRequestRow, text: str, now: datetime, *, by: str | None = None
) -> ContactLineRow:
    line = ContactLineRow(request_id=row.id, at=now, by=by, text_sealed=vault.seal(text))
    session.add(line)
    row.spoken_at = now
    return line


def _was_said(session: Session, vault: Vault, row: ContactRequestRow, text: str, *, by: str, after: int) -> bool:
    return any(
        line.id is not None and line.id > after and line.by == by and line.kind is None
        and vault.open(line.text_sealed) == text
        for line in conversation.contact_lines(session, row.id)
    )  # fmt: skip


def _line(vault: Vault, row: ContactLineRow, states: Mapping[str, tuple[str, str | None]]) -> Line:
    assert row.id is not None
    delivery, error = states.get(row.message_key or "", (None, None))
    return Line(
        id=row.id,
        at=row.at,
        by=row.by,
        text=vault.open(row.text_sealed),
        is_note=row.kind == NOTE,
        delivery=delivery,
        error=error,
    )
