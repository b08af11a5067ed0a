"""How fast messages may leave."""

from collections.abc import Callable
from typing import Final

MARGIN: Final = 0.99  # at the cap itself one hiccup of the clock is a flood
CREDIT_S: Final = 0.004  # a whole interval let one hiccup start a chain of 429s (measured)
RECOVERY_S: Final = 60.0
SLOWEST: Final = 1 / 64


class Pacer:
    """The generic cell rate algorithm, for messages that ask when they may leave: an even pace and no burst.

    After a flood it stands still as long as Telegram says, then goes on at half the pace and is back at the whole one
    within a minute.
    """

    def __init__(self, rate_per_s: float, *, time: Callable[[], float]) -> None:
        """`time` is a clock in seconds that never goes back, such as `loop.time`."""
        self._interval = 1 / (rate_per_s * MARGIN)
        self._time = time
        self._next = time()
        self._still_until = self._next
        self._cut = 1.0
        self._cut_at = self._next

    @property
    def pace(self) -> float:
        """The part of the whole pace that is allowed now, 0 to 1."""
        recovered = max(0.0, self._time() - self._cut_at) / RECOVERY_S
        return min(1.0, self._cut + (1.0 - self._cut) * recovered)

    @property
    def is_still(self) -> bool:
        """Whether nothing at all may leave now."""
        return self._time() < self._still_until

    def wait_s(self) -> float:
        """How long until the next message may leave; 0 when it may leave now."""
        return max(0.0, max(self._next - CREDIT_S, self._still_until) - self._time())

    def take(self, wanted: int) -> int:
        """Let up to `wanted` messages leave now; returns how many may."""
        now = self._time()
        if self.is_still:
            return 0
        interval = self._interval / self.pace
        taken = 0
        while taken < wanted and now >= self._next - CREDIT_S:
            self._next = max(self._next, now) + interval
            taken += 1
        return taken

    def give_back(self, unused: int) -> None:
        """Messages that were let go and did not leave."""
        self._next -= unused * self._interval / self.pace

    def stand_still(self, seconds: float) -> None:
        """Let nothing leave for so long, without slowing down afterwards."""
        self._still_until = max(self._still_until, self._time() + seconds)

    def flooded(self, seconds: float) -> None:
        """A 429. Those of other messages that were on their way cut the pace once, not once each."""
        if not self.is_still:
            self._cut = max(SLOWEST, self.pace / 2)
        self.stand_still(seconds)
        self._cut_at = self._still_until
