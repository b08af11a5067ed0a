"""Working days and hours: the day that is promised, and how long somebody of the staff may keep a request."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import holidays
from sqlmodel import Session

from bot.store import conversation
from bot.wording import Wording

#: When staff are taken to be at work; `contact_hours` is a sentence and cannot be counted with.
OPENS: Final = time(9)
CLOSES: Final = time(17)


def promise(session: Session, wording: Wording, today: date) -> date:
    """The day by which somebody who asks today is contacted: the first one on which the team has room."""
    country = wording.rules.holidays_of
    day = working_days_after(today, wording.rules.promise_working_days, country)
    taken = conversation.promised(session, day)
    while taken.get(day, 0) >= wording.municipality.contacts_per_day:
        day = working_days_after(day, 1, country)
    return day


def working_days_after(day: date, count: int, country: str) -> date:
    """The `count`-th working day after `day`: no weekend and no public holiday of `country`."""
    free = holidays.country_holidays(country)
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in free:
            count -= 1
    return day


def claim_end(wording: Wording, now: datetime) -> datetime:
    """Until when a request that somebody takes or works on now stays theirs."""
    town = wording.municipality
    return working_hours_after(now, timedelta(hours=town.claim_working_hours), ZoneInfo(town.zone), town.holidays_of)


def working_hours_after(moment: datetime, span: timedelta, zone: ZoneInfo, country: str) -> datetime:
    """When `span` of working time has gone by since `moment`, in UTC; nights, weekends and holidays do not count."""
    free = holidays.country_holidays(country)
    day = moment.astimezone(zone).date()
    while True:
        if day.weekday() < 5 and day not in free:
            begins = max(moment, datetime.combine(day, OPENS, zone).astimezone(moment.tzinfo))
            room = datetime.combine(day, CLOSES, zone).astimezone(moment.tzinfo) - begins
            if room >= span:
                return begins + span
            span -= max(room, timedelta(0))
        day += timedelta(days=1)
