"""The bot running: updates in, signals in, the clock's ticks, messages out, until it is told to stop.

One process may do it all, or several on one PostgreSQL a part each. What only one may do at a time is a `Turn`; that
there is one sender is a mark in the ledger, which every departure checks.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from telegram import Bot

from bot import api, offers, signals
from bot.errors import InTheWayError
from bot.journey import Journey
from bot.klant.worker import Teller
from bot.leader import Always, Turn
from bot.operating import Lookout
from bot.operating.channel import SeenChannel
from bot.operating.duties import HEAR, POLL, SEND, TICK, Duty
from bot.roles import EVERY_ROLE, WITH_HTTP, WITH_TOKEN, Role
from bot.scheduler import Step, Ticks
from bot.store import schema
from bot.telegram.application import (
    COMMANDS,
    TELEGRAM,
    About,
    BotApplication,
    build_application,
    check_bot,
    introduce,
    new_builder,
)
from bot.telegram.channel import TelegramChannel
from bot.telegram.inbox import poll, set_webhook, webhook_route, work
from bot.telegram.sender import Sender
from bot.waves import InProcess, Planning, Waves
from bot.wording import Wording

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/telegram/updates"


@dataclass(kw_only=True)
class Service:
    """What one process runs. `time` is a clock in seconds that never goes back; `owner` names the process.

    `token` may be None for roles that do not talk with Telegram. `turn` gives the turn for a part that only one
    process may do at a time, and `waves` carries planning from who ticks to who plans; as they stand, there is only
    this process. `pages` are the staff's (`console.build`), on a port of their own; None: there are none. `teller`
    tells other systems of requests for contact, in the process that ticks; None: who listens stays as it is.
    """

    journey: Journey
    engine: Engine
    token: str | None = field(repr=False)
    owner: str
    time: Callable[[], float]
    roles: Collection[Role] = EVERY_ROLE
    waves: Waves = field(default_factory=InProcess)
    turn: Callable[[str], Turn] = field(default=lambda _: Always())
    tidy_waves: Step | None = None
    api_root: str = TELEGRAM
    public_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    pages: FastAPI | None = None
    pages_port: int = 8081
    rate_per_s: float = 30.0
    plan_every_s: float = 5.0
    take_up_every_s: float = 2.0
    lookout: Lookout | None = None
    teller: Teller | None = None

    async def run(self, stop: asyncio.Event, *, ready: Callable[[str | None], None]) -> None:
        """Run until `stop` is set, then finish what is in hand.

        `ready` gets the bot's user name once all runs, None where no role talks with Telegram. Raises InTheWayError
        for a port that is taken, SettingsError for a bot that must not run, ChannelClosedError when Telegram refuses
        it.
        """
        planning = Planning(self.journey, self.waves)
        async with AsyncExitStack() as opened:
            listening = for_staff = None
            if WITH_HTTP & set(self.roles):
                listening = opened.enter_context(listen(self.host, self.port))
            if self.pages is not None and Role.CONSOLE in self.roles:
                for_staff = opened.enter_context(listen(self.host, self.pages_port))
            await opened.enter_async_context(self._looked_at())
            application = None
            if WITH_TOKEN & set(self.roles):
                application = await opened.enter_async_context(self._telegram())
            async with asyncio.TaskGroup() as tasks:
                news = asyncio.Event()
                if listening is not None:
                    listening.listen()  # whoever calls once it is said that all runs is not turned away
                    tasks.create_task(_serve(self._machines(news), listening, stop))
                if for_staff is not None and self.pages is not None:
                    for_staff.listen()
                    tasks.create_task(_serve(self.pages, for_staff, stop))
                parts = []
                if application is not None:
                    parts += await self._talk(application, news, stop)
                if Role.PLANNER in self.roles:
                    parts.append(planning.handle(stop))
                if Role.SCHEDULER in self.roles:
                    parts.append(self._tick(planning, stop))
                parts.append(self._take_up(stop))
                for part in parts:
                    tasks.create_task(part)
                if self.lookout is not None:
                    self.lookout.started()
                ready(None if application is None else application.bot.username)
                log.info("ready", extra={"roles": ",".join(sorted(self.roles))})
        log.info("stopped")

    # With Telegram.

    async def _talk(
        self, application: BotApplication, news: asyncio.Event, stop: asyncio.Event
    ) -> list[Coroutine[Any, Any, None]]:
        """What the roles that talk with Telegram do, once it is certain that they may."""
        parts = []
        if Role.BOT in self.roles:
            await self._arrange(application.bot)
            parts.append(self.turn("bot").run(lambda: self._hear(application, news, stop), stop))
        if Role.SENDER in self.roles:
            parts.append(self._send(application, stop))
        return parts

    async def _hear(self, application: BotApplication, news: asyncio.Event, stop: asyncio.Event) -> None:
        """Fetch updates, unless Telegram brings them, and take them to heart, until `stop` is set.

        By one process at a time: two would take each other's updates away, and hear a chat out of order.
        """
        fetches = self._webhook is None
        async with asyncio.TaskGroup() as tasks:
            hearing = [tasks.create_task(work(self.journey, application, news=news))]
            if fetches:
                polling = poll(application.bot, self.journey.take_in, news=news, answered=self._answered)
                hearing.append(tasks.create_task(polling))
            with self._expected(HEAR, *((POLL,) if fetches else ())):
                await stop.wait()
            for task in hearing:
                task.cancel()

    async def _send(self, application: BotApplication, stop: asyncio.Event) -> None:
        channel = SeenChannel(TelegramChannel(application.bot), self.journey.watch)
        sender = Sender(self.journey, channel, rate_per_s=self.rate_per_s, owner=self.owner, time=self.time)
        with self._expected(SEND):
            await _until(stop, sender.run(), sender.stop)

    async def _arrange(self, bot: Bot) -> None:
        url = self._webhook
        if url is None:
            await bot.delete_webhook(drop_pending_updates=False)
        else:
            await set_webhook(bot, url, self._secret)
        await check_bot(bot, expect_webhook=url)
        await introduce(bot, about(self.journey.wording))

    @property
    def _webhook(self) -> str | None:
        return None if self.public_url is None else self.public_url.rstrip("/") + WEBHOOK_PATH

    @property
    def _secret(self) -> str:
        return self.journey.vault.fingerprint("webhook secret")

    @asynccontextmanager
    async def _telegram(self) -> AsyncIterator[BotApplication]:
        assert self.token is not None
        application = build_application(new_builder(self.token, root=self.api_root), self.journey)
        await application.initialize()
        try:
            yield application
        finally:
            await application.shutdown()

    # With the clock.

    async def _tick(self, planning: Planning, stop: asyncio.Event) -> None:
        turn = self.turn("scheduler")

        async def tick() -> None:
            teller = self.teller
            if teller is not None:
                await teller.begin()
            ticks = Ticks(
                self.journey,
                planning.call,
                plan_every_s=self.plan_every_s,
                held=turn.held,
                tidy=self.tidy_waves,
                tell=None if teller is None else partial(teller.round, stop),
            )
            with self._expected(TICK):
                await ticks.run(stop)

        await turn.run(tick, stop)

    async def _take_up(self, stop: asyncio.Event) -> None:
        """Say in this process too what was approved in another one."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.journey.take_up)
            except OperationalError as error:
                log.warning("texts_unseen", extra={"error": type(error).__name__})  # the database is away for a while
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.take_up_every_s)

    # Over HTTP.

    def _machines(self, news: asyncio.Event) -> FastAPI:
        app = self._api()
        if Role.BOT in self.roles and self._webhook is not None:
            # In front: a route is looked for one after another.
            app.router.routes.insert(0, webhook_route(WEBHOOK_PATH, self._secret, self.journey.take_in, news=news))
        return app

    def _api(self) -> FastAPI:
        journey = self.journey

        def source(key: str) -> signals.Source | None:
            with journey.sessions.begin() as session:
                return signals.find_source(session, key, now=journey.clock())

        return api.build(
            receive=journey.receive,
            offer=partial(offers.offer, journey),
            sources=source,
            wording=lambda: journey.wording,
            clock=journey.clock,
            ready=self._not_ready,
            refused=journey.refuse,
        )

    def _looked_at(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self.lookout is None else self.lookout.on()

    def _expected(self, *duties: Duty) -> AbstractContextManager[None]:
        """As long as it lasts, silence about these duties is said aloud."""
        return nullcontext() if self.lookout is None else self.lookout.expects(*duties)

    def _answered(self) -> None:
        self.journey.watch.beat("poll")

    def _not_ready(self) -> str | None:
        if self.lookout is not None:
            return self.lookout.not_ready()
        has, wants = schema.shape(self.engine)
        return None if has == wants else f"the database has shape {has} and this program wants {wants}"


def about(wording: Wording) -> Mapping[str, About]:
    """What Telegram shows of the bot, in each language."""
    return {
        language: {
            "description": wording.say("about.description", language),
            "short": wording.say("about.short", language),
            "commands": {name: wording.say(f"command.{name}", language) for name in COMMANDS},
        }
        for language in wording.languages
    }


async def _serve(app: FastAPI, listening: socket.socket, stop: asyncio.Event) -> None:
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False, server_header=False))

    def wind_down() -> None:
        server.should_exit = True

    await _until(stop, server.serve(sockets=[listening]), wind_down)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to this port. Raises InTheWayError when somebody else has it."""
    # TCP by name: asyncio sends at once (TCP_NODELAY) only where it reads that, and else an answer waits for 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise InTheWayError(f"port {port} on {host} cannot be used: {error.strerror}. Choose another port.") from None
    return listening


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None], wind_down: Callable[[], None]) -> None:
    """Let `work` go on until `stop` is set, or it ends by itself; then have it wind down, and wait for that."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        wind_down()
        await working


class _Server(uvicorn.Server):
    """Uvicorn without its own hand on Ctrl-C: there is one place that decides to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
