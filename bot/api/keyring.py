"""Whose key is it? Asked of the database at most once a second for each key."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.signals import Source

_TRUST = timedelta(seconds=1)  # how long a revoked key may still work
_MOST = 1000


class Keyring:
    """Remembers answers for a second, since on SQLite even a look takes the write lock (`schema.open_engine`)."""

    def __init__(self, find: Callable[[str], Source | None], clock: Callable[[], datetime]) -> None:
        self._find = find
        self._clock = clock
        self._asked: dict[bytes, tuple[datetime, asyncio.Task[Source | None]]] = {}
        self._opened: set[bytes] = set()

    def opened(self, key: str) -> bool:
        """Whether this key was good when it was last tried here; it may have been revoked since."""
        return _digest(key) in self._opened

    async def owner(self, key: str) -> Source | None:
        """The source whose key this is; None for a key that is unknown or revoked."""
        now = self._clock()
        digest = _digest(key)
        asked = self._asked.get(digest)
        if asked is None or not now - _TRUST < asked[0] <= now:
            if len(self._asked) >= _MOST:
                self._asked.clear()
            asked = now, asyncio.create_task(asyncio.to_thread(self._find, key))
            self._asked[digest] = asked
        source = asked[1].result() if asked[1].done() else await asyncio.shield(asked[1])
        if source is None:
            self._asked.pop(digest, None)  # so that guesses fill no memory and a new key works at once
            self._opened.discard(digest)
        else:
            self._opened.add(digest)
        return source


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
