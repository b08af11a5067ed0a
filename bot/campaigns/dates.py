"""On which days a card's calendar rule falls, and what the coming year brings.

Days are dates on the municipality's own calendar and are never counted in hours: no clock change moves them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

import holidays

from bot.core.facts import CardStatus
from bot.wording import Wording
from bot.wording.calendar import CalendarRule, Holiday, School, SchoolHoliday, Shift
from bot.wording.cards import CardSignal

DAY = timedelta(days=1)
YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True, slots=True)
class Coming:
    """A day to come. `opens` and `closes` are the first and last day on which people may be written to about it.

    A window closes as its latest day begins (`outreach.window`). `opens` is moved past Sundays and public holidays.
    `holiday` is the English name of the public holiday that the day itself is. `campaigns` are the ids of those that
    wait for this day.
    """

    day: date
    card: str
    what: str
    type: str
    opens: date
    closes: date
    holiday: str | None = None
    campaigns: tuple[str, ...] = ()


def days_of(rule: CalendarRule, wording: Wording, years: Iterable[int]) -> list[date]:
    """The days of the events that `rule` stands for and whose anchor lies in `years`, oldest first, each once.

    School days and the municipality's own moments are known only as far as messages/calendar.toml has them.
    """
    country = wording.municipality.holidays_of
    days = (anchor - timedelta(days=rule.days_before) for anchor in _anchors(rule, wording, set(years)))
    return sorted({_on_working_day(day, rule.working_day, country) for day in days})


def is_holiday(day: date, country: str) -> str | None:
    """The English name of the public holiday that `day` is in this country (ISO 3166); None: it is none."""
    return _public(country, day.year).get(day)


def coming(
    wording: Wording, today: date, others: Iterable[tuple[str, CardSignal, date, str]] = (), *, span: timedelta = YEAR
) -> list[Coming]:
    """What the calendar rules of published cards bring whose window has a day within `span` from `today`.

    `others` are days that campaigns name themselves, as (card, its signal, day, campaign). Sorted by day.
    """
    until = today + span
    years = range(today.year - 2, until.year + 3)
    waiting: dict[tuple[date, str, str], set[str]] = {}
    signals: dict[tuple[str, str], CardSignal] = {}
    for card in wording.cards.values():
        if card.status is not CardStatus.PUBLISHED:
            continue
        for signal in card.signals:
            signals[card.id, signal.type] = signal
            if signal.enabled and signal.calendar is not None:
                waiting |= {(day, card.id, signal.type): set() for day in days_of(signal.calendar, wording, years)}
    for name, signal, day, campaign in others:
        signals[name, signal.type] = signal
        waiting.setdefault((day, name, signal.type), set()).add(campaign)
    country = wording.municipality.holidays_of
    found = []
    for (day, name, kind), campaigns in sorted(waiting.items()):
        signal = signals[name, kind]
        first, last = day + timedelta(days=signal.earliest_day), day + timedelta(days=signal.latest_day) - DAY
        if first <= until and last >= today:
            found.append(
                Coming(
                    day=day,
                    card=name,
                    what=signal.meaning,
                    type=kind,
                    opens=_quiet_over(first, last, country, no_sundays=wording.rules.no_sundays),
                    closes=last,
                    holiday=is_holiday(day, country),
                    campaigns=tuple(sorted(campaigns)),
                )
            )
    return found


def _anchors(rule: CalendarRule, wording: Wording, years: Collection[int]) -> Iterator[date]:
    if rule.yearly is not None:
        yield from (rule.yearly.on(year) for year in years)
    elif rule.moment is not None:
        moment = wording.calendar.moment.get(rule.moment)
        yield from (day for day in ([] if moment is None else moment.dates) if day.year in years)
    elif rule.school is not None:
        school = wording.calendar.holidays
        yield from (day for day in _school_days(rule.school, school) if day.year in years)


def _school_days(kind: School, found: Iterable[SchoolHoliday]) -> Iterator[date]:
    for holiday in found:
        if kind is School.HOLIDAY_BEGINS or (kind is School.SUMMER_BEGINS and holiday.holiday is Holiday.SUMMER):
            yield holiday.first
        elif kind is School.YEAR_BEGINS and holiday.holiday is Holiday.SUMMER:
            yield holiday.last + timedelta(days=8 - holiday.last.isoweekday())


def _on_working_day(day: date, shift: Shift | None, country: str) -> date:
    if shift is None:
        return day
    step = -DAY if shift is Shift.BEFORE else DAY
    while day.isoweekday() > 5 or is_holiday(day, country):
        day += step
    return day


def _quiet_over(first: date, last: date, country: str, *, no_sundays: bool) -> date:
    """The first day of the window on which people may be written to; `first` when there is none."""
    day = first
    while day < last and ((no_sundays and day.isoweekday() == 7) or is_holiday(day, country)):
        day += DAY
    return day


@lru_cache(maxsize=64)
def _public(country: str, year: int) -> Mapping[date, str]:
    return MappingProxyType(dict(holidays.country_holidays(country, years=year, expand=False, language="en_US")))
