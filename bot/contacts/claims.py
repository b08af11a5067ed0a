"""Who answers a request for contact. One of the staff at a time, for some working hours, unless they do something.

Whoever does something to a request goes through `claim`, so that two never write to one person.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, CursorResult, or_, update
from sqlmodel import Session, col, select

from bot import klant, staff
from bot.contacts.days import claim_end
from bot.errors import RefusedError
from bot.staff import May
from bot.store import ledger
from bot.store.tables import ContactRequestRow, StaffRow
from bot.wording import Wording

OPEN: Final = ("open", "talking")


class TakenError(RefusedError):
    """A colleague was earlier. Nothing was stored or sent."""


class ClosedError(RefusedError):
    """The request is closed, or there never was one. Nothing was stored or sent."""


def closed(request: int) -> ClosedError:
    return ClosedError("Request {request} is closed, or there never was one.", request=request)


def who(by: str) -> str:
    """A name as it stands under a claim: logins are the same in capitals."""
    return by.strip().casefold()


def is_theirs(row: ContactRequestRow, by: str, now: datetime) -> bool:
    """Whether somebody may read and answer it now."""
    return row.state in OPEN and row.claimed_by == who(by) and not lapsed(row, now)


def lapsed(row: ContactRequestRow, now: datetime) -> bool:
    """Whether it was claimed and anybody may take it again."""
    return row.claimed_by is not None and row.claim_until is not None and row.claim_until < now


def is_free(now: datetime) -> ColumnElement[bool]:
    """For a statement: requests that anybody may take."""
    return or_(col(ContactRequestRow.claimed_by).is_(None), col(ContactRequestRow.claim_until) < now)


def claim(session: Session, wording: Wording, request: int, *, by: str, now: datetime) -> ContactRequestRow:
    """Take a request that is free, in one statement; whose it is already keeps it some working hours longer.

    Until the end of the transaction nobody else can take it. Raises TakenError when a colleague was earlier, and
    ClosedError.
    """
    name, until = who(by), claim_end(wording, now)
    holds = or_(col(ContactRequestRow.claim_until).is_(None), col(ContactRequestRow.claim_until) >= now)
    mine = (col(ContactRequestRow.claimed_by) == name) & holds
    if not _changed(session, request, mine, {"claim_until": until}):
        taken = {"claimed_by": name, "claimed_at": now, "claim_until": until, "handed_by": None}
        if not _changed(session, request, is_free(now), taken):
            raise _taken(session, wording, request)
        ledger.audit(session, now, by, "contact.claim", str(request))
        klant.claimed(session, known(session, request), now)
    return known(session, request)


def give_back(session: Session, request: int, *, by: str, now: datetime) -> None:
    """Let go of one's own request, for any colleague to take. Raises ClosedError, RefusedError for another's."""
    none = {"claimed_by": None, "claimed_at": None, "claim_until": None, "handed_by": None}
    if not _changed(session, request, col(ContactRequestRow.claimed_by) == who(by), none):
        open_request(session, request)
        raise RefusedError("This request is not yours any more.")
    ledger.audit(session, now, by, "contact.give_back", str(request))


def hand_over(session: Session, wording: Wording, request: int, *, to: str, by: str, now: datetime) -> StaffRow:
    """Make one's own request a colleague's, who is told on their first page; return the colleague.

    Raises TakenError, ClosedError, RefusedError for somebody who answers nobody, or for oneself.
    """
    colleague = staff.known_as(session, to)
    if colleague.disabled_at is not None or not staff.may(colleague.roles, May.ANSWER_PEOPLE):
        raise RefusedError("{name} does not answer people. Choose somebody who does.", name=colleague.name)
    if colleague.login == who(by):
        raise RefusedError("It is yours already. Choose a colleague.")
    row = claim(session, wording, request, by=by, now=now)
    row.claimed_by, row.claimed_at, row.handed_by = colleague.login, now, who(by)
    session.add(row)
    ledger.audit(session, now, by, "contact.hand_over", str(request), to=colleague.login)
    return colleague


def colleagues(session: Session, by: str) -> Sequence[StaffRow]:
    """To whom a request can be handed over, by name."""
    rows = session.exec(select(StaffRow).where(col(StaffRow.disabled_at).is_(None)).order_by(col(StaffRow.name)))
    return [row for row in rows if row.login != who(by) and staff.may(row.roles, May.ANSWER_PEOPLE)]


def names(session: Session, logins: Sequence[str | None]) -> Mapping[str, str]:
    """How colleagues are called, by login; whoever has no account is called by what they said their name was."""
    wanted = {login for login in logins if login is not None}
    rows = session.exec(select(StaffRow).where(col(StaffRow.login).in_(wanted)))
    return {login: login for login in wanted} | {row.login: row.name for row in rows}


def known(session: Session, request: int) -> ContactRequestRow:
    """The request as it is in the database now, open or closed. Raises ClosedError when there is none."""
    row = session.get(ContactRequestRow, request, populate_existing=True)
    if row is None:
        raise closed(request)
    return row


def open_request(session: Session, request: int) -> ContactRequestRow:
    """The request, whoever's it is. Raises ClosedError."""
    row = known(session, request)
    if row.state not in OPEN:
        raise closed(request)
    return row


def _changed(session: Session, request: int, only: ColumnElement[bool], values: Mapping[str, object]) -> bool:
    session.flush()
    statement = (
        update(ContactRequestRow)
        .where(col(ContactRequestRow.id) == request, col(ContactRequestRow.state).in_(OPEN), only)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def _taken(session: Session, wording: Wording, request: int) -> RefusedError:
    row = open_request(session, request)
    assert row.claimed_by is not None
    assert row.claimed_at is not None
    at = row.claimed_at.astimezone(ZoneInfo(wording.municipality.zone))
    return TakenError(
        "{name} was earlier: they took this request on {day} at {time}.",
        name=names(session, [row.claimed_by])[row.claimed_by],
        day=f"{at:%d-%m-%Y}",
        time=f"{at:%H:%M}",
    )
