"""A copy of a SQLite database while the bot runs, whole and checked, that says of itself that it is a copy."""

import fcntl
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from bot.errors import InTheWayError, RefusedError
from bot.store import schema
from bot.store.provenance import COPY


def back_up(engine: Engine, file: Path, now: datetime) -> int:
    """Write the database as it is at this moment to `file`, for its owner only; return the size in bytes.

    The file is there whole or not at all. Raises RefusedError when it is there already or cannot be written, a disk
    fails, or this is no SQLite database; InTheWayError when another backup writes to it, or the copy is not sound.
    """
    if engine.dialect.name != "sqlite":
        raise RefusedError(
            "`handreiking backup` is for SQLite. PostgreSQL has tools of its own: `pg_dump --format=custom --file=FILE "
            "DATABASE` writes one file, continuous archiving (PITR) can go back to any moment. After a restore the bot "
            "asks before any nudge leaves. Keep a copy of the keys elsewhere: they are not in the database."
        )
    if schema.shape(engine)[0] is None:
        raise RefusedError(f"There is nothing to back up in {schema.name_of(engine)}.")
    if file.exists():
        raise RefusedError(f"{file} is there already. Name a new file.")
    draft = file.with_name(f".{file.name}.new")
    try:
        with open(os.open(draft, os.O_RDWR | os.O_CREAT, 0o600), "rb+") as held:  # noqa: PTH123
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                held.truncate(0)
                _copy(engine, draft, now)
                os.fsync(held.fileno())
                size = draft.stat().st_size
                os.link(draft, file)
            finally:
                draft.unlink()
        _settle(file.parent)
    except FileExistsError:
        raise RefusedError(f"{file} is there already. Name a new file.") from None
    except BlockingIOError:
        raise InTheWayError(f"Another backup is being written to {file}.") from None
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from None
    except sqlite3.Error as error:
        raise RefusedError(f"The backup to {file} failed: {error}. Look whether a disk is full or broken.") from None
    return size


def _copy(engine: Engine, draft: Path, now: datetime) -> None:
    with engine.connect() as connection, closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        # In one step: it reads one moment, and in the WAL nobody waits for who reads.
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a WAL beside it
        copy.execute("PRAGMA synchronous = FULL")
        because = f"is a copy that `handreiking backup` made at {now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        at = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        copy.execute("DELETE FROM mark WHERE name = ?", (COPY,))
        copy.execute(
            "INSERT INTO mark (name, value, at) VALUES (?, ?, ?)", (COPY, json.dumps({"because": because}), at)
        )
        unsound = [row[0] for row in copy.execute("PRAGMA integrity_check") if row[0] != "ok"]
        unsound += [f"{row[0]} refers to {row[2]}" for row in copy.execute("PRAGMA foreign_key_check")]
        if unsound:
            raise InTheWayError(f"The copy is not sound, and was thrown away: {unsound[0]}.")


def _settle(folder: Path) -> None:
    """That the file is there survives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
