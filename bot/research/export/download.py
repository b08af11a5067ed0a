"""An export as one file to take along, and what was taken along before."""

import tempfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot.core import disclosure
from bot.errors import RefusedError
from bot.research.export.columns import Table
from bot.research.export.fields import TABLES
from bot.research.export.writing import Tier, write
from bot.store import ledger, study
from bot.wording import Wording

_ONE: Final = threading.Lock()
_LISTED: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """An export of before. `rows`: decision points; None of a public one.

    `described` is the hash of its datapackage, which names the hashes of all tables; None of an older program's.
    """

    at: datetime
    who: str
    tier: str | None
    weeks: tuple[str | None, str | None]
    people: int | None
    rows: int | None
    described: str | None
    files: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What an export would hold now."""

    people: int
    fewest: int
    policy: str | None
    tables: tuple[Table, ...]


def outlook(session: Session, now: datetime) -> Outlook:
    """How many people agreed, and which policy is the newest."""
    newest = ledger.policy_row(session)
    return Outlook(
        people=len(study.people(session, now)),
        fewest=disclosure.K,
        policy=None if newest is None else newest.version,
        tables=TABLES,
    )


def taken(session: Session) -> list[Taken]:
    """The exports of before, the newest first."""
    return [_taken(row) for row in ledger.deeds(session, ledger.Wanted(actions=["export"]), limit=_LISTED)]


def _taken(row: Any) -> Taken:
    files = {file["name"]: file for file in row.detail.get("files", ())}
    return Taken(
        at=row.at,
        who=row.who,
        tier=row.detail.get("tier"),
        weeks=(row.detail.get("first_week"), row.detail.get("last_week")),
        people=row.detail.get("people"),
        rows=files.get("decisions.csv", {}).get("rows"),
        described=files.get("datapackage.json", {}).get("sha256"),
        files=list(files.values()),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """A ZIP file under no name on the disk, so that it is gone once it is closed. It is read from its start."""

    name: str
    size: int
    file: IO[bytes]


def zipped(
    sessions: sessionmaker[Session],
    *,
    wording: Wording,
    key: bytes,
    now: datetime,
    by: str,
    tier: Tier,
    since: date | None = None,
    until: date | None = None,
) -> Packed:
    """Make an export and pack it. `since` and `until` are days in UTC.

    Raises RefusedError as `write` does, and while another one is being made in this process: each takes the memory
    of some dozens of people's rows and the time of reading them all.
    """
    if not _ONE.acquire(blocking=False):
        raise RefusedError("Somebody is making a file at this moment. Try again in some minutes.")
    try:
        with tempfile.TemporaryDirectory(prefix="handreiking-export-") as place:
            name = f"handreiking-{tier}-{now.astimezone(UTC).date()}"
            folder = Path(place) / name
            write(
                sessions,
                folder,
                wording=wording,
                key=key,
                now=now,
                by=by,
                tier=tier,
                since=None if since is None else datetime(since.year, since.month, since.day, tzinfo=UTC),
                until=None if until is None else datetime(until.year, until.month, until.day, tzinfo=UTC),
            )
            file = tempfile.TemporaryFile(prefix="handreiking-export-")  # noqa: SIM115 - it is read after this
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in sorted(folder.iterdir()):
                    archive.write(path, f"{name}/{path.name}")
            size = file.tell()
            file.seek(0)
            return Packed(name=f"{name}.zip", size=size, file=file)
    finally:
        _ONE.release()
