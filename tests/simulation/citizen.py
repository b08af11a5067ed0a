"""One person as the model sees them: what they said, in the order in which they said it, and what they were sent.

What counts is what the bot has taken to heart so far, in the citizen's own order (the number of the update): of two
things that arrive in the wrong order, the later one was meant.
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

DAY = timedelta(days=1)
NOTES = "_notes"  # as the record calls the consent to a month's note
QUIET = {
    "morning": (time(12), time(9)), "afternoon": (time(17), time(12)), "daytime": (time(17), time(9)), "usual": None,
}  # fmt: skip


@dataclass(slots=True)
class Said:
    """`what`: the data of a button, or `stop`, `gone`, `other`. `shown` is the text that the button stood under."""

    update: float
    at: datetime
    what: str
    shown: str = ""
    stored: datetime | None = None
    heard: datetime | None = None

    @property
    def leaves(self) -> bool:
        """Whether it is a stop, whichever way it was said, or a block."""
        return self.what in {"stop", "gone"} or self.what.endswith(("|stop", "|e|0|yes"))


@dataclass(slots=True)
class Received:
    """A nudge in somebody's chat."""

    message: int
    at: datetime
    text: str
    card: str = ""


@dataclass(slots=True)
class Noted:
    """A month's note in somebody's chat."""

    month: str
    at: datetime


@dataclass
class Standing:
    """What follows from all that was said."""

    active: bool = False
    consents: dict[str, datetime] = field(default_factory=dict)
    paused_until: datetime | None = None
    quiet: tuple[time, time] | None = None
    rest_days: int = 14
    declined: dict[int, datetime] = field(default_factory=dict)
    snoozed: dict[int, datetime] = field(default_factory=dict)

    def take(self, said: Said, consent: timedelta) -> None:
        at = said.heard or said.at
        kind, ref, choice = _read(said.what)
        name, _, value = choice.partition(".")
        match kind, name:
            case ("stop" | "gone", _) | ("n", "stop") | ("s", "stop"):
                self.active, self.consents = False, {}
            case "e", "yes":
                self.active, self.consents, self.quiet, self.rest_days = False, {}, None, 14
            case "w", "yes" if not self.active:
                self.active, self.consents, self.paused_until = True, {}, None
            case ("d" | "t", "yes" | "renew") if self.active:
                if name == "renew" or self.consents.get(value, at) <= at:  # a yes while it holds says nothing new
                    self.consents[value] = at + consent
            case ("d" | "t", "no" | "off"):
                self.consents.pop(value, None)
            case "n", "no" if self.active:
                self.declined.setdefault(ref, at)
            case "n", "not_now" if self.active:
                self.snoozed[ref] = at + 30 * DAY
            case "n", "later" if self.active and value.isdecimal():
                self.snoozed[ref] = at + int(value) * DAY
            case "s", "notes" if self.active and value == "yes":
                if self.consents.get(NOTES, at) <= at:
                    self.consents[NOTES] = at + consent
            case "s", "notes" if value == "no":
                self.consents.pop(NOTES, None)
            case "s", "pause" if self.active and value:
                self.paused_until = None if value == "off" else at + int(value) * DAY
            case "s", "quiet" if self.active and value in QUIET:
                self.quiet = QUIET[value]
            case "s", "often" if self.active and value:
                self.rest_days = 14 if value == "usual" else max(14, int(value))


class Citizen:
    """`consent`: how long a yes holds."""

    def __init__(self, consent: timedelta) -> None:
        self._consent = consent
        self._said: dict[float, Said] = {}
        self._waiting: dict[float, Said] = {}
        self._taken: list[Said] = []
        self._standing = Standing()
        self.nudges: list[Received] = []
        self.notes: list[Noted] = []

    def says(self, said: Said) -> None:
        self._said[said.update] = self._waiting[said.update] = said

    def stored(self, update: float, now: datetime) -> None:
        said = self._said[update]
        said.stored = said.stored or now

    def left_at(self) -> datetime | None:
        """When a stop was stored that the bot has not taken to heart yet."""
        return min((one.stored for one in self._waiting.values() if one.leaves and one.stored), default=None)

    def refused_notes_at(self) -> datetime | None:
        """When a no to notes was stored that the bot has not taken to heart yet."""
        waiting = (one.stored for one in self._waiting.values() if one.what.endswith("|notes.no"))
        return min((at for at in waiting if at), default=None)

    def said(self, update: float) -> Said | None:
        return self._said.get(update)

    def heard(self, update: float, now: datetime) -> Said | None:
        """The bot has taken this update to heart. Only the first time counts."""
        said = self._said.get(update)
        if said is None or said.heard is not None:
            return None
        said.heard = now
        del self._waiting[update]
        if not self._taken or self._taken[-1].update < update:
            self._taken.append(said)
            self._standing.take(said, self._consent)
        else:
            self._taken = sorted([*self._taken, said], key=lambda one: one.update)
            self._standing = Standing()
            for one in self._taken:
                self._standing.take(one, self._consent)
        return said

    def gone(self, now: datetime) -> None:
        """Telegram told the bot that this person blocked it, in answer to a message."""
        latest = max(self._said, default=0.0)
        while latest in self._said:
            latest += 1 / 64
        self.says(Said(latest, now, "gone"))
        self.heard(latest, now)

    @property
    def was_erased(self) -> bool:
        return any(one.what == "v1|e|0|yes" for one in self._taken)

    @property
    def standing(self) -> Standing:
        return self._standing


def _read(what: str) -> tuple[str, int, str]:
    """`v1|kind|ref in base 36|choice`, the form that DESIGN section 5 gives; anything else is a word of its own."""
    parts = what.split("|")
    return (parts[1], int(parts[2], 36), parts[3]) if len(parts) == 4 else (what, 0, "")
