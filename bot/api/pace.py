"""How often somebody knocked lately: a moving window, kept in the memory of this process."""

import math
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

_MINUTE: Final = timedelta(minutes=1)
_MOST: Final = 10_000


class Pace:
    """At most `per_minute` knocks in any minute for each name; with several processes, for each of them."""

    def __init__(self, per_minute: int, clock: Callable[[], datetime]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._knocks: dict[str, deque[datetime]] = {}

    def knock(self, name: str) -> bool:
        """Count one; False, and it is not counted, when it would be too many."""
        if self.wait_s(name):
            return False
        if name not in self._knocks and len(self._knocks) >= _MOST:
            self._forget()
        self._knocks.setdefault(name, deque()).append(self._clock())
        return True

    def wait_s(self, name: str) -> int:
        """After how many whole seconds the next one may come; 0: now."""
        now, knocks = self._clock(), self._knocks.get(name)
        # A clock that was set back must not shut somebody out for longer than the window.
        while knocks and not now - _MINUTE < knocks[0] <= now:
            knocks.popleft()
        if not knocks or len(knocks) < self.per_minute:
            return 0
        return math.ceil((knocks[-self.per_minute] + _MINUTE - now).total_seconds())

    def _forget(self) -> None:
        """Let go of who came no more; of everybody, when all came just now."""
        horizon = self._clock() - _MINUTE
        self._knocks = {name: knocks for name, knocks in self._knocks.items() if knocks and knocks[-1] > horizon}
        if len(self._knocks) >= _MOST:
            self._knocks.clear()


def neighbourhood(address: str | None) -> str:
    """Whom to count an address with: itself, or for IPv6 its /64, which one subscriber has to themselves."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return "unknown"
    return f"{int(known) >> 64:x}" if isinstance(known, IPv6Address) else str(known)
