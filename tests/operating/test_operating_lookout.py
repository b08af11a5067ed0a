"""The dead-man's switch: what should go on and does not is said aloud, whatever hangs."""

import json
import logging
import socket
import threading
import urllib.error
import urllib.request

import pytest
from sqlalchemy import text

from bot.core.facts import Purpose
from bot.operating import Lookout
from bot.operating.duties import HEAR, LOOP, POLL, SEND, TICK, WAITS
from bot.operating.lookout import PING_S, REPEAT_S
from bot.operating.systemd import Manager
from bot.restoring import GUARD
from bot.store import vitals
from bot.store.vitals import Process
from bot.watch import Watch
from tests.test_end_to_end import ANNA
from tests.world import World

ALL = (LOOP, TICK, SEND, HEAR, POLL)


class Post:
    """One at work, looked at by hand on a clock that is moved by hand."""

    def __init__(self, world, engine, tmp_path, **given):
        self.now, self.calls, self.world = 0.0, [], world
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.bind(str(tmp_path / "notify"))
        self.line.setblocking(False)
        world.journey.watch = Watch(time=lambda: self.now)
        self.lookout = Lookout(
            journey=world.journey, engine=engine, role="all", owner="me", call=self.call,
            manager=Manager(str(tmp_path / "notify")), **given,
        )  # fmt: skip
        self.lookout._duties = dict.fromkeys(ALL, 0.0)

    def call(self, url, body):
        self.calls.append((url, None if body is None else json.loads(body)))

    def works(self, *duties):
        for duty in duties or ALL:
            self.world.journey.watch.beat(duty.steps[0])

    def later(self, seconds):
        self.now += seconds
        self.world.later(seconds=seconds)

    def told(self):
        lines = []
        while True:
            try:
                lines.append(self.line.recv(100).decode())
            except BlockingIOError:
                return lines


@pytest.fixture
def post(sessions, engine, wording, vault, tmp_path):
    made = []

    def make(**given):
        made.append(Post(World(sessions, wording, vault), engine, tmp_path, **given))
        return made[-1]

    yield make
    for one in made:
        one.line.close()


def silent(caplog):
    return [record.duty for record in caplog.records if record.getMessage() == "silent"]


def test_while_all_is_done_nothing_is_said_and_the_manager_hears_that_we_live(post, caplog):
    me = post()
    for _ in range(10):
        me.later(10)
        me.works()
        me.lookout.pulse()

    assert silent(caplog) == []
    assert me.told() == ["WATCHDOG=1"] * 10


@pytest.mark.parametrize("duty", ALL, ids=lambda duty: duty.name)
def test_each_duty_that_is_not_done_is_said_again_and_again_and_when_it_is_back(post, caplog, duty):
    me = post()
    others = [one for one in ALL if one is not duty]
    me.works()
    me.later(duty.limit_s)
    me.works(*others)
    me.lookout.pulse()
    quiet = silent(caplog)
    me.later(1)
    me.lookout.pulse()
    me.lookout.pulse()
    once = silent(caplog)
    me.later(REPEAT_S)
    me.works(*others)
    me.lookout.pulse()
    twice = silent(caplog)
    me.told()
    me.works()
    me.lookout.pulse()

    assert (quiet, once, twice) == ([], [duty.name], [duty.name] * 2)
    assert [record.duty for record in caplog.records if record.getMessage() == "back"] == [duty.name]
    assert me.told() == ["WATCHDOG=1"]


def test_a_duty_that_never_began_is_silent_too(post, caplog):
    me = post()
    me.later(TICK.limit_s + 1)
    me.works(LOOP, SEND, HEAR, POLL)
    me.lookout.pulse()

    assert silent(caplog) == ["tick"]


def test_a_duty_that_another_process_has_is_not_missed_here(post, caplog):
    me = post()
    me.lookout._duties = {LOOP: 0.0}
    me.later(TICK.limit_s * 2)
    me.works(LOOP)
    me.lookout.pulse()
    with me.lookout.expects(TICK, POLL):
        me.lookout.pulse()
        taken_over = silent(caplog)
        me.later(TICK.limit_s + 1)
        me.works(LOOP, POLL)
        me.lookout.pulse()
    me.lookout.pulse()

    assert taken_over == []
    assert silent(caplog) == ["tick"]
    assert me.lookout.troubles() == []


def test_the_manager_starts_us_again_when_we_hang_and_not_when_telegram_is_away(post):
    me = post()
    me.works()
    me.later(POLL.limit_s + 1)
    me.works(LOOP, TICK, SEND, HEAR)
    me.lookout.pulse()
    away = me.told(), me.lookout.not_live()
    me.later(LOOP.limit_s + 1)
    me.lookout.pulse()

    assert away == (["WATCHDOG=1"], None)
    assert me.told() == []
    assert "loop stands still" in me.lookout.not_live()


def test_readiness_says_what_is_silent_and_what_is_wrong_with_the_database(post, engine):
    me = post()
    me.works()
    starting = me.lookout.not_ready()
    me.lookout.started()
    ready = me.lookout.not_ready()
    me.later(POLL.limit_s + 1)
    me.works(LOOP, TICK, SEND, HEAR)
    silent = me.lookout.not_ready()
    me.works()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of old'"))
    old = me.lookout.not_ready()

    assert "starting" in starting
    assert ready is None
    assert "no answer to getUpdates, for 181 s" in silent
    assert "shape of old" in old
    assert me.told() == ["READY=1"]


def test_a_reply_that_could_leave_and_does_not_is_said(post, caplog):
    me = post()
    me.world.journey.take_in([(7, "{}")])
    me.world.joins("111")
    with me.world.sessions.begin() as session:
        session.execute(text("UPDATE message SET state = 'due', due_at = :at"), {"at": me.world.now})
    limit = WAITS[Purpose.REPLY].total_seconds()
    me.works()
    me.lookout.report()
    me.later(limit + 10)
    me.works()
    me.lookout.report()
    me.lookout.pulse()
    me.world.journey.watch.beat("sent")
    me.later(6)
    me.lookout.report()
    me.lookout.pulse()

    assert silent(caplog) == ["due_reply"]
    assert me.lookout.troubles() == []


def test_nudges_that_are_held_by_staff_are_not_stuck(post):
    me = post()
    me.world.campaign()
    me.world.joins("111", "money")
    me.world.signal()
    me.world.journey.plan()
    me.world.journey.decide()
    me.later(WAITS[Purpose.NUDGE].total_seconds() + 10)
    me.works()
    me.lookout.report()
    stuck = [one.duty for one in me.lookout.troubles()]
    me.world.journey.pause_nudges("a wrong number", who="sam")
    me.later(6)
    me.lookout.report()

    assert stuck == ["due_nudge"]
    assert me.lookout.troubles() == []


def test_what_another_process_sends_counts(post):
    me = post()
    me.world.campaign()
    me.world.joins("111", "money")
    me.world.signal()
    me.world.journey.plan()
    me.world.journey.decide()
    me.later(WAITS[Purpose.NUDGE].total_seconds() + 10)
    me.works()
    me.lookout.report()
    before = [one.duty for one in me.lookout.troubles()]
    now = me.world.now
    sender = Process(name="it", role="sender", at=now, since=now, worked={"sent": now})
    with me.world.sessions.begin() as session:
        vitals.at_work(session, sender)
    me.lookout.report()

    assert before == ["due_nudge"]
    assert me.lookout.troubles() == []


@pytest.mark.parametrize(("who", "stuck"), [(GUARD, []), ("sam", ["due_confirmation"])])
def test_a_notice_is_held_by_the_guard_of_a_restore_and_by_nobody_else(post, who, stuck):
    me = post()
    me.world.joins("111")
    with me.world.sessions.begin() as session:
        values = {"at": me.world.now, "purpose": Purpose.CONFIRMATION}
        session.execute(text("UPDATE message SET state = 'due', due_at = :at, purpose = :purpose"), values)
    me.world.journey.pause_nudges("because", who=who)
    me.later(WAITS[Purpose.CONFIRMATION].total_seconds() + 10)
    me.works()
    me.lookout.report()

    assert [one.duty for one in me.lookout.troubles()] == stuck


def test_a_ping_goes_out_each_minute_while_all_is_well_and_stays_away_otherwise(post):
    me = post(ping_url="https://ping.example/1")
    for _ in range(int(3 * PING_S / 20)):
        me.works()
        me.lookout.report()
        me.later(20)
    well = list(me.calls)
    me.later(LOOP.limit_s)
    me.lookout.report()
    me.later(PING_S)
    me.lookout.report()

    assert well == [("https://ping.example/1", None)] * 3
    assert me.calls == well


def test_the_alarm_says_what_is_silent_and_that_it_is_back(post):
    me = post(alarm_url="https://alarm.example/1")
    me.works()
    me.lookout.report()
    me.later(POLL.limit_s + 1)
    me.works(LOOP, TICK, SEND, HEAR)
    me.lookout.report()
    me.lookout.report()
    me.works()
    me.lookout.report()

    assert [(url, body["status"], [one["duty"] for one in body["silent"]]) for url, body in me.calls] == [
        ("https://alarm.example/1", "silent", ["poll"]),
        ("https://alarm.example/1", "well", []),
    ]
    assert me.calls[0][1]["role"] == "all"


def test_an_outside_that_does_not_answer_stops_nothing_and_its_address_is_not_logged(post, caplog):
    caplog.set_level(logging.DEBUG)
    me = post(ping_url="https://ping.example/secret")

    def away(url, body):
        raise ConnectionRefusedError(url)

    me.lookout.call = away
    me.works()
    me.lookout.report()

    assert [record.getMessage() for record in caplog.records if record.name == "bot.operating.lookout"] == [
        "call_failed"
    ]
    assert "secret" not in caplog.text + repr(me.lookout)


def test_without_the_database_no_ping_goes_out_and_the_report_is_missed(post, engine):
    me = post(ping_url="https://ping.example/1")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE message RENAME TO away"))
    me.works()
    me.lookout.report()

    assert me.calls == []
    assert me.world.journey.watch.age_s("report") is None


async def test_live_turns_red_while_the_loop_hangs_and_telegram_falling_silent_turns_ready_red(watched):
    """Real: the loop of the running service is blocked, and the port answers all the same."""
    async with watched() as (stage, scrape):
        stage.sandbox.start(ANNA, first_name="Anna", language="nl")
        await stage.until(lambda: stage.journey.watch.age_s("poll") is not None)
        assert (await scrape("/health/live"))[0] == 200
        watch = stage.journey.watch
        real, shift = watch.time, 0.0
        watch.time = lambda: real() + shift
        shift = LOOP.limit_s + 60
        answers = []

        def ask():
            port = stage.lookout.port
            for path in ("live", "ready"):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{path}", timeout=10) as answer:
                        answers.append(answer.status)
                except urllib.error.HTTPError as error:
                    answers.append((error.code, json.loads(error.read())["detail"]))

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(20)  # the loop stands still meanwhile
        shift = 0.0

    assert [code for code, _ in answers] == [503, 503]
    assert all("loop stands still" in said for _, said in answers)


def test_the_process_manager_is_told_over_its_socket_and_a_missing_one_is_not_missed(tmp_path):
    abstract = f"@handreiking-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + abstract[1:])
        Manager(abstract).tell("READY=1", "STATUS=well")
        heard = line.recv(100)
    Manager(str(tmp_path / "gone")).tell("READY=1")
    Manager(None).tell("READY=1")

    assert heard == b"READY=1\nSTATUS=well"
