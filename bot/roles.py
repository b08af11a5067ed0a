"""What a process may be: everything, or one part of it, so that several can work on one database."""

from collections.abc import Iterable
from enum import StrEnum

from bot.errors import RefusedError


class Role(StrEnum):
    ALL = "all"  # short for each of the others
    BOT = "bot"  # hears: updates in by polling or webhook, signals in over HTTP
    SENDER = "sender"  # sends, one at a time; another stands by
    PLANNER = "planner"  # plans and decides, as many as wanted
    CONSOLE = "console"  # the staff's pages, and HTTP without Telegram; as many as wanted
    SCHEDULER = "scheduler"  # ticks, one at a time; another stands by


EVERY_ROLE = frozenset(Role) - {Role.ALL}
#: Those that talk with Telegram, and so need the token.
WITH_TOKEN = frozenset({Role.BOT, Role.SENDER})
WITH_HTTP = frozenset({Role.BOT, Role.CONSOLE})


def roles_of(chosen: Iterable[Role], *, shared: bool) -> frozenset[Role]:
    """The roles chosen, `ALL` spelled out. `shared`: the database takes several processes.

    Raises RefusedError for a part of the work on a database of one process.
    """
    chosen = frozenset(chosen)
    roles = EVERY_ROLE if Role.ALL in chosen else chosen
    if not shared and roles != EVERY_ROLE:
        raise RefusedError(
            "On SQLite one process does everything, because a file on one disk cannot say who else is at work. Leave "
            "--role out, or set HANDREIKING_DATABASE_URL to a PostgreSQL database."
        )
    return roles
