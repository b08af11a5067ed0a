"""The keys: made, put in front of older ones, and rid of those that nothing needs any more."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, say
from bot.errors import RefusedError

#: A process that said so within this is at work.
AT_WORK = timedelta(minutes=10)

keys = typer.Typer(help="The keys that seal chat addresses.", no_args_is_help=True)


@keys.command("new")
def keys_new(
    file: Annotated[Path, typer.Argument(help="Where to; an existing file is left alone.")],
) -> None:
    """Make the keys. Whoever has them can read every chat address in the database."""
    from bot.store.keys import write_keys

    try:
        write_keys(file, secrets.token_bytes(32))
    except FileExistsError:
        raise RefusedError(f"{file} is there already. Losing its keys would lose every chat address in use.") from None
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from None
    say(f"Keys written to {file}. Keep a copy apart from the database, and set HANDREIKING_KEYS_FILE.")


@keys.command("rotate")
def keys_rotate(
    by: By,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Only add a key that opens; for several machines: copy the file, then rotate."),
    ] = False,
    finding: Annotated[bool, typer.Option("--finding", help="Refused, with the reason.")] = False,
) -> None:
    """Seal everything with a new key, while the bot runs. Run it again if it was cut short."""
    from bot.store import keys, ledger, resealing

    if finding:
        raise RefusedError(
            "The finding key stays. With another one nobody who was erased would be recognised when they write again,\n"
            "no letter's code would open, and no draw of a decision could be made again."
        )
    whole = parts.from_environment()
    file = _file(whole)
    if prepare:
        with _writing(file):
            added = keys.prepare(file)
        say(f"{file} has a coming key{'' if added else ' already'}. Copy it to every machine, then rotate.")
        return
    sessions, vault = whole.sessions, whole.vault  # both in order before the file is touched
    with _writing(file):
        fresh = keys.rotate(file)
    say("A new key is in front." if fresh else "The key in front is new already; going on.")
    if fresh:
        with sessions.begin() as session:
            ledger.audit(session, parts.now(), by, "keys.rotate", "sealing")
    lost = resealing.reseal(sessions, vault, progress=lambda place, rows: say(f"{place}: {rows} sealed anew"))
    if lost:
        say(f"{lost} rows are opened by no key in {file}; they are left as they are.")
    say(f"Everything is under the new key. Copy {file}, then `handreiking keys forget-old`. Backups need the old keys.")


@keys.command("forget-old")
def keys_forget_old(by: By) -> None:
    """Take the old keys out of the file, once nothing in the database needs them."""
    from bot.store import keys, ledger, resealing

    whole = parts.from_environment()
    file = _file(whole)
    needed = {
        place.name: len(old)
        for place in resealing.places()
        if (old := resealing.waiting(whole.sessions, whole.vault, place).old)
    }
    if needed:
        told = ", ".join(f"{rows} in {place}" for place, rows in needed.items())
        raise RefusedError(f"Rows still need an old key: {told}. Run `handreiking keys rotate` first.")
    if behind := _sealing_with_another(whole):
        raise RefusedError(f"Still sealing with an old key: {', '.join(behind)}. Restart them and rotate again.")
    with _writing(file):
        gone = keys.forget_old(file, now_s=time.time())
    with whole.sessions.begin() as session:
        ledger.audit(session, parts.now(), by, "keys.forget_old", "sealing", keys=gone)
    say(f"{gone} old {'key is' if gone == 1 else 'keys are'} gone from {file}." if gone else "There is no old key.")


def _sealing_with_another(whole: parts.Parts) -> list[str]:
    """Processes at work without the new key: systemd and podman give them a copy of the file at their start."""
    from bot.store import ledger, vitals

    front, lately = whole.vault.front(), parts.now() - AT_WORK
    with ledger.reading(whole.sessions) as session:
        return [
            f"{one.role} ({one.name})"
            for one in vitals.processes(session)
            if one.at > lately and one.key not in {None, front}
        ]


def _file(whole: parts.Parts) -> Path:
    if whole.settings.keys_file is None:
        raise RefusedError("Only keys in a file can be changed from here. Set HANDREIKING_KEYS_FILE.")
    return whole.settings.keys_file


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RefusedError(f"{file} cannot be replaced: {error.strerror}.") from None
