import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.pacer import CREDIT_S, SLOW_START, SOON_S, TOGETHER_S, Pacer


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def departures(pacer: Pacer, clock: Clock, seconds: float, commit=lambda: 0.0, hiccup=lambda: 0.0) -> list[float]:
    """When messages really leave if there are always enough of them.

    `commit` is how long it takes until an intent is committed, `hiccup` how much later than it may a message leaves.
    """
    left, end = [], clock.now + seconds
    waiting = []

    def until(moment: float) -> None:
        for departure in sorted(waiting, key=lambda departure: departure.at):
            if departure.at <= moment:
                clock.now = departure.at = max(clock.now, departure.at) + hiccup()
                left.append(clock.now)
                waiting.remove(departure)
        clock.now = max(clock.now, moment)

    while clock.now < end:
        taken, began = pacer.take(1000), clock.now
        until(began + commit())
        pacer.committed(clock.now - began)
        waiting += [pacer.depart() for _ in range(taken)]
        until(clock.now + pacer.wait_s() + 1e-9)
    return left


def busiest_second(left: list[float]) -> int:
    return max(sum(1 for other in left if moment <= other < moment + 1) for moment in left)


@pytest.mark.parametrize("rate", [1, 30, 1000])
def test_the_pace_is_close_to_the_cap_and_even(rate):
    clock = Clock()
    pacer = Pacer(rate, time=clock)
    first = departures(pacer, clock, 1.2)
    left = departures(pacer, clock, 20)
    assert busiest_second(first) <= rate / SLOW_START + 1
    assert len(left) == pytest.approx(20 * rate / (1 + pacer.guard_s), rel=0.004, abs=2)
    assert busiest_second(left[: 3 * rate]) <= rate
    assert all(later - earlier <= (1 + 2 * pacer.guard_s) / rate for earlier, later in pairwise(left[rate:]))


@given(st.integers(0, 2**32))
def test_hiccups_never_bring_more_than_the_cap_into_one_second(seed):
    rng, clock = random.Random(seed), Clock()
    pauses = [0.0, 0.001, 0.2, 0.05]
    left = departures(
        Pacer(30, time=clock), clock, 3, commit=lambda: rng.choice(pauses), hiccup=lambda: rng.choice(pauses)
    )
    assert busiest_second(left) <= 30


@pytest.mark.parametrize(("rate", "commit_s", "share"), [(1000, 0.015, 0.972), (1000, 0.06, 0.972), (30, 0.1, 0.985)])
def test_a_slow_disk_does_not_slow_the_messages_down(rate, commit_s, share):
    clock = Clock()
    pacer = Pacer(rate, time=clock)
    departures(pacer, clock, 2, commit=lambda: commit_s)
    assert len(departures(pacer, clock, 20, commit=lambda: commit_s)) >= 20 * rate * share


def test_a_long_silence_saves_no_burst_up():
    clock = Clock()
    pacer = Pacer(30, time=clock)
    clock.now += 3600
    moments = [pacer.depart().at - clock.now for _ in range(pacer.take(100))]
    assert moments == pytest.approx([-CREDIT_S, SLOW_START * (1 + pacer.guard_s) / 30 - CREDIT_S])
    assert pacer.wait_s() == pytest.approx(2 * SLOW_START * (1 + pacer.guard_s) / 30 - CREDIT_S - SOON_S)


def test_places_are_handed_out_a_little_ahead_and_each_message_waits_for_its_own():
    clock = Clock()
    pacer = Pacer(1000, time=clock)
    clock.now += 1
    taken = pacer.take(100)
    moments = [pacer.depart().at for _ in range(taken)]
    assert taken == pytest.approx(1000 / SLOW_START * (CREDIT_S + SOON_S + TOGETHER_S[1]), rel=0.03)
    assert moments == sorted(moments)
    assert moments[-1] == pytest.approx(clock.now + SOON_S + TOGETHER_S[1], abs=0.002)


def test_what_was_held_up_on_the_road_counts_from_when_it_came():
    clock = Clock()
    pacer = Pacer(1, time=clock)
    pacer.take(1)
    first = pacer.depart()
    clock.now += pacer.latency_s + 0.5
    pacer.answered(first)
    clock.now += pacer.wait_s()
    assert pacer.take(1) == 1
    assert pacer.depart().at == pytest.approx(1001.5, abs=0.05)


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
    assert (pacer.take(5), pacer.wait_s(), pacer.still_s) == (0, 7, 7)
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


@given(st.floats(0, 4e7), st.sampled_from([1, 29.7, 30, 1000]), st.lists(st.floats(0, 0.1), max_size=30))
def test_whoever_waits_as_long_as_told_gets_a_place(start, rate, pauses):
    """On a clock that has run for a year as on a fresh one: else the sender would ask again and again, for ever."""
    clock = Clock()
    clock.now = start
    pacer = Pacer(rate, time=clock)
    for pause in pauses:
        clock.now += pause
        while wait := pacer.wait_s():
            assert clock.now + wait > clock.now
            clock.now += wait
        assert pacer.take(1) == 1
