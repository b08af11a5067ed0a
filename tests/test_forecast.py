"""What a campaign would bring, and what that expectation rests on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import campaigns, forecast, preview
from bot.campaigns.file import WavesPart
from bot.core.facts import Choice, Level
from bot.forecast import RestsOn
from bot.store.tables import AnswerRow, CitizenRow, MessageRow
from tests.world import World


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


def told(world, campaign, **changes):
    with world.sessions() as session:
        row = campaigns.known(session, campaign)
        asked = preview.at_its_soonest(session, world.wording, world.vault, campaign, world.now)
        funnel = preview.preview(session, asked)
        file = campaigns.file_of(row).model_copy(update=changes)
        return forecast.forecast(session, world.wording, file, funnel, rate_per_s=30, now=world.now)


def sent(world, card, count, asked):
    """Messages about a card that arrived long ago; after the first `asked` of them people asked for contact."""
    at = world.now - timedelta(days=400)
    with world.sessions.begin() as session:
        for number in range(count):
            known = f"{card}{number}"
            session.add(
                CitizenRow(
                    id=known, chat_hash=known, language="nl", zone="Europe/Amsterdam", standing="stopped", created_at=at
                )
            )
            session.flush()
            message = MessageRow(
                key=known,
                citizen_id=known,
                purpose=2,
                state="sent",
                due_at=at,
                created_at=at,
                closed_at=at,
                card=card,
                variant="x",
                tone="warm",
                sensitivity="S1",
            )
            session.add(message)
            session.flush()
            if number < asked:
                session.add(AnswerRow(message_id=message.id, citizen_id=known, choice=Choice.CONTACT, at=at))


def test_without_anything_to_count_it_says_that_it_is_an_assumption(world):
    campaign = world.campaign()
    for chat in range(100, 104):
        world.joins(str(chat), "money")

    found = told(world, campaign)

    assert found.expectation.rests_on is RestsOn.ASSUMPTION
    assert (found.people, found.spread.left_over, found.bearable) == (4, 0, True)


def test_it_counts_from_the_same_service_and_else_from_all(world):
    campaign = world.campaign()
    sent(world, "stadspas", 60, 6)
    assert told(world, campaign).expectation == forecast.Expectation(share=0.1, rests_on=RestsOn.ALL, sent=60, asked=6)
    sent(world, "zorgtoeslag", 50, 20)

    found = told(world, campaign).expectation
    assert found == forecast.Expectation(share=0.4, rests_on=RestsOn.CARD, sent=50, asked=20)


def test_a_card_without_contact_brings_no_requests(world):
    card = world.wording.cards["zorgtoeslag"]
    quiet = card.model_copy(update={"weighing": card.weighing.model_copy(update={"level": Level.INFORM})})

    world.wording = replace(world.wording, cards={**world.wording.cards, card.id: quiet})
    with world.sessions() as session:
        found = forecast.expectation(session, world.wording, "zorgtoeslag")

    assert (found.share, found.rests_on) == (0.0, RestsOn.NOT_OFFERED)


def test_what_the_team_cannot_bear_is_said_with_what_it_could(world):
    campaign = world.campaign()
    sent(world, "zorgtoeslag", 50, 50)
    for chat in range(100, 104):
        world.joins(str(chat), "money")
    town = world.wording.municipality.model_copy(update={"contacts_per_day": 1})

    world.wording = replace(world.wording, municipality=town)

    found = told(world, campaign)

    assert found.strain.requests == 4
    assert not found.bearable, "with one a day the last of four waits longer than the two days that are promised"
    assert found.gentler is None


def test_requests_pile_up_while_the_team_is_not_there(world):
    campaign = world.campaign(hourly_maximum=1)
    sent(world, "zorgtoeslag", 50, 50)
    for chat in range(100, 124):
        world.joins(str(chat), "money")
    before = told(world, campaign).strain.longest
    team = world.wording.municipality.model_copy(update={"working_days": ["fri"]})
    world.wording = replace(world.wording, municipality=team)

    assert told(world, campaign).strain.longest > before


def test_waves_and_the_hourly_maximum_spread_it(world):
    campaign = world.campaign(waves=WavesPart(number=2, days_between=7), hourly_maximum=1)
    for chat in range(100, 112):
        world.joins(str(chat), "money")

    found = told(world, campaign)

    assert found.hourly == 1
    assert sum(found.spread.days.values()) == found.people == 12
    assert len(found.spread.days) >= 2
    assert found.spread.ends - found.spread.begins >= timedelta(days=7)
    with world.sessions() as session:
        asked = preview.at_its_soonest(session, world.wording, world.vault, campaign, world.now)
    assert (asked.signal.received_at or world.now) == asked.now
