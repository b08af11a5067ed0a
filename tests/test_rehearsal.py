"""A wording in a chat of one's own: marked, without effect, counted nowhere."""

import itertools
import random
from datetime import date

import pytest
from sqlmodel import select

from bot import preview, rehearsal, staff
from bot.core.talk import Blocked, Command, Unblocked
from bot.errors import RefusedError, UnreachableError
from bot.research import export
from bot.store import conversation, ledger
from bot.store.tables import (
    AnswerRow,
    AuditRow,
    CitizenRow,
    DecisionRow,
    FrozenRow,
    LinkRow,
    MessageRow,
    OfferRow,
    StaffRow,
)
from bot.wording import OwnWording, with_own
from tests.world import World

EVA, ANNA = "5550001", "7918273645"
VARIANT = "zorgtoeslag.warm.1"


@pytest.fixture
def world(sessions, wording, vault):
    world = World(sessions, wording, vault)
    with sessions.begin() as session:
        for login in ("eva", "sam"):
            new = staff.NewStaff(login=login, name=login.title(), roles=["editor"], language="nl")
            staff.add(session, new, staff_id=login, by="setup", now=world.now)
    return world


def code(world, login="eva", seed=7):
    with world.sessions.begin() as session:
        made = rehearsal.new_code(session, world.vault, login, now=world.now, pick=random.Random(seed).choice)
    return made.code


def links(world, chat=EVA, login="eva", seed=7, language="nl"):
    return says(world, chat, code(world, login, seed), language=language)


def says(world, chat, written, language="nl"):
    """What the chat is answered when it opens with this code."""
    before = len(world.sent)
    world.hear(chat, Command("start", written), language=language)
    return [sent.text for sent in world.sent[before:]]


_keys = itertools.count(1)


def tried(world, variant=VARIANT, language="nl", login="eva"):
    with world.sessions.begin() as session:
        rehearsal.send(session, world.journey.wording, login, variant, language, key=f"k{next(_keys)}", now=world.now)
    return world.deliver()


def row(world, chat=EVA):
    return world.citizen(chat)


def linked(world, login="eva"):
    """Whose chat is tied to this account."""
    with world.sessions() as session:
        return session.get(StaffRow, login).chat_citizen


def rows(world, table):
    with world.sessions() as session:
        return session.exec(select(table)).all()


def funnel(world, campaign):
    with world.sessions() as session:
        return preview.preview(session, preview.question(session, world.wording, world.vault, campaign, world.now))


# The link.


def test_a_code_ties_a_chat_to_the_account_and_works_once(world):
    said = links(world)

    assert said == [world.wording.say("test.linked", "nl")]
    assert linked(world) == row(world).id
    assert row(world).standing == rehearsal.COLLEAGUE
    assert says(world, "999", "TABCD-EFGHJKMN") == [world.wording.say("test.refused", "nl")]
    assert ("eva", "staff.chat_link") in [(line.who, line.action) for line in rows(world, AuditRow)]


def test_the_words_come_in_the_language_of_the_app(world):
    assert links(world, language="tr") == [world.wording.say("test.linked", "tr")]


def test_a_code_ends_after_a_quarter_of_an_hour_and_when_there_is_a_newer_one(world):
    old = code(world, seed=1)
    new = code(world, seed=2)
    assert says(world, EVA, old) == [world.wording.say("test.refused", "nl")]
    world.later(minutes=16)
    assert says(world, EVA, new) == [world.wording.say("test.refused", "nl")]
    assert linked(world) is None


def test_five_misses_end_a_code(world):
    right = code(world)
    wrong = f"{right[:-1]}{'A' if right[-1] != 'A' else 'B'}"
    for _ in range(rehearsal.TRIES):
        says(world, EVA, wrong)

    assert says(world, EVA, right) == [world.wording.say("test.refused", "nl")]
    assert linked(world) is None


def test_a_code_of_the_staff_is_none_of_a_citizens_and_the_other_way_round(world):
    world.hear(ANNA, Command("start", world.code_for("client-1")))
    assert row(world, ANNA).standing == "joining"
    links(world)
    assert linked(world) == row(world).id
    assert [one.citizen_id for one in rows(world, LinkRow)] == [row(world, ANNA).id]


def test_what_was_unlinked_gets_nothing_and_is_forgotten(world):
    links(world)
    with world.sessions.begin() as session:
        rehearsal.send(session, world.wording, "eva", VARIANT, "nl", key="late", now=world.now)
        rehearsal.unlink(session, "eva", by="eva", now=world.now)

    assert world.deliver() == []
    with world.sessions.begin() as session:
        conversation.forget_addresses(session)
    assert row(world).chat_sealed is None
    with pytest.raises(RefusedError, match="No chat of yours is linked"):
        tried(world)
    assert links(world, seed=8) == [world.wording.say("test.linked", "nl")]
    assert len(tried(world)) == 1


def test_a_linked_address_is_kept_and_an_account_that_was_shut_gets_nothing(world):
    links(world)
    with world.sessions.begin() as session:
        conversation.forget_addresses(session)
    assert row(world).chat_sealed is not None
    with world.sessions.begin() as session:
        rehearsal.send(session, world.wording, "eva", VARIANT, "nl", key="late", now=world.now)
        session.get(StaffRow, "eva").disabled_at = world.now

    assert world.deliver() == []


@pytest.mark.parametrize("heard", [Command("stop"), Blocked()])
def test_a_stop_in_that_chat_ends_the_tests_too(world, heard):
    links(world)
    world.hear(EVA, heard)
    world.deliver()

    assert linked(world) is None
    assert row(world).standing == rehearsal.COLLEAGUE


def test_a_closed_chat_ends_the_tests_too(world):
    links(world)
    world.fails = [UnreachableError("blocked")]
    tried(world)
    world.deliver()

    assert linked(world) is None


# The test.


def test_it_is_the_nudge_itself_marked_as_a_test_whatever_the_hour(world):
    links(world)
    world.later(hours=13)  # night

    [sent] = tried(world)

    assert sent.text == f"{world.wording.say('test.mark', 'nl')}\n\n{world.wording.say(VARIANT, 'nl')}"
    labels = [button.text for button in sent.buttons]
    world.campaign()
    world.joins(ANNA, "money")
    world.later(hours=11)
    world.signal()
    [nudge] = [one for one in world.tick() if one.chat == ANNA]
    assert labels == [button.text for button in nudge.buttons]


@pytest.mark.parametrize("language", ["nl", "en", "ar", "tr", "pl", "uk"])
def test_it_says_so_in_its_own_language(world, language):
    links(world)
    [sent] = tried(world, language=language)

    assert sent.text.startswith(world.wording.say("test.mark", language))


def test_every_button_says_that_it_was_a_test_and_does_nothing(world):
    links(world)
    [sent] = tried(world, "aio.warm.1")
    before = row(world)

    for button in sent.buttons:
        assert world.press(EVA, button.data) == world.wording.say("test.notice", "nl")
    assert world.deliver() == []
    assert rows(world, AnswerRow) == []
    assert row(world) == before


def test_it_leaves_no_trace_among_decisions_offers_contacts_or_frozen_words(world):
    links(world)
    tried(world)

    assert rows(world, DecisionRow) == rows(world, OfferRow) == rows(world, FrozenRow) == []
    citizen = row(world).id
    with world.sessions() as session:
        assert ledger.contacts(session, [citizen]) == {}
        assert ledger.received(session, citizen) == 0
    [message] = [one for one in rows(world, MessageRow) if one.key.startswith("test:")]
    assert (message.campaign_id, message.variant, message.state) == (None, None, "sent")
    trail = [(line.who, line.subject) for line in rows(world, AuditRow) if line.action == "campaign.test"]
    assert trail == [("eva", VARIANT)]


def test_ten_an_hour_for_each_colleague(world):
    links(world)
    links(world, "5550002", "sam", seed=9)
    for _ in range(rehearsal.PER_HOUR):
        tried(world)
    with pytest.raises(RefusedError, match="You sent 10 tests in the last hour"):
        tried(world)

    assert len(tried(world, login="sam")) == 1
    world.later(minutes=61)
    assert len(tried(world)) == 1


def test_what_cannot_be_said_is_refused(world):
    links(world)
    with pytest.raises(RefusedError, match="no text of"):
        tried(world, "zorgtoeslag.warm.99")


def test_words_that_are_still_in_the_making_can_be_tried(world):
    links(world)
    name = "zorgtoeslag.proef.warm.1"
    text = {"nl": "Hier is {municipality}: u moet dit lezen."}  # a rule forbids it; a colleague may see it
    world.journey.wording = with_own(
        world.wording, [OwnWording(id=name, tone="warm", since=date(2026, 11, 24), text=text)]
    )

    [sent] = tried(world, name)
    assert sent.text.endswith("Hier is Voorbeeldstad: u moet dit lezen.")


# Nobody is counted who is not a citizen.


def test_a_chat_for_tests_is_in_no_funnel_and_no_plan(world):
    campaign = world.campaign()
    world.joins(ANNA, "money")
    before = funnel(world, campaign)
    links(world)
    tried(world)

    assert funnel(world, campaign) == before
    world.signal()
    assert [sent.chat for sent in world.tick()] == [ANNA]
    assert {offer.citizen_id for offer in world.offers()} == {row(world, ANNA).id}
    with world.sessions() as session:
        figures = ledger.figures(session, [campaign])[campaign]
        assert figures.sent == 1


def test_neither_export_nor_learning_see_it(world):
    world.campaign()
    links(world)
    tried(world)
    world.later(days=20)
    world.journey.learn()
    world.agreed("111", "112", "113", "114", "115")
    with world.sessions() as session:
        assert ledger.policy_row(session).rows_used == 0
        found = export.frames(session, bytes(32), world.now, wording=world.wording)
    assert found["citizens"].height == 5
    assert [found[name].height for name in ("decisions", "responses", "answers", "mrt_tone")] == [0] * 4


def test_whoever_is_a_citizen_as_well_keeps_both(world):
    campaign = world.campaign()
    world.joins(EVA, "money")
    before = funnel(world, campaign)
    links(world)

    assert row(world).standing == "active"
    assert funnel(world, campaign) == before
    assert len(tried(world)) == 1
    assert funnel(world, campaign) == before
    world.signal()
    [nudge] = world.tick()
    assert nudge.chat == EVA
    with world.sessions.begin() as session:
        rehearsal.unlink(session, "eva", by="eva", now=world.now)
        conversation.forget_addresses(session)
    assert row(world).standing == "active"
    assert row(world).chat_sealed is not None


def test_a_colleague_can_become_a_citizen_in_the_same_chat_afterwards(world):
    links(world)
    world.joins(EVA, "money")

    assert row(world).standing == "active"
    assert linked(world) == row(world).id
    assert len(rows(world, CitizenRow)) == 1


def test_what_a_colleague_types_there_is_answered_as_to_anybody_new(world):
    links(world)
    world.say(EVA, "hallo")

    assert world.phones[EVA].last.text == world.wording.say("language.ask", "nl")
    assert row(world).standing == rehearsal.COLLEAGUE
    world.hear(EVA, Unblocked())
    assert row(world).standing == rehearsal.COLLEAGUE


def test_a_colleague_who_wipes_everything_is_gone(world):
    links(world)
    world.press(EVA, "v1|e|0|yes")
    with world.sessions.begin() as session:
        conversation.forget_addresses(session)

    assert row(world).chat_sealed is None
    assert linked(world) is None
