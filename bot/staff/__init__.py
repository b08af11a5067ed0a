"""The municipality's own people: who they are, what each may do, and where they are signed in.

Functions take a session and never commit.
"""

from bot.staff.accounts import NewStaff, add, change, disable, known_as, listing, set_password
from bot.staff.rights import RIGHTS, May, Role, may
from bot.staff.sessions import SEEN, SignedIn, end, end_all, open_session, seen, signed_in
from bot.staff.signin import Failed, sign_in

__all__ = [
    "RIGHTS",
    "SEEN",
    "Failed",
    "May",
    "NewStaff",
    "Role",
    "SignedIn",
    "add",
    "change",
    "disable",
    "end",
    "end_all",
    "known_as",
    "listing",
    "may",
    "open_session",
    "seen",
    "set_password",
    "sign_in",
    "signed_in",
]
