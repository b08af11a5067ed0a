"""The way of a signal: it arrives, is planned, leaves, is answered; nothing is lost and nobody is bothered twice."""

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from bot import learning, outbox
from bot.core import policy
from bot.core.facts import ConsentState, Learning
from bot.core.policy import Policy
from bot.core.talk import Blocked, Press, Unblocked, write_press
from bot.errors import DelayedError, RejectedError, UncertainError, UnreachableError
from bot.journey import Delivered
from bot.store import ledger
from bot.store.tables import AnswerRow, ConsentRow, ContactRequestRow, FrozenRow, InboxRow, MessageRow, PolicyRow
from tests.world import World

ANNA, JOHN = "7918273645", "7918273646"


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


@pytest.fixture
def anna(world):
    """Anna joined and chose money; the campaign about healthcare allowance runs."""
    world.campaign()
    world.joins(ANNA, "money")
    return world


def consents(world, chat=ANNA):
    with world.sessions() as session:
        rows = session.exec(
            select(ConsentRow).where(col(ConsentRow.citizen_id) == world.citizen(chat).id).order_by(col(ConsentRow.id))
        )
        return list(rows)


def answers(world):
    with world.sessions() as session:
        return [row.choice for row in session.exec(select(AnswerRow).order_by(col(AnswerRow.id)))]


# Arriving, planning, leaving.


def test_a_signal_becomes_one_nudge_for_who_chose_its_theme(anna):
    anna.joins(JOHN, "children")
    anna.signal()

    [nudge] = anna.tick()

    assert nudge.chat == ANNA
    assert nudge.silent
    assert [row.outcome for row in anna.offers()] == ["sent"]
    assert [row.outcome for row in anna.signals()] == ["planned"]


def test_a_signal_received_twice_is_planned_once(anna):
    anna.signal(number="a")
    anna.signal(number="a")

    assert len(anna.tick()) == 1
    anna.later(days=200)
    anna.signal(number="a")
    assert anna.tick() == []
    assert len(anna.signals()) == 1


def test_the_buttons_stand_in_the_order_that_never_changes(anna):
    anna.signal()
    [nudge] = anna.tick()

    choices = [button.data.split("|")[3] for button in nudge.buttons]

    assert [choice for choice in choices if choice != "contact"] == ["more", "not_now", "no", "why", "stop"]


def test_a_signal_without_a_campaign_ends_in_a_reason(world):
    world.joins(ANNA, "money")
    world.signal()
    world.tick()

    assert [row.outcome for row in world.signals()] == ["no_campaign"]


def test_a_signal_about_nobody_we_know_ends_in_a_reason(world):
    world.campaign("stadspas")
    world.offer_by_professional("letter-77")
    world.tick()

    assert [row.outcome for row in world.signals() if row.addressed] == ["unknown_person"]


def test_a_signal_after_its_window_is_expired_and_not_sent_late(anna):
    anna.later(hours=10, minutes=30)  # past eight in the evening: it waits for the morning
    anna.signal(in_days=8)
    assert anna.tick() == []
    anna.later(days=3)

    assert anna.tick() == []
    assert anna.outcomes() == ["signal_expired"]


def test_a_nudge_planned_in_the_evening_leaves_in_the_morning(anna):
    anna.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    anna.signal()
    assert anna.tick() == []

    anna.now = datetime(2026, 11, 25, 7, 59, tzinfo=UTC)
    assert anna.tick() == []
    anna.now = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    assert len(anna.tick()) == 1


def test_a_nudge_whose_sender_was_late_does_not_leave_in_quiet_hours(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.now = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)

    assert anna.deliver() == []
    anna.now = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    assert len(anna.deliver()) == 1


def test_two_campaigns_together_send_one_nudge_in_fourteen_days(world):
    world.campaign()
    world.campaign("stadspas")
    world.joins(ANNA, "money", "free-time", code=world.code_for("letter-1"))
    world.signal()
    world.offer_by_professional("letter-1")

    assert len(world.tick()) == 1
    world.later(days=13)
    assert world.tick() == []


def test_a_campaign_that_is_paused_between_planning_and_leaving_sends_nothing(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.pause("zorgtoeslag-deadline")

    assert anna.deliver() == []
    anna.later(hours=2)
    assert anna.tick() == []
    anna.resume("zorgtoeslag-deadline")
    assert len(anna.tick()) == 1


def test_a_campaign_that_was_stopped_never_sends_again(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.stop_campaign("zorgtoeslag-deadline")

    assert anna.deliver() == []
    assert anna.outcomes() == ["campaign_not_running"]


def test_a_signal_that_arrives_during_a_pause_waits_for_its_end(anna):
    anna.pause("zorgtoeslag-deadline")
    anna.signal()
    assert anna.tick() == []

    anna.resume("zorgtoeslag-deadline")
    assert len(anna.tick()) == 1


def test_staff_who_pause_hold_back_what_was_leased_already(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    [leased] = anna.journey.lease("sender", 10)
    anna.journey.pause_nudges("wrong phone number in the text", who="sam")

    assert anna.journey.depart("sender", [leased.message]) == []
    anna.journey.resume_nudges(who="sam")
    assert len(anna.deliver()) == 1


def test_only_one_process_sends_and_another_takes_over_when_it_is_silent(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    assert anna.journey.lease("first", 0) == []

    assert anna.journey.lease("second", 10) == []
    anna.later(seconds=16)
    assert len(anna.journey.lease("second", 10)) == 1


def test_a_short_flood_does_not_shorten_a_long_one(anna):
    for chat in (ANNA, JOHN):
        anna.say(chat, "/start")
    anna.fails.extend([DelayedError(600, everybody=True), DelayedError(5, everybody=True)])
    both = [anna.citizen(chat) for chat in (ANNA, JOHN)]
    with anna.sessions.begin() as session:
        for person in both:
            outbox.queue_reply(session, person, f"test:{person.id}", {"text": "dag"}, anna.now)
    anna.deliver()
    anna.later(seconds=10)

    assert anna.journey.paused_until() is not None


def test_a_card_that_was_taken_away_stops_nothing_else(anna):
    anna.campaign("stadspas")
    anna.joins(JOHN, "free-time", code=anna.code_for("letter-2"))
    anna.signal()
    [nudge] = anna.tick()
    assert nudge.chat == ANNA
    anna.later(days=20)
    anna.signal()
    anna.journey.plan()
    without = {card: whole for card, whole in anna.wording.cards.items() if card != "zorgtoeslag"}
    anna.journey.wording = replace(anna.wording, cards=without)
    anna.offer_by_professional("letter-2")

    assert [nudge.chat for nudge in anna.tick()] == [JOHN]
    assert "card_not_in_force" in anna.outcomes()
    anna.say(ANNA, "/stop")
    assert anna.citizen(ANNA).standing == "stopped"


def test_a_nudge_whose_language_changed_meanwhile_is_decided_anew(world):
    world.campaign(variants=["zorgtoeslag.neutral.1"])
    world.joins(ANNA, "money")
    world.signal()
    world.journey.plan()
    world.journey.decide()
    variant = world.wording.variants["zorgtoeslag.neutral.1"]
    fewer = {**world.wording.variants, variant.id: replace(variant, languages=frozenset({"en"}))}
    world.journey.wording = replace(world.wording, variants=fewer)

    assert world.deliver() == []
    assert [offer.state for offer in world.offers()] == ["open"]


def test_the_hourly_maximum_spreads_a_campaign(world):
    world.campaign(hourly_maximum=2)
    for chat in ("1", "2", "3"):
        world.joins(chat, "money")
    world.signal()

    assert len(world.tick()) == 2
    world.later(hours=1, minutes=31)
    assert len(world.tick()) == 1


def test_a_day_of_a_campaigns_own_calendar_makes_its_signal_once(world):
    world.campaign("stadspas")
    world.joins(ANNA, "free-time")
    world.now = datetime(2027, 1, 4, 10, 0, tzinfo=UTC)

    sent = world.tick() + world.tick()
    world.later(days=1)
    sent += world.tick()

    assert len(sent) == 1
    assert len(world.signals()) == 1


# Failing.


@pytest.mark.parametrize(
    ("failure", "state", "outcome"),
    [
        (UncertainError("timeout"), "uncertain", "uncertain"),
        (RejectedError("too long"), "failed", "rejected"),
        (UnreachableError("blocked"), "failed", "unreachable"),
    ],
)
def test_a_nudge_that_failed_is_not_sent_again(anna, failure, state, outcome):
    anna.signal()
    anna.fails.append(failure)
    anna.tick()
    anna.later(hours=2)
    anna.journey.sweep()

    assert anna.tick() == []
    assert [row.state for row in anna.nudges()] == [state]
    assert anna.outcomes() == [outcome]


def test_a_flood_pauses_everything_and_loses_nothing(anna):
    anna.signal()
    anna.fails.append(DelayedError(30, everybody=True))
    anna.tick()
    anna.say(ANNA, "/help")

    assert anna.journey.paused_until() is not None
    assert "sent" not in anna.outcomes()
    anna.later(seconds=31)
    assert len(anna.tick()) == 1


def test_what_was_in_flight_at_a_crash_is_uncertain_and_never_sent_again(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.later(minutes=1)
    [leased] = anna.journey.lease("dies", 10)
    assert len(anna.journey.depart("dies", [leased.message])) == 1
    anna.later(minutes=2)

    assert anna.journey.sweep() == 1
    assert anna.deliver() == []
    assert [row.state for row in anna.nudges()] == ["uncertain"]


def test_what_was_only_leased_at_a_crash_leaves_afterwards(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.later(minutes=1)
    assert len(anna.journey.lease("dies", 10)) == 1
    anna.later(minutes=2)
    anna.journey.sweep()

    assert len(anna.deliver()) == 1


def test_a_sender_that_lost_its_lease_cannot_let_go_any_more(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.later(minutes=1)
    [leased] = anna.journey.lease("slow", 10)
    anna.later(minutes=2)
    anna.journey.sweep()
    assert len(anna.deliver(owner="quick")) == 1

    assert anna.journey.depart("slow", [leased.message]) == []


def test_a_press_on_an_uncertain_nudge_proves_that_it_arrived(anna):
    anna.signal()
    anna.fails.append(UncertainError("timeout"))
    anna.tick()
    [row] = anna.nudges()
    anna.press(ANNA, write_press(Press("n", row.id, "more")))

    assert [row.state for row in anna.nudges()] == ["sent"]


def test_a_typed_stop_does_not_prove_that_an_uncertain_nudge_arrived(anna):
    anna.signal()
    anna.fails.append(UncertainError("timeout"))
    anna.tick()
    anna.say(ANNA, "/stop")

    assert [row.state for row in anna.nudges()] == ["uncertain"]


def test_a_press_may_come_before_the_sender_wrote_down_that_it_was_sent(anna, engine):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    [leased] = anna.journey.lease("sender", 10)
    [leaving] = anna.journey.depart("sender", [leased.message])
    settled = threading.Thread(target=anna.journey.depart, args=("sender", [], [Delivered(leaving.id, 77)]))
    with anna.sessions.begin() as session:
        ledger.citizen_by_chat(session, anna.vault.fingerprint(f"chat:{ANNA}"), locked=True)
        settled.start()
        if engine.dialect.name == "postgresql":
            waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not session.execute(waits).scalar_one():
                settled.join(0.01)
        session.get(MessageRow, leaving.id).error = "pressed on"
    settled.join()

    assert [(row.state, row.channel_id) for row in anna.nudges()] == [("sent", 77)]


def test_answers_leave_while_nudges_are_paused(anna):
    anna.signal()
    anna.journey.pause_nudges("five were rejected")

    assert anna.tick() == []
    before = len(anna.sent)
    anna.say(ANNA, "/help")
    assert len(anna.sent) == before + 1
    anna.journey.resume_nudges(who="sam")
    assert len(anna.tick()) == 1


# The person keeps control.


def test_stop_takes_back_what_was_queued(anna):
    anna.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    anna.signal()
    anna.tick()
    assert [row.state for row in anna.nudges()] == ["due"]

    anna.say(ANNA, "/stop")
    anna.now = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)

    assert anna.tick() == []
    assert [row.state for row in anna.nudges()] == ["withdrawn"]
    assert consents(anna)[-1].state == ConsentState.WITHDRAWN


def test_no_nudge_leaves_to_anybody_while_something_of_nobody_we_know_of_is_unheard_for_long(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.journey.take_in([(9001, "{}")])
    anna.later(seconds=5)

    assert anna.deliver() == []


def test_what_somebody_else_said_holds_up_nobody(anna):
    anna.say(JOHN, "/start")
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.journey.take_in([(9001, "{}")], {9001: JOHN})
    anna.later(minutes=5)

    assert len(anna.deliver()) == 1


def test_no_nudge_leaves_to_somebody_from_the_moment_that_what_they_said_is_stored(anna):
    anna.signal()
    anna.journey.plan()
    anna.journey.decide()
    anna.journey.take_in([(9001, "{}")], {9001: ANNA})  # her stop, whose hearing fails or is late

    assert anna.deliver() == []

    anna.say(ANNA, "/stop", update=9001)
    anna.later(days=1)
    assert anna.tick() == []
    assert [row.state for row in anna.nudges()] == ["withdrawn"]


def test_a_typed_stop_word_in_another_language_stops_too(anna):
    anna.say(ANNA, "STOP!")

    assert anna.citizen(ANNA).standing == "stopped"


def test_blocking_is_a_withdrawal_and_unblocking_restores_nothing(anna):
    anna.hear(ANNA, Blocked())
    anna.hear(ANNA, Unblocked())
    anna.signal()

    assert anna.tick() == []
    assert consents(anna)[-1].state == ConsentState.WITHDRAWN


def test_somebody_who_comes_back_after_blocking_is_answered(anna):
    anna.hear(ANNA, Blocked())
    anna.say(ANNA, "/start")

    assert anna.phones[ANNA].last.text == anna.wording.say("welcome.back", "nl")


def test_what_was_told_twice_is_one_signal(world):
    world.joins(ANNA, "care")
    world.say(ANNA, "/situation")
    number, data = world.phones[ANNA].choice("looks-after")
    world.press(ANNA, data, on=number)
    world.press(ANNA, data, on=number)

    assert len(world.signals()) == 1


def test_a_yes_that_was_overtaken_by_a_no_stays_a_no(world):
    world.campaign()
    world.say(ANNA, "/start")
    world.choose(ANNA, "nl")
    world.choose(ANNA, "yes")
    number, yes = world.phones[ANNA].choice("yes.money")
    world.choose(ANNA, "no.money", update=6002)
    said = len(world.sent)
    notice = world.press(ANNA, yes, on=number, update=6001)
    world.signal()

    assert world.tick() == []
    assert (notice, len(world.sent)) == (world.wording.say("old.notice", "nl"), said)


@pytest.mark.parametrize("no", ["no", "off"])
def test_a_no_that_only_repeats_an_earlier_one_wins_from_the_yes_between_them(world, no):
    world.campaign()
    world.say(ANNA, "/start")
    for choice in ("nl", "yes", "no.money"):
        world.choose(ANNA, choice)
    world.say(ANNA, "/settings")
    world.choose(ANNA, "themes")
    world.choose(ANNA, "ask.money")
    number, yes = world.phones[ANNA].choice("yes.money")
    world.press(ANNA, yes.replace("yes.", f"{no}."), on=number, update=6002)
    world.press(ANNA, yes, on=number, update=6001)
    world.signal()

    assert world.tick() == []
    assert ConsentState.GIVEN not in {row.state for row in consents(world)}


def test_a_no_to_research_that_only_repeats_an_earlier_one_wins_from_the_yes_between_them(anna):
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "research")
    number, yes = anna.phones[ANNA].choice("research.yes")
    no = yes.replace("research.yes", "research.no")
    anna.press(ANNA, no, on=number, update=6001)
    anna.press(ANNA, no, on=number, update=6003)
    anna.press(ANNA, yes, on=number, update=6002)

    assert [row.state for row in consents(anna) if row.theme == "_research"][-1] == ConsentState.REFUSED


def test_a_second_stop_also_wins_from_what_it_overtook(anna):
    anna.say(ANNA, "/stop", update=7001)
    anna.say(ANNA, "/start", update=7002)
    number, again = anna.phones[ANNA].choice("yes")
    anna.say(ANNA, "/stop", update=7005)
    anna.press(ANNA, again, on=number, update=7003)

    assert anna.citizen(ANNA).standing == "stopped"


def test_who_comes_back_has_chosen_nothing_yet(anna):
    anna.say(ANNA, "/stop")
    anna.say(ANNA, "/start")
    anna.choose(ANNA, "yes")
    anna.signal()

    assert anna.tick() == []


def test_what_was_proposed_before_somebody_was_erased_does_not_come_back_with_them(world):
    world.campaign("stadspas")
    world.joins(ANNA, "care", code=world.code_for("client-1"))
    world.offer_by_professional("client-1")
    world.tick()
    assert world.outcomes() == ["no_consent"]
    world.say(ANNA, "/mydata")
    for choice in ("ask", "yes"):
        world.choose(ANNA, choice)
    world.say(ANNA, "/start")
    for choice in ("nl", "yes"):
        world.choose(ANNA, choice)
    world.say(ANNA, "/settings")
    for choice in ("themes", "ask.free-time", "yes.free-time"):
        world.choose(ANNA, choice)

    assert world.tick() == []
    assert world.outcomes() == ["stopped"]


def test_the_consent_kept_is_the_text_that_was_pressed_on(world):
    world.say(ANNA, "/start")
    world.choose(ANNA, "nl")
    world.choose(ANNA, "yes")
    number, yes = world.phones[ANNA].choice("yes.money")
    world.say(ANNA, "/language")
    world.choose(ANNA, "en")
    world.say(ANNA, "/settings")
    world.choose(ANNA, "themes")
    world.choose(ANNA, "ask.money")
    world.press(ANNA, yes, on=number)

    assert [row.language for row in consents(world) if row.state == ConsentState.GIVEN] == ["nl"]


def test_a_consent_past_its_term_is_shown_as_off_and_can_be_given_again(anna):
    anna.later(days=731)
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "themes")
    anna.choose(ANNA, "ask.money")
    anna.choose(ANNA, "yes.money")

    assert [row.state for row in consents(anna) if row.theme == "money"].count(ConsentState.GIVEN) == 2


def test_what_was_told_before_the_theme_was_chosen_is_not_lost(world):
    world.campaign("mantelzorg-verhaal")
    world.joins(ANNA, "money")
    world.say(ANNA, "/situation")
    world.choose(ANNA, "looks-after")
    world.tick()
    assert world.outcomes() == ["no_consent"]
    world.choose(ANNA, "yes.care")
    sent = world.tick()
    while not sent and world.now < datetime(2027, 2, 1, tzinfo=UTC):
        world.later(days=1)
        sent = world.tick()

    assert len(sent) == 1


@pytest.mark.parametrize("how", ["typed", "button", "blocked"])
def test_every_way_to_stop_is_the_same_answer_to_the_message_that_came_last(anna, how):
    anna.signal()
    anna.tick()
    if how == "blocked":
        anna.hear(ANNA, Blocked())
    elif how == "typed":
        anna.say(ANNA, "/stop")
    else:
        anna.choose(ANNA, "stop")

    assert answers(anna) == ["stop"]


def test_whoever_leaves_has_no_promise_open_and_no_number_kept(anna):
    anna.say(ANNA, "kunt u mij helpen?")
    anna.choose(ANNA, "ask")
    anna.choose(ANNA, "phone")
    anna.say(ANNA, "020 624 1111")
    anna.choose(ANNA, "phone.afternoon")
    anna.hear(ANNA, Blocked())

    with anna.sessions() as session:
        [request] = session.exec(select(ContactRequestRow))
    assert (request.state, request.phone_sealed) == ("cancelled", None)


def test_of_two_updates_in_the_wrong_order_the_withdrawal_wins(world):
    world.campaign()
    world.say(ANNA, "/start", update=10)
    world.choose(ANNA, "nl", update=11)
    world.choose(ANNA, "yes", update=12)
    world.hear(ANNA, Blocked(), update=14)
    world.choose(ANNA, "yes.money", update=13)
    world.signal()

    assert world.tick() == []
    assert ConsentState.GIVEN not in [row.state for row in consents(world)]


def test_an_update_delivered_twice_takes_effect_once(anna):
    anna.signal()
    anna.tick()
    before = len(anna.sent)
    anna.choose(ANNA, "not_now", update=5001)
    after = len(anna.sent)
    anna.choose(ANNA, "no", update=5001)

    assert (len(anna.sent), len(answers(anna))) == (after, 1)
    assert after > before


def test_after_something_that_could_not_be_heard_nobody_is_nudged_for_two_weeks(anna):
    """It may have been a stop; what waited waits on, and what people say is still answered."""
    anna.signal()
    anna.journey.take_in([(7, "{}")])
    for _ in range(5):
        anna.journey.fail(7, "RuntimeError", ANNA)
        anna.later(minutes=5)

    assert anna.tick() == []
    assert anna.outcomes() == ["paused"]
    anna.later(days=15)
    assert len(anna.tick()) == 1


def test_an_update_that_keeps_failing_becomes_a_dead_letter(world):
    world.say(ANNA, "/start")
    world.journey.take_in([(7, "{}")])
    for _ in range(5):
        world.later(hours=1)
        assert [update.update_id for update in world.journey.unheard()] == [7]
        world.journey.fail(7, "KeyError", ANNA)
    world.later(hours=1)
    world.deliver()

    assert world.journey.unheard() == []
    assert world.phones[ANNA].texts.count(world.wording.say("error", "nl")) == 1
    with world.sessions() as session:
        assert session.get(InboxRow, 7).state == "dead"


def test_an_update_is_emptied_once_it_took_effect(world):
    world.say(ANNA, "/start", update=9)

    with world.sessions() as session:
        row = session.get(InboxRow, 9)
        assert (row.state, row.body_sealed) == ("done", None)


def test_consent_is_recorded_word_for_word(world):
    world.joins(ANNA, "money")

    given = [row for row in consents(world) if row.state == ConsentState.GIVEN]
    asked = [row for row in consents(world) if row.state == ConsentState.ASKED]
    refused = [row for row in consents(world) if row.state == ConsentState.REFUSED]
    assert [row.theme for row in given] == ["money"]
    assert len(asked) == len(world.wording.themes)
    assert len(refused) == len(world.wording.themes) - 1
    assert given[0].text in [outgoing.text for outgoing in world.sent]
    assert given[0].wording.startswith("theme.ask@")
    assert given[0].language == "nl"
    assert given[0].update_id is not None
    assert given[0].valid_until - given[0].at >= timedelta(days=730)


def test_nobody_consents_without_having_been_asked(world):
    world.campaign()
    world.say(ANNA, "/start")
    world.choose(ANNA, "nl")
    world.press(ANNA, "v1|t|0|yes.money")
    world.press(ANNA, "v1|d|0|yes.money")
    world.signal()

    assert world.tick() == []


def test_no_is_one_tap_and_ends_the_offer_for_a_year(anna):
    anna.signal()
    anna.tick()
    anna.choose(ANNA, "no")
    anna.later(days=300)
    anna.signal()

    assert anna.tick() == []
    assert [row.reason for row in anna.decisions()] == [None, "card_declined"]


def test_not_now_asks_when_and_keeps_to_it(anna):
    anna.signal(in_days=50)
    anna.tick()
    anna.choose(ANNA, "not_now")
    anna.choose(ANNA, "later.30")
    anna.later(days=29)
    anna.signal(in_days=30)
    assert anna.tick() == []

    anna.later(days=1, hours=1)
    assert len(anna.tick()) == 1


def test_a_theme_switched_off_takes_back_its_queued_nudge_only(anna):
    anna.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    anna.signal()
    anna.tick()
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "themes")
    anna.choose(ANNA, "off.money")

    assert [row.state for row in anna.nudges()] == ["withdrawn"]
    assert anna.citizen(ANNA).standing == "active"


def test_contact_becomes_a_request_with_a_promised_day(anna):
    anna.signal()
    anna.tick()
    anna.say(ANNA, "kunt u mij helpen?")
    anna.choose(ANNA, "ask")
    anna.choose(ANNA, "chat")
    anna.choose(ANNA, "chat.morning")

    with anna.sessions() as session:
        [request] = session.exec(select(ContactRequestRow))
    assert (request.how, request.daypart, request.state) == ("chat", "morning", "open")
    assert request.promised_by.isoformat() == "2026-11-26"
    assert "26" in anna.phones[ANNA].last.text


def test_a_phone_number_is_kept_sealed_and_cancelled_away(anna):
    anna.say(ANNA, "kunt u mij helpen?")
    anna.choose(ANNA, "ask")
    anna.choose(ANNA, "phone")
    anna.say(ANNA, "020 624 1111")
    anna.choose(ANNA, "phone.afternoon")

    with anna.sessions() as session:
        [request] = session.exec(select(ContactRequestRow))
    assert anna.vault.open(request.phone_sealed) == "+31206241111"
    assert "624" not in request.phone_sealed
    anna.choose(ANNA, "cancel")
    with anna.sessions() as session:
        [request] = session.exec(select(ContactRequestRow))
    assert (request.state, request.phone_sealed) == ("cancelled", None)


def test_the_citizens_own_words_are_a_signal(world):
    world.campaign("mantelzorg-verhaal")
    world.joins(ANNA, "care")
    world.say(ANNA, "/situation")
    world.choose(ANNA, "looks-after")
    sent = world.tick()

    assert [row.origin for row in world.signals()] == ["self"]
    assert len(sent) <= 1
    while not sent and world.now < datetime(2027, 2, 1, tzinfo=UTC):
        world.later(days=1)
        sent = world.tick()
    world.say(ANNA, "/why")
    assert world.wording.say("situation.looks-after", "nl") in world.phones[ANNA].last.text


@pytest.mark.parametrize("origin", ["calendar", "professional"])
def test_why_is_answered_from_where_the_signal_really_came_from(world, origin):
    world.campaign()
    world.campaign("stadspas")
    world.joins(ANNA, "money", "free-time", code=world.code_for("letter-1"))
    world.signal() if origin == "calendar" else world.offer_by_professional("letter-1")
    world.tick()
    world.choose(ANNA, "why")

    said = world.phones[ANNA].last.text
    assert ("Wijkteam Oost" in said) == (origin == "professional")
    assert (world.wording.say("theme.money", "nl") in said) == (origin == "calendar")


def test_a_sensitive_subject_shows_only_after_a_tap(world):
    world.campaign("mantelzorg-verhaal")
    world.joins(ANNA, "care")
    world.say(ANNA, "/situation")
    world.choose(ANNA, "looks-after")
    sent = world.tick()
    while not sent and world.now < datetime(2027, 2, 1, tzinfo=UTC):
        world.later(days=1)
        sent = world.tick()
    [nudge] = sent

    body = world.wording.say("card.mantelzorg.body", "nl")
    assert "zorg" not in nudge.text.lower()
    number, _ = world.phones[ANNA].choice("more")
    world.choose(ANNA, "more")
    assert world.phones[ANNA].shown[number].text == body


def test_a_nudge_speaks_the_language_the_person_chose_last(anna):
    anna.now = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)
    anna.signal()
    anna.tick()
    anna.say(ANNA, "/language")
    anna.choose(ANNA, "en")
    anna.now = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
    [nudge] = anna.tick()

    assert nudge.text == anna.wording.say(anna.nudges()[0].variant, "en")


# Linking.


def test_a_code_from_a_letter_ties_a_chat_to_a_reference(world):
    world.campaign("stadspas")
    world.joins(ANNA, "free-time", code=world.code_for("letter-1"))
    world.offer_by_professional("letter-1")

    assert len(world.tick()) == 1


def test_a_code_works_once(world):
    code = world.code_for("letter-1")
    world.joins(ANNA, "free-time", code=code)
    world.joins(JOHN, "free-time", code=code)
    world.campaign("stadspas")
    world.offer_by_professional("letter-1")

    assert [nudge.chat for nudge in world.tick()] == [ANNA]


def test_five_misses_end_a_code(world):
    code = world.code_for("letter-1")
    for _ in range(5):
        world.say(ANNA, f"/start {code[:-8]}AAAAAAAA")
    world.say(ANNA, f"/start {code}")

    assert world.wording.say("link.too_many", "nl") in world.phones[ANNA].texts


def test_a_code_ends_after_fourteen_days(world):
    code = world.code_for("letter-1")
    world.later(days=14, seconds=1)
    world.say(ANNA, f"/start {code}")

    assert world.wording.say("link.expired", "nl") in world.phones[ANNA].texts


# What is kept.


def test_a_chat_address_is_not_readable_in_the_database(anna, engine):
    anna.signal()
    anna.tick()

    with engine.connect() as connection:
        from bot.store.tables import metadata

        for table in metadata.sorted_tables:
            for row in connection.execute(table.select()):
                values = [str(value) for value in row if value is not None]
                assert ANNA not in values
                assert not any(f'"{ANNA}"' in value for value in values)


def test_every_decision_has_its_probabilities_and_can_be_made_again(world):
    world.campaign(learning=Learning.TRIAL)
    for chat in range(20):
        world.joins(str(1000 + chat), "money")
    world.signal()
    world.tick()

    decisions = world.decisions()
    assert len(decisions) == 20
    assert {row.plan for row in decisions} == {"send", "hold"}
    for row in decisions:
        assert row.available
        if row.reason != "holdout":
            assert abs(sum(row.tone_probs.values()) - 1) < 1e-12
            assert min(row.tone_probs.values()) >= 0.05
            assert row.p_send == (1.0 if world_holdout(world, row) else 0.5)
        assert world.journey.replay(row.id).differences == []


def world_holdout(world, row):
    from bot.store.tables import CitizenRow

    with world.sessions() as session:
        return session.get(CitizenRow, row.citizen_id).holdout


def test_a_decision_that_does_not_exist_has_no_replay(world):
    assert world.journey.replay("ffffffffffffffff") is None


def test_a_wording_is_frozen_when_it_first_leaves(anna):
    anna.signal()
    anna.tick()
    [row] = anna.nudges()

    with anna.sessions() as session:
        frozen = session.get(FrozenRow, (row.variant, "nl"))
    assert frozen.wording_hash == anna.wording.wording_hash(row.variant, "nl")


def test_a_wording_that_changed_under_its_id_does_not_leave(anna):
    with anna.sessions.begin() as session:
        for variant in anna.wording.variants:
            session.add(FrozenRow(variant=variant, language="nl", wording_hash="other", first_sent_at=anna.now))
    anna.signal()

    assert anna.tick() == []
    assert anna.outcomes() == ["no_wording"]


def test_closed_windows_teach_and_the_same_rows_teach_the_same(anna):
    anna.signal()
    [nudge] = anna.tick()
    anna.press(ANNA, nudge.buttons[0].data)
    anna.later(days=15)

    version = anna.journey.learn()

    with anna.sessions() as session:
        rows = learning.matured(session, anna.wording, anna.now)
        parent = Policy.from_record(session.get(PolicyRow, session.get(PolicyRow, version).parent).record)
    assert len(rows) == 1
    assert policy.learn(rows, parent, anna.wording.values, cutoff=anna.now).version == version
    assert anna.journey.learn_if_older_than(timedelta(days=7)) is None


def test_while_it_learns_others_write(anna, monkeypatch):
    anna.signal()
    [nudge] = anna.tick()
    anna.press(ANNA, nudge.buttons[0].data)
    anna.later(days=15)
    learn, wrote = policy.learn, []

    def slow(*given, **named):
        writer = threading.Thread(target=lambda: wrote.append(anna.journey.lease("another", 1)), daemon=True)
        writer.start()
        writer.join(10)
        wrote.append(writer.is_alive())
        return learn(*given, **named)

    monkeypatch.setattr(policy, "learn", slow)
    anna.journey.learn()

    assert wrote == [[], False]


def test_of_two_who_learn_at_once_the_first_version_stands(anna, monkeypatch):
    anna.signal()
    [nudge] = anna.tick()
    anna.press(ANNA, nudge.buttons[0].data)
    anna.later(days=15)
    learn, first = policy.learn, []

    def overtaken(*given, **named):
        monkeypatch.setattr(policy, "learn", learn)
        first.append(anna.journey.learn())
        anna.later(seconds=1)
        return learn(*given, **named)

    monkeypatch.setattr(policy, "learn", overtaken)
    version = anna.journey.learn()
    anna.later(seconds=1)
    after = anna.journey.learn()

    assert [version] == first
    with anna.sessions() as session:
        assert session.get(PolicyRow, after).parent == version
        parents = [row.parent for row in session.exec(select(PolicyRow)).all()]
    assert len(set(parents)) == len(parents)


def test_the_research_question_comes_at_most_once_in_thirty_days(anna):
    def asked():
        question = anna.wording.say("survey.welcome", "nl")
        return sum(outgoing.text == question for outgoing in anna.sent)

    anna.signal(in_days=50)
    anna.tick()
    number, data = anna.phones[ANNA].choice("no")
    anna.choose(ANNA, "no")
    anna.press(ANNA, data, on=number)
    assert asked() == 0  # one question at a time: why not comes first
    anna.choose(ANNA, "not_about_me")
    anna.press(ANNA, data, on=number)

    assert asked() == 1


def test_logs_hold_event_words_and_ids_only(anna, caplog):
    with caplog.at_level(logging.DEBUG):
        anna.signal()
        anna.tick()
        anna.say(ANNA, "mijn geheim")
        anna.fails.append(UnreachableError("blocked"))
        anna.say(ANNA, "/help")

    text = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "deliver" in text
    for secret in (ANNA, "geheim", anna.wording.municipality.name):
        assert secret not in text


def test_an_answer_to_a_person_who_blocked_us_withdraws(anna):
    anna.fails.append(UnreachableError("blocked"))
    anna.say(ANNA, "/help")

    assert anna.citizen(ANNA).standing == "blocked"
    with anna.sessions() as session:
        states = set(session.exec(select(MessageRow.state).where(col(MessageRow.state) == "due")))
    assert states == set()
