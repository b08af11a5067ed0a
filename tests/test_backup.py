"""A copy while the bot runs; and an old copy that is put back sends nothing again before a person was asked."""

import json
import resource
import shutil
import sqlite3
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from bot import campaigns, planning, upkeep
from bot.core.facts import ConsentState, Onward
from bot.core.talk import Command
from bot.errors import InTheWayError, RefusedError
from bot.journey import Speaker
from bot.store import backup, conversation, provenance, schema
from bot.store.tables import AuditRow, ConsentRow, LinkCodeRow, MarkRow, MessageRow
from tests.world import TUESDAY_TEN, World


@pytest.fixture
def town(sessions, wording, vault):
    """Anna, Ben and Carla take part; a signal is decided about and its nudges wait; so does an answer to Carla."""
    world = World(sessions, wording, vault)
    for name in ("anna", "ben", "carla"):
        world.joins(name, "money")
    world.later(days=7)  # whoever was asked something lately is not asked again
    world.campaign()
    world.signal(number="the first")
    while world.journey.plan() or world.journey.decide():
        pass
    return world


@pytest.fixture
def copied(engine, tmp_path, request):
    """A copy of `engine`'s database and its way back, each as this database's own tools make it."""
    return (Postgres if engine.dialect.name == "postgresql" else Sqlite)(engine, tmp_path, request)


class Sqlite:
    def __init__(self, engine, folder, _):
        self.engine, self.file = engine, folder / "backup.db"

    def make(self):
        backup.back_up(self.engine, self.file, TUESDAY_TEN)

    def put_back(self):
        """Over the database that was, as an operator does after a disk broke."""
        self.engine.dispose()
        where = Path(self.engine.url.database)
        for ending in ("-wal", "-shm"):
            where.with_name(where.name + ending).unlink(missing_ok=True)
        shutil.copyfile(self.file, where)


class Postgres:
    def __init__(self, engine, folder, request):
        self.engine, self.file = engine, folder / "backup.dump"
        url = engine.url
        server = (Path(url.query["host"]) / "postmaster.opts").read_text().split()[0]  # its tools are of its version
        self.tools = Path(server).parent
        self.where = ["-h", url.query["host"], "-U", url.username, "-d", url.database]

    def make(self):
        command = [self.tools / "pg_dump", *self.where, "--format=custom", f"--file={self.file}"]
        subprocess.run(command, check=True)

    def put_back(self):
        self.engine.dispose()
        subprocess.run([self.tools / "pg_restore", *self.where, "--clean", self.file], check=True)


def again(town):
    """The bot started on what is there now, by another process, some hours later. Phones stay as they are."""
    world = World(town.sessions, town.wording, town.vault)
    world.phones, world.updates, world.numbers, world.sent = town.phones, town.updates, town.numbers, town.sent
    world.journey.new_id = lambda: f"later{next(world.updates)}"
    world.signal_ids = town.signal_ids
    world.now = town.now + timedelta(hours=3)
    return world


@pytest.fixture
def restored(town, copied):
    """The copy was made before the nudges left. Then they did, Carla stopped and Dora came; and it was put back."""
    copied.make()
    assert len(town.deliver()) == 3
    town.later(minutes=5)
    town.say("carla", "/stop")
    town.joins("dora", "money")
    copied.put_back()
    world = again(town)
    world.sent.clear()
    return world


def sent_to(world):
    return [(outgoing.chat, outgoing.silent) for outgoing in world.sent]


# The guard.


def test_nothing_leaves_again_before_a_person_was_asked(restored):
    for _ in range(3):
        restored.later(days=1)
        restored.tick()
    restored.signal(number="a new one")
    restored.tick()

    assert sent_to(restored) == []
    told = restored.journey.held_after_restore()
    assert "3 wait" in told
    assert "--after-restore ask" in told
    with pytest.raises(RefusedError, match="--after-restore"):
        restored.journey.resume_nudges(who="sam")
    with restored.sessions() as session:
        held = session.get(MarkRow, provenance.RESTORED).value
        assert "copy" in held["because"] or "PostgreSQL" in held["because"]
        assert session.exec(select(AuditRow).where(col(AuditRow.action) == "hold_after_restore")).one()


def test_meanwhile_people_are_answered(restored):
    restored.tick()

    restored.say("anna", "/stop")
    restored.say("eline", "/start")

    assert sent_to(restored) == [("anna", False), ("eline", False)]
    assert restored.citizen("anna").standing == "stopped"


def test_withdrawn_nothing_of_before_is_ever_sent_again(restored):
    restored.deliver()

    counts = restored.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")

    assert counts == {"withdrawn": 3, "taken_up": 0, "consents_ended": 0}
    for _ in range(40):
        restored.later(days=1)
        restored.tick()
    assert [chat for chat, silent in sent_to(restored) if silent] == []
    assert set(restored.outcomes()) == {"uncertain"}  # a reason with words for people, in every language
    assert restored.journey.held_after_restore() is None


def test_withdrawn_they_count_as_contacts_and_new_signals_wait_their_turn(restored):
    restored.deliver()
    restored.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")

    restored.signal(number="a new one")
    restored.tick()

    assert sent_to(restored) == []
    waiting = [offer.outcome for offer in restored.offers() if offer.state == "open"]
    assert len(waiting) == 3
    assert set(waiting) <= {"open_question", "resting", "card_gap"}


@pytest.fixture
def bare(sessions, wording, vault):
    """Anna takes part, and nothing waits yet."""
    world = World(sessions, wording, vault)
    world.joins("anna", "money")
    world.later(days=7)
    world.journey.held_after_restore()
    return world


def put_back(world):
    """This database is a copy from now on, found out an hour later."""
    with world.sessions.begin() as session:
        session.add(MarkRow(name=provenance.COPY, value={"because": "is a copy"}, at=world.now))
    world.later(hours=1)
    assert world.journey.held_after_restore()


def test_withdrawn_an_offer_that_waited_for_its_campaign_does_not_leave_when_that_starts(bare):
    """In what was lost the campaign may have started, and the nudge left."""
    campaign = bare.campaign()
    with bare.sessions.begin() as session:
        campaigns.pause(session, campaign, by="eva", now=bare.now, because="a look")
    bare.signal()
    bare.tick()
    put_back(bare)
    bare.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")
    with bare.sessions.begin() as session:
        campaigns.start(session, campaign, bare.wording, by="eva", now=bare.now)

    nudges = []
    for _ in range(30):
        bare.later(days=1)
        nudges += bare.tick()

    assert nudges == []
    assert bare.outcomes() == ["uncertain"]


def test_withdrawn_an_offer_nobody_had_decided_about_keeps_its_person_quiet_for_two_weeks(bare):
    bare.campaign()
    bare.signal()
    put_back(bare)
    held = bare.now
    bare.later(hours=2)
    bare.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")
    bare.signal(in_days=45)

    nudges = []
    while bare.now < held + timedelta(days=30):
        nudges += [(bare.now, nudge) for nudge in bare.tick()]
        bare.later(hours=6)

    assert nudges
    assert min(at for at, _ in nudges) >= held + timedelta(days=14)


def test_withdrawn_who_said_something_after_the_restore_is_still_answered(bare):
    put_back(bare)
    bare.later(minutes=1)
    bare.sent.clear()
    bare.journey.hear(9001, Speaker("anna", "nl"), Command("help", ""))

    counts = bare.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")
    bare.deliver()

    assert counts["withdrawn"] == 0
    assert [chat for chat, _ in sent_to(bare)] == ["anna"]


def test_asked_anew_everybody_gets_one_question_and_no_nudge_without_a_new_yes(restored):
    restored.deliver()

    counts = restored.journey.go_on_after_restore(Onward.ASK, who="sam")
    restored.tick()

    assert (counts["withdrawn"], counts["consents_ended"]) == (3, 3)
    assert sorted(chat for chat, _ in sent_to(restored)) == ["anna", "ben", "carla"]
    restored.sent.clear()
    restored.choose("anna", "renew.money")
    for _ in range(20):
        restored.later(days=1)
        restored.signal()
        restored.tick()
    assert {chat for chat, _ in sent_to(restored)} == {"anna"}
    with restored.sessions() as session:
        newest = session.exec(select(ConsentRow).where(col(ConsentRow.state) == ConsentState.EXPIRED)).all()
    assert len(newest) == 3


def test_who_left_and_themes_that_are_gone_do_not_keep_others_from_being_asked(bare):
    for name in ("ben", "carla"):
        bare.joins(name, "money")
    bare.later(days=7)
    put_back(bare)
    bare.journey.go_on_after_restore(Onward.ASK, who="sam")
    bare.sent.clear()
    bare.say("anna", "/stop")
    with bare.sessions.begin() as session:
        ben = bare.citizen("ben").id
        ended = select(ConsentRow).where(ConsentRow.citizen_id == ben, ConsentRow.state == ConsentState.EXPIRED)
        session.exec(ended).one().theme = "a theme that is gone"

        asked = upkeep.renew(session, bare.wording, bare.now, limit=1)
    bare.deliver()

    assert asked == 1
    assert [chat for chat, _ in sent_to(bare)] == ["anna", "carla"]


def test_once_nobody_is_left_to_ask_the_restore_is_over(bare):
    def is_going_on():
        with bare.sessions() as session:
            return session.get(MarkRow, conversation.ENDED_BY_RESTORE) is not None

    bare.joins("ben", "money", "care")
    bare.later(days=7)
    put_back(bare)
    bare.journey.go_on_after_restore(Onward.ASK, who="sam")
    asked = []
    while is_going_on() and len(asked) < 10:
        bare.sent.clear()
        bare.tick()
        asked.append(sorted(chat for chat, _ in sent_to(bare)))
        bare.later(days=2)

    assert [day for day in asked if day] == [["anna", "ben"], ["ben"]]
    assert not is_going_on()


def test_sent_when_the_bot_stood_still_everything_goes_on(town, copied):
    """A move of a machine: nothing happened between the copy and its return."""
    with town.sessions.begin() as session:
        session.add(
            MessageRow(
                key="answer", citizen_id=town.citizen("carla").id, purpose=0, state="due", due_at=town.now,
                created_at=town.now, expires_at=town.now + timedelta(hours=24), body={"text": "Goed."},
            )
        )  # fmt: skip
    copied.make()
    copied.put_back()
    world = again(town)
    world.sent.clear()
    assert world.deliver() == []

    counts = world.journey.go_on_after_restore(Onward.SEND, who="sam")
    world.deliver()

    assert counts["taken_up"] == 1
    assert sorted(sent_to(world)) == [("anna", True), ("ben", True), ("carla", False), ("carla", True)]
    assert world.journey.held_after_restore() is None


def test_a_pause_that_staff_had_set_before_stays(town, copied):
    town.journey.pause_nudges("a look at the texts", who="sam")
    copied.make()
    copied.put_back()
    world = again(town)
    world.deliver()
    world.journey.go_on_after_restore(Onward.SEND, who="sam")

    assert [outgoing for outgoing in world.deliver() if outgoing.silent] == []
    with world.sessions() as session:
        assert session.get(MarkRow, "pause_nudges").value["because"] == "a look at the texts"


def test_a_pause_that_staff_set_while_it_was_held_stays(bare):
    put_back(bare)
    bare.journey.pause_nudges("a complaint is looked into", who="eva")

    bare.journey.go_on_after_restore(Onward.SEND, who="sam")

    with bare.sessions() as session:
        assert session.get(MarkRow, "pause_nudges").value["because"] == "a complaint is looked into"


def test_a_decision_is_only_there_after_a_restore(town):
    town.deliver()

    with pytest.raises(RefusedError, match="No restore waits"):
        town.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")


def test_starting_again_on_the_same_database_asks_nothing(town):
    for _ in range(3):
        town.deliver()
        town = again(town)
        assert town.journey.held_after_restore() is None


def test_a_calendar_day_that_came_meanwhile_is_not_called_once_more(restored):
    """What was decided to be withdrawn covers the days whose signals were lost with the old database."""
    restored.deliver()
    restored.journey.go_on_after_restore(Onward.WITHDRAW, who="sam")

    assert restored.journey.call_dates() == 0


# What else is taken for an old copy.


@pytest.fixture
def city(request, worker_name, database_number, wording, vault):
    """The village on PostgreSQL, and a way to copy its database inside the server."""
    create, drop = request.getfixturevalue("postgres")
    names = [f"city_{worker_name}_{next(database_number)}" for _ in range(2)]
    engines = []

    def open_at(name, **options):
        engines.append(schema.open_engine(create(name, **options)))
        world = World(sessionmaker(engines[-1], class_=Session, expire_on_commit=False), wording, vault)
        world.engine = engines[-1]
        return world

    first = open_at(names[0])
    first.joins("anna", "money")

    def copy():
        first.engine.dispose()
        return open_at(names[1], template=names[0])

    first.copy = copy
    yield first
    for engine, name in zip(engines, names, strict=False):
        engine.dispose()
        drop(name)


def test_a_copy_inside_the_same_postgresql_is_a_copy(city):
    copy = city.copy()

    assert "its PostgreSQL database changed" in copy.journey.held_after_restore()
    assert city.journey.held_after_restore() is None


def at_once(world, count=4):
    """So many processes look at the same moment whether this is an old copy; what they say."""
    together = threading.Barrier(count)

    def start():
        together.wait(30)
        return world.journey.held_after_restore()

    with ThreadPoolExecutor(count) as pool:
        return [one.result() for one in [pool.submit(start) for _ in range(count)]]


def test_several_roles_start_at_once_on_a_new_postgresql(city):
    for _ in range(5):
        with city.sessions.begin() as session:
            session.execute(delete(MarkRow))
            session.execute(delete(MessageRow))
        assert at_once(city) == [None] * 4


def test_several_roles_start_at_once_on_a_copy_in_postgresql(city):
    for _ in range(5):
        with city.sessions.begin() as session:
            known = session.get(MarkRow, provenance.IDENTITY)
            known.value = {**known.value, "place": {}}
        assert len(set(at_once(city))) == 1
        city.journey.go_on_after_restore(Onward.SEND, who="sam")
        with city.sessions() as session:
            assert session.get(MarkRow, "pause_nudges") is None


@pytest.mark.parametrize("changed", ["cluster", "timeline", "database", "table"])
def test_a_cluster_that_went_back_to_an_earlier_moment_is_noticed(city, changed):
    """A rollback starts a new timeline, a dump that is read in makes new tables."""
    with city.sessions.begin() as session:
        known = session.get(MarkRow, provenance.IDENTITY)
        known.value = {**known.value, "place": {**known.value["place"], changed: "0"}}

    assert f"its PostgreSQL {changed} changed" in city.journey.held_after_restore()


def test_what_a_planner_is_deciding_while_somebody_says_withdraw_never_leaves(city):
    city.campaign()
    city.signal()
    city.journey.plan()
    with city.sessions.begin() as session:
        known = session.get(MarkRow, provenance.IDENTITY)
        known.value = {**known.value, "place": {}}
    assert city.journey.held_after_restore()
    going = threading.Thread(target=city.journey.go_on_after_restore, args=(Onward.WITHDRAW,), kwargs={"who": "sam"})
    waits = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    with city.sessions.begin() as planner:
        assert planning.decide_due(planner, city.wording, city.vault, city.now, 10) == 1
        planner.flush()
        going.start()
        with city.engine.connect() as looking:
            while going.is_alive() and not looking.execute(waits).all():
                looking.rollback()
    going.join()

    with city.sessions() as session:
        assert [row.state for row in session.exec(select(MessageRow).where(col(MessageRow.purpose) == 2))] == [
            "uncertain"
        ]
    city.later(hours=2)
    assert [outgoing for outgoing in city.deliver() if outgoing.silent] == []


@pytest.fixture
def on_sqlite(tmp_path, sqlite_template):
    shutil.copy(sqlite_template, tmp_path / "bot.db")
    engine = schema.open_engine(f"sqlite:///{tmp_path / 'bot.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def village(on_sqlite, wording, vault):
    """Anna takes part, and a nudge waits."""
    world = World(sessionmaker(on_sqlite, class_=Session, expire_on_commit=False), wording, vault)
    world.joins("anna", "money")
    world.campaign()
    world.signal()
    while world.journey.plan() or world.journey.decide():
        pass
    return world


def copy_file(engine, to):
    """A copy by other means, which does not say what it is."""
    raw = engine.raw_connection()
    with sqlite3.connect(to) as other:
        raw.driver_connection.backup(other)
    other.close()
    raw.close()


def throw_away(engine):
    engine.dispose()
    where = Path(engine.url.database)
    for ending in ("", "-wal", "-shm"):
        where.with_name(where.name + ending).unlink(missing_ok=True)
    return where


def test_a_database_behind_its_witness_is_an_old_one(village, on_sqlite, tmp_path):
    copy_file(on_sqlite, tmp_path / "copy")
    assert len(village.deliver()) == 1
    shutil.copy(tmp_path / "copy", throw_away(on_sqlite))

    later = again(village)

    assert later.deliver() == []
    assert "is behind its witness" in later.journey.held_after_restore()


def test_a_copy_taken_elsewhere_comes_without_its_witness(village, on_sqlite, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    copy_file(on_sqlite, tmp_path / "elsewhere" / "bot.db")
    taken = schema.open_engine(f"sqlite:///{tmp_path / 'elsewhere' / 'bot.db'}")
    village.sessions = sessionmaker(taken, class_=Session, expire_on_commit=False)

    later = again(village)

    assert later.deliver() == []
    assert "came without its witness" in later.journey.held_after_restore()
    taken.dispose()


def test_the_witness_can_lie_on_another_disk(on_sqlite, wording, vault, tmp_path):
    (tmp_path / "disk").mkdir()
    world = World(sessionmaker(on_sqlite, class_=Session, expire_on_commit=False), wording, vault)
    world.journey.state_dir = tmp_path / "disk"

    world.joins("anna", "money")

    assert json.loads((tmp_path / "disk" / "bot.db.witness").read_text())["beat"] > 3
    assert not (tmp_path / "bot.db.witness").exists()
    assert world.journey.held_after_restore() is None


def test_a_witness_that_cannot_be_written_is_told_at_the_start(on_sqlite, wording, vault, tmp_path):
    world = World(sessionmaker(on_sqlite, class_=Session, expire_on_commit=False), wording, vault)
    world.journey.state_dir = tmp_path / "none"

    with pytest.raises(InTheWayError, match="HANDREIKING_STATE_DIR"):
        world.journey.held_after_restore()


def test_a_first_start_that_was_cut_off_is_no_restore(village, on_sqlite):
    """The witness is there, its mark is not: it never counted."""
    with village.sessions.begin() as session:
        session.delete(session.get(MarkRow, provenance.IDENTITY))
        path = provenance.witness_path(session, None)
    provenance.Witness(path=path, database="the one that was begun", beat=0).write()

    assert again(village).journey.held_after_restore() is None


def test_a_new_database_in_the_place_of_an_old_one_is_no_copy(village, on_sqlite, sqlite_template):
    village.deliver()
    shutil.copy(sqlite_template, throw_away(on_sqlite))

    assert again(village).journey.held_after_restore() is None


# The backup itself.


def test_a_backup_during_writes_is_one_moment_of_it(on_sqlite, tmp_path):
    """Each transaction adds two rows; whatever is copied has both or neither, and the writer is never in the way."""
    done = threading.Event()
    written = []

    def write():
        number = 0
        while not done.is_set():
            number += 1
            with Session(on_sqlite) as session, session.begin():
                for half in "ab":
                    session.add(
                        LinkCodeRow(
                            id=f"{number}{half}", secret_hash="s", reference_sealed="r" * 500,
                            created_at=TUESDAY_TEN, expires_at=TUESDAY_TEN,
                        )
                    )  # fmt: skip
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(20):
            before = len(written)
            backup.back_up(on_sqlite, tmp_path / f"copy{number}", TUESDAY_TEN)
            after = len(written) + 1
            with sqlite3.connect(tmp_path / f"copy{number}") as copy:
                rows = [row[0] for row in copy.execute("SELECT id FROM link_code")]
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            copy.close()
            assert {f"{n}{half}" for n in range(1, len(rows) // 2 + 1) for half in "ab"} == set(rows)
            assert before <= len(rows) // 2 <= after
    finally:
        done.set()
        writer.join()
    assert len(written) > 20


def test_a_backup_is_one_file_for_its_owner_only(on_sqlite, tmp_path):
    (tmp_path / "to").mkdir()

    size = backup.back_up(on_sqlite, tmp_path / "to" / "copy.db", TUESDAY_TEN)

    assert [path.name for path in (tmp_path / "to").iterdir()] == ["copy.db"]
    assert stat.S_IMODE((tmp_path / "to" / "copy.db").stat().st_mode) == 0o600
    assert size == (tmp_path / "to" / "copy.db").stat().st_size > 10_000


def test_an_existing_file_is_left_alone(on_sqlite, tmp_path):
    (tmp_path / "copy.db").write_text("precious")

    with pytest.raises(RefusedError, match="there already"):
        backup.back_up(on_sqlite, tmp_path / "copy.db", TUESDAY_TEN)

    assert (tmp_path / "copy.db").read_text() == "precious"


def test_what_an_interrupted_backup_left_does_not_matter(on_sqlite, tmp_path):
    (tmp_path / ".copy.db.new").write_bytes(b"half a copy" * 100_000)

    backup.back_up(on_sqlite, tmp_path / "copy.db", TUESDAY_TEN)

    assert not (tmp_path / ".copy.db.new").exists()


def test_a_place_that_cannot_be_written_to_is_told(on_sqlite, tmp_path):
    with pytest.raises(RefusedError, match="cannot be written"):
        backup.back_up(on_sqlite, tmp_path / "no" / "such" / "folder", TUESDAY_TEN)


def test_a_disk_that_fails_halfway_is_told(on_sqlite, tmp_path):
    half = Path(on_sqlite.url.database).stat().st_size // 2
    (tmp_path / "to").mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (half, before[1]))
    try:
        with pytest.raises(RefusedError, match="Look whether a disk is full"):
            backup.back_up(on_sqlite, tmp_path / "to" / "copy.db", TUESDAY_TEN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not (tmp_path / "to" / "copy.db").exists()
    assert not (tmp_path / "to" / ".copy.db.new").exists()


def test_an_unsound_database_gives_no_backup(on_sqlite, tmp_path):
    with on_sqlite.connect() as connection:
        raw = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.execute("INSERT INTO link (reference_hash, citizen_id, linked_at) VALUES ('x', 'nobody', '2026-11-24')")

    with pytest.raises(InTheWayError, match="not sound"):
        backup.back_up(on_sqlite, tmp_path / "copy.db", TUESDAY_TEN)

    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []
