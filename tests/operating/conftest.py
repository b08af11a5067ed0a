"""The service as it runs, with a lookout and its port, against the sandbox."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from bot import sandbox, signals
from bot.journey import Journey
from bot.operating import Lookout
from bot.sandbox import MovableClock, Sandbox
from bot.service import Service
from tests.test_end_to_end import SOURCE, TOKEN, Stage
from tests.world import World


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def watched(sessions, engine, wording, vault, unused_tcp_port_factory):
    """`async with watched(**lookout) as (stage, scrape)`; `scrape(path)` gives a status and a text."""

    @asynccontextmanager
    async def running(**given):
        clock = MovableClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC), time.monotonic)
        changed = asyncio.Event()
        stand_in = Sandbox(token=TOKEN, clock=clock, observer=lambda *_: changed.set())
        telegram = await sandbox.start(stand_in)
        World(sessions, wording, vault).campaign()
        with sessions.begin() as session:
            types = signals.known_types(whole.facts() for whole in wording.cards.values())
            key = signals.new_key(session, SOURCE, types, by="test", now=clock.now())
        journey = Journey(
            sessions=sessions, wording=wording, vault=vault, clock=clock.now, chat_gap=timedelta(0),
            new_id=lambda: f"{time.monotonic_ns():016x}"[-16:],
        )  # fmt: skip
        port, metrics = unused_tcp_port_factory(), unused_tcp_port_factory()
        lookout = Lookout(journey=journey, engine=engine, role="all", owner="test", port=metrics, **given)
        service = Service(
            journey=journey, engine=engine, token=TOKEN, owner="test", time=time.monotonic, api_root=telegram.url,
            port=port, plan_every_s=0.05, lookout=lookout,
        )  # fmt: skip
        stop, ready = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(service.run(stop, ready=lambda _: ready.set()))
        async with asyncio.timeout(60):
            await asyncio.wait([task, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        stage = Stage(stand_in, clock, journey, f"http://127.0.0.1:{port}/v1/signals", key, changed)

        async def scrape(path="/metrics", at=metrics):
            async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{at}{path}") as answer:
                return answer.status, await answer.text()

        stage.api_port, stage.lookout = port, lookout
        try:
            yield stage, scrape
        finally:
            stop.set()
            async with asyncio.timeout(60):
                await task
            await telegram.stop()

    return running
