"""Waves over PostgreSQL by pgqueuer: called for by one process, worked off by any."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any, Final

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job
from pgqueuer.domain.settings import DBSettings

from bot.errors import RefusedError
from bot.waves import Work

SCHEMA: Final = "handreiking_waves"
#: A wave whose worker is silent for so long is given to another. The word comes from the event loop, which no wave
#: blocks, so this is far above its longest stall.
SILENT: Final = timedelta(seconds=12)
LOOK: Final = timedelta(seconds=10)  # a wave that nobody was told of is found after so long
AT_ONCE: Final = 2  # one waits for the database while the other one computes


class PostgresWaves:
    """The connection must be direct: pgqueuer listens, which no pool between lets it do."""

    def __init__(self, url: str) -> None:
        """`url` is `postgresql://…`, a database on which `install` ran."""
        self._url = url

    async def enqueue(self, name: str, count: int) -> None:
        async with _queries(self._url) as queries:
            await queries.enqueue(
                [name] * count,
                [None] * count,
                [0] * count,
                dedupe_key=[f"{name}:{number}" for number in range(count)],
                on_conflict="skip",
            )

    async def handle(self, names: Collection[str], work: Work, stop: asyncio.Event) -> None:
        async with _queries(self._url) as queries:
            if (await queries.plan_upgrade()).statements:
                raise RefusedError("The database has no place for waves, or an old one. Run `handreiking migrate`.")
            manager = QueueManager(queries, channel=_names().channel)

            async def handler(job: Job) -> None:
                await work(job.entrypoint)

            for name in names:
                manager.entrypoint(name, accepts_context=False)(handler)
            running = asyncio.create_task(
                manager.run(
                    dequeue_timeout=LOOK,
                    batch_size=AT_ONCE // 2,
                    max_concurrent_tasks=AT_ONCE,
                    heartbeat_timeout=SILENT,
                    log_aggregation_interval=timedelta(0),
                )
            )
            stopped = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopped.cancel()
                manager.shutdown.set()
                await running

    async def tidy(self, names: Collection[str]) -> None:
        """Forget the record that pgqueuer keeps of waves that were worked off."""
        async with _queries(self._url) as queries:
            await queries.clear_queue_log(list(names))


async def install(url: str) -> None:
    """Bring what pgqueuer keeps in a schema of its own to the shape of today; done again, nothing changes."""
    async with _queries(url) as queries:
        async with queries.schema_lock():
            if not await queries.schema_is_installed():
                await queries.install()
                return
        await queries.upgrade()


@asynccontextmanager
async def _queries(url: str) -> AsyncIterator[Queries]:
    connection: Any = await asyncpg.connect(url, timeout=5)
    try:
        yield Queries(
            AsyncpgDriver(connection),
            qbe=QueryBuilderEnvironment(_names()),
            qbq=QueryQueueBuilder(_names()),
            qbs=QuerySchedulerBuilder(_names()),
        )
    finally:
        await connection.close()


@cache
def _names() -> DBSettings:
    """Every name said, so that nothing in the environment changes one of them."""
    return DBSettings(
        prefix="",
        db_schema=SCHEMA,
        channel=SCHEMA,
        function="fn_pgqueuer_changed",
        statistics_table="pgqueuer_statistics",
        queue_status_type="pgqueuer_status",
        queue_table="pgqueuer",
        queue_table_log="pgqueuer_log",
        trigger="tg_pgqueuer_changed",
        schedules_table="pgqueuer_schedules",
    )
