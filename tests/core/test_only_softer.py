"""Learning only makes us softer or rarer, whatever was answered and learned; and in doubt it is not used."""

import itertools
import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import beliefs, outreach
from bot.core.beliefs import ONE, PHASES, Belief, prior, tone_odds
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
from bot.core.policy import decide, doubted
from bot.planning import Inputs, World
from bot.planning import decide as plan_for

START = datetime(2026, 1, 6, 10, tzinfo=UTC)
DAY = timedelta(days=1)
VALUES = Values(version="1", signed_by=None)
LANGUAGES = frozenset({"nl", "ar"})
SENSITIVITIES = (Sensitivity.S1, Sensitivity.S2, Sensitivity.S3)


def card(number, **changes):
    made = Card(
        id=f"card{number}", version=1, theme="meedoen", sensitivity=SENSITIVITIES[number], level=Level.INFORM,
        status=CardStatus.PUBLISHED, valid_from=date(2025, 1, 1), valid_until=None, review_due=date(2030, 1, 1),
        max_sends=2, min_gap_days=21, silence_after_no_days=365,
        signals=(SignalRule(type="t", origin=Origin.CALENDAR, earliest_day=0, latest_day=14, enabled=True),),
    )  # fmt: skip
    return replace(made, **changes)


def variants_of(number):
    """What people approved; one of them is not fit to be said in Arabic."""
    return tuple(
        Variant(
            id=f"card{number}-{tone}", card=f"card{number}", tone=tone,
            languages=LANGUAGES if tone is not Tone.PRACTICAL else frozenset({"nl"}),
        )
        for tone in Tone
    )  # fmt: skip


def world(number, learning, rules, card_of_it):
    campaign = Campaign(
        id=f"c{number}", card=card_of_it.id, theme="meedoen", variants=tuple(one.id for one in variants_of(number)),
        languages=LANGUAGES, linked_only=False, starts_at=START - DAY, ends_at=START + 2_000 * DAY, learning=learning,
        running=True,
    )  # fmt: skip
    return World(card=card_of_it, campaign=campaign, variants=variants_of(number), rules=rules)


weights = st.floats(-50, 50) | st.sampled_from([math.nan, math.inf, -1e6, 1e6])
spreads = st.floats(1e-6, 5) | st.sampled_from([0.0, math.nan, math.inf])


@st.composite
def learned(draw):
    """Any version at all: what no answers could teach is among them."""

    def belief():
        mean, sd = draw(weights), draw(spreads)
        return Belief(names=(ONE,), mean=(mean,), cov=((sd**2,),), unseen_sd=draw(st.floats(0.01, 3)))

    phase = draw(st.sampled_from([0, 1, 2]))
    return replace(
        prior(VALUES),
        tones={tone: belief() for tone in Tone},
        send=belief(),
        phase=phase,
        **PHASES[phase],
        r0=draw(weights),
        slope=draw(st.floats(0.1, 1e6)),
        cutoff=draw(st.sampled_from([None, START - 30 * DAY, START + 100 * DAY, START + 300 * DAY])),
    )


answers = st.lists(
    st.tuples(st.sampled_from(list(Choice)), st.integers(0, 20), st.none() | st.integers(21, 60)),
    max_size=3,
    unique_by=lambda one: one[0],
)
chance = st.floats(0, 1, exclude_max=True)
step = st.tuples(st.integers(0, 21), st.integers(0, 23), st.integers(0, 2), chance, chance, answers)
bounds = st.builds(
    Rules,
    per_month=st.integers(1, 2),
    per_year=st.integers(1, 18),
    min_gap=st.integers(1, 30).map(lambda days: timedelta(days=days)),
    rest_start_days=st.floats(14, 60),
    rest_cap_days=st.floats(61, 182),
    quiet_until=st.sampled_from([time(9), time(11)]),
)


def answered(at, given_answers):
    return tuple(
        Answer(choice=choice, at=at + days * DAY, until=None if until is None else at + until * DAY)
        for choice, days, until in sorted(given_answers, key=lambda one: one[1])
    )


@settings(deadline=None, max_examples=150)
@given(
    st.lists(step, min_size=5, max_size=40),
    st.lists(learned(), min_size=1, max_size=3),
    st.sampled_from([Learning.ADAPTIVE, Learning.ADAPTIVE, Learning.TRIAL]),
    bounds,
    st.sampled_from(["nl", "ar"]),
    st.none() | st.sampled_from(list(Tone)),
    st.booleans(),
    st.sampled_from([None, "the coin is bent"]),
    st.sampled_from([{}, {"level": Level.HUMAN_ONLY}, {"status": CardStatus.SUSPENDED}]),
)
def test_no_history_and_no_policy_makes_us_write_more_than_rules_alone_allow(
    steps, policies, learning, rules, language, tone, holdout, doubt, changed
):
    cards = [card(0), card(1), card(2, **changed)]
    citizen = Citizen(
        id="p", language=language, zone="Europe/Amsterdam", active=True, consents={"meedoen": START + 3_000 * DAY},
        tone=tone, holdout=holdout,
    )  # fmt: skip
    now, left = START, []
    for place, (days, hours, number, to_send, to_tone, said) in enumerate(steps):
        now += timedelta(days=days, hours=hours)
        signal = Signal(id=f"s{place}", type="t", origin=Origin.CALENDAR, occurred_at=now - DAY)
        inputs = Inputs(signal=signal, citizen=citizen, now=now, window_end=now + 13 * DAY)
        policy = policies[place % len(policies)]
        here = world(number, learning, rules, cards[number])
        plan, _ = plan_for(here, inputs, policy, (to_send, to_tone), doubt)
        if not isinstance(plan, Send):
            continue

        # Without learning the same rules would have let the same message go at the same moment.
        alone, _ = plan_for(world(number, Learning.FIXED, rules, cards[number]), inputs, policy, (0.0, 0.0))
        assert isinstance(alone, Send)
        assert plan.at == alone.at
        assert outreach.is_civil(citizen.zone, rules, plan.at)
        # It is one of the wordings that people approved, in a tone that the person did not choose away.
        mine = [one for one in here.variants if language in one.languages]
        chosen = next(one for one in mine if one.id == plan.variant)
        assert tone is None or chosen.tone is tone or all(one.tone is not tone for one in mine)
        # It says no more than its card lets it, and is about a card that may be written about.
        assert cards[number].level is not Level.HUMAN_ONLY
        assert cards[number].status is CardStatus.PUBLISHED
        # Only who is in the hold-out is written to without a lottery.
        assert plan.odds.p_send <= policy.p_max or holdout
        assert math.fsum(plan.odds.tones.values()) == pytest.approx(1, abs=1e-9)

        contact = Contact(
            nudge=f"n{place}", card=cards[number].id, at=plan.at, tone=chosen.tone,
            sensitivity=cards[number].sensitivity, answers=answered(plan.at, said),
        )  # fmt: skip
        left.append(contact)
        now = max(now, plan.at)
        stopped = any(answer.choice is Choice.STOP for answer in contact.answers)
        citizen = replace(citizen, contacts=tuple(left), active=citizen.active and not stopped)

    moments = [contact.at for contact in left]
    assert all(second - first >= rules.min_gap for first, second in itertools.pairwise(moments))
    for contact in left:
        within = [other for other in left if contact.at - 365 * DAY < other.at <= contact.at]
        assert len(within) <= rules.per_year
        assert sum(other.at > contact.at - 30 * DAY for other in within) <= rules.per_month
        most = rules.per_card_year_s3 if contact.sensitivity is Sensitivity.S3 else rules.per_card_year
        assert sum(other.card == contact.card for other in within) <= most


# The ladder: whatever is wrong with what was learned ends in even odds, said as such.

HERE = world(0, Learning.ADAPTIVE, Rules(), card(0))
CITIZEN = Citizen(id="p", language="nl", zone="Europe/Amsterdam", active=True, consents={"meedoen": START + 90 * DAY})


def sure(phase=2, cutoff=START - 7 * DAY, **changes):
    """A policy that would always write, in the warm tone."""

    def belief(mean):
        return Belief(names=(ONE,), mean=(mean,), cov=((1e-4,),), unseen_sd=0.1)

    tones = {tone: belief(0.9 if tone is Tone.WARM else 0.1) for tone in Tone}
    made = replace(prior(VALUES), tones=tones, send=belief(5.0), phase=phase, **PHASES[phase], cutoff=cutoff)
    return replace(made, **changes)


def decided(policy, *, doubt=None, learning=Learning.ADAPTIVE, draws=(0.0, 0.0), holdout=False):
    return decide(
        replace(CITIZEN, holdout=holdout),
        replace(HERE.campaign, learning=learning),
        HERE.variants,
        policy,
        HERE.rules,
        now=START,
        at=START,
        window_end=START + 10 * DAY,
        draws=draws,
        doubt=doubt,
    )


def test_a_sound_policy_is_used():
    made = decided(sure())

    assert (made.odds.p_send, made.odds.fallback) == (pytest.approx(0.9), None)
    assert max(made.odds.tones.values()) == pytest.approx(0.9, abs=1e-3)


def test_a_doubt_from_outside_means_even_odds_and_is_named():
    made, held = (decided(sure(), doubt="the coin is bent", draws=(draw, 0.5)) for draw in (0.49, 0.5))

    assert isinstance(made, Send)
    assert isinstance(held, Hold)
    for one in (made, held):
        assert (one.odds.p_send, one.odds.fallback) == (0.5, "the coin is bent")
        assert set(one.odds.tones.values()) == {1 / 3}
        assert one.odds.policy == sure().version
        assert doubted(one.odds.fallback) == "the coin is bent"


@pytest.mark.parametrize(("learning", "p_send"), [(Learning.FIXED, 1.0), (Learning.TRIAL, 0.5)])
def test_who_does_not_learn_has_nothing_to_doubt(learning, p_send):
    made = decided(sure(), doubt="the coin is bent", learning=learning)

    assert (made.odds.p_send, made.odds.fallback) == (p_send, None)


def test_the_hold_out_is_not_touched_by_a_doubt():
    assert decided(sure(), doubt="the coin is bent", holdout=True).odds.p_send == 1.0


@pytest.mark.parametrize("off", [1e-8, -1e-8, math.nan, math.inf])
def test_chances_that_do_not_sum_to_one_are_not_drawn_from(monkeypatch, off):
    honest = beliefs.best_odds
    monkeypatch.setattr(beliefs, "best_odds", lambda means, sds: [honest(means, sds)[0] + off, *honest(means, sds)[1:]])

    made = decided(sure())

    assert made.odds.fallback.startswith("no numbers")
    assert doubted(made.odds.fallback) is None  # a replay finds it again by itself
    assert set(made.odds.tones.values()) == {1 / 3}
    assert made.odds.p_send == 0.5


def test_rounding_is_no_fault(monkeypatch):
    honest = beliefs.best_odds
    monkeypatch.setattr(
        beliefs, "best_odds", lambda means, sds: [honest(means, sds)[0] + 1e-11, *honest(means, sds)[1:]]
    )

    assert decided(sure()).odds.fallback is None
    assert math.fsum(tone_odds(sure(), {}, list(Tone)).values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("days", "stale"), [(21, False), (22, True)])
def test_what_is_older_than_three_weeks_is_not_used(days, stale):
    made = decided(sure(cutoff=START - days * DAY))

    assert (made.odds.fallback or "").startswith("stale: ") == stale
    assert doubted(made.odds.fallback) is None
