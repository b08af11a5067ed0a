"""Which benchmarks there are, each run alone, and the table of what came of them."""

import ast
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figure import Figure

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HEADINGS = ("what", "must", "hoped", "measured", "held against", "verdict")


@dataclass(frozen=True)
class Benchmark:
    """A public function of a `bench_*.py`. `postgres`: it takes what makes databases on a server."""

    module: str
    function: str
    postgres: bool

    @property
    def name(self) -> str:
        return f"{self.module.removeprefix('bench_')}.{self.function}"

    def is_called(self, name: str) -> bool:
        return name in {self.name, self.function, self.module, self.module.removeprefix("bench_")}


def found() -> list[Benchmark]:
    """Every benchmark beside this file, module by module, as they stand in it. Nothing is imported."""
    return [
        Benchmark(path.stem, node.name, postgres=len(node.args.args) > 1)
        for path in sorted(HERE.glob("bench_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def run(benchmark: Benchmark, server: str | None) -> list[Figure] | None:
    """Its figures, measured in a process of its own; None when it failed, which says so itself on stderr."""
    with tempfile.TemporaryDirectory(prefix="handreiking-bench-") as directory:
        scratch, into = Path(directory, "scratch"), Path(directory, "figures.json")
        scratch.mkdir()
        # What this machine has set for a bot of its own is none of the benchmark's business.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HANDREIKING_")}
        address = server if benchmark.postgres and server else ""
        command = [sys.executable, "-m", "tests.benchmarks.one", benchmark.module, benchmark.function]
        ended = subprocess.run(
            [*command, str(scratch), address, str(into)], cwd=ROOT, env=environment, stdout=sys.stderr, check=False
        )
        if ended.returncode != 0 or not into.exists():
            return None
        return [Figure(**figure) for figure in json.loads(into.read_text(encoding="utf-8"))]


@contextmanager
def server_for(benchmarks: Sequence[Benchmark]) -> Iterator[str | None]:
    """The address of a PostgreSQL server that keeps what it commits (fsync on); None when nobody needs one."""
    if not any(benchmark.postgres for benchmark in benchmarks):
        yield None
        return
    from tests.conftest import postgres_server

    with tempfile.TemporaryDirectory(prefix="handreiking-pg-") as data, postgres_server(Path(data)) as server:
        yield server.get_uri("postgres")


def machine(server: str | None) -> dict[str, str | int]:
    """What the figures were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "processor": _processor(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _version_of(server) if server else "not used",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version_of(server: str) -> str:
    import psycopg

    with psycopg.connect(server) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else "unknown"


def measure(benchmarks: Sequence[Benchmark], server: str | None) -> dict[str, list[Figure] | None]:
    """The figures by benchmark's name, one benchmark after another; how far it is goes to stderr."""
    figures: dict[str, list[Figure] | None] = {}
    for number, benchmark in enumerate(benchmarks, 1):
        sys.stderr.write(f"{number}/{len(benchmarks)} {benchmark.name} … ")
        sys.stderr.flush()
        began = time.monotonic()
        figures[benchmark.name] = run(benchmark, server)
        failed = "failed, " if figures[benchmark.name] is None else ""
        sys.stderr.write(f"{failed}{time.monotonic() - began:.0f} s\n")
    return figures


def lines(figures: dict[str, list[Figure] | None]) -> list[str]:
    """The table, aligned."""
    rows = [HEADINGS]
    for name, measured in figures.items():
        if measured is None:
            rows.append((name, "", "", "", "", "FAILED"))
        for figure in measured or ():
            sign = "≥" if figure.least else "≤"
            must, hoped = (f"{sign} {_told(bar, figure.unit)}" for bar in (figure.must, figure.hoped))
            told = _told(figure.measured, figure.unit)
            rows.append((figure.what, must, hoped, told, figure.baseline, figure.verdict))
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (rows[0], rule, *rows[1:])
    ]


def _told(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {unit}".strip()
