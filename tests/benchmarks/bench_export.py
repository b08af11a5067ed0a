"""Taking a year of answers along: how long, held against a plain SELECT to CSV, and in how much memory."""

import csv
import multiprocessing
import statistics
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

import bot.wording
from bot.research.export import write
from bot.store.study import Decision
from tests.answered import Answered, year
from tests.benchmarks import register
from tests.benchmarks.figure import Figure
from tests.benchmarks.register import NOW, PASS

PEOPLE = 1_000
FEWER = 400
ROUNDS = 3
EVERY_S = 0.005

_AGREED = """
SELECT c.id FROM citizen c WHERE c.standing = 'active' AND c.id IN (
    SELECT k.citizen_id FROM consent k WHERE k.theme = '_research' AND k.state = 'given' AND k.id = (
        SELECT max(l.id) FROM consent l WHERE l.citizen_id = k.citizen_id AND l.theme = k.theme AND l.state != 'asked'))
"""
#: The rows that an export is made of, as they are stored.
_ROWS = {
    "decision": f"SELECT {', '.join(f'd.{name}' for name in Decision._fields[:-2])}, o.signal_id, s.origin"
    " FROM decision d JOIN offer o ON o.id = d.offer_id JOIN signal s ON s.id = o.signal_id"
    f" WHERE d.citizen_id IN ({_AGREED})",
    "message": "SELECT id, citizen_id, decision_id, state, error, closed_at, language, wording_hash FROM message"
    f" WHERE decision_id IS NOT NULL AND citizen_id IN ({_AGREED})",
    **{name: f"SELECT * FROM {name} WHERE citizen_id IN ({_AGREED})" for name in ("answer", "opinion",
                                                                                  "contact_request")},
    "citizen": f"SELECT id, language, tone, holdout, joined_at FROM citizen WHERE id IN ({_AGREED})",
}  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """Seconds that each round took, the most memory that the process held, and the decisions that were written."""

    export: list[float]
    plain: list[float]
    peak_mb: float
    decisions: int


def a_year(scratch: Path) -> list[Figure]:
    """A simulated year of 1,000 people; the same of 400, to see whether memory grows with them."""
    many, few = (_taken(scratch / str(people), people) for people in (PEOPLE, FEWER))
    export, plain = statistics.median(many.export), statistics.median(many.plain)
    what = f"a year of {PEOPLE:,} people ({many.decisions:,} decisions)"
    return [
        Figure(
            what=f"export of {what}, CSV and Parquet ÷ a SELECT to CSV of the same rows (SQLite)",
            measured=statistics.median(ours / raw for ours, raw in zip(many.export, many.plain, strict=True)), unit="×",
            must=60, hoped=30, least=False, baseline=f"plain {plain:.2f} s; the export {export:.2f} s",
        ),
        Figure(
            what=f"peak memory of that export, of {what}", measured=many.peak_mb, unit="MB", must=400, hoped=300,
            least=False, baseline=f"{FEWER:,} people ({few.decisions:,} decisions): {few.peak_mb:.0f} MB",
        ),
    ]  # fmt: skip


def _taken(home: Path, people: int) -> Taken:
    """In a process of its own, so that what made the year counts for nothing."""
    home.mkdir(parents=True)
    town = register.opened(f"sqlite:///{home / 'town.db'}")
    campaigns = [town.starts(name) for name in (PASS, "kindpakket")]
    year(Answered(town.sessions, town.journey.wording, town.journey.vault, NOW), campaigns, people=people)
    town.engine.dispose()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_measured, home).result()


def _measured(home: Path) -> Taken:
    """`python` with the program loaded weighs in too: that is what whoever exports has to have."""
    town = register.opened(f"sqlite:///{home / 'town.db'}")
    wording, export, plain, rows = bot.wording.load(), [], [], 0
    most, over = [0], threading.Event()
    watch = threading.Thread(target=_watch, args=(most, over))
    watch.start()
    for number in range(ROUNDS):
        began = time.perf_counter()
        _plain(town.engine, home / f"plain-{number}")
        plain.append(time.perf_counter() - began)
        began = time.perf_counter()
        made = write(town.sessions, home / f"export-{number}", wording=wording, key=b"k" * 32, now=NOW, by="bench")
        export.append(time.perf_counter() - began)
        rows = next(file.rows or 0 for file in made.files if file.name == "decisions.csv")
    over.set()
    watch.join()
    town.engine.dispose()
    return Taken(export=export, plain=plain, peak_mb=most[0] / 2**20, decisions=rows)


def _watch(most: list[int], over: threading.Event) -> None:
    process = psutil.Process()
    while not over.wait(EVERY_S):
        most[0] = max(most[0], process.memory_info().rss)


def _plain(engine: Engine, folder: Path) -> None:
    folder.mkdir()
    with engine.connect() as connection:
        for name, statement in _ROWS.items():
            found = connection.execute(text(statement))
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(found.keys())
                writer.writerows(found)
