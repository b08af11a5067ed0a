"""What a process has to keep doing, and how long it may be silent before that is said aloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.core.facts import Purpose
from bot.store.vitals import Vitals
from bot.watch import Watch

#: So long may a message wait that could leave, while none leaves.
WAITS: Final = {
    Purpose.REPLY: timedelta(minutes=2),
    Purpose.CONFIRMATION: timedelta(minutes=30),
    Purpose.NUDGE: timedelta(minutes=30),
}


@dataclass(frozen=True, slots=True)
class Duty:
    """`steps` of `bot.watch` show that it is done; after `limit_s` seconds without one of them it is silent.

    `ours`: a new start of this process may help; otherwise something outside is away.
    """

    name: str
    steps: tuple[str, ...]
    limit_s: float
    means: str
    ours: bool = True


LOOP: Final = Duty("loop", ("loop",), 15, "the event loop stands still: something blocks it")
TICK: Final = Duty("tick", ("call_dates", "plan", "decide"), 120, "no tick: signals are not planned")
SEND: Final = Duty("send", ("lease", "depart", "sweep"), 60, "the sender does not ask for due messages")
HEAR: Final = Duty("hear", ("unheard", "hear", "fail"), 60, "updates that came in are not worked off")
POLL: Final = Duty("poll", ("poll",), 180, "Telegram gave no answer to getUpdates", ours=False)


@dataclass(frozen=True, slots=True)
class Silence:
    """A duty that is not done. `for_s` seconds since it last was, or since the process began."""

    duty: str
    for_s: int
    means: str
    ours: bool

    def __str__(self) -> str:
        return f"{self.means}, for {self.for_s} s"


def silences(watch: Watch, duties: Mapping[Duty, float]) -> list[Silence]:
    """The duties that are not done. `duties`: since when each is one, on the clock of `watch`."""
    now, found = watch.time(), []
    for duty, since in duties.items():
        age = watch.age_s(*duty.steps)
        # Whoever takes a duty over is not late for what came before.
        quiet = now - since if age is None else min(age, now - since)
        if quiet > duty.limit_s:
            found.append(Silence(duty.name, int(quiet), duty.means, duty.ours))
    return found


def stuck(vitals: Vitals, last_sent_s: float | None) -> list[Silence]:
    """Messages that could leave and do not. `last_sent_s`: seconds since any message left; None: none did yet.

    What has to wait is not stuck: in quiet hours a nudge is put off, and then it is not due; and a pause holds all.
    """
    if vitals.all_paused_until is not None:
        return []
    found = []
    for purpose, limit in WAITS.items():
        waits = vitals.due[purpose].age_s(vitals.at)
        held = purpose is Purpose.NUDGE and vitals.nudges_paused is not None
        quiet = waits if last_sent_s is None else min(waits, last_sent_s)
        if not held and quiet > limit.total_seconds():
            means = f"a {purpose.name.lower()} could leave and nothing was sent"
            found.append(Silence(f"due_{purpose.name.lower()}", int(quiet), means, ours=False))
    return found
