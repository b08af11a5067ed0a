"""What every room of the ledger uses: looking only, adding once, and marks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Insert, Select, Table, bindparam, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, sessionmaker
from sqlmodel import Session, SQLModel

from bot.store import schema
from bot.store.tables import (
    MarkRow,
)

Row = TypeVar("Row", bound=SQLModel)


def table_of(row: type[SQLModel]) -> Table:
    return row.__table__  # type: ignore[attr-defined,no-any-return]


def one_of(column: ColumnElement[Any] | Mapped[Any], name: str) -> ColumnElement[bool]:
    """Whether `column` is among what is given under `name` when the statement is executed.

    For what is asked all the time: making a statement anew takes several times as long as asking it.
    """
    return column.in_(bindparam(name, expanding=True))


MARK = table_of(MarkRow)
_MARK = select(MARK.c.value).where(MARK.c.name == bindparam("of_name"))
_MARK_LOCKED = _MARK.with_for_update()


@contextmanager
def reading(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session for looking only: on SQLite it does not wait for who writes, nor do they wait for it."""
    with sessions() as session:
        session.connection(execution_options={schema.READS: True})
        yield session


def urgent(session: Session, *, repeatable: bool = False) -> None:
    """Somebody waits for what this session does: it goes before other writers of this process. Say it first of all.

    `repeatable`: all of it will be done again if it is lost, so it need not wait for the disk; it is durable with the
    next commit that does.
    """
    options = {schema.URGENT: True, schema.DURABLE_LATER: repeatable}
    connection = session.connection(execution_options=options)
    if repeatable and connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def unhurried(session: Session) -> None:
    """Let this transaction think for as long as it takes between two statements."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def add_new(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those rows that are not there yet, in one statement; return how many were new."""
    if not rows:
        return 0
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    key = next(iter(table.__table__.primary_key.columns))  # type: ignore[attr-defined]
    statement = make(table).on_conflict_do_nothing().returning(key)
    return len(session.execute(statement, list(rows)).all())


def add_all(session: Session, row: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows in one statement, past the unit of work. They all name the same columns."""
    if rows:
        session.connection().execute(_inserting(table_of(row)), list(rows))


@lru_cache
def _inserting(table: Table) -> Insert:
    return insert(table)


def by_id(session: Session, table: type[Row], ids: Iterable[Any]) -> dict[Any, Row]:
    rows = session.execute(_with_ids(table), {"ids": list(set(ids))}).scalars()
    key = next(iter(table_of(table).primary_key.columns)).name
    return {getattr(row, key): row for row in rows}


@lru_cache
def _with_ids(table: type[Row]) -> Select[Any]:
    return select(table).where(one_of(next(iter(table_of(table).primary_key.columns)), "ids"))


def mark(session: Session, name: str, *, locked: bool = False) -> dict[str, Any] | None:
    value: dict[str, Any] | None = session.execute(
        _MARK_LOCKED if locked else _MARK, {"of_name": name}
    ).scalar_one_or_none()
    return value


def set_mark(session: Session, name: str, value: Mapping[str, Any], now: datetime) -> None:
    """Write it down in one statement: several processes may do so at once, and the last one counts."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    written = make(MARK).values(name=name, value=dict(value), at=now)
    kept = written.on_conflict_do_update(
        index_elements=[MARK.c.name], set_={"value": written.excluded.value, "at": written.excluded.at}
    )
    session.execute(kept)


def clear_mark(session: Session, name: str) -> None:
    session.execute(delete(MARK).where(MARK.c.name == name))
