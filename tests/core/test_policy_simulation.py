"""Two thousand people over a year, each decision made by the real gate, policy and learning.

The people are a plainer version of those in learning.md 5: they have an own receptivity, grow tired of messages, and
like one tone better than the others. Nothing in the product knows which.
"""

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bot.core.facts import (
    Answer,
    Campaign,
    Card,
    CardStatus,
    Choice,
    Citizen,
    Contact,
    Hold,
    Learning,
    Level,
    Origin,
    Rules,
    Send,
    Sensitivity,
    Signal,
    SignalRule,
    Tone,
    Values,
    Variant,
)
from bot.core.outreach import objection
from bot.core.policy import Matured, Policy, decide, learn, outcome, prior

START = datetime(2026, 1, 6, 10, tzinfo=UTC)
WEEK = timedelta(weeks=1)
WEEKS = 52
RULES = Rules()
VALUES = Values(version="1", signed_by=None)
CARDS = tuple(
    Card(
        id=f"card{number}",
        version=1,
        theme="meedoen",
        sensitivity=Sensitivity.S1,
        level=Level.INFORM,
        status=CardStatus.PUBLISHED,
        valid_from=date(2026, 1, 1),
        valid_until=None,
        review_due=date(2028, 1, 1),
        max_sends=2,
        min_gap_days=21,
        silence_after_no_days=365,
        signals=(SignalRule(type="t", origin=Origin.CALENDAR, earliest_day=0, latest_day=14, enabled=True),),
    )
    for number in range(10)
)
CAMPAIGNS = {
    card.id: Campaign(
        id=card.id,
        card=card.id,
        theme=card.theme,
        variants=(),
        languages=frozenset({"nl", "en", "ar"}),
        linked_only=False,
        starts_at=START,
        ends_at=START + 60 * WEEK,
        learning=Learning.ADAPTIVE,
        running=True,
    )
    for card in CARDS
}
VARIANTS = {
    card.id: tuple(
        Variant(id=f"{card.id}-{tone}", card=card.id, tone=tone, languages=frozenset({"nl", "en", "ar"}))
        for tone in Tone
    )
    for card in CARDS
}


@dataclass
class Town:
    decided: list[tuple[int, Send | Hold]]
    versions: list[Policy]
    citizens: list[Citizen]


def live(*, people: int, receptivity: float, liked: dict[Tone, float], seed: int) -> Town:
    """A year of weekly planning. `receptivity` and what each tone adds to it (`liked`) are on the logit scale."""
    rng = np.random.default_rng(seed)
    receptive = rng.normal(receptivity, 0.8, people)
    tolerance = rng.lognormal(0, 0.5, people)
    tired = np.zeros(people)
    citizens = [
        Citizen(
            id=f"p{number}",
            language=("nl", "nl", "en", "ar")[number % 4],
            zone="Europe/Amsterdam",
            active=True,
            consents={"meedoen": START + 80 * WEEK},
        )
        for number in range(people)
    ]
    policy, decided, versions = prior(VALUES), [], []
    waiting: dict[int, list[Matured]] = defaultdict(list)
    matured: list[Matured] = []
    for week in range(WEEKS):
        now = START + week * WEEK
        matured += waiting.pop(week, [])
        if week % 2 == 0:
            policy = learn(matured, policy, VALUES, cutoff=now)
            versions.append(policy)
        tired *= 0.85
        draws, luck = rng.random((people, 3)), rng.random((people, 3))
        cards = rng.integers(0, len(CARDS), people)
        for number in np.flatnonzero(draws[:, 2] < 0.5):
            citizen, card = citizens[number], CARDS[cards[number]]
            signal = Signal(id="s", type="t", origin=Origin.CALENDAR, occurred_at=now)
            campaign = CAMPAIGNS[card.id]
            if objection(signal, card, campaign, citizen, RULES, now) is not None:
                continue
            plan = decide(
                citizen,
                campaign,
                VARIANTS[card.id],
                policy,
                RULES,
                now=now,
                at=now,
                window_end=now + 2 * WEEK,
                draws=(draws[number, 0], draws[number, 1]),
            )
            assert isinstance(plan, Send | Hold)
            assert plan.odds is not None
            decided.append((week, plan))
            answers: tuple[Answer, ...] = ()
            tone = None
            if isinstance(plan, Send):
                tone = Tone(plan.variant.partition("-")[2])
                interest = 1 / (
                    1 + math.exp(-(receptive[number] + liked[tone] - 0.45 * tired[number] / tolerance[number]))
                )
                dislike = 1 / (1 + math.exp(3 - 0.8 * tired[number] / tolerance[number]))
                tired[number] += 1
                if luck[number, 0] < interest:
                    answers = (Answer(choice=Choice.MORE, at=now + timedelta(days=1)),)
                elif luck[number, 1] < dislike:
                    answers = (Answer(choice=Choice.UNWELCOME, at=now + timedelta(days=1)),)
                if luck[number, 2] < 0.004:
                    answers += (Answer(choice=Choice.STOP, at=now + timedelta(days=2)),)
                    citizen = replace(citizen, active=False)
                contact = Contact(nudge=f"{number}-{week}", card=card.id, at=now, tone=tone, answers=answers)
                citizens[number] = replace(citizen, contacts=(*citizen.contacts, contact))
            waiting[week + 2].append(
                Matured(
                    decision=f"{number}-{week}",
                    decided_at=now,
                    closes_at=now + RULES.window,
                    context=plan.odds.context,
                    sensitivity=card.sensitivity,
                    sent=tone is not None,
                    tone=tone,
                    p_send=plan.odds.p_send,
                    randomised_send=plan.odds.randomised_send,
                    randomised_tone=plan.odds.randomised_tone,
                    tone_forced=plan.odds.tone_forced,
                    outcome=outcome(answers, by=now + RULES.window),
                )
            )
    return Town(decided=decided, versions=versions, citizens=citizens)


@pytest.fixture(scope="module")
def town():
    liked = {Tone.NEUTRAL: 0.0, Tone.WARM: 0.45, Tone.PRACTICAL: -0.2}
    return live(people=2_000, receptivity=-1.6, liked=liked, seed=20260106)


def shares(town, weeks):
    count = Counter(
        plan.variant.partition("-")[2] for week, plan in town.decided if week in weeks and isinstance(plan, Send)
    )
    return {tone: count[tone] / count.total() for tone in Tone}


def test_the_tone_that_people_like_better_is_found(town):
    later = shares(town, range(WEEKS // 2, WEEKS))

    assert later[Tone.WARM] > 0.55
    assert later[Tone.WARM] > 2 * max(later[Tone.NEUTRAL], later[Tone.PRACTICAL])
    assert town.versions[-1].phase == 1
    assert town.versions[-1].n_tone > 3_000


def test_no_floor_is_broken(town):
    floor = town.versions[-1]
    for _, plan in town.decided:
        assert plan.odds.fallback is None
        assert abs(math.fsum(plan.odds.tones.values()) - 1) <= 1e-12
        assert min(plan.odds.tones.values()) >= floor.eps
        assert floor.p_min <= plan.odds.p_send <= floor.p_max


def test_no_tone_is_ever_given_up(town):
    assert min(shares(town, range(WEEKS // 2, WEEKS)).values()) > 0.08


def test_what_happened_agrees_with_the_chances_recorded(town):
    """The number of messages sent, and of warm ones among them, is what the recorded chances foretold."""
    p_send = np.array([plan.odds.p_send for _, plan in town.decided])
    sent = np.array([isinstance(plan, Send) for _, plan in town.decided])
    warm = [
        (next(p for name, p in plan.odds.tones.items() if name.endswith("warm")), plan.variant.endswith("warm"))
        for _, plan in town.decided
        if isinstance(plan, Send)
    ]
    p_warm, was_warm = (np.array(column) for column in zip(*warm, strict=True))

    assert abs((sent - p_send).sum()) < 4 * math.sqrt((p_send * (1 - p_send)).sum())
    assert abs((was_warm - p_warm).sum()) < 4 * math.sqrt((p_warm * (1 - p_warm)).sum())


def test_nobody_is_written_to_after_a_stop_nor_more_than_the_caps_allow(town):
    for citizen in town.citizens:
        moments = [contact.at for contact in citizen.contacts]
        stops = [a.at for contact in citizen.contacts for a in contact.answers if a.choice is Choice.STOP]
        assert all(later - earlier >= timedelta(days=14) for earlier, later in itertools.pairwise(moments))
        assert len(moments) <= 18
        assert not stops or moments[-1] < stops[0]
        assert max(Counter(contact.card for contact in citizen.contacts).values(), default=0) <= 2


def test_where_messages_do_no_good_they_become_rare():
    town = live(people=400, receptivity=-6.0, liked=dict.fromkeys(Tone, 0.0), seed=20260107)
    odds = [plan.odds.p_send for week, plan in town.decided if week >= WEEKS // 2]

    assert float(np.mean(odds)) < 0.30  # the floor of the first year is 0.20
