"""Time and chance for a town: a clock that only moves when the town says so, and an event loop that lives on it.

Nothing waits for real. When the loop has nothing left to do, the clock jumps to the next timer; what other programs do
in a thread happens at once, and its result comes a turn later, so that tasks still run in between each other.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Clock:
    """Seconds since `start`, and the moment that they stand for."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        return (self.start + timedelta(seconds=self.seconds)).astimezone(UTC)

    def move_to(self, moment: datetime) -> None:
        self.seconds = max(self.seconds, (moment - self.start).total_seconds())


class _Timers(selectors.SelectSelector):
    """Waiting for a timer is moving the clock; nothing else can be waited for."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everybody waits for something that nobody will do")
        if timeout > 0:
            self._clock.seconds += timeout
        return []


class Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        super().__init__(_Timers(clock))
        self._town_clock = clock
        self._clock_resolution = 1e-5  # seconds add up to years, so the last digits of a double are coarse
        self.set_exception_handler(lambda _loop, _context: None)  # what a dead process leaves unread

    def time(self) -> float:
        return self._town_clock.seconds

    def run_in_executor(self, executor, func, *args):
        future = self.create_future()
        try:
            outcome, error = func(*args), None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as raised:  # noqa: BLE001 - a thread hands over whatever it was
            outcome, error = None, raised

        def hand_over() -> None:
            if not future.done():
                if error is None:
                    future.set_result(outcome)
                else:
                    future.set_exception(error)

        self.call_soon(hand_over)
        return future

    def run(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        """Do it to the end. Whatever it left running is cancelled: the process that did it is over."""
        try:
            return self.run_until_complete(doing)
        finally:
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            if left:
                self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
