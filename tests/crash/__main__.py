"""`python -m tests.crash --kills 200 --seed S`: so many kills on each database, shared out over five kinds of work."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path

from bot import queueing
from bot.store import schema
from tests.conftest import DATABASES, postgres_server
from tests.crash.phases import ALEMBIC, PHASES, empty_database, phase

HEADINGS = ("work", "database", "kills", "lost", "twice", "in flight", "unsure", "back after, median", "at most")


class Databases:
    """Databases by name, on both engines."""

    def __init__(self, folder, server):
        self._folder = folder
        self._beside = {
            "sqlite": schema.open_engine(f"sqlite:///{folder / 'beside.db'}"),
            "postgresql": schema.open_engine(server.get_uri("postgres")),
        }

    def bare(self, kind, name):
        return empty_database(self._beside[kind], name, self._folder)

    def migrated(self, kind, name):
        url = self.bare(kind, name)
        engine = schema.open_engine(url)
        with ALEMBIC:
            schema.migrate(engine)
        engine.dispose()
        if kind == "postgresql":
            asyncio.run(queueing.install(url))
        return url

    def close(self):
        for engine in self._beside.values():
            engine.dispose()


async def all_phases(databases, chosen, folder, *, kills, seed, at_once):
    slots = asyncio.Semaphore(at_once)

    async def one(name, kind):
        async with slots:
            url = await asyncio.to_thread(databases.migrated, kind, f"{name}_{kind}")
            outcome = await phase(
                name, kind, url,
                kills=kills // len(PHASES), chance=random.Random(f"{seed} {name} {kind}"),
                directory=folder / f"{name}-{kind}",
                bare=lambda bare: databases.bare(kind, f"{kind}_{bare}"),
            )  # fmt: skip
            sys.stderr.write(f"{line(outcome)}\n")
            return outcome

    return await asyncio.gather(*(one(name, kind) for name in chosen for kind in DATABASES), return_exceptions=True)


def line(one):
    back = one.recovered_s or [0.0]
    cells = (
        one.phase, one.database, one.kills, one.lost, one.twice, one.in_flight, one.uncertain,
        f"{statistics.median(back):.1f} s", f"{max(back):.1f} s",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def table(outcomes):
    rule = ("---",) * len(HEADINGS)
    return "\n".join([f"| {' | '.join(HEADINGS)} |", f"| {' | '.join(rule)} |", *map(line, outcomes)])


def main():
    asked = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    asked.add_argument("--kills", type=int, default=200, help="on each database")
    asked.add_argument("--seed", default=str(time.time_ns() % 1_000_000))
    asked.add_argument("--at-once", type=int, default=4, help="how many kinds of work side by side")
    asked.add_argument("work", nargs="*", help="of " + ", ".join(PHASES) + "; all of them if left out")
    given = asked.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="handreiking-") as name, postgres_server(Path(name)) as server:
        folder = Path(name)
        databases = Databases(folder, server)
        outcomes = asyncio.run(
            all_phases(
                databases,
                given.work or PHASES,
                folder,
                kills=given.kills,
                seed=given.seed,
                at_once=given.at_once,
            )
        )
        databases.close()
    broken = [one for one in outcomes if isinstance(one, BaseException)]
    outcomes = [one for one in outcomes if not isinstance(one, BaseException)]
    sys.stdout.write(f"{table(outcomes)}\n\nseed {given.seed}, {time.monotonic() - began:.0f} s\n")
    for error in broken:
        traceback.print_exception(error)
    return int(bool(broken) or any(not in_order(one) for one in outcomes))


def in_order(one):
    return not one.lost and not one.twice and one.uncertain <= one.in_flight and max(one.recovered_s) < 60


if __name__ == "__main__":
    sys.exit(main())
