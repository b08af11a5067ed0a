"""How long it takes until another process takes over: `python -m tests.takeover [N]` measures each part N times."""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot import queueing
from bot.store import schema
from tests.conftest import postgres_server
from tests.forked import forked
from tests.town import town, until

HOLDERS = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def takeover(there, part, citizen):
    """Kill the one of two processes that does `part`; return the seconds until the other one has done some of it."""
    others = {"sender": ["bot"], "scheduler": ["console", "planner"], "bot": ["sender"]}[part]
    rest, first = await asyncio.gather(there.run(*others), there.run(part))
    if part == "sender":
        await until(lambda: there.mark("sender") is not None)
    else:
        await until(lambda: there.count(HOLDERS) == 1)
    second = await there.run(part)
    await first.kill()
    began = time.monotonic()
    if part == "scheduler":
        await there.signal(rest)
        await until(lambda: there.count("SELECT count(*) FROM signal WHERE planned_at IS NULL") == 0)
    else:
        before = there.answers(citizen)
        there.sandbox.message(citizen, "/help")
        await until(lambda: there.answers(citizen) > before)
    seconds = time.monotonic() - began
    await asyncio.gather(second.stop(), rest.stop())
    return seconds


async def frozen_sender(there, people):
    """Freeze the sender in the middle of a broadcast, and let it wake up when another one has sent the rest."""
    rest, first = await asyncio.gather(there.run("console", "planner", "scheduler"), there.run("sender"))
    await until(lambda: there.mark("sender") is not None)
    owner = there.mark("sender")["owner"]
    second = await there.run("sender")
    await there.signal(rest)
    await until(lambda: sum(there.nudged(people).values()) >= 5, look_s=0.01)
    first.freeze()
    assert sum(there.nudged(people).values()) < len(people)
    await until(lambda: there.mark("sender")["owner"] != owner)
    await until(lambda: not there.states().keys() & {"due", "leased"})
    first.thaw()
    # It does what it still means to do, and then ends; or it finds its connection gone and ends by that.
    await first.told_to_stop()
    await asyncio.gather(second.stop(), rest.stop())


async def _measured(part, directory, url):
    await queueing.install(url)
    async with town(directory, url, begin=forked) as there:
        await there.populate([111])
        return await takeover(there, part, 111)


def main(times):
    with tempfile.TemporaryDirectory(prefix="handreiking-") as folder, postgres_server(Path(folder)) as server:
        admin = schema.open_engine(server.get_uri("postgres")).execution_options(isolation_level="AUTOCOMMIT")
        for part in ("sender", "scheduler", "bot"):
            seconds = []
            for number in range(times):
                name = f"{part}_{number}"
                with admin.connect() as connection:
                    connection.exec_driver_sql(f"CREATE DATABASE {name}")
                engine = schema.open_engine(server.get_uri(name))
                schema.migrate(engine)
                engine.dispose()
                seconds.append(asyncio.run(_measured(part, Path(folder) / name, server.get_uri(name))))
            told = " ".join(f"{one:.1f}" for one in seconds)
            sys.stdout.write(
                f"{part:<10} median {statistics.median(seconds):.1f} s, most {max(seconds):.1f} s  ({told})\n"
            )
            sys.stdout.flush()
        admin.dispose()


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["5"])[0]))
