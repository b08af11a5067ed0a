"""Working days and hours: the day that is promised, and how long somebody of the staff may keep a request."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.store import conversation
from bot.wording import Municipality, Wording

#: When staff are taken to be at work; `contact_hours` is a sentence and cannot be counted with.
OPENS: Final = time(9)
CLOSES: Final = time(17)


def promise(session: Session, wording: Wording, today: date) -> date:
    """The day by which somebody who asks today is contacted: the first one on which the team has room."""
    town, ahead = wording.municipality, wording.rules.promise_working_days
    # A year's holidays take longer to work out than everything else that a press asks.
    day = wording.once(("promise", today.isoformat()), lambda: working_days_after(today, ahead, town))
    taken = conversation.promised(session, day)
    while taken.get(day, 0) >= town.contacts_per_day:
        day = working_days_after(day, 1, town)
    return day


def working_days_after(day: date, count: int, town: Municipality) -> date:
    """The `count`-th day after `day` on which the team of `town` is there."""
    while count:
        day += timedelta(days=1)
        count -= town.works_on(day)
    return day


def claim_end(wording: Wording, now: datetime) -> datetime:
    """Until when a request that somebody takes or works on now stays theirs."""
    town = wording.municipality
    return working_hours_after(now, timedelta(hours=town.claim_working_hours), town)


def working_hours_after(moment: datetime, span: timedelta, town: Municipality) -> datetime:
    """When `span` of working time has gone by since `moment`, in UTC; nights, free days and holidays do not count."""
    zone = ZoneInfo(town.zone)
    day = moment.astimezone(zone).date()
    while True:
        if town.works_on(day):
            begins = max(moment, datetime.combine(day, OPENS, zone).astimezone(moment.tzinfo))
            room = datetime.combine(day, CLOSES, zone).astimezone(moment.tzinfo) - begins
            if room >= span:
                return begins + span
            span -= max(room, timedelta(0))
        day += timedelta(days=1)
