"""The guards in the ledger: what they count, what they pause, whom they tell, and how a person lets it go on."""

import asyncio
import itertools
import re
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from bot import campaigns, guarding, planning, upkeep
from bot.console.overheard import overheard
from bot.core import guardrails
from bot.core.facts import Choice, Learning
from bot.errors import RefusedError
from bot.guarding import chances, looking
from bot.scheduler import Ticks
from bot.store import conversation, ledger, schema
from bot.store.tables import (
    AnswerRow,
    AuditRow,
    CampaignRow,
    CitizenRow,
    DecisionRow,
    GuardRow,
    MessageRow,
    OfferRow,
    SignalRow,
    WorldRow,
)
from tests.test_cli import _logging_as_it_was, _no_settings, handreiking, keys, municipality  # noqa: F401 - fixtures
from tests.world import TUESDAY_TEN, World

WARM, NEUTRAL = "zorgtoeslag.warm.1", "zorgtoeslag.neutral.1"


class Ledger(World):
    """A town whose messages of the past are written down at once."""

    def __init__(self, sessions, wording, vault):
        super().__init__(sessions, wording, vault)
        self.number = itertools.count(1)
        self.sent_at = self.now - timedelta(days=3)

    def people(self, session, number, language="nl"):
        ids = [f"p{next(self.number):06d}" for _ in range(number)]
        session.execute(
            insert(CitizenRow),
            [
                {
                    "id": known, "chat_hash": known, "language": language, "zone": "Europe/Amsterdam",
                    "standing": "active", "created_at": self.now,
                }
                for known in ids
            ],
        )  # fmt: skip
        return ids

    def left(self, stops, *, variants=(WARM,), campaign="zorgtoeslag-deadline", **more):
        """A message for each of `stops`, a second apart; True: it was answered with a stop a minute later."""
        with self.sessions.begin() as session:
            people = self.people(session, len(stops), more.get("language", "nl"))
            rows = []
            for known, variant in zip(people, itertools.cycle(variants)):
                self.sent_at += timedelta(seconds=1)
                rows.append(
                    {
                        "key": f"past:{known}", "citizen_id": known, "purpose": ledger.NUDGE, "state": "sent",
                        "due_at": self.sent_at, "created_at": self.sent_at, "closed_at": self.sent_at,
                        "campaign_id": campaign, "card": "zorgtoeslag", "variant": variant, "tone": "warm",
                        "sensitivity": "S1", "language": "nl",
                    }
                    | more
                )  # fmt: skip
            session.execute(insert(MessageRow), rows)
            keys = [row["key"] for row in rows]
            found = select(MessageRow.key, MessageRow.id, MessageRow.citizen_id, MessageRow.closed_at)
            messages = {row.key: row for row in session.execute(found.where(col(MessageRow.key).in_(keys)))}
            said = [messages[key] for key, stopped in zip(keys, stops, strict=True) if stopped]
            if said:
                session.execute(
                    insert(AnswerRow),
                    [
                        {
                            "message_id": row.id, "citizen_id": row.citizen_id, "choice": Choice.STOP,
                            "at": row.closed_at + timedelta(minutes=1),
                        }
                        for row in said
                    ],
                )  # fmt: skip
            return [row.id for row in messages.values()]

    def stops_now(self, message, **later):
        with self.sessions.begin() as session:
            row = session.get_one(MessageRow, message)
            session.add(
                AnswerRow(
                    message_id=message, citizen_id=row.citizen_id, choice=Choice.STOP, at=self.now + timedelta(**later)
                )
            )

    def catch_up(self):
        """What leaves from here on leaves now."""
        self.sent_at = self.now

    def state(self, campaign="zorgtoeslag-deadline"):
        with self.sessions() as session:
            row = session.get_one(CampaignRow, campaign)
            return row.state, row.paused_because

    def paused(self):
        with self.sessions() as session:
            return set(conversation.paused_variants(session))

    def standing(self):
        with self.sessions() as session:
            return {f"{one.kind}:{one.id}": one for one in guarding.standing(session, self.wording)}

    def alarms(self):
        with self.sessions() as session:
            found = {row.watched: row.alarm for row in ledger.alarms(session)}
        assert all(overheard(said, lambda _: "") == "" for said in found.values())  # staff read it in their language
        return found

    def deeds(self, action):
        with self.sessions() as session:
            rows = session.execute(select(AuditRow).where(col(AuditRow.action) == action)).scalars()
            return [(row.who, row.subject) for row in rows]


@pytest.fixture
def town(sessions, wording, vault):
    made = Ledger(sessions, wording, vault)
    made.campaign(learning=Learning.ADAPTIVE)
    return made


def spread(count, of):
    """So many stops, evenly over `of` messages."""
    places = {round((number + 0.5) * of / count) for number in range(count)}
    return [place in places for place in range(of)]


def close(of, *places):
    return [place in places for place in range(of)]


class TestStops:
    def test_as_many_as_people_signed_for_pause_nothing(self, town):
        town.left(spread(5, 1_000))

        assert town.journey.guard() == 0
        assert town.state() == ("running", None)
        assert (town.standing()[f"variant:{WARM}"].sends, town.standing()[f"variant:{WARM}"].stops) == (1_000, 5)

    def test_clearly_more_pause_the_campaign_and_say_why(self, town):
        town.left(spread(20, 1_040))

        assert town.journey.guard() == 1

        state, because = town.state()
        assert state == "paused"
        assert (
            because == "20 people stopped after 1040 messages, clearly more than the 5 in 1,000 that people signed for"
        )
        assert town.deeds("campaign.pause") == [("guard", "zorgtoeslag-deadline")]
        assert town.alarms() == {"campaign:zorgtoeslag-deadline": because}

    def test_a_lower_rate_that_people_sign_for_pauses_sooner(self, town):
        town.left(spread(6, 600))
        assert town.journey.guard() == 0
        stricter = replace(town.wording.rules, stops_per_thousand=1)
        town.journey.wording = town.wording = replace(town.wording, rules=stricter)

        town.catch_up()
        town.left(spread(1, 60))  # it is looked at with the next stop
        town.later(minutes=5)

        assert town.journey.guard() == 1

    def test_three_in_fifty_messages_in_a_row_pause_at_once(self, town):
        town.left(close(60, 3, 20, 52))

        town.journey.guard()

        assert town.state() == ("paused", "3 people stopped within 50 messages in a row")

    def test_three_in_fifty_one_do_not(self, town):
        town.left(close(60, 3, 20, 53))

        assert town.journey.guard() == 0

    def test_a_paused_campaign_writes_to_nobody(self, town):
        town.joins("anna", "money")
        town.left(close(50, 1, 2, 3))
        town.journey.guard()
        town.signal()

        town.tick()

        assert [nudge.citizen_id for nudge in town.nudges() if nudge.decision_id] == []

    def test_one_wording_is_paused_alone_and_no_longer_planned(self, town):
        """Every fifth message is the warm one; all stops are to that one, and are far apart for the campaign."""
        town.left(close(400, 0, 100, 200), variants=(WARM, NEUTRAL, NEUTRAL, NEUTRAL, NEUTRAL))
        town.joins("anna", "money")

        town.journey.guard()

        assert town.state() == ("running", None)
        assert town.paused() == {WARM}
        assert town.deeds("variant.pause") == [("guard", WARM)]
        town.signal()
        town.tick()
        [decision] = town.decisions()
        assert WARM not in decision.tone_probs
        assert decision.tone_probs

    def test_a_campaign_of_one_wording_is_paused_once(self, town):
        town.left(close(50, 1, 2, 3))

        assert town.journey.guard() == 1
        assert town.journey.guard() == 0
        assert town.paused() == set()

    def test_two_campaigns_with_the_same_counts_are_each_paused(self, town):
        other = town.campaign(id="second", learning=Learning.ADAPTIVE)
        town.left(close(50, 1, 2, 3))
        town.left(close(50, 1, 2, 3), campaign=other, variants=(NEUTRAL,))

        assert town.journey.guard() == 2
        assert (town.state()[0], town.state(other)[0]) == ("paused", "paused")

    def test_what_is_said_after_the_window_says_nothing_of_the_message(self, town):
        messages = town.left([False] * 50)
        for message in messages[:4]:
            town.stops_now(message, days=20)
        town.later(days=21)

        assert town.journey.guard() == 0

    def test_stops_that_come_later_are_counted_when_they_come(self, town):
        messages = town.left([False] * 50)
        town.journey.guard()
        for message in messages[10:12]:
            town.stops_now(message)
        assert town.journey.guard() == 0
        town.later(hours=1)
        town.journey.guard()
        town.stops_now(messages[40])

        assert town.journey.guard() == 1

    def test_counting_in_parts_gives_what_counting_at_once_gives(self, town):
        rng = np.random.default_rng(3)
        every = []
        for _ in range(6):
            town.catch_up()
            stops = list(rng.random(80) < 0.004)
            every += stops
            town.left(stops, variants=(WARM, NEUTRAL))
            town.later(minutes=int(rng.integers(1, 30)))
            town.journey.guard()
            town.journey.guard()
        town.later(hours=1)
        town.journey.guard()

        counted = town.standing()["campaign:zorgtoeslag-deadline"]
        assert (counted.sends, counted.stops) == (480, sum(every))
        assert sum(town.standing()[f"variant:{one}"].sends for one in (WARM, NEUTRAL)) == 480

    def test_a_look_at_nothing_new_asks_no_more_for_a_thousand_messages_than_for_ten(self, town, engine):
        asked = []
        event.listen(engine, "before_cursor_execute", lambda *_: asked.append(1))

        def questions(messages):
            town.left([False] * messages)
            town.later(hours=1)
            town.journey.guard()
            asked.clear()
            town.journey.guard()
            return len(asked)

        assert questions(10) == questions(1_000) < 30


class TestGoingOn:
    def test_a_campaign_that_a_person_starts_again_is_not_paused_for_what_came_before(self, town):
        messages = town.left(close(50, 1, 2, 3))
        town.journey.guard()
        town.later(minutes=5)
        town.resume("zorgtoeslag-deadline")

        town.stops_now(messages[20])  # to a message of before
        assert town.journey.guard() == 0
        assert town.state() == ("running", None)
        assert town.alarms() == {}

        town.catch_up()
        town.left(close(50, 10, 20))
        town.later(minutes=20)
        assert town.journey.guard() == 0
        assert town.standing()["campaign:zorgtoeslag-deadline"].stops == 2
        town.catch_up()
        town.left(close(10, 4))
        town.later(minutes=20)
        assert town.journey.guard() == 1

    def test_a_campaign_that_a_person_paused_keeps_its_count(self, town):
        town.left(spread(3, 600))
        town.later(hours=1)
        town.journey.guard()
        town.pause("zorgtoeslag-deadline")
        town.resume("zorgtoeslag-deadline")
        town.journey.guard()

        assert town.standing()["campaign:zorgtoeslag-deadline"].sends == 600

    def test_a_wording_that_a_person_resumes_is_counted_anew(self, town):
        town.left(close(400, 0, 100, 200), variants=(WARM, NEUTRAL, NEUTRAL, NEUTRAL, NEUTRAL))
        town.journey.guard()
        with town.sessions.begin() as session:
            guarding.go_on(session, f"variant:{WARM}", by="eva", now=town.now)

        assert town.journey.guard() == 0
        assert town.paused() == set()
        assert town.deeds("variant.resume") == [("eva", WARM)]
        assert town.standing()[f"variant:{WARM}"].stops == 0

    def test_who_goes_on_while_the_guard_looks_is_not_overruled(self, town):
        town.left(close(50, 1, 2, 3))
        town.journey.guard()
        town.later(minutes=1)
        with town.sessions() as session:
            seen = guarding.look(session, town.wording, town.now)
        town.resume("zorgtoeslag-deadline")
        with town.sessions.begin() as session:
            seen.alarms.append(guarding.Alarm("campaign:zorgtoeslag-deadline", "again"))
            assert guarding.settle(session, seen) == []

        assert town.state() == ("running", None)
        with town.sessions() as session:
            assert ledger.guard(session, "campaign:zorgtoeslag-deadline").counts == {}

    def test_of_two_who_saw_the_same_one_settles(self, town):
        town.left(close(50, 1, 2, 3))
        with town.sessions() as session:
            first, second = (guarding.look(session, town.wording, town.now) for _ in range(2))
        with town.sessions.begin() as session:
            assert len(guarding.settle(session, first)) == 1
        with town.sessions.begin() as session:
            assert guarding.settle(session, second) == []

        assert town.deeds("campaign.pause") == [("guard", "zorgtoeslag-deadline")]

    def test_there_has_to_be_an_alarm(self, town):
        with town.sessions.begin() as session:
            with pytest.raises(RefusedError, match="no alarm"):
                guarding.go_on(session, planning.LEARNING, by="eva", now=town.now)
            with pytest.raises(RefusedError, match="no alarm about campaign:zorgtoeslag-deadline"):
                guarding.go_on(session, "campaign:zorgtoeslag-deadline", by="eva", now=town.now)
            with pytest.raises(RefusedError, match="not paused"):
                upkeep.resume(session, WARM, by="eva", now=town.now)

    def test_a_campaign_goes_on_by_being_started(self, town):
        town.left(close(50, 1, 2, 3))
        town.journey.guard()

        with town.sessions.begin() as session, pytest.raises(RefusedError, match="being started"):
            guarding.go_on(session, "campaign:zorgtoeslag-deadline", by="eva", now=town.now)

    def test_the_command_lists_alarms_and_lets_it_go_on(self, municipality, town):  # noqa: F811
        town.left(close(400, 0, 100, 200), variants=(WARM, NEUTRAL, NEUTRAL, NEUTRAL, NEUTRAL))
        town.journey.guard()

        code, printed, _ = municipality("guards", "list")
        assert code == 0
        assert f"handreiking guards go-on variant:{WARM}" in printed
        assert "3 people stopped" in printed
        assert municipality("guards", "go-on", f"variant:{WARM}", "--by", "eva")[0] == 0
        assert municipality("guards", "list")[1] == "No guard is alarmed.\n"


class TestChances:
    def decided(self, town, sent, p_send=0.5, *, tones=None, tone_probs=None, at=None, policy=None, fallback=None):
        """Decisions as a planner writes them down, a second apart."""
        at = town.now - timedelta(days=1) if at is None else at
        probs = tone_probs or {WARM: 0.5, NEUTRAL: 0.5}
        chances = np.broadcast_to(p_send, len(sent))
        with town.sessions.begin() as session:
            people = town.people(session, len(sent))
            name = f"s{next(town.number)}"
            session.add(
                SignalRow(
                    id=name, source="urn:test", external_id=name, type="t", origin="calendar", occurred_at=at,
                    received_at=at, addressed=False, data={}, outcome="planned",
                )
            )  # fmt: skip
            session.merge(
                WorldRow(
                    hash="w", record={"variants": [{"id": WARM, "tone": "warm"}, {"id": NEUTRAL, "tone": "neutral"}]}
                )
            )
            session.flush()
            session.execute(
                insert(OfferRow),
                [
                    {
                        "id": f"o{known}", "signal_id": name, "campaign_id": "zorgtoeslag-deadline",
                        "citizen_id": known, "state": "closed", "look_at": at, "window_end": at, "created_at": at,
                        "decisions": 1,
                    }
                    for known in people
                ],
            )  # fmt: skip
            current = planning.current_policy(session, town.wording, town.now).version
            session.execute(
                insert(DecisionRow),
                [
                    {
                        "id": f"d{known}", "offer_id": f"o{known}", "number": 1, "citizen_id": known,
                        "campaign_id": "zorgtoeslag-deadline", "card": "zorgtoeslag", "card_version": 1,
                        "decided_at": at + timedelta(seconds=place), "plan": "send" if gone else "hold",
                        "available": True, "p_send": float(chances[place]), "randomised_send": True,
                        "randomised_tone": True, "tone_forced": False, "tone_probs": probs,
                        "tone": (tones[place] if tones is not None else ("warm" if place % 2 else "neutral"))
                        if gone
                        else None,
                        "policy": policy or current, "fallback": fallback, "context": {}, "inputs": {}, "world": "w",
                    }
                    for place, (known, gone) in enumerate(zip(people, sent, strict=True))
                ],
            )  # fmt: skip

    def test_a_lottery_that_is_none_puts_even_odds_in_the_place_of_what_was_learned(self, town):
        self.decided(town, [True] * 120)
        town.joins("anna", "money")

        town.journey.guard()

        assert town.alarms() == {planning.LEARNING: chances.SEND_BROKEN}
        assert town.deeds("guard.alarm") == [("guard", planning.LEARNING)]
        town.signal()
        town.tick()
        newest = town.decisions()[-1]
        assert (newest.fallback, newest.p_send) == (chances.SEND_BROKEN, 0.5)
        assert list(newest.tone_probs.values()) == pytest.approx([1 / 3] * 3)

    def test_wordings_that_do_not_come_as_often_as_written_down_are_noticed(self, town):
        rng = np.random.default_rng(5)
        sent = list(rng.random(800) < 0.5)
        self.decided(town, sent, tones=["warm" if rng.random() < 0.75 else "neutral" for _ in sent])

        town.journey.guard()

        assert town.alarms() == {planning.LEARNING: chances.TONE_BROKEN}

    def test_chances_that_are_kept_are_no_alarm_and_are_counted(self, town):
        rng = np.random.default_rng(6)
        p_send = rng.uniform(0.2, 0.8, 1_500)
        tones = rng.choice(["warm", "neutral"], 1_500, p=[0.7, 0.3])
        self.decided(
            town, list(rng.random(1_500) < p_send), p_send, tones=list(tones), tone_probs={WARM: 0.7, NEUTRAL: 0.3}
        )

        assert town.journey.guard() == 0

        with town.sessions() as session:
            learned = guarding.learned(session, town.wording)
        assert learned.doubt is None
        assert learned.drawn == 1_500
        assert 900 < learned.effective_size < 1_500
        assert learned.at_clip == 0
        assert max(learned.broken_send, learned.broken_tones) < guardrails.BROKEN

    def test_an_old_ledger_is_caught_up_with_and_each_decision_counts_once(self, town, monkeypatch):
        rng = np.random.default_rng(8)
        self.decided(town, list(rng.random(250) < 0.5))
        town.journey.guard()
        with town.sessions() as session:
            whole = ledger.guard(session, planning.LEARNING).counts
        with town.sessions.begin() as session:
            for row in ledger.guards(session).values():
                session.delete(row)
        monkeypatch.setattr(chances, "MOST", 60)
        for _ in range(7):
            town.journey.guard()

        with town.sessions() as session:
            parts = ledger.guard(session, planning.LEARNING).counts
        assert parts["until"] == whole["until"]
        assert parts["send"] == pytest.approx(whole["send"])
        assert parts["weeks"] == {week: pytest.approx(counts) for week, counts in whole["weeks"].items()}

    def test_how_many_chances_lie_at_a_bound(self, town):
        with town.sessions.begin() as session:
            prior = planning.current_policy(session, town.wording, town.now)
        rng = np.random.default_rng(9)
        p_send = np.repeat([prior.p_min, prior.p_max, 0.5, 0.35], 100)
        self.decided(town, list(rng.random(400) < p_send), p_send)
        town.journey.guard()

        with town.sessions() as session:
            learned = guarding.learned(session, town.wording)
        assert learned.at_clip == pytest.approx(200 / 300)  # even chances were not learned

    def test_a_person_lets_learning_go_on_and_the_count_begins_anew(self, town):
        self.decided(town, [True] * 120)
        town.journey.guard()
        with town.sessions.begin() as session:
            guarding.go_on(session, planning.LEARNING, by="eva", now=town.now)
        town.later(hours=1)

        assert town.journey.guard() == 0
        assert town.deeds("guard.go_on") == [("eva", planning.LEARNING)]
        with town.sessions() as session:
            assert (
                planning.doubt(
                    session, town.wording, planning.current_policy(session, town.wording, town.now), town.now
                )
                is None
            )

        self.decided(town, [True] * 120, at=town.now)
        town.later(hours=1)
        assert town.journey.guard() == 1


class TestFairness:
    def groups(self, town):
        with town.sessions() as session:
            found = guarding.fairness(session, town.wording, since=town.now - timedelta(days=100))
            return {(one.by, one.group): one for one in found}

    def test_a_language_that_does_clearly_worse_is_told_and_nothing_is_paused(self, town):
        town.left(spread(5, 3_000))
        town.left(spread(12, 800), language="ar")

        town.journey.guard()

        assert town.alarms() == {
            "fairness:language:ar": "people who are written to in ar stop clearly more often than all others"
        }
        assert town.state() == ("running", None)
        assert town.journey.guard() == 0  # told once
        groups = self.groups(town)
        assert worse(groups["language", "ar"])
        assert (groups["language", "ar"].stops, groups["language", "ar"].sent) == (12, 800)
        assert not worse(groups["language", "nl"])
        assert groups["theme", "money"].sent == 3_800

    def test_what_a_person_has_looked_at_does_not_come_back_for_the_same_messages(self, town):
        self.test_a_language_that_does_clearly_worse_is_told_and_nothing_is_paused(town)
        with town.sessions.begin() as session:
            guarding.go_on(session, "fairness:language:ar", by="eva", now=town.now)
        town.later(days=2)

        assert town.journey.guard() == 0

    def test_equal_languages_are_no_news(self, town):
        town.left(spread(5, 1_000))
        town.left(spread(4, 800), language="ar")

        assert town.journey.guard() == 0
        assert not any(worse(one) for one in self.groups(town).values())

    @pytest.mark.parametrize(("people", "told"), [(9, False), (10, True)])
    def test_of_nine_people_nobody_is_told(self, town, people, told):
        town.left(spread(3, 600))
        town.left([True] * people, language="uk")

        town.journey.guard()

        assert ("fairness:language:uk" in town.alarms()) is told
        assert self.groups(town)["language", "uk"].stops_more >= guardrails.ALARM

    def test_the_most_sensitive_services_are_left_out(self, town):
        town.left([False] * 30, sensitivity="S3")

        assert self.groups(town) == {}

    def test_welcome_is_counted_as_learning_counts_it(self, town):
        messages = town.left([False] * 40)
        with town.sessions.begin() as session:
            people = dict(session.execute(select(MessageRow.id, MessageRow.citizen_id)).all())
            for place, message in enumerate(messages[:15]):
                session.add(AnswerRow(message_id=message, citizen_id=people[message], choice=Choice.MORE, at=town.now))
                if place < 3:
                    session.flush()
                    session.add(
                        AnswerRow(message_id=message, citizen_id=people[message], choice=Choice.UNWELCOME, at=town.now)
                    )

        assert self.groups(town)["language", "nl"].welcome == 12


def test_a_first_look_at_a_ledger_of_before_counts_all_of_it(town):
    """As after an upgrade: nothing is kept yet, and stops of long ago are no reason to pause today."""
    town.sent_at = town.now - looking.TRIPS - timedelta(days=20)
    town.left(close(600, 1, 2, 3))

    assert town.journey.guard() == 0
    assert town.standing()["campaign:zorgtoeslag-deadline"].sends == 600


def test_a_campaign_that_was_stopped_is_no_alarm_any_more(town):
    town.left(close(50, 1, 2, 3))
    town.journey.guard()
    with town.sessions.begin() as session:
        campaigns.stop(session, "zorgtoeslag-deadline", by="eva", now=town.now)

    assert town.alarms() == {}
    with town.sessions() as session:
        assert session.get_one(GuardRow, "campaign:zorgtoeslag-deadline").alarm is not None


async def test_the_clock_calls_the_guard(town):
    looked, stop, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    guard = town.journey.guard

    def watched():
        guard()
        loop.call_soon_threadsafe(looked.set)

    async def always():
        return True

    async def nothing():
        return None

    town.left(close(50, 1, 2, 3))
    town.journey.guard = watched
    ticking = asyncio.create_task(Ticks(town.journey, nothing, plan_every_s=0.02, held=always).run(stop))
    async with asyncio.timeout(60):
        await looked.wait()
        stop.set()
        await ticking

    assert town.state()[0] == "paused"


def worse(group):
    return max(group.stops_more, group.welcome_less) >= guardrails.ALARM


@pytest.mark.parametrize("question", ["left", "left_of", "stops", "drawn"])
def test_what_is_new_is_found_by_an_index(sqlite_template, tmp_path, question):
    """On SQLite, whose planner says what it will do; a whole table read would cost seconds with a million rows."""
    engine = schema.open_engine(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'test.db')}")
    asked = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, given, *_: asked.append((statement, given)))
    at = TUESDAY_TEN
    with Session(engine) as session:
        match question:
            case "left":
                ledger.left(session, at, at)
            case "left_of":
                ledger.left_of(session, at, at, campaigns=["c"], variant=WARM)
            case "stops":
                ledger.stops(session, at)
            case "drawn":
                ledger.drawn(session, (at, "d"), at, 10)
        statement, given = asked[-1]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
    engine.dispose()

    steps = [row[-1] for row in plan]
    assert [step for step in steps if re.match(r"SCAN (message|answer|decision)", step)] == []
    assert any(">" in step and "USING" in step for step in steps), steps


@pytest.mark.parametrize("table", ["decision", "message", "guard", "draw_epoch", "policy"])
def test_while_the_store_fails_nobody_is_messaged(town, engine, table):
    """The last rung: whatever cannot be read or written, nothing is sent anyway."""
    town.joins("anna", "money")
    town.signal()
    town.journey.plan()
    before = len(town.sent)

    @event.listens_for(engine, "before_cursor_execute")
    def failing(_connection, _cursor, statement, *_):
        if re.search(rf"(FROM|INTO) {table}\b", statement):
            raise OperationalError(statement, {}, ConnectionError("gone"))

    with pytest.raises(OperationalError):
        town.journey.decide()
    event.remove(engine, "before_cursor_execute", failing)

    assert (town.decisions(), town.deliver(), len(town.sent)) == ([], [], before)
    town.tick()
    assert len(town.decisions()) == 1
