"""A database of the first released shape, with rows in every table, is brought up to date and goes on working."""

import io
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import mydata
from bot.errors import RefusedError
from bot.store import schema, tables
from bot.store.tables import CitizenRow
from bot.store.vault import Vault
from tests.world import World

FIRST = "0001"
ROOT = Path(__file__).parents[1]
#: The keys with which the first shape's rows are sealed.
SEALED_WITH = Vault([b"Zmlyc3Qtc2hhcGUtZmlyc3Qtc2hhcGUtZmlyc3Qtc2g="], b"the finding key of the first one")
STATEMENTS = re.split(r"(?<=;)\n(?=INSERT)", (Path(__file__).parent / "first_shape.sql").read_text(encoding="utf-8"))


@pytest.fixture
def empty(engine, request, tmp_path):
    """A database without any shape, beside `engine`."""
    if engine.dialect.name == "sqlite":
        made = schema.open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        yield made
        made.dispose()
    else:
        create, drop = request.getfixturevalue("postgres")
        name = f"{engine.url.database}_empty"
        made = schema.open_engine(create(name, template="template0"))
        yield made
        made.dispose()
        drop(name)


def run(engine, statements):
    """As the driver takes them: none of today's models has a hand in it."""
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        if engine.dialect.name == "postgresql":
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        for statement in statements:
            cursor.execute(statement)


def count_on(engine):
    """Numbers that count up by themselves go on where the rows ended, as they did in the database that was."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for table in ("audit", "consent", "campaign_edit", "message", "answer", "opinion", "contact_line"):
                highest = f"(SELECT max(id) FROM {table})"
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {highest})"))


@pytest.fixture
def old(empty):
    """The first shape, with rows."""
    schema.migrate(empty, FIRST)
    run(empty, STATEMENTS)
    count_on(empty)
    return empty


def shape_of(engine):
    """The columns of every table."""
    look = inspect(engine)
    names = set(look.get_table_names()) - {"alembic_version"}
    return {name: [f'"{column["name"]}"' for column in look.get_columns(name)] for name in names}


def rows(engine, shape):
    """Everything that stands in these columns."""
    with engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(text(f'SELECT {", ".join(columns)} FROM "{name}"'))))
            for name, columns in shape.items()
        }


def test_the_fixture_has_rows_in_every_table_of_the_first_shape(old):
    has, _ = schema.shape(old)

    assert has == FIRST
    assert [name for name, found in rows(old, shape_of(old)).items() if not found] == []


def test_an_upgrade_changes_nothing_that_was_there(old):
    first = shape_of(old)
    before = rows(old, first)

    schema.migrate(old)

    assert rows(old, first) == before
    has, wants = schema.shape(old)
    assert has == wants
    assert set(inspect(old).get_table_names()) >= set(tables.metadata.tables)


def test_todays_program_works_on_an_upgraded_database(old, wording):
    schema.migrate(old)
    sessions = sessionmaker(old, class_=Session, expire_on_commit=False)
    world = World(sessions, wording, SEALED_WITH)
    numbers = iter(range(5001, 6000))
    world.journey.new_id = lambda: f"new{next(numbers)}"
    world.updates = numbers
    world.now += timedelta(hours=2)
    for waiting in world.journey.unheard():  # until it is heard no nudge leaves
        world.journey.let_pass(waiting.update_id)

    world.joins("eline", "money")  # somebody new
    world.campaign("zorgtoeslag-deadline", id="after-the-upgrade")
    world.signal(number="after-the-upgrade")
    left = world.tick()

    assert {outgoing.chat for outgoing in left} == {"dora", "eline"}  # Anna and Ben had one an hour ago
    world.choose("dora", "more")
    world.say("dora", "/stop")
    assert world.citizen("dora").standing == "stopped"
    with sessions() as session:
        anna = session.get(CitizenRow, "c0000001")
        told = mydata.collect(session, wording, SEALED_WITH, anna, world.now)
    assert told["person"]["telegram_chat"] == "anna"
    assert [len(told[name]) for name in ("messages", "answers", "opinions", "contact_requests")] == [1, 1, 1, 1]
    assert told["contact_requests"][0]["said"][0]["text"] == "Graag na vier uur."


def test_what_the_first_program_wrote_can_still_be_written_after_the_upgrade(empty):
    """Its statements, word for word, against today's shape: old processes go on while the new ones start."""
    schema.migrate(empty)

    run(empty, STATEMENTS)

    found = rows(empty, shape_of(empty))
    assert sum(map(len, found.values())) == len(STATEMENTS)


def test_a_database_that_a_newer_program_made_is_left_alone(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_tomorrow'"))

    with pytest.raises(RefusedError, match="9999_tomorrow"):
        schema.migrate(engine)


class CutOff(BaseException):
    """The process is gone here."""


def test_a_migration_that_is_cut_off_anywhere_leaves_the_old_shape_or_the_new_one(empty):
    """Each attempt dies some statements later than the one before, until one comes through."""
    statements = 0
    while schema.shape(empty)[0] is None:
        statements += 7
        count = iter(range(statements))

        def die(*_, count=count):
            if next(count, None) is None:
                raise CutOff

        event.listen(empty, "before_cursor_execute", die)
        try:
            schema.migrate(empty, FIRST)
        except CutOff:
            pass
        finally:
            event.remove(empty, "before_cursor_execute", die)
        empty.dispose()  # what was open died with the process
        has = schema.shape(empty)[0]
        assert has in {None, FIRST}
        assert (has is None) == (set(inspect(empty).get_table_names()) <= {"alembic_version"})
    run(empty, STATEMENTS)

    assert statements > 50


def test_a_real_kill_of_migrate_leaves_nothing_half_done(empty):
    """`kill -9` a little later each time, from before it begins until it is done."""
    url = empty.url.set(drivername=empty.url.get_backend_name()).render_as_string(hide_password=False)
    program = f"from bot.store import schema; print(flush=True); schema.migrate(schema.open_engine({url!r}), {FIRST!r})"
    kills = 0
    for wait in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 60.0):
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
        process.stdout.readline()
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        process.communicate()
        if schema.shape(empty)[0] == FIRST:
            break
        assert set(inspect(empty).get_table_names()) <= {"alembic_version"}
        empty.dispose()

    assert schema.shape(empty)[0] == FIRST
    assert kills >= 1
    run(empty, STATEMENTS)


def test_two_migrations_at_once_wait_for_each_other(empty):
    url = empty.url.set(drivername=empty.url.get_backend_name()).render_as_string(hide_password=False)
    program = f"from bot.store import schema; schema.migrate(schema.open_engine({url!r}))"
    command = [sys.executable, "-W", "ignore", "-c", program]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]

    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    has, wants = schema.shape(empty)
    assert has == wants


# What a migration may do, so that the program of before can go on meanwhile.

FORBIDDEN = {
    "takes something away that the old program uses": r"\bDROP\b",
    "calls something otherwise": r"\bRENAME\b",
    "changes what a column holds": r"\bALTER COLUMN\b",
    "rewrites rows": r"^\s*(DELETE|TRUNCATE|UPDATE)\b",
}
OLD_ROWS = {
    "asks of old rows or old statements what they do not have": r"ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b",
    "refuses what the old program may write": r"ADD CONSTRAINT|CREATE UNIQUE INDEX|ADD COLUMN .*(UNIQUE|CHECK)",
    "holds up who writes while it builds": r"CREATE INDEX (?!CONCURRENTLY)",
}


def statements_of(upgrade, dialect):
    """What a migration would say to the database, one statement after another."""
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name=dialect, opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        upgrade()
    return [statement.strip() for statement in buffer.getvalue().split(";\n") if statement.strip()]


def faults_of(upgrade, dialect, holds_writes=()):
    """What breaks the rule of bot/README.md. `holds_writes`: indexes that may be built while who writes waits."""
    statements = statements_of(upgrade, dialect)
    new = {found[1] for line in statements if (found := re.match(r'CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)', line))}
    for line in statements:
        table = re.search(r'(?:ALTER TABLE|\bON) "?(\w+)', line)
        rules = FORBIDDEN if table is not None and table[1] in new else FORBIDDEN | OLD_ROWS
        for why, pattern in rules.items():
            if re.search(pattern, line, re.IGNORECASE | re.DOTALL) and not any(
                re.match(rf'CREATE INDEX "?{name}\b', line) for name in holds_writes
            ):
                yield f"{line.splitlines()[0]}: {why}"


def later_migrations():
    script = ScriptDirectory(Path(schema.__file__).parents[1] / "migrations")
    return [known.module for known in script.walk_revisions() if known.revision != FIRST]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_migration_lets_the_program_of_before_go_on(dialect):
    faults = [
        f"{module.revision}: {fault}"
        for module in later_migrations()
        # SQLite has one writer, who waits in any case.
        for fault in faults_of(module.upgrade, dialect, getattr(module, "holds_writes", {}))
        if dialect == "postgresql" or not fault.endswith("while it builds")
    ]

    assert faults == []


def test_every_exception_has_its_reason_and_its_index():
    for module in later_migrations():
        made = "\n".join(statements_of(module.upgrade, "postgresql"))
        for name, reason in getattr(module, "holds_writes", {}).items():
            assert len(reason) > 20, name
            assert re.search(rf'CREATE INDEX "?{name}\b', made), name


BAD = {
    "a table dropped": lambda op: op.drop_table("link"),
    "a column dropped": lambda op: op.drop_column("citizen", "tone"),
    "a column renamed": lambda op: op.alter_column("citizen", "tone", new_column_name="voice"),
    "a table renamed": lambda op: op.rename_table("link", "tie"),
    "a type changed": lambda op: op.alter_column("citizen", "surveys", type_=sa.String()),
    "a column made obligatory": lambda op: op.alter_column("citizen", "tone", nullable=False),
    "an obligatory column without a default": lambda op: op.add_column(
        "citizen", sa.Column("shoe_size", sa.Integer(), nullable=False)
    ),
    "a promise that old rows may break": lambda op: op.create_unique_constraint("uq", "citizen", ["zone"]),
    "an index that is unique": lambda op: op.create_index("ix", "citizen", ["zone"], unique=True),
    "an index that holds up who writes": lambda op: op.create_index("ix", "citizen", ["zone"]),
    "rows rewritten": lambda op: op.execute("UPDATE citizen SET surveys = 0"),
    "rows deleted": lambda op: op.execute("DELETE FROM inbox"),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_a_migration_that_would_break_the_program_of_before_is_noticed(change):
    from alembic import op

    assert len(list(faults_of(lambda: change(op), "postgresql"))) == 1


def test_what_only_adds_may_be_done():
    from alembic import op

    def upgrade():
        op.create_table("shelf", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("n", sa.Integer()))
        op.create_index("ix_shelf_n", "shelf", ["n"], unique=True)
        op.add_column("citizen", sa.Column("shoe_size", sa.Integer(), nullable=True))
        op.add_column("citizen", sa.Column("hats", sa.Integer(), nullable=False, server_default="0"))
        op.create_index("ix_citizen_hats", "citizen", ["hats"])

    for dialect in ("sqlite", "postgresql"):
        assert list(faults_of(upgrade, dialect, {"ix_citizen_hats": "hats are few"})) == []
