"""The second factor: a code from an app on one's phone (TOTP, RFC 6238), and codes on paper for when it is lost."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import pyotp
from sqlmodel import Session

from bot.errors import FaultsError, RefusedError
from bot.staff.accounts import LETTERS, known_as
from bot.store import ledger
from bot.store.tables import StaffRow
from bot.store.vault import Vault

#: How many codes somebody gets for when the app is lost. Each works once.
RECOVERY_CODES: Final = 10
_LENGTH: Final = 12


def offer(session: Session, vault: Vault, login: str, *, secret: str) -> str:
    """The secret to be put into the app: one that was offered before and not confirmed, else `secret`, which is kept.

    Raises RefusedError when a second factor is in use.
    """
    row = known_as(session, login)
    if row.totp_sealed is not None:
        raise RefusedError("Your account has a second factor already. Remove that one first.")
    if row.totp_offered_sealed is not None:
        return vault.open(row.totp_offered_sealed)
    row.totp_offered_sealed = vault.seal(secret)
    session.add(row)
    return secret


def address(secret: str, login: str, issuer: str) -> str:
    """What the QR code says: the secret with a name under which the app shows it."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def confirm(
    session: Session, vault: Vault, login: str, code: str, *, pick: Callable[[str], str], now: datetime
) -> Sequence[str]:
    """Take the offered secret into use once the app shows its code; gives the recovery codes, which are kept as hashes.

    `pick` draws one of a string's letters. Raises RefusedError when none was offered, FaultsError for a wrong code.
    """
    row = known_as(session, login)
    if row.totp_offered_sealed is None:
        raise RefusedError("There is no second factor to confirm. Begin with setting one up.")
    step = step_of(code, vault.open(row.totp_offered_sealed), now)
    if step is None:
        raise FaultsError(["code: this is not the code that your app shows now; wait for the next one and try again"])
    codes = ["".join(pick(LETTERS) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES)]
    row.totp_sealed, row.totp_offered_sealed, row.totp_used = row.totp_offered_sealed, None, step
    row.recovery = [_fingerprint(vault, row, one) for one in codes]
    session.add(row)
    ledger.audit(session, now, row.login, "staff.second_factor_set", row.login)
    return [f"{one[:4]}-{one[4:8]}-{one[8:]}" for one in codes]


def clear(session: Session, login: str, *, by: str, now: datetime) -> None:
    """Take a second factor out of use. Raises RefusedError when there is none."""
    row = known_as(session, login)
    if row.totp_sealed is None and row.totp_offered_sealed is None:
        raise RefusedError("{login} has no second factor.", login=row.login)
    row.totp_sealed = row.totp_offered_sealed = row.totp_used = row.recovery = None
    session.add(row)
    ledger.audit(session, now, by, "staff.second_factor_removed", row.login)


def fits(session: Session, vault: Vault, row: StaffRow, code: str, now: datetime) -> bool:
    """Whether this is a code of the account's app or paper that was not used before; from now on it was."""
    assert row.totp_sealed is not None
    step = step_of(code, vault.open(row.totp_sealed), now)
    if step is not None:
        if step <= (row.totp_used or 0):  # a code that somebody looked at over a shoulder works once
            return False
        row.totp_used = step
        session.add(row)
        return True
    used = _fingerprint(vault, row, code)
    if used not in (row.recovery or ()):
        return False
    row.recovery = [known for known in row.recovery or () if known != used]
    session.add(row)
    ledger.audit(session, now, row.login, "staff.recovery_code_used", row.login, left=len(row.recovery))
    return True


def step_of(code: str, secret: str, now: datetime) -> int | None:
    """The half minute whose code this is: the present one, or one to either side for a clock that is off."""
    present = int(now.timestamp()) // pyotp.TOTP(secret).interval
    counted = pyotp.HOTP(secret)
    return next(
        (step for step in (present, present - 1, present + 1) if counted.verify(code.replace(" ", ""), step)), None
    )


def _fingerprint(vault: Vault, row: StaffRow, code: str) -> str:
    plain = "".join(letter for letter in code.casefold() if letter.isalnum())
    return vault.fingerprint(f"recovery:{row.id}:{plain}")
