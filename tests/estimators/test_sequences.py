"""Intervals that may be looked at all the time, against published constants. Their coverage is held in `test_trials`.

The constants are those of confseq 0.0.11 (MIT), test/uniform_boundaries_unittest.cpp, which come from R. The whole of
its golden file is compared in `tests/estimators/test_parity.py`.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import FaultsError
from bot.research.estimators.sequences import (
    BURN_IN,
    bounded_path,
    bounded_sequence,
    gamma_exponential_bound,
    gamma_exponential_log_mixture,
    mean_path,
    mean_sequence,
    proportion_sequence,
)


def test_the_gamma_exponential_mixture_has_the_published_constants():
    mixture = gamma_exponential_log_mixture(10, 100, v_opt=100, c=2)
    [bound] = gamma_exponential_bound(100, 0.05, v_opt=100, c=2)

    assert mixture == pytest.approx(-0.2490165, abs=1e-6)
    assert bound == pytest.approx(33.02017, abs=1e-5)


def test_the_bound_is_where_the_mixture_reaches_its_level():
    v = np.geomspace(0.001, 1e6, 40)
    for alpha in (0.001, 0.025, 0.2):
        bound = gamma_exponential_bound(v, alpha, v_opt=50, c=3)
        level = gamma_exponential_log_mixture(bound, v, v_opt=50, c=3)
        assert level == pytest.approx(np.full(v.size, math.log(1 / alpha)), abs=1e-8)


def test_nothing_is_said_of_a_mean_before_the_burn_in_nor_without_any_spread():
    values = np.random.default_rng(1).normal(size=BURN_IN)

    assert mean_sequence(values[:-1], t_opt=100) is None
    assert mean_sequence(values, t_opt=100).n == BURN_IN
    assert mean_sequence(np.full(5_000, 0.25), t_opt=100) is None
    assert mean_sequence([], t_opt=100) is None


def test_a_mean_far_from_nought_is_as_well_known_as_one_at_nought():
    values = np.random.default_rng(1).normal(size=1_000)
    near, far = mean_sequence(values, t_opt=500), mean_sequence(values + 1e7, t_opt=500)

    assert far.upper - far.lower == pytest.approx(near.upper - near.lower, rel=1e-6)


def test_an_interval_for_one_moment_is_wrong_far_more_often_when_it_is_looked_at_all_the_time():
    rng = np.random.default_rng(2026)
    n, runs, wrong = 1_500, 200, 0
    t = np.arange(1, n + 1)
    for _ in range(runs):
        mean = np.cumsum(rng.normal(size=n)) / t
        wrong += bool((np.abs(mean) > 1.96 / np.sqrt(t))[BURN_IN:].any())

    assert wrong > 0.15 * runs


def test_the_mean_of_a_changing_chance_is_held_too():
    rng = np.random.default_rng(7)
    chances = np.where(np.arange(800) < 400, 0.1, 0.4)
    wrong = 0
    for _ in range(60):
        x = (rng.random(800) < chances).astype(float)
        bounds = bounded_sequence(x, low=0, high=1, v_opt=100)
        wrong += not bounds.lower <= chances.mean() <= bounds.upper

    assert wrong <= 3


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_proportions_bounds_hold_its_rate_and_mirror_each_other(yes, no):
    lower, upper = proportion_sequence(yes, yes + no)
    mirrored = proportion_sequence(no, yes + no)

    assert 0 <= lower < upper <= 1
    assert mirrored == pytest.approx((1 - upper, 1 - lower), abs=1e-9)
    if yes + no:
        assert lower <= yes / (yes + no) <= upper


def test_a_proportions_bounds_are_where_the_mixture_reaches_its_level():
    lower, upper = proportion_sequence(30, 200, alpha=0.1)
    for p in (lower, upper):
        beta = math.lgamma(30.5) + math.lgamma(170.5) - math.lgamma(201) - math.log(math.pi)
        assert beta - 30 * math.log(p) - 170 * math.log(1 - p) == pytest.approx(math.log(10), abs=1e-6)


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(FaultsError, match=r"(?s)values: nan in row 1 and 1 more; must be numbers.*alpha: 2.*t_opt: 0"):
        mean_path([0.1, math.nan, math.inf], alpha=2, t_opt=0)
    with pytest.raises(FaultsError, match=r"successes: 5; must lie between 0 and n, which is 4"):
        proportion_sequence(5, 4)
    with pytest.raises(FaultsError, match=r"values: 1\.5 in row 0; must lie within \[0, 1\]"):
        bounded_path([1.5], [0.5], low=0, high=1, v_opt=1)
    with pytest.raises(FaultsError, match=r"differ in length \(values 2, predictions 1\)"):
        bounded_path([0.5, 0.5], [0.5], low=0, high=1, v_opt=1)
