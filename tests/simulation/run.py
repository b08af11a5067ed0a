"""Towns run from their seeds: one for a test, many side by side for a long run, one again to see what went wrong."""

import contextlib
import itertools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import bot.wording
from bot.store import schema
from tests.simulation.model import Broken
from tests.simulation.town import BUSY, DENSE, SMALL, SPARSE, Kind, Town

#: Of so many seeds in a row one is a dense town; the others are as most towns are.
DENSE_ONE_IN = 4
SHOWN = 40
MEMORY = Path("/dev/shm")


@dataclass
class Lived:
    """What came of one town."""

    seed: int
    citizen_days: int
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    broken: str | None = None
    story: list[str] = field(default_factory=list)


def kind_of(seed: int) -> Kind:
    """Seeds below 100 are small towns, those below 200 busy ones: they are for `python -m tests`."""
    if seed < 200:
        return SMALL if seed < 100 else BUSY
    return DENSE if seed % DENSE_ONE_IN == DENSE_ONE_IN - 1 else SPARSE


@contextlib.contextmanager
def scratch():
    """A directory in memory where there is one."""
    folder = tempfile.mkdtemp(prefix="handreiking-town-", dir=MEMORY if MEMORY.is_dir() else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def live(seed: int, *, kind: Kind | None = None, url: str | None = None, wording=None) -> Lived:
    """A whole town. `url` is a migrated, empty database; None: one in memory. What is broken is told, not raised."""
    wording = wording or bot.wording.load()
    if url is None:
        with scratch() as folder:
            url = f"sqlite:///{folder / 'town.db'}"
            engine = schema.open_engine(url)
            schema.migrate(engine)
            engine.dispose()
            return live(seed, kind=kind, url=url, wording=wording)
    town = Town(seed, kind or kind_of(seed), url, wording)
    lived = Lived(seed, town.citizen_days)
    try:
        town.live()
    except Broken as broken:
        lived.broken = f"{broken} at {town.clock.now():%Y-%m-%d %H:%M:%S}"
        lived.story = story(town.history, broken.people)
    finally:
        lived.counts = town.counts + Counter(
            nudges=town.model.nudges, notes=town.model.noted, decisions=town.witness.decisions
        )
        lived.faults = town.faults.met
        town.close()
    return lived


def story(history: list[str], people) -> list[str]:
    """The end of the history, without what other people did; everybody's when it is about nobody in particular."""
    whose = {str(chat) for chat in people}
    by = [line.split(" ", 3)[2] for line in history]
    ours = [line for line, who in zip(history, by, strict=True) if not whose or who in whose or not who.isdigit()]
    return ours[-SHOWN:]


def told(lived: Lived) -> str:
    lines = [f"seed {lived.seed}: {lived.broken}", *(f"    {line}" for line in lived.story)]
    return "\n".join([*lines, f"  again: python -m tests --long 1 --seed {lived.seed}"])


def many(citizen_days: int, first: int, say) -> int:
    """Towns from seed `first` on until they have so many citizen-days, on all cores. Returns how many broke.

    Each core is a process of its own with the same hash seed, so that a seed gives the same town everywhere.
    """
    began, seeds = time.monotonic(), itertools.count(first)
    total, broken = Lived(first, 0), 0
    running: list[subprocess.Popen[str]] = []
    planned = 0
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    while running or planned < citizen_days:
        while planned < citizen_days and len(running) < (os.cpu_count() or 1):
            batch = [next(seeds) for _ in range(DENSE_ONE_IN)] if citizen_days > 1 else [next(seeds)]
            planned += sum(kind_of(seed).citizens * kind_of(seed).days for seed in batch)
            command = [sys.executable, "-m", "tests.simulation.run", *map(str, batch)]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        process = running.pop(0)
        output, _ = process.communicate()
        if process.returncode:
            say(f"a run of towns ended with {process.returncode}")
            return 1
        for lived in _read(output):
            total.citizen_days += lived.citizen_days
            total.counts += lived.counts
            total.faults += lived.faults
            if lived.broken:
                broken += 1
                say(told(lived))
        seconds = time.monotonic() - began
        say(
            f"{total.citizen_days:,} citizen-days ({total.citizen_days / seconds:,.0f}/s), {total.counts['events']:,} "
            f"events ({total.counts['events'] / seconds:,.0f}/s), {total.counts['nudges']:,} nudges, "
            f"{total.counts['notes']:,} notes, {total.counts['lives']:,} new processes, "
            f"{total.faults.total():,} faults, {broken} broken"
        )
    say("events: " + ", ".join(f"{name} {count:,}" for name, count in total.counts.most_common()))
    say("faults: " + ", ".join(f"{name} {count:,}" for name, count in total.faults.most_common()))
    return broken


def _read(output: str):
    for line in output.splitlines():
        said = json.loads(line)
        yield Lived(said["seed"], said["citizen_days"], Counter(said["counts"]), Counter(said["faults"]),
                    said["broken"], said["story"])  # fmt: skip


def main(seeds: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    wording = bot.wording.load()
    for seed in seeds:
        sys.stdout.write(json.dumps(vars(live(int(seed), wording=wording))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
