"""How long a campaign takes at its own maximum, in the hours in which people may be written to."""

from datetime import datetime, timedelta

from bot.core import outreach
from bot.core.facts import Rules

HOUR = timedelta(hours=1)
#: Nobody plans further ahead than this.
FURTHEST = timedelta(days=3 * 366)


def last_leaves(count: int, hourly: int, zone: str, rules: Rules, now: datetime) -> datetime | None:
    """When the last of `count` messages leaves, if nothing holds them up; None: not within `FURTHEST`.

    It supposes that all may leave at once but for the maximum and the civil hours of `zone`, so it is the earliest end.
    """
    moment = outreach.next_civil_moment(zone, rules, now)
    left = count
    while left > hourly:
        left -= hourly
        moment = outreach.next_civil_moment(zone, rules, moment + HOUR)
        if moment - now > FURTHEST:
            return None
    return moment
