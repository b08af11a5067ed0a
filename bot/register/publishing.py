"""Entries as they were published, and whether the newest still describes what runs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from bot.errors import FaultsError, RefusedError
from bot.register.algorithm import configuration, fingerprint
from bot.register.entry import entry, faults
from bot.store import ledger
from bot.store.tables import RegisterEntryRow
from bot.wording import Wording


class Standing(StrEnum):
    """Whether the newest published entry describes what runs.

    NONE: nothing is published. OTHER: it is about another algorithm, so what was learned is not used. REWORDED: it is
    about this one, and what would be published now has other words or numbers. SAME: word for word.
    """

    NONE = "none"
    OTHER = "other"
    REWORDED = "reworded"
    SAME = "same"

    @property
    def pauses(self) -> bool:
        return self in {Standing.NONE, Standing.OTHER}


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    number: int
    hash: str
    fingerprint: str
    entry: Mapping[str, str]
    configuration: Mapping[str, Any]
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One field that differs; None: it is not there on that side."""

    field: str
    published: str | None
    now: str | None


def history(session: Session) -> list[Published]:
    """Every entry that was published, newest first."""
    rows = session.execute(select(RegisterEntryRow).order_by(col(RegisterEntryRow.id).desc())).scalars()
    return [_read(row) for row in rows]


def newest(session: Session) -> Published | None:
    row = session.execute(select(RegisterEntryRow).order_by(col(RegisterEntryRow.id).desc()).limit(1)).scalar()
    return None if row is None else _read(row)


def standing(session: Session, wording: Wording) -> Standing:
    """How the newest entry compares to what this wording and program would publish."""
    published = newest(session)
    if published is None:
        return Standing.NONE
    if published.fingerprint != fingerprint(wording):
        return Standing.OTHER
    try:
        same = published.hash == digest(entry(wording))
    except FaultsError:
        same = False
    return Standing.SAME if same else Standing.REWORDED


def doubt(session: Session, wording: Wording) -> str | None:
    """Why what was learned may not be used, as far as the register goes; None: it may."""
    newest_one = select(col(RegisterEntryRow.fingerprint), col(RegisterEntryRow.published_at))
    found = session.execute(newest_one.order_by(col(RegisterEntryRow.id).desc()).limit(1)).first()
    if found is None:
        return "unregistered: the algorithm register has no entry"
    if found.fingerprint != fingerprint(wording):
        return f"unregistered: the entry of {found.published_at:%Y-%m-%d} is about another algorithm"
    return None


def publish(session: Session, wording: Wording, *, by: str, now: datetime, seen: str | None = None) -> Published:
    """Keep the entry as it would be published now; from then on the algorithm that it describes may be used.

    `seen`: the digest of what was looked at; another one than that of now is refused. Putting it into the national
    register is a person's deed: take the JSON along. Raises FaultsError with everything
    that does not fit the standard, RefusedError when the newest says the same.
    """
    if not by.strip():
        raise RefusedError("Say who publishes the entry; somebody answers for it.")
    said = entry(wording)
    if seen is not None and digest(said) != seen:
        raise RefusedError("The entry changed while you looked at it. Read it as it is now.")
    if wrong := faults(said, wording):
        raise FaultsError(wrong)
    if standing(session, wording) is Standing.SAME:
        raise RefusedError("The newest entry says exactly this already, so there is nothing to publish.")
    row = RegisterEntryRow(
        hash=digest(said),
        fingerprint=fingerprint(wording),
        entry=said,
        configuration=configuration(wording),
        published_by=by.strip(),
        published_at=now,
    )
    session.add(row)
    session.flush()
    made = _read(row)
    ledger.audit(
        session, now, made.by, "register.publish", str(made.number), hash=made.hash, fingerprint=made.fingerprint
    )
    return made


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[Line]:
    """The fields that differ, in the order of the entry as it would be now."""
    names: Sequence[str] = [*after, *(name for name in before if name not in after)]
    return [
        Line(field=name, published=before.get(name), now=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def digest(said: Mapping[str, str]) -> str:
    """SHA-256 in hex of an entry: its JSON with sorted keys, without spaces, in UTF-8."""
    canonical = json.dumps(dict(said), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read(row: RegisterEntryRow) -> Published:
    assert row.id is not None
    return Published(
        number=row.id,
        hash=row.hash,
        fingerprint=row.fingerprint,
        entry=row.entry,
        configuration=row.configuration,
        by=row.published_by,
        at=row.published_at,
    )
