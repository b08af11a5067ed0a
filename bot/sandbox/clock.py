"""The sandbox's sense of time: a date that a person may move on, and ticks that nobody can."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, assert_never, runtime_checkable
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


class Clock(Protocol):
    """Tells the date that messages carry."""

    def now(self) -> datetime:
        """The moment, aware and in UTC."""
        ...


@runtime_checkable
class Ticking(Protocol):
    """A clock whose dates may jump, and which also counts the seconds that really pass."""

    def tick(self) -> float:
        """Seconds from an arbitrary start; never moved by hand."""
        ...


class MovableClock:
    """A clock that runs from `start` at the pace of `tick` and can be moved on, never back."""

    def __init__(self, start: datetime, tick: Callable[[], float]) -> None:
        """`start` must be aware; `tick` counts monotonic seconds, such as `time.monotonic`."""
        self._tick = tick
        self._set(start)

    def now(self) -> datetime:
        """The moment, aware and in UTC."""
        return self._start + timedelta(seconds=self._tick() - self._zero)

    def tick(self) -> float:
        """The monotonic seconds behind the clock; moving the clock does not touch them."""
        return self._tick()

    def move_to(self, moment: datetime) -> None:
        """Go on from `moment` (aware). Raises ValueError when it lies in the past of this clock."""
        if moment.tzinfo is None:
            raise ValueError(f"the clock moves to a moment with a zone, not to {moment.isoformat()}")
        if moment < self.now():
            raise ValueError(f"the clock only moves on: {moment.isoformat()} lies before {self.now().isoformat()}")
        self._set(moment)

    def _set(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError(f"a clock starts at a moment with a zone, not at {moment.isoformat()}")
        self._start = moment.astimezone(UTC)
        self._zero = self._tick()


class Preset(StrEnum):
    """The moments that the chat page offers."""

    TONIGHT = "tonight"
    TOMORROW = "tomorrow"
    FIVE_WEEKS = "five_weeks"


def preset_moment(preset: Preset, now: datetime) -> datetime:
    """The first moment after `now` that fits `preset`, by the wall clock in Amsterdam, as UTC."""
    local = now.astimezone(AMSTERDAM)
    match preset:
        case Preset.TONIGHT:
            days, hour = (0 if local.hour < 21 else 1), 21
        case Preset.TOMORROW:
            days, hour = 1, 10
        case Preset.FIVE_WEEKS:
            days, hour = 35, 10  # whoever said nothing may be written to again
        case _:
            assert_never(preset)
    day = local.date() + timedelta(days=days)
    return datetime.combine(day, time(hour), tzinfo=AMSTERDAM).astimezone(UTC)
