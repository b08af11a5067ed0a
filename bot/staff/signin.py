"""Signing in with a password, for small towns and for the day that the municipality's own sign-in is down."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import Session, col, select

from bot.staff import factor
from bot.staff.accounts import Tried, password_fits
from bot.store import ledger
from bot.store.tables import StaffRow
from bot.store.vault import Vault

#: After this many wrong passwords in a row an account waits, each time twice as long, at most a day.
FREE: Final = 5
WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(days=1)


class Failed(StrEnum):
    """Why somebody is not signed in.

    Only an account that exists ever waits: to whoever is not signed in, say the same for WRONG and WAIT.
    """

    WRONG = "wrong"
    CODE = "code"  # the password fits; the code of the second factor is missing or wrong
    WAIT = "wait"


def sign_in(
    session: Session, vault: Vault, login: str, password: str, code: str, now: datetime, ahead: Tried | None = None
) -> StaffRow | Failed:
    """The account, once password and second factor fit. A wrong one is counted in the session: commit either way.

    `ahead`: what `try_password` found of this login and password.
    """
    row = prove(session, vault, login, password, code, now, ahead)
    if not isinstance(row, Failed):
        ledger.audit(session, now, row.login, "staff.sign_in", row.login, means="password")
    return row


def prove(
    session: Session, vault: Vault, login: str, password: str, code: str, now: datetime, ahead: Tried | None = None
) -> StaffRow | Failed:
    """The same without signing in: that whoever is at the screen knows the password, and the code if one is needed."""
    found = select(StaffRow).where(col(StaffRow.login) == login.strip().casefold())
    row = session.exec(found.with_for_update()).first()
    if row is not None and row.locked_until is not None and now < row.locked_until:
        return Failed.WAIT
    if not password_fits(row, password, ahead) or row is None or row.disabled_at is not None:
        _count(session, row, now)
        return Failed.WRONG
    if row.totp_sealed is not None and not factor.fits(session, vault, row, code, now):
        if code:
            _count(session, row, now)
        return Failed.CODE
    row.failures, row.locked_until = 0, None
    session.add(row)
    return row


def _count(session: Session, row: StaffRow | None, now: datetime) -> None:
    if row is None:
        return
    row.failures += 1
    if row.failures >= FREE:
        doublings = min(row.failures - FREE, 16)  # more than enough; a timedelta does not hold any number
        row.locked_until = now + min(LONGEST_WAIT, WAIT * 2**doublings)
        ledger.audit(session, now, "sign-in", "staff.locked", row.login, failures=row.failures)
    session.add(row)
