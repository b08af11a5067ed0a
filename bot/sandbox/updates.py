"""The queue of updates on their way to the bot, with the lives that Telegram gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.sandbox.wire import Json

PRESS_LIFE_S = 150.0  # tdlib/telegram-bot-api Client.cpp 17155: a press that is not fetched by then is gone.
LIFE_S = 24 * 3600.0
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


def kind_of(update: Json) -> str:
    """The type of an update as `allowed_updates` names it."""
    return next((name for name in update if name != "update_id"), "")


@dataclass(frozen=True, slots=True)
class _Waiting:
    update: Json
    gone_at: float  # by the tick


class Updates:
    """Unconfirmed updates in order of id. Lives are counted by the tick, so a moved clock costs nobody a press."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._waiting: dict[int, _Waiting] = {}
        self._again: list[Json] = []
        self._repeats = 0
        self._swap = False
        self.allowed: frozenset[str] | None = None
        """The types that the bot asked for; None means all but those that Telegram leaves out by default."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, number: int) -> bool:
        return number in self._waiting

    def wants(self, update: Json) -> bool:
        """Whether the bot asked for updates of this type."""
        kind = kind_of(update)
        return kind not in NOT_BY_DEFAULT if self.allowed is None else kind in self.allowed

    def add(self, update: Json) -> None:
        """Put an update at the end of the queue."""
        life = PRESS_LIFE_S if "callback_query" in update else LIFE_S
        self._waiting[update["update_id"]] = _Waiting(update, self._tick() + life)

    def remove(self, ids: Iterable[int]) -> None:
        """Take updates out for good; those asked to be repeated come once more."""
        for number in ids:
            waiting = self._waiting.pop(number, None)
            if waiting is not None and self._repeats:
                self._repeats -= 1
                self._again.append(waiting.update)

    def expired(self) -> list[int]:
        """The ids whose life is over."""
        if not self._waiting:
            return []
        now = self._tick()
        return [number for number, waiting in self._waiting.items() if waiting.gone_at <= now]

    def below(self, offset: int) -> list[int]:
        """The ids that `offset` confirms; a negative offset confirms all but the last `-offset`."""
        if offset < 0:
            return sorted(self._waiting)[:offset]
        return [number for number in self._waiting if number < offset]

    def batch(self, limit: int) -> list[Json]:
        """What goes out next. While a swap is asked for, a single update waits until a second one comes."""
        fresh = [waiting.update for waiting in self._waiting.values()][:limit]
        if self._swap:
            if len(self._waiting) < 2:
                return []
            self._swap = False
            if limit > 1:
                fresh[:2] = fresh[1::-1]
            else:
                fresh = [list(self._waiting.values())[1].update]
        again, self._again = self._again, []
        return again + fresh

    def repeat(self, times: int = 1) -> None:
        """Deliver the next `times` updates again after the bot has confirmed them."""
        self._repeats += times

    def swap(self) -> None:
        """Deliver the next two updates in the wrong order."""
        self._swap = True

    def clear(self) -> None:
        """Forget what waits and what was asked for."""
        self._waiting.clear()
        self._again.clear()
        self._repeats = 0
        self._swap = False
        self.allowed = None
