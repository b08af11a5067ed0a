"""One writer for everything that comes in at the same time.

A transaction for each request was measured at a tenth to a fiftieth of what one transaction for all that wait can
take (engine.md 1).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.exc import OperationalError

from bot.journey import Receipt
from bot.signals import Incoming

Receive = Callable[[Sequence[Incoming]], Sequence[Receipt]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    incoming: Sequence[Incoming]
    receipts: asyncio.Future[Sequence[Receipt]]


class Intake:
    """Hands signals to `receive`, which runs in a thread, one call at a time, for all requests that wait by then.

    `most` is how many signals go into one call, unless a single request brings more.
    """

    def __init__(self, receive: Receive, *, most: int = 1000) -> None:
        self._receive = receive
        self._most = most
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def hand_in(self, incoming: Sequence[Incoming]) -> Sequence[Receipt]:
        """The receipts, in order, once they are durable. Raises what `receive` raises: then nothing was taken in."""
        if not incoming:
            return []
        waiting = _Waiting(incoming, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await waiting.receipts

    async def _write(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            error = await self._store(batch)
            if error is None:
                continue
            # One request must not fail because of another's; a database that is away fails them all alike.
            alone = len(batch) == 1 or isinstance(error, OperationalError)
            for waiting in batch:
                failed = error if alone else await self._store([waiting])
                if failed is not None and not waiting.receipts.done():
                    waiting.receipts.set_exception(failed)

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._waiting.popleft()]
        size = len(batch[0].incoming)
        while self._waiting and size + len(self._waiting[0].incoming) <= self._most:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].incoming)
        return batch

    async def _store(self, batch: Sequence[_Waiting]) -> BaseException | None:
        """Store the batch and tell those who wait; or what came in between."""
        once: dict[tuple[str, str], Incoming] = {}
        for signal in (signal for waiting in batch for signal in waiting.incoming):
            once.setdefault(_key(signal), signal)
        storing = asyncio.ensure_future(asyncio.to_thread(self._receive, list(once.values())))
        await asyncio.wait([storing])
        if (error := storing.exception()) is not None:
            return error
        receipts = dict(zip(once, storing.result(), strict=True))
        for waiting in batch:
            given = []
            for key in map(_key, waiting.incoming):
                given.append(receipts[key])
                receipts[key] = replace(receipts[key], fresh=False)
            if not waiting.receipts.done():  # whoever hung up no longer waits
                waiting.receipts.set_result(given)
        return None


def _key(signal: Incoming) -> tuple[str, str]:
    return signal.source, signal.external_id
