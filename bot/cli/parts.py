"""What the commands are made of: the clock, the settings, the store, and how things are printed."""

import getpass
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from bot import __version__
from bot.errors import FaultsError, RefusedError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import sessionmaker
    from sqlmodel import Session

    from bot.journey import Journey
    from bot.library import Shelf
    from bot.settings import Settings
    from bot.store.vault import Vault
    from bot.wording import Wording

monotonic = time.monotonic
opened = ExitStack()  # what a command opened, closed when it ends

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]
By = Annotated[
    str,
    typer.Option(
        "--by",
        default_factory=getpass.getuser,
        show_default="who is logged in",
        help="Who does this, for the audit trail.",
    ),
]


def now() -> datetime:
    return datetime.now(UTC)


def program() -> str:
    """Which program this is: its version, and twelve hex digits of the code that decides, whatever it is called."""
    code = hashlib.sha256()
    for room in ("core", "planning"):
        for file in sorted(files("bot").joinpath(room).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                code.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"{__version__}+{code.hexdigest()[:12]}"


def say(text: str) -> None:
    typer.echo(text)


def say_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def say_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, nothing: str) -> None:
    """Aligned columns under their names, or the sentence `nothing`."""
    if not rows:
        return say(nothing)
    cells = [list(columns), *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return None


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return dict(value)
    return str(value)


@dataclass(frozen=True)
class Parts:
    """The parts of a running program, each made when it is first asked for."""

    settings: "Settings"

    @cached_property
    def shelf(self) -> "Shelf":
        from bot.library import Shelf

        return Shelf()

    @cached_property
    def wording(self) -> "Wording":
        """What is in force: the files, and what people approved since, where there is a database of today's shape."""
        from bot.store import ledger

        if not self.has_file() or len(set(self.shape())) != 1:
            return self.shelf.of_files()
        with ledger.reading(self.sessions) as session:
            return self.shelf.fresh(session)

    @cached_property
    def vault(self) -> "Vault":
        return self.settings.vault()

    @cached_property
    def engine(self) -> "Engine":
        """The database, whatever its shape. Raises SettingsError for an address that is none."""
        return engine_at(self.settings.database_url, "HANDREIKING_DATABASE_URL")

    def shape(self) -> tuple[str | None, str | None]:
        """The shape the database has and the one it should have; None for both when there is no file, and none is made.

        Raises SettingsError when it cannot be reached.
        """
        from bot.store import schema

        if not self.has_file():
            return None, None
        with reached("HANDREIKING_DATABASE_URL"):
            return schema.shape(self.engine)

    def has_file(self) -> bool:
        """False only for a SQLite database that is not there yet."""
        return has_file(self.engine)

    def is_shared(self) -> bool:
        """Whether several processes may work on the database: on PostgreSQL, not on SQLite."""
        return is_shared(self.engine)

    def address(self) -> str:
        """The database's address as its own libraries take it, password included: never to be shown."""
        return address_of(self.engine)

    @cached_property
    def sessions(self) -> "sessionmaker[Session]":
        """Sessions on a database of today's shape. Raises RefusedError when it has another, or was moved elsewhere."""
        from sqlalchemy.orm import sessionmaker
        from sqlmodel import Session

        from bot.store import ledger, provenance, schema

        has, wants = self.shape()
        if has is None or has != wants:
            state = "is not there yet" if has is None else f"has shape {has}, and this program wants {wants}"
            raise RefusedError(f"The database {state}. Run `handreiking migrate` first.")
        made = sessionmaker(self.engine, class_=Session, expire_on_commit=False)
        with ledger.reading(made) as session:
            why = provenance.unusable(provenance.marks(session), here=schema.name_of(self.engine))
        if why is not None:
            raise RefusedError(why)
        return made

    @cached_property
    def journey(self) -> "Journey":
        from bot.journey import Journey

        return Journey(
            sessions=self.sessions,
            wording=self.wording,
            vault=self.vault,
            clock=now,
            new_id=lambda: token_hex(8),
            state_dir=self.settings.state_dir,
            shelf=self.shelf,
        )

    def today(self) -> date:
        """The date on the municipality's own calendar."""
        return now().astimezone(ZoneInfo(self.wording.municipality.zone)).date()


def is_shared(engine: "Engine") -> bool:
    """Whether several processes may work on the database."""
    return engine.url.get_backend_name() == "postgresql"


def address_of(engine: "Engine") -> str:
    """The database's address as its own libraries take it, password included: never to be shown."""
    return engine.url.set(drivername=engine.url.get_backend_name()).render_as_string(hide_password=False)


def from_environment() -> Parts:
    """The parts as the environment describes them. Raises SettingsError."""
    from bot import settings

    return Parts(settings.read())


def engine_at(address: str, name: str) -> "Engine":
    """The database at this address, closed when the command ends. Raises SettingsError, which calls it `name`."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    from bot.store import schema

    try:
        engine = schema.open_engine(address)
    except (ArgumentError, NoSuchModuleError):
        raise SettingsError([f"{name} is not an address; write sqlite:///FILE or postgresql://…"]) from None
    opened.callback(engine.dispose)
    return engine


@contextmanager
def reached(name: str) -> Iterator[None]:
    """What asks a database for something. Raises SettingsError when it cannot be reached."""
    from sqlalchemy.exc import DatabaseError

    try:
        yield
    except DatabaseError as error:
        why = str(error.orig).strip().splitlines()[0]
        raise SettingsError([f"{name}: the database cannot be reached: {why}"]) from None


def has_file(engine: "Engine") -> bool:
    """False only for a SQLite database that is not there yet."""
    url = engine.url
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return True
    return Path(url.database).is_file()


def bytes_of(path: Path) -> bytes:
    """What a file holds. Raises RefusedError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}.") from None


def text_of(path: Path) -> str:
    """What a text file holds. Raises RefusedError, FaultsError."""
    try:
        return bytes_of(path).decode()
    except UnicodeDecodeError:
        raise FaultsError([f"{path} is not UTF-8 text; save it again as UTF-8"]) from None
