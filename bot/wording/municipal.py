"""The other files of messages/: who writes, which themes and situations there are, and the bounds that people set."""

import functools
import re
from datetime import date, time, timedelta
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, RootModel, StringConstraints, model_validator

from bot.core import legible, plain
from bot.core.facts import Rules, Tone, Values
from bot.core.outreach import public_holidays
from bot.wording.cards import Exceptions, Id, Part, Sentence, SignalType


def _language(code: str) -> str:
    try:
        Locale.parse(code)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{code!r} is not a language code such as nl, en or ar") from error
    return code


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone such as Europe/Amsterdam") from error
    return name


@functools.cache
def _compiled(expression: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(expression.replace(" ", r"\s"), flags)


def _pattern(expression: str) -> str:
    try:
        _compiled(expression)
    except re.error as error:
        raise ValueError(f"{expression!r} is not a regular expression: {error}") from error
    return expression


def _alternatives(expression: object) -> object:
    match expression:
        case [*parts] if parts and all(isinstance(part, str) for part in parts):
            return "|".join(str(part) for part in parts)
    return expression


#: A regular expression; in a file it may be a list of alternatives.
Expression = Annotated[str, BeforeValidator(_alternatives), AfterValidator(_pattern)]
PlaceholderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]


#: The days of the week as they are written in a file.
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Municipality(Part):
    """Who writes. `domains` are the only sites that texts may link to, their subdomains included.

    `team`, `desk` and `contact_hours` are in the source language; say `municipality.team` to have them in another.
    `contacts_per_day`: how many people the team can contact on one working day. `claim_working_hours`: how long
    somebody keeps a request that they took and do nothing about. `working_days` and `closed_on`: when the team is
    there; public holidays are free in any case.
    """

    example: bool = False
    name: Sentence
    team: Sentence
    phone: Sentence
    contact_hours: Sentence
    desk: Sentence
    contacts_per_day: int = Field(ge=1)
    claim_working_hours: int = Field(default=4, ge=1, le=40)
    working_days: list[Weekday] = Field(default=["mon", "tue", "wed", "thu", "fri"], min_length=1)
    closed_on: list[date] = Field(default_factory=list, max_length=200)
    website: HttpUrl
    privacy_page: HttpUrl
    domains: list[Domain] = Field(min_length=1)
    languages: list[Annotated[str, AfterValidator(_language)]] = Field(min_length=1)
    zone: Annotated[str, AfterValidator(_zone)]
    holidays_of: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

    def works_on(self, day: date) -> bool:
        """Whether the team is there."""
        free = day in self.closed_on or day in public_holidays(self.holidays_of, day.year)
        return WEEKDAYS[day.weekday()] in self.working_days and not free

    @model_validator(mode="after")
    def _speaks_dutch_first(self) -> Self:
        if self.languages[0] != "nl" or len(set(self.languages)) != len(self.languages):
            raise ValueError(f"languages is {self.languages}; name each once, nl (the source language) first")
        return self


class ThemeEntry(Part):
    title: Sentence
    description: Sentence
    note: str = ""
    exceptions: Exceptions = Field(default_factory=dict)


class Theme(ThemeEntry):
    """What a person can choose to hear about. Say `theme.<id>` and `theme.<id>.description`."""

    id: Id


class SituationEntry(Part):
    """`rest_days`: how long nobody writes to a person who told this; 0: no longer than otherwise."""

    text: Sentence
    signal: SignalType
    answered: bool = True
    rest_days: int = Field(default=0, ge=0, le=366)
    note: str = ""
    exceptions: Exceptions = Field(default_factory=dict)


class Situation(SituationEntry):
    """Something a person can tell us. `answered` False: no card answers it yet. Say `situation.<code>`."""

    code: Id


class Emergency(Part):
    """Words that may mean an emergency, by language, and the text with its number. Say `emergency.<kind>`."""

    text: Sentence
    words: dict[Annotated[str, AfterValidator(_language)], list[Sentence]] = Field(min_length=1)
    note: str = ""
    exceptions: Exceptions = Field(default_factory=dict)


class EmergencyFile(Part):
    emergency: dict[Id, Emergency] = Field(min_length=1)


class ThemesFile(Part):
    theme: dict[Id, ThemeEntry] = Field(min_length=1)


class SituationsFile(Part):
    situation: dict[Id, SituationEntry] = Field(min_length=1)


class StandardReply(Part):
    """What staff can put into a reply and change. `title` is for colleagues. Say `standard.<id>`."""

    title: Sentence
    text: Sentence
    note: str = ""
    exceptions: Exceptions = Field(default_factory=dict)


class RepliesFile(RootModel[dict[Id, StandardReply]]):
    """It may be empty, and a municipality need not have it."""


#: What the entry of the algorithm register fills in from what runs; its sentences may use these.
REGISTER_VALUES: Final = frozenset(
    {
        "municipality", "cards", "languages", "tones", "tone_features", "send_features", "slope", "first_sends",
        "enough_sends", "send_least_first", "send_most_first", "tone_least_first", "send_least", "send_most",
        "tone_least", "holdout", "holdout_weeks", "window_days", "stale_days", "min_gap", "per_month", "per_year",
        "quiet_from", "quiet_until", "consent_years", "interested", "unwelcome", "stop", "per_send", "per_dose",
        "values_version", "values_signed", "algorithm", "fingerprint", "stops_per_thousand", "stops_in_a_row",
        "in_a_row",
    }
)  # fmt: skip


#: What the sentence about other municipalities fills in: their names, what an answer of theirs counts, who signed.
OTHERS_VALUES: Final = frozenset({"municipalities", "weight", "signed_by"})


def _fills_in(known: frozenset[str]) -> AfterValidator:
    def text(said: str) -> str:
        unknown = sorted(set(re.findall(r"\{([^{}]*)\}", said)) - known)
        if unknown:
            raise ValueError(f"{{{unknown[0]}}} is nothing that is filled in; use some of {', '.join(sorted(known))}")
        return said

    return AfterValidator(text)


RegisterText = Annotated[Sentence, _fills_in(REGISTER_VALUES)]
OthersText = Annotated[Sentence, _fills_in(OTHERS_VALUES)]


class RegisterFile(Part):
    """What the municipality says of the algorithm in the national register, in Dutch (publicatiestandaard 1.0.0).

    The fields are those of the standard. `words`: what each number that a decision may look at is called. `others` is
    said after `gegevens` where messages/prior.toml is in force.
    """

    naam: RegisterText
    korte_omschrijving: RegisterText
    organisatie: RegisterText
    status: Literal["In ontwikkeling", "In gebruik", "Buiten gebruik"]
    thema: Sentence
    begindatum: Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    einddatum: Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None
    contactgegevens: Sentence
    publicatiecategorie: Literal["Hoog-risico AI-systemen", "Impactvolle algoritmes", "Overige algoritmes"]
    doel_en_impact: RegisterText
    afwegingen: RegisterText
    menselijke_tussenkomst: RegisterText
    risicobeheer: RegisterText
    wettelijke_basis: RegisterText
    link_wettelijke_basis: HttpUrl | None = None
    impacttoetsen: Sentence
    gegevens: RegisterText
    technische_werking: RegisterText
    leverancier: Sentence
    others: OthersText | None = None
    words: dict[str, Sentence]


class BotEntry(Part):
    """Something the bot says by itself. `plural` is said when the number {n} is not one."""

    text: Sentence
    plural: Sentence | None = None
    note: str = ""
    exceptions: Exceptions = Field(default_factory=dict)


class VariantEntry(Part):
    """One wording of a nudge. `since` is the day it was written."""

    tone: Tone
    since: date
    text: Sentence
    note: str = ""
    exceptions: Exceptions = Field(default_factory=dict)


class Weight(Part):
    weight: float = Field(ge=-10, le=10)
    because: Sentence


class ValuesFile(Part):
    """The reward weights. What invites can never weigh more than what tells us to stop weighs against it."""

    version: Sentence
    signed_by: Sentence | None = None
    interested: Weight
    unwelcome: Weight
    stop: Weight
    per_send: Weight
    per_dose: Weight

    @model_validator(mode="after")
    def _softens_only(self) -> Self:
        for name in ("unwelcome", "stop", "per_send", "per_dose"):
            weight: Weight = getattr(self, name)
            if weight.weight > 0:
                raise ValueError(f"{name}.weight is {weight.weight}; it weighs against sending, so it is at most 0")
        return self

    def facts(self) -> Values:
        return Values(
            version=self.version,
            signed_by=self.signed_by,
            interested=self.interested.weight,
            unwelcome=self.unwelcome.weight,
            stop=self.stop.weight,
            per_send=self.per_send.weight,
            per_dose=self.per_dose.weight,
        )


class RulesFile(Part):
    """The bounds on writing. Those that let more through than the product's own need two names in `raised_by`."""

    raised_by: list[Sentence] = Field(default_factory=list)
    quiet_from: time
    quiet_until: time
    no_sundays: bool
    min_gap_days: int = Field(ge=1, le=366)
    per_month: int = Field(ge=0, le=8)
    per_year: int = Field(ge=0, le=52)
    per_card_year: int = Field(ge=0, le=4)
    per_card_year_s3: int = Field(ge=0, le=1)
    open_question_days: int = Field(ge=1, le=366)
    window_days: int = Field(ge=7, le=60)
    rest_start_days: float = Field(ge=1, le=366)
    rest_floor_days: float = Field(ge=1, le=366)
    rest_cap_days: float = Field(ge=1, le=732)
    snooze_days: int = Field(ge=1, le=366)
    survey_gap_days: int = Field(ge=30, le=366)
    consent_years: int = Field(ge=1, le=2)
    promise_working_days: int = Field(ge=1, le=10)
    stops_per_thousand: int = Field(default=Rules().stops_per_thousand, ge=1, le=20)

    @model_validator(mode="after")
    def _raised_by_two(self) -> Self:
        if not self.rest_floor_days <= self.rest_start_days <= self.rest_cap_days:
            raise ValueError("rest_floor_days, rest_start_days and rest_cap_days must not go down in that order")
        ours = Rules()
        raised = [
            name
            for name in ("per_month", "per_year", "per_card_year", "per_card_year_s3", "stops_per_thousand")
            if getattr(self, name) > getattr(ours, name)
        ]
        raised += [name for name in ("rest_start_days", "rest_floor_days") if getattr(self, name) < getattr(ours, name)]
        raised += ["min_gap_days"] * (self.min_gap_days < ours.min_gap.days)
        raised += ["open_question_days"] * (self.open_question_days < ours.open_question.days)
        raised += ["quiet_from"] * (self.quiet_from > ours.quiet_from)
        raised += ["quiet_until"] * (self.quiet_until < ours.quiet_until)
        raised += ["no_sundays"] * (ours.no_sundays and not self.no_sundays)
        if raised and len({name.casefold() for name in self.raised_by}) < 2:
            raise ValueError(f"{', '.join(raised)} let more through than our own bounds; name two people in raised_by")
        return self

    def facts(self, *, holidays_of: str) -> Rules:
        return Rules(
            quiet_from=self.quiet_from,
            quiet_until=self.quiet_until,
            no_sundays=self.no_sundays,
            holidays_of=holidays_of,
            min_gap=timedelta(days=self.min_gap_days),
            per_month=self.per_month,
            per_year=self.per_year,
            per_card_year=self.per_card_year,
            per_card_year_s3=self.per_card_year_s3,
            open_question=timedelta(days=self.open_question_days),
            window=timedelta(days=self.window_days),
            rest_start_days=self.rest_start_days,
            rest_floor_days=self.rest_floor_days,
            rest_cap_days=self.rest_cap_days,
            snooze_days=self.snooze_days,
            survey_gap=timedelta(days=self.survey_gap_days),
            consent_years=self.consent_years,
            promise_working_days=self.promise_working_days,
            stops_per_thousand=self.stops_per_thousand,
        )


class RuleEntry(Part):
    """One wording rule. `catches` is a text that breaks it: a rule without one is not known to work.

    `pattern` and `innocent` may be lists of alternatives. A space in them is any white space, and letters with accents
    also match without.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z]\d+$")]
    language: Annotated[str, StringConstraints(pattern=r"^(any|[a-z]{2})$")]
    severity: plain.Severity
    scope: plain.Scope
    category: Sentence
    pattern: Expression
    innocent: Expression | None = None
    case_sensitive: bool = False
    mend: Sentence
    instead: dict[str, str] = Field(default_factory=dict)
    catches: Sentence
    leaves_alone: str | None = None

    def facts(self) -> plain.Rule:
        flags = re.NOFLAG if self.case_sensitive else re.IGNORECASE
        return plain.Rule(
            id=self.id,
            language=self.language,
            severity=self.severity,
            scope=self.scope,
            category=self.category,
            pattern=_compiled(self.pattern, flags),
            bare=self._bare(self.pattern),
            innocent=None if self.innocent is None else _compiled(self.innocent, flags),
            bare_innocent=None if self.innocent is None else self._bare(self.innocent),
            mend=self.mend,
            instead=self.instead,
        )

    def _bare(self, expression: str) -> re.Pattern[str] | None:
        # A range such as [À-Þ] means something else without its accents.
        bare = legible.bare(expression)
        return None if self.case_sensitive or bare == expression else _compiled(bare)


class LimitEntry(Part):
    what: Sentence
    mend: Sentence
    warn: float | None = None
    block: float | None = None


#: The computed rules that the code knows; each stands in messages/plain.toml.
COMPUTED = frozenset({"X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X11", "X12", "X13"})


class PlainFile(Part):
    personal: list[PlaceholderName] = Field(min_length=1)
    limit: dict[str, LimitEntry]
    rule: list[RuleEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        ids = [rule.id for rule in self.rule]
        faults = [f"rule has {name} twice; keep one" for name in sorted({i for i in ids if ids.count(i) > 1})]
        faults += [f"limit.{name} is missing; put it back" for name in sorted(COMPUTED - self.limit.keys())]
        faults += [f"limit.{name} is not a rule the bot computes" for name in sorted(self.limit.keys() - COMPUTED)]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def facts(self) -> plain.Book:
        return plain.Book(
            rules=tuple(rule.facts() for rule in self.rule),
            limits={
                name: plain.Limit(id=name, mend=entry.mend, warn=entry.warn, block=entry.block)
                for name, entry in self.limit.items()
            },
            personal=frozenset(self.personal),
        )
