"""A citizen's own pause between messages, and what each answer does to it.

Nothing is stored: the pause is folded from the contacts each time it is asked for. Only what had happened by `now`
counts, so asking about a past moment gives what held then. The rule is layer A of `learning.md` 1.2 with the two
promises of `domain.md` 6.1. Where it starts and what interest and silence do to it was chosen by the yardstick, where a
year was worth more with fewer stops than by the rule before it (`bot/README.md`):

| what came back                       | the pause C, in days                                               |
|--------------------------------------|--------------------------------------------------------------------|
| interest (more, self, contact)       | half of C                                                          |
| "it was welcome"                     | three quarters of C                                                |
| "it was not welcome"                 | two and a half times C, and silence for at least thirty days       |
| "too often"                          | twice C, which becomes this person's floor under all later answers |
| silence                              | 1.18 times C                                                       |
| not now, a refusal, stop, no opinion | C stays; the gate in `outreach` knows what they forbid             |

Whoever asks for fewer messages in the settings sets a floor in days; whoever asks for the usual number takes back the
floors that "too often" had set until then.

C never leaves [`rest_floor_days`, `rest_cap_days`]. One nudge has each effect once, however often a button is pressed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from operator import itemgetter
from typing import Final

from bot.core.facts import INTERESTED, Choice, Citizen, Contact, Rules

AFTER_UNWELCOME = timedelta(days=30)


class _Cause(Enum):
    """What changes the pause."""

    INTERESTED = auto()
    WELCOME = auto()
    UNWELCOME = auto()
    TOO_OFTEN = auto()
    SILENCE = auto()


_FACTORS: Final = {
    _Cause.INTERESTED: 0.5,
    _Cause.WELCOME: 0.75,
    _Cause.UNWELCOME: 2.5,
    _Cause.TOO_OFTEN: 2.0,
    _Cause.SILENCE: 1.18,
}
_CAUSES = {
    **dict.fromkeys(INTERESTED, _Cause.INTERESTED),
    Choice.WELCOME: _Cause.WELCOME,
    Choice.UNWELCOME: _Cause.UNWELCOME,
    Choice.TOO_OFTEN: _Cause.TOO_OFTEN,
}


def interval_days(citizen: Citizen, rules: Rules, now: datetime) -> float:
    """The pause that this person's answers up to and including `now` ask for, in days."""
    cap = rules.rest_cap_days
    floor = min(cap, max(rules.rest_floor_days, citizen.rest_days or 0))
    days = max(floor, min(cap, rules.rest_start_days))
    for at, cause in _events(citizen, rules, now):
        days = min(cap, days * _FACTORS[cause])
        if cause is _Cause.TOO_OFTEN and (citizen.rested_anew is None or at > citizen.rested_anew):
            floor = max(floor, days)
        days = max(floor, days)
    return days


def resting_until(citizen: Citizen, rules: Rules, now: datetime) -> datetime | None:
    """The first moment at which this person is no longer resting; None: not resting now.

    It supposes that nothing more comes back. A silence that will be counted before the pause ends is part of the
    answer, so that the moment is kept unless the person answers.
    """
    past = [contact for contact in citizen.contacts if contact.at <= now]
    if not past:
        return None
    last = max(contact.at for contact in past)
    until = last
    for contact in past:
        for answer in contact.answers:
            if answer.choice is Choice.UNWELCOME and answer.at <= now:
                until = max(until, answer.at + AFTER_UNWELCOME)
    looked_at = now
    while True:
        pause = timedelta(days=interval_days(citizen, rules, looked_at))
        until = max(until, last + max(pause, rules.min_gap))
        if until <= looked_at:
            return until if until > now else None
        looked_at = until


def silent(contact: Contact, rules: Rules, now: datetime) -> bool:
    """Whether this contact's window closed, by `now`, without an answer. An answer after that does not undo it."""
    closes = contact.at + rules.window
    return closes <= now and not any(answer.choice.closes and answer.at <= closes for answer in contact.answers)


def _events(citizen: Citizen, rules: Rules, now: datetime) -> list[tuple[datetime, _Cause]]:
    # The nudge breaks ties, so that the fold does not depend on how the contacts were read.
    contacts = sorted(citizen.contacts, key=lambda contact: (contact.at, contact.nudge))
    events = [event for contact in contacts for event in _events_of(contact, rules, now) if event[0] <= now]
    return sorted(events, key=itemgetter(0))


def _events_of(contact: Contact, rules: Rules, now: datetime) -> Iterator[tuple[datetime, _Cause]]:
    """What one contact does to the pause."""
    if silent(contact, rules, now):
        yield contact.at + rules.window, _Cause.SILENCE
    counted: set[_Cause] = set()
    for answer in contact.answers:
        cause = _CAUSES.get(answer.choice)
        if cause is not None and cause not in counted:
            yield answer.at, cause
            counted.add(cause)
