"""A municipality whose bot runs as real processes, on a database of its own, against the sandbox over HTTP."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from bot import sandbox, signals
from bot.core.facts import Purpose
from bot.sandbox import MovableClock, Sandbox
from bot.settings import read_keys, write_keys
from bot.store import ledger, schema
from bot.store.tables import CitizenRow, ConsentRow, MessageRow
from bot.wording import load
from tests.world import TUESDAY_TEN, World

ROOT = Path(__file__).parents[1]
TOKEN = "4242:not-a-real-token"
SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:town"
DEADLINE = "nl.kalenders.aanvraagtermijn-nadert.v1"
#: A busy machine takes its time to start a process.
PATIENCE_S = 180.0
#: So many messages of one process may be on their way at once: four and a reply where calls and commits are quick, and
#: more as they take longer, since the sender takes more lanes then. Ten is with calls of 0.1 s and commits of 0.05 s.
ON_THEIR_WAY = 10
#: Every nudge of a broadcast may leave within the hour.
HOURLY = 100_000


@cache
def words():
    return load()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(holds, *, seconds=PATIENCE_S, look_s=0.05):
    """Wait for other processes, which cannot tell us; return how many seconds it took."""
    began = time.monotonic()
    while not await asyncio.to_thread(holds):
        assert time.monotonic() - began < seconds, "it did not come about"
        await asyncio.sleep(look_s)
    return time.monotonic() - began


@dataclass
class Process:
    """One process of the bot."""

    command: tuple[str, ...]
    handle: asyncio.subprocess.Process
    complaints: Path
    port: int = 0

    async def line_with(self, words):
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.handle.stdout.readline()).decode():
                if words in line:
                    return line
        raise AssertionError(f"{self.command} ended: {self.complaints.read_text()[-2000:]}")

    async def ended(self):
        """Its exit code and what it complained about."""
        async with asyncio.timeout(PATIENCE_S):
            await self.handle.communicate()
        return self.handle.returncode, self.complaints.read_text()

    def freeze(self):
        self.handle.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.handle.send_signal(signal.SIGCONT)

    async def kill(self):
        """False when it had ended by itself."""
        was_alive = self.handle.returncode is None
        if was_alive:
            self.handle.kill()
            await self.handle.communicate()
        return was_alive

    async def told_to_stop(self):
        """Its exit code, once it has finished what is in hand."""
        if self.handle.returncode is None:
            self.handle.send_signal(signal.SIGTERM)
        return await self.ended()

    async def stop(self):
        code, complaints = await self.told_to_stop()
        assert code == 0, complaints[-2000:]


async def executed(command, environment, ahead_s, log, port):
    """The command as a process of its own, from the beginning."""
    with log.open("wb") as complaints:
        handle = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bot_at", str(ahead_s), *command, cwd=ROOT, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=complaints,
        )  # fmt: skip
    return Process(command, handle, log, port)


@dataclass
class Town:
    directory: Path
    url: str
    engine: Engine
    sandbox: Sandbox
    running: sandbox.Running
    clock: MovableClock
    ahead_s: float
    world: World
    key: str
    begin: Callable[..., Any] = executed
    joined: int = 0  # the last message of those that were said when people joined
    flew: set[int] = field(default_factory=set)  # messages that were on their way at a kill
    processes: list[Process] = field(default_factory=list)

    @property
    def sessions(self):
        return self.world.sessions

    # Processes.

    async def spawn(self, *command, **environment):
        """`handreiking` with these words; it has not said anything yet."""
        port = free_port()
        log = self.directory / f"{command[0]}-{port}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HANDREIKING_")}
        environment = {
            **inherited,
            "HANDREIKING_DATABASE_URL": self.url, "HANDREIKING_KEYS_FILE": str(self.directory / "keys.toml"),
            "HANDREIKING_TOKEN": TOKEN, "HANDREIKING_API_ROOT": self.running.url, "HANDREIKING_PORT": str(port),
            "HANDREIKING_CONSOLE_PORT": str(free_port()),
            "PYTHONDONTWRITEBYTECODE": "1", **environment,
        }  # fmt: skip
        process = await self.begin(tuple(map(str, command)), environment, self.ahead_s, log, port)
        self.processes.append(process)
        return process

    async def run(self, *roles, **environment):
        """`handreiking run` with these roles, once it says that it runs."""
        options = [word for role in roles for word in ("--role", role)]
        process = await self.spawn("run", "--trial", *options, **environment)
        await process.line_with("is running")
        return process

    # People and signals.

    async def populate(self, people):
        """People who joined and chose money, each with a chat; what they said to join was heard long ago."""
        first, *others = people
        await asyncio.to_thread(self.world.joins, str(first), "money")
        await asyncio.to_thread(self._as_the_first, others)
        self.joined = self.count("SELECT coalesce(max(id), 0) FROM message")
        for number in people:
            self.sandbox.start(number, first_name="Inwoner", language="nl")
        async with aiohttp.ClientSession() as client:
            offset = 0
            while True:
                call = f"{self.running.url}/bot{TOKEN}/getUpdates?offset={offset}"
                async with client.get(call) as answer:
                    updates = (await answer.json())["result"]
                if not updates:
                    return
                offset = updates[-1]["update_id"] + 1

    def _as_the_first(self, others):
        """People who said what the first one of the town said."""
        vault = self.world.vault
        with self.sessions.begin() as session:
            [first] = session.exec(select(CitizenRow))
            consents = [row.model_dump(exclude={"id"}) for row in session.exec(select(ConsentRow))]
            for number in others:
                named = {
                    "id": f"p{number}", "chat_hash": vault.fingerprint(f"chat:{number}"),
                    "chat_sealed": vault.seal(str(number)), "next_ok_at": None,
                }  # fmt: skip
                session.add(CitizenRow(**(first.model_dump() | named)))
            session.flush()
            session.add_all(
                ConsentRow(**(said | {"citizen_id": f"p{number}"})) for number in others for said in consents
            )

    async def signal(self, process, **content):
        """Hand in a signal over HTTP; to everybody, unless `content` says otherwise."""
        event = {
            "specversion": "1.0", "id": secrets.token_hex(8), "source": SOURCE, "type": DEADLINE,
            "data": {"kaart": "zorgtoeslag", "uiterlijk": "2026-12-31", **content},
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/cloudevents+json"}
        url = f"http://127.0.0.1:{process.port}/v1/signals"
        async with aiohttp.ClientSession() as client, client.post(url, data=json.dumps(event), headers=headers) as got:
            assert got.status == 202, await got.text()

    # What there is to see.

    def nudged(self, people):
        """How many nudges the phone of each shows."""
        return {one: sum(shown.silent for shown in self.sandbox.messages(one)) for one in people}

    def answers(self, citizen):
        """How many messages of the bot this phone shows."""
        return sum(not shown.mine for shown in self.sandbox.messages(citizen))

    def count(self, statement, **values):
        with self.engine.connect() as connection:
            return connection.execute(text(statement), values).scalar_one()

    def states(self, purpose=Purpose.NUDGE):
        with ledger.reading(self.sessions) as session:
            return Counter(session.exec(select(MessageRow.state).where(col(MessageRow.purpose) == purpose)))

    def mark(self, name):
        with ledger.reading(self.sessions) as session:
            return ledger.mark(session, name)

    def people_and_messages(self):
        """For each chat the number of messages in each state, without what was said when they joined."""
        with ledger.reading(self.sessions) as session:
            chats = {row.id: row.chat_sealed for row in session.exec(select(CitizenRow))}
            found = {}
            for row in session.exec(select(MessageRow).where(col(MessageRow.id) > self.joined)):
                found.setdefault(int(self.world.vault.open(chats[row.citizen_id])), Counter())[row.state] += 1
        return found


@asynccontextmanager
async def town(directory, url, *, begin=executed):
    """A town on the migrated database at `url`, Tuesday at ten. No process runs yet; none is left behind."""
    directory.mkdir(parents=True, exist_ok=True)
    write_keys(directory / "keys.toml", secrets.token_bytes(32))
    engine = schema.open_engine(url)
    sessions = sessionmaker(engine, class_=Session, expire_on_commit=False)
    # The sandbox of another town may run on this loop, and must not be kept waiting.
    wording = await asyncio.to_thread(words)
    world = World(sessions, wording, read_keys(directory / "keys.toml"))
    world.journey.new_id = lambda: secrets.token_hex(8)
    await asyncio.to_thread(world.campaign, hourly_maximum=HOURLY)
    clock = MovableClock(TUESDAY_TEN, time.monotonic)
    ahead_s = (TUESDAY_TEN - datetime.now(UTC)).total_seconds()  # noqa: TID251 - the processes read the real one
    stand_in = Sandbox(token=TOKEN, clock=clock)
    running = await sandbox.start(stand_in)
    with world.sessions.begin() as session:
        types = signals.known_types(whole.facts() for whole in world.wording.cards.values())
        key = signals.new_key(session, SOURCE, types, by="town", now=clock.now())
    there = Town(directory, url, engine, stand_in, running, clock, ahead_s, world, key, begin)
    try:
        yield there
    finally:
        for process in there.processes:
            await process.kill()
        await running.stop()
        engine.dispose()
