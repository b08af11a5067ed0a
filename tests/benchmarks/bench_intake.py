"""What comes in: signals over HTTP and from files, updates by webhook."""

import asyncio
import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.figure import Figure

ROUNDS = 3
SECONDS = 2.0
AT_ONCE = 64
ROWS = 100_000
CHUNK = 2_000
NUMBERS = count(100_000_000_000, 10_000_000)

SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:kalender"
TYPE = "nl.kalenders.aanvraagtermijn-nadert.v1"
EVENT = {
    "specversion": "1.0", "id": "e-NUMBER", "source": SOURCE, "type": TYPE, "time": "2026-11-20T07:00:00Z",
    "data": {"uiterlijk": "2026-12-31", "deelnemer": "ref-NUMBER"},
}  # fmt: skip
UPDATE = (
    '{"update_id": NUMBER, "message": {"message_id": 7, "date": 1795000000, "text": "/settings", '
    '"chat": {"id": 77001, "type": "private", "first_name": "Amina"}, '
    '"from": {"id": 77001, "is_bot": false, "first_name": "Amina", "language_code": "nl"}}}'
)


def signals_over_http_on_sqlite(scratch: Path) -> list[Figure]:
    """64 connections at once, each request stored before it is answered."""
    return _over_http("SQLite", [_migrated(scratch / f"{name}.db") for name in ("together", "alone")], (10, 40))


def signals_over_http_on_postgresql(scratch: Path, postgres: Callable[[str], str]) -> list[Figure]:
    """The same on PostgreSQL, where sessions do not wait for each other."""
    return _over_http("PostgreSQL", [postgres("http_together"), postgres("http_alone")], (5, 10))


def signals_by_hand_on_sqlite(scratch: Path) -> list[Figure]:
    """The same without HTTP: what the one writer gains by itself."""
    return _by_hand("SQLite", [_migrated(scratch / f"{name}.db") for name in ("together", "alone")], (10, 40))


def signals_by_hand_on_postgresql(scratch: Path, postgres: Callable[[str], str]) -> list[Figure]:
    return _by_hand("PostgreSQL", [postgres("hand_together"), postgres("hand_alone")], (5, 10))


def csv_on_sqlite(scratch: Path) -> list[Figure]:
    """`handreiking signal import` of a whole file, held against `executemany` of rows that are ready."""

    def raw(url: str, rows: Sequence[tuple[Any, ...]]) -> None:
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        places = ", ".join("?" * len(rows[0]))
        for part in _parts(rows):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO signal VALUES ({places})", part)
            connection.execute("COMMIT")
        connection.close()

    return _imported("SQLite", scratch, (_migrated(scratch / f"{number}.db") for number in count()), raw)


def csv_on_postgresql(scratch: Path, postgres: Callable[[str], str]) -> list[Figure]:
    """The same on PostgreSQL, whose driver sends a batch in one go."""

    def raw(url: str, rows: Sequence[tuple[Any, ...]]) -> None:
        import psycopg

        places = ", ".join(["%s"] * len(rows[0]))
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for part in _parts(rows):
                cursor.executemany(f"INSERT INTO signal VALUES ({places})", part)
                connection.commit()

    return _imported("PostgreSQL", scratch, (postgres(f"csv_{number}") for number in count()), raw)


def updates_by_webhook(scratch: Path) -> list[Figure]:
    """Stored durably before the 200, held against a webhook that keeps them in memory."""
    url = _migrated(scratch / "inbox.db")
    with ExitStack() as stack:
        ours = stack.enter_context(_started("taking", url))
        theirs = stack.enter_context(_started("queueing"))
        rates = [(_update_rate(ours), _update_rate(theirs)) for _ in range(ROUNDS + 1)][1:]
    stored, queued = _medians(rates)
    return [
        Figure(
            what="updates stored durably before the 200, by webhook", measured=_ratio(rates), unit="×",
            must=1.0, hoped=1.5, least=True,
            baseline=f"python-telegram-bot's own webhook, which stores nothing: {queued:,.0f}/s; ours {stored:,.0f}/s",
        )
    ]  # fmt: skip


def _over_http(database: str, urls: Sequence[str], bars: tuple[float, float]) -> list[Figure]:
    with ExitStack() as stack:
        together = stack.enter_context(_started("taking", urls[0]))
        alone = stack.enter_context(_started("taking", urls[1], "alone"))
        _signal_rate(together), _signal_rate(alone)
        rates = [
            (_signal_rate(together), _signal_rate(together, batch=100), _signal_rate(alone)) for _ in range(ROUNDS)
        ]
    single, batches, each = _medians(rates)
    baseline = f"a session for each signal: {each:,.0f}/s; ours"
    return [
        Figure(
            what=f"signals taken over HTTP, {how}, {database}",
            measured=_ratio([(row[place], row[2]) for row in rates]), unit="×",
            must=bars[0], hoped=bars[1], least=True, baseline=f"{baseline} {rate:,.0f}/s",
        )
        for place, how, rate in ((0, "one a request", single), (1, "100 a request", batches))
    ]  # fmt: skip


def _by_hand(database: str, urls: Sequence[str], bars: tuple[float, float]) -> list[Figure]:
    from bot.api.intake import Intake
    from tests.benchmarks.stands.taking import Alone, journey

    together, alone = Intake(journey(urls[0]).receive), Alone(journey(urls[1]).receive)
    rates = [(_hand_rate(together), _hand_rate(alone)) for _ in range(ROUNDS + 1)][1:]
    ours, each = _medians(rates)
    return [
        Figure(
            what=f"signals taken from {AT_ONCE} at once, without HTTP, {database}", measured=_ratio(rates), unit="×",
            must=bars[0], hoped=bars[1], least=True,
            baseline=f"a session for each signal: {each:,.0f}/s; ours {ours:,.0f}/s",
        )
    ]  # fmt: skip


def _hand_rate(intake: Any) -> float:
    from bot.core.facts import Origin
    from bot.signals import Incoming

    moment, numbers = datetime(2026, 11, 20, tzinfo=UTC), count(next(NUMBERS))

    async def hand_in(until: float) -> int:
        taken = 0
        while time.perf_counter() < until:
            number = next(numbers)
            signal = Incoming(
                source=SOURCE, external_id=f"e-{number}", type=TYPE, origin=Origin.CALENDAR, occurred_at=moment,
                reference=f"ref-{number}", data={"uiterlijk": "2026-12-31"},
            )  # fmt: skip
            taken += len(await intake.hand_in([signal]))
        return taken

    async def whole() -> float:
        began = time.perf_counter()
        taken = sum(await asyncio.gather(*(hand_in(began + SECONDS) for _ in range(AT_ONCE))))
        return taken / (time.perf_counter() - began)

    return asyncio.run(whole())


def _imported(
    database: str,
    scratch: Path,
    databases: Iterator[str],
    raw: Callable[[str, Sequence[tuple[Any, ...]]], None],
) -> list[Figure]:
    first = next(NUMBERS)
    empty, full = scratch / "empty.csv", scratch / "full.csv"
    header = ["id", "type", "time", "reference", "deadline"]
    for path, rows in ((empty, 0), (full, ROWS)):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(
                [f"e-{number}", TYPE, "2026-11-20T07:00:00Z", f"ref-{number}", "2026-12-31"]
                for number in range(first, first + rows)
            )
    rates = []
    starting = []
    for _ in range(ROUNDS):
        url = next(databases)
        environment = _environment(scratch, url)
        _handreiking(environment, "source", "add", SOURCE, "--type", TYPE, "--by", "bench")
        starts = _timed(lambda: _handreiking(environment, "signal", "import", str(empty), "--source", SOURCE))  # noqa: B023
        whole = _timed(lambda: _handreiking(environment, "signal", "import", str(full), "--source", SOURCE))  # noqa: B023
        ready = _rows_of(url)
        if len(ready) != ROWS:
            raise AssertionError(f"{len(ready)} of {ROWS} rows arrived")
        other = next(databases)
        inserted = _timed(lambda: raw(other, ready))  # noqa: B023
        rates.append((100 * ROWS / (whole - starts), ROWS / inserted))
        starting.append(starts)
    ours, theirs = _medians(rates)
    return [
        Figure(
            what=f"rows imported from CSV, {database}", measured=_ratio(rates), unit="%", must=25, hoped=50, least=True,
            baseline=(
                f"raw insert of the same rows, {CHUNK:,} at a time: {theirs:,.0f}/s; ours {ours / 100:,.0f}/s, "
                f"the program's start of {median(starting):.1f} s left out"
            ),
        )
    ]  # fmt: skip


def _rows_of(url: str) -> list[tuple[Any, ...]]:
    """What the import made of the file, as the driver takes it."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        rows = connection.execute("SELECT * FROM signal ORDER BY external_id").fetchall()
        connection.close()
        return rows
    import psycopg
    from psycopg.types.json import Json

    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT * FROM signal ORDER BY external_id").fetchall()
        return [tuple(Json(value) if isinstance(value, dict) else value for value in row) for row in rows]


def _environment(scratch: Path, url: str) -> dict[str, str]:
    keys = scratch / "keys.toml"
    environment = os.environ | {"HANDREIKING_DATABASE_URL": url, "HANDREIKING_KEYS_FILE": str(keys)}
    if not keys.exists():
        _handreiking(environment, "keys", "new", str(keys))
    return environment


def _handreiking(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "bot", *arguments]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _migrated(path: Path) -> str:
    from bot.store import schema

    engine = schema.open_engine(f"sqlite:///{path}")
    schema.migrate(engine)
    engine.dispose()
    return f"sqlite:///{path}"


@contextmanager
def _started(stand: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """A stand in a process of its own, and what it says of itself."""
    command = [sys.executable, "-m", f"tests.benchmarks.stands.{stand}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()  # a process in the background of a shell does not hear SIGINT
            process.wait(30)


def _signal_rate(stand: dict[str, Any], batch: int = 1) -> float:
    shape = "cloudevents-batch" if batch > 1 else "cloudevents"
    head = (
        f"POST /v1/signals HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stand['key']}\r\n"
        f"Content-Type: application/{shape}+json\r\n"
    )
    return _rate(stand["port"], head, json.dumps(EVENT), batch)


def _update_rate(stand: dict[str, Any]) -> float:
    head = (
        f"POST {stand['path']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {stand['secret']}\r\n"
    )
    return _rate(stand["port"], head, UPDATE, 1)


def _rate(port: int, head: str, body: str, batch: int) -> float:
    said = {
        "port": port, "connections": AT_ONCE, "seconds": SECONDS, "first": next(NUMBERS), "head": head, "body": body,
        "times": batch,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.benchmarks.stands.posting"]
    done = subprocess.run(command, input=json.dumps(said), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    if told["refused"] or told["lost"]:
        raise AssertionError(f"not all were taken: {told}")
    return told["taken"] / told["seconds"]


def _medians(rounds: Sequence[tuple[float, ...]]) -> list[float]:
    return [median(column) for column in zip(*rounds, strict=True)]


def _ratio(rounds: Sequence[tuple[float, float]]) -> float:
    """The median of the rounds' own ratios: what slows the machine down for a while slows both."""
    return median(ours / theirs for ours, theirs in rounds)
