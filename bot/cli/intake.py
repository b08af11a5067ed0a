"""Signals handed in at the command line: one, a batch, or a whole file."""

import csv
import io
import json as json_format
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import typer

from bot.cli import parts
from bot.cli.parts import Json, Parts, say, say_json
from bot.errors import FaultsError, RefusedError

if TYPE_CHECKING:
    from bot.journey import Receipt
    from bot.signals import Incoming, RowFault, Source

signal = typer.Typer(help="Hand in signals from here, as a source that was added.", no_args_is_help=True)

CHUNK = 2000  # rows in one transaction
PATIENCE_S = 2.0

SourceName = Annotated[str, typer.Option("--source", help="The source that hands it in.")]


@signal.command("send")
def signal_send(
    file: Annotated[str | None, typer.Argument(help="A CloudEvent or a batch of them as JSON; - for stdin.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="The source; else as the event says.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="The signal's type, instead of a file.")] = None,
    number: Annotated[str | None, typer.Option("--id", help="Its id; a new one if left out.")] = None,
    reference: Annotated[str | None, typer.Option(help="The person's reference.")] = None,
    card: Annotated[str | None, typer.Option(help="The one card that it is about.")] = None,
    team: Annotated[str | None, typer.Option(help="The team that thought of this person.")] = None,
    agreed: Annotated[bool, typer.Option("--agreed", help="The person agreed to be written to.")] = False,
    happened_on: Annotated[str | None, typer.Option(help="The date of the event.")] = None,
    deadline: Annotated[str | None, typer.Option(help="The date until which it can be asked for.")] = None,
    json: Json = False,
) -> None:
    """Hand in one signal, or a batch."""
    from bot import signals

    if (file is None) == (kind is None):
        raise RefusedError("Give a file with the CloudEvent, or --type and what else there is to say.")
    if file is not None:
        body = sys.stdin.buffer.read() if file == "-" else parts.bytes_of(Path(file))
    else:
        said = {
            "deelnemer": reference, "kaart": card, "team": team, "instemming": agreed or None,
            "gebeurtenisOp": happened_on, "uiterlijk": deadline,
        }  # fmt: skip
        event = {"specversion": "1.0", "id": number or str(uuid4()), "type": kind, "source": source, "data": said}
        body = json_format.dumps(event).encode()
    whole = parts.from_environment()
    shape = "cloudevents-batch" if body.lstrip().startswith(b"[") else "cloudevents"
    given = _source(whole, source or _source_of(body))
    taken = signals.from_cloudevent({"content-type": f"application/{shape}+json"}, body, given, **_desk(whole))
    if isinstance(taken, signals.Refusal):
        whole.journey.refuse(given.name, taken)
        told = [f"{fault.attribute}: {fault.value or 'nothing'}; {fault.mend}" for fault in taken.faults]
        raise FaultsError([taken.title, *([taken.detail] if taken.detail else []), *told])
    receipts = whole.journey.receive(taken)
    if json:
        say_json([{"id": receipt.id, "fresh": receipt.fresh} for receipt in receipts])
    else:
        for receipt in receipts:
            say(f"{receipt.id} {'taken in' if receipt.fresh else 'was known already'}")


@signal.command("import")
def signal_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with id, type and time, and what else there is to say.")],
    source: SourceName,
    report: Annotated[Path | None, typer.Option(help="Write refused rows to this CSV file, not to stdout.")] = None,
    json: Json = False,
) -> None:
    """Hand in a file of signals. Running it again has no second effect. Exit code 1 when a row was refused."""
    from bot import signals

    whole = parts.from_environment()
    given = _source(whole, source)
    faults: list[RowFault] = []
    counts = {"fresh": 0, "known": 0, "refused": 0}
    receive = whole.journey.receive

    def count(receipts: "Future[list[Receipt]]") -> None:
        for receipt in receipts.result():
            counts["fresh" if receipt.fresh else "known"] += 1

    with _opened(file) as (lines, progress), _report(report, quiet=json) as refuse, ThreadPoolExecutor(1) as writer:
        judged = signals.from_csv(lines, given, **_desk(whole))
        # While one chunk is written, the next is read: the database does not wait for us, nor we for it.
        writing = writer.submit(receive, [])
        while chunk := list(islice(judged, CHUNK)):
            incoming: list[Incoming] = []
            for row in chunk:
                if isinstance(row, signals.RowFault):
                    refuse(row)
                    faults += [row] if len(faults) < signals.KEPT_OF_A_FILE else []
                    counts["refused"] += 1
                else:
                    incoming.append(row)
            count(writing)
            writing = writer.submit(receive, incoming)
            progress()
        count(writing)
    with whole.sessions.begin() as session:
        kept = signals.mends_of(faults)
        signals.note_refused(session, given.name, kept, parts.now(), most=signals.KEPT_OF_A_FILE)
    if json:
        say_json(counts)
    else:
        say(f"{counts['fresh']} taken in, {counts['known']} known already, {counts['refused']} faults.")
    if counts["refused"]:
        raise typer.Exit(1)


def _source(whole: Parts, name: str) -> "Source":
    from bot.signals import Source
    from bot.store.tables import SourceRow

    with whole.sessions() as session:
        row = session.get(SourceRow, name)
    if row is None or row.revoked_at is not None:
        raise RefusedError(
            f"{name or 'nothing'} is not a source that may hand in signals. See `handreiking source add`."
        )
    return Source(name=row.name, types=frozenset(row.types), legal_basis=row.legal_basis, dpia=row.dpia)


def _desk(whole: Parts) -> dict[str, Any]:
    """What signals are checked against."""
    from bot import signals

    wording = whole.wording
    return {
        "known": signals.known_types(card.facts() for card in wording.cards.values()),
        "cards": wording.cards,
        "zone": ZoneInfo(wording.municipality.zone),
        "now": parts.now(),
    }


def _source_of(body: bytes) -> str:
    """The source that an event, or the first of a batch, names itself."""
    try:
        event = json_format.loads(body)
    except ValueError as error:
        raise FaultsError([f"this is not JSON: {error}"]) from None
    if isinstance(event, list) and event:
        event = event[0]
    return str(event.get("source", "")) if isinstance(event, dict) else ""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Iterator[str], Callable[[], None]]]:
    """The lines of a file, and what to call now and then to show how far it is read once that takes long."""
    from rich.console import Console
    from rich.progress import Progress

    try:
        raw = path.open("rb")
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}.") from None
    console = Console(stderr=True)
    with raw, Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.stop()
        task = bar.add_task(path.name, total=path.stat().st_size, visible=False)
        began = parts.monotonic()

        def progress() -> None:
            if not raw.closed and parts.monotonic() - began > PATIENCE_S:
                bar.start()
                bar.update(task, completed=raw.tell(), visible=True)

        def lines() -> Iterator[str]:
            try:
                with io.TextIOWrapper(raw, encoding="utf-8", newline="") as text:
                    yield from text
            except UnicodeDecodeError:
                raise FaultsError([f"{path} is not UTF-8 text; save it again as UTF-8"]) from None

        yield lines(), progress


@contextmanager
def _report(path: Path | None, *, quiet: bool) -> Iterator[Callable[["RowFault"], None]]:
    """Where refused rows go: a CSV file, or stdout; nowhere when stdout is for a script."""
    if path is None:
        yield (lambda _: None) if quiet else (lambda fault: say(str(fault)))
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "value", "mend"])
        yield lambda fault: writer.writerow([fault.row, fault.column, fault.value, fault.mend])
