"""Where a campaign does not fit what the municipality decided and wrote."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Self

from bot.campaigns.file import CampaignFile, Period, WavesPart, days, rule_of
from bot.core.facts import CardStatus, Level, Origin, Sensitivity, SignalRule
from bot.core.plain import Severity
from bot.wording import Wording, with_own
from bot.wording.own import look, shared


class Misfit(str):
    """One fault as a sentence, filled in. `field` is where, by its name in the file.

    `sentence` has `{names}` for `values`, so that it can be said in another language too.
    """

    __slots__ = ("field", "sentence", "values")
    field: str
    sentence: str
    values: Mapping[str, object]

    def __new__(cls, field: str, sentence: str, **values: object) -> Self:
        made = super().__new__(cls, sentence.format(**values))
        made.field, made.sentence, made.values = field, sentence, values
        return made


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
