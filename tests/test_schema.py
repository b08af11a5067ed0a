"""The migrations and the tables say the same."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot.store import schema, tables


def test_the_migrations_make_exactly_the_tables_that_the_program_uses(engine):
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
        made = set(inspect(connection).get_table_names())

    assert differences == []
    assert made == {*tables.metadata.tables, "alembic_version"}


def test_a_new_file_is_for_its_owner_only_and_one_that_is_there_keeps_its_rights(tmp_path):
    new, shared = tmp_path / "new.db", tmp_path / "shared.db"
    shared.touch()
    shared.chmod(0o660)
    for file in (new, shared):
        engine = schema.open_engine(f"sqlite:///{file}")
        schema.migrate(engine)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE something (id INTEGER)"))
            rights = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob(f"{file.name}*")}
        engine.dispose()
        assert len(rights) == 3
        assert set(rights.values()) == {0o600 if file == new else 0o660}


def test_migrating_once_more_changes_nothing(engine):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO mark (name, value, at) VALUES ('kept', '{}', '2026-11-21 09:00:00')"))

    schema.migrate(engine)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM mark")).scalars().all() == ["kept"]
    has, wants = schema.shape(engine)
    assert has == wants is not None


def test_writers_of_one_process_wait_for_each_other_in_turn(engine):
    """SQLite's own waiting is asking again after ever longer pauses: one that is busy would shut the others out.

    Here SQLite does not wait at all.
    """
    asked = threading.Event()

    @event.listens_for(engine, "connect")
    def impatient(connection, _):
        if engine.dialect.name == "sqlite":
            connection.execute("PRAGMA busy_timeout=0")

    @event.listens_for(engine, "checkout")
    def asks(*_):
        if threading.current_thread() is not threading.main_thread():
            asked.set()

    def write(name):
        with engine.begin() as connection:
            statement = text("INSERT INTO mark (name, value, at) VALUES (:name, '{}', '2026-11-21 09:00:00')")
            connection.execute(statement, {"name": name})

    others = [threading.Thread(target=write, args=[f"other {number}"]) for number in range(8)]
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO mark (name, value, at) VALUES ('first', '{}', '2026-11-21 09:00:00')"))
        for other in others:
            other.start()
        assert asked.wait(10)
    for other in others:
        other.join(20)

    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM mark")).scalar_one() == 9


def test_a_writer_that_fails_gives_its_turn_away(engine):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), engine.begin():
            raise ZeroDivisionError
    with (
        pytest.raises(OperationalError if engine.dialect.name == "sqlite" else ProgrammingError),
        engine.begin() as lost,
    ):
        lost.execute(text("INSERT INTO nowhere VALUES (1)"))

    with engine.begin() as connection:
        connection.execute(text("INSERT INTO mark (name, value, at) VALUES ('a', '{}', '2026-11-21 09:00:00')"))
