"""Where somebody is signed in: a random token in a cookie, its hash in the database, so that it can be ended."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, col

from bot.staff.rights import May, may
from bot.store.tables import StaffRow, StaffSessionRow

#: Nobody stays signed in for longer than a working day, nor for longer than this without doing anything.
LASTS: Final = timedelta(hours=12)
IDLE: Final = timedelta(hours=1)
#: How exactly `seen_at` is kept.
SEEN: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    """Who is at the other end. `login` is what the audit trail says."""

    id: str
    login: str
    name: str
    team: str | None
    roles: Collection[str]
    language: str
    seen_at: datetime

    def may(self, what: May) -> bool:
        return may(self.roles, what)


def open_session(session: Session, row: StaffRow, token: str, now: datetime) -> None:
    """Sign somebody in. `token` is random, 32 bytes or more, and is in the cookie only."""
    row.last_seen_at = now
    session.add(row)
    session.add(
        StaffSessionRow(token_hash=_hash(token), staff_id=row.id, created_at=now, seen_at=now, ends_at=now + LASTS)
    )
    session.execute(delete(StaffSessionRow).where(col(StaffSessionRow.ends_at) <= now))


def signed_in(session: Session, token: str, now: datetime) -> SignedIn | None:
    """Who this token belongs to; None when it is unknown, ended, or was idle for too long."""
    opened = session.get(StaffSessionRow, _hash(token))
    if opened is None or now >= opened.ends_at or now - opened.seen_at >= IDLE:
        return None
    row = session.get(StaffRow, opened.staff_id)
    if row is None or row.disabled_at is not None:
        return None
    return SignedIn(
        id=row.id,
        login=row.login,
        name=row.name,
        team=row.team,
        roles=tuple(row.roles),
        language=row.language,
        seen_at=opened.seen_at,
    )


def seen(session: Session, token: str, now: datetime) -> None:
    """Note that the session is in use, so that it does not end as idle."""
    opened = session.get(StaffSessionRow, _hash(token))
    row = None if opened is None else session.get(StaffRow, opened.staff_id)
    if opened is not None and row is not None:
        opened.seen_at = row.last_seen_at = now
        session.add_all([opened, row])


def end(session: Session, token: str) -> None:
    session.execute(delete(StaffSessionRow).where(col(StaffSessionRow.token_hash) == _hash(token)))


def end_all(session: Session, staff_id: str) -> None:
    """Sign somebody out everywhere."""
    session.execute(delete(StaffSessionRow).where(col(StaffSessionRow.staff_id) == staff_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
