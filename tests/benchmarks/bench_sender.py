"""The way of a message out: real sender, journey, store and bot, over HTTP to a Bot API that is strict and far away.

The Bot API answers after 60 ms and refuses what is above the cap within any second; it and the sender are processes of
their own. "One core" pins the sender to one.
"""

import json
import shutil
import subprocess
import sys
import urllib.request
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.figure import Figure

LATENCY_S = 0.06
FEW, MANY = 20_000, 100_000
ROOT = Path(__file__).parents[2]


def thirty_a_second(scratch: Path) -> list[Figure]:
    run = _run(_filled(scratch, 10_000), cap=30, seconds=30, warm_up_s=5)
    return [
        Figure(
            what="share of a 30/s cap, 10,000 queued, 60 ms away",
            measured=100 * run.share, unit="%", must=98.5, hoped=99.5, least=True,
            baseline="the cap; python-telegram-bot's own AIORateLimiter with retries: 85 % (engine.md 3.2)",
        ),
        Figure(
            what="its busiest second ÷ the cap",
            measured=100 * run.busiest / 30, unit="%", must=100, hoped=100, least=False,
            baseline=f"the cap of 30; {run.arrived} messages arrived",
        ),
        Figure(
            what="its messages refused with a 429",
            measured=100 * run.refused / run.arrived, unit="%", must=0, hoped=0, least=False,
            baseline="AIORateLimiter: 115 in 20 s (engine.md 3.2)",
        ),
    ]  # fmt: skip


def a_thousand_a_second(scratch: Path) -> list[Figure]:
    run, few = _run(_filled(scratch, MANY), cap=1000), _run(_filled(scratch, FEW), cap=1000)
    bare = _run(None, cap=1_000_000, seconds=5)
    return [
        Figure(
            what="share of a 1,000/s cap, one core",
            measured=100 * run.share, unit="%", must=97, hoped=99.5, least=True,
            baseline=f"the cap; {run.refused} refused, busiest second {run.busiest}",
        ),
        Figure(
            what="CPU per message, durable intent and record included",
            measured=run.cpu_ms, unit="ms", must=0.6, hoped=0.4, least=False,
            baseline=f"python-telegram-bot with the same client and nothing else: {bare.cpu_ms:.2f} ms",
        ),
        Figure(
            what="CPU per message ÷ that of the bare bot",
            measured=run.cpu_ms / bare.cpu_ms, unit="×", must=2, hoped=1.5, least=False,
            baseline=f"python-telegram-bot with the same client and nothing else: {bare.cpu_ms:.2f} ms",
        ),
        Figure(
            what="100,000 queued: extra memory",
            measured=max(0.0, run.memory_mb - few.memory_mb), unit="MB", must=20, hoped=5, least=False,
            baseline=f"{few.memory_mb:.0f} MB with {FEW:,} queued",
        ),
        Figure(
            what="100,000 queued: longest stall of the loop",
            measured=run.stall_ms, unit="ms", must=50, hoped=20, least=False,
            baseline=f"{few.stall_ms:.0f} ms with {FEW:,} queued",
        ),
    ]  # fmt: skip


def presses_meanwhile(scratch: Path) -> list[Figure]:
    run = _run(_filled(scratch, FEW), cap=1000, presses_per_s=50)
    half, most = (1000 * run.answered[int(len(run.answered) * share)] for share in (0.5, 0.99))
    return [
        Figure(
            what="a press answered while nudges leave at 1,000/s, p99 beyond latency",
            measured=most, unit="ms", must=20, hoped=5, least=False,
            baseline=f"p50 {half:.1f} ms; {len(run.answered)} presses by webhook, {100 * run.share:.1f} % of the cap",
        ),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Run:
    """What the Bot API saw between the warm-up and the end, and what the sender's process says of itself."""

    share: float
    busiest: int
    arrived: int
    refused: int
    cpu_ms: float
    stall_ms: float
    memory_mb: float
    answered: list[float]


def _run(
    database: str | None, *, cap: int, seconds: float = 12, warm_up_s: float = 3, presses_per_s: float = 0
) -> _Run:
    with _telegram(cap) as root:
        order = {
            "database": database,
            "root": root,
            "rate": cap,
            "seconds": seconds,
            "warm_up_s": warm_up_s,
            "presses_per_s": presses_per_s,
            "core": 0 if cap > 100 else None,
        }
        command = [sys.executable, "-m", "tests.benchmarks.sender_run", json.dumps(order)]
        said = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
        with urllib.request.urlopen(f"{root}/stats") as answer:
            saw: dict[str, Any] = json.load(answer)
    assert not saw["twice"], "somebody got a nudge twice"
    arrived: list[float] = saw["arrived"]
    first = arrived[0] + warm_up_s
    return _Run(
        share=(bisect_left(arrived, first + seconds) - bisect_left(arrived, first)) / (cap * seconds),
        busiest=max(bisect_left(arrived, moment + 1) - place for place, moment in enumerate(arrived)),
        arrived=len(arrived),
        refused=saw["refused"],
        cpu_ms=1000 * said["cpu_s"] / said["messages"],
        stall_ms=1000 * said["stall_s"],
        memory_mb=said["memory_mb"],
        answered=sorted(saw["answered"]),
    )


def _filled(scratch: Path, people: int) -> str:
    """The address of a database with so many nudges that are due, which may be used up."""
    kept, used = scratch / f"queued-{people}.db", scratch / f"used-{people}.db"
    if not kept.exists():
        from tests.benchmarks import sender_run

        sender_run.fill(f"sqlite:///{kept}", people)
    for old in scratch.glob(f"{used.name}*"):
        old.unlink()
    shutil.copy(kept, used)
    return f"sqlite:///{used}"


@contextmanager
def _telegram(cap: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.strict_telegram", str(cap), str(LATENCY_S)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()


if __name__ == "__main__":
    for name in sys.argv[2:] or ("thirty_a_second", "a_thousand_a_second", "presses_meanwhile"):
        for figure in globals()[name](Path(sys.argv[1])):
            sys.stdout.write(f"{figure}\n")
