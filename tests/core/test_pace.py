from collections import Counter
from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import outreach, pace
from bot.core.facts import Rules

ZONE = "Europe/Amsterdam"
RULES = Rules()
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # ten o'clock on the wall
CLOSES = MONDAY + timedelta(days=60)


def spread(crowds, hourly, closes=CLOSES):
    return pace.spread(crowds, hourly, ZONE, RULES, closes=closes)


def test_what_fits_into_an_hour_leaves_at_once():
    found = spread([(MONDAY, 100)], 100)

    assert (found.begins, found.ends, found.left_over) == (MONDAY, MONDAY, 0)
    assert found.days == {date(2026, 11, 23): 100}


def test_a_day_has_eleven_civil_hours_and_sunday_has_none():
    found = spread([(MONDAY, 100 * 11 * 6 + 1)], 100)

    assert found.days[date(2026, 11, 23)] == 1000, "from ten until eight in the evening"
    assert found.days[date(2026, 11, 24)] == 1100
    assert date(2026, 11, 29) not in found.days
    assert found.days[date(2026, 11, 30)] == 101


def test_at_night_it_begins_in_the_morning():
    found = spread([(MONDAY + timedelta(hours=12), 5)], 100)

    assert found.begins.astimezone(ZoneInfo(ZONE)) == datetime(2026, 11, 24, 9, tzinfo=ZoneInfo(ZONE))


def test_waves_begin_on_their_own_days():
    week = timedelta(days=7)
    found = spread([(MONDAY, 30), (MONDAY + week, 20), (MONDAY + 2 * week, 10)], 1000)

    assert found.days == {date(2026, 11, 23): 30, date(2026, 11, 30): 20, date(2026, 12, 7): 10}


def test_what_does_not_fit_before_the_window_closes_is_left_over():
    found = spread([(MONDAY, 1000), (MONDAY + timedelta(days=9), 7)], 10, closes=MONDAY + timedelta(hours=3))

    assert found.days == {date(2026, 11, 23): 40}
    assert found.left_over == 967


def test_nobody_at_all_takes_no_time():
    found = spread([(MONDAY, 0)], 10)

    assert (found.days, found.begins, found.ends, found.left_over) == ({}, None, None, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 2000)), max_size=5),
    st.integers(1, 500),
)
def test_everybody_is_counted_once_and_no_hour_or_night_is_overrun(waves, hourly):
    crowds = [(MONDAY + timedelta(hours=after), count) for after, count in waves]
    found = spread(crowds, hourly)

    assert sum(found.days.values()) + found.left_over == sum(count for _, count in crowds)
    assert all(count <= hourly * 11 for count in found.days.values())
    for moment in (found.begins, found.ends):
        assert moment is None or (outreach.is_civil(ZONE, RULES, moment) and moment <= CLOSES)


def weekday(day):
    return day.weekday() < 5


def test_a_team_that_has_room_helps_on_the_day_itself():
    load = pace.strain({date(2026, 11, 23): 100}, 0.1, 20, weekday, {})

    assert (load.requests, load.busiest, load.longest) == (10, 10, 0.5)


def test_what_is_promised_already_takes_room_and_nobody_works_at_the_weekend():
    friday = date(2026, 11, 27)
    load = pace.strain({friday: 300, friday + timedelta(days=1): 100}, 0.1, 20, weekday, {friday: 15})

    assert load.longest == 1.75, "on Monday 35 wait for 20 places a day"


def test_nobody_asks_nothing_waits():
    assert pace.strain({date(2026, 11, 23): 500}, 0.0, 20, weekday, {}).longest == 0


@given(
    st.dictionaries(st.integers(0, 40), st.integers(0, 500), max_size=10),
    st.floats(0, 1),
    st.integers(1, 60),
)
def test_a_larger_team_never_lets_people_wait_longer(sent, share, capacity):
    days = Counter({date(2026, 11, 23) + timedelta(days=after): count for after, count in sent.items()})
    small = pace.strain(days, share, capacity, weekday, {})
    large = pace.strain(days, share, capacity + 1, weekday, {})

    assert large.longest <= small.longest
    assert small.busiest <= ceil(max(days.values(), default=0))
