"""The clock's ticks: which step runs when.

APScheduler only ticks, in memory. What is due stands in a column of the ledger, so a tick that is missed, late or
doubled costs time and never a message.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.journey import Journey

log = logging.getLogger(__name__)

LEARN_EVERY = timedelta(days=7)

Step = Callable[[], Awaitable[object]]


class Ticks:
    """The ticks of one journey; planning every `plan_every_s` seconds of real time.

    `call_waves` has planned and decided what is due. `held` is asked before each tick: False, and it is left out.
    `tell` tells other systems what they are to hear; it has ticks of its own, so that it holds up nothing else.
    """

    def __init__(
        self,
        journey: Journey,
        call_waves: Step,
        *,
        plan_every_s: float = 5.0,
        held: Callable[[], Awaitable[bool]],
        tidy: Step | None = None,
        tell: Step | None = None,
    ) -> None:
        self._running: set[asyncio.Task[object]] = set()
        self._held = held
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        plan = (_in_thread(journey.call_dates), call_waves)
        self._scheduler.add_job(self._tick, args=[plan], id="plan at once")  # something may wait from before
        self._every("plan", plan_every_s, *plan)
        self._every("guard", 6 * plan_every_s, _in_thread(journey.guard))
        self._every("upkeep", 12 * plan_every_s, _in_thread(journey.upkeep))
        if tell is not None:
            self._every("tell", plan_every_s, tell)
        self._every("learn", 600, _in_thread(lambda: journey.learn_if_older_than(LEARN_EVERY)))
        self._every("tidy", 600, _in_thread(journey.tidy), *([] if tidy is None else [tidy]))
        self._scheduler.add_listener(_failed, EVENT_JOB_ERROR)

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until `stop` is set or until cancelled; what runs then is waited for, so that none is cut off."""
        self._scheduler.start()
        try:
            await stop.wait()
        finally:
            self._scheduler.pause()
            await asyncio.gather(*self._running, return_exceptions=True)
            self._scheduler.shutdown(wait=False)

    def _every(self, name: str, seconds: float, *steps: Step) -> None:
        self._scheduler.add_job(self._tick, "interval", [steps], seconds=seconds, id=name)

    async def _tick(self, steps: tuple[Step, ...]) -> None:
        if not await self._held():
            return
        task = asyncio.ensure_future(_one_by_one(steps))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)


def _in_thread(step: Callable[[], object]) -> Step:
    return lambda: asyncio.to_thread(step)


async def _one_by_one(steps: tuple[Step, ...]) -> None:
    for step in steps:
        await step()


def _failed(event: JobExecutionEvent) -> None:
    log.error("tick_failed", extra={"tick": event.job_id, "error": type(event.exception).__name__})
