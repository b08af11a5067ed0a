"""The municipality's own people: who they are, what each may do, and where they are signed in.

Functions take a session and never commit.
"""

from bot.staff.accounts import NewStaff, add, change, disable, known_as, listing, names, set_password
from bot.staff.administering import enable, first_password, open_sessions, sign_out
from bot.staff.rights import RIGHTS, May, Role, may
from bot.staff.sessions import SEEN, SignedIn, end, end_all, open_session, seen, signed_in
from bot.staff.signin import Failed, sign_in
from bot.staff.trail import Check, begin_check, every_row, go_on_checking, last_check, note_export

__all__ = [
    "RIGHTS",
    "SEEN",
    "Check",
    "Failed",
    "May",
    "NewStaff",
    "Role",
    "SignedIn",
    "add",
    "begin_check",
    "change",
    "disable",
    "enable",
    "end",
    "end_all",
    "every_row",
    "first_password",
    "go_on_checking",
    "known_as",
    "last_check",
    "listing",
    "may",
    "names",
    "note_export",
    "open_session",
    "open_sessions",
    "seen",
    "set_password",
    "sign_in",
    "sign_out",
    "signed_in",
]
