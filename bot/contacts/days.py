"""Working days and hours: the day that is promised, and how long somebody of the staff may keep a request."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import holidays
from sqlmodel import Session

from bot.store import conversation
from bot.wording import Municipality, Wording
from bot.wording.municipal import WEEKDAYS

#: When staff are taken to be at work; `contact_hours` is a sentence and cannot be counted with.
OPENS: Final = time(9)
CLOSES: Final = time(17)


def promise(session: Session, wording: Wording, today: date) -> date:
    """The day by which somebody who asks today is contacted: the first one on which the team has room."""
    country, town = wording.rules.holidays_of, wording.municipality
    ahead = wording.rules.promise_working_days
    # A year's holidays take longer to work out than everything else that a press asks.
    day = wording.once(("promise", today.isoformat()), lambda: working_days_after(today, ahead, country, town))
    taken = conversation.promised(session, day)
    while taken.get(day, 0) >= town.contacts_per_day:
        day = working_days_after(day, 1, country, town)
    return day


def working_days_after(day: date, count: int, country: str, town: Municipality | None = None) -> date:
    """The `count`-th working day after `day`: no public holiday of `country`, and the team of `town` is there.

    Without a town it is no weekend.
    """
    free = holidays.country_holidays(country)
    while count:
        day += timedelta(days=1)
        if _is_there(day, town) and day not in free:
            count -= 1
    return day


def _is_there(day: date, town: Municipality | None) -> bool:
    if town is None:
        return day.weekday() < 5
    return WEEKDAYS[day.weekday()] in town.working_days and day not in town.closed_on


def claim_end(wording: Wording, now: datetime) -> datetime:
    """Until when a request that somebody takes or works on now stays theirs."""
    town = wording.municipality
    span = timedelta(hours=town.claim_working_hours)
    return working_hours_after(now, span, ZoneInfo(town.zone), town.holidays_of, town)


def working_hours_after(
    moment: datetime, span: timedelta, zone: ZoneInfo, country: str, town: Municipality | None = None
) -> datetime:
    """When `span` of working time has gone by since `moment`, in UTC; nights, free days and holidays do not count."""
    free = holidays.country_holidays(country)
    day = moment.astimezone(zone).date()
    while True:
        if _is_there(day, town) and day not in free:
            begins = max(moment, datetime.combine(day, OPENS, zone).astimezone(moment.tzinfo))
            room = datetime.combine(day, CLOSES, zone).astimezone(moment.tzinfo) - begins
            if room >= span:
                return begins + span
            span -= max(room, timedelta(0))
        day += timedelta(days=1)
