"""How fast messages may leave."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

#: As many messages as a second may hold take this much longer, at 1,000 a second the more: the road is not always as
#: long, and the closer they follow each other, the more of them a moment's delay pushes together.
GUARD_S: Final = (0.01, 0.017)
SLOW_START: Final = 1.1  # for the first second: connections are being opened, so the first messages take longer
SURE_S: Final = 0.005  # how much later than told a message that was held up may have come
LATENCY_S: Final = 0.06  # how long a call takes, until calls have told
CREDIT_S: Final = 0.02  # what a hiccup of the clock delayed may catch up so much; the second's limit holds all the same
SOON_S: Final = 0.01  # at least so long before a message may leave its intent is committed, longer if that takes longer
SOON_MAX_S: Final = 0.25
#: And with it the intents of all that may leave so soon after it: the more a second, the more a commit is shared by.
TOGETHER_S: Final = (0.02, 0.06)
NO_TIME_S: Final = 1e-6  # no clock that runs for months can tell less; who waits for it waits for ever
RECOVERY_S: Final = 60.0
SLOWEST: Final = 1 / 64


@dataclass(slots=True)
class Departure:
    """When a message may leave; once it has left, when that was, and how long the call took once it is answered."""

    at: float
    took_s: float = 0.0


class Pacer:
    """An even pace, for messages that ask when they may leave, and never more than the cap within any second.

    An intent takes time to be committed, so places are handed out a little ahead and each message waits for its own:
    what is counted is when it really left, or later if the answer tells that it was held up. After a flood all stand
    still as long as Telegram says, then go on at half the pace and are back at the whole one within a minute.
    """

    def __init__(self, rate_per_s: float, *, time: Callable[[], float]) -> None:
        """`time` is a clock in seconds that never goes back, such as `loop.time`."""
        self.guard_s = _by_rate(GUARD_S, rate_per_s)
        self._interval = (1 + self.guard_s) / rate_per_s
        self._together_s = _by_rate(TOGETHER_S, rate_per_s)
        self._time = time
        self._next = time()
        self.latency_s = LATENCY_S
        self._quickest_s = LATENCY_S
        self._soon_s = SOON_S
        self._places: deque[float] = deque()
        self._per_second = ceil(rate_per_s)
        self._left: deque[Departure] = deque(maxlen=self._per_second)
        self._still_until = self._next
        self._cut = 1.0
        self._cut_at = self._next

    @property
    def pace(self) -> float:
        """The part of the whole pace that is allowed now, 0 to 1."""
        recovered = max(0.0, self._time() - self._cut_at) / RECOVERY_S
        return min(1.0, self._cut + (1.0 - self._cut) * recovered)

    @property
    def still_s(self) -> float:
        """How long nothing at all may leave; 0 when something may now."""
        return max(0.0, self._still_until - self._time())

    @property
    def ahead_s(self) -> float:
        """How long before their moment places are handed out, at most."""
        return self._soon_s + self._together_s

    def wait_s(self) -> float:
        """How long until the next places are handed out; 0 when they are now."""
        wait = max(self._next - self._soon_s - self._time(), self.still_s)
        return wait if wait > NO_TIME_S else 0.0

    def take(self, wanted: int) -> int:
        """Set up to `wanted` places aside, for messages whose intents are committed now; returns how many there are."""
        now = self._time()
        if self.wait_s():
            return 0
        interval = self._interval / self.pace
        if len(self._left) < self._per_second:
            interval *= SLOW_START
        taken = 0
        while taken < wanted and self._next - now <= self.ahead_s:
            place = max(self._next, now - CREDIT_S)
            self._places.append(place)
            self._next = place + interval
            taken += 1
        return taken

    def give_back(self, unused: int) -> None:
        """Places that were set aside for messages that do not leave."""
        for _ in range(unused):
            self._next = self._places.pop()

    def depart(self) -> Departure:
        """The first place that was set aside. Whoever gets it notes in it when the message really left."""
        at = self._places.popleft()
        if len(self._left) == self._per_second:
            first = self._left[0]
            held_up = first.took_s - self._quickest_s
            at = max(at, first.at + 1 + max(held_up + SURE_S, self.guard_s * 0.75))
        departure = Departure(at)
        self._left.append(departure)
        return departure

    def committed(self, took_s: float) -> None:
        """Intents are durable; that took so long."""
        wanted = 1.5 * took_s
        self._soon_s += (min(SOON_MAX_S, max(SOON_S, wanted)) - self._soon_s) / (2 if wanted > self._soon_s else 16)

    def answered(self, departure: Departure) -> None:
        """Its answer is there. What took longer than the quickest lately may have come so much later."""
        took = departure.took_s = self._time() - departure.at
        self._quickest_s += (took - self._quickest_s) / (1 if took < self._quickest_s else 4096)
        self.latency_s += (took - self.latency_s) / (4 if took < self.latency_s else 16)

    def stand_still(self, seconds: float) -> None:
        """Let nothing leave for so long, without slowing down afterwards."""
        self._still_until = max(self._still_until, self._time() + seconds)

    def flooded(self, seconds: float) -> None:
        """A 429. Those of other messages that were on their way cut the pace once, not once each."""
        if not self.still_s:
            self._cut = max(SLOWEST, self.pace / 2)
        self.stand_still(seconds)
        self._cut_at = self._still_until


def _by_rate(between: tuple[float, float], rate_per_s: float) -> float:
    """The second at 1,000 a second and above, in proportion below, and never under the first."""
    least, most = between
    return min(most, max(least, most * rate_per_s / 1000))
