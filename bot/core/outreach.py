"""The gate: whether to write to a citizen about a signal, and when.

`objection` asks in the order of `facts.Reason`, and answers with the first reason that holds. First what waiting does
not cure, then what it does:

| reason               | holds while                                                              | until              |
|----------------------|--------------------------------------------------------------------------|--------------------|
| campaign_not_running | the campaign is not approved, not started, or paused                     | never              |
| card_not_in_force    | the card is unpublished, out of date, due for review, or for people only | never              |
| signal_not_enabled   | the card answers no such signal from such an origin, or not yet          | never              |
| signal_expired       | the signal's window or the campaign is over                              | never              |
| stopped              | the person stopped, blocked the bot or never joined                      | never              |
| no_consent           | consent for the card's theme is absent or ran out                        | never              |
| not_in_audience      | somebody else's signal, a language it does not speak, no link made, or   | the card may speak |
|                      | none of its situations told, or not in the days that the card gives them | of what was told   |
| card_declined        | the person refused this card                                             | its silence ends   |
| card_cap             | this card was sent as often as it may be in 365 days                     | a send is that old |
| year_cap             | messages were sent as often as they may be in 365 days                   | a send is that old |
| too_early            | the signal's window or the campaign has not begun                        | it begins          |
| paused               | the person asked for a pause                                             | it ends            |
| snoozed              | the person said "not now" to this card                                   | the chosen date    |
| open_question        | an earlier message still waits for an answer                             | it waits no longer |
| card_gap             | this card was sent only just                                             | the gap is over    |
| resting              | the person's own pause runs (`rhythm`)                                   | it ends            |
| month_cap            | messages were sent as often as they may be in 30 days                    | a send is that old |
| wave                 | the person's wave of a campaign in waves has not begun                   | it begins          |

The reasons before campaign_not_running are found before there is a campaign or a person to ask about; those after
wave belong to the clock (`is_civil`), the lottery (`policy.decide`) and the campaign's hourly maximum.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from bot.core import rhythm
from bot.core.facts import (
    DECLINED,
    Campaign,
    Card,
    CardStatus,
    Choice,
    Citizen,
    Level,
    Objection,
    Origin,
    Reason,
    Rules,
    Sensitivity,
    Signal,
    SignalRule,
)

YEAR = timedelta(days=365)
MONTH = timedelta(days=30)
SAME_CARD_GAP = timedelta(days=21)  # domain.md 6.2; a card may ask for more, never for less.
CIVIL_SEARCH_DAYS = 366
NEVER = datetime.max.replace(tzinfo=UTC)
#: A campaign that is paused, or waits for a new approval, is asked after this often; its start asks at once.
LOOK_AGAIN = timedelta(days=1)


def rule_for(signal: Signal, card: Card) -> SignalRule | None:
    """The card's rule for such a signal from such an origin, enabled or not; None: the card does not answer it."""
    for rule in card.signals:
        if rule.type == signal.type and rule.origin is signal.origin:
            return rule
    return None


def window(signal: Signal, rule: SignalRule) -> tuple[datetime, datetime]:
    """The first and the last moment at which this signal may be written about, in whole days of 24 hours from it."""
    return (
        signal.occurred_at + timedelta(days=rule.earliest_day),
        signal.occurred_at + timedelta(days=rule.latest_day),
    )


def objection(
    signal: Signal, card: Card, campaign: Campaign, citizen: Citizen, rules: Rules, now: datetime
) -> Objection | None:
    """The first reason in the order of `facts.Reason` not to write about `signal` at `now`; None: there is none.

    `campaign` is a campaign for `card`. `until` supposes that nothing more happens: it is the first moment at which
    this reason no longer holds, and another may hold then. The clock on the wall is not asked; see `is_civil`.
    """
    rule = rule_for(signal, card)
    if not campaign.running:
        waits = not campaign.ended and now < campaign.ends_at
        return Objection(reason=Reason.CAMPAIGN_NOT_RUNNING, until=now + LOOK_AGAIN if waits else None)
    if not in_force(card, now.astimezone(ZoneInfo(citizen.zone)).date()):
        return Objection(reason=Reason.CARD_NOT_IN_FORCE)
    if rule is None or not rule.enabled:
        return Objection(reason=Reason.SIGNAL_NOT_ENABLED)
    earliest, latest = window(signal, rule)
    if now > min(latest, campaign.ends_at):
        return Objection(reason=Reason.SIGNAL_EXPIRED)
    if not citizen.active:
        return Objection(reason=Reason.STOPPED)
    consent = citizen.consents.get(card.theme)
    if consent is None or consent <= now:
        return Objection(reason=Reason.NO_CONSENT)
    if not _in_audience(signal, campaign, citizen):
        return Objection(reason=Reason.NOT_IN_AUDIENCE)
    if campaign.situations and now < (opens := told_from(card, campaign, citizen, now)):
        return Objection(reason=Reason.NOT_IN_AUDIENCE, until=None if opens == NEVER else opens)
    begins = max(earliest, campaign.starts_at)
    return _wait(card, citizen, rules, now, begins=begins, wave=_wave(signal, campaign, citizen, begins))


def told_from(card: Card, campaign: Campaign, citizen: Citizen, now: datetime) -> datetime:
    """From when the card may speak of a situation of the campaign's that this person told; NEVER: of none any more.

    What people told counts in the days that the card itself gives such a signal, and for nothing else.
    """
    windows = [
        (told + timedelta(days=rule.earliest_day), told + timedelta(days=rule.latest_day))
        for rule in card.signals
        if rule.origin is Origin.SELF and rule.enabled and rule.type in campaign.situations
        if (told := citizen.told.get(rule.type)) is not None
    ]
    return min((opens for opens, closes in windows if now <= closes), default=NEVER)


def _wave(signal: Signal, campaign: Campaign, citizen: Citizen, begins: datetime) -> datetime | None:
    """When this person's wave begins. A signal about one person is no crowd, and waits for no wave."""
    if campaign.waves is None or signal.citizen is not None:
        return None
    return max(begins, signal.received_at or begins) + campaign.waves.after(citizen.lot)


def own_rules(citizen: Citizen, rules: Rules) -> Rules:
    """`rules` with the quiet hours that this person chose added to them: quiet only gets longer.

    Where the two together would leave no hour of a day, the rules' own hold.
    """
    if citizen.quiet is None or rules.quiet_from <= rules.quiet_until:
        return rules
    quiet_from, quiet_until = min(rules.quiet_from, citizen.quiet[0]), max(rules.quiet_until, citizen.quiet[1])
    if quiet_from <= quiet_until:
        return rules
    return replace(rules, quiet_from=quiet_from, quiet_until=quiet_until)


def is_civil(citizen_zone: str, rules: Rules, moment: datetime) -> bool:
    """Whether `moment` is outside quiet hours, Sundays and public holidays on the clock of `citizen_zone` (IANA)."""
    local = moment.astimezone(ZoneInfo(citizen_zone))
    return not (
        is_quiet(local.time(), rules)
        or (rules.no_sundays and local.isoweekday() == 7)
        or local.date() in public_holidays(rules.holidays_of, local.year)
    )


def next_civil_moment(citizen_zone: str, rules: Rules, now: datetime) -> datetime:
    """The first moment at or after `now` outside quiet hours, Sundays and public holidays on that clock, in UTC.

    Raises ValueError when `rules` leave no such moment within a year.
    """
    return _next_civil_moment(citizen_zone, rules, now.astimezone(UTC))


@lru_cache(maxsize=256)  # many people are asked about at one moment; in UTC, where no two moments are called alike
def _next_civil_moment(citizen_zone: str, rules: Rules, start: datetime) -> datetime:
    now = start
    if is_civil(citizen_zone, rules, start):
        return start
    zone = ZoneInfo(citizen_zone)
    for _ in range(CIVIL_SEARCH_DAYS):
        end = start + timedelta(days=1)
        for moment in _boundaries(zone, rules, start, end):
            if is_civil(citizen_zone, rules, moment):
                return moment
        start = end
    raise ValueError(f"these rules leave no moment to write within {CIVIL_SEARCH_DAYS} days of {now.isoformat()}")


def in_force(card: Card, today: date) -> bool:
    """Whether the bot may speak of this card by itself on `today`, the date on the person's own clock."""
    return (
        card.status is CardStatus.PUBLISHED
        and card.level is not Level.HUMAN_ONLY
        and card.valid_from <= today <= card.review_due
        and (card.valid_until is None or today <= card.valid_until)
    )


def _in_audience(signal: Signal, campaign: Campaign, citizen: Citizen) -> bool:
    return (
        signal.citizen in {None, citizen.id}
        and citizen.language in campaign.languages
        and (citizen.linked or not campaign.linked_only)
    )


def _wait(
    card: Card, citizen: Citizen, rules: Rules, now: datetime, *, begins: datetime, wave: datetime | None
) -> Objection | None:
    """The first reason that waiting cures."""
    for reason, until in _waits(card, citizen, rules, now, begins=begins, wave=wave):
        if until is not None and now < until:
            return Objection(reason=reason, until=None if until == NEVER else until)
    return None


def _waits(
    card: Card, citizen: Citizen, rules: Rules, now: datetime, *, begins: datetime, wave: datetime | None
) -> Iterator[tuple[Reason, datetime | None]]:
    """Each of these reasons, in order, with the moment until which it holds. Only what is asked for is worked out."""
    sent = sorted(contact.at for contact in citizen.contacts)
    sent_card = sorted(contact.at for contact in citizen.contacts if contact.card == card.id)
    card_cap = min(card.max_sends, rules.per_card_year)
    if card.sensitivity is Sensitivity.S3:
        card_cap = min(card_cap, rules.per_card_year_s3)
    yield Reason.CARD_DECLINED, _silent_after_no(card, citizen)
    yield Reason.CARD_CAP, _room_again(sent_card, card_cap, YEAR)
    yield Reason.YEAR_CAP, _room_again(sent, rules.per_year, YEAR)
    yield Reason.TOO_EARLY, begins
    yield Reason.PAUSED, citizen.paused_until
    yield Reason.SNOOZED, _snoozed(card, citizen, rules)
    yield Reason.OPEN_QUESTION, _latest(c.at + rules.open_question for c in citizen.contacts if not c.answered)
    yield Reason.CARD_GAP, _latest(at + max(timedelta(days=card.min_gap_days), SAME_CARD_GAP) for at in sent_card)
    yield Reason.RESTING, rhythm.resting_until(citizen, rules, now)
    yield Reason.MONTH_CAP, _room_again(sent, rules.per_month, MONTH)
    yield Reason.WAVE, wave  # last, so that who waits for a wave waits for nothing else


def _latest(moments: Iterable[datetime]) -> datetime | None:
    return max(moments, default=None)


def _room_again(sent: Sequence[datetime], cap: int, period: timedelta) -> datetime | None:
    """When fewer than `cap` of the sorted `sent` are younger than `period`; None: there are fewer at any time."""
    if cap == 0:
        return NEVER
    return sent[-cap] + period if len(sent) >= cap else None


def _silent_after_no(card: Card, citizen: Citizen) -> datetime | None:
    silence = timedelta(days=card.silence_after_no_days)
    untils = [
        answer.at + silence
        for contact in citizen.contacts
        if contact.card == card.id
        for answer in contact.answers
        if answer.choice in DECLINED
    ]
    return _latest(untils)


def _snoozed(card: Card, citizen: Citizen, rules: Rules) -> datetime | None:
    untils: list[datetime] = []
    for contact in citizen.contacts:
        later = [answer for answer in contact.answers if answer.choice is Choice.NOT_NOW]
        if contact.card == card.id and later:
            # The question "when?" comes after "not now", so that the last answer is the one that was meant.
            untils.append(later[-1].until or later[-1].at + timedelta(days=rules.snooze_days))
    return _latest(untils)


def is_quiet(wall: time, rules: Rules) -> bool:
    """Whether this time of the day is quiet, on any day."""
    if rules.quiet_from <= rules.quiet_until:
        return rules.quiet_from <= wall < rules.quiet_until
    return wall >= rules.quiet_from or wall < rules.quiet_until


@lru_cache(maxsize=64)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Those of a country (ISO 3166)."""
    # A shared calendar of this package marks a year as known before it has filled it, which is unsafe across threads.
    return frozenset(holidays.country_holidays(country, years=year, expand=False))


def _boundaries(zone: ZoneInfo, rules: Rules, start: datetime, end: datetime) -> list[datetime]:
    """Each moment in [start, end], in order, at which the answer of `is_civil` can turn from no to yes.

    Local time runs on evenly between two changes of the offset, so it turns only at midnight, when quiet hours end,
    or where the clock is put forward or back.
    """
    moments = {start}
    change = _offset_change(zone, start, end)
    if change is not None:
        moments.add(change)
    day = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        for wall in (time.min, rules.quiet_until):
            for fold in (0, 1):
                local = datetime.combine(day, wall, tzinfo=zone).replace(fold=fold)
                moments.add(local.astimezone(UTC))
        day += timedelta(days=1)
    return sorted(moment for moment in moments if start <= moment <= end)


def _offset_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The moment between `start` and `end`, at most a day apart, from which the zone's offset is another one."""
    before = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == before:
        return None
    low, high = int(start.timestamp()), int(end.timestamp()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
