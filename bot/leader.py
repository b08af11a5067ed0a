"""One process at a time: locks that nobody has to clear away, because they go with whoever held them."""

import asyncio
import fcntl
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg

from bot.errors import HandreikingError, InTheWayError

PING_S: Final = 2.0
TRY_S: Final = 1.0
ANSWER_S: Final = 4.0
#: PostgreSQL ends the session of who says nothing for so long: a process that was stopped, a machine that is gone.
SILENT_S: Final = 8

Work = Callable[[], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


class Turn(Protocol):
    """Who may do a part of the work that only one process may do at a time."""

    async def run(self, work: Work, stop: asyncio.Event) -> None:
        """Do `work` when and as long as it is our turn. Return when `work` does, or when `stop` is set before.

        `work` is cancelled when the turn is lost, and begun anew when it comes again.
        """
        ...

    async def held(self) -> bool:
        """Whether it is our turn at this moment; the one who gives turns is asked."""
        ...


class Always:
    """There is only this process."""

    async def run(self, work: Work, stop: asyncio.Event) -> None:  # noqa: ARG002 - the work heeds it
        await work()

    async def held(self) -> bool:
        return True


class SessionLock:
    """The turn is a session's lock in PostgreSQL, on a connection of its own.

    PostgreSQL frees it when the process dies, and after `SILENT_S` seconds when it is frozen or its machine is gone.
    The connection must be direct: a pool that hands out a session for one transaction loses the lock with it.
    """

    def __init__(self, url: str, part: str) -> None:
        """`url` is `postgresql://…`; processes with the same `part` on one database take turns."""
        self._url, self._part = url, part
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def run(self, work: Work, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with self._connected() as connection:
                    if not await self._wait(connection, stop):
                        return
                    log.info("turn_taken", extra={"part": self._part})
                    if await self._do(work):
                        return
            except psycopg.OperationalError as error:
                log.warning("turn_away", extra={"part": self._part, "error": type(error).__name__})
            await _pause(stop)

    async def held(self) -> bool:
        try:
            await self._ping()
        except psycopg.OperationalError:
            return False
        return True

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=1000 * SILENT_S,
        )
        try:
            await connection.execute(f"SET idle_session_timeout = '{SILENT_S}s'")
            yield connection
        finally:
            self._connection = None
            await connection.close()

    async def _wait(self, connection: psycopg.AsyncConnection[Any], stop: asyncio.Event) -> bool:
        """Wait for the turn; False when told to stop before."""
        key = int.from_bytes(hashlib.sha256(f"handreiking:{self._part}".encode()).digest()[:8], signed=True)
        stands_by = False
        while not stop.is_set():
            answer = await connection.execute("SELECT pg_try_advisory_lock(%s::bigint)", [key])
            if await answer.fetchone() == (True,):
                self._connection = connection
                return True
            if not stands_by:
                log.info("stands_by", extra={"part": self._part})
                stands_by = True
            await _pause(stop)
        return False

    async def _do(self, work: Work) -> bool:
        """Do the work; False when the turn was lost over it. Raises OperationalError for the same."""
        doing = asyncio.create_task(work())
        try:
            while not doing.done():
                await asyncio.wait([doing], timeout=PING_S)
                if not doing.done():
                    await self._ping()
        finally:
            doing.cancel()
            await asyncio.wait([doing])
        try:
            doing.result()
        except (HandreikingError, ExceptionGroup) as error:
            # Who took the turn may be what the work stumbled over, such as the channel, which listens to one only.
            if not _is_ours(error) or await self.held():
                raise
            return False
        return True

    async def _ping(self) -> None:
        if self._connection is None:
            raise psycopg.OperationalError("not our turn")
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._connection.execute("SELECT 1")
        except TimeoutError:
            raise psycopg.OperationalError("no answer") from None


def _is_ours(error: Exception) -> bool:
    """Whether nothing but errors of our own went wrong; a group of tasks raises them in a group."""
    return not isinstance(error, ExceptionGroup) or error.split(HandreikingError)[1] is None


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(TRY_S):
            await stop.wait()
    except TimeoutError:
        return


@contextmanager
def only_process(path: Path, taken: str, mend: str) -> Iterator[None]:
    """Hold the file at `path`, which is made and left behind. The system frees it when the process ends, however.

    Raises InTheWayError when another process has it: "`taken` (process 123). `mend`".
    """
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise InTheWayError(f"{taken} (process {lock.read().strip()}). {mend}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
