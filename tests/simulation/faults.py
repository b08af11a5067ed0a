"""What goes wrong: on the wire, in the database, and with the process itself. Drawn from the town's seed."""

import re
import sqlite3
from collections import Counter
from random import Random

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)", re.IGNORECASE)

#: What may happen to a call of the Bot API, and how often each is drawn.
WIRE = {
    "flood": 4, "never_left": 3, "timeout_before": 3, "timeout_after": 3, "drop_before": 2, "drop_after": 2,
    "forbidden": 1, "bad_request": 1, "server_error": 2, "bad_gateway": 2,
}  # fmt: skip
#: After these nobody but Telegram knows whether the call had its effect.
UNCLEAR = frozenset({"timeout_before", "timeout_after", "drop_before", "drop_after", "server_error", "bad_gateway"})
#: What may happen to the database, and to the process at a statement, a commit or a call.
BASE = {"locked": 3, "gone": 2, "full": 2, "commit_lost": 1}
DEADLY = {"killed": 1}


class Killed(BaseException):
    """The process is no more. Whatever still runs of it has no effect: each statement and call raises this again."""


class Faults:
    """What is about to go wrong. `met` counts what did."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.met: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Nothing goes wrong from now on. A dead process stays dead."""
        self._wire: list[str] = []
        self._base: str | None = None
        self._in = 0
        self._lasting: str | None = None

    @property
    def waiting(self) -> bool:
        return bool(self._wire or self._base or self._lasting)

    def plan(self) -> str:
        """Draw what goes wrong in the next step."""
        kind = self.rng.choices(["wire", "base", "killed"], weights=[5, 3, 4])[0]
        if kind == "wire":
            self._wire = self.rng.choices(list(WIRE), weights=list(WIRE.values()), k=self.rng.choice([1, 1, 1, 2, 6]))
            return "+".join(self._wire)
        self._base = self.rng.choices(list(BASE), weights=list(BASE.values()))[0] if kind == "base" else "killed"
        self._in = int(self.rng.triangular(1, 90, 12))
        return f"{self._base} in {self._in}"

    def call(self, method: str) -> str | None:
        """What happens to this call; None: nothing."""
        if not self._wire or method in {"getme", "getupdates"}:
            return None
        kind = self._wire.pop()
        self.met[kind] += 1
        return kind

    def moment(self, process: "Life", statement: str | None = None, connection=None) -> None:
        """A statement, a commit (`connection` given) or a call is about to happen in this process."""
        if process.dead:
            raise Killed
        writes = statement is not None and WRITES.match(statement) is not None
        if self._lasting == "gone" or (self._lasting == "full" and writes):
            raise _refusal(self._lasting)
        if self._base is None:
            return
        self._in -= 1
        meets = {
            "killed": True,
            "commit_lost": connection is not None,
            "full": writes,
        }.get(self._base, statement is not None or connection is not None)
        if self._in > 0 or not meets:
            return
        kind, self._base = self._base, None
        self.met[kind] += 1
        if kind == "killed":
            process.dead = True
            raise Killed
        if kind == "commit_lost":
            connection.connection.dbapi_connection.commit()
        if kind in {"gone", "full"}:
            self._lasting = kind
        raise _refusal(kind)


class Life:
    """Whether a process lives. `watch` puts each statement and commit of its engine before the faults."""

    def __init__(self, faults: Faults) -> None:
        self.dead = False
        self.faults = faults

    def watch(self, engine) -> None:
        @event.listens_for(engine, "before_cursor_execute")
        def _statement(_connection, _cursor, statement, _parameters, _context, _many):
            self.faults.moment(self, statement)

        @event.listens_for(engine, "commit")
        def _commit(connection):
            self.faults.moment(self, None, connection)


def _refusal(kind: str) -> OperationalError:
    said = {
        "locked": "database is locked",
        "gone": "server closed the connection unexpectedly",
        "full": "database or disk is full",
        "commit_lost": "server closed the connection unexpectedly",
    }[kind]
    return OperationalError("a statement", None, sqlite3.OperationalError(said))
