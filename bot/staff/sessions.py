"""Where somebody is signed in: a random token in a cookie, its hash in the database, so that it can be ended."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
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


class Means(StrEnum):
    """How somebody came in."""

    PASSWORD = "password"  # nosec B105  # noqa: S105 - the word
    PROVIDER = "provider"  # the municipality's own sign-in, which has its own second factor
    DEMO = "demo"


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
    means: str = Means.PASSWORD
    has_password: bool = False
    has_factor: bool = False

    @property
    def by_password_alone(self) -> bool:
        """Whether nothing but a password stands between a stranger and this account."""
        return self.means == Means.PASSWORD and not self.has_factor

    def may(self, what: May) -> bool:
        return may(self.roles, what)


def open_session(
    session: Session,
    row: StaffRow,
    token: str,
    now: datetime,
    *,
    means: Means = Means.PASSWORD,
    id_token_sealed: str | None = None,
) -> None:
    """Sign somebody in. `token` is random, 32 bytes or more, and is in the cookie only."""
    row.last_seen_at = now
    session.add(row)
    session.add(
        StaffSessionRow(
            token_hash=_hash(token),
            staff_id=row.id,
            created_at=now,
            seen_at=now,
            ends_at=now + LASTS,
            means=means,
            id_token_sealed=id_token_sealed,
        )
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
        means=opened.means or Means.PASSWORD,
        has_password=row.password_hash is not None,
        has_factor=row.totp_sealed is not None,
    )


def seen(session: Session, token: str, now: datetime) -> None:
    """Note that the session is in use, so that it does not end as idle."""
    opened = session.get(StaffSessionRow, _hash(token))
    row = None if opened is None else session.get(StaffRow, opened.staff_id)
    if opened is not None and row is not None:
        opened.seen_at = row.last_seen_at = now
        session.add_all([opened, row])


def end(session: Session, token: str) -> str | None:
    """Sign out here; gives the sealed ID token of a session that the municipality's own sign-in opened."""
    opened = session.get(StaffSessionRow, _hash(token))
    if opened is None:
        return None
    session.delete(opened)
    return opened.id_token_sealed


def end_all(session: Session, staff_id: str, *, but: str | None = None) -> None:
    """Sign somebody out everywhere, or everywhere but where the token `but` is."""
    ends = delete(StaffSessionRow).where(col(StaffSessionRow.staff_id) == staff_id)
    if but is not None:
        ends = ends.where(col(StaffSessionRow.token_hash) != _hash(but))
    session.execute(ends)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
