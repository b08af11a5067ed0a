"""Bringing a database up to date, and opening it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.errors import InTheWayError, RefusedError
from bot.store.turns import Turns

#: The execution option of a connection that only looks.
READS = "handreiking_reads"
#: That of one that goes before other writers of this process.
URGENT = "handreiking_urgent"
#: That of one that does not wait for the disk. When the power fails it may be lost, but never what was committed before
#: it, nor it without what was committed after it.
DURABLE_LATER = "handreiking_durable_later"
#: What our connections call themselves at PostgreSQL, so that it can be seen whether a bot is at work.
AT_WORK = "handreiking"
_MIGRATING = 0x48616E64  # the key of an advisory lock
#: So many seconds a writer waits for the others of its own process, and then again for those of other processes.
TURN_S = 30


class _InTurn(sqlite3.Connection):
    """Writers of one process wait for their turn. SQLite has them ask again and again, and the busiest one wins."""

    _leave: Callable[[], None] | None = None

    def take_turn(self, turns: Turns, *, urgent: bool) -> None:
        if self._leave is None and turns.take(urgent=urgent, wait_s=TURN_S):
            self._leave = turns.give

    def commit(self) -> None:
        try:
            super().commit()
        finally:
            self._give_turn()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._give_turn()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._give_turn()

    def _give_turn(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


#: PostgreSQL undoes a transaction in which nothing is said for so long, so that a frozen process locks nobody out.
SILENT_S = 15


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…` (psycopg 3).

    SQLite runs in WAL with `synchronous=FULL` and takes its write lock at BEGIN, so that two writers wait for each
    other instead of failing half-way.
    """
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        given = address.query.get("options", "")
        return create_engine(
            address.set(drivername="postgresql+psycopg").update_query_dict({"application_name": AT_WORK}),
            connect_args={"options": f"-c idle_in_transaction_session_timeout={SILENT_S}s {given}".strip()},
            pool_size=10,
            max_overflow=10,
            pool_pre_ping=True,
            hide_parameters=True,  # they are chats, texts and references, and errors are logged
        )
    turns = Turns()
    arguments = {"timeout": TURN_S, "check_same_thread": False, "factory": _InTurn}
    engine = create_engine(address, connect_args=arguments, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not begin on its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        reads, later = options.get(READS, False), options.get(DURABLE_LATER, False)
        writer = connection.connection.driver_connection
        if not reads and isinstance(writer, _InTurn):
            writer.take_turn(turns, urgent=options.get(URGENT, False))
            writer.execute(f"PRAGMA synchronous={'NORMAL' if later else 'FULL'}")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def name_of(engine: Engine) -> str:
    """The address of a database, with *** for a password."""
    url = engine.url.set(drivername=engine.url.get_backend_name(), query={})
    host = engine.url.query.get("host")  # a socket's directory
    return url.render_as_string() + (f"?host={host}" if host else "")


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("bot") / "migrations"))
    config.attributes["engine"] = engine
    return config


def migrate(engine: Engine, shape: str = "head") -> None:
    """Bring the database to today's shape, or an older one; nothing happens when it has it already.

    A SQLite database that is not there yet is made for its owner only. Two at once wait for each other. Raises
    RefusedError when the database is newer than this program, InTheWayError when somebody writes to it for too long.
    """
    script = ScriptDirectory.from_config(_config(engine))
    if engine.dialect.name == "sqlite" and engine.url.database not in {None, "", ":memory:"}:
        _make_for_its_owner(Path(str(engine.url.database)))
    with _alone(engine):
        try:
            has = _shape(engine)
            if has is not None and has not in {known.revision for known in script.walk_revisions()}:
                raise RefusedError(
                    f"The database has shape {has}, which this program does not know: a newer one made it. Use that."
                )
            command.upgrade(_config(engine), shape)
        except OperationalError as error:
            if "database is locked" not in str(error.orig):
                raise
            raise InTheWayError("Somebody writes to the database all the time. Stop the bot and try again.") from None


def _make_for_its_owner(file: Path) -> None:
    """SQLite gives its log and its index the rights of the file. What cannot be made it says itself, on opening it."""
    with suppress(OSError):
        file.touch(mode=0o600, exist_ok=False)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Nobody else migrates meanwhile; on SQLite the write lock sees to that."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(select(func.pg_advisory_lock(_MIGRATING)))
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(_MIGRATING)))


def _shape(engine: Engine) -> str | None:
    with engine.connect().execution_options(**{READS: True}) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def shape(engine: Engine) -> tuple[str | None, str | None]:
    """The shape the database has and the one this program wants; None: no shape yet."""
    return _shape(engine), ScriptDirectory.from_config(_config(engine)).get_current_head()
