"""What a process has to keep doing, and how long it may be silent before that is said aloud."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.core.facts import Purpose
from bot.restoring import GUARD
from bot.store.vitals import Process, Vitals
from bot.watch import Watch

#: So long may a message wait that could leave, while none leaves.
WAITS: Final = {
    Purpose.REPLY: timedelta(minutes=2),
    Purpose.CONFIRMATION: timedelta(minutes=30),
    Purpose.NUDGE: timedelta(minutes=30),
    Purpose.NOTE: timedelta(hours=6),  # it leaves when nothing else wants to
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


def stuck(vitals: Vitals, processes: Collection[Process]) -> list[Silence]:
    """Messages that could leave and do not. `processes`: all that are at work, as any of them may be who sends.

    What has to wait is not stuck: in quiet hours a nudge is put off, and then it is not due; a pause holds all nudges,
    after a restore notices too, and a flood holds everything.
    """
    if vitals.all_paused_until is not None:
        return []
    sent = max((process.worked["sent"] for process in processes if "sent" in process.worked), default=None)
    last_sent_s = None if sent is None else (vitals.at - sent).total_seconds()
    held = _held(vitals)
    found = []
    for purpose, limit in WAITS.items():
        waits = vitals.due[purpose].age_s(vitals.at)
        quiet = waits if last_sent_s is None else min(waits, last_sent_s)
        if purpose not in held and quiet > limit.total_seconds():
            means = f"a {purpose.name.lower()} could leave and nothing was sent"
            found.append(Silence(f"due_{purpose.name.lower()}", int(quiet), means, ours=False))
    return found


def _held(vitals: Vitals) -> Collection[Purpose]:
    """What a pause holds."""
    if vitals.nudges_paused is None:
        return ()
    restored = vitals.nudges_paused.get("who") == GUARD
    return (Purpose.NUDGE, Purpose.NOTE, Purpose.CONFIRMATION) if restored else (Purpose.NUDGE, Purpose.NOTE)
