"""Everything from one database to another: in order, in chunks, restartable, and compared at the end.

Rows go over as they are, key by key. A chunk is one transaction of the target, so a kill leaves whole chunks and the
next run goes on behind the last one. Nothing is held but a chunk, however many rows there are.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    MetaData,
    Select,
    String,
    Table,
    Text,
    cast,
    collate,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import DataError, OperationalError
from sqlmodel import Session, col

from bot.errors import InTheWayError, RefusedError
from bot.store import provenance, schema, tables
from bot.store.provenance import COPY, MOVED, MOVING
from bot.store.tables import MarkRow

CHUNK: Final = 2_000
_MOVES: Final = 0x68616E65  # the key of an advisory lock
#: Told what is being done, with which table, and how many of its rows are done.
Progress = Callable[[str, str, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """How many rows a table has, and a hash of all of them in the order of their keys."""

    rows: int
    hash: str


def move(
    source: Engine, target: Engine, *, now: datetime, move_id: str, progress: Progress, state_dir: Path | None = None
) -> dict[str, Content]:
    """Bring everything in `source` to `target`, and let the source be used no more; return what is in each table.

    `move_id` is used when no move between the two has begun. Raises RefusedError when one of them is not fit for it,
    InTheWayError while somebody works on one of them; then and after a kill the same call goes on where it was.
    """
    if schema.name_of(source) == schema.name_of(target):
        raise RefusedError("Both are the same database.")
    _check_shape(source)
    _make_shape(target)
    move_id = _begin(source, target, now, move_id, state_dir)
    with _alone(source) as reading, _alone(target) as writing:
        _receive(writing, move_id, source, target, now)
        _close_to_writers(reading)
        pairs = [(_Side(table, reading), _Side(table, writing)) for table in tables.metadata.sorted_tables]
        for here, there in pairs:
            _copy(here, there, progress)
        moved = {here.table.name: _compared(here, there, progress) for here, there in pairs}
        _set_counters(writing)
        writing.commit()
        _check_alone(reading, source)
        # First the one is closed, then the other is opened: at no time both can be used.
        provenance.leave(reading, move_id, schema.name_of(target), now)
        reading.commit()
        provenance.arrive(writing)
        writing.commit()
    return moved


def _check_shape(source: Engine) -> None:
    has, wants = schema.shape(source)
    if has is None:
        raise RefusedError(f"There is nothing to move in {schema.name_of(source)}.")
    if has != wants:
        mend = "Run `handreiking migrate` on it first, with HANDREIKING_DATABASE_URL set to it."
        raise RefusedError(f"{schema.name_of(source)} has shape {has}, and this program wants {wants}. {mend}")


def _begin(source: Engine, target: Engine, now: datetime, move_id: str, state_dir: Path | None) -> str:
    """Give the move an id that both sides know; return the one of a move that was cut off, if there is one."""
    with Session(source) as session, session.begin():
        said = provenance.marks(session)
        if MOVED in said:
            if said[MOVED]["to"] != schema.name_of(target) or not _arriving(target, said[MOVED]["id"]):
                raise RefusedError(str(provenance.unusable(said, here=schema.name_of(source))))
            return str(said[MOVED]["id"])
        if (why := provenance.unusable(said, here=schema.name_of(source))) is not None:
            raise RefusedError(why)
        because = provenance.suspicion(session, said, state_dir)
        if because is not None and COPY not in said:
            # Whoever starts a bot on what comes of it is asked, as they would be here.
            session.add(MarkRow(name=COPY, value={"because": because}, at=now))
        if said.get(MOVING, {}).get("to") == schema.name_of(target):
            return str(said[MOVING]["id"])
        session.merge(MarkRow(name=MOVING, value={"id": move_id, "to": schema.name_of(target)}, at=now))
    return move_id


def _arriving(target: Engine, move_id: str) -> bool:
    with Session(target) as session:
        return provenance.marks(session).get(MOVING, {}).get("id") == move_id


def _is_used(engine: Engine) -> bool:
    """Whether there is a row in any of its tables, whatever its shape."""
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        return any(
            connection.execute(select(literal(1)).select_from(Table(name, MetaData())).limit(1)).first()
            for name in names
        )


def _make_shape(target: Engine) -> None:
    has, wants = schema.shape(target)
    name = schema.name_of(target)
    # A kill between two migrations leaves an empty database of an older shape, which is the beginning of this move.
    if has not in {None, wants} and _is_used(target):
        raise RefusedError(f"{name} has shape {has} already. Move to a fresh database.")
    if has is None and (others := inspect(target).get_table_names()):
        raise RefusedError(f"{name} holds tables of something else ({_some(others)}). Move to a fresh database.")
    schema.migrate(target)


def _receive(writing: Connection, move_id: str, source: Engine, target: Engine, now: datetime) -> None:
    """See that the target is fresh or holds the beginning of this very move, and let nobody use it until all is there.

    Raises RefusedError.
    """
    statement = select(MarkRow.value).where(col(MarkRow.name) == MOVING)  # type: ignore[call-overload]
    begun: dict[str, Any] | None = writing.execute(statement).scalar_one_or_none()
    if begun is not None and begun["id"] == move_id:
        writing.rollback()
        return
    name = schema.name_of(target)
    if begun is not None and begun.get("into"):
        raise RefusedError(f"{name} holds the beginning of another move, from {begun['from']}. Move to a fresh one.")
    sides = (_Side(table, writing, everything=True) for table in tables.metadata.sorted_tables)
    if held := [f"{side.count()} in {side.table.name}" for side in sides if side.count()]:
        raise RefusedError(f"{name} holds rows already ({_some(held)}). Move to a fresh database.")
    value = {"id": move_id, "from": schema.name_of(source), "into": True}
    writing.execute(insert(MarkRow), [{"name": MOVING, "value": value, "at": now}])
    writing.commit()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """The only connection to a database. Raises InTheWayError while somebody else uses it."""
    engine.dispose()  # connections of our own would stand in our own way
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                # One side is silent for as long as the other is read and compared.
                connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
                connection.commit()
                if not connection.execute(select(func.pg_try_advisory_lock(_MOVES))).scalar_one():
                    raise _in_use(engine)
                _check_alone(connection, engine)
                connection.rollback()
            else:
                raw: Any = connection.connection.driver_connection
                try:
                    # It leaves the WAL only when nobody else has the file open, and then keeps writers out.
                    for pragma in ("busy_timeout = 2000", "journal_mode = DELETE", "locking_mode = EXCLUSIVE"):
                        raw.execute(f"PRAGMA {pragma}")
                    connection.begin().rollback()
                except (sqlite3.OperationalError, OperationalError):
                    raise _in_use(engine) from None
            yield connection
    finally:
        engine.dispose()


def _in_use(engine: Engine) -> InTheWayError:
    return InTheWayError(
        f"Somebody uses {schema.name_of(engine)}. Stop every bot and every command that works on it, and try again."
    )


def _check_alone(connection: Connection, engine: Engine) -> None:
    """On PostgreSQL, that nobody else of ours is connected; whoever hung up has a moment to be gone."""
    if engine.dialect.name != "postgresql":
        return
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name = :ours"
    )
    for _ in range(20):
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        if connection.execute(others, {"ours": schema.AT_WORK}).scalar_one() == 0:
            return
        connection.execute(text("SELECT pg_sleep(0.1)"))
    raise _in_use(engine)


def _close_to_writers(reading: Connection) -> None:
    """Until the transaction ends, nobody else can change anything; on SQLite it began with the write lock."""
    if reading.dialect.name == "postgresql":
        names = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables)
        reading.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    elif not reading.in_transaction():
        reading.begin()


class _Side:
    """A table on one side, its rows in the order of their keys as bytes, JSON word for word."""

    def __init__(self, table: Table, connection: Connection, *, everything: bool = False) -> None:
        """`everything`: with the marks that are about one database only."""
        self.table, self.connection = table, connection
        self._is_postgresql = connection.dialect.name == "postgresql"
        self._columns = [
            cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
            for column in table.columns
        ]
        self._keys = [
            collate(column, "C") if self._is_postgresql and isinstance(column.type, String) else column
            for column in table.primary_key.columns
        ]
        own = table.name == MarkRow.__tablename__ and not everything
        self._only = [table.c.name.not_in(provenance.OF_ONE)] if own else []

    def count(self) -> int:
        return int(
            self.connection.execute(select(func.count()).select_from(self.table).where(*self._only)).scalar_one()
        )

    def last_key(self) -> tuple[Any, ...] | None:
        newest = [key.desc() for key in self._keys]
        statement = select(*self.table.primary_key.columns).where(*self._only).order_by(*newest).limit(1)
        row = self.connection.execute(statement).first()
        return None if row is None else tuple(row)

    def chunks(self, after: tuple[Any, ...] | None = None) -> Generator[Sequence[Any], None, None]:
        """The rows behind a key, a chunk at a time."""
        statement: Select[Any] = select(*self._columns).where(*self._only).order_by(*self._keys)
        if after is not None:
            statement = statement.where(tuple_(*self._keys) > tuple_(*after))
        with self.connection.execute(statement, execution_options={"yield_per": CHUNK}) as result:
            yield from result.partitions()

    def write(self, rows: Sequence[Any]) -> None:
        """These rows, in a transaction of their own."""
        names = [column.name for column in self.table.columns]
        if self._is_postgresql:
            cursor: Any = self.connection.connection.cursor()
            columns = ", ".join(f'"{name}"' for name in names)
            with cursor.copy(f'COPY "{self.table.name}" ({columns}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(tuple(row))
        else:
            as_text = [Column(column.name, _as_text(column)) for column in self.table.columns]
            plain = Table(self.table.name, MetaData(), *as_text)
            self.connection.execute(insert(plain), [dict(zip(names, row, strict=True)) for row in rows])
        self.connection.commit()


def _as_text(column: Column[Any]) -> Any:
    return Text() if isinstance(column.type, JSON) else column.type


def _copy(here: _Side, there: _Side, progress: Progress) -> None:
    """What the target does not have yet."""
    name, done = here.table.name, there.count()
    with closing(here.chunks(there.last_key())) as chunks:
        for rows in chunks:
            try:
                there.write(rows)
            except (psycopg.DataError, DataError) as error:
                why = str(getattr(error, "orig", error)).strip().splitlines()[0]
                raise RefusedError(f"A row of {name} does not fit into the other database: {why}") from None
            done += len(rows)
            progress("moved", name, done)


def _compared(here: _Side, there: _Side, progress: Progress) -> Content:
    """What both sides hold. Raises RefusedError when they differ."""
    ours, theirs = _content(here, progress), _content(there, progress)
    if ours != theirs:
        raise RefusedError(
            f"{here.table.name} is not the same on both sides ({ours.rows} and {theirs.rows} rows): something was "
            "written since the move began. Nothing was lost; move again, to a fresh database."
        )
    return ours


def _content(side: _Side, progress: Progress) -> Content:
    digest, count = hashlib.sha256(), 0
    with closing(side.chunks()) as chunks:
        for rows in chunks:
            for row in rows:
                digest.update(json.dumps(list(row), default=_canonical).encode() + b"\n")
            count += len(rows)
            progress("compared", side.table.name, count)
    return Content(rows=count, hash=digest.hexdigest())


def _canonical(value: object) -> str:
    """The same on both sides, whatever the drivers make of it: moments in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    assert isinstance(value, date | time)
    return value.isoformat()


def _set_counters(writing: Connection) -> None:
    """Numbers that count up by themselves go on behind the highest there is; SQLite does so by itself."""
    if writing.dialect.name != "postgresql":
        return
    for table in tables.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        counter: str | None = writing.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar_one()
        highest: int | None = writing.execute(select(func.max(column))).scalar_one()
        if counter is not None and highest is not None and highest > 0:
            writing.execute(select(func.setval(counter, highest)))
    writing.execute(text("ANALYZE"))
