"""Signals and updates on their way in: each kept once, and hundreds as cheaply as the database can.

Core's own bulk insert costs more than the database does here (engine.md 1), so each database is spoken to in its
driver's words.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlmodel import Session


class NewSignal(NamedTuple):
    """A row of `signal` that is not planned yet, in the table's order."""

    id: str
    source: str
    external_id: str
    type: str
    origin: str
    occurred_at: datetime
    received_at: datetime
    citizen_id: str | None
    addressed: bool
    card: str | None
    data: Mapping[str, Any]
    said_by: str | None


_LARGEST: Final = 9  # 512 rows: SQLite takes at most 32,766 values in a statement
_COLUMNS: Final = ", ".join(NewSignal._fields)
_INBOX: Final = "update_id, received_at, chat_hash, body_sealed, state, tries"
_TYPES: Final = {"occurred_at": "timestamptz", "received_at": "timestamptz", "addressed": "boolean", "data": "json"}
_CASTS: Final = ", ".join(f"{name}::{_TYPES.get(name, 'varchar')}" for name in NewSignal._fields)
_ARRAYS: Final = ", ".join(f"%s::{'boolean' if name == 'addressed' else 'text'}[]" for name in NewSignal._fields)


def add_signals(session: Session, signals: Collection[NewSignal]) -> set[str]:
    """Insert those that are not there yet, and return their ids. An id that comes twice is kept as it came first.

    Exact also when others hand in the same signals at once: each is new to one of them only.
    """
    if not signals:
        return set()
    session.flush()
    connection = session.connection()
    add = _ADD[connection.dialect.name]
    # In one order for everybody, so that two who hand in the same do not wait for each other in a ring.
    return add(connection, sorted(signals, key=itemgetter(0)))


def _add_to_sqlite(connection: Connection, signals: list[NewSignal]) -> set[str]:
    # The write lock is held since BEGIN: nobody can come in between the look and the insert.
    wanted = json.dumps([signal.id for signal in signals])
    look = "SELECT id FROM signal WHERE id IN (SELECT value FROM json_each(?))"
    known = set(connection.exec_driver_sql(look, (wanted,)).scalars())
    # A file has many rows of the same day: what is the same object is written out once.
    moments = {id(moment): moment for one in signals for moment in one[5:7]}
    data = {id(one.data): one.data for one in signals}
    times = {key: _stored(moment) for key, moment in moments.items()}
    texts = {key: _json(said) for key, said in data.items()}
    rows = {
        one[0]: (*one[:5], times[id(one[5])], times[id(one[6])], *one[7:10], texts[id(one[10])], one[11])
        for one in reversed(signals)
        if one[0] not in known
    }
    _fill_sqlite(connection, f"signal ({_COLUMNS})", list(rows.values()))
    return set(rows)


def _fill_sqlite(connection: Connection, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; those that are there are left as they are.

    Many rows in one statement: a statement for each would give up and win back Python's lock for each. Sizes are powers
    of two, so that the driver keeps the few statements that there are.
    """
    done = 0
    while done < len(rows):
        size = 1 << min(_LARGEST, (len(rows) - done).bit_length() - 1)
        part = rows[done : done + size]
        done += size
        row = f"({', '.join('?' * len(part[0]))})"
        statement = f"INSERT INTO {into} VALUES {', '.join([row] * size)} ON CONFLICT DO NOTHING"  # nosec B608  # noqa: S608
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(part)))


def _add_to_postgresql(connection: Connection, signals: list[NewSignal]) -> set[str]:
    columns = list(zip(*signals, strict=True))
    columns[5:7] = [[moment.isoformat() for moment in column] for column in columns[5:7]]
    columns[10] = [_json(data) for data in columns[10]]
    statement = (
        f"INSERT INTO signal ({_COLUMNS}) SELECT {_CASTS} FROM unnest({_ARRAYS}) AS new ({_COLUMNS}) "  # nosec B608  # noqa: S608
        "ON CONFLICT DO NOTHING RETURNING id"
    )
    return set(connection.exec_driver_sql(statement, tuple(map(list, columns))).scalars())


_ADD: Final[dict[str, Callable[[Connection, list[NewSignal]], set[str]]]] = {
    "sqlite": _add_to_sqlite,
    "postgresql": _add_to_postgresql,
}


def add_updates(session: Session, now: datetime, updates: Sequence[tuple[int, str | None, str]]) -> None:
    """Put updates, as number, hash of the chat and sealed body, into the inbox; one that is there is left as it is."""
    if not updates:
        return
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        rows = [(number, _stored(now), chat, sealed, "new", 0) for number, chat, sealed in updates]
        _fill_sqlite(connection, f"inbox ({_INBOX})", rows)
        return
    statement = (
        f"INSERT INTO inbox ({_INBOX}) SELECT number, %s, chat, sealed, 'new', 0 "  # nosec B608  # noqa: S608 - names of columns
        "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new (number, chat, sealed) ON CONFLICT DO NOTHING"
    )
    numbers, chats, sealed = zip(*sorted(updates, key=itemgetter(0)), strict=True)
    connection.exec_driver_sql(statement, (now, list(numbers), list(chats), list(sealed)))


def _stored(moment: datetime) -> str:
    """As `tables.Moment` has it in SQLite."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data)) if data else "{}"


def people_of(session: Session, reference_hashes: Iterable[str]) -> dict[str, str]:
    """Who is tied to these references, by the reference's hash."""
    wanted = list(reference_hashes)
    if not wanted:
        return {}
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        of_these, given = "IN (SELECT value FROM json_each(?))", json.dumps(wanted)
    else:
        of_these, given = "= ANY(%s::text[])", wanted  # type: ignore[assignment]
    look = f"SELECT reference_hash, citizen_id FROM link WHERE reference_hash {of_these}"  # nosec B608  # noqa: S608
    return dict(iter(connection.exec_driver_sql(look, (given,))))
