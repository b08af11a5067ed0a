"""What the tests of the channel stand on: a journey in memory, a wire that breaks as told, and a token."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.errors import DelayedError
from bot.journey import Delivered, Leased, Outgoing, Purpose, Undelivered, Update

TOKEN = "123456789:AAsecretsecretsecretsecretsecretsecre"
AMINA, BRAM = 11_122_233_344, 55_566_677_788
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@dataclass
class Row:
    """One message in the fake outbox."""

    outgoing: Outgoing
    state: str = "due"
    owner: str | None = None
    due_at: datetime = START
    result: object = None


class FakeJourney:
    """A journey in memory that keeps the promises of the real one: what was taken in is there, an update takes effect
    once, a message is let go once, nothing of a chat leaves while another of it is in flight.

    `notices` says what `hear` answers for an update, `failing` which updates it raises on, how often. `wait_for` blocks
    the calling thread until something is true. Nothing else of it is made up.
    """

    def __init__(self, *outgoing: Outgoing) -> None:
        self.now = START
        self.clock = lambda: self.now
        self.on_queued: Callable[[], None] = lambda: None
        self.changed = threading.Condition(threading.RLock())
        self.inbox: dict[int, Update] = {}
        self.state: dict[int, str] = {}
        self.heard: list[tuple[int, object, object]] = []
        self.errors: list[tuple[int, str]] = []
        self.notices: dict[int, str] = {}
        self.failing: dict[int, int] = {}
        self.holding: dict[int, threading.Event] = {}
        self.rows: dict[int, Row] = {}
        self.log: list[tuple[str, object]] = []
        self.looks = 0
        self.paused: datetime | None = None
        self.nudges_paused: str | None = None
        for one in outgoing:
            self.rows[one.id] = Row(one)

    def wait_for(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, timeout=10), "it did not come true within 10 seconds"

    async def until(self, true: Callable[[], bool]) -> None:
        await asyncio.to_thread(self.wait_for, true)

    def take_in(self, updates, whose=None):
        with self.changed:
            for number, body in updates:
                if number not in self.state:
                    self.inbox[number], self.state[number] = Update(number, body, 0), "new"
            self.log.append(("take_in", [number for number, _ in updates]))
            self.changed.notify_all()

    def unheard(self, limit=100):
        with self.changed:
            return [self.inbox[number] for number in sorted(self.state) if self.state[number] == "new"][:limit]

    def hear(self, update_id, speaker, heard):
        if update_id in self.holding:
            assert self.holding[update_id].wait(10)
        with self.changed:
            if self.failing.get(update_id, 0):
                self.failing[update_id] -= 1
                raise LookupError("the store is away")
            if self.state.get(update_id) == "new":
                self.heard.append((update_id, speaker, heard))
                self.state[update_id] = "done"
            self.changed.notify_all()
            return self.notices.get(update_id)

    def let_pass(self, update_id):
        with self.changed:
            self.state[update_id] = "passed"
            self.changed.notify_all()

    def fail(self, update_id, error, chat=None):
        with self.changed:
            tries = self.inbox[update_id].tries + 1
            self.inbox[update_id] = Update(update_id, self.inbox[update_id].body, tries)
            self.state[update_id] = "dead" if tries >= 5 else "new"
            self.errors.append((update_id, error))
            self.changed.notify_all()

    def queue(self, *outgoing: Outgoing) -> None:
        """Messages that are due from now on."""
        with self.changed:
            for one in outgoing:
                self.rows[one.id] = Row(one, due_at=self.now)
        self.on_queued()

    def lease(self, owner, limit, *, purposes):
        with self.changed:
            self.looks += 1
            if self.paused is not None and self.paused > self.now:
                return []
            busy = {row.outgoing.chat for row in self.rows.values() if row.state in {"leased", "sending"}}
            due = [
                r
                for r in self.rows.values()
                if r.state == "due" and r.outgoing.purpose in purposes and r.due_at <= self.now
            ]
            leased = []
            for row in sorted(due, key=lambda row: (row.outgoing.purpose, row.outgoing.id)):
                is_held = row.outgoing.purpose is Purpose.NUDGE and self.nudges_paused is not None
                if len(leased) < limit and row.outgoing.chat not in busy and not is_held:
                    row.state, row.owner = "leased", owner
                    busy.add(row.outgoing.chat)
                    leased.append(Leased(row.outgoing.id, row.outgoing.purpose))
            self.changed.notify_all()
            return leased

    def depart(self, owner, messages, results):
        with self.changed:
            for result in results:
                row = self.rows[result.message]
                assert row.state == "sending", f"message {result.message} has a result and was not sent"
                row.result = result
                match result:
                    case Delivered():
                        row.state = "sent"
                    case Undelivered(error=DelayedError() as error):
                        row.state, row.due_at = "due", self.now + timedelta(seconds=error.seconds)
                        if error.everybody:
                            self.paused = row.due_at
                    case Undelivered():
                        row.state = "failed"
            leaving = []
            for message in messages:
                row = self.rows[message]
                if row.state == "leased" and row.owner == owner:
                    row.state = "sending"
                    leaving.append(row.outgoing)
            self.log.append(("depart", ([one.id for one in leaving], [one.message for one in results])))
            self.changed.notify_all()
            return leaving

    def resign(self, owner):
        with self.changed:
            self.log.append(("resign", owner))

    def sweep(self):
        with self.changed:
            self.log.append(("sweep", None))
            self.changed.notify_all()

    def pause_nudges(self, reason):
        with self.changed:
            self.nudges_paused = reason
            self.changed.notify_all()

    def states(self) -> dict[int, str]:
        return {number: row.state for number, row in self.rows.items()}


@dataclass
class Wire:
    """A TCP server that counts the HTTP requests it got and does to each what the test says."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


Treat = Callable[[int, asyncio.StreamWriter], Awaitable[bool]]


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """An HTTP answer, keep-alive."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def wire(treat: Treat) -> AsyncIterator[Wire]:
    """`treat` gets the number of the request, from 1, and the writer; it returns whether the connection stays open."""
    seen = Wire()
    going: set[asyncio.Task] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going.add(asyncio.current_task())
        try:
            stays = True
            while stays:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0
                )
                seen.requests.append(head + await reader.readexactly(length))
                seen.arrived.set()
                stays = await treat(len(seen.requests), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
