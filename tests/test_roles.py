"""Several processes on one PostgreSQL, each with a part: what they do together, and who takes over from whom."""

import asyncio
from collections import Counter
from contextlib import suppress

import psycopg
import pytest

from bot import queueing
from bot.core.facts import Origin
from bot.errors import ChannelClosedError, RefusedError
from bot.leader import SessionLock
from bot.roles import EVERY_ROLE, Role, roles_of
from bot.scheduler import Ticks
from bot.signals import Incoming
from bot.store import schema
from bot.waves import AHEAD, SIZES, InProcess, Planning
from tests.forked import forked
from tests.takeover import frozen_sender, takeover
from tests.town import ON_THEIR_WAY, town, until
from tests.world import World

TAKEOVER_S = 15
ANNA = 111


@pytest.fixture
def url(postgres, worker_name, database_number):
    """A migrated PostgreSQL database with a place for waves."""
    create, drop = postgres
    name = f"roles_{worker_name}_{next(database_number)}"
    address = create(name)
    asyncio.run(queueing.install(address))
    yield address
    drop(name)


# Together.


async def test_each_part_in_a_process_of_its_own_brings_a_signal_to_the_phone_and_the_answer_back(url, tmp_path):
    async with town(tmp_path, url) as there:
        await there.populate([ANNA])
        _, console, *_ = await asyncio.gather(
            *(there.run(role) for role in ("bot", "console", "sender", "planner", "planner", "scheduler"))
        )
        await there.signal(console)
        await until(lambda: there.nudged([ANNA])[ANNA] == 1)
        there.sandbox.press(ANNA, there.world.wording.say("button.more", "nl"))
        body = there.world.wording.say("card.zorgtoeslag.body", "nl")
        await until(lambda: any(body in shown.text for shown in there.sandbox.messages(ANNA)))
        for process in there.processes:
            await process.stop()

        assert there.states() == {"sent": 1}


@pytest.mark.parametrize("part", ["sender", "scheduler", "bot"])
async def test_who_stands_by_takes_over_within_fifteen_seconds_after_a_kill(url, tmp_path, part):
    async with town(tmp_path, url, begin=forked) as there:
        await there.populate([ANNA])

        assert await takeover(there, part, ANNA) < TAKEOVER_S


async def test_a_sender_that_was_frozen_and_wakes_up_after_another_took_over_sends_nothing_twice(url, tmp_path):
    people = range(1000, 1040)
    async with town(tmp_path, url, begin=forked) as there:
        await there.populate(people)
        await frozen_sender(there, people)
        states, nudged = there.states(), Counter(there.nudged(people).values())

    assert nudged[1] + nudged[0] == len(people)
    # What it had promised itself to send before it slept is uncertain, or due again where it knows that nothing left.
    assert nudged[0] <= sum(states[name] for name in ("sending", "uncertain", "due", "leased")) <= ON_THEIR_WAY
    assert states["sent"] >= len(people) - ON_THEIR_WAY


async def test_a_frozen_process_locks_nobody_out(url):
    engine = schema.open_engine(url)
    with engine.connect() as connection:
        set_to = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
    engine.dispose()

    assert set_to == "15s"


async def test_a_planner_needs_no_token(url, tmp_path):
    async with town(tmp_path, url, begin=forked) as there:
        planner = await there.run("planner", HANDREIKING_TOKEN="")
        await planner.stop()


# On SQLite there is one.


def test_on_sqlite_one_process_does_everything():
    assert roles_of([Role.ALL], shared=False) == EVERY_ROLE
    assert roles_of([Role.PLANNER, Role.SENDER], shared=True) == {Role.PLANNER, Role.SENDER}
    with pytest.raises(RefusedError, match="PostgreSQL"):
        roles_of([Role.PLANNER], shared=False)


async def test_a_second_process_on_one_sqlite_file_is_refused_until_the_first_is_gone(
    sqlite_template, tmp_path, monkeypatch
):
    file = tmp_path / "test.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with town(tmp_path / "town", f"sqlite:///{file}", begin=forked) as there:
        apart = await (await there.spawn("run", "--trial", "--role", "planner")).ended()
        first = await there.run()
        second = await there.spawn("run", "--trial")
        code, complaint = await second.ended()
        await first.kill()
        third = await there.run()
        await third.stop()

    assert apart[0] == 1
    assert "On SQLite one process does everything" in apart[1]
    assert code == 2
    assert "is at work on" in complaint
    assert f"process {first.handle.pid}" in complaint
    assert "PostgreSQL" in complaint
    assert "Traceback" not in complaint


# Taking turns.


class Working:
    """Work that says when it is done by whom."""

    def __init__(self):
        self.by, self.begun = [], asyncio.Event()

    def __call__(self, name, stop):
        async def work():
            self.by.append(name)
            self.begun.set()
            try:
                await stop.wait()
            finally:
                self.by.remove(name)

        return work


async def test_who_loses_the_connection_stops_and_another_takes_the_turn(url):
    working, stop = Working(), asyncio.Event()
    one, other = SessionLock(url, "work"), SessionLock(url, "work")
    first = asyncio.create_task(one.run(working("one", stop), stop))
    async with asyncio.timeout(30):
        await working.begun.wait()
        working.begun.clear()
        second = asyncio.create_task(other.run(working("other", stop), stop))
        held = [await one.held(), await other.held()]
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        lost = await one.held()
        await working.begun.wait()
        held_after = [await one.held(), await other.held()]
        stop.set()
        await first
        await second

    assert held == [True, False]
    assert lost is False
    assert sum(held_after) == 1
    assert working.by == []


async def test_what_goes_wrong_while_it_is_our_turn_is_told_and_what_the_next_in_turn_causes_is_not(url):
    stop = asyncio.Event()
    lock = SessionLock(url, "work")

    async def poll(error, *, closed):
        if closed:
            await lock._connection.close()
            stop.set()
        raise error

    async def hear(error, *, closed=False):  # as the service does
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(poll(error, closed=closed))

    async with asyncio.timeout(30):
        with pytest.raises(ExceptionGroup, check=lambda group: group.subgroup(ChannelClosedError) is not None):
            await lock.run(lambda: hear(ChannelClosedError("the token is refused")), stop)
        await lock.run(lambda: hear(ChannelClosedError("another one fetches updates"), closed=True), stop)
        stop.clear()
        with pytest.raises(ExceptionGroup, check=lambda group: group.subgroup(LookupError) is not None):
            await lock.run(lambda: hear(LookupError("a fault of ours"), closed=True), stop)


async def test_postgresql_frees_the_turn_of_a_session_that_says_nothing(url):
    lock, stop = SessionLock(url, "work"), asyncio.Event()
    said = []

    async def ask():
        answer = await lock._connection.execute("SELECT current_setting('idle_session_timeout')")
        said.append(await answer.fetchone())

    async with asyncio.timeout(30):
        await lock.run(ask, stop)

    assert said == [("8s",)]


async def test_ticks_are_left_out_while_it_is_another_ones_turn(sessions, wording, vault):
    asked, called, stop = asyncio.Queue(), asyncio.Queue(), asyncio.Event()
    turns = iter([False, False, True])

    async def held():
        asked.put_nowait(None)
        return next(turns, True)

    async def call():
        called.put_nowait(asked.qsize())

    world = World(sessions, wording, vault)
    ticking = asyncio.create_task(Ticks(world.journey, call, plan_every_s=0.02, held=held).run(stop))
    async with asyncio.timeout(30):
        at = await called.get()
        stop.set()
        await ticking

    assert at >= 3


# Waves.


@pytest.fixture(params=["in process", "pgqueuer"])
def waves(request):
    return InProcess() if request.param == "in process" else queueing.PostgresWaves(request.getfixturevalue("url"))


async def worked_off(waves, work, until_done):
    stop, done = asyncio.Event(), asyncio.Event()

    async def working(name):
        await work(name)
        if until_done():
            done.set()

    handling = asyncio.create_task(waves.handle(SIZES, working, stop))
    async with asyncio.timeout(30):
        await done.wait()
        stop.set()
        await handling


async def test_waves_that_wait_are_not_called_for_again(waves):
    worked = []
    await waves.enqueue("plan", 2)
    await waves.enqueue("plan", 3)
    await waves.enqueue("decide", 1)

    async def work(name):
        worked.append(name)

    await worked_off(waves, work, lambda: len(worked) == 4)

    assert sorted(worked) == ["decide", "plan", "plan", "plan"]


async def test_what_is_due_is_planned_and_decided_wave_by_wave(waves, sessions, wording, vault, caplog):
    world = World(sessions, wording, vault)
    world.campaign()
    world.joins("111", "money")
    for _ in range(SIZES["plan"] + 1):
        world.signal()
    stop = asyncio.Event()
    planning = Planning(world.journey, waves)
    handling = asyncio.create_task(planning.handle(stop))
    for _ in range(9):
        # As each tick does: what is called for while its like ends is lost, and called for again by the next one.
        await planning.call()
        with suppress(AssertionError):
            await until(lambda: world.journey.backlog(1000) == (0, 0), seconds=20)
            break
    stop.set()
    await handling

    assert len(world.offers()) == SIZES["plan"] + 1
    assert "wave_failed" not in caplog.messages


async def test_a_broken_wave_is_logged_and_does_not_stop_the_planner(waves, sessions, wording, vault, caplog):
    world = World(sessions, wording, vault)
    world.campaign()
    world.joins("111", "money")
    world.signal()
    whole, world.journey.wording = world.journey.wording, None
    stop = asyncio.Event()
    planning = Planning(world.journey, waves)
    handling = asyncio.create_task(planning.handle(stop))
    await planning.call()
    await until(lambda: "wave_failed" in caplog.messages)
    world.journey.wording = whole
    await planning.call()
    await until(world.offers)
    stop.set()
    await handling

    assert caplog.messages.count("wave_failed") == 1


async def test_no_more_waves_are_called_for_than_can_be_worked_off_soon(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.journey.receive(
        [
            Incoming(
                source="urn:test", external_id=str(number), type="x", origin=Origin.CALENDAR, occurred_at=world.now
            )
            for number in range(AHEAD * SIZES["plan"] + 1)
        ]
    )
    called = {}

    class Counting:
        async def enqueue(self, name, count):
            called[name] = count

    await Planning(world.journey, Counting()).call()

    assert called == {"plan": AHEAD}


async def test_installing_the_waves_again_changes_nothing_and_without_them_a_planner_says_what_to_do(
    postgres, worker_name, database_number
):
    create, drop = postgres
    name = f"bare_{worker_name}_{next(database_number)}"
    bare = create(name)
    waves = queueing.PostgresWaves(bare)

    async def work(_):
        raise AssertionError

    with pytest.raises(RefusedError, match="handreiking migrate"):
        await waves.handle(SIZES, work, asyncio.Event())
    await queueing.install(bare)
    await queueing.install(bare)
    stop = asyncio.Event()
    stop.set()
    await waves.handle(SIZES, work, stop)
    drop(name)
