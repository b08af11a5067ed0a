"""Failures on request: what a bot must live with and Telegram does not do when one wants it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.sandbox.wire import BLOCKED, CHAT_NOT_FOUND, NO_SUCH_METHOD, OTHER_POLLER, RefusedError, too_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.wire import Params

_USUAL = {
    400: CHAT_NOT_FOUND,
    401: "Unauthorized",
    403: BLOCKED,
    404: NO_SUCH_METHOD,
    409: OTHER_POLLER,
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Drop(StrEnum):
    """When the connection breaks: before the call has an effect, or after it had one and before the answer."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One failure, for the next `times` calls that fit.

    With a `code` the call has no effect. With `delay_s` alone it has its effect at once and is answered late, as for a
    client whose time runs out after its bytes have left; with a `code` the refusal comes late.
    """

    method: str = "*"
    """The method in any case; `*` for all but getUpdates."""
    code: int | None = None
    description: str | None = None
    """None: Telegram's usual text for the code."""
    retry_after: int | None = None
    """Seconds, for a 429."""
    times: int = 1
    chat_id: int | None = None
    contains: str | None = None
    """Only calls that carry this in one of their texts."""
    drop: Drop | None = None
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.code is None and self.drop is None and self.delay_s <= 0:
            raise ValueError("a fault needs a code, a drop or a delay_s")

    def refusal(self) -> RefusedError | None:
        """The answer instead of the effect; None when the call goes through."""
        match self.code:
            case None:
                return None
            case 429 if self.description is None:
                return too_many(self.retry_after if self.retry_after is not None else 1)
            case code:
                usual = self.description or _USUAL.get(code, "Bad Request")
                return RefusedError(code, usual, retry_after=self.retry_after)

    def fits(self, method: str, params: Params) -> bool:
        """Whether this failure is meant for a call."""
        wanted = self.method.lower()
        if wanted != method.lower() and not (wanted == "*" and method.lower() != "getupdates"):
            return False
        if self.chat_id is not None and str(params.values.get("chat_id")) != str(self.chat_id):
            return False
        texts = (value for value in params.values.values() if isinstance(value, str))
        return self.contains is None or any(self.contains in text for text in texts)


class Faults:
    """The failures that are still to come, oldest first."""

    def __init__(self) -> None:
        self._left: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` happen."""
        self._left.append((fault, fault.times))

    def take(self, method: str, params: Params) -> Fault | None:
        """The failure for this call, used up once."""
        for place, (fault, left) in enumerate(self._left):
            if fault.fits(method, params):
                self._left[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None

    def clear(self) -> None:
        """Let nothing more fail."""
        self._left.clear()


class FloodLimit:
    """At most `per_second` messages in any second of the tick, over all chats."""

    def __init__(self, per_second: int | None, tick: Callable[[], float]) -> None:
        self._per_second = per_second
        self._tick = tick
        self._sent: deque[float] = deque()

    def check(self) -> None:
        """Count one message. Raises the 429 when it is one too many; that one is not counted."""
        if self._per_second is None:
            return
        now = self._tick()
        while self._sent and self._sent[0] <= now - 1.0:
            self._sent.popleft()
        if len(self._sent) >= self._per_second:
            raise too_many(max(1, math.ceil(self._sent[0] + 1.0 - now)))
        self._sent.append(now)
