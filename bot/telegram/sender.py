"""Messages on their way out: claimed from the journey, paced, sent, and their results brought back."""

import asyncio
import gc
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice
from math import ceil
from typing import Final

from bot.errors import (
    ChannelClosedError,
    DelayedError,
    DeliveryError,
    RejectedError,
    UncertainError,
    UnreachableError,
)
from bot.journey import Channel, Delivered, Journey, Outgoing, Purpose, Result, Undelivered
from bot.telegram.pacer import Departure, Pacer

LOOK_S: Final = 0.5
SWEEP_S: Final = 15.0
AHEAD_S: Final = 1.0  # so much work is leased ahead
AHEAD_MAX: Final = 256  # more in one transaction would keep others waiting
SOON_S: Final = 0.05  # a result waits so long for the next intent to be committed with
LANES_MIN: Final = 4
LANES_MAX: Final = 200
STALE_S: Final = 5.0  # an intent older than this is not acted upon: the process slept, and the world went on
BREAKER: Final = 5
TROUBLE_MAX_S: Final = 30.0
CLOSED_S: Final = 60.0

_log = logging.getLogger(__name__)


class Sender:
    """The one sender of a bot: leases ahead, commits the intent, sends, commits the result with the next intent.

    What is on its way when the process dies is uncertain: never more than there are lanes, and one reply.
    """

    def __init__(
        self,
        journey: Journey,
        channel: Channel,
        *,
        rate_per_s: float = 30,
        lanes: int | None = None,
        owner: str,
        time: Callable[[], float],
    ) -> None:
        """`rate_per_s` is the cap of the channel over all chats.

        `lanes` is how many messages may be on their way at once; None: enough for the rate as long as calls take, which
        is 4 at 30 a second. One lane more is kept for replies. `owner` names this process in the leases. `time` is a
        clock in seconds that never goes back, such as `loop.time`.
        """
        self._journey = journey
        self._channel = channel
        self._owner = owner
        self._time = time
        self._fixed_lanes = lanes
        self._rate_per_s = rate_per_s
        self._pacer = Pacer(rate_per_s, time=time)
        self._ahead = max(2 * self._lanes, min(AHEAD_MAX, round(rate_per_s * AHEAD_S)))
        self._ready: dict[Purpose, deque[int]] = {purpose: deque() for purpose in Purpose}
        self._flying: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._wake = asyncio.Event()
        self._paced = False
        self._queued = True
        self._more = False
        self._looked_at = self._swept_at = float("-inf")
        self._rejected = 0
        self._troubles = 0
        self._stopping = False
        self._broken: BaseException | None = None

    async def run(self) -> None:
        """Send until stopped or cancelled; in both cases what is in hand is sent and its result committed first.

        Raises ChannelClosedError when the channel shuts the bot out; what was leased is not lost. What the journey
        raises ends it too.
        """
        loop = asyncio.get_running_loop()
        # What is loaded by now stays; a full pass of the collector over it would stand in everybody's way for 0.1 s.
        gc.freeze()

        def queued() -> None:
            loop.call_soon_threadsafe(self._ring)

        self._journey.on_queued = queued
        going = asyncio.create_task(self._go(until_idle=False))
        try:
            # A cancelled hand-over would leave messages marked as sending that nobody sends.
            await asyncio.shield(going)
        except asyncio.CancelledError:
            self.stop()
            await going
            raise
        finally:
            self._journey.on_queued = _nobody

    def stop(self) -> None:
        """Let `run` finish what is in hand and return. That takes as long as one call may last."""
        self._stopping = True
        self._wake.set()

    async def deliver_due(self) -> None:
        """Send all that may leave now; return when the results are committed. Not while `run` is running."""
        self._queued = True
        await self._go(until_idle=True)

    def _ring(self) -> None:
        self._queued = True
        self._wake.set()

    async def _go(self, *, until_idle: bool) -> None:
        while not self._stopping and self._broken is None:
            self._wake.clear()
            await self._look()
            if await self._depart():
                continue
            await self._settle()
            if until_idle and not (self._flying or self._queued or self._more or self._waiting()):
                break
            await self._sleep()
        while self._flying:
            await asyncio.wait(self._flying)
        if self._results:
            await self._exchange([])
        if not until_idle:
            await asyncio.to_thread(self._journey.resign, self._owner)
        if self._broken is not None:
            raise self._broken

    @property
    def _lanes(self) -> int:
        if self._fixed_lanes is not None:
            return self._fixed_lanes
        # Two fifths more than are on their way on average, as calls do not all take as long.
        on_their_way = self._rate_per_s * (self._pacer.latency_s + self._pacer.ahead_s)
        return min(LANES_MAX, max(LANES_MIN, ceil(1.4 * on_their_way)))

    def _waiting(self) -> int:
        return sum(len(queue) for queue in self._ready.values())

    async def _look(self) -> None:
        """Lease what is due, when there may be something new or little is left, and sweep up what others left."""
        now, waiting = self._time(), self._waiting()
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            await asyncio.to_thread(self._journey.sweep)
        hungry = self._more and waiting <= self._ahead // 2
        if not (self._queued or hungry or now - self._looked_at >= LOOK_S):
            return
        self._queued, self._looked_at = False, now
        # However many nudges wait, a reply gets in.
        full = waiting >= self._ahead
        purposes = (Purpose.REPLY,) if full else tuple(Purpose)
        limit = self._lanes if full else self._ahead - waiting
        leased = await asyncio.to_thread(self._journey.lease, self._owner, limit, purposes=purposes)
        self._more = full or len(leased) >= limit
        known = {message for queue in self._ready.values() for message in queue}
        for one in leased:
            if one.message not in known:
                self._ready[one.purpose].append(one.message)

    async def _depart(self) -> bool:
        """Commit the intents of what may leave now and let it go. False: nothing may."""
        chosen = self._choose()
        if not chosen:
            return False
        began = self._time()
        outgoing = await self._exchange(chosen)
        self._pacer.committed(self._time() - began)
        self._pacer.give_back(len(chosen) - len(outgoing))
        now = self._time()
        for message in outgoing:
            task = asyncio.create_task(self._send(message, self._pacer.depart(), now))
            self._flying.add(task)
            task.add_done_callback(self._landed)
        return True

    def _choose(self) -> list[int]:
        free = self._lanes - len(self._flying)
        if free < 0:  # calls got quicker, and so many lanes are no longer needed
            return []
        waiting = [(purpose, message) for purpose in Purpose for message in islice(self._ready[purpose], free + 1)]
        lane_for_reply = len(waiting) > free and waiting[free][0] is Purpose.REPLY
        may = waiting[: free + 1 if lane_for_reply else free]
        may = may[: self._pacer.take(len(may))]
        for purpose, _ in may:
            self._ready[purpose].popleft()
        return [message for _, message in may]

    async def _exchange(self, messages: list[int]) -> list[Outgoing]:
        results, self._results = self._results, []
        return await asyncio.to_thread(self._journey.depart, self._owner, messages, results)

    async def _settle(self) -> None:
        """Commit the results alone when no intent is about to be committed."""
        if self._results and not (self._waiting() and self._pacer.wait_s() <= SOON_S):
            await self._exchange([])
            # The chats of these may get their next message now.
            self._queued = True

    async def _sleep(self) -> None:
        is_free = len(self._flying) < self._lanes or (self._ready[Purpose.REPLY] and len(self._flying) == self._lanes)
        may_leave = self._waiting() and is_free
        wait_s = self._pacer.wait_s()
        # Then the next intents are committed soon, and take along what lands until then: no need to look at each.
        self._paced = bool(may_leave) and wait_s <= SOON_S
        seconds = 0.0 if self._queued else min(LOOK_S, wait_s) if may_leave else LOOK_S
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = self._broken or error
        if self._broken is not None or not self._paced:
            self._wake.set()

    async def _send(self, outgoing: Outgoing, departure: Departure, committed: float) -> None:
        early = departure.at - self._time()
        if early > 0:
            await asyncio.sleep(early)
        now = departure.at = self._time()
        if self._pacer.still_s or now - committed > STALE_S:
            # Nothing left, so nothing is uncertain, and it may leave later if it still may.
            self._results.append(Undelivered(outgoing.id, DelayedError(self._pacer.still_s)))
            return
        try:
            number = await self._channel.send(outgoing)
        except ChannelClosedError:
            self._results.append(Undelivered(outgoing.id, DelayedError(CLOSED_S)))
            raise
        except DeliveryError as error:
            self._results.append(Undelivered(outgoing.id, error))
            await self._heed(outgoing, error)
        else:
            self._results.append(Delivered(outgoing.id, number))
            self._troubles = 0
            self._pacer.answered(departure)
            _log.debug("sent message=%s", outgoing.id)
            if outgoing.purpose is Purpose.NUDGE:
                self._rejected = 0

    async def _heed(self, outgoing: Outgoing, error: DeliveryError) -> None:
        """What a failure means for the messages after it."""
        _log.warning("unsent message=%s error=%s", outgoing.id, type(error).__name__)
        match error:
            case DelayedError(everybody=True):
                self._pacer.flooded(error.seconds)
                _log.warning("flood pause_s=%g pace=%.2f", error.seconds, self._pacer.pace)
            case DelayedError() | UncertainError():
                # One message is lost to uncertainty at each try; a channel in trouble is tried ever more rarely.
                if not self._pacer.still_s:
                    self._troubles += 1
                    self._pacer.stand_still(min(TROUBLE_MAX_S, 0.25 * 2 ** min(self._troubles, 10)))
            case RejectedError() if outgoing.purpose is Purpose.NUDGE:
                self._rejected += 1
                if self._rejected >= BREAKER:
                    await self._break()
            case UnreachableError() if outgoing.purpose is Purpose.NUDGE:
                self._rejected = 0
            case _:
                pass

    async def _break(self) -> None:
        self._rejected = 0
        self._ready[Purpose.NUDGE].clear()
        _log.error("breaker rejected=%s", BREAKER)
        await asyncio.to_thread(self._journey.pause_nudges, f"{BREAKER} nudges in a row were refused by the channel")


def _nobody() -> None:
    """Nobody waits for queued messages."""
