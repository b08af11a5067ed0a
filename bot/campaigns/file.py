"""A campaign as a policy officer writes it, with what an approval of it is about and on which days it is due."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from bot.campaigns.dates import days_of
from bot.core.facts import Learning, SignalRule
from bot.store.tables import CampaignRow
from bot.wording import OwnWording, Wording
from bot.wording.calendar import Yearly
from bot.wording.cards import Id, Part, Sentence, SignalType


class Audience(Part):
    """`linked_only`: only people who used a code from a letter or a desk.

    `situations` are codes of messages/situations.toml that the card answers: only people who told at least one of them,
    in the days that the card gives it.
    """

    linked_only: bool = False
    situations: tuple[Id, ...] = ()

    @field_validator("situations")
    @classmethod
    def _names_each_once(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(codes)) < len(codes):
            raise ValueError("one is named twice; keep one")
        return codes


class WavesPart(Part):
    """People whom one day or signal concerns, divided by lot over `number` waves that begin `days_between` apart."""

    number: int = Field(ge=2, le=12)
    days_between: int = Field(ge=1, le=60)

    @property
    def last_begins(self) -> int:
        """How many days after the first wave the last one begins."""
        return (self.number - 1) * self.days_between


class Trigger(Part):
    """What sets it off: signals that arrive, days of the card's own calendar, or a date or yearly date of its own.

    `calendar` names a calendar signal of the card. Alone it stands for the days of that signal's own rule; with `date`
    or `yearly` for those instead. A day is that of the event itself, in the municipality's zone, and the signal's
    window says from how many days before people may hear of it.
    """

    signals: tuple[SignalType, ...] = ()
    on: date | None = Field(default=None, alias="date")
    yearly: Yearly | None = None
    calendar: SignalType | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        faults = []
        if not self.signals and self.calendar is None and self.on is None and self.yearly is None:
            faults.append("nothing sets it off; give signals or calendar")
        if self.on is not None and self.yearly is not None:
            faults.append("date and yearly are both given; keep one")
        if self.calendar is None and (self.on is not None or self.yearly is not None):
            faults.append("calendar is missing; name the card's calendar signal that date or yearly stands for")
        if len(set(self.signals)) < len(self.signals):
            faults.append("signals names a type twice; keep one")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def has_own_days(self) -> bool:
        """Whether it names days itself, instead of those of the card."""
        return self.on is not None or self.yearly is not None


class Period(Part):
    """Both days belong to it, in the municipality's zone."""

    first: date = Field(alias="from")
    until: date

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.until < self.first:
            raise ValueError(f"until {self.until} is before from {self.first}; swap them")
        return self


class CampaignFile(Part):
    """A campaign as a policy officer writes it. `variants` are ids of wordings; a file may name tones instead.

    `wordings` are its own, which it can name beside the card's. Those of a tone are the card's only.
    """

    id: Id
    title: Sentence
    card: Id
    variants: list[str] = Field(min_length=1)
    languages: list[Annotated[str, StringConstraints(min_length=2)]] = Field(min_length=1)
    audience: Audience = Audience()
    trigger: Trigger
    period: Period
    waves: WavesPart | None = None
    hourly_maximum: int = Field(ge=1, le=100_000)
    learning: Learning
    wordings: tuple[OwnWording, ...] = ()

    @model_validator(mode="after")
    def _names_its_own(self) -> Self:
        ids = [own.id for own in self.wordings]
        faults = [f"wordings has {name} twice; keep one" for name in sorted({i for i in ids if ids.count(i) > 1})]
        first = f"{self.card}.{self.id}."
        faults += [
            f"wordings has {own.id}; a wording of this campaign is called {first}{own.tone}.1, or a higher number"
            for own in self.wordings
            if not own.id.startswith(first)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def definition(self) -> dict[str, Any]:
        """The file as JSON, under the names of the file.

        What came later than the first version is left out where it is not used, so that approvals of before hold.
        """
        said = self.model_dump(mode="json", by_alias=True)
        if not self.audience.situations:
            del said["audience"]["situations"]
        if self.waves is None:
            del said["waves"]
        if not self.wordings:
            del said["wordings"]
        return said


def content_hash(file: CampaignFile, wording: Wording) -> str:
    """SHA-256 in hex over all that an approval is about.

    That is the campaign's own file, the whole card with its version, the wordings in each language, and the days that
    the card's calendar gives within the period.
    """
    definition = file.definition()
    return wording.once(
        ("content_hash", json.dumps(definition, sort_keys=True)), lambda: _hashed(file, definition, wording)
    )


def _hashed(file: CampaignFile, definition: Mapping[str, Any], wording: Wording) -> str:
    card = wording.cards.get(file.card)
    own = {one.id for one in file.wordings}  # whose every text stands in the definition
    keys = [
        *(name for name in file.variants if name not in own),
        *(f"card.{file.card}.{part}" for part in ("name", "plain", "body")),
    ]
    content = {
        "campaign": definition,
        "card": None if card is None else card.model_dump(mode="json"),
        "wording": {
            key: {language: wording.wording_hash(key, language) for language in file.languages}
            for key in keys
            if wording.has(key)
        },
        "days": [] if file.trigger.has_own_days else [day.isoformat() for day in days(file, wording)],
    }
    if file.audience.situations:
        content["situations"] = signals_of_situations(file, wording)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def signals_of_situations(file: CampaignFile, wording: Wording) -> dict[str, str]:
    """For each situation of the audience the type of signal that it is told as.

    One that is not in the wording any more keeps its code, which nobody tells: it never widens the audience.
    """
    known = wording.situations
    return {code: known[code].signal if code in known else code for code in file.audience.situations}


def file_of(row: CampaignRow) -> CampaignFile:
    """The file of a campaign that was added."""
    return _file(json.dumps(row.definition))


def hash_of(row: CampaignRow, wording: Wording) -> str:
    """The `content_hash` of a campaign that was added, worked out once for it and this wording."""
    definition = json.dumps(row.definition)
    if definition not in wording.hashes:
        wording.hashes[definition] = content_hash(file_of(row), wording)
    return wording.hashes[definition]


@lru_cache(maxsize=256)
def _file(definition: str) -> CampaignFile:
    return CampaignFile.model_validate_json(definition)


def rule_of(file: CampaignFile, wording: Wording, kind: str | None) -> SignalRule | None:
    """The card's own rule for this type of signal; None when it has none that is switched on."""
    card = wording.cards.get(file.card)
    rules = () if card is None else card.facts().signals
    return next((rule for rule in rules if rule.type == kind and rule.enabled), None)


def days(file: CampaignFile, wording: Wording) -> list[date]:
    """The days of its own or of the card's calendar whose window meets the campaign's period, oldest first."""
    trigger = file.trigger
    rule = rule_of(file, wording, trigger.calendar)
    if rule is None:
        return []
    # A window reaches a year to either side at most, and `days_before` another.
    years = range(file.period.first.year - 2, file.period.until.year + 3)
    if trigger.on is not None:
        found = [trigger.on]
    elif trigger.yearly is not None:
        found = [trigger.yearly.on(year) for year in years]
    else:
        own = next(signal.calendar for signal in wording.cards[file.card].signals if signal.type == trigger.calendar)
        found = [] if own is None else days_of(own, wording, years)
    return [day for day in found if overlaps(day, rule, file.period)]


def overlaps(day: date, rule: SignalRule, period: Period) -> bool:
    """Whether the window around an event on `day` has a day in common with the period."""
    opens, closes = day + timedelta(days=rule.earliest_day), day + timedelta(days=rule.latest_day)
    return opens <= period.until and closes >= period.first
