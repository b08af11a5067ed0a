"""The municipality's own people: who they are, what each may do, and where they are signed in.

Functions take a session and never commit.
"""

from bot.staff import factor
from bot.staff.accounts import (
    LONGEST,
    SHORTEST,
    NewStaff,
    add,
    change,
    disable,
    known_as,
    listing,
    set_password,
    unlink,
)
from bot.staff.elsewhere import Arrived, arrive, arrived, roles_in
from bot.staff.rights import RIGHTS, May, Role, may
from bot.staff.sessions import SEEN, Means, SignedIn, end, end_all, open_session, seen, signed_in
from bot.staff.signin import Failed, prove, sign_in

__all__ = [
    "LONGEST",
    "RIGHTS",
    "SEEN",
    "SHORTEST",
    "Arrived",
    "Failed",
    "May",
    "Means",
    "NewStaff",
    "Role",
    "SignedIn",
    "add",
    "arrive",
    "arrived",
    "change",
    "disable",
    "end",
    "end_all",
    "factor",
    "known_as",
    "listing",
    "may",
    "open_session",
    "prove",
    "roles_in",
    "seen",
    "set_password",
    "sign_in",
    "signed_in",
    "unlink",
]
