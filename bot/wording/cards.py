"""A service card: what NORA AP24 asks a municipality to settle before it approaches anybody, per service.

The comments in messages/services/*.toml explain each field to the policy officer who writes it; the names here are
the same. See domain.md 1.2 for the table from AP24 to fields.
"""

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, model_validator

from bot.core.facts import Card, CardStatus, Level, Origin, Sensitivity, SignalRule
from bot.wording.calendar import CalendarRule

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,39}$")]
SignalType = Annotated[str, StringConstraints(pattern=r"^nl(\.[a-z0-9-]+)+\.v[0-9]+$")]
Exceptions = dict[str, Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]]
#: A card is read again by people at least once a year.
LONGEST_REVIEW = timedelta(days=366)
#: How a legal basis says that there is none yet. English stays: cards that were approved before are written in it.
_UNSETTLED: Final = re.compile(r"\bniet\s+geregeld\b|\bnot\s+settled\b", re.IGNORECASE)


class Part(BaseModel):
    """A part of a file in messages/. Names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Amount(StrEnum):
    NONE = "none"
    FIXED_NATIONAL = "fixed_national"
    VARIES_PERSONAL = "varies_personal"
    VARIES_LOCAL = "varies_local"
    IN_KIND = "in_kind"


class Face(StrEnum):
    """HU's four faces of proactivity (domain.md 2.1)."""

    TAKING_INITIATIVE = "taking_initiative"
    ACTING_EARLIER = "acting_earlier"
    THE_EXTRA_STEP = "the_extra_step"
    TAKING_CHARGE = "taking_charge"


class Relation(StrEnum):
    OFTEN_TOGETHER = "often_together"
    ALTERNATIVE = "alternative"
    FIRST_DO_THIS = "first_do_this"
    NEXT_STEP = "next_step"


class Role(StrEnum):
    DELIVERS = "delivers"
    ADVISES = "advises"
    APPLIES_FOR_YOU = "applies_for_you"
    MEETS_PEOPLE = "meets_people"


class PersonalData(StrEnum):
    NEVER = "never"
    ON_CONTACT_REQUEST = "on_contact_request"
    ON_CITIZEN_ACTION = "on_citizen_action"


class Allowed(StrEnum):
    NO = "no"
    WITH_CONSENT = "with_consent"
    BY_LAW = "by_law"


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Nature(StrEnum):
    MONEY = "money"
    IN_KIND = "in_kind"
    CONVERSATION = "conversation"
    CARE = "care"


class OfficialPage(Part):
    """`checked_on` None: nobody has looked whether the page says the same as the card."""

    url: HttpUrl
    checked_on: date | None = None


class Wanted(Part):
    """AP24-1: for whom and when an offer is wanted, and when it is not.

    `whom` and `signs` say it on the leaflet, in words for anybody; say `card.<id>.whom` and `card.<id>.signs`.
    """

    whom: Sentence | None = None
    signs: Sentence | None = None
    groups: list[Sentence] = Field(min_length=1)
    situations: list[Sentence] = Field(min_length=1)
    not_wanted: list[Sentence] = Field(min_length=1)


class CardSignal(Part):
    """AP24-2: what sets the service in motion. `dpia` refers to the assessment a register signal cannot do without.

    `calendar` says when the event of a calendar signal is; without it a campaign has to name the day.
    """

    type: SignalType
    origin: Origin
    meaning: Sentence
    data_used: list[Sentence]
    legal_basis: Sentence
    earliest_day: int = Field(ge=-366, le=366)
    latest_day: int = Field(ge=-366, le=366)
    enabled: bool
    dpia: Sentence | None = None
    calendar: CalendarRule | None = None

    @model_validator(mode="after")
    def _has_a_window(self) -> Self:
        if self.calendar is not None and self.origin is not Origin.CALENDAR:
            message = f'calendar is given, but origin is {self.origin}; take it out or write origin = "calendar"'
            raise ValueError(message)
        if self.latest_day < self.earliest_day:
            message = f"latest_day {self.latest_day} is before earliest_day {self.earliest_day}; swap them"
            raise ValueError(message)
        return self

    @property
    def unsettled(self) -> bool:
        """Whether it draws on a register without a recorded basis and assessment; such a signal stays off."""
        return self.origin is Origin.REGISTER and (self.dpia is None or _UNSETTLED.search(self.legal_basis) is not None)


class Related(Part):
    """AP24-3: another service that goes with this one."""

    card: Id
    relation: Relation


class Provider(Part):
    """AP24-4: who meets these people, and what they are told so that they can judge for themselves."""

    name: Sentence
    role: Role
    receives: list[Sentence] = Field(min_length=1)
    personal_data: PersonalData


class Reuse(Part):
    """AP24-5: what in a contact could be a signal for others, and what that means in law and in practice."""

    contact_item: Sentence
    useful_for: Sentence
    allowed: Allowed
    legal: Sentence
    practical: Sentence


class Weighing(Part):
    """AP24's weighing: need against own responsibility and the aversion to being patronised."""

    need: Sentence
    own_responsibility: Sentence
    paternalism_risk: Risk
    nature: Nature
    level: Level
    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20)]
    decided_by: Sentence | None = None
    decided_on: date | None = None


class Cadence(Part):
    max_sends: int = Field(ge=1, le=2)
    min_gap_days: int = Field(ge=14)
    silence_after_no_days: int = Field(ge=180)


class ServiceCard(Part):
    """One file of messages/services/. `example` marks a card that may be demonstrated but not used."""

    id: Id
    version: int = Field(ge=1)
    status: CardStatus
    example: bool = False
    theme: Id
    sensitivity: Sensitivity
    name: Sentence
    plain: Sentence
    body: Sentence
    exceptions: Exceptions = Field(default_factory=dict)
    uniform_product: HttpUrl
    laws: list[Sentence] = Field(min_length=1)
    amount: Amount
    valid_from: date
    valid_until: date | None = None
    reviewed_on: date
    review_due: date
    owner: Sentence
    approved_by: list[Sentence]
    professional_discretion: bool
    hu_facet: list[Face] = Field(min_length=1)
    notes: str = ""
    official_page: OfficialPage
    wanted: Wanted
    signals: list[CardSignal] = Field(min_length=1)
    related: list[Related] = Field(default_factory=list)
    providers: list[Provider] = Field(min_length=1)
    reuse: list[Reuse] = Field(min_length=1)
    weighing: Weighing
    cadence: Cadence

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        faults = []
        if self.valid_until is not None and self.valid_until < self.valid_from:
            faults.append(f"valid_until {self.valid_until} is before valid_from {self.valid_from}")
        if not self.reviewed_on < self.review_due <= self.reviewed_on + LONGEST_REVIEW:
            faults.append(
                f"review_due {self.review_due} must come within twelve months after reviewed_on {self.reviewed_on}"
            )
        if self.sensitivity is Sensitivity.S3 and self.cadence.max_sends > 1:
            faults.append(f"cadence.max_sends is {self.cadence.max_sends}; for sensitivity S3 it is 1")
        types = [signal.type for signal in self.signals]
        faults += [f"signals has {kind} twice; keep one" for kind in sorted({t for t in types if types.count(t) > 1})]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def page(self) -> str:
        """The address of the official page as a citizen sees it."""
        return str(self.official_page.url).rstrip("/")

    def facts(self) -> Card:
        """What decisions need of this card."""
        return Card(
            id=self.id,
            version=self.version,
            theme=self.theme,
            sensitivity=self.sensitivity,
            level=self.weighing.level,
            status=self.status,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            review_due=self.review_due,
            max_sends=self.cadence.max_sends,
            min_gap_days=self.cadence.min_gap_days,
            silence_after_no_days=self.cadence.silence_after_no_days,
            signals=tuple(
                SignalRule(
                    type=signal.type,
                    origin=signal.origin,
                    earliest_day=signal.earliest_day,
                    latest_day=signal.latest_day,
                    enabled=signal.enabled,
                    legal_basis=signal.legal_basis,
                    data_used=tuple(signal.data_used),
                )
                for signal in self.signals
            ),
        )

    def not_for_citizens(self, today: date) -> list[str]:
        """Why no real citizen may be written to about this card; empty when nothing stands in the way."""
        reasons = []
        if self.example:
            reasons.append("example is true: this is an example, not a decision of your municipality")
        if self.status is not CardStatus.PUBLISHED:
            reasons.append(f"status is {self.status}, not published")
        if self.official_page.checked_on is None:
            reasons.append("official_page.checked_on is missing: read the page and write the date")
        if len({name.casefold() for name in self.approved_by}) < 2:
            reasons.append("approved_by names fewer than two different people")
        if self.weighing.decided_by is None or self.weighing.decided_on is None:
            reasons.append("weighing.decided_by or decided_on is missing: nobody signed the weighing")
        if today < self.valid_from or (self.valid_until is not None and today > self.valid_until):
            reasons.append(f"{today} lies outside valid_from {self.valid_from} to valid_until {self.valid_until}")
        if today > self.review_due:
            reasons.append(f"review_due {self.review_due} has passed")
        reasons += [
            f"signals: {signal.type} is enabled without a legal basis and a dpia"
            for signal in self.signals
            if signal.enabled and signal.unsettled
        ]
        return reasons
