"""From a signal to a decision: how fast, for how many at once, and in how much memory."""

import asyncio
import multiprocessing
import os
import shutil
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil
from sqlalchemy import text

from bot import preview
from bot.core.facts import Origin
from bot.settings import write_keys
from bot.signals import Incoming
from bot.store import ledger
from tests.benchmarks import register
from tests.benchmarks.figure import Figure
from tests.benchmarks.register import NOW, PASS, Register

SIGNALS = 6_000
NUDGES = 100_000
CITIZENS = 1_000_000
ROUNDS = 3
WARM = 200
TOKEN = "100:benchmark-only"
#: The slowest tick that everybody meets comes every minute; then the run has been through all but the weekly one.
LET_TICK_S = 75

COUNT = """
SELECT count(*) FROM citizen c {scan} WHERE c.standing = 'active' AND c.language IN ('nl', 'en', 'ar', 'tr', 'pl', 'uk')
AND (c.paused_until IS NULL OR c.paused_until <= :now) AND c.id IN (
    SELECT k.citizen_id FROM consent k {scan} WHERE k.theme = 'money' AND k.state = 'given' AND k.valid_until > :now
    AND NOT EXISTS (SELECT 1 FROM consent l WHERE l.citizen_id = k.citizen_id AND l.theme = k.theme
        AND l.state != 'asked' AND l.id > k.id))
AND NOT EXISTS (SELECT 1 FROM message m WHERE m.citizen_id = c.id AND m.purpose = 2
    AND m.state IN ('due', 'leased', 'sending', 'sent', 'uncertain') AND m.closed_at > :lately)
AND NOT EXISTS (SELECT 1 FROM message m JOIN answer a ON a.message_id = m.id WHERE m.citizen_id = c.id
    AND m.card = 'zorgtoeslag' AND a.choice IN ('no', 'not_now') AND a.at > :last_year)
AND (SELECT count(*) FROM message m
    WHERE m.citizen_id = c.id AND m.card = 'zorgtoeslag' AND m.closed_at > :last_year) < 2
"""
LAUNCH = """
INSERT INTO offer (id, signal_id, campaign_id, citizen_id, state, look_at, window_end, decisions, created_at)
SELECT :signal || '.{campaign}.' || c.id, :signal, '{campaign}', c.id, 'open', :now, :now, 0, :now
FROM consent k NOT INDEXED JOIN citizen c ON c.id = k.citizen_id
WHERE c.standing = 'active' AND k.theme = 'free-time' AND k.state = 'given' AND NOT EXISTS (
    SELECT 1 FROM consent l WHERE l.citizen_id = k.citizen_id AND l.theme = k.theme
    AND l.state != 'asked' AND l.id > k.id)
"""


def planned_in_bulk(scratch: Path) -> list[Figure]:
    """Signals about persons: stored, seen whom they concern, gated, decided and queued."""
    people = register.willing(f"sqlite:///{scratch / 'bulk.db'}", SIGNALS * ROUNDS)
    people.starts(PASS)
    ids = people.ids(SIGNALS * ROUNDS)
    _planned(people, ids[-50:], 500)  # the first call reads calendars and compiles statements
    singly, bulk = [], []
    for number in range(ROUNDS):
        group = ids[number * SIGNALS : (number + 1) * SIGNALS - 50]
        singly.append(_planned(people, group[:40], 1))
        bulk.append(_planned(people, group[40:], 500))
    return [
        Figure(
            what="signals planned in bulk, in a second of one core: stored, gated, decided, queued (SQLite)",
            measured=statistics.median(core for core, _ in bulk), unit="/s", must=2_000, hoped=5_000, least=True,
            baseline=f"one signal in each transaction: {statistics.median(core for core, _ in singly):,.0f} /s; by the"
            f" clock {statistics.median(wall for _, wall in bulk):,.0f} /s",
        )
    ]  # fmt: skip


def _planned(people: Register, ids: Sequence[str], together: int) -> tuple[float, float]:
    """How many signals end as a nudge in the outbox: in a second of one core's time, and in a second."""
    signals = people.told_by(ids, "b")
    journey = people.journey
    began, worked = time.perf_counter(), time.process_time()
    for first in range(0, len(signals), together):
        journey.receive(signals[first : first + together])
    while journey.plan(min(together, 500)):
        pass
    while journey.decide(min(together, 200)):
        pass
    return len(signals) / (time.process_time() - worked), len(signals) / (time.perf_counter() - began)


def audience_preview(scratch: Path) -> list[Figure]:
    """A reason for each of a million people, against counting those who have none."""
    people = register.city(f"sqlite:///{scratch / 'city.db'}", CITIZENS)
    campaign = people.starts("zorgtoeslag-deadline")
    count = text(COUNT.format(scan="NOT INDEXED"))
    lately = {"now": f"{NOW:%Y-%m-%d %H:%M:%S}", "lately": "2026-11-10 09:00:00", "last_year": "2025-11-24 09:00:00"}
    raw, ours, funnel = [], [], None
    before = psutil.Process().memory_info().rss
    with ledger.reading(people.sessions) as session:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            reached = session.execute(count, lately).scalar_one()
            raw.append(time.perf_counter() - began)
            asked = preview.question(session, people.journey.wording, people.journey.vault, campaign, NOW)
            began = time.perf_counter()
            funnel = preview.preview(session, asked)
            ours.append(time.perf_counter() - began)
    assert funnel is not None
    assert funnel.people == CITIZENS
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    told = (
        f"{reached:,} counted in {statistics.median(raw):.2f} s; ours {statistics.median(ours):.2f} s, +{grown:.0f} MB"
    )
    return [
        Figure(
            what="audience preview over 1,000,000 citizens, a reason for each ÷ raw SQL that counts the audience",
            measured=statistics.median(mine / theirs for mine, theirs in zip(ours, raw, strict=True)), unit="×",
            must=6, hoped=3, least=False, baseline=told,
        )
    ]  # fmt: skip


def launch(scratch: Path) -> list[Figure]:
    """A campaign's day becomes an open offer to each of 100,000 people; then all are decided about and queued."""
    template = scratch / "template.db"
    people = register.willing(f"sqlite:///{template}", NUDGES)
    campaign = people.starts(PASS)
    people.engine.dispose()  # the last one to leave puts everything into the one file
    raw, ours, town = [], [], people
    day = [NOW.replace(month=12, day=20)]
    for number in range(ROUNDS):
        for copy in ("raw", "ours"):
            shutil.copy(template, scratch / f"{copy}.db")
        theirs = register.opened(f"sqlite:///{scratch / 'raw.db'}")
        [receipt] = theirs.journey.receive(theirs.told_by(theirs.ids(1), "launch"))
        began = time.perf_counter()
        with theirs.sessions.begin() as session:
            made = session.execute(
                text(LAUNCH.format(campaign=campaign)), {"signal": receipt.id, "now": f"{NOW:%Y-%m-%d %H:%M:%S}.000000"}
            )
            assert made.rowcount == NUDGES
        raw.append(time.perf_counter() - began)
        theirs.engine.dispose()
        town = register.opened(f"sqlite:///{scratch / 'ours.db'}")
        town.journey.clock = lambda: day[0]
        began = time.perf_counter()
        assert town.journey.call_dates() == 1
        assert town.journey.plan() == 1
        ours.append(time.perf_counter() - began)
        if number + 1 < ROUNDS:
            town.engine.dispose()
            for copy in ("raw", "ours"):
                for file in scratch.glob(f"{copy}.db*"):
                    file.unlink()
    began, decided = time.perf_counter(), 0
    while some := town.journey.decide():
        decided += some
    took = time.perf_counter() - began
    assert decided == NUDGES
    told = (
        f"raw {statistics.median(raw):.2f} s, ours {statistics.median(ours):.2f} s; all decided and queued after "
        f"{took:.0f} s more ({decided / took:,.0f} /s)"
    )
    return [
        Figure(
            what="launching 100,000 nudges ÷ raw INSERT … SELECT (SQLite)",
            measured=statistics.median(mine / other for mine, other in zip(ours, raw, strict=True)), unit="×",
            must=3, hoped=1.2, least=False, baseline=told,
        )
    ]  # fmt: skip


def two_planners(scratch: Path, postgres: Callable[[str], str]) -> list[Figure]:
    """Two processes that plan and decide on one PostgreSQL, against one."""
    took: dict[int, list[float]] = {1: [], 2: []}
    queued = 0
    for number in range(ROUNDS):
        for planners in (1, 2):
            people = register.willing(url := postgres(f"planners_{planners}_{number}"), SIGNALS)
            people.starts(PASS)
            took[planners].append(_with(planners, people, url))
            with people.sessions() as session:
                queued = session.execute(
                    text("SELECT count(DISTINCT citizen_id) FROM message WHERE state = 'due'")
                ).scalar_one()
                twice = session.execute(text("SELECT count(*) FROM message WHERE state = 'due'")).scalar_one() - queued
            assert (queued, twice) == (SIGNALS, 0), "each signal leads to one nudge"
            people.engine.dispose()
    one, two = (SIGNALS / statistics.median(took[planners]) for planners in (1, 2))
    return [
        Figure(
            what="two planners on PostgreSQL ÷ one",
            measured=statistics.median(a / b for a, b in zip(took[1], took[2], strict=True)), unit="×",
            must=1.5, hoped=1.8, least=True,
            baseline=f"one: {one:,.0f} signals/s, two: {two:,.0f}; the server shares the {os.cpu_count()} cores",
        )
    ]  # fmt: skip


def _with(planners: int, people: Register, url: str) -> float:
    """The seconds until so many processes together have planned and decided all there is."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(planners + 1)
    processes = [context.Process(target=_planner, args=(url, barrier)) for _ in range(planners)]
    signals = people.told_by(people.ids(SIGNALS), "p")
    people.journey.receive(signals[:WARM])
    for process in processes:
        process.start()
    barrier.wait(120)
    for first in range(WARM, SIGNALS, 500):
        people.journey.receive(signals[first : first + 500])
    barrier.wait(120)
    began = time.perf_counter()
    barrier.wait(600)
    took = time.perf_counter() - began
    for process in processes:
        process.join()
    return took


def _planner(url: str, barrier: Barrier) -> None:
    people = register.opened(url)
    journey = people.journey
    for _ in range(3):  # what is imported, read and compiled once is not measured
        journey.plan(WARM // 10)
        journey.decide(WARM // 10)
    people.engine.dispose()  # its connections keep query plans that were made for a nearly empty database
    barrier.wait(120)
    barrier.wait(120)
    while journey.plan() or journey.decide():
        pass
    barrier.wait(600)


def memory_of_run(scratch: Path) -> list[Figure]:
    """The most that `python -m bot run` ever held, through every tick of its first minute."""
    full = asyncio.run(_run(_home(scratch / "full", CITIZENS)))
    empty = asyncio.run(_run(_home(scratch / "empty", 1)))
    return [
        Figure(
            what="memory of `run` with 1,000,000 citizens",
            measured=full, unit="MB", must=300, hoped=200, least=False,
            baseline=f"with one citizen: {empty:.0f} MB",
        )
    ]  # fmt: skip


def _home(directory: Path, citizens: int) -> Path:
    """All that a run needs, with a campaign and a signal to everybody that waits to be planned."""
    directory.mkdir()
    people = register.city(f"sqlite:///{directory / 'city.db'}", citizens)
    people.starts("zorgtoeslag-deadline")
    people.journey.receive(
        [
            Incoming(
                source="urn:bench", external_id="deadline", type="nl.kalenders.aanvraagtermijn-nadert.v1",
                origin=Origin.CALENDAR, occurred_at=NOW + timedelta(days=30),
            )
        ]
    )  # fmt: skip
    people.engine.dispose()
    write_keys(directory / "keys.toml", os.urandom(32))
    return directory


async def _run(directory: Path) -> float:
    from bot.sandbox import MovableClock, Sandbox, start

    running = await start(Sandbox(token=TOKEN, clock=MovableClock(NOW, asyncio.get_running_loop().time)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Prefixed settings only, so that a setting of this machine never joins in.
    settings = {
        "TOKEN": TOKEN, "API_ROOT": running.url, "PORT": str(port), "LOG_LEVEL": "WARNING",
        "KEYS_FILE": str(directory / "keys.toml"), "DATABASE_URL": f"sqlite:///{directory / 'city.db'}",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", "--trial",
        env=os.environ | {f"HANDREIKING_{name}": value for name, value in settings.items()},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        most, ends = 0, asyncio.get_running_loop().time() + LET_TICK_S
        while asyncio.get_running_loop().time() < ends:
            assert process.returncode is None, "it ended by itself"
            most = max(most, psutil.Process(process.pid).memory_info().rss)
            await asyncio.sleep(0.1)
    finally:
        process.kill()  # a stop would wait for what is being planned
        await process.wait()
        await running.stop()
    return most / 2**20
