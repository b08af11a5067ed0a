"""What every room of the ledger uses: looking only, adding once, and marks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Table, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, SQLModel, col

from bot.store import schema
from bot.store.tables import (
    MarkRow,
)

Row = TypeVar("Row", bound=SQLModel)


@contextmanager
def reading(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session for looking only: on SQLite it does not wait for who writes, nor do they wait for it."""
    with sessions() as session:
        session.connection(execution_options={schema.READS: True})
        yield session


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
        session.execute(insert(table_of(row)), list(rows))


def table_of(row: type[SQLModel]) -> Table:
    return row.__table__  # type: ignore[attr-defined,no-any-return]


def by_id(session: Session, table: type[Row], ids: Iterable[Any]) -> dict[Any, Row]:
    key = next(iter(table.__table__.primary_key.columns))  # type: ignore[attr-defined]
    rows = session.execute(select(table).where(key.in_(set(ids)))).scalars()
    return {getattr(row, key.name): row for row in rows}


def mark(session: Session, name: str, *, locked: bool = False) -> dict[str, Any] | None:
    row = session.get(MarkRow, name, with_for_update=locked)
    return None if row is None else row.value


def set_mark(session: Session, name: str, value: Mapping[str, Any], now: datetime) -> None:
    """Write it down in one statement: several processes may do so at once, and the last one counts."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    written = make(MarkRow).values(name=name, value=dict(value), at=now)
    key = col(MarkRow.name)
    kept = written.on_conflict_do_update(
        index_elements=[key], set_={"value": written.excluded.value, "at": written.excluded.at}
    )
    # What this session has read of it before is read anew.
    session.scalars(kept.returning(MarkRow), execution_options={"populate_existing": True}).one()


def clear_mark(session: Session, name: str) -> None:
    session.execute(delete(MarkRow).where(col(MarkRow.name) == name))
