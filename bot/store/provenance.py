"""Whether a database is the one that we know, or an older copy of it that somebody put back or took elsewhere.

A copy does not know what left after it was made, nor who stopped. What cannot go back along with it tells:

- A copy that `handreiking backup` made says so itself.
- Beside a SQLite database, or in a directory of its own, lies a *witness*: a small file with a number that counts up
  whenever messages are handed out. A database that is behind its witness, or came without it, is an old copy.
- PostgreSQL tells which cluster, timeline, database and table this is. One of them changes whenever a dump is read in,
  a template is copied, or a cluster is rolled back to an earlier moment.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from bot.store.tables import MarkRow, MessageRow

IDENTITY: Final = "identity"
#: A copy that nobody has used yet: when it was made.
COPY: Final = "copy"
#: It was seen that this is an old copy, and nobody has decided yet how to go on.
RESTORED: Final = "restored"
#: Everything is being moved into this database, or out of it. Out of it, that hinders nobody until all is moved.
MOVING: Final = "moving"
#: Everything was moved elsewhere.
MOVED: Final = "moved"
MARKS: Final = (IDENTITY, COPY, RESTORED, MOVING, MOVED)
#: What is about one database only, and stays behind when its content moves.
OF_ONE: Final = (IDENTITY, MOVING, MOVED)

_NOTE: Final = "Tells whether the database of this name is an old copy. Leave it; never put an old one of it back."

Marks = Mapping[str, Mapping[str, Any]]

_MARK: Final[Table] = MarkRow.__table__  # type: ignore[attr-defined]
_SAID: Final = select(_MARK.c.name, _MARK.c.value).where(_MARK.c.name.in_(MARKS))
_COUNTED: Final = update(_MARK).where(_MARK.c.name == IDENTITY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """What the file beside a SQLite database is to say. It is written after the database has committed the same."""

    path: Path
    database: str
    beat: int

    def write(self) -> None:
        """Whole or not at all, and durable. Raises OSError."""
        draft = self.path.with_name(f".{self.path.name}.{self.beat}.new")
        said = {"note": _NOTE, "database": self.database, "beat": self.beat}
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(said, indent=1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def marks(session: Session) -> dict[str, dict[str, Any]]:
    """All that a database says about where it comes from, in one question."""
    return dict(iter(session.execute(_SAID)))


def unusable(said: Marks, *, here: str) -> str | None:
    """Why this database is not to be used at all, in a sentence; None: it may be."""
    if MOVED in said:
        to, at = said[MOVED]["to"], said[MOVED]["at"]
        return f"Everything was moved from {here} to {to} at {at}. Set HANDREIKING_DATABASE_URL to that."
    if MOVING in said and said[MOVING].get("into"):
        source = said[MOVING]["from"]
        return f"Everything is being moved from {source} to {here}, and not all is there. Run that move again."
    return None


def suspicion(session: Session, said: Marks, state_dir: Path | None) -> str | None:
    """Why this may be an old copy, as the end of a sentence that begins with "This database"; None: it is none.

    A database that nobody has used yet is none either.
    """
    if COPY in said:
        return str(said[COPY]["because"])
    known = said.get(IDENTITY)
    if known is None and session.execute(select(col(MessageRow.id)).limit(1)).first() is None:
        return None
    place = _place(session)
    if place is not None:
        if known is None or known.get("place") == place:
            return None
        changed = [name for name, value in place.items() if (known.get("place") or {}).get(name) != value]
        return f"was put back or copied: its PostgreSQL {' and '.join(changed)} changed"
    path = witness_path(session, state_dir)
    if path is None:
        return None
    witness = _read(path)
    if witness is None:
        return None if known is None else f"came without its witness, the file {path}"
    if known is None:
        # The witness is written first: one that never counted belongs to a first start that was cut off.
        return None if witness.beat == 0 else f"is older than its witness, the file {path}"
    if witness.database != known["id"]:
        return f"is another one than its witness, the file {path}, belongs to"
    if known["beat"] < witness.beat:
        return f"is behind its witness, the file {path}: {witness.beat} against {known['beat']}"
    return None


def adopt(session: Session, said: Marks, state_dir: Path | None, now: datetime) -> None:
    """Take the database as it is here for the one to go on with. Nothing else forgets what was suspected.

    Raises OSError when its witness cannot be written. That goes first: a witness without its database is asked
    about again, and a database without its witness would be taken for a copy.
    """
    place, path = _place(session), witness_path(session, state_dir)
    beat = 0
    if path is not None:
        old = _read(path)
        beat = max(0 if old is None else old.beat, int(said.get(IDENTITY, {}).get("beat", 0)))
        beat += bool(said.get(IDENTITY) or beat)
    name = hashlib.sha256(f"{now.isoformat()}|{session.get_bind().engine.url!r}|{path}".encode()).hexdigest()[:16]
    identity: dict[str, Any] = {"id": name, "beat": beat} if place is None else {"id": name, "place": place}
    session.execute(delete(MarkRow).where(col(MarkRow.name).in_((COPY, RESTORED))))
    if IDENTITY in said:
        session.execute(delete(MarkRow).where(col(MarkRow.name) == IDENTITY))
    make = sqlite.insert if place is None else postgresql.insert
    # Several processes may start at once on a new database: they find the same, and one writes it down.
    session.execute(make(MarkRow).on_conflict_do_nothing(), [{"name": IDENTITY, "value": identity, "at": now}])
    if path is not None:
        Witness(path=path, database=name, beat=beat).write()


def beat(session: Session, said: Marks, state_dir: Path | None, now: datetime) -> Witness | None:
    """Messages are handed out: count on. Write what is returned after the commit; None: there is no file."""
    path, known = witness_path(session, state_dir), said.get(IDENTITY)
    if path is None or known is None:
        return None
    counted = {**known, "beat": known["beat"] + 1}
    session.execute(_COUNTED.values(value=counted, at=now))
    return Witness(path=path, database=known["id"], beat=counted["beat"])


def witness_path(session: Session, state_dir: Path | None) -> Path | None:
    """Where the witness of this SQLite database lies; None: it has none."""
    url = session.get_bind().engine.url
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    database = Path(str(url.database)).absolute()
    return (database.parent if state_dir is None else state_dir) / f"{database.name}.witness"


def leave(connection: Connection, move: str, to: str, now: datetime) -> None:
    """From now on nothing is done with this database any more."""
    connection.execute(delete(MarkRow).where(col(MarkRow.name).in_((MOVED, MOVING))))
    value = {"id": move, "to": to, "at": now.isoformat(timespec="seconds")}
    connection.execute(insert(MarkRow), [{"name": MOVED, "value": value, "at": now}])


def arrive(connection: Connection) -> None:
    """From now on this database may be used."""
    connection.execute(delete(MarkRow).where(col(MarkRow.name) == MOVING))


def _read(path: Path) -> Witness | None:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Witness(path=path, database=str(said["database"]), beat=int(said["beat"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Witness(path=path, database="unreadable", beat=1)


def _place(session: Session) -> dict[str, str] | None:
    if session.get_bind().dialect.name != "postgresql":
        return None
    row = session.execute(
        text(
            "SELECT (pg_control_system()).system_identifier::text AS cluster,"
            " left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline,"
            " (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database,"
            " 'mark'::regclass::oid::text AS \"table\""
        )
    ).one()
    return dict(row._mapping)  # noqa: SLF001
