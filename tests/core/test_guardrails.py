"""The guards: how often they cry wolf, how soon they see one, against the figures of learning.md 3.4."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import guardrails
from bot.core.guardrails import HIGHER, IN_A_ROW, LOWER, STOPS

Q0 = 0.005
RUNS = 1_500


def alarms(rate, *, messages, seed):
    """In each run after how many messages evidence reaches the alarm; infinity when it never does."""
    rng = np.random.default_rng(seed)
    found = np.full(RUNS, np.inf)
    for run in range(RUNS):
        stops = np.flatnonzero(rng.random(messages) < rate)
        # Evidence only rises at a stop, so nothing is missed between two.
        for number, place in enumerate(stops, 1):
            if guardrails.evidence(number, int(place) + 1, Q0) >= guardrails.ALARM:
                found[run] = place + 1
                break
    return found


def test_the_formula_is_the_published_one():
    stops, sends = 7, 400

    by_hand = np.mean(
        [(q / Q0) ** stops * ((1 - q) / (1 - Q0)) ** (sends - stops) for q in (Q0 * times for times in HIGHER)]
    )

    assert guardrails.evidence(stops, sends, Q0) == pytest.approx(by_hand, rel=1e-12)
    assert guardrails.evidence(0, 0, Q0) == pytest.approx(1)


@pytest.mark.parametrize(("share", "most"), [(1.0, 0.05), (0.9, 0.03)])
def test_at_the_rate_that_people_signed_false_alarms_are_rare(share, most):
    """Published: 3.3 % within 20,000 messages at q0, 1.3 % at 0.9 q0; Ville: never more than 5 %."""
    alarmed = np.isfinite(alarms(share * Q0, messages=20_000, seed=1)).mean()

    assert 0 < alarmed <= most


@pytest.mark.parametrize(("times", "published"), [(2, 1532), (3, 476), (4, 285)])
def test_a_higher_rate_is_seen_after_as_many_messages_as_published(times, published):
    median = np.median(alarms(times * Q0, messages=8_000, seed=5))

    assert median == pytest.approx(published, rel=0.10)


@given(st.integers(0, 500), st.integers(0, 5_000))
def test_evidence_rises_with_a_stop_and_falls_without(stops, others):
    before = guardrails.evidence(stops, stops + others, Q0)

    assert guardrails.evidence(stops + 1, stops + others + 1, Q0) > before or before == math.inf
    assert guardrails.evidence(stops, stops + others + 1, Q0) < before or before == math.inf


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.01, 0.9))
def test_an_e_value_has_a_mean_of_one(successes, failures, rate):
    """Over all outcomes of the next message, weighed by their chances, evidence stays what it is."""
    now = guardrails.evidence(successes, successes + failures, rate, LOWER)
    yes = guardrails.evidence(successes + 1, successes + failures + 1, rate, LOWER)
    no = guardrails.evidence(successes, successes + failures + 1, rate, LOWER)

    assert rate * yes + (1 - rate) * no == pytest.approx(now, rel=1e-9)


def test_three_stops_in_fifty_messages_in_a_row_are_too_close():
    def row(*places, of=500):
        return [place in places for place in range(of)]

    assert guardrails.too_close(row(100, 120, 149))
    assert not guardrails.too_close(row(100, 120, 150))
    assert not guardrails.too_close(row(100, 101))
    assert guardrails.too_close(row(3, 200, 230, 240, 499))
    assert not guardrails.too_close([])


@given(st.lists(st.booleans(), max_size=200))
def test_the_tripwire_says_what_looking_at_every_window_says(stopped):
    windows = (stopped[first : first + IN_A_ROW] for first in range(len(stopped)))

    assert guardrails.too_close(stopped) == any(sum(window) >= STOPS for window in windows)


class TestChancesThatAreKept:
    def drawn(self, seed, decisions=5_000, *, told=None, drift=0.0):
        rng = np.random.default_rng(seed)
        chances = rng.uniform(0.1, 0.9, decisions)
        came = (rng.random(decisions) < np.clip(chances + drift, 0, 1)).astype(float)
        return (chances if told is None else np.full(decisions, told)), came

    def seen_after(self, chances, came):
        bets = None
        for place in range(0, len(chances), 10):
            bets = guardrails.wagered(chances[place : place + 10], came[place : place + 10], bets)
            if guardrails.broken(bets) >= guardrails.BROKEN:
                return place + 10
        return math.inf

    def test_there_is_no_alarm_where_they_are(self):
        alarmed = [self.seen_after(*self.drawn(seed)) < math.inf for seed in range(200)]

        assert np.mean(alarmed) <= 0.02

    def test_a_chance_that_is_a_tenth_off_is_seen_within_some_hundred_decisions(self):
        seen = [self.seen_after(*self.drawn(seed, drift=0.1)) for seed in range(100)]

        assert np.median(seen) < 900
        assert max(seen) < math.inf

    def test_chances_written_down_as_a_half_that_are_none_are_seen(self):
        rng = np.random.default_rng(7)
        came = (rng.random(2_000) < 0.35).astype(float)

        assert self.seen_after(np.full(2_000, 0.5), came) < 400

    def test_in_parts_is_the_same_as_in_one(self):
        chances, came = self.drawn(3)

        whole = guardrails.wagered(chances, came)
        first = guardrails.wagered(chances[:123], came[:123])

        assert guardrails.wagered(chances[123:], came[123:], first) == pytest.approx(whole)
        assert guardrails.wagered(np.array([]), np.array([]), first) == first

    def test_several_bets_count_together(self):
        assert guardrails.broken([0.0] * 6) == pytest.approx(1)
        assert guardrails.broken([math.log(300)] * 6, [0.0] * 6, [0.0] * 6) == pytest.approx((300 + 1 + 1) / 3)


def test_the_share_at_a_bound():
    chances = np.array([0.1, 0.1, 0.5, 0.9])

    assert guardrails.share_at_clip(chances, 0.1, 0.9) == 0.75
    assert guardrails.share_at_clip(chances, 0.05, 0.95) == 0
    assert math.isnan(guardrails.share_at_clip(np.array([]), 0.1, 0.9))


def test_rare_choices_make_a_sample_count_for_less():
    assert guardrails.effective_size(np.full(40, 0.2)) == pytest.approx(40)
    assert guardrails.effective_size(np.array([1.0] * 10 + [0.05])) == pytest.approx(30**2 / 410)
    assert guardrails.effective_size(np.array([])) == 0


def test_bounds_of_a_rate():
    """Clopper and Pearson: 5 of 100 gives 1.64 % to 11.28 %."""
    assert guardrails.bounds(5, 100) == pytest.approx((0.016432, 0.112835), abs=1e-5)
    assert guardrails.bounds(0, 10)[0] == 0
    assert guardrails.bounds(10, 10)[1] == 1
