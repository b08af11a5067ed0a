"""A town: who lives in it, what they do and when, drawn from one seed; and the machine that serves them.

Life is a queue of events in time. Most days hold nothing but the machine's own ticks.
"""

import base64
import heapq
import itertools
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy.exc import OperationalError, PendingRollbackError

from bot.sandbox import Sandbox
from bot.store.vault import Vault
from tests.simulation import cards
from tests.simulation.clock import Clock, Loop
from tests.simulation.faults import Faults, Killed
from tests.simulation.machine import LANES, Machine
from tests.simulation.model import Broken, Model
from tests.simulation.municipality import Municipality
from tests.simulation.newsroom import Newsroom
from tests.simulation.people import People
from tests.simulation.wire import TOKEN
from tests.simulation.witness import Witness

DAY = timedelta(days=1)
#: The cards' own days begin in January 2026.
STARTS = datetime(2026, 1, 12, 7, 0, tzinfo=UTC)
CONSENT_YEARS = 1  # a stricter rule than the shipped one, so that consents run out within the simulation
SETTLES = 400 * DAY
#: How long nobody serves after a process ended; in three days Telegram forgets what nobody fetched.
DOWN_S = (1, 20, 70, 70, 70, 600, 600, 7200, 7200, 3 * 86400)
KEY = base64.urlsafe_b64encode(b"a key that opens nothing of value")[:43] + b"="


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a town is like. `every`: days between two things that a citizen does unasked."""

    citizens: int
    days: int
    every: float
    troubles: float  # how often a day something is about to go wrong
    signals: float  # how often a day a signal arrives
    campaigns: int
    desk: float = 0.03  # how often a day somebody of the municipality changes something
    notes: float = 0.3  # how often a day somebody works at a month's note
    chat_gap_s: float = 0.0
    odd_hours: float = 0.15  # how often a day the machine plans and sends at whatever hour
    together: int = 1  # so many join at the same time, as on an evening in the library


SPARSE = Kind(citizens=150, days=420, every=90, troubles=0.1, signals=0.12, campaigns=5, together=15)
#: Few people and much ado, so that whatever can go wrong does so soon.
BUSY = Kind(
    citizens=16, days=60, every=5.0, troubles=0.7, signals=1.5, campaigns=3, desk=1.5, notes=1.5, odd_hours=1.0,
    together=8,
)  # fmt: skip
#: As most towns are, and small enough for `python -m tests`.
SMALL = replace(SPARSE, citizens=100, days=150, troubles=0.2, signals=0.2, together=20)
DENSE = Kind(citizens=14, days=120, every=3.0, troubles=1.2, signals=0.5, campaigns=6, desk=0.25, notes=0.8,
             chat_gap_s=1.0)  # fmt: skip


class Town:
    """`url` is a migrated, empty database of its own."""

    def __init__(self, seed: int, kind: Kind, url: str, wording) -> None:
        self.seed, self.kind, self.url = seed, kind, url
        self.rng = Random(f"town {seed}")
        self.clock = Clock(STARTS + timedelta(days=self.rng.randrange(0, 120)))
        self.loop = Loop(self.clock)
        self.faults = Faults(Random(f"faults {seed}"))
        self.wording = replace(wording, rules=replace(wording.rules, consent_years=CONSENT_YEARS))
        self.vault = Vault([KEY], b"the simulation's finding key, 32")
        self.chat_gap_s = kind.chat_gap_s
        ids = itertools.count(1)
        self.new_id = lambda: f"c{next(ids):07d}"
        self.sandbox = Sandbox(token=TOKEN, clock=self.clock)
        self.witness = Witness(url)
        self.model = Model(
            cards.cards(), self.clock.now, self.witness.look, self.witness.month, consent=365 * DAY, lanes=LANES
        )
        self.events: list[tuple[float, int, str, tuple]] = []
        self._number = itertools.count()
        self.counts: Counter[str] = Counter()
        self.history: list[str] = []
        self.people = People(self)
        self.municipality = Municipality(self)
        self.newsroom = Newsroom(self)
        self.lives = 0
        self.machine: Machine | None = None
        self.trouble_at = float("-inf")

    # The queue of events.

    def later(self, name: str, *what, days: float = 0.0, seconds: float = 0.0) -> None:
        at = self.clock.seconds + days * 86400 + seconds
        heapq.heappush(self.events, (at, next(self._number), name, what))

    def tell(self, line: str) -> None:
        self.history.append(f"{self.clock.now():%Y-%m-%d %H:%M:%S} {line}")

    # A life of the town.

    def live(self) -> "Town":
        """From the first day to the last, and on without faults until everything has settled. Raises Broken."""
        self.start()
        ends = self.kind.days * 86400
        while self.events and self.events[0][0] < ends:
            self.step()
        self.settle()
        return self

    def start(self) -> None:
        self.boot()
        self.municipality.opens()
        self.newsroom.opens()
        for group in _groups(self.people.chats, self.kind.together):
            self.later("joins", group, days=self.rng.random() * min(30, self.kind.days / 3))
        self.later("morning", days=(9 * 3600 + 420 - self._seconds_of_day()) % 86400 / 86400)
        for name, per_day in self._rates():
            self._again(name, per_day)

    def _rates(self):
        kind = self.kind
        return (
            ("wanders", kind.citizens / kind.every), ("signal", kind.signals), ("desk", kind.desk),
            ("newsroom", kind.notes),
            ("trouble", kind.troubles), ("odd_hour", kind.odd_hours),
        )  # fmt: skip

    def _again(self, name: str, per_day: float) -> None:
        if per_day:
            self.later(name, days=self.rng.expovariate(per_day))

    def _seconds_of_day(self) -> int:
        local = self.clock.now().astimezone(cards.AMSTERDAM)
        return local.hour * 3600 + local.minute * 60 + local.second

    def step(self) -> None:
        at, _, name, what = heapq.heappop(self.events)
        self.clock.seconds = max(self.clock.seconds, at)
        self.counts["events"] += 1
        self.counts[name] += 1
        if (per_day := dict(self._rates()).get(name)) is not None:
            self._again(name, per_day)
        getattr(self, f"on_{name}")(*what)
        self.witness.check(self.model)

    # The machine.

    def boot(self) -> None:
        """A process, new or again."""
        self.lives += 1
        self.machine = Machine(self, f"process-{self.lives}")

    def does(self, *steps: str) -> None:
        """Let the machine do this. When it dies or gives up, another one begins after a while."""
        machine = self.machine
        before = self.faults.met.total()
        for name in steps:
            try:
                getattr(machine, name)()
            except (Broken, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - a process may die of anything; what may not, is raised again
                self._ended(error)
                break
        if self.faults.met.total() > before:
            self.trouble_at = self.clock.seconds

    def _ended(self, error: BaseException) -> None:
        causes = list(_causes(error))
        if broken := next((one for one in causes if isinstance(one, Broken)), None):
            raise broken
        if not all(isinstance(one, Killed | OperationalError | PendingRollbackError) for one in causes):
            raise error
        self.tell(f"the process ends: {', '.join(sorted({type(one).__name__ for one in causes}))}")
        self.counts["lives"] += 1
        self.machine.close()
        self.model.died()
        self.sandbox.world.bell.ring()
        self.faults.clear()
        self.clock.seconds += self.rng.choice(DOWN_S)
        self.trouble_at = self.clock.seconds
        self.boot()
        self.later("comes_back", seconds=100)

    def restart(self) -> None:
        """Stop in good order and begin again, as for new files."""
        self.machine.close()
        self.model.died()
        self.sandbox.world.bell.ring()
        self.clock.seconds += 30
        self.boot()

    @contextmanager
    def undisturbed(self):
        """What staff do by hand, they do again until it worked; here it works at once."""
        faults, self.machine.life.faults = self.machine.life.faults, Faults(self.rng)
        try:
            yield
        finally:
            self.machine.life.faults = faults

    def receives(self, incoming):
        """Hand in signals, and again when that fails: a source knows only what it has a receipt for."""
        try:
            return self.machine.journey.receive(incoming)
        except (Killed, OperationalError, PendingRollbackError) as error:
            self._ended(error)
            return self.receives(incoming)

    def hands_over(self, updates) -> None:
        """As Telegram posts to a webhook: again until it was taken in."""
        try:
            whose = {number: str(self.model.updates[number]) for number, _ in updates if number in self.model.updates}
            self.machine.journey.take_in(updates, whose)
        except (Killed, OperationalError, PendingRollbackError) as error:
            self._ended(error)
            self.hands_over(updates)
            return
        self.serve()

    def serve(self) -> None:
        """Whatever citizens just did is heard and answered."""
        self.does("serve")

    # What happens.

    def on_morning(self) -> None:
        self.later("morning", seconds=86400 - self._seconds_of_day() + 9 * 3600 + 420 + self.rng.randrange(0, 3600 * 8))
        self.does("tick", "serve")
        if self.counts["morning"] % 3 == 0:
            self.does("tidy")
        calm = self.clock.seconds - self.trouble_at > 3 * 86400
        self.witness.standing(self.model, self.clock.now(), calm=calm and not self.faults.waiting)

    def on_odd_hour(self) -> None:
        """At whatever hour: the machine plans and sends as at any other."""
        self.does("tick", "serve")

    def on_comes_back(self) -> None:
        self.does("serve", "tick", "deliver")

    def on_trouble(self) -> None:
        what = self.faults.plan()
        self.tell(f"about to go wrong: {what}")
        self.later("calm", seconds=self.rng.choice([600, 7200, 86400]))

    def on_calm(self) -> None:
        if self.faults.waiting:
            self.trouble_at = self.clock.seconds
        self.faults.clear()
        self.does("serve", "tick", "deliver")

    def on_joins(self, group) -> None:
        self.people.join(group)

    def on_goes_through(self, group, tries: int) -> None:
        self.people.go_through(group, tries)

    def on_reacts(self, chat: int, nudge: int, message: int) -> None:
        self.people.reacts(chat, nudge, message)

    def on_wanders(self) -> None:
        self.people.wanders(self.rng.choice(self.people.chats))

    def on_goes_on(self) -> None:
        with self.undisturbed():
            self.municipality.goes_on()

    def on_wanders_on(self, chat: int) -> None:
        self.people.any_button(chat)
        self.serve()

    def on_overdue(self, updates) -> None:
        self.people.overdue(updates)

    def on_signal(self) -> None:
        self.municipality.signal()

    def on_desk(self) -> None:
        self.municipality.desk()

    def on_newsroom(self) -> None:
        self.newsroom.works()

    def on_asks_for_notes(self, chat: int) -> None:
        self.people.speaks_of_notes(chat)
        self.serve()

    def on_reads(self, chat: int, message: int) -> None:
        self.people.reads(chat, message)

    # The end.

    def settle(self) -> None:
        """Nothing goes wrong any more, nobody does anything: in the end every signal has its outcome."""
        self.tell("from here on nothing goes wrong")
        self.faults.clear()
        self.events.clear()
        self.municipality.closes()
        ends = self.clock.seconds + SETTLES.total_seconds()
        self.does("serve", "tick", "deliver")
        while self.clock.seconds < ends and self.witness.waits():
            self.clock.seconds += 86400 * 0.7
            self.does("serve", "tick", "deliver")
            self.witness.check(self.model)
        self.witness.standing(self.model, self.clock.now(), calm=True)
        self.witness.sweep(self.model, self.municipality.receipts, self.machine.journey.replay)

    def close(self) -> None:
        self.machine.close()
        self.witness.close()
        self.loop.close()

    @property
    def citizen_days(self) -> int:
        return self.kind.citizens * self.kind.days


def _groups(chats, size: int):
    for first in range(0, len(chats), size):
        yield chats[first : first + size]


def _causes(error: BaseException):
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    else:
        yield error
