"""The nouns. Every moment is an aware `datetime`; ids are opaque strings; a projection holds what a decision needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words to be said, named by their key in messages/ and filled in when the reader's language is known."""

    key: str
    params: "Mapping[str, Value]" = field(default_factory=dict)


#: A tuple is said as a list ("a, b and c").
Value = str | int | date | Phrase | tuple[Phrase, ...]


class Origin(StrEnum):
    """Where a signal comes from; it decides what "why did I get this?" answers."""

    SELF = "self"
    CALENDAR = "calendar"
    REGISTER = "register"
    PROFESSIONAL = "professional"


class Sensitivity(StrEnum):
    """What being addressed says of a person: S0 nothing, S1 an ordinary scheme, S2 tight money or care, S3 illness."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"

    @property
    def teaser_first(self) -> bool:
        """Whether a lock screen may show no more than a neutral teaser."""
        return self in {Sensitivity.S2, Sensitivity.S3}


class Purpose(IntEnum):
    """What a message is for. The lower leaves first."""

    REPLY = 0
    CONFIRMATION = 1
    NUDGE = 2
    NOTE = 3  # what changed because of answers, for who asked for it


class Tone(StrEnum):
    NEUTRAL = "neutral"
    WARM = "warm"
    PRACTICAL = "practical"


class Learning(StrEnum):
    """How a campaign decides whether to write now: always, by an even lottery, or by a lottery that learns."""

    FIXED = "fixed"
    TRIAL = "trial"
    ADAPTIVE = "adaptive"


class Level(StrEnum):
    """How far AP24's weighing lets this service go."""

    INFORM = "inform"
    INFORM_AND_OFFER_CONTACT = "inform_and_offer_contact"
    HUMAN_ONLY = "human_only"


class CardStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


class ConsentState(StrEnum):
    ASKED = "asked"
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Choice(StrEnum):
    """What a citizen can answer to a nudge."""

    MORE = "more"
    SELF = "self"
    CONTACT = "contact"
    NOT_NOW = "not_now"
    NO = "no"
    HAVE_IT = "have_it"
    NOT_ABOUT_ME = "not_about_me"
    NOT_THEME = "not_theme"
    OTHER_SENDER = "other_sender"
    TOO_OFTEN = "too_often"
    WHY = "why"
    STOP = "stop"
    WELCOME = "welcome"
    UNWELCOME = "unwelcome"
    NO_OPINION = "no_opinion"
    EXPECTED = "expected"
    UNEXPECTED = "unexpected"

    @property
    def closes(self) -> bool:
        """Whether this answers the nudge, so that its question is no longer open. Asking why does not."""
        return self is not Choice.WHY


#: Answers of interest weigh the same, so that learning cannot chase contact requests or uptake (DESIGN 7).
INTERESTED = frozenset({Choice.MORE, Choice.SELF, Choice.CONTACT})
DECLINED = frozenset({Choice.NO, Choice.HAVE_IT, Choice.NOT_ABOUT_ME, Choice.NOT_THEME, Choice.OTHER_SENDER})
#: Why "no thanks", in one tap. None of them has to be given.
REASONS = (
    Choice.HAVE_IT,
    Choice.NOT_ABOUT_ME,
    Choice.NOT_THEME,
    Choice.OTHER_SENDER,
    Choice.TOO_OFTEN,
    Choice.UNWELCOME,
)
DISLIKED = frozenset({Choice.UNWELCOME, Choice.TOO_OFTEN, Choice.STOP})


class Reason(StrEnum):
    """Why a signal did not lead to a message now. The order is the order in which the gate asks."""

    NO_CAMPAIGN = "no_campaign"
    UNKNOWN_PERSON = "unknown_person"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    CARD_NOT_IN_FORCE = "card_not_in_force"
    SIGNAL_NOT_ENABLED = "signal_not_enabled"
    SIGNAL_EXPIRED = "signal_expired"
    STOPPED = "stopped"
    NO_CONSENT = "no_consent"
    NOT_IN_AUDIENCE = "not_in_audience"
    CARD_DECLINED = "card_declined"
    CARD_CAP = "card_cap"
    YEAR_CAP = "year_cap"
    TOO_EARLY = "too_early"
    PAUSED = "paused"
    SNOOZED = "snoozed"
    OPEN_QUESTION = "open_question"
    CARD_GAP = "card_gap"
    RESTING = "resting"
    MONTH_CAP = "month_cap"
    WAVE = "wave"
    QUIET = "quiet"
    LOTTERY = "lottery"
    HOLDOUT = "holdout"
    NO_WORDING = "no_wording"
    CAMPAIGN_FULL = "campaign_full"
    TAKEN_BACK = "taken_back"


class Onward(StrEnum):
    """How to go on after an old copy of the database was put back: it knows neither what left since nor who stopped.

    SEND: nothing happened since. WITHDRAW: what may have left is never sent again. ASK: that too, and everybody is
    asked anew whether we may go on.
    """

    SEND = "send"
    ASK = "ask"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalRule:
    """One kind of signal that a card answers. The window is in days after the event; negative before a deadline."""

    type: str
    origin: Origin
    earliest_day: int
    latest_day: int
    enabled: bool
    legal_basis: str = ""
    data_used: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What decisions need of a service card; the whole card is `bot.wording.cards.ServiceCard`."""

    id: str
    version: int
    theme: str
    sensitivity: Sensitivity
    level: Level
    status: CardStatus
    valid_from: date
    valid_until: date | None  # None: no end is set
    review_due: date
    max_sends: int  # per card, person and year
    min_gap_days: int
    silence_after_no_days: int
    signals: tuple[SignalRule, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """Something happened that makes a service relevant. `citizen` None: it concerns everybody who chose the theme."""

    id: str
    type: str
    origin: Origin
    occurred_at: datetime
    citizen: str | None = None
    received_at: datetime | None = None  # None: waves are not counted from it


@dataclass(frozen=True, kw_only=True, slots=True)
class Waves:
    """A crowd divided by lot into `number` waves, `days` apart, so that not everybody hears of it at once."""

    number: int
    days: int

    def after(self, lot: float) -> timedelta:
        """How long after the first wave the one begins that `lot`, from [0, 1), falls into."""
        return timedelta(days=self.days * int(lot * self.number))


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """The only sender: a card, its wordings, an audience and a trigger. `running`: approved, started, not paused.

    `situations` are types of signal: it is for people who told us at least one of them, when there are any.
    """

    id: str
    card: str
    theme: str
    variants: tuple[str, ...]
    languages: frozenset[str]
    linked_only: bool
    starts_at: datetime
    ends_at: datetime
    learning: Learning
    running: bool
    ended: bool = False  # stopped or over, so that waiting for it does not help
    situations: tuple[str, ...] = ()
    waves: Waves | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer to one nudge. `until`: the date that "not now" chose; None means the person left it open."""

    choice: Choice
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """A nudge that left for a person, and what came back, oldest answer first."""

    nudge: str
    card: str
    at: datetime
    tone: Tone
    sensitivity: Sensitivity = Sensitivity.S1
    answers: tuple[Answer, ...] = ()

    @property
    def answered(self) -> bool:
        return any(answer.choice.closes for answer in self.answers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Citizen:
    """A person as a decision sees them. `contacts` go back at least a year, oldest first."""

    id: str
    language: str
    zone: str  # IANA name
    active: bool  # joined, not stopped, not blocked
    consents: Mapping[str, datetime] = field(
        default_factory=dict
    )  # theme -> valid until; only given and unwithdrawn ones
    paused_until: datetime | None = None
    linked: bool = False
    tone: Tone | None = None  # what the person chose in /settings; None: no preference
    quiet: tuple[time, time] | None = None  # quiet from and until, as the person chose; it only adds to the rules'
    rest_days: int | None = None  # the shortest pause that the person asked for
    rested_anew: datetime | None = None  # "too often" from before this sets no floor any more
    holdout: bool = False  # stays on the fixed policy, drawn once per person
    contacts: tuple[Contact, ...] = ()
    told: Mapping[str, datetime] = field(default_factory=dict)  # when last, of the situations that the campaign names
    lot: float = 0.0  # in [0, 1), drawn once for the person and the campaign; it says which wave is theirs


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The bounds that people set (messages/rules.toml). Raising a cap takes two of the staff."""

    quiet_from: time = time(20)
    quiet_until: time = time(9)
    no_sundays: bool = True
    holidays_of: str = "NL"  # ISO 3166 code, as the `holidays` package knows it
    min_gap: timedelta = timedelta(days=14)
    per_month: int = 2  # any 30 days
    per_year: int = 18  # any 365 days
    per_card_year: int = 2
    per_card_year_s3: int = 1
    open_question: timedelta = timedelta(days=14)
    window: timedelta = timedelta(days=14)  # after which silence counts as silence and learning may look
    rest_start_days: float = 28.0
    rest_floor_days: float = 14.0
    rest_cap_days: float = 182.0
    snooze_days: int = 30
    survey_gap: timedelta = timedelta(days=30)
    consent_years: int = 2
    promise_working_days: int = 2
    stops_per_thousand: int = 5  # of messages; what is surely above it pauses a campaign or a wording


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """What counts how much (messages/values.toml): values that people sign, not statistics."""

    version: str
    signed_by: str | None
    interested: float = 1.0
    unwelcome: float = -0.5
    stop: float = -3.0
    per_send: float = -0.03
    per_dose: float = -0.10


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One approved wording. `languages`: those in which its text is complete and fit to be planned."""

    id: str
    card: str
    tone: Tone
    languages: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Objection:
    """Why not. `until`: the moment from which this reason no longer holds; None: waiting does not help."""

    reason: Reason
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Odds:
    """The chances of one decision, exactly as drawn from, and what is needed to draw again.

    `p_send` is 1.0 and `randomised_send` False when sending was no lottery; likewise for the tone when one wording
    only was possible or the person chose the tone. `tones` maps each eligible variant id to its probability.
    """

    p_send: float
    randomised_send: bool
    tones: Mapping[str, float]
    randomised_tone: bool
    tone_forced: bool
    draw_send: float
    draw_tone: float
    policy: str  # the policy version's content hash, or "prior"
    fallback: str | None  # why the prior policy stood in; None: it did not
    context: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    variant: str
    at: datetime
    odds: Odds


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Not now; look again at `until`. `odds` is set when a lottery decided so."""

    reason: Reason
    until: datetime
    odds: Odds | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Skip:
    """Not at all. The reason is one that a citizen could be told."""

    reason: Reason


Plan = Send | Hold | Skip
