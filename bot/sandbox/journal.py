"""The sandbox's memory on disk: one JSON line for each change, written at once and in one piece."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bot.sandbox.wire import Json


class Journal:
    """An append-only file of changes. What `append` returned from survives the kill of this process."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it; its directory must exist. A line torn by a crash is cut off."""
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        whole = path.read_bytes().rfind(b"\n") + 1
        os.ftruncate(self._file, whole)

    def append(self, change: Json) -> None:
        """One write, so that a kill leaves the whole line or none. There is no fsync: a power cut may lose it."""
        os.write(
            self._file, json.dumps(change, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        )

    def restart(self, changes: Sequence[Json]) -> None:
        """Forget everything and begin again with `changes`."""
        os.ftruncate(self._file, 0)
        for change in changes:
            self.append(change)

    def close(self) -> None:
        """Give the file back; twice does no harm."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self) -> Iterator[Json]:
        """The changes, oldest first. Raises ValueError naming the line when the file is not a journal."""
        return _changes(self._path)


def latest_moment(path: Path) -> datetime | None:
    """The last moment that the journal at `path` speaks of, in UTC; None when there is none.

    A demo that is started again begins its clock here, so that yesterday's chat does not lie in the future. Raises
    ValueError naming the line when the file is not a journal.
    """
    latest = max((change["at"] for change in _changes(path)), default=None) if path.exists() else None
    return None if latest is None else datetime.fromtimestamp(latest, UTC)


def _changes(path: Path) -> Iterator[Json]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith("\n"):
                return  # Torn by a crash.
            try:
                change: Json = json.loads(line)
            except ValueError as error:
                raise ValueError(
                    f"{path}:{number} is not a line of a sandbox journal; remove the file to start over"
                ) from error
            yield change
