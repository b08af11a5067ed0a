"""A note that two agreed to, put in line for who asked for it: once for each person, a batch at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from bot import outbox
from bot.core import notes, outreach
from bot.core.facts import Citizen, Purpose
from bot.core.talk import NOTES
from bot.store import conversation, ledger
from bot.store.tables import MessageRow, NoteRow
from bot.wording import Wording

#: So long after it was agreed to it may leave; for who waits for something longer than that it is over.
SENDS_FOR: Final = timedelta(days=14)
#: For how many people it is looked in one transaction.
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Reach:
    """What became of one note's messages so far."""

    waiting: int
    sent: int


def send(session: Session, wording: Wording, now: datetime, limit: int = AT_ONCE) -> int:
    """Queue the newest notes for the next people who asked for them; return how many messages were queued.

    Each person is looked at once. Who may not get it now and could within its time gets it then; the door asks again.
    """
    waiting = select(NoteRow).where(
        col(NoteRow.agreed_at).is_not(None), col(NoteRow.sent_at).is_(None), col(NoteRow.why_not).is_(None)
    )
    row = session.execute(waiting.order_by(col(NoteRow.agreed_at)).limit(1).with_for_update(skip_locked=True)).scalar()
    if row is None:
        return 0
    assert row.agreed_at is not None
    ends = row.agreed_at + SENDS_FOR
    people = [] if now >= ends else ledger.after(session, row.reached, conversation.agreed_to(NOTES, now), limit)
    known = ledger.citizens(session, people)
    noted = ledger.noted(session, known) if known else {}
    queued = [
        message
        for person in people
        if (message := _queued(row, wording, known[person.id], noted.get(person.id), now, ends)) is not None
    ]
    fresh = ledger.add_new(session, MessageRow, queued)
    if people:
        row.reached = people[-1].id
    if len(people) < limit:
        row.sent_at = now
    session.add(row)
    return fresh


def reach(session: Session, month: str) -> Reach:
    """How many messages of a note wait to leave, and how many left or may have."""
    query = (
        select(col(MessageRow.state), func.count())
        .where(col(MessageRow.purpose) == Purpose.NOTE, col(MessageRow.key).startswith(f"note:{month}:"))
        .group_by(col(MessageRow.state))
    )
    counts: dict[str, int] = {state: count for state, count in session.execute(query).all()}  # noqa: C416 - rows
    return Reach(
        waiting=sum(counts.get(state, 0) for state in ("due", "leased")),
        sent=sum(counts.get(state, 0) for state in ("sending", "sent", "uncertain")),
    )


def _queued(
    row: NoteRow, wording: Wording, citizen: Citizen, noted: datetime | None, now: datetime, ends: datetime
) -> dict[str, Any] | None:
    objection = notes.objection(citizen, now, noted=noted)
    if objection is not None and objection.until is None:
        return None
    earliest = now if objection is None or objection.until is None else objection.until
    due = outreach.next_civil_moment(citizen.zone, outreach.own_rules(citizen, wording.rules), earliest)
    if due > ends:
        return None
    assert row.told is not None
    language = citizen.language if citizen.language in row.told else wording.languages[0]
    labels = outbox.labels(wording, language, notes.note_buttons())
    return {
        "key": f"note:{row.month}:{citizen.id}",
        "citizen_id": citizen.id,
        "purpose": Purpose.NOTE,
        "state": "due",
        "due_at": due,
        "expires_at": ends,
        "created_at": now,
        "language": language,
        "body": {
            "text": row.told[language],
            "buttons": [{"text": label.text, "data": label.data, "url": label.url} for label in labels],
        },
    }
