"""People who sign in at the municipality's own sign-in (OIDC): what it says of them, and the account that it opens."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from bot.errors import RefusedError
from bot.staff.accounts import LANGUAGES, LOGIN
from bot.staff.rights import Role
from bot.staff.sessions import end_all
from bot.store import ledger
from bot.store.tables import StaffRow

#: Where a name to sign in with may stand, the first one that fits: Entra ID and Keycloak both have the first.
_NAMED: Final = ("preferred_username", "upn", "email")


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """Somebody as the sign-in describes them. `roles` are ours; empty: it gives this person none that we know."""

    issuer: str
    subject: str
    login: str | None
    name: str
    language: str
    roles: Collection[Role]


def arrived(claims: Mapping[str, Any], *, claim: str, roles: Mapping[str, Role]) -> Arrived:
    """What checked claims say. `claim` is where roles stand, `roles` which value there is which role of ours."""
    # An e-mail address that the sign-in itself did not check may be anybody's.
    kept = [name for name in _NAMED if name != "email" or claims.get("email_verified") is not False]
    named = (str(claims.get(name) or "").strip().casefold() for name in kept)
    login = next((one for one in named if LOGIN.fullmatch(one)), None)
    language = str(claims.get("locale") or "").partition("-")[0]
    return Arrived(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        login=login,
        name=str(claims.get("name") or login or "").strip()[:200],
        language=language if language in LANGUAGES else LANGUAGES[0],
        roles=roles_in(claims, claim=claim, roles=roles),
    )


def roles_in(claims: Mapping[str, Any], *, claim: str, roles: Mapping[str, Role]) -> frozenset[Role]:
    """The roles that the claim gives. A claim with dots is looked for as it stands, then as a path into objects."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    given = [found] if isinstance(found, str) else found if isinstance(found, list | tuple) else []
    return frozenset(roles[value] for value in given if isinstance(value, str) and value in roles)


def arrive(session: Session, who: Arrived, *, staff_id: str, now: datetime) -> StaffRow | RefusedError:
    """The account of this person with the roles they have now; made at their first sign-in, under `staff_id`.

    Gives why not when no role is left or the account is shut. Commit either way: it may have lost its roles.
    An account with their name that an administrator made in advance becomes theirs, unless it has a password: that one
    is for the day on which the sign-in is down, and belongs to whoever knows the password.
    """
    subject = f"{who.issuer} {who.subject}"
    row = session.exec(select(StaffRow).where(col(StaffRow.subject) == subject).with_for_update()).first()
    if row is None:
        first = _first_time(session, who, subject, staff_id, now)
        if isinstance(first, RefusedError):
            return first
        row = first
    elif row.disabled_at is None:
        _follow(session, row, who, now)
    if row.disabled_at is not None:
        return RefusedError("Your account is shut. Ask an administrator.")
    if not who.roles:
        return _no_role()
    ledger.audit(session, now, row.login, "staff.sign_in", row.login, means="provider")
    return row


def _first_time(session: Session, who: Arrived, subject: str, staff_id: str, now: datetime) -> StaffRow | RefusedError:
    if not who.roles:
        return _no_role()
    if who.login is None or not who.name:
        return RefusedError(
            "The sign-in did not say what you are called. Ask whoever manages it to send your user name."
        )
    row = session.exec(select(StaffRow).where(col(StaffRow.login) == who.login).with_for_update()).first()
    if row is None:
        row = StaffRow(
            id=staff_id,
            login=who.login,
            name=who.name,
            roles=_plain(who.roles),
            language=who.language,
            subject=subject,
            created_at=now,
        )
        session.add(row)
        session.flush()
        ledger.audit(session, now, "sign-in", "staff.add", row.login, roles=row.roles)
        return row
    if row.subject is not None or row.password_hash is not None:
        return RefusedError(
            "There is another account with the name {login} already. Ask an administrator.", login=who.login
        )
    if row.disabled_at is None:
        row.subject = subject
        session.add(row)
        ledger.audit(session, now, "sign-in", "staff.link", row.login)
        _follow(session, row, who, now)
    return row


def _follow(session: Session, row: StaffRow, who: Arrived, now: datetime) -> None:
    """Give the account the roles that the sign-in says now, and end what was opened with others."""
    roles = _plain(who.roles)
    if sorted(row.roles) == roles:
        return
    row.roles = roles
    session.add(row)
    ledger.audit(session, now, "sign-in", "staff.change", row.login, changed=["roles"], roles=roles)
    if not roles:
        end_all(session, row.id)


def _plain(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in roles)


def _no_role() -> RefusedError:
    return RefusedError("You signed in, but no role here is given to you. Ask an administrator for one.")
