import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.pacer import CREDIT_S, Pacer


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def departures(pacer: Pacer, clock: Clock, seconds: float, hiccup=lambda: 0.0) -> list[float]:
    """When messages leave if there are always enough of them."""
    left, end = [], clock.now + seconds
    while clock.now < end:
        clock.now += pacer.wait_s() + 1e-9 + hiccup()
        left += [clock.now] * pacer.take(1000)
    return left


def busiest_second(left: list[float]) -> int:
    return max(sum(1 for other in left if moment <= other < moment + 1) for moment in left)


@pytest.mark.parametrize("rate", [1, 30, 1000])
def test_the_pace_is_99_percent_of_the_cap_without_a_burst(rate):
    clock = Clock()
    left = departures(Pacer(rate, time=clock), clock, 20)
    assert len(left) == pytest.approx(20 * rate * 0.99, rel=0.002, abs=2)
    assert busiest_second(left[: 3 * rate]) <= rate


@given(st.integers(0, 2**32))
def test_hiccups_never_bring_more_than_the_cap_into_one_second(seed):
    rng, clock = random.Random(seed), Clock()
    left = departures(Pacer(30, time=clock), clock, 3, hiccup=lambda: rng.choice([0.0, 0.001, 0.2, 0.05]))
    assert busiest_second(left) <= 30


def test_a_long_silence_saves_nothing_up():
    clock = Clock()
    pacer = Pacer(30, time=clock)
    clock.now += 3600
    assert pacer.take(100) == 1
    assert pacer.wait_s() == pytest.approx(1 / 29.7 - CREDIT_S)


def test_what_did_not_leave_is_given_back():
    clock = Clock()
    pacer = Pacer(30, time=clock)
    pacer.take(1)
    pacer.give_back(1)
    assert pacer.take(1) == 1


def test_a_flood_stops_everything_then_halves_the_pace_which_comes_back_within_a_minute():
    clock = Clock()
    pacer = Pacer(30, time=clock)
    pacer.flooded(7)
    assert (pacer.take(5), pacer.wait_s(), pacer.is_still) == (0, 7, True)
    clock.now += 7
    assert pacer.pace == 0.5
    assert len(departures(pacer, clock, 2)) == pytest.approx(2 * 29.7 / 2, abs=3)
    clock.now += 28
    assert pacer.pace == pytest.approx(0.75, abs=0.01)
    clock.now += 31
    assert pacer.pace == 1


def test_floods_of_messages_already_on_their_way_cut_the_pace_once():
    clock = Clock()
    pacer = Pacer(30, time=clock)
    for _ in range(4):
        pacer.flooded(7)
    clock.now += 7
    assert pacer.pace == 0.5
    pacer.flooded(3)
    clock.now += 3
    assert pacer.pace == 0.25


def test_standing_still_for_another_reason_leaves_the_pace_as_it_was():
    clock = Clock()
    pacer = Pacer(30, time=clock)
    pacer.stand_still(2)
    assert pacer.take(1) == 0
    clock.now += 2
    assert (pacer.take(1), pacer.pace) == (1, 1)
