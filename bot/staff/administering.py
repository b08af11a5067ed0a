"""What an administrator does with the accounts of others, beside making and changing them."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, func, select

from bot.errors import RefusedError
from bot.staff import factor
from bot.staff.accounts import LETTERS, known_as, set_password
from bot.staff.sessions import end_all
from bot.store import ledger
from bot.store.tables import StaffRow, StaffSessionRow


def first_password(session: Session, login: str, *, by: str, now: datetime, pick: Callable[[str], str]) -> str:
    """A password for somebody who cannot sign in, to be told to them once; it is not kept. Their sessions end.

    `pick` takes one letter at random (`secrets.choice`). Raises RefusedError for one's own account and a shut one.
    """
    row = known_as(session, login)
    if row.login == by.strip().casefold():
        raise RefusedError("Nobody gives themselves a new password here. Ask another administrator.")
    if row.disabled_at is not None:
        raise RefusedError("{login} is shut. Open the account first.", login=row.login)
    password = "-".join("".join(pick(LETTERS) for _ in range(5)) for _ in range(4))
    set_password(session, login, password, by=by, now=now)
    end_all(session, row.id)
    return password


def reset_factor(session: Session, login: str, *, by: str, now: datetime) -> None:
    """Take the second factor away from somebody who lost phone and recovery codes. Their sessions end.

    Raises RefusedError for one's own account, since that asks for the password, and when there is none.
    """
    row = known_as(session, login)
    if row.login == by.strip().casefold():
        raise RefusedError("Your own second factor is removed on your profile, with your password.")
    factor.clear(session, login, by=by, now=now)
    end_all(session, row.id)


def enable(session: Session, login: str, *, by: str, now: datetime) -> StaffRow:
    """Open an account that was shut, with the roles that it had. Raises RefusedError when it is open."""
    row = known_as(session, login)
    if row.disabled_at is None:
        raise RefusedError("{login} is open already.", login=row.login)
    row.disabled_at = None
    row.failures, row.locked_until = 0, None
    session.add(row)
    ledger.audit(session, now, by, "staff.enable", row.login)
    return row


def sign_out(session: Session, login: str, *, by: str, now: datetime) -> None:
    """End all sessions of somebody at once, such as when a laptop is lost."""
    row = known_as(session, login)
    end_all(session, row.id)
    ledger.audit(session, now, by, "staff.end_sessions", row.login)


def open_sessions(session: Session, staff_id: str, now: datetime) -> int:
    """In how many places somebody is signed in."""
    asked = select(func.count()).select_from(StaffSessionRow)
    return session.exec(asked.where(StaffSessionRow.staff_id == staff_id, StaffSessionRow.ends_at > now)).one()
