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
    kept_password,
    known_as,
    listing,
    names,
    set_password,
    try_password,
    unlink,
)
from bot.staff.administering import (
    enable,
    first_password,
    open_sessions,
    reset_factor,
    sign_out,
)
from bot.staff.elsewhere import (
    Arrived,
    arrive,
    arrived,
)
from bot.staff.rights import (
    RIGHTS,
    May,
    Role,
    may,
)
from bot.staff.sessions import (
    SEEN,
    Means,
    SignedIn,
    end,
    end_all,
    open_session,
    seen,
    signed_in,
)
from bot.staff.signin import (
    Failed,
    prove,
    sign_in,
)
from bot.staff.trail import (
    Check,
    begin_check,
    every_row,
    go_on_checking,
    last_check,
    note_export,
)

__all__ = [
    "LONGEST",
    "RIGHTS",
    "SEEN",
    "SHORTEST",
    "Arrived",
    "Check",
    "Failed",
    "May",
    "Means",
    "NewStaff",
    "Role",
    "SignedIn",
    "add",
    "arrive",
    "arrived",
    "begin_check",
    "change",
    "disable",
    "enable",
    "end",
    "end_all",
    "every_row",
    "factor",
    "first_password",
    "go_on_checking",
    "kept_password",
    "known_as",
    "last_check",
    "listing",
    "may",
    "names",
    "note_export",
    "open_session",
    "open_sessions",
    "prove",
    "reset_factor",
    "seen",
    "set_password",
    "sign_in",
    "sign_out",
    "signed_in",
    "try_password",
    "unlink",
]
