"""An export as a folder: CSV and Parquet, the datapackage, what is made of it, and a manifest with every hash.

The folder appears whole or not at all: it is made beside its place and moved there once the deed is in the audit trail.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import polars as pl
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import __version__
from bot.core import disclosure
from bot.errors import RefusedError
from bot.research.export import codebook, package, public, standards
from bot.research.export.columns import Table
from bot.research.export.fields import CITIZENS, LONG
from bot.research.export.frames import Study, described, features_of, frame, schema_of
from bot.research.export.study import MOST_ROWS, Period, week
from bot.store import ledger, study
from bot.wording import Wording

MANIFEST: Final = "manifest.json"


class Tier(StrEnum):
    """Who an export is for. A third one, whole rows in a secure workspace, is the database itself: see the README."""

    RESEARCHER = "researcher"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class File:
    """`rows` without the header; None: it is not a table."""

    name: str
    sha256: str
    rows: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What was written. `people` are those in it, `left_out` those who could have been recognised."""

    written_at: datetime
    written_by: str
    tier: Tier
    first_week: str | None
    last_week: str | None
    people: int
    left_out: int
    coarsened: tuple[str, ...]
    files: tuple[File, ...]

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {
            "written_at": self.written_at.isoformat(),
            "tier": self.tier.value,
            "coarsened": list(self.coarsened),
            "files": [asdict(file) for file in self.files],
        }


def write(  # noqa: PLR0913 - what an export depends on, each by its name
    sessions: sessionmaker[Session],
    folder: Path,
    *,
    wording: Wording,
    key: bytes,
    now: datetime,
    by: str,
    tier: Tier = Tier.RESEARCHER,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Manifest:
    """Write the export and note it in the audit trail. It only looks, so a running bot need not wait for it.

    `key` are 32 fresh random bytes that nobody keeps: with them a number could be led back to a person. `since` and
    `until` are widened to whole ISO weeks. Raises RefusedError when the folder holds anything already, or when so few
    people agreed that they could be recognised.
    """
    if not by.strip():
        raise RefusedError("Say who takes the export; it goes into the audit trail.")
    if since is not None and until is not None and until < since:
        raise RefusedError("The export would end before it begins. Name a later end.")
    with _beside(folder) as made:
        with study.snapshot(sessions) as session:
            whole = Study.of(session, key, now, wording=wording, since=since, until=until)
            tables = public.files(whole, made) if tier is Tier.PUBLIC else _tables(whole, made)
        period = Period.of(since, until)
        weeks = {
            "first": None if period.since is None else week(period.since),
            "last": None if period.until is None else week(period.until - timedelta(days=1)),
        }
        described_as = package.package(
            [_resource(made, table, rows) for table, rows in tables],
            tier=tier,
            municipality=wording.municipality.name,
            made_on=now.date().isoformat(),
            period=weeks,
            program=f"Handreiking {__version__}",
            protection=_protection(whole, tier),
        )
        texts = {
            package.NAME: _json(described_as),
            "codebook.md": codebook.markdown(described_as),
            "codebook.html": codebook.page(described_as),
            "csv-metadata.json": _json(standards.csvw(described_as)),
            "ddi-codebook.xml": standards.ddi(described_as),
        }
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8")
        counts = {f"{table.name}.csv": rows for table, rows in tables}
        counts |= {f"{table.name}.parquet": rows for table, rows in tables}
        files = [File(path.name, _digest(path), counts.get(path.name)) for path in sorted(made.iterdir())]
        manifest = Manifest(
            written_at=now,
            written_by=by.strip(),
            tier=tier,
            first_week=weeks["first"],
            last_week=weeks["last"],
            people=len(whole.scope.people),
            left_out=whole.scope.left_out,
            coarsened=whole.scope.coarsened,
            files=tuple(files),
        )
        record = manifest.as_record()
        (made / MANIFEST).write_text(_json(record), encoding="utf-8")
        _move(sessions, made, folder, manifest)
    return manifest


def _move(sessions: sessionmaker[Session], made: Path, folder: Path, manifest: Manifest) -> None:
    """Write the deed down and put the folder into its place: both, or neither."""
    record, moved = manifest.as_record(), False
    try:
        with sessions.begin() as session:
            kept = {name: record[name] for name in ("tier", "first_week", "last_week", "people", "left_out", "files")}
            ledger.audit(session, manifest.written_at, manifest.written_by, "export", f"{manifest.tier} tier", **kept)
            if folder.exists():
                folder.rmdir()
            made.rename(folder)
            moved = True
    except BaseException:
        if moved:  # the deed could not be committed
            shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A fresh folder beside `folder`, which goes unless it was moved away."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RefusedError(
                "{folder} is not empty. Name a new folder, so that exports do not get mixed.", folder=folder
            )
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise RefusedError("{folder} cannot be made: {why}.", folder=folder, why=error.strerror) from None
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _tables(whole: Study, made: Path) -> list[tuple[Table, int]]:
    """Write every table of the researcher's tier; return them with their number of rows.

    What grows is put aside part by part, so that never more than some dozens of people are in memory.
    """
    aside = made / ".parts"
    counts: dict[str, int] = {table.name: 0 for table in (*LONG, CITIZENS)}
    features: set[str] = set()
    for name in counts:
        (aside / name).mkdir(parents=True)
    for number, part in enumerate(whole.parts()):
        features |= features_of(part["decisions"])
        for name, some in part.items():
            counts[name] += some.height
            some.write_parquet(aside / name / f"{number:06}.parquet")
    found = []
    for table in described(features):
        if table.name in counts:
            lazy = _put_together(aside / table.name, table)
            rows = counts[table.name]
        else:
            lazy, rows = whole.short[table.name].lazy(), whole.short[table.name].height
        save(lazy, made, table.name)
        found.append((table, rows))
    shutil.rmtree(aside)
    return found


def _put_together(parts: Path, table: Table) -> pl.LazyFrame:
    paths = sorted(parts.iterdir())
    types = schema_of(table)
    if not paths:
        return frame(table, []).lazy()
    return pl.scan_parquet(paths, schema=types, missing_columns="insert").select(list(types))


def save(rows: pl.LazyFrame, folder: Path, name: str) -> None:
    """As CSV by RFC 4180, floats to the last bit, and as Parquet."""
    rows.sink_csv(folder / f"{name}.csv", line_terminator="\r\n")
    rows.sink_parquet(folder / f"{name}.parquet", compression="zstd", statistics=True)


def _resource(made: Path, table: Table, rows: int) -> dict[str, Any]:
    path = made / f"{table.name}.csv"
    also = [f"{table.name}.parquet"]
    size = path.stat().st_size
    return package.resource(table, file=path.name, rows=rows, size=size, sha256=_digest(path), also=also)


def _protection(whole: Study, tier: Tier) -> Mapping[str, Any]:
    scope = whole.scope
    found: dict[str, Any] = {
        "people_who_agreed": scope.participants,
        "people_in_it": len(scope.people),
        "people_left_out": scope.left_out,
        "k": scope.k,
        "coarsened": list(scope.coarsened),
        "rows_of_one_person_at_most": MOST_ROWS,
        "sensitivity_S3": "left out altogether, with the refusals that a message about it may have caused",
    }
    if tier is Tier.PUBLIC:
        found |= {"people_behind_each_cell_at_least": disclosure.FEWEST, "of_a_rate_at_least": disclosure.LEAST_OF_RATE}
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
