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
from bot.outbox import LEASE

log = logging.getLogger(__name__)

LEARN_EVERY = timedelta(days=7)


async def plan(journey: Journey) -> None:
    """Dates called, signals planned and offers decided until nothing is due."""
    await asyncio.to_thread(journey.call_dates)
    while await asyncio.to_thread(journey.plan):
        pass
    while await asyncio.to_thread(journey.decide):
        pass


async def learn(journey: Journey) -> None:
    """A new policy version once a week, however often this is called."""
    await asyncio.to_thread(journey.learn_if_older_than, LEARN_EVERY)


def build(journey: Journey, *, every_s: float = 5.0) -> AsyncIOScheduler:
    """Ticks for `journey`, not started yet; planning every `every_s` seconds of real time."""
    scheduler = AsyncIOScheduler(
        timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    )
    scheduler.add_job(plan, "interval", [journey], seconds=every_s, id="plan")
    scheduler.add_job(_in_thread, "interval", [journey.sweep], seconds=LEASE.total_seconds() / 4, id="sweep")
    scheduler.add_job(learn, "interval", [journey], minutes=10, id="learn")
    scheduler.add_job(_in_thread, "interval", [journey.tidy], minutes=10, id="tidy")
    scheduler.add_listener(_failed, EVENT_JOB_ERROR)
    return scheduler


async def _in_thread(step: Callable[[], object]) -> None:
    await asyncio.to_thread(step)


def _failed(event: JobExecutionEvent) -> None:
    log.error("tick_failed", extra={"tick": event.job_id, "error": type(event.exception).__name__})
