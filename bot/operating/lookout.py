"""The dead-man's switch: what should be going on and is not, is said aloud.

Two threads look, and neither needs the event loop. The pulse reads this process's own memory, so nothing can hold it
up: it logs what is silent, and as long as all of ours is done it tells the service manager that we live. The reporter
asks the database, shows there that we are at work, and calls the outside: a ping while all is well, so that somebody
notices its absence even when the whole machine is gone.
"""

import asyncio
import json
import logging
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.journey import Journey
from bot.operating.duties import LOOP, Duty, Silence, silences, stuck
from bot.operating.metrics import Figures, Reading, registry
from bot.operating.port import application, serving
from bot.operating.systemd import Manager
from bot.store import schema, vitals
from bot.store.vitals import Process

log = logging.getLogger(__name__)

PULSE_S: Final = 2.0
REPORT_S: Final = 15.0
PING_S: Final = 60.0
REPEAT_S: Final = 300.0  # what goes on being wrong is said again
CALL_S: Final = 10.0  # so long may a call to the outside take
#: The reporter itself is one of the duties.
REPORT: Final = Duty(
    "report", ("report",), 90, "the database does not answer, or a call to the outside hangs", ours=False
)


@dataclass(kw_only=True)
class Lookout:
    """Looks at one process. `ping_url` is fetched each minute while all is well; `alarm_url` gets a POST when not.

    `port` None: no metrics. `call` fetches a URL, with a body or without one.
    """

    journey: Journey
    engine: Engine
    role: str
    owner: str
    host: str = "127.0.0.1"
    port: int | None = None
    ping_url: str | None = field(default=None, repr=False)
    alarm_url: str | None = field(default=None, repr=False)
    manager: Manager = field(default_factory=lambda: Manager(None))
    call: Callable[[str, bytes | None], None] = field(default_factory=lambda: _call)

    def __post_init__(self) -> None:
        self._watch = self.journey.watch
        zone = ZoneInfo(self.journey.wording.municipality.zone)
        self._reading = Reading(self.journey.sessions, self.journey.clock, zone, self._watch.time)
        self._duties: dict[Duty, float] = {}  # replaced and never changed, since threads read it
        self._began = self._watch.time()
        self._stop = threading.Event()
        self._said: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._pinged = float("-inf")
        self._stuck: list[Silence] = []
        self._ready = False

    @asynccontextmanager
    async def on(self) -> AsyncIterator[int | None]:
        """Look until the block ends; gives the port of the metrics.

        Raises InTheWayError when the port cannot be had.
        """
        self._began = self._watch.time()
        self._duties = dict.fromkeys((LOOP, REPORT), self._began)
        with ExitStack() as stack:
            port = None
            if self.port is not None:
                figures = registry(Figures(self._reading, self._watch, self.role, lambda: len(self.troubles())))
                answers = application(figures, live=self.not_live, ready=self.not_ready)
                port = stack.enter_context(serving(answers, self.host, self.port))
            stack.enter_context(self._again_and_again("pulse", self.pulse, PULSE_S))
            stack.enter_context(self._again_and_again("reporter", self.report, REPORT_S))
            stack.callback(self._stop.set)
            beating = asyncio.create_task(self._beat())
            try:
                yield port
            finally:
                beating.cancel()
                self.manager.tell("STOPPING=1")
                self._stop.set()
        await asyncio.to_thread(self._go_home)

    @contextmanager
    def expects(self, *duties: Duty) -> Iterator[None]:
        """As long as the block lasts, this process has these duties: they may be another's before and after."""
        self._duties = self._duties | dict.fromkeys(duties, self._watch.time())
        try:
            yield
        finally:
            self._duties = {duty: since for duty, since in self._duties.items() if duty not in duties}

    def started(self) -> None:
        """All of this process runs."""
        self._ready = True
        self.manager.tell("READY=1")

    def not_live(self) -> str | None:
        """What of this process itself stands still and a new start may mend; None when nothing does."""
        return _sentence([one for one in self._silences() if one.ours])

    def not_ready(self) -> str | None:
        """Why this process cannot do its work now, or None."""
        if not self._ready:
            return "it is still starting"
        try:
            has, wants = schema.shape(self.engine)
        except SQLAlchemyError as error:
            return f"the database does not answer ({type(error).__name__})"
        if has != wants:
            return f"the database has shape {has} and this program wants {wants}"
        return _sentence(self.troubles())

    def troubles(self) -> list[Silence]:
        """Everything that should be going on and is not."""
        return self._silences() + self._stuck

    def _silences(self) -> list[Silence]:
        return silences(self._watch, self._duties)

    def pulse(self) -> None:
        """One look at this process's own memory."""
        now, troubles = self._watch.time(), self.troubles()
        for trouble in _due_to_be_said(troubles, self._said, now):
            log.error("silent", extra={"duty": trouble.duty, "for_s": trouble.for_s, "means": trouble.means})
        for duty in _over(troubles, self._said):
            log.warning("back", extra={"duty": duty})
        if not any(trouble.ours for trouble in troubles):
            self.manager.tell("WATCHDOG=1")

    def report(self) -> None:
        """One look at the database, and what the outside is told."""
        vital = self._reading.take()
        if vital is not None:
            self._stuck = stuck(vital, self._be_at_work())
        now, troubles = self._watch.time(), self.troubles()
        if vital is not None and not troubles and self.ping_url is not None and now - self._pinged >= PING_S:
            self._pinged = now
            self._tell(self.ping_url, None)
        if self.alarm_url is not None:
            told = _due_to_be_said(troubles, self._told, now)
            back = _over(troubles, self._told)
            if told or (back and not troubles):
                self._tell(self.alarm_url, self._news(troubles))
        if vital is not None:
            self._watch.beat("report")

    def _news(self, troubles: Collection[Silence]) -> bytes:
        silent = [{"duty": one.duty, "for_s": one.for_s, "means": one.means} for one in troubles]
        return json.dumps({"status": "silent" if silent else "well", "role": self.role, "silent": silent}).encode()

    def _be_at_work(self) -> Sequence[Process]:
        """Show that we are at work; who else is, and we."""
        now, watch = self.journey.clock(), self._watch
        ages = {duty.name: watch.age_s(*duty.steps) for duty in self._duties} | {"sent": watch.age_s("sent")}
        process = Process(
            name=self.owner,
            role=self.role,
            at=now,
            since=now - timedelta(seconds=watch.time() - self._began),
            worked={name: now - timedelta(seconds=age) for name, age in ages.items() if age is not None},
            key=self.journey.vault.front(),
        )
        with self.journey.sessions.begin() as session:
            vitals.at_work(session, process)
            return vitals.processes(session)

    def _go_home(self) -> None:
        try:
            with self.journey.sessions.begin() as session:
                vitals.gone_home(session, self.owner)
        except SQLAlchemyError as error:
            log.warning("not_signed_off", extra={"error": type(error).__name__})

    def _tell(self, url: str, body: bytes | None) -> None:
        try:
            self.call(url, body)
        except OSError as error:
            log.warning(
                "call_failed", extra={"error": type(error).__name__, "call": "ping" if body is None else "alarm"}
            )

    async def _beat(self) -> None:
        while True:
            self._watch.beat("loop")
            await asyncio.sleep(1)

    @contextmanager
    def _again_and_again(self, name: str, look: Callable[[], None], every_s: float) -> Iterator[None]:
        def run() -> None:
            while not self._stop.wait(every_s):
                try:
                    look()
                except SQLAlchemyError as error:
                    log.warning("look_failed", extra={"error": type(error).__name__})

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            # The reporter may be waiting for the outside; nobody waits for it.
            thread.join(timeout=1.0)


def _due_to_be_said(troubles: Collection[Silence], said: dict[str, float], now: float) -> list[Silence]:
    """Those that are new, or were said last `REPEAT_S` ago; `said` keeps when."""
    due = [one for one in troubles if now - said.get(one.duty, float("-inf")) >= REPEAT_S]
    said |= {one.duty: now for one in due}
    return due


def _over(troubles: Collection[Silence], said: dict[str, float]) -> list[str]:
    """Those that were said and are no trouble any more; they are forgotten."""
    over = sorted(said.keys() - {one.duty for one in troubles})
    for duty in over:
        del said[duty]
    return over


def _sentence(troubles: Collection[Silence]) -> str | None:
    return "; ".join(map(str, troubles)) or None


def _call(url: str, body: bytes | None) -> None:
    headers = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - settings let only http(s) pass
    with urllib.request.urlopen(request, timeout=CALL_S):  # nosec B310  # noqa: S310
        return
