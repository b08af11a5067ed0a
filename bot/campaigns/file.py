"""A campaign as a policy officer writes it, and whether it fits the cards and the wordings."""

import hashlib
import json
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from bot.campaigns.dates import days_of
from bot.campaigns.misfit import Misfit
from bot.core.facts import CardStatus, Learning, Level, Origin, Sensitivity, SignalRule, Tone
from bot.core.plain import Severity
from bot.errors import FaultsError
from bot.store.tables import CampaignRow
from bot.wording import OwnWording, Wording, with_own
from bot.wording.calendar import Yearly
from bot.wording.cards import Id, Part, Sentence, SignalType
from bot.wording.own import look, shared


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


def read(text: str, wording: Wording) -> CampaignFile:
    """The campaign in a TOML file, with tones turned into the wordings they stand for. Raises FaultsError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultsError([f"this is not TOML: {error}"]) from error
    try:
        file = CampaignFile.model_validate(document)
    except ValidationError as error:
        raise FaultsError(_fault(detail) for detail in error.errors(include_url=False)) from error
    file = file.model_copy(update={"variants": _without_tones(file, wording)})
    if faults := list(misfits(file, wording)):
        raise FaultsError(faults)
    return file


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


def misfits(file: CampaignFile, wording: Wording) -> Iterator[Misfit]:
    """Where the campaign does not fit what the municipality decided and wrote."""
    card = wording.cards.get(file.card)
    if card is None:
        yield Misfit("card", "card = {card!r} does not exist; use one of {known}",
                     card=file.card, known=", ".join(sorted(wording.cards)))  # fmt: skip
        return
    facts = card.facts()
    if facts.status is not CardStatus.PUBLISHED:
        yield Misfit("card", "card = {card!r} is {status}; publish the card first",
                     card=file.card, status=str(facts.status))  # fmt: skip
    if facts.level is Level.HUMAN_ONLY:
        yield Misfit("card", "card = {card!r} is human_only: its weighing leaves it to people; there is no campaign "
                     "for it", card=file.card)  # fmt: skip
    if file.period.first < facts.valid_from:
        yield Misfit("period", "period.from = {first} is before the card's valid_from; start on {valid_from} or later",
                     first=file.period.first, valid_from=facts.valid_from)  # fmt: skip
    if facts.valid_until is not None and file.period.until > facts.valid_until:
        yield Misfit("period", "period.until = {until} is after the card's valid_until; end by {valid_until}",
                     until=file.period.until, valid_until=facts.valid_until)  # fmt: skip
    for language in file.languages:
        if language not in wording.languages:
            yield Misfit("languages", "languages has {language!r}; use some of {known}",
                         language=language, known=", ".join(wording.languages))  # fmt: skip
    yield from _faults_of_variants(file, wording)
    yield from _faults_of_situations(file, wording)
    yield from _faults_of_trigger(file, wording, facts.signals)
    if file.waves is not None:
        yield from _faults_of_waves(file, wording, file.waves, facts.signals)


def situations_for(card: str, wording: Wording) -> list[str]:
    """The situations that a campaign for this card may ask for: those that the card itself answers.

    People told them for what the card is about. Of illness and debt (S3) nothing that was told is looked at again.
    """
    facts = wording.cards[card].facts()
    if facts.sensitivity is Sensitivity.S3:
        return []
    told = {rule.type for rule in facts.signals if rule.enabled and rule.origin is Origin.SELF}
    return [code for code, situation in wording.situations.items() if situation.signal in told]


def _faults_of_situations(file: CampaignFile, wording: Wording) -> Iterator[Misfit]:
    fit = situations_for(file.card, wording)
    for code in file.audience.situations:
        if code not in wording.situations:
            yield Misfit("audience", "audience.situations has {code!r}, which is not in messages/situations.toml; "
                         "take it out", code=code)  # fmt: skip
        elif not fit:
            yield Misfit("audience", "audience.situations has {code!r}, and people told nothing for this card; "
                         "take it out", code=code)  # fmt: skip
        elif code not in fit:
            yield Misfit("audience", "audience.situations has {code!r}, which people did not tell for this card; "
                         "use some of {fit}", code=code, fit=", ".join(fit))  # fmt: skip


def _faults_of_waves(
    file: CampaignFile, wording: Wording, waves: WavesPart, rules: Collection[SignalRule]
) -> Iterator[Misfit]:
    kinds = {*file.trigger.signals, file.trigger.calendar}
    crowds = [rule for rule in rules if rule.type in kinds and rule.enabled and rule.origin is Origin.CALENDAR]
    if not crowds:
        yield Misfit("waves", "waves: what sets it off concerns one person each time, who waits for no wave; "
                     "take it out")  # fmt: skip
    for rule in crowds:
        room = rule.latest_day - rule.earliest_day
        if rule.type == file.trigger.calendar:
            room = min((_room(day, rule, file.period) for day in days(file, wording)), default=room)
        if waves.last_begins >= room:
            yield Misfit("waves", "waves: the last of {number} begins {last} days after the first, and there are "
                         "{room} days to write about {type}; use fewer waves or fewer days_between",
                         number=waves.number, last=waves.last_begins, room=room, type=rule.type)  # fmt: skip


def _room(day: date, rule: SignalRule, period: Period) -> int:
    """On how many days of the period people may be written to about an event on `day`."""
    opens = max(day + timedelta(days=rule.earliest_day), period.first)
    closes = min(day + timedelta(days=rule.latest_day), period.until + timedelta(days=1))
    return (closes - opens).days


def _faults_of_variants(file: CampaignFile, wording: Wording) -> Iterator[Misfit]:
    wording = with_own(wording, file.wordings)
    own = {one.id for one in file.wordings}
    ours = [*(variant.id for variant in shared(wording, file.card)), *sorted(own)]
    spoken = [language for language in file.languages if language in wording.languages]
    for name in file.variants:
        if name not in ours:
            yield Misfit("variants", "variants has {name!r}, which this card has not; use a tone or some of {ours}",
                         name=name, ours=", ".join(ours))  # fmt: skip
            continue
        unfit = [language for language in spoken if language not in wording.variants[name].languages]
        told = list(_faults_of_own(name, spoken, wording)) if name in own else []
        yield from told
        if not told:
            for language in unfit:
                yield Misfit("variants", "variants has {name!r}, not fit to be sent in {language!r}; mend it or leave "
                             "one of them out", name=name, language=language)  # fmt: skip


def _faults_of_own(name: str, languages: Sequence[str], wording: Wording) -> Iterator[Misfit]:
    for language in languages:
        seen = look(wording, name, language)
        blocking = [found for found in seen.findings if found.severity is Severity.BLOCK]
        for fault in (*seen.faults, *blocking):
            yield Misfit("wordings", "wordings: {name} ({language}): {fault}",
                         name=name, language=language, fault=fault)  # fmt: skip


def _faults_of_trigger(file: CampaignFile, wording: Wording, rules: Collection[SignalRule]) -> Iterator[Misfit]:
    enabled = sorted(rule.type for rule in rules if rule.enabled)
    for kind in file.trigger.signals:
        if kind not in enabled:
            yield Misfit("signals", "trigger.signals has {kind!r}, which the card does not answer; use some of {known}",
                         kind=kind, known=", ".join(enabled))  # fmt: skip
    calendar = file.trigger.calendar
    if calendar is None:
        return
    rule = rule_of(file, wording, calendar)
    calendars = [rule.type for rule in rules if rule.enabled and rule.origin is Origin.CALENDAR]
    if rule is None or rule.origin is not Origin.CALENDAR:
        yield Misfit("trigger", "trigger.calendar = {kind!r} is no calendar signal of the card; use one of {known}",
                     kind=calendar, known=", ".join(calendars))  # fmt: skip
        return
    own = next(signal.calendar for signal in wording.cards[file.card].signals if signal.type == calendar)
    if own is None and not file.trigger.has_own_days:
        yield Misfit("trigger", "trigger.calendar = {kind!r} has no calendar on the card; write it there, or give date "
                     "or yearly", kind=calendar)  # fmt: skip
    elif not days(file, wording):
        yield Misfit("trigger", "trigger: its day never comes within the period; mend one of them, or "
                     "messages/calendar.toml")  # fmt: skip


def _fault(detail: Mapping[str, Any]) -> str:
    """One fault as a sentence: the field, the value and the mend."""
    field = ".".join(str(step) for step in detail["loc"]) or "campaign"
    match detail["type"]:
        case "missing":
            return f"{field} is missing; add it"
        case "extra_forbidden":
            return f"{field} is not a field; mend its name or take it out"
        case "value_error":
            return f"{field}: {detail['ctx']['error']}"
    reason = str(detail["msg"])
    return f"{field} = {detail['input']!r}: {reason[:1].lower()}{reason[1:]}"


def _without_tones(file: CampaignFile, wording: Wording) -> list[str]:
    named: dict[str, None] = {}
    for name in file.variants:
        toned = [known.id for known in shared(wording, file.card) if known.tone == name]
        named |= dict.fromkeys(toned if name in set(Tone) and toned else [name])
    return list(named)
