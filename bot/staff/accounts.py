"""Accounts of staff: made, changed and shut by an administrator. A name in the audit trail is always an account's."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from threading import BoundedSemaphore
from typing import Any, Final

from pwdlib import PasswordHash
from sqlmodel import Session, col, select

from bot.errors import FaultsError, RefusedError
from bot.staff.rights import Role
from bot.staff.sessions import end_all
from bot.store import ledger
from bot.store.tables import StaffRow

LANGUAGES: Final = ("nl", "en")
#: How long a password may be.
SHORTEST: Final = 12
LONGEST: Final = 200
LOGIN: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}|[a-z0-9][a-z0-9._-]{1,63}")
#: For what is told or written down: no letter that reads like another one.
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_hasher = PasswordHash.recommended()
#: Each try takes 64 MB: whoever sends many at once waits, and does not take the memory of everything else.
_at_once = BoundedSemaphore(2)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewStaff:
    """What an administrator fills in. `login` is an e-mail address or a short name."""

    login: str
    name: str
    roles: Collection[str]
    team: str | None = None
    language: str = "nl"


def add(session: Session, new: NewStaff, *, staff_id: str, by: str, now: datetime) -> StaffRow:
    """A new account without a password. Raises FaultsError with every fault, RefusedError when the login is taken."""
    if faults := list(_faults(new)):
        raise FaultsError(faults)
    login = new.login.strip().casefold()
    if session.exec(select(StaffRow).where(col(StaffRow.login) == login)).first() is not None:
        raise RefusedError("{login} has an account already. Change that one.", login=login)
    row = StaffRow(
        id=staff_id,
        login=login,
        name=new.name.strip(),
        team=_team(new),
        roles=sorted(set(new.roles)),
        language=new.language,
        created_at=now,
    )
    session.add(row)
    session.flush()
    ledger.audit(session, now, by, "staff.add", login, roles=row.roles)
    return row


def change(session: Session, login: str, new: NewStaff, *, by: str, now: datetime) -> StaffRow:
    """Give an account another name, team, language or other roles. Raises FaultsError, RefusedError.

    Nobody changes their own roles, so that the last administrator cannot lock the door from the inside.
    """
    if faults := list(_faults(new)):
        raise FaultsError(faults)
    row = known_as(session, login)
    roles = sorted(set(new.roles))
    if row.login == by.strip().casefold() and roles != row.roles:
        raise RefusedError("Nobody changes their own roles. Ask another administrator.")
    wanted = {"name": new.name.strip(), "team": _team(new), "language": new.language, "roles": roles}
    changed = sorted(name for name, value in wanted.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, wanted[name])
    session.add(row)
    if changed:
        ledger.audit(session, now, by, "staff.change", row.login, changed=changed, roles=roles)
    return row


def disable(session: Session, login: str, *, by: str, now: datetime) -> StaffRow:
    """Shut an account and end its sessions at once. Raises RefusedError for one's own, and when it is shut already."""
    row = known_as(session, login)
    if row.login == by.strip().casefold():
        raise RefusedError("Nobody shuts their own account. Ask another administrator.")
    if row.disabled_at is not None:
        raise RefusedError("{login} is shut already.", login=row.login)
    row.disabled_at = now
    session.add(row)
    end_all(session, row.id)
    ledger.audit(session, now, by, "staff.disable", row.login)
    return row


def set_password(session: Session, login: str, password: str, *, by: str, now: datetime) -> None:
    """Let somebody sign in with a password (argon2id). Raises FaultsError for one that is too short or too long."""
    row = known_as(session, login)
    if not SHORTEST <= len(password) <= LONGEST:
        raise FaultsError([f"password: give {SHORTEST} to {LONGEST} characters; a sentence is fine"])
    row.password_hash = _hasher.hash(password)
    row.totp_offered_sealed = None  # whoever knew the password before may have seen it, and would have both
    row.failures, row.locked_until = 0, None
    session.add(row)
    ledger.audit(session, now, by, "staff.password", row.login)


def unlink(session: Session, login: str, *, by: str, now: datetime) -> None:
    """Forget who this account is at the municipality's own sign-in; the next sign-in under its name takes it again.

    For when that sign-in was replaced, and everybody is somebody else there. Raises RefusedError when it knows nobody.
    """
    row = known_as(session, login)
    if row.subject is None:
        raise RefusedError("{login} is not tied to the municipality's sign-in.", login=row.login)
    row.subject = None
    session.add(row)
    end_all(session, row.id)
    ledger.audit(session, now, by, "staff.unlink", row.login)


@dataclass(frozen=True, slots=True)
class Tried:
    """A password held against what was kept of an account: `known`, None for no account or none with a password."""

    known: str | None = field(repr=False)
    fits: bool


def kept_password(session: Session, login: str) -> str | None:
    """The hash that is kept of an account's password; None also when there is no such account."""
    row = session.exec(select(StaffRow).where(col(StaffRow.login) == login.strip().casefold())).first()
    return None if row is None else row.password_hash


def try_password(known: str | None, password: str) -> Tried:
    """Hold a password against `kept_password`, ahead of the transaction in which nobody else can write."""
    return Tried(known, _fits(known, password))


def password_fits(row: StaffRow | None, password: str, ahead: Tried | None = None) -> bool:
    """Whether this is the account's password. As slow for an account that does not exist as for one that does.

    `ahead` is what `try_password` found; it counts while the account's password is still the one that it saw.
    """
    known = None if row is None else row.password_hash
    return ahead.fits if ahead is not None and ahead.known == known else _fits(known, password)


def _fits(known: str | None, password: str) -> bool:
    with _at_once:
        return _hasher.verify(password[:LONGEST], known or _nobodys()) and known is not None


def known_as(session: Session, login: str) -> StaffRow:
    """The account with this login. Raises RefusedError when there is none."""
    row = session.exec(select(StaffRow).where(col(StaffRow.login) == login.strip().casefold())).first()
    if row is None:
        raise RefusedError("There is no account {login}.", login=login)
    return row


def names(session: Session) -> dict[str, str]:
    """What everybody is called, by login; also who is shut, since the audit trail names them."""
    return dict(iter(session.exec(select(col(StaffRow.login), col(StaffRow.name)))))


def listing(session: Session) -> list[dict[str, Any]]:
    """The accounts by login, without passwords. Moments are ISO 8601 in UTC."""
    return [
        {
            "login": row.login,
            "name": row.name,
            "team": row.team,
            "roles": row.roles,
            "signs_in": "sign-in" if row.subject else "password" if row.password_hash else "not yet",
            "second_factor": row.totp_sealed is not None,
            "last_seen_at": row.last_seen_at and row.last_seen_at.isoformat(),
            "disabled_at": row.disabled_at and row.disabled_at.isoformat(),
        }
        for row in session.exec(select(StaffRow).order_by(col(StaffRow.login)))
    ]


def _team(new: NewStaff) -> str | None:
    return (new.team or "").strip() or None


def _faults(new: NewStaff) -> list[str]:
    faults = []
    login = new.login.strip().casefold()
    if not LOGIN.fullmatch(login):
        faults.append(f"login: {new.login!r} is neither an e-mail address nor a short name such as e.devries")
    if not new.name.strip() or len(new.name) > LONGEST:
        faults.append("name: give the name that citizens and colleagues may see")
    unknown = sorted(set(new.roles) - {role.value for role in Role})
    if unknown:
        faults.append(f"roles: {', '.join(unknown)} is no role; use some of {', '.join(Role)}")
    if not new.roles:
        faults.append(f"roles: none; give at least one of {', '.join(Role)}")
    if new.language not in LANGUAGES:
        faults.append(f"language: {new.language!r}; use one of {', '.join(LANGUAGES)}")
    return faults


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
