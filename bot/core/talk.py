"""The nouns of a conversation: what is heard from a person, what is known of them, what is said and done in return."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from bot.core.facts import Card, Choice, ConsentState, Origin, Phrase


class Standing(StrEnum):
    """How somebody stands towards us. Only `ACTIVE` people can get a nudge."""

    JOINING = "joining"
    ACTIVE = "active"
    STOPPED = "stopped"
    BLOCKED = "blocked"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Press:
    """A button: its kind, the number of our own nudge or request it is about (0: none), and the choice.

    `on` is the channel's number of the message that was pressed on; None when the channel did not tell.
    """

    kind: str
    ref: int
    choice: str
    on: int | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """`/name argument`, the name in lower case and without the bot's own name."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class SharedContact:
    """A phone number shared with the button. `own` False: it is somebody else's card."""

    phone: str
    own: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """The bot was blocked or the chat deleted; Telegram does not tell which."""


@dataclass(frozen=True, slots=True)
class Unblocked:
    pass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A sticker, a photo, a voice message: something we cannot read."""


Heard = Press | Typed | Command | SharedContact | Blocked | Unblocked | Unreadable

_PRESS = re.compile(r"v1\|([a-z]{1,2})\|([0-9a-z]{1,12})\|([a-z0-9_.-]{1,46})")


def read_press(data: str) -> Press | None:
    """The press that callback data means; None when it is not of our making."""
    match = _PRESS.fullmatch(data)
    return None if match is None else Press(match[1], int(match[2], 36), match[3])


def write_press(press: Press) -> str:
    """Callback data of at most 64 bytes: `v1|kind|ref in base 36|choice`."""
    digits, ref = "", press.ref
    while True:
        ref, digit = divmod(ref, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if not ref:
            return f"v1|{press.kind}|{digits}|{press.choice}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Nudge:
    """A nudge that was sent to this person, as the talk needs it."""

    message: int
    card: Card
    words: Phrase  # as it was sent
    chance: int | None  # in percent, that it was sent that week; None: sending was no lottery
    words_by_lot: bool
    sent_at: datetime
    origin: Origin
    signal_at: datetime
    said_by: str | None  # the team that proposed it, for origin `professional`
    situation: Phrase | None  # what the person told us, for origin `self`
    data_used: tuple[str, ...]
    legal_basis: str
    choices: frozenset[Choice] = frozenset()
    asks_contact: bool = True


class LinkResult(StrEnum):
    LINKED = "linked"
    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    TOO_MANY = "too_many"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """A talk in several steps. It ends by itself at `ends_at`, or with any command."""

    step: str
    draft: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenRequest:
    id: int
    how: str
    promised_by: date
    message: int | None = None  # the nudge that it came from


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """All that the dialogue may know when it answers. `nudge` is the one pressed on, else the newest one sent."""

    update: int  # the number of what was heard; a request for contact made now gets it
    now: datetime
    today: date  # on the person's own clock
    standing: Standing
    language: str
    languages: tuple[str, ...]
    suggested_language: str
    themes: tuple[str, ...]
    consents: Mapping[str, ConsentState]
    situations: tuple[str, ...]
    themes_of_situations: Mapping[str, tuple[str, ...]]
    paused_until: datetime | None
    nudge: Nudge | None
    flow: Flow | None
    requests: tuple[OpenRequest, ...]
    survey_due: bool
    link: LinkResult | None
    promise: date  # when somebody asked for contact now would hear from us at the latest
    stop_words: frozenset[str]
    country: str  # ISO 3166, for phone numbers without a country code
    joined: date | None
    received: int  # nudges that reached this person
    told: frozenset[str] = frozenset()  # situations told, and still open as a signal


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """One answer. Either a press, or a link that opens a page."""

    label: Phrase
    press: Press | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """One message to this person. `replaces`: it takes over the message that was pressed on, if there was one."""

    words: tuple[Phrase, ...]  # one paragraph each
    buttons: tuple[Button, ...] = ()
    replaces: bool = False
    keyboard: Literal["none", "ask_phone", "remove"] = "none"
    asks_consent: str | None = None  # the theme whose consent this text asks; the text is kept as the record


@dataclass(frozen=True, slots=True)
class SetLanguage:
    language: str


@dataclass(frozen=True, slots=True)
class Join:
    pass


@dataclass(frozen=True, slots=True)
class Consent:
    """`GIVEN`, `REFUSED` or `WITHDRAWN` for one theme; `ASKED` follows from `Say.asks_consent`."""

    theme: str
    state: ConsentState


@dataclass(frozen=True, slots=True)
class Leave:
    """Everything off at once, queued messages included."""

    standing: Standing


@dataclass(frozen=True, slots=True)
class Answered:
    message: int
    choice: Choice
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PauseUntil:
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """Go on with a talk in steps; None ends it."""

    flow: Flow | None


@dataclass(frozen=True, slots=True)
class AskContact:
    message: int | None
    how: Literal["chat", "phone"]
    daypart: str
    phone: str | None
    promised_by: date


@dataclass(frozen=True, slots=True)
class CancelContact:
    request: int


@dataclass(frozen=True, slots=True)
class TellSituation:
    code: str


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The research question was put to this person now."""


Effect = (
    SetLanguage
    | Join
    | Consent
    | Leave
    | Answered
    | PauseUntil
    | Step
    | AskContact
    | CancelContact
    | TellSituation
    | Surveyed
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What follows from what was heard. `notice`: a line above the chat that answers a press without a message."""

    effects: tuple[Effect, ...] = ()
    says: tuple[Say, ...] = ()
    notice: Phrase | None = None
