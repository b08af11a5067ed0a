"""A note's way: drafted, changed, offered by its author, agreed to by somebody else. A change voids the agreement."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from bot import campaigns
from bot.core.facts import Phrase
from bot.errors import FaultsError, RefusedError
from bot.notes.drafting import Line, drafted, month_before, span
from bot.notes.telling import faults, phrases, told
from bot.store import ledger
from bot.store.tables import NoteRow
from bot.wording import Wording

LONGEST_REASON: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A month's note as it stands. `hash` is of all that is told, in each language, as it would leave now."""

    month: str
    lines: tuple[Line, ...]
    additions: Mapping[str, str]
    texts: Mapping[str, str]  # by language
    hash: str
    written_by: tuple[str, ...]
    written_at: datetime
    offered_by: str | None
    offered_at: datetime | None
    agreed_by: str | None
    agreed_at: datetime | None
    sent_at: datetime | None
    why_not: str | None

    @property
    def is_agreed(self) -> bool:
        return self.agreed_at is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """Who sent a note back last, and what has to change."""

    by: str
    because: str


def returned(session: Session, month: str) -> Returned | None:
    """None: nobody sent it back, or its author did something with it since."""
    wanted = ledger.Wanted(actions=("note.draft", "note.save", "note.offer", "note.return"), subjects=(month,))
    for deed in ledger.deeds(session, wanted, limit=1):
        if deed.action == "note.return":
            return Returned(by=deed.who, because=deed.detail["because"])
    return None


def listing(session: Session, wording: Wording) -> list[Note]:
    """Every note, the newest month first."""
    rows = session.execute(select(NoteRow).order_by(col(NoteRow.month).desc())).scalars()
    return [_read(row, wording) for row in rows]


def known(session: Session, wording: Wording, month: str) -> Note:
    """Raises RefusedError when there is no note about this month."""
    return _read(_found(session, month), wording)


def newest_told(session: Session, language: str) -> tuple[Phrase, ...]:
    """The newest note that was agreed to and not taken back, as it reads in `language`; nothing when there is none."""
    agreed = select(NoteRow).where(col(NoteRow.agreed_at).is_not(None), col(NoteRow.why_not).is_(None))
    row = session.execute(agreed.order_by(col(NoteRow.month).desc()).limit(1)).scalar()
    return () if row is None else phrases(row.month, _lines(row), row.additions, language)


def begin(session: Session, wording: Wording, month: str, *, by: str, now: datetime) -> Note:
    """Draft a month's note from the data; the same month again is drafted anew and loses what was written.

    Raises RefusedError for a month that is not over, one whose note was agreed to, and one without anything to tell.
    """
    name = _named(by)
    today = now.astimezone(ZoneInfo(wording.municipality.zone)).date()
    span(month)
    if month > month_before(today):
        raise RefusedError("{month} is not over yet, so its answers are not all there.", month=month)
    lines = drafted(session, wording, month)
    if not lines:
        raise RefusedError(
            "There is nothing to tell about {month}: too few people answered, and nothing was changed. No note is "
            "better than an empty one.",
            month=month,
        )
    row = session.get(NoteRow, month, with_for_update=True)
    if row is None:
        row = NoteRow(month=month, lines=[], additions={}, written_by=[], written_at=now)
    _refuse_if_agreed(row)
    row.lines, row.additions, row.written_by = [line.as_record() for line in lines], {}, [name]
    return _changed(session, wording, row, "note.draft", by=name, now=now)


def save(
    session: Session,
    wording: Wording,
    month: str,
    *,
    keys: Sequence[str],
    additions: Mapping[str, str],
    by: str,
    now: datetime,
) -> Note:
    """Tell those lines whose key is among `keys`, and what was added, by language. Numbers stay as they were counted.

    It takes back whoever offered it. Raises FaultsError with everything that is wrong with what was added, and
    RefusedError.
    """
    name = _named(by)
    row = _found(session, month, locked=True)
    _refuse_if_agreed(row)
    added = {language: text.strip() for language, text in additions.items() if text.strip()}
    if wrong := faults(wording, added):
        raise FaultsError(wrong)
    if not set(keys) & {line.key for line in _lines(row)}:
        raise RefusedError("Leave at least one line in it. If nothing should be told, let it be.")
    row.lines = [{**record, "told": record["key"] in keys} for record in row.lines]
    row.additions = added
    row.written_by = [*dict.fromkeys([*row.written_by, name])]
    return _changed(session, wording, row, "note.save", by=name, now=now)


def offer(session: Session, wording: Wording, month: str, *, by: str, now: datetime) -> Note:
    """The author agrees to it as it reads now, and asks for a second person. Raises RefusedError."""
    name = _named(by)
    row = _found(session, month, locked=True)
    _refuse_if_agreed(row)
    row.written_by = [*dict.fromkeys([*row.written_by, name])]
    row.offered_by, row.offered_at = name, now
    session.add(row)
    note = _read(row, wording)
    ledger.audit(session, now, name, "note.offer", month, hash=note.hash)
    return note


def agree(session: Session, wording: Wording, month: str, *, by: str, seen: str, now: datetime) -> Note:
    """The second person agrees: it is sent from now on. `seen` is the hash of what they looked at.

    Raises RefusedError for whoever had a hand in it, when it was not offered, and when it changed meanwhile.
    """
    name = _named(by)
    row = _found(session, month, locked=True)
    _refuse_if_agreed(row)
    if row.offered_by is None:
        raise RefusedError("Nobody offered the note about {month} yet. Its author does that first.", month=month)
    if campaigns.among(name, row.written_by):
        raise RefusedError("{name} wrote at the note about {month}. Somebody else must agree to it.",
                           name=name, month=month)  # fmt: skip
    note = _read(row, wording)
    if note.hash != seen:
        raise RefusedError("The note changed while you looked at it. Look at it as it is now, and decide then.")
    row.agreed_by, row.agreed_at, row.agreed_hash, row.told = name, now, note.hash, dict(note.texts)
    session.add(row)
    ledger.audit(session, now, name, "note.agree", month, hash=note.hash)
    return _read(row, wording)


def reopen(session: Session, wording: Wording, month: str, because: str, *, by: str, now: datetime) -> Note:
    """Send an offered note back to who wrote it, with what has to change. Raises RefusedError."""
    name = _named(by)
    row = _found(session, month, locked=True)
    _refuse_if_agreed(row)
    if row.offered_by is None:
        raise RefusedError("Nobody offered the note about {month} yet. Its author does that first.", month=month)
    row.offered_by = row.offered_at = None
    session.add(row)
    ledger.audit(session, now, name, "note.return", month, because=_reason(because))
    return _read(row, wording)


def take_back(session: Session, wording: Wording, month: str, because: str, *, by: str, now: datetime) -> Note:
    """Stop sending it: what has not left stays, and nobody reads it in the menu any more. Raises RefusedError."""
    name = _named(by)
    row = _found(session, month, locked=True)
    if row.agreed_at is None:
        raise RefusedError("The note about {month} was not agreed to, so nothing of it leaves.", month=month)
    if row.why_not is not None:
        raise RefusedError("The note about {month} was taken back already.", month=month)
    row.why_not = _reason(because)
    session.add(row)
    stopped = ledger.withdraw_notes(session, f"note:{month}:", "taken_back", now)
    ledger.audit(session, now, name, "note.take_back", month, because=row.why_not, stopped=stopped)
    return _read(row, wording)


def _changed(session: Session, wording: Wording, row: NoteRow, action: str, *, by: str, now: datetime) -> Note:
    row.written_at = now
    row.offered_by = row.offered_at = None
    session.add(row)
    session.flush()
    note = _read(row, wording)
    ledger.audit(session, now, by, action, row.month, hash=note.hash)
    return note


def _read(row: NoteRow, wording: Wording) -> Note:
    lines = _lines(row)
    texts = row.told or {
        language: told(wording, row.month, lines, row.additions, language) for language in wording.languages
    }
    return Note(
        month=row.month,
        lines=tuple(lines),
        additions=row.additions,
        texts=texts,
        hash=hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest(),
        written_by=tuple(row.written_by),
        written_at=row.written_at,
        offered_by=row.offered_by,
        offered_at=row.offered_at,
        agreed_by=row.agreed_by,
        agreed_at=row.agreed_at,
        sent_at=row.sent_at,
        why_not=row.why_not,
    )


def _lines(row: NoteRow) -> list[Line]:
    return [Line(**record) for record in row.lines]


def _found(session: Session, month: str, *, locked: bool = False) -> NoteRow:
    row = session.get(NoteRow, month, with_for_update=locked)
    if row is None:
        raise RefusedError("There is no note about {month}.", month=month)
    return row


def _refuse_if_agreed(row: NoteRow) -> None:
    if row.agreed_at is not None:
        raise RefusedError(
            "The note about {month} was agreed to by {name}, so it stays as it is. Take it back if it is wrong.",
            month=row.month,
            name=row.agreed_by,
        )


def _reason(because: str) -> str:
    reason = because.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise RefusedError("Say why in 1 to {most} characters; your colleagues will want to know.",
                           most=LONGEST_REASON)  # fmt: skip
    return reason


def _named(by: str) -> str:
    if not by.strip():
        raise RefusedError("Say who does this; a note has people who answer for it.")
    return by.strip()
