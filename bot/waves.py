"""Waves: how much is due stands in the ledger, and is worked off in pieces of some hundred rows.

A wave carries no rows, only the word that there are some; who works it off takes from the ledger what is due by then.
So a wave that is lost is made again by the next tick, and one too many finds nothing to do.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, Protocol

from bot.journey import Journey

#: How many rows a wave takes up.
SIZES: Final[Mapping[str, int]] = {"plan": 500, "decide": 200}
#: So many waves of a kind are called for at once; who works off the last ones looks for more.
AHEAD: Final = 20

Work = Callable[[str], Awaitable[None]]

log = logging.getLogger(__name__)


class Waves(Protocol):
    """What carries waves from who calls for them to who works them off."""

    async def enqueue(self, name: str, count: int) -> None:
        """Have `count` waves with this name worked off, less those that wait already."""
        ...

    async def handle(self, names: Collection[str], work: Work, stop: asyncio.Event) -> None:
        """Work off waves until `stop` is set, then finish those in hand."""
        ...


class InProcess:
    """Waves within one process, one after another."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._news = asyncio.Event()

    async def enqueue(self, name: str, count: int) -> None:
        self._waiting[name] = max(self._waiting[name], count)
        self._news.set()

    async def handle(self, names: Collection[str], work: Work, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            self._news.clear()
            name = next((name for name in names if self._waiting[name]), None)
            if name is not None:
                self._waiting[name] -= 1
                await work(name)
                continue
            news = asyncio.create_task(self._news.wait())
            await asyncio.wait([news, stopped], return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
        stopped.cancel()


class Planning:
    """What waves are called for, and what happens in one."""

    def __init__(self, journey: Journey, waves: Waves) -> None:
        self._journey, self._waves = journey, waves
        self._steps = {"plan": journey.plan, "decide": journey.decide}

    async def call(self) -> None:
        """Call for as many waves as the ledger has work for."""
        backlog = await asyncio.to_thread(self._journey.backlog, AHEAD * max(SIZES.values()))
        for (name, size), rows in zip(SIZES.items(), backlog, strict=True):
            if rows:
                await self._waves.enqueue(name, min(-(-rows // size), AHEAD))

    async def handle(self, stop: asyncio.Event) -> None:
        """Work off waves until `stop` is set."""
        await self._waves.handle(SIZES, self._work, stop)

    async def _work(self, name: str) -> None:
        try:
            if await asyncio.to_thread(self._steps[name], SIZES[name]):
                # Planning leads to offers, and behind a full wave there may be another.
                await self.call()
        except Exception as error:  # noqa: BLE001 - this is a process's outermost loop
            # Its rows are as they were, and the next tick calls for them again.
            log.error("wave_failed", extra={"wave": name, "error": type(error).__name__})  # noqa: TRY400 - no words
