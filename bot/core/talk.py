"""The nouns of a conversation: what is heard from a person, what is known of them, what is said and done in return."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from bot.core.facts import Card, Choice, ConsentState, Origin, Phrase, Tone


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
    return f"v1|{press.kind}|{_in_base_36(press.ref)}|{press.choice}"


@lru_cache(maxsize=16)  # the buttons of one message all name the same
def _in_base_36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if not number:
            return digits


#: The consent that is asked for research. It stands among the themes' and can be none of theirs.
RESEARCH = "_research"
#: The same for the note that tells, once a month at most, what was done with people's answers.
NOTES = "_notes"


class Handover(StrEnum):
    """When the organisation that delivers a service hears anything about a person, if ever."""

    NEVER = "never"
    ON_CONTACT_REQUEST = "on_contact_request"
    ON_CITIZEN_ACTION = "on_citizen_action"


@dataclass(frozen=True, kw_only=True, slots=True)
class Referral:
    """The other organisation where a service is to be had, and what it will be told."""

    organisation: str
    handover: Handover


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service that goes with the one of a nudge, and may be told about on request."""

    card: str
    referral: Referral | None = None


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
    opinions: frozenset[str] = frozenset()  # the dimensions of personal service that were answered about it
    asks_contact: bool = True
    referral: Referral | None = None  # None: the municipality delivers it itself
    related: tuple[Service, ...] = ()
    told: tuple[Phrase, ...] = ()  # situations that the campaign asked for, and that this person had told


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
    talking: bool = False  # staff wrote already, and the talk is not closed
    reminded: bool = False  # a reminder was asked for


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
    rest_days: Mapping[str, int] = field(default_factory=dict)  # by situation: how long we are silent after it is told
    earlier: tuple[tuple[int, date], ...] = ()  # nudges before the newest one, newest first, with the day they came
    tone: Tone | None = None
    quiet: tuple[time, time] | None = None
    quiet_rules: tuple[time, time] = (time(20), time(9))
    own_rest: int | None = None  # the shortest pause that the person asked for, in days
    pause_days: int | None = None  # days from one nudge to the next by what was answered; known where it is asked for
    renewable: frozenset[str] = frozenset()  # themes whose consent ends soon or has ended
    survey_turn: int = 0  # how many research questions came before; each person starts somewhere else
    person_code: str = ""  # names this person towards the municipality, on a letter or at the desk
    emergencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: tuple[Phrase, ...] = ()  # the newest note of what was done with answers; it is known where it is asked for


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
    with_data: bool = False  # everything that is kept goes along as a file


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
    how: Literal["chat", "phone", "desk"]
    daypart: str
    phone: str | None
    promised_by: date


@dataclass(frozen=True, slots=True)
class CancelContact:
    request: int


@dataclass(frozen=True, slots=True)
class RemindContact:
    """Remind this person on the day of the promise; it is never done unasked."""

    request: int


@dataclass(frozen=True, slots=True)
class KeepText:
    """What somebody typed, for the staff who answer this request. Numbers of people and accounts are out of it."""

    request: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TellSituation:
    code: str


@dataclass(frozen=True, slots=True)
class TakeBackSituation:
    code: str


@dataclass(frozen=True, slots=True)
class SetTone:
    tone: Tone | None


@dataclass(frozen=True, slots=True)
class SetQuiet:
    """Quiet hours of one's own, from and until; None: those of the rules."""

    quiet: tuple[time, time] | None


@dataclass(frozen=True, slots=True)
class SetRest:
    """The shortest pause between messages, in days; None: as usual, and "too often" from before is taken back."""

    days: int | None


@dataclass(frozen=True, slots=True)
class Erase:
    """Forget everything that identifies this person. The receipt that goes with it is the last message."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The research question was put to this person now."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """An answer to one of the eight questions about personal service."""

    message: int
    dimension: str
    answer: Literal["yes", "no", "no_opinion"]


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
    | RemindContact
    | KeepText
    | TellSituation
    | TakeBackSituation
    | SetTone
    | SetQuiet
    | SetRest
    | Erase
    | Surveyed
    | Opinion
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What follows from what was heard. `notice`: a line above the chat that answers a press without a message."""

    effects: tuple[Effect, ...] = ()
    says: tuple[Say, ...] = ()
    notice: Phrase | None = None


#: The button no longer means anything, or what it asks was answered already: nothing changes, and a line says so.
OLD = Turn(notice=Phrase("old.notice"))
ALREADY = Turn(notice=Phrase("already.notice"))
