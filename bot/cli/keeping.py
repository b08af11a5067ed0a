"""Where everything is kept: its shape, a copy of it, and its move to another database."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import parts
from bot.cli.parts import say
from bot.errors import RefusedError

if TYPE_CHECKING:
    from sqlalchemy import Engine

PROGRESS_S = 2.0


def migrate(
    from_: Annotated[
        str | None, typer.Option("--from", help="Move everything from this database, or from the one that @FILE names.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Where to; HANDREIKING_DATABASE_URL when left out. @FILE as with --from.")
    ] = None,
) -> None:
    """Bring the database to the shape that this program wants, or move everything to another one."""
    from bot.store import schema

    whole = parts.from_environment()
    if from_ is not None:
        source = _engine(from_, "--from")
        _move(source, whole.engine if to is None else _engine(to, "--to"), whole.settings.state_dir)
        return
    if to is not None:
        raise RefusedError("--to needs --from: from where?")
    has, _ = whole.shape()
    schema.migrate(whole.engine)
    _place_for_waves(whole.engine)
    wants, _ = whole.shape()
    say(f"The database has shape {wants} already." if has == wants else f"The database now has shape {wants}.")


def backup(file: Annotated[Path, typer.Argument(help="Where to; an existing file is left alone.")]) -> None:
    """Write a copy of a SQLite database to a file while the bot runs. The keys are not in it."""
    from bot.store import backup as store

    whole = parts.from_environment()
    if not whole.has_file():
        raise RefusedError("There is no database yet. Run `handreiking migrate` first.")
    with parts.reached("HANDREIKING_DATABASE_URL"):
        size = store.back_up(whole.engine, file, parts.now())
    say(f"{file}: {size} bytes, checked and whole. Without the keys nobody can be reached with it: keep a copy of")
    say("HANDREIKING_KEYS_FILE too, and keep it elsewhere. After a restore the bot asks before any nudge leaves.")


def _engine(given: str, option: str) -> "Engine":
    address = parts.text_of(Path(given[1:])).strip() if given.startswith("@") else given
    engine = parts.engine_at(address, option)
    if not given.startswith("@") and engine.url.password is not None:
        typer.echo(f"{option}: a password in a command can be seen by everybody on this machine; use @FILE.", err=True)
    return engine


def _move(source: "Engine", target: "Engine", state_dir: Path | None) -> None:
    from bot.store import copying, schema

    if not parts.has_file(source):
        raise RefusedError(f"There is no database at {schema.name_of(source)}.")
    with parts.reached("--from or --to"):
        moved = copying.move(
            source, target, now=parts.now(), move_id=token_hex(8), progress=_progress(), state_dir=state_dir
        )
    _place_for_waves(target)
    for table, content in moved.items():
        if content.rows:
            say(f"{table}: {content.rows} {'row' if content.rows == 1 else 'rows'}, sha256 {content.hash[:16]}")
    rows = sum(content.rows for content in moved.values())
    say(f"{rows} rows are now in {schema.name_of(target)}, the same on both sides by count and by hash.")
    say("Set HANDREIKING_DATABASE_URL to it and start the bot; what was moved from is closed for good.")


def _place_for_waves(engine: "Engine") -> None:
    if parts.is_shared(engine):
        from bot import queueing

        asyncio.run(queueing.install(parts.address_of(engine)))


def _progress() -> Callable[[str, str, int], None]:
    """Says on stderr how far it is, every two seconds when it takes long."""
    said_at = parts.monotonic()

    def progress(what: str, table: str, rows: int) -> None:
        nonlocal said_at
        if parts.monotonic() - said_at >= PROGRESS_S:
            said_at = parts.monotonic()
            typer.echo(f"{what}: {table}, {rows} rows", err=True)

    return progress
