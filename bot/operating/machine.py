"""What is wrong with the machine: files, disk, the database file, the clock."""

import shutil
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bot.operating.findings import Finding, Urgency

LITTLE: Final = 1024**3
HARDLY_ANY: Final = 200 * 1024**2
LONG_WAL: Final = 256 * 1024**2
CLOCK_OFF: Final = timedelta(seconds=60)


def of_secrets(files: Iterable[tuple[str, Path]]) -> Iterator[Finding]:
    """`files`: what is in a file, and where it is. Those that cannot be read are told elsewhere."""
    for holds, path in files:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        # A group may read it: systemd hands credentials to the service's own group.
        if mode & (stat.S_IWGRP | stat.S_IRWXO):
            yield Finding(
                check="secrets",
                urgency=Urgency.SOON,
                what=f"{path} holds {holds} and has mode {mode:03o}.",
                why="Every account of this machine can read it, or others can change it.",
                todo=f"chmod 600 {path}",
            )


def of_disk(path: Path, free: int) -> Iterator[Finding]:
    """`free` bytes are left where the database in `path` lies."""
    if free < LITTLE:
        yield Finding(
            check="disk",
            urgency=Urgency.NOW if free < HARDLY_ANY else Urgency.SOON,
            what=f"Only {free // 1024**2} MB are free where {path} lies.",
            why="Without space nothing can be stored: no answer, no stop, no update.",
            todo=f"df -h {path.parent}; make space or a larger disk",
        )


def of_file(path: Path) -> Iterator[Finding]:
    """A SQLite database: whether it is whole, who may read it, and how much waits in its write-ahead log."""
    yield from of_secrets([("all that is remembered", path)])
    yield from of_disk(path, shutil.disk_usage(path.parent).free)
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            told = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        told = type(error).__name__
    if told != "ok":
        yield Finding(
            check="integrity",
            urgency=Urgency.NOW,
            what=f"SQLite says that {path} is damaged.",
            why="What is stored from now on may be lost, and what is read may be wrong.",
            todo="Stop the program, keep a copy of the file, and restore the newest backup; then look at the disk.",
        )
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > LONG_WAL:
        yield Finding(
            check="wal",
            urgency=Urgency.SOON,
            what=f"{log} has grown to {log.stat().st_size // 1024**2} MB.",
            why="Somebody keeps a long read open, so the log cannot be emptied: reads get slow and the disk fills.",
            todo=f"fuser -v {path}; end whoever reads it for long, such as a forgotten sqlite3 shell",
        )


def of_clock(now: datetime, theirs: datetime, whose: str) -> Iterator[Finding]:
    """`theirs` is what `whose` clock said at `now` by ours; a second of travelling is nothing."""
    off = now - theirs
    if abs(off) > CLOCK_OFF:
        ahead = "ahead of" if off > timedelta(0) else "behind"
        yield Finding(
            check="clock",
            urgency=Urgency.NOW if abs(off) > timedelta(minutes=10) else Urgency.SOON,
            what=f"This machine's clock is {abs(off).total_seconds():.0f} s {ahead} {whose}.",
            why="Quiet hours, promises and consents that end are kept by this clock.",
            todo="timedatectl; let it be set over the network: timedatectl set-ntp true",
        )
