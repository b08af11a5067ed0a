"""Days that come back: rules on cards, in the municipality's zone, with its holidays, and what the year brings."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from bot import campaigns, wording
from bot.campaigns import State
from bot.cli import app
from bot.core.facts import CardStatus
from bot.errors import FaultsError, WordingError
from bot.wording.calendar import CalendarFile, CalendarRule, School, Shift, Yearly
from tests.world import World

SHIPPED = wording.load()
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PASS_YEAR = "nl.kalenders.pasjaar-begint.v1"
TOML = f"""
id = "pas"
title = "De stadspas"
card = "stadspas"
variants = ["stadspas.warm.1"]
languages = ["nl"]
hourly_maximum = 100
learning = "fixed"
[trigger]
calendar = "{PASS_YEAR}"
[period]
from = 2026-11-01
until = 2027-02-28
"""


def days(years=range(2026, 2028), said=SHIPPED, **rule):
    return campaigns.days_of(CalendarRule(**rule), said, years)


def yearly(month, day):
    return Yearly(month=month, day=day)


def with_rule(rule, *, card="stadspas", kind=PASS_YEAR, **changes):
    """The shipped wording, with this calendar on one signal of a card."""
    whole = SHIPPED.cards[card]
    signals = [
        one.model_copy(update={"calendar": rule, **changes}) if one.type == kind else one for one in whole.signals
    ]
    return replace(SHIPPED, cards={**SHIPPED.cards, card: whole.model_copy(update={"signals": signals})})


def with_calendar(**changes):
    return replace(SHIPPED, calendar=SHIPPED.calendar.model_copy(update=changes))


# The days themselves.


def test_a_yearly_day_comes_each_year():
    assert days(yearly=yearly(9, 1)) == [date(2026, 9, 1), date(2027, 9, 1)]


def test_a_day_that_not_every_year_has_is_refused_and_the_last_of_the_month_is_not():
    with pytest.raises(ValidationError, match="does not come every year"):
        yearly(2, 29)

    assert days(range(2027, 2029), yearly=yearly(2, "last")) == [date(2027, 2, 28), date(2028, 2, 29)]


def test_so_many_days_before_a_deadline_minds_leap_days_and_the_turn_of_the_year():
    assert days(range(2027, 2029), yearly=yearly(3, 1), days_before=1) == [date(2027, 2, 28), date(2028, 2, 29)]
    assert days(range(2027, 2028), yearly=yearly(1, 10), days_before=30) == [date(2026, 12, 11)]


@given(
    month=st.integers(1, 12),
    day=st.integers(1, 28),
    before=st.integers(0, 366),
    year=st.integers(2000, 2098),
    shift=st.sampled_from([None, *Shift]),
)
def test_a_rule_gives_one_day_a_year_and_shifts_it_to_the_nearest_working_day_only(month, day, before, year, shift):
    anchor = date(year, month, day) - timedelta(days=before)

    [found] = days(range(year, year + 1), yearly=yearly(month, day), days_before=before, working_day=shift)

    if shift is None:
        assert found == anchor
    else:
        assert found.isoweekday() <= 5
        way = -1 if shift is Shift.BEFORE else 1
        assert 0 <= (found - anchor).days * way <= 8
        between = [anchor + timedelta(days=way * step) for step in range(abs((found - anchor).days))]
        assert all(passed.isoweekday() > 5 or campaigns.dates.is_holiday(passed, "NL") for passed in between), (
            "a working day was passed over"
        )


def test_a_working_day_is_no_weekend_and_no_public_holiday():
    christmas = {"yearly": yearly(12, 25)}  # a Friday in 2026

    assert days(range(2026, 2027), **christmas, working_day="after") == [date(2026, 12, 28)]
    assert days(range(2026, 2027), **christmas, working_day="before") == [date(2026, 12, 24)]
    assert days(range(2027, 2028), yearly=yearly(1, 1), working_day="before") == [date(2026, 12, 31)]


def test_the_school_year_begins_on_the_monday_after_the_summer_in_the_municipalitys_own_region():
    assert days(school=School.YEAR_BEGINS) == [date(2026, 8, 31), date(2027, 8, 30)]
    assert days(school=School.YEAR_BEGINS, said=with_calendar(region="noord")) == [date(2026, 8, 17), date(2027, 8, 23)]
    assert days(school=School.SUMMER_BEGINS) == [date(2026, 7, 18), date(2027, 7, 17)]
    assert date(2026, 12, 19) in days(school=School.HOLIDAY_BEGINS)


def test_a_moment_of_the_municipality_has_the_days_that_it_wrote_down_and_no_others():
    assert days(moment="belastingaanslag") == [date(2026, 2, 27), date(2027, 2, 26)]
    assert days(range(2028, 2030), moment="belastingaanslag") == []


@pytest.mark.parametrize(
    "rule", [{}, {"yearly": {"month": 1, "day": 1}, "moment": "jaarronde"}, {"school": "year_begins", "moment": "x-y"}]
)
def test_a_rule_has_one_anchor(rule):
    with pytest.raises(ValidationError, match="give one of yearly, school and moment"):
        CalendarRule.model_validate(rule)


def test_a_region_without_holidays_is_refused():
    with pytest.raises(ValidationError, match="use one of noord, midden, zuid"):
        CalendarFile.model_validate(SHIPPED.calendar.model_dump() | {"region": "oost"})


# On a card.


@pytest.fixture
def files(tmp_path):
    """messages/ and locale/ to be edited: `edit(path, old, new)`, then `load()`."""
    for name in ("messages", "locale"):
        shutil.copytree(Path(str(wording.data(name))), tmp_path / name)

    class Files:
        def edit(self, path, old, new):
            text = (tmp_path / path).read_text(encoding="utf-8")
            assert old in text
            (tmp_path / path).write_text(text.replace(old, new, 1), encoding="utf-8")

        def load(self):
            return wording.load(messages=tmp_path / "messages", locale=tmp_path / "locale")

    return Files()


def test_a_card_may_have_a_calendar_on_calendar_signals_only(files):
    files.edit(
        "messages/services/stadspas.toml", 'origin = "self"\n', 'origin = "self"\ncalendar = { moment = "jaarronde" }\n'
    )

    with pytest.raises(WordingError) as refused:
        files.load()

    assert "calendar is given, but origin is self" in "; ".join(refused.value.faults)


def test_a_moment_that_nobody_wrote_down_is_told(files):
    files.edit("messages/services/kwijtschelding.toml", 'moment = "belastingaanslag"', 'moment = "feestdag"')

    told = files.load().checked(today=date(2026, 11, 24))

    assert any("calendar.moment is 'feestdag'" in fault and "belastingaanslag" in fault for fault in told), told


# In a campaign.


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def running(session, said=SHIPPED, text=TOML, now=datetime(2026, 11, 24, 9, tzinfo=UTC)):
    row = campaigns.add(session, campaigns.read(text, said), said, by="Anna", now=now)
    campaigns.approve(session, row.id, said, by="Bram", now=now)
    return campaigns.start(session, row.id, said, by="Bram", now=now)


def test_a_campaign_takes_its_days_from_the_card(session):
    row = running(session)

    before = campaigns.due(session, SHIPPED, datetime(2026, 12, 17, 22, 59, tzinfo=UTC))
    [due] = campaigns.due(session, SHIPPED, datetime(2026, 12, 17, 23, 0, tzinfo=UTC))

    assert row.state == State.RUNNING
    assert before == []  # fourteen days before New Year's Day begin at midnight in Amsterdam
    assert (due.external_id, due.type) == ("2027-01-01", PASS_YEAR)
    assert due.occurred_at == datetime(2027, 1, 1, tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [("Europe/Amsterdam", "2027-06-30T22:00:00+00:00"), ("America/New_York", "2027-07-01T04:00:00+00:00")],
)
def test_a_day_begins_at_midnight_in_the_municipalitys_zone_in_summer_too(session, zone, midnight):
    said = with_rule(CalendarRule(yearly=yearly(7, 1)))
    said = replace(said, municipality=said.municipality.model_copy(update={"zone": zone}))
    text = TOML.replace("until = 2027-02-28", "until = 2027-07-31")
    running(session, said, text)

    [due] = campaigns.due(session, said, datetime(2027, 7, 1, 12, tzinfo=UTC))

    assert due.occurred_at.astimezone(UTC).isoformat() == midnight


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31)])
def test_a_clock_change_moves_no_day(session, day):
    """On 28 March 2027 the clocks go forward, on 31 October back; either window opens at its own midnight."""
    said = with_rule(CalendarRule(yearly=yearly(day.month, day.day)), earliest_day=0, latest_day=2)
    running(session, said, TOML.replace("until = 2027-02-28", "until = 2027-11-05"))
    midnight = datetime.combine(day, datetime.min.time(), AMSTERDAM).astimezone(UTC)

    assert campaigns.due(session, said, midnight - timedelta(seconds=1)) == []
    [due] = campaigns.due(session, said, midnight)
    assert due.occurred_at.astimezone(UTC) == midnight
    assert [due.external_id for due in campaigns.due(session, said, midnight + timedelta(hours=46))] == [
        day.isoformat()
    ]


def test_a_day_of_last_year_whose_window_is_still_open_counts_at_the_turn_of_the_year(session):
    said = with_rule(CalendarRule(yearly=yearly(12, 20)), earliest_day=-5, latest_day=30)
    text = TOML.replace("from = 2026-11-01", "from = 2027-01-04")
    running(session, said, text)

    [due] = campaigns.due(session, said, datetime(2027, 1, 4, 9, tzinfo=UTC))

    assert due.external_id == "2026-12-20"


def test_a_calendar_without_days_is_told_before_anybody_approves_it():
    nothing = with_rule(None)
    late = with_rule(CalendarRule(moment="jaarronde"), earliest_day=10, latest_day=20)

    with pytest.raises(FaultsError, match="has no calendar on the card"):
        campaigns.read(TOML, nothing)
    with pytest.raises(FaultsError, match="never comes within the period"):
        campaigns.read(TOML, late)


def test_days_that_change_void_the_approval(session):
    said = with_rule(CalendarRule(moment="jaarronde"), earliest_day=-60, latest_day=20)
    row = running(session, said)
    moment = said.calendar.moment["jaarronde"]

    def facts(dates):
        moments = {**said.calendar.moment, "jaarronde": moment.model_copy(update={"dates": dates})}
        other = replace(said, calendar=said.calendar.model_copy(update={"moment": moments}))
        return campaigns.facts_of(row, other, datetime(2026, 11, 24, 9, tzinfo=UTC), editors=["Anna"])

    assert facts(moment.dates).running
    assert facts([*moment.dates, date(2029, 3, 1)]).running  # after the period: nothing that was approved changed
    assert not facts([date(2027, 3, 8)]).running


def test_the_day_of_a_card_reaches_who_chose_the_theme(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.joins("7", "free-time")
    world.campaign("stadspas")
    world.later(days=10)  # 4 December: too early for New Year's Day, and no other day is on the calendar

    assert world.tick() == []
    world.later(days=17)  # 21 December
    [nudge] = world.tick()
    assert nudge.chat == "7"


# The year to come.


def coming(today=date(2026, 11, 22), said=SHIPPED, **more):
    return campaigns.coming(said, today, **more)


def test_the_coming_year_has_every_day_once_in_order_with_its_window():
    found = coming()
    new_year = next(one for one in found if one.type == PASS_YEAR)

    assert [one.day for one in found] == sorted(one.day for one in found)
    assert len({(one.day, one.card, one.type) for one in found}) == len(found) >= 8
    assert (new_year.day, new_year.card, new_year.holiday) == (date(2027, 1, 1), "stadspas", "New Year's Day")
    assert (new_year.opens, new_year.closes) == (date(2026, 12, 18), date(2027, 3, 1))


def test_a_window_that_would_open_on_a_sunday_or_a_holiday_opens_after_it():
    rule = CalendarRule(yearly=yearly(12, 25))
    [found] = [one for one in coming(said=with_rule(rule, earliest_day=0, latest_day=10)) if one.type == PASS_YEAR]

    assert found.day == date(2026, 12, 25)  # a Friday, then the second day of Christmas, then a Sunday
    assert found.opens == date(2026, 12, 28)


def test_a_window_is_shown_until_it_has_closed():
    rule = with_rule(CalendarRule(yearly=yearly(11, 10)), earliest_day=-5, latest_day=10)

    def shown(today):
        return date(2026, 11, 10) in [one.day for one in coming(today, rule) if one.type == PASS_YEAR]

    assert shown(date(2026, 11, 19))
    assert not shown(date(2026, 11, 20))


def test_what_is_switched_off_or_not_published_is_not_on_the_calendar():
    off = with_rule(CalendarRule(yearly=yearly(1, 1)), enabled=False)
    card = SHIPPED.cards["stadspas"].model_copy(update={"status": CardStatus.SUSPENDED})

    assert PASS_YEAR not in {one.type for one in coming(said=off)}
    assert "stadspas" not in {one.card for one in coming(said=replace(SHIPPED, cards={**SHIPPED.cards, card.id: card}))}


def test_campaigns_that_wait_for_a_day_are_named_and_so_are_days_of_their_own(session):
    running(session)
    running(session, text=TOML.replace('"pas"', '"eigen"', 1).replace("[trigger]\n", "[trigger]\ndate = 2027-01-05\n"))

    found = coming(others=campaigns.waiting(session, SHIPPED))

    named = {one.day: one.campaigns for one in found if one.type == PASS_YEAR}
    assert named == {date(2027, 1, 1): ("pas",), date(2027, 1, 5): ("eigen",)}


def test_the_command_shows_the_same(monkeypatch, database_url):
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", database_url)

    table = CliRunner().invoke(app, ["calendar"])
    listed = CliRunner().invoke(app, ["calendar", "--json"])

    assert table.exit_code == listed.exit_code == 0, table.output
    assert table.stdout.splitlines()[0].split() == ["day", "card", "what", "from", "until", "campaigns"]
    assert '"type": "nl.kalenders.' in listed.stdout
    assert "stadspas" in table.stdout
