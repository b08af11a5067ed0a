"""What a campaign would bring: how long it takes to send, and how many people will ask for contact.

An expectation, from what was counted before; it says what it rests on, so that people can judge it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import Session

from bot.campaigns import CampaignFile
from bot.core import outreach, pace
from bot.core.facts import Level, Reason
from bot.core.pace import Spread, Strain
from bot.preview import Funnel
from bot.store import conversation, ledger
from bot.wording import Wording

#: From so many messages on their own answers are a better guide than those to other services.
ENOUGH: Final = 50
#: Nobody was ever written to: what to plan for until there is something to count.
ASSUMED: Final = 0.05


class RestsOn(StrEnum):
    CARD = "card"
    ALL = "all"
    ASSUMPTION = "assumption"
    NOT_OFFERED = "not_offered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """The share of people who ask for contact, and the messages and answers that it was counted from."""

    share: float
    rests_on: RestsOn
    sent: int = 0
    asked: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """`hourly` is what may leave in an hour. `bearable` False: the team cannot keep its promise to all who ask.

    `gentler` is the hourly maximum at which it could; None: there is none.
    """

    people: int
    hourly: int
    spread: Spread
    closes: datetime
    expectation: Expectation
    strain: Strain
    capacity: int
    bearable: bool
    gentler: int | None


def forecast(
    session: Session, wording: Wording, file: CampaignFile, funnel: Funnel, *, rate_per_s: float, now: datetime
) -> Forecast:
    """What comes of writing to all whom the funnel says could be written to, wave after wave."""
    asked = funnel.question
    rule = outreach.rule_for(asked.signal, asked.world.card)
    assert rule is not None
    campaign, zone, rules = asked.world.campaign, wording.municipality.zone, wording.rules
    closes = min(outreach.window(asked.signal, rule)[1], campaign.ends_at)
    hourly = min(file.hourly_maximum, int(rate_per_s * 3600))
    people = funnel.reached + funnel.reasons.get(Reason.WAVE, 0)
    spread = pace.spread(_crowds(funnel, people), hourly, zone, rules, closes=closes)
    expected = expectation(session, wording, file.card)
    capacity = wording.municipality.contacts_per_day
    taken = conversation.promised(session, now.date())
    load = pace.strain(spread.days, expected.share, capacity, wording.municipality.works_on, taken)
    bearable = load.longest <= rules.promise_working_days
    return Forecast(
        people=people,
        hourly=hourly,
        spread=spread,
        closes=closes,
        expectation=expected,
        strain=load,
        capacity=capacity,
        bearable=bearable,
        gentler=None if bearable else _gentler(expected.share, capacity, wording),
    )


def expectation(session: Session, wording: Wording, card: str) -> Expectation:
    """How many of those who get a message about `card` will ask for contact."""
    known = wording.cards[card]
    if known.weighing.level is not Level.INFORM_AND_OFFER_CONTACT:
        return Expectation(share=0.0, rests_on=RestsOn.NOT_OFFERED)
    counted = ledger.asked_for_contact(session)
    sent, asked = counted.get(card, (0, 0))
    if sent >= ENOUGH:
        return Expectation(share=asked / sent, rests_on=RestsOn.CARD, sent=sent, asked=asked)
    sent, asked = (sum(one[place] for one in counted.values()) for place in (0, 1))
    if sent >= ENOUGH:
        return Expectation(share=asked / sent, rests_on=RestsOn.ALL, sent=sent, asked=asked)
    return Expectation(share=ASSUMED, rests_on=RestsOn.ASSUMPTION, sent=sent, asked=asked)


def _crowds(funnel: Funnel, people: int) -> list[tuple[datetime, int]]:
    """Each wave with its moment. The lot divides people evenly, but for the first wave, which was counted."""
    waves = funnel.question.world.campaign.waves
    if waves is None:
        return [(funnel.question.now, people)]
    later, others = people - funnel.reached, waves.number - 1
    shares = [later // others + (number < later % others) for number in range(others)]
    begins = funnel.question.now
    gap = timedelta(days=waves.days)
    return [(begins + gap * number, count) for number, count in enumerate([funnel.reached, *shares])]


def _gentler(share: float, capacity: int, wording: Wording) -> int | None:
    """The most messages an hour whose requests a team can help on the same day."""
    rules = wording.rules
    quiet = (rules.quiet_from.hour - rules.quiet_until.hour) % 24 or 24
    fits = int(capacity / (share * quiet)) if share else 0
    return fits or None
