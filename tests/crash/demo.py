"""The running demo killed with `kill -9` in the middle of a broadcast, and the count of what that did."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, select

from bot import signals
from bot.demo import Demo
from bot.sandbox import MovableClock, Sandbox
from bot.settings import read_keys
from bot.store import schema
from bot.store.tables import MessageRow, OfferRow
from bot.wording import load
from tests.world import World

PEOPLE_FROM = 5_000
SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:crash"
KIND = "nl.kalenders.aanvraagtermijn-nadert.v1"


@dataclass
class Counts:
    people: int
    arrived: int
    twice: int
    in_flight: int  # at the kills; the most that may be uncertain
    uncertain: int
    uncertain_but_arrived: int
    lost: int
    kills: int


def broadcast_with_kills(people: int, *, kills: int, directory: Path) -> Counts:
    """`people` citizens, one signal to all of them, and `kills` kills spread over the broadcast."""
    port = _free_ports()
    demo = _Running(directory, port)
    with closing(demo):
        return _broadcast(demo, people, kills)


def _broadcast(demo: "_Running", people: int, kills: int) -> Counts:
    directory, port = demo.directory, demo.port
    demo.start()
    demo.kill()
    key = _populate(directory, people)
    demo.start()
    # Whoever pressed Start again gets an answer; only then the sender is free for the broadcast.
    demo.until(lambda: demo.messages(silent=False) >= people)
    _hand_in(port + 1, key, demo.now().date() + timedelta(days=30))
    engine = schema.open_engine(f"sqlite:///{directory / 'handreiking.db'}")
    sessions = sessionmaker(engine, class_=Session)
    flew: set[int | None] = set()
    for number in range(1, kills + 1):
        share = people * number // (kills + 1)
        demo.until(lambda share=share: demo.messages(silent=True) >= share)
        demo.kill()
        with sessions() as session:
            flew |= set(
                session.exec(select(MessageRow.id).where(MessageRow.purpose == 2, MessageRow.state == "sending"))
            )
        demo.start()

    def states() -> Counter[str]:
        with sessions() as session:
            return Counter(session.exec(select(MessageRow.state).where(MessageRow.purpose == 2)))

    # A jump of the clock ends the leases and flights of the dead.
    demo.move_clock(timedelta(minutes=2))
    demo.until(lambda: not set(states()) & {"due", "leased", "sending"} and states().total() >= people)
    demo.stop()
    received = demo.received()
    with sessions() as session:
        chats = {f"{PEOPLE_FROM + number}" for number in range(people)}
        closed = [outcome for outcome in session.exec(select(OfferRow.outcome)) if outcome in {"sent", "uncertain"}]
    ended = states()
    engine.dispose()
    arrived = sum(1 for chat in chats if received[chat])
    return Counts(
        people=people,
        arrived=arrived,
        twice=sum(1 for chat in chats if received[chat] > 1),
        in_flight=len(flew),
        uncertain=ended["uncertain"],
        uncertain_but_arrived=arrived - ended["sent"],
        lost=people - len(closed),
        kills=kills,
    )


class _Running:
    """The demo as a process of its own."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "bot", "demo", "--dir", str(self.directory), "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env={**os.environ}
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ctrl-C" in line:
                return
        raise AssertionError(f"the demo ended with {self.process.wait()}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
        assert self.process.returncode == 0

    def until(self, holds, *, seconds: float = 120) -> None:
        """Wait for another process, which cannot tell us; a demo that ends by itself is a failure."""
        assert self.process is not None
        ends = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < ends, "it did not come about"
            try:
                code = self.process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the demo ended with {code}")

    def journal(self):
        path = self.directory / "sandbox.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines():
            change = json.loads(line)
            if change.get("message", {}).get("from", {}).get("is_bot"):
                yield change

    def messages(self, *, silent: bool) -> int:
        return sum(change.get("silent", False) is silent for change in self.journal())

    def received(self) -> Counter[str]:
        return Counter(str(change["message"]["chat"]["id"]) for change in self.journal() if change.get("silent"))

    def now(self) -> datetime:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/control/clock") as answer:
            return datetime.fromisoformat(json.load(answer)["now"])

    def move_clock(self, span: timedelta) -> None:
        url = f"http://127.0.0.1:{self.port}/control/clock"
        body = json.dumps({"to": (self.now() + span).isoformat()}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})):
            pass


def _populate(directory: Path, people: int) -> str:
    """People who joined and chose money, in the database and in the sandbox; return a key for a source of signals."""
    engine = schema.open_engine(f"sqlite:///{directory / 'handreiking.db'}")
    sessions = sessionmaker(engine, class_=Session, expire_on_commit=False)
    wording, vault = load(), read_keys(directory / "keys.toml")
    demo = Demo(
        directory=directory, port=0, say=print, now=lambda: datetime(2026, 11, 24, 8, tzinfo=UTC), tick=time.monotonic,
        program="1.0+aaaa",
    )  # fmt: skip
    world = World(sessions, wording, vault)
    world.now = demo.starts(wording, None)
    world.journey.new_id = lambda: secrets.token_hex(8)
    for number in range(people):
        world.joins(str(PEOPLE_FROM + number), "money")
    stand_in = Sandbox(token="none", clock=MovableClock(world.now, time.monotonic), journal=directory / "sandbox.jsonl")
    for number in range(people):
        stand_in.start(PEOPLE_FROM + number, first_name="Inwoner", language="nl")
    stand_in.close()
    with sessions.begin() as session:
        key = signals.new_key(session, SOURCE, [KIND], by="crash", now=world.now)
    engine.dispose()
    return key


def _hand_in(port: int, key: str, deadline: date) -> None:
    event = {
        "specversion": "1.0", "id": secrets.token_hex(8), "source": SOURCE, "type": KIND,
        "data": {"kaart": "zorgtoeslag", "uiterlijk": deadline.isoformat()},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents+json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/signals", json.dumps(event).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 202


def _free_ports() -> int:
    """A port that is free, and so is the next."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
