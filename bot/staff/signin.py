"""Signing in with a password, for small towns and for the day that the municipality's own sign-in is down."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import pyotp
from sqlmodel import Session, col, select

from bot.staff.accounts import password_fits
from bot.store import ledger
from bot.store.tables import StaffRow
from bot.store.vault import Vault

#: After this many wrong passwords in a row an account waits, each time twice as long, at most a day.
FREE: Final = 5
WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(days=1)


class Failed(StrEnum):
    """Why somebody is not signed in. What it says is the same for an account that does not exist."""

    WRONG = "wrong"
    CODE = "code"  # the password fits; the code of the second factor is missing or wrong
    WAIT = "wait"


def sign_in(session: Session, vault: Vault, login: str, password: str, code: str, now: datetime) -> StaffRow | Failed:
    """The account, once password and second factor fit. A wrong one is counted in the session: commit either way."""
    found = select(StaffRow).where(col(StaffRow.login) == login.strip().casefold())
    row = session.exec(found.with_for_update()).first()
    if row is not None and row.locked_until is not None and now < row.locked_until:
        return Failed.WAIT
    if not password_fits(row, password) or row is None or row.disabled_at is not None:
        _count(session, row, now)
        return Failed.WRONG
    if row.totp_sealed is not None:
        step = _step_of(code, vault.open(row.totp_sealed), now)
        if step is None or step <= (row.totp_used or 0):  # a code that somebody looked at over a shoulder works once
            if code:
                _count(session, row, now)
            return Failed.CODE
        row.totp_used = step
    row.failures, row.locked_until = 0, None
    session.add(row)
    ledger.audit(session, now, row.login, "staff.sign_in", row.login)
    return row


def _step_of(code: str, secret: str, now: datetime) -> int | None:
    """The half minute whose code this is: the present one, or one to either side for a clock that is off (RFC 6238)."""
    present = int(now.timestamp()) // pyotp.TOTP(secret).interval
    counted = pyotp.HOTP(secret)
    return next(
        (step for step in (present, present - 1, present + 1) if counted.verify(code.replace(" ", ""), step)), None
    )


def _count(session: Session, row: StaffRow | None, now: datetime) -> None:
    if row is None:
        return
    row.failures += 1
    if row.failures >= FREE:
        row.locked_until = now + min(LONGEST_WAIT, WAIT * 2 ** (row.failures - FREE))
        ledger.audit(session, now, "sign-in", "staff.locked", row.login, failures=row.failures)
    session.add(row)
