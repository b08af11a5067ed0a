"""The clock's ticks: which step runs when.

APScheduler only ticks, in memory. What is due stands in a column of the ledger, so a tick that is missed, late or
doubled costs time and never a message.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.journey import Journey

log = logging.getLogger(__name__)

LEARN_EVERY = timedelta(days=7)


class Ticks:
    """The ticks of one journey; planning every `plan_every_s` seconds of real time."""

    def __init__(self, journey: Journey, *, plan_every_s: float = 5.0) -> None:
        self._running: set[asyncio.Task[object]] = set()
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._every("plan", plan_every_s, journey.call_dates, _all(journey.plan), _all(journey.decide))
        self._every("upkeep", 12 * plan_every_s, journey.upkeep)
        self._every("learn", 600, lambda: journey.learn_if_older_than(LEARN_EVERY))
        self._every("tidy", 600, journey.tidy)
        self._scheduler.add_listener(_failed, EVENT_JOB_ERROR)

    def start(self) -> None:
        self._scheduler.start()

    async def stop(self) -> None:
        """No tick begins any more; those that run are waited for, so that none is cut off half-way."""
        self._scheduler.pause()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._scheduler.shutdown(wait=False)

    def _every(self, name: str, seconds: float, *steps: Callable[[], object]) -> None:
        self._scheduler.add_job(self._tick, "interval", [steps], seconds=seconds, id=name)

    async def _tick(self, steps: tuple[Callable[[], object], ...]) -> None:
        task = asyncio.ensure_future(_one_by_one(steps))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)


def _all(step: Callable[[], int]) -> Callable[[], None]:
    """The step again and again until there is nothing left to do."""

    def until_done() -> None:
        while step():
            pass

    return until_done


async def _one_by_one(steps: tuple[Callable[[], object], ...]) -> None:
    for step in steps:
        await asyncio.to_thread(step)


def _failed(event: JobExecutionEvent) -> None:
    log.error("tick_failed", extra={"tick": event.job_id, "error": type(event.exception).__name__})
