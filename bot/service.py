"""The bot running: updates in, signals in, the clock's ticks, messages out, in one process until it is told to stop."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from functools import partial

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from telegram import Bot

from bot import api, offers, signals
from bot.errors import InTheWayError
from bot.journey import Journey
from bot.operating import Lookout
from bot.operating.channel import SeenChannel
from bot.operating.duties import HEAR, POLL, SEND, TICK
from bot.scheduler import Ticks
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
from bot.wording import Wording

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/telegram/updates"


@dataclass(kw_only=True)
class Service:
    """What one process runs. `time` is a clock in seconds that never goes back; `owner` names the process."""

    journey: Journey
    engine: Engine
    token: str = field(repr=False)
    owner: str
    time: Callable[[], float]
    api_root: str = TELEGRAM
    public_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    rate_per_s: float = 30.0
    plan_every_s: float = 5.0
    lookout: Lookout | None = None

    async def run(self, stop: asyncio.Event, *, ready: Callable[[str], None]) -> None:
        """Run until `stop` is set, then finish what is in hand. `ready` gets the bot's user name once all runs.

        Raises InTheWayError for a port that is taken, SettingsError for a bot that must not run, ChannelClosedError
        when Telegram refuses it.
        """
        news = asyncio.Event()
        application = build_application(new_builder(self.token, root=self.api_root), self.journey)
        listening = listen(self.host, self.port)
        async with self._looked_at(), _initialised(application):
            bot = application.bot
            secret = self.journey.vault.fingerprint("webhook secret")
            url = None if self.public_url is None else self.public_url.rstrip("/") + WEBHOOK_PATH
            app = self._api()
            if url is not None:
                # In front: a route is looked for one after another.
                app.router.routes.insert(0, webhook_route(WEBHOOK_PATH, secret, self.journey.take_in, news=news))
            channel = SeenChannel(TelegramChannel(bot), self.journey.watch)
            sender = Sender(self.journey, channel, rate_per_s=self.rate_per_s, owner=self.owner, time=self.time)
            ticks = Ticks(self.journey, plan_every_s=self.plan_every_s)
            server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(server.serve(sockets=[listening]))
                await self._arrange(bot, url, secret)
                sending = tasks.create_task(sender.run())
                hearing = [tasks.create_task(work(self.journey, application, news=news))]
                if url is None:
                    hearing.append(
                        tasks.create_task(poll(bot, self.journey.take_in, news=news, answered=self._answered))
                    )
                ticks.start()
                with self._expected():
                    if self.lookout is not None:
                        self.lookout.started()
                    ready(bot.username)
                    log.info("ready")
                    await stop.wait()
                await ticks.stop()
                for task in hearing:
                    task.cancel()
                sender.stop()
                await sending
                server.should_exit = True
                await serving
        log.info("stopped")

    async def _arrange(self, bot: Bot, url: str | None, secret: str) -> None:
        if url is None:
            await bot.delete_webhook(drop_pending_updates=False)
        else:
            await set_webhook(bot, url, secret)
        await check_bot(bot, expect_webhook=url)
        await introduce(bot, about(self.journey.wording))

    def _api(self) -> FastAPI:
        journey = self.journey

        def source(key: str) -> signals.Source | None:
            with journey.sessions.begin() as session:
                return signals.find_source(session, key, now=journey.clock())

        return api.build(
            receive=journey.receive,
            offer=partial(offers.offer, journey),
            sources=source,
            wording=journey.wording,
            clock=journey.clock,
            ready=self._not_ready,
        )

    def _looked_at(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self.lookout is None else self.lookout.on()

    def _expected(self) -> AbstractContextManager[None]:
        if self.lookout is None:
            return nullcontext()
        return self.lookout.expects(TICK, SEND, HEAR, *((POLL,) if self.public_url is None else ()))

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


@asynccontextmanager
async def _initialised(application: BotApplication) -> AsyncIterator[None]:
    await application.initialize()
    try:
        yield
    finally:
        await application.shutdown()


class _Server(uvicorn.Server):
    """Uvicorn without its own hand on Ctrl-C: there is one place that decides to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
