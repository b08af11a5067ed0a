"""Quiet hours, caps, the team and themes: softer counts at once, firmer waits for somebody else."""

import html
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import library
from bot.contacts import working_days_after
from bot.wording.municipal import WEEKDAYS

FORM = {
    "quiet_from": "20:00", "quiet_until": "9:00", "no_sundays": "yes", "min_gap_days": "14", "per_month": "2",
    "per_year": "18", "per_card_year": "2", "per_card_year_s3": "1", "open_question_days": "14", "snooze_days": "30",
    "survey_gap_days": "30", "promise_working_days": "2", "stops_per_thousand": "5", "why": "omdat",
}  # fmt: skip


def proposals(town):
    with town.sessions() as session:
        return library.listing(session, state=library.State.PROPOSED)


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"min_gap_days": "21"}, "min_gap", 21),
        ({"per_year": "12"}, "per_year", 12),
        ({"quiet_from": "19:00"}, "quiet_from", 19),
    ],
)
def test_what_makes_it_quieter_counts_at_once(town, change, name, value):
    page = town.as_("ada").post("/administration/rules", **FORM | change)

    assert "It counts from now." in page.text
    now = getattr(town.journey.wording.rules, name)
    assert getattr(now, "days", getattr(now, "hour", now)) == value
    assert proposals(town) == []


@pytest.mark.parametrize(
    "change", [{"min_gap_days": "7"}, {"per_year": "24"}, {"quiet_from": "21:00"}, {"no_sundays": ""}]
)
def test_what_lets_more_through_waits_for_somebody_else(town, change):
    before = town.journey.wording.rules
    ada = town.as_("ada")

    page = ada.post("/administration/rules", **FORM | change)

    assert "It counts once a second person approves it." in page.text
    assert town.journey.wording.rules == before
    [(row, paths)] = proposals(town)
    assert (row.proposed_by, paths) == ("ada", ["rules.toml"])
    assert "omdat (ada)" in html.unescape(ada.get("/administration/rules").text)
    with town.sessions.begin() as session:
        library.approve(session, town.journey.shelf.files, row.id, by="sam", now=town.now)
    town.journey.take_up()
    assert town.journey.wording.rules != before


def test_what_is_wrong_is_told_at_once_and_nothing_typed_is_lost(town):
    wrong = FORM | {"quiet_from": "acht uur", "per_year": "-3", "min_gap_days": "400", "why": ""}
    page = town.as_("ada").post("/administration/rules", **wrong)

    assert page.status_code == 422
    text = html.unescape(page.text)
    assert "Quiet from: write a time such as 20:00" in text
    assert "Messages to one person in a year, at most: write a whole number" in text
    assert 'value="acht uur"' in text
    assert 'value="-3"' in text
    too_much = town.as_("ada").post("/administration/rules", **FORM | {"min_gap_days": "400"})
    assert too_much.status_code == 422
    nothing = town.as_("ada").post("/administration/rules", **FORM)
    assert nothing.status_code == 422
    assert "change something first" in nothing.text


def test_the_file_stays_as_its_editors_wrote_it_otherwise(town):
    town.as_("ada").post("/administration/rules", **FORM | {"per_year": "12"})

    files = town.journey.shelf.files
    with town.sessions() as session:
        now = library.in_force(session, files)["rules.toml"]
    assert now.replace("per_year = 12", "per_year = 18") == files["rules.toml"]


def test_the_team_says_when_it_is_there_and_promises_follow(town):
    ada = town.as_("ada")
    days = ["mon", "tue", "thu"]

    page = ada.post(
        "/administration/team",
        contacts_per_day="5",
        working_days=days,
        closed_on="2026-12-01\n2026-12-03",
        why="rooster",
    )

    assert "It counts from now." in page.text
    team = town.journey.wording.municipality
    assert (team.contacts_per_day, team.working_days) == (5, days)
    assert team.closed_on == [date(2026, 12, 1), date(2026, 12, 3)]
    assert working_days_after(date(2026, 11, 26), 2, "NL", team) == date(2026, 12, 7)
    assert "wrote down in municipality.toml: rooster." in town.as_("otto").get("/audit?who=ada").text
    wrong = ada.post("/administration/team", contacts_per_day="x", closed_on="morgen", why="w")
    assert wrong.status_code == 422
    assert ">morgen</textarea>" in wrong.text
    nobody = ada.post("/administration/team", contacts_per_day="5", why="niemand")
    assert nobody.status_code == 422


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    count=st.integers(0, 12),
    days=st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    closed=st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=20),
)
def test_a_promised_day_is_one_on_which_the_team_is_there(wording, day, count, days, closed):
    team = wording.municipality.model_copy(update={"working_days": sorted(days), "closed_on": closed})
    found = working_days_after(day, count, "NL", team)

    assert found == day if count == 0 else found > day
    if count:
        assert WEEKDAYS[found.weekday()] in days
        assert found not in closed
        assert working_days_after(day, count - 1, "NL", team) < found


def test_without_a_word_about_it_the_team_is_there_from_monday_to_friday(wording):
    for start in (date(2026, 11, 20), date(2026, 12, 23)):
        assert working_days_after(start, 3, "NL", wording.municipality) == working_days_after(start, 3, "NL")


def test_other_words_for_a_theme_are_proposed(town):
    ada = town.as_("ada")
    page = ada.get("/administration/themes").text
    assert 'value="Geld en wonen"' in page
    asked = {
        f"{name}.{part}": getattr(theme, part)
        for name, theme in town.wording.themes.items()
        for part in ("title", "description")
    }

    page = ada.post("/administration/themes", **asked | {"money.title": "Geld en huis", "why": "korter"})

    if page.status_code == 422:  # translations of a signed language would have to be read again
        assert "messages/" in page.text or "locale/" in page.text
        assert 'value="Geld en huis"' in page.text
    else:
        [(row, paths)] = proposals(town)
        assert (row.why, paths) == ("korter", ["themes.toml"])
    assert town.journey.wording.themes["money"].title == "Geld en wonen"
