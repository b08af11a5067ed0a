"""Everything moves to another database: whole, once, and never used in two places."""

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot.errors import InTheWayError, RefusedError
from bot.store import copying, provenance, schema, tables
from bot.store.tables import AuditRow, CitizenRow, LinkCodeRow, MarkRow
from tests.world import TUESDAY_TEN, World


class CutOff(BaseException):
    """The process is gone here."""


@pytest.fixture
def other(engine, request, tmp_path):
    """A database of the other kind, without any shape."""
    if engine.dialect.name == "postgresql":
        made = schema.open_engine(f"sqlite:///{tmp_path / 'moved.db'}")
        yield made
        made.dispose()
    else:
        create, drop = request.getfixturevalue("postgres")
        name = f"moved_{request.getfixturevalue('worker_name')}_{next(request.getfixturevalue('database_number'))}"
        made = schema.open_engine(create(name, template="template0"))
        yield made
        made.dispose()
        drop(name)


@pytest.fixture
def town(sessions, wording, vault):
    """A day in which most tables get rows, and what waits: Dora's nudge."""
    world = World(sessions, wording, vault)
    world.joins("anna", "money", "work", code=world.code_for("ref-1"))
    world.joins("ben", "money", language="ar")
    world.joins("carla", "money")
    world.say("carla", "/stop")
    world.campaign()
    world.signal()
    world.tick()
    world.choose("anna", "contact")
    world.choose("anna", "chat")
    world.choose("anna", "chat.any")
    world.journey.learn()
    world.joins("dora", "money")
    world.later(hours=1)
    world.signal(number="the second")
    while world.journey.plan() or world.journey.decide():
        pass
    return world


def move(source, target, **changes):
    return copying.move(source, target, **{
        "now": TUESDAY_TEN, "move_id": "first", "progress": lambda *_: None, **changes
    })  # fmt: skip


def everything(engine):
    """All rows, less the marks that are about one database only."""
    with engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
                if table.name != "mark" or row.name not in provenance.OF_ONE
            ]
            for table in tables.metadata.sorted_tables
        }


def sorted_rows(rows):
    return {name: sorted(map(repr, found)) for name, found in rows.items()}


def test_all_is_there_afterwards_and_the_bot_goes_on(town, engine, other):
    before = everything(engine)

    moved = move(engine, other)

    assert sorted_rows(everything(other)) == sorted_rows(before)
    assert {name: content.rows for name, content in moved.items()} == {name: len(rows) for name, rows in before.items()}
    assert sum(content.rows for content in moved.values()) > 100
    world = World(sessionmaker(other, class_=Session, expire_on_commit=False), town.wording, town.vault)
    world.now, world.phones, world.updates, world.numbers = town.now, town.phones, town.updates, town.numbers
    world.journey.new_id = lambda: "after-the-move"
    assert [outgoing.chat for outgoing in world.deliver() if outgoing.silent] == ["dora"]
    world.joins("eline", "work")  # numbers count on
    world.say("dora", "/stop")
    assert world.citizen("dora").standing == "stopped"


def test_what_was_moved_from_sends_nothing_more_and_says_where_it_went(town, engine, other):
    town.say("anna", "/mydata")
    move(engine, other)

    assert town.deliver() == []
    assert town.deliver(owner="another") == []
    with pytest.raises(RefusedError, match="Everything was moved from this database"):
        town.journey.held_after_restore()
    with pytest.raises(RefusedError, match="Everything was moved from"):
        move(engine, other)


def test_it_can_move_back_to_a_fresh_one_of_the_first_kind(town, engine, other, request, tmp_path):
    before = everything(engine)
    move(engine, other)
    if engine.dialect.name == "sqlite":
        again, drop = schema.open_engine(f"sqlite:///{tmp_path / 'again.db'}"), None
    else:
        create, drop = request.getfixturevalue("postgres")
        again = schema.open_engine(create(f"{engine.url.database}_again", template="template0"))

    back = move(other, again)

    assert everything(again) == before
    assert back["citizen"].rows == 4
    again.dispose()
    if drop:
        drop(f"{engine.url.database}_again")


def cut_off_at(engine, number):
    """A listener after whose `number`th statement nothing happens any more."""
    count = iter(range(1, number + 1))

    def look(_, cursor, *__):
        if next(count, number) == number:
            cursor.close()  # which a dead process has no need of
            raise CutOff

    event.listen(engine, "before_cursor_execute", look)
    return lambda: event.remove(engine, "before_cursor_execute", look)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_move_that_is_cut_off_anywhere_is_finished_by_the_next(town, engine, other, side, monkeypatch):
    """One attempt after the other dies a statement later than the one before, until one comes through."""
    monkeypatch.setattr(copying, "CHUNK", 7)
    before = everything(engine)
    dies = engine if side == "source" else other
    number = 0
    while True:
        number += 23
        whole_again = cut_off_at(dies, number)
        try:
            move(engine, other, move_id=f"attempt {number}")
            break
        except CutOff:
            continue
        except RefusedError:  # the kill came after the last commit
            break
        finally:
            whole_again()

    assert number > 30
    assert sorted_rows(everything(other)) == sorted_rows(before)
    with Session(other) as session:
        assert provenance.unusable(provenance.marks(session), here="") is None


def test_a_real_kill_in_the_middle_is_mended_by_running_it_again(town, engine, other, tmp_path, database_url):
    with Session(engine) as session, session.begin():
        session.add_all(AuditRow(at=town.now, who="x", action="fill", subject=str(n), detail={}) for n in range(6_000))
    engine.dispose()
    url = other.url.set(drivername=other.url.get_backend_name()).render_as_string(hide_password=False)
    (tmp_path / "to").write_text(url)
    command = [sys.executable, "-m", "bot", "migrate", "--from", database_url, "--to", f"@{tmp_path / 'to'}"]

    def moving():
        return subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)

    first = moving()
    while True:  # until some of it is there
        try:
            with other.connect().execution_options(**{schema.READS: True}) as connection:
                if connection.execute(text("SELECT count(*) FROM audit")).scalar_one():
                    break
        except Exception:  # noqa: BLE001 - not yet
            assert first.poll() is None or first.returncode == 0
        if first.poll() is not None:
            break
    first.send_signal(signal.SIGKILL)
    first.communicate()
    other.dispose()

    again = moving()
    told, _ = again.communicate(timeout=60)

    assert again.returncode == 0 or "Everything was moved" in told
    assert len(everything(other)["audit"]) == len(everything(engine)["audit"]) > 6_000


def test_a_chunk_is_all_that_is_held(town, engine, other, monkeypatch):
    with Session(engine) as session, session.begin():
        session.add_all(
            LinkCodeRow(id=f"k{n}", secret_hash="s", reference_sealed="r", created_at=town.now, expires_at=town.now)
            for n in range(101)
        )
    monkeypatch.setattr(copying, "CHUNK", 10)
    told = []

    move(engine, other, progress=lambda what, table, rows: told.append((what, table, rows)))

    counts = [rows for what, table, rows in told if (what, table) == ("moved", "link_code")]
    assert counts == [*range(10, 101, 10), 102]


def test_one_side_may_be_silent_for_as_long_as_the_other_takes(town, engine, other):
    schema.migrate(other)
    hasty = {"options": "-c idle_in_transaction_session_timeout=1s"}
    engines = [
        schema.open_engine(
            one.url.set(drivername="postgresql").update_query_dict(hasty).render_as_string(hide_password=False)
        )
        if one.dialect.name == "postgresql"
        else one
        for one in (engine, other)
    ]
    engine.dispose()
    other.dispose()

    def slow(what, table, rows):
        if table == "citizen":
            threading.Event().wait(2)

    try:
        moved = move(*engines, progress=slow)
    finally:
        for one in engines:
            one.dispose()

    assert moved["citizen"].rows == 4


# What it refuses.


def test_a_database_in_use_is_left_alone(town, engine, other):
    with engine.connect().execution_options(**{schema.READS: True}) as somebody:
        somebody.execute(text("SELECT count(*) FROM citizen"))
        with pytest.raises(InTheWayError, match="Somebody uses"):
            move(schema.open_engine(engine.url.render_as_string(hide_password=False)), other)

    assert everything(other)["citizen"] == []


def test_a_source_of_another_shape_is_to_be_migrated_first(engine, other):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(RefusedError, match="Run `handreiking migrate` on it first"):
        move(engine, other)


def test_a_target_with_anything_in_it_is_refused_by_name(town, engine, other):
    schema.migrate(other)
    with Session(other) as session, session.begin():
        session.add(MarkRow(name="breaker", value={}, at=town.now))

    with pytest.raises(RefusedError, match="1 in mark"):
        move(engine, other)


def test_a_target_of_something_else_is_refused_by_name(town, engine, other):
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE bookkeeping (n integer)"))

    with pytest.raises(RefusedError, match="bookkeeping"):
        move(engine, other)


def test_the_beginning_of_another_move_is_refused_by_name(town, engine, other):
    schema.migrate(other)
    with Session(other) as session, session.begin():
        begun = {"id": "not this", "from": "sqlite:///elsewhere.db", "into": True}
        session.add(MarkRow(name=provenance.MOVING, value=begun, at=town.now))

    with pytest.raises(RefusedError, match=r"sqlite:///elsewhere\.db"):
        move(engine, other)


def test_what_was_written_after_a_move_was_cut_off_is_noticed(town, engine, other, monkeypatch):
    monkeypatch.setattr(copying, "_set_counters", _die)
    with pytest.raises(CutOff):
        move(engine, other)
    monkeypatch.undo()
    town.say("anna", "/stop")  # the bot was started once more

    with pytest.raises(RefusedError, match="not the same on both sides"):
        move(engine, other)

    assert town.journey.held_after_restore() is None  # and it may go on where it is


def _die(*_):
    raise CutOff


def test_a_half_moved_database_is_not_used(town, engine, other, monkeypatch):
    monkeypatch.setattr(copying, "_set_counters", _die)
    with pytest.raises(CutOff):
        move(engine, other)

    half = World(sessionmaker(other, class_=Session), town.wording, town.vault)
    half.now = town.now + timedelta(minutes=5)

    assert half.deliver() == []
    with pytest.raises(RefusedError, match="not all is there"):
        half.journey.held_after_restore()


def test_an_old_copy_stays_one_when_it_is_moved(town, engine, other):
    town.deliver()
    with Session(engine) as session, session.begin():
        session.merge(MarkRow(name=provenance.COPY, value={"because": "is a copy of Monday"}, at=town.now))

    move(engine, other)

    world = World(sessionmaker(other, class_=Session, expire_on_commit=False), town.wording, town.vault)
    assert "is a copy of Monday" in world.journey.held_after_restore()


def test_what_the_other_database_cannot_hold_is_told(engine, other):
    sqlite, postgresql = (engine, other) if engine.dialect.name == "sqlite" else (other, engine)
    schema.migrate(sqlite)
    with Session(sqlite) as session, session.begin():
        session.add(AuditRow(at=TUESDAY_TEN, who="a\0b", action="x", subject="y", detail={}))

    with pytest.raises(RefusedError, match="A row of audit does not fit"):
        move(sqlite, postgresql)


def test_a_password_is_never_named(engine):
    secret = schema.open_engine("postgresql://bot:hunter2@db.example/handreiking?host=/run/pg")

    assert schema.name_of(secret) == "postgresql://bot:***@db.example/handreiking?host=/run/pg"


def test_the_hash_is_about_what_stands_there_and_not_about_how_it_is_kept(town, engine, other):
    moved = move(engine, other)

    with other.connect() as connection:
        assert connection.execute(select(func.count()).select_from(CitizenRow)).scalar_one() == moved["citizen"].rows
    assert len({content.hash for content in moved.values() if content.rows}) == sum(
        bool(content.rows) for content in moved.values()
    )
