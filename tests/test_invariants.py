"""What always holds (DESIGN 4), over histories that nobody thought of.

People join, choose, answer, stop, block and come back; signals arrive; the clock moves; sends fail; updates come twice
and in the wrong order; the sender dies. After every step the ledger is held against what the phones show.
"""

import random
from collections import Counter, defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from sqlmodel import col, select

from bot.core.facts import Learning
from bot.core.talk import Blocked, Unblocked
from bot.errors import DelayedError, RejectedError, UncertainError, UnreachableError
from bot.store import ledger
from bot.store.tables import ConsentRow, DecisionRow, MessageRow, OfferRow, SignalRow
from tests.world import World

CHATS = ("111", "222", "333")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FAILURES = (
    UncertainError("timeout"),
    RejectedError("no"),
    UnreachableError("blocked"),
    DelayedError(5),
    DelayedError(20, everybody=True),
)
KINDS = {
    "zorgtoeslag-deadline": "nl.kalenders.aanvraagtermijn-nadert.v1",
    "stadspas": "nl.kalenders.pasjaar-begint.v1",
}


#: How often each step is drawn; people mostly live on, and the clock mostly ticks.
STEPS = {
    "the_clock_ticks": 10, "time_passes": 8, "a_signal_arrives": 6, "somebody_presses": 6, "somebody_joins": 3,
    "the_planner_runs_ahead_of_the_sender": 3, "somebody_writes": 2, "the_sender_dies_in_flight": 1,
    "somebody_blocks": 1, "the_week_is_learned_from": 1,
}  # fmt: skip


class Town:
    """Three people and three campaigns, and a history drawn from a seed."""

    def __init__(self, sessions, wording, vault, seed):
        self.rng = random.Random(seed)
        self.wording, self.vault = wording, vault
        self.world = World(sessions, wording, vault)
        learning = self.rng.choice(list(Learning))
        for campaign in ("zorgtoeslag-deadline", "stadspas", "mantelzorg-verhaal"):
            self.world.campaign(campaign, learning=learning)
        self.nudged = []
        for chat in CHATS[:2]:
            self.world.joins(chat, "money", "free-time", "care")
        for kind in KINDS.values():
            self.world.signal(kind, in_days=30)

    def lives(self, steps):
        """Take `steps` steps, and hold the ledger against the phones after each."""
        checks = [getattr(self, name) for name in dir(self) if name.startswith(("nobody_gets", "whoever_", "every_"))]
        for name in self.rng.choices(list(STEPS), weights=list(STEPS.values()), k=steps):
            getattr(self, name)()
            for check in checks:
                check()

    def _watch(self, step):
        """Do something and note which nudges arrived meanwhile, with the consents at that very moment."""
        before = len(self.world.sent)
        step()
        for outgoing in self.world.sent[before:]:
            if outgoing.silent:
                self.nudged.append((self.world.now, outgoing.chat, outgoing.id))

    def somebody_joins(self):
        """Somebody new, or somebody who had left, goes through the door and says yes to most things."""
        chat = self.rng.choice(CHATS)
        row = self._row(chat)
        if row is not None and row.standing == "active":
            return
        self._watch(lambda: self.world.say(chat, "/start"))
        if row is None or row.standing == "joining":
            self.world.choose(chat, "nl")
        while said := [b.data.split("|")[3] for b in self.world.phones[chat].last.buttons if b.data]:
            if not said[0].startswith("yes"):
                return
            choice = said[0] if self.rng.random() < 0.8 else said[1]
            self._watch(lambda choice=choice: self.world.choose(chat, choice))

    def somebody_writes(self):
        chat, text = self.rng.choice(CHATS), self.rng.choice(["/stop", "/start", "/settings", "hallo"])
        self._watch(lambda: self.world.say(chat, text))

    def somebody_presses(self):
        chat, twice = self.rng.choice(CHATS), self.rng.random() < 0.3
        shown = self.world.phones[chat].shown
        buttons = [
            (number, button.data) for number, message in shown.items() for button in message.buttons if button.data
        ]
        if not buttons:
            return
        on, pressed = self.rng.choice(buttons[-12:])
        update = next(self.world.updates)
        self._watch(lambda: self.world.press(chat, pressed, on=on, update=update))
        if twice:
            sent = len(self.world.sent)
            self.world.press(chat, pressed, on=on, update=update)
            assert len(self.world.sent) == sent, "an update that came twice was answered twice"

    def somebody_blocks(self):
        chat, back = self.rng.choice(CHATS), self.rng.random() < 0.5
        self._watch(lambda: self.world.hear(chat, Blocked()))
        if back:
            self._watch(lambda: self.world.hear(chat, Unblocked()))

    def a_signal_arrives(self):
        self.world.signal(self.rng.choice(sorted(KINDS.values())), in_days=self.rng.randint(5, 60))

    def time_passes(self):
        self.world.later(hours=self.rng.choice([1, 11, 24 * 2, 24 * 8, 24 * 15]))
        if self.rng.random() < 0.7:
            self.world.now = self.world.now.replace(hour=9) + timedelta(days=1)

    def the_planner_runs_ahead_of_the_sender(self):
        self.world.journey.plan()
        self.world.journey.decide()

    def the_clock_ticks(self):
        if self.rng.random() < 0.2:
            self.world.fails.append(self.rng.choice(FAILURES))
        self._watch(self.world.tick)
        self.world.fails.clear()

    def the_sender_dies_in_flight(self):
        self.world.journey.plan()
        self.world.journey.decide()
        leased = self.world.journey.lease("dead", 1)
        leaving = self.world.journey.depart("dead", [lease.message for lease in leased])
        for outgoing in leaving:
            self.world.arrives(outgoing)  # it arrived, and nobody is left to write that down
            if outgoing.silent:
                self.nudged.append((self.world.now, outgoing.chat, outgoing.id))
        self.world.later(minutes=2)
        assert self.world.journey.sweep() == len(leaving)

    def the_week_is_learned_from(self):
        self.world.journey.learn()

    def _row(self, chat):
        with self.world.sessions() as session:
            return ledger.citizen_by_chat(session, self.vault.fingerprint(f"chat:{chat}"))

    def nobody_gets_a_nudge_twice(self):
        if self.nudged:
            assert max(Counter(number for _, _, number in self.nudged).values(), default=0) <= 1

    def nobody_gets_one_at_night_on_sundays_or_holidays(self):
        free = holidays.country_holidays("NL")
        for moment, _, _ in self.nudged:
            local = moment.astimezone(AMSTERDAM)
            assert 9 <= local.hour < 20
            assert local.weekday() != 6
            assert local.date() not in free

    def nobody_gets_more_than_the_caps(self):
        by_chat = defaultdict(list)
        for moment, chat, _ in self.nudged:
            assert all(moment - earlier >= timedelta(days=14) for earlier in by_chat[chat])
            by_chat[chat].append(moment)

    def nobody_gets_one_without_consent(self):
        with self.world.sessions() as session:
            for moment, _, number in self.nudged:
                message = session.get(MessageRow, number)
                theme = self.wording.cards[message.card].facts().theme
                rows = session.exec(
                    select(ConsentRow)
                    .where(
                        col(ConsentRow.citizen_id) == message.citizen_id,
                        col(ConsentRow.theme) == theme,
                        col(ConsentRow.state) != "asked",
                        col(ConsentRow.at) <= moment,
                    )
                    .order_by(col(ConsentRow.id))
                ).all()
                given = [row for row in rows if row.state == "given" and row.valid_until > moment]
                assert given, "a nudge without a consent that was given before"
                assert given[-1].text

    def whoever_left_has_nothing_waiting(self):
        for chat in CHATS:
            row = self._row(chat)
            if row is None or row.standing not in {"stopped", "blocked"}:
                continue
            with self.world.sessions() as session:
                waiting = session.exec(
                    select(MessageRow).where(
                        col(MessageRow.citizen_id) == row.id,
                        col(MessageRow.purpose) == 2,
                        col(MessageRow.state).in_(["due", "leased"]),
                    )
                ).all()
                assert waiting == []

    def every_signal_and_offer_has_an_end_or_waits_for_one(self):
        with self.world.sessions() as session:
            for signal in session.exec(select(SignalRow)):
                assert (signal.outcome is None) == (signal.planned_at is None)
            queued = {
                row.offer_id
                for row in session.exec(
                    select(MessageRow).where(col(MessageRow.state).in_(["due", "leased", "sending"]))
                )
            }
            for offer in session.exec(select(OfferRow)):
                assert {
                    "open": offer.outcome is None or offer.look_at is not None,
                    "queued": offer.id in queued,
                    "closed": offer.outcome is not None and offer.closed_at is not None,
                }[offer.state]

    def every_decision_has_its_chances_and_comes_out_the_same_again(self):
        with self.world.sessions() as session:
            rows = session.exec(select(DecisionRow).order_by(col(DecisionRow.decided_at).desc()).limit(3)).all()
        for row in rows:
            assert self.world.journey.replay(row.id).differences == []
            if row.tone_probs is not None:
                assert abs(sum(row.tone_probs.values()) - 1) < 1e-9
                assert not row.randomised_tone or min(row.tone_probs.values()) >= 0.05 - 1e-12


@pytest.mark.parametrize("seed", range(12))
def test_what_always_holds_holds_over_any_history(seed, sessions, wording, vault):
    town = Town(sessions, wording, vault, seed)

    town.lives(120)

    assert town.nudged, "a history in which nobody is written to shows nothing"
