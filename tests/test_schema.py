"""The migrations and the tables say the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from bot.store import schema, tables


def test_the_migrations_make_exactly_the_tables_that_the_program_uses(engine):
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
        made = set(inspect(connection).get_table_names())

    assert differences == []
    assert made == {*tables.metadata.tables, "alembic_version"}


def test_migrating_once_more_changes_nothing(engine):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO mark (name, value, at) VALUES ('kept', '{}', '2026-11-21 09:00:00')"))

    schema.migrate(engine)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM mark")).scalars().all() == ["kept"]
    has, wants = schema.shape(engine)
    assert has == wants is not None
