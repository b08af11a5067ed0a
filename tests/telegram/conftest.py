import asyncio
import time
from datetime import UTC, datetime

import pytest
from telegram_fakes import TOKEN, FakeJourney

from bot.sandbox import MovableClock, Sandbox, start
from bot.telegram.application import build_application, new_builder
from bot.telegram.inbox import poll, work


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def sandbox():
    return Sandbox(token=TOKEN, clock=MovableClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC), time.monotonic))


@pytest.fixture
async def running(sandbox):
    running = await start(sandbox)
    yield running
    await running.stop()


@pytest.fixture
def root(running):
    return running.url


@pytest.fixture
async def bot(root):
    """The bot's own client, over HTTP to the sandbox."""
    async with new_builder(TOKEN, root=root).build().bot as bot:
        yield bot


@pytest.fixture
def journey():
    return FakeJourney()


@pytest.fixture
async def application(root, journey):
    application = build_application(new_builder(TOKEN, root=root), journey)
    async with application:
        yield application


@pytest.fixture
async def living(application, journey):
    """The bot polls the sandbox and works off its inbox."""
    news = asyncio.Event()
    tasks = [
        asyncio.create_task(poll(application.bot, journey.take_in, news=news)),
        asyncio.create_task(work(journey, application, news=news)),
    ]
    yield journey
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
