"""Draws that anybody can make again: which quarter, which number, and that it is fair."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bot.core import draws

KEY = bytes(range(32))


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_every_moment_lies_in_one_quarter_and_quarters_follow_each_other(moment):
    quarter = draws.quarter(moment)

    assert quarter.starts_at <= moment < quarter.ends_at
    assert draws.quarter(quarter.starts_at) == quarter
    assert draws.quarter(quarter.ends_at - timedelta(microseconds=1)) == quarter
    assert draws.quarter(quarter.ends_at).starts_at == quarter.ends_at


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "2026-Q4"),
        (datetime(2027, 1, 1, 0, 30, tzinfo=ZoneInfo("Europe/Amsterdam")), "2026-Q4"),
        (datetime(2027, 1, 1, 1, 0, tzinfo=ZoneInfo("Europe/Amsterdam")), "2027-Q1"),
    ],
)
def test_a_quarter_is_told_in_utc(moment, name):
    assert draws.quarter(moment).id == name


def test_a_draw_is_what_the_formula_says():
    digest = hmac.new(KEY, b"0123456789abcdef\x1fsend", hashlib.sha256).digest()

    assert draws.uniform(KEY, "0123456789abcdef", "send") == (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    assert draws.of_decision(KEY, "0123456789abcdef")[0] == draws.uniform(KEY, "0123456789abcdef", "send")
    assert draws.published(KEY) == hashlib.sha256(KEY).hexdigest()


def test_draws_are_even_and_the_two_of_a_decision_are_strangers():
    sends, tones = zip(*(draws.of_decision(KEY, f"{number:016x}") for number in range(20_000)), strict=True)

    assert stats.kstest(sends, "uniform").pvalue > 0.001
    assert stats.kstest(tones, "uniform").pvalue > 0.001
    assert abs(stats.spearmanr(sends, tones).statistic) < 0.03
    assert min(sends) >= 0
    assert max(sends) < 1
