"""Who of one process writes next."""

import threading
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

#: So many who came before are overtaken by somebody urgent. A number, so that nobody waits for ever.
OVERTAKES: Final = 4


class Turns:
    """One writer at a time, in the order of their coming; the turn is handed over, so that nobody slips in between."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._numbers = count()
        self._waiting: list[tuple[int, int, threading.Event]] = []

    def take(self, *, urgent: bool, wait_s: float) -> bool:
        """Wait for a turn; False when none came within `wait_s` seconds. Who got one must give it."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            number, called = next(self._numbers), threading.Event()
            place = (number - OVERTAKES if urgent else number, number, called)
            heappush(self._waiting, place)
        if called.wait(wait_s):
            return True
        with self._lock:
            if place not in self._waiting:
                return True  # it came at this very moment
            self._waiting.remove(place)
            heapify(self._waiting)
            return False

    def give(self) -> None:
        with self._lock:
            if self._waiting:
                heappop(self._waiting)[-1].set()
            else:
                self._taken = False
