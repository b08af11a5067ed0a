"""How long many messages take, and what comes back of them: days in the civil hours, and a team's room in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from bot.core import outreach
from bot.core.facts import Rules

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How many messages leave on which day. `left_over` are those whose time is over before it is their turn."""

    days: Mapping[date, int]
    begins: datetime | None
    ends: datetime | None
    left_over: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Strain:
    """What a team meets. `longest` is the most working days that somebody waits."""

    requests: float
    busiest: float
    longest: float


def spread(
    crowds: Sequence[tuple[datetime, int]], hourly: float, zone: str, rules: Rules, *, closes: datetime
) -> Spread:
    """The earliest days on which these crowds can be written to, each from its own moment and at most `hourly` an hour.

    It supposes that nothing else leaves and that each hour is used to the full.
    """
    local, days = ZoneInfo(zone), dict[date, int]()
    coming = sorted(crowds)
    waiting, most = 0, max(1, int(hourly))
    begins = ends = None
    moment = coming[0][0] if coming else closes
    while coming or waiting:
        if not waiting:
            moment = max(moment, coming[0][0])
        moment = outreach.next_civil_moment(zone, rules, moment)
        if moment > closes:
            break
        while coming and coming[0][0] <= moment:
            waiting += coming.pop(0)[1]
        leave = min(waiting, most)
        if leave:
            begins, ends = begins or moment, moment
            day = moment.astimezone(local).date()
            days[day] = days.get(day, 0) + leave
            waiting -= leave
        moment += HOUR
    return Spread(days=days, begins=begins, ends=ends, left_over=waiting + sum(count for _, count in coming))


def strain(
    sent: Mapping[date, int],
    share: float,
    capacity: int,
    is_working_day: Callable[[date], bool],
    taken: Mapping[date, int],
) -> Strain:
    """What becomes of a team that can help `capacity` people on a working day, `taken` of them promised already.

    `share` of those who get a message ask for contact, on the day on which they get it.
    """
    requests = {day: count * share for day, count in sent.items()}
    total = sum(requests.values())
    if total == 0:
        return Strain(requests=0.0, busiest=0.0, longest=0.0)
    day, waiting, longest = min(requests), 0.0, 0.0
    last = max(requests)
    while day <= last or waiting > 1e-9:
        waiting += requests.get(day, 0.0)  # nosec B113  # a mapping of days, no call
        if is_working_day(day):
            room = max(0, capacity - taken.get(day, 0))
            longest = max(longest, waiting / capacity if capacity else inf)
            waiting = max(0.0, waiting - room)
        if capacity == 0 or day > last + 3 * 366 * DAY:
            break
        day += DAY
    return Strain(requests=total, busiest=max(requests.values()), longest=longest)
