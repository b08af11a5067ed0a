"""The power calculator, against statsmodels and against trials that are played."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from bot.errors import FaultsError
from bot.research.estimators.emee import emee
from bot.research.power import (
    Town,
    decisions_needed,
    design_effect,
    detectable_difference,
    messages_needed,
    power_of_difference,
    power_of_ratio,
    town,
)


@pytest.mark.parametrize("rate", [0.05, 0.15, 0.4, 0.7])
@pytest.mark.parametrize("difference", [0.02, 0.05, -0.03])
@pytest.mark.parametrize("ratio", [1.0, 0.25])
def test_power_is_that_of_statsmodels(rate, difference, ratio):
    from statsmodels.stats.proportion import power_proportions_2indep

    ours = power_of_difference(rate, difference, first=2_000 * ratio, second=2_000)
    # Its first sample is our second arm. It counts the tail of the wrong direction too.
    theirs = power_proportions_2indep(difference, rate, 2_000, ratio=ratio, alpha=0.05, alternative="two-sided",
                                      return_results=True)  # fmt: skip

    assert ours == pytest.approx(theirs.power, abs=0.003)


def test_messages_needed_are_those_of_statsmodels():
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

    for difference in (0.02, 0.05, 0.1):
        both = [samplesize_proportions_2indep_onetail(d, 0.15, 0.8, ratio=1, alpha=0.05, alternative="two-sided")
                for d in (difference, -difference)]  # fmt: skip
        first, second = messages_needed(0.15, difference)
        assert first == second == math.ceil(max(both))


def test_a_small_town_reads_what_learning_md_says():
    assert messages_needed(0.15, 0.05) == (906, 906)
    assert 4_500 < messages_needed(0.15, 0.02)[0] < 5_500
    assert 0.04 < detectable_difference(0.15, first=1_000, second=1_000) < 0.05


@settings(max_examples=60, deadline=None)
@given(st.floats(0.03, 0.97), st.floats(0.01, 0.3), st.floats(0.1, 0.9), st.floats(1, 4), st.integers(1, 6))
def test_asking_both_ways_gives_the_same(rate, difference, share, effect, comparisons):
    both_ways = rate - difference > 0.001 and rate + difference < 0.999
    if not both_ways:
        return
    options = {"design_effect": effect, "comparisons": comparisons}
    first, second = messages_needed(rate, difference, share=share, **options)
    found = detectable_difference(rate, first=first, second=second, **options)

    assert found <= difference + 1e-6
    assert found == pytest.approx(difference, rel=0.1)
    assert min(power_of_difference(rate, d, first=first, second=second, **options)
               for d in (difference, -difference)) >= 0.8 - 1e-6  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 0.5), st.floats(1.05, 1.9), st.floats(0.1, 0.9))
def test_what_is_needed_for_writing_is_just_enough(held, ratio, p_send):
    n = decisions_needed(held, ratio, p_send=p_send)

    assert power_of_ratio(held, ratio, decisions=n, p_send=p_send) >= 0.8 - 1e-6
    assert power_of_ratio(held, ratio, decisions=0.9 * (n - 1), p_send=p_send) < 0.8
    assert power_of_ratio(held, ratio, decisions=n, p_send=p_send) >= 0.8 - 1e-9


def test_trials_of_two_tones_see_the_difference_as_often_as_it_says():
    rng = np.random.default_rng(1)
    first, second = messages_needed(0.15, 0.06, share=0.4)
    a, b = rng.binomial(first, 0.15, 4_000) / first, rng.binomial(second, 0.21, 4_000) / second
    pooled = (a * first + b * second) / (first + second)
    z = (b - a) / np.sqrt(pooled * (1 - pooled) * (1 / first + 1 / second))
    found = (np.abs(z) > norm.isf(0.025)).mean()

    assert found == pytest.approx(power_of_difference(0.15, 0.06, first=first, second=second), abs=0.02)


def test_trials_of_writing_see_the_ratio_as_often_as_emee_needs():
    rng = np.random.default_rng(2)
    held, ratio, p_send, people = 0.12, 1.5, 0.5, 120
    n = decisions_needed(held, ratio, p_send=p_send)
    who = np.arange(n) % people
    seen = 0
    for _ in range(150):
        own = np.exp(rng.normal(0, 0.3, people))[who]
        a = (rng.random(n) < p_send).astype(float)
        y = (rng.random(n) < held * np.exp(-0.045) * own * ratio**a).astype(float)
        seen += emee(id=who, outcome=y, treatment=a, rand_prob=np.full(n, p_send)).effects[0].p_value < 0.05

    assert seen / 150 == pytest.approx(0.8, abs=0.09)


def test_persons_drawn_as_a_whole_need_more_messages_and_messages_drawn_anew_do_not():
    rng = np.random.default_rng(3)
    people, m = 400, 8
    numbers = Town(rate=0.2, per_person=m, spread=0.0, icc=0.1, citizens=people, messages=people * m)
    a, b = 0.2 * (1 / 0.1 - 1), 0.8 * (1 / 0.1 - 1)  # beta-binomial with that ICC
    by_person, by_message = [], []
    for _ in range(600):
        own = np.repeat(rng.beta(a, b, people), m)
        y = rng.random(people * m) < own
        arm = np.repeat(np.arange(people) < people // 2, m)
        by_person.append(y[arm].mean() - y[~arm].mean())
        arm = rng.random(people * m) < 0.5
        by_message.append(y[arm].mean() - y[~arm].mean())
    alone = 0.2 * 0.8 * 4 / (people * m)

    assert design_effect(numbers, drawn_for="person") == pytest.approx(1.7)
    assert np.var(by_person) / alone == pytest.approx(design_effect(numbers, drawn_for="person"), rel=0.2)
    assert np.var(by_message) / alone == pytest.approx(design_effect(numbers, drawn_for="message"), rel=0.2)


def test_a_towns_own_numbers_are_read_from_its_messages():
    rng = np.random.default_rng(4)
    count = 1 + rng.poisson(5, size=3_000)
    who = np.repeat(np.arange(3_000), count)
    y = rng.random(who.size) < np.repeat(rng.beta(0.15 * 9, 0.85 * 9, 3_000), count)
    found = town(y, id=who)

    assert found.rate == pytest.approx(y.mean())
    assert found.icc == pytest.approx(0.1, abs=0.015)
    assert (found.per_person, found.spread) == pytest.approx((count.mean(), count.std() / count.mean()))
    assert (found.citizens, found.messages) == (3_000, who.size)


def test_answers_that_always_or_never_go_together_have_the_iccs_of_the_ends():
    assert town([1, 1, 0, 0, 1, 1, 0, 0], id=[1, 1, 2, 2, 3, 3, 4, 4]).icc == 1
    assert town([1, 0, 0, 1, 1, 0], id=[1, 1, 2, 2, 3, 3]).icc == 0
    assert town([1, 0, 1], id=[1, 2, 3]).icc == 0


def test_what_no_number_of_messages_shows_is_said():
    assert detectable_difference(0.5, first=2, second=2) is None
    assert messages_needed(0.5, 1e-6) is None
    assert decisions_needed(0.5, 1 + 1e-9, p_send=0.5) is None


def test_a_difference_that_goes_one_way_only_is_still_found():
    found = detectable_difference(0.02, first=60, second=60)

    assert found > 0.02
    assert power_of_difference(0.02, found, first=60, second=60) == pytest.approx(0.8)


def test_all_faults_are_said_at_once():
    with pytest.raises(FaultsError) as told:
        messages_needed(1.5, 0.05, share=0, power=0.01, comparisons=0, design_effect=0)
    assert [fault.partition(":")[0] for fault in told.value.faults] == [
        "rate", "share", "design_effect", "comparisons", "power"]  # fmt: skip
    with pytest.raises(FaultsError, match="difference: 0; must be no nought"):
        messages_needed(0.2, 0)
    with pytest.raises(FaultsError, match=r"difference: 0\.9; must leave a share between 0 and 1"):
        power_of_difference(0.2, 0.9, first=1, second=1)
    with pytest.raises(FaultsError, match="ratio: 9; must be above 0 and leave a share below 1"):
        power_of_ratio(0.2, 9, decisions=10, p_send=0.5)
    with pytest.raises(FaultsError, match="ratio: 1; must differ from 1"):
        decisions_needed(0.2, 1, p_send=0.5)
    with pytest.raises(FaultsError, match=r"(?s)outcome: 2.0 in row 0.*id: '1 people'"):
        town([2, 1], id=[1, 1])
