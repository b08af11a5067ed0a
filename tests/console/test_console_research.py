"""The researchers' pages: what they show, to whom, and what they keep to themselves."""

import csv
import io
import re
import subprocess
import sys
from importlib.resources import files

import pytest
from sqlmodel import select

from bot.console.research_pages import PAGES
from bot.research import power
from bot.store.tables import AuditRow, GuardRow
from tests.answered import WEEK, Answered
from tests.world import registered

CAMPAIGN = "zorgtoeslag-deadline"
FIGURES = [(page.slug, drawn.key) for page in PAGES for drawn in page.figures]


@pytest.fixture
def answered(town):
    town.campaign()
    return Answered(town.sessions, town.wording, town.vault, town.now)


def filled(answered, people=24):
    """Each of `people` got one message four weeks ago, one half in each of two tones; every second one liked it."""
    for number in range(people):
        person = answered.person("nl" if number % 3 else "en")
        said = [("more", 1)] if number % 2 else []
        tone = "warm" if number % 4 < 2 else "neutral"
        answered.decided(person, CAMPAIGN, answered.now - 4 * WEEK, tone=tone, answers=said)
    answered.flush()


def sentence(page, key):
    """The finding under the heading of this figure."""
    return re.search(rf'id="{key}">.*?<p class="utrecht-paragraph finding good">(.*?)</p>', page, re.DOTALL).group(1)


def test_an_empty_town_says_that_there_is_nothing_yet_and_draws_nothing(town):
    rik = town.as_("rik")
    assert "Nobody who agreed to research was decided about yet" in rik.get("/research").text
    for page in PAGES:
        answer = rik.get(f"/research/{page.slug}")
        assert answer.status_code == 200
        assert "<img" not in answer.text
    assert rik.get("/research/tones/tones.svg").status_code == 404


def test_a_finding_stands_with_its_picture_its_table_and_its_period(town, answered):
    filled(answered)
    page = town.as_("rik").get("/research/tones").text

    assert sentence(page, "tones") == (
        "It is too early to compare tones. That takes 200 messages whose tone was drawn by lot; there are 24."
    )
    assert '<img src="/research/tones/tones.svg" alt="Felt welcome, by tone. It is too early' in page
    assert re.findall(
        r"<th scope=\"row\">(?:Warm|Neutral)</th><td class=\"num\">12</td><td class=\"num\">12</td>", page
    )
    assert "Mon 26 Oct 2026 – Sun 1 Nov 2026" in page


def test_a_picture_has_no_style_and_no_script_and_speaks_the_readers_language(town, answered):
    filled(answered)
    rik = town.as_("rik")
    english = rik.get("/research/tones/tones.svg")
    with town.sessions.begin() as session:
        from bot import staff

        staff.known_as(session, "rik").language = "nl"
    dutch = rik.get("/research/tones/tones.svg").text

    assert english.headers["content-type"] == "image/svg+xml"
    assert "Neutral (n = 12)" in english.text
    assert "Share of messages felt welcome" in english.text
    assert "Share" not in dutch
    assert "(n = 12)" in dutch
    for svg in (english.text, dutch):
        assert not re.search(r"style=|<style|<script|href=\"http|url\(http", svg)


def test_under_ten_people_nothing_is_shown_at_all(town, answered):
    filled(answered, people=9)
    rik = town.as_("rik")
    for page in PAGES:
        text = rik.get(f"/research/{page.slug}").text
        for drawn in page.figures:
            if drawn.key != "versions":
                assert sentence(text, drawn.key).startswith("Too few people yet")
    assert rik.get("/research/funnel/funnel.svg").status_code == 404


def test_whoever_takes_back_the_consent_is_out_of_it_at_once(town, answered):
    filled(answered, people=10)
    rik = town.as_("rik")
    assert "10 messages reached 10 people" in rik.get("/research/funnel").text
    answered.consent("r0000001", "_research", "withdrawn", town.now)
    answered.flush()
    assert "Too few people yet" in rik.get("/research/funnel").text


def test_the_same_count_is_shown_for_five_minutes(town, answered):
    filled(answered, people=20)
    rik = town.as_("rik")
    assert "20 messages reached 20 people" in rik.get("/research/funnel").text
    answered.decided("r0000001", CAMPAIGN, town.now - WEEK)
    answered.flush()
    assert "20 messages reached 20 people" in rik.get("/research/funnel").text
    town.later(minutes=5)
    assert "21 messages reached 20 people" in rik.get("/research/funnel").text


def test_a_filter_narrows_what_is_counted_and_the_addresses_of_pictures_carry_it(town, answered):
    filled(answered, people=36)
    rik = town.as_("rik")
    page = rik.get("/research/funnel?language=en&first=2026-10-28&last=2026-10-30").text
    assert "12 messages reached 12 people" in page
    assert "/research/funnel/funnel.svg?first=2026-10-28&amp;last=2026-10-30&amp;language=en" in page
    assert "A message reached fewer" not in page
    assert "Too few people yet" in rik.get("/research/funnel?first=2026-11-02").text


def test_a_filter_that_leaves_fewer_than_ten_people_over_shows_nothing(town, answered):
    """Else the rest would be the difference to the whole."""
    filled(answered, people=24)
    rik = town.as_("rik")
    assert "24 messages reached 24 people" in rik.get("/research/funnel").text
    assert "Too few people yet" in rik.get("/research/funnel?language=nl").text  # 16 people, so that 8 speak English


def test_a_filter_that_does_not_exist_is_told_with_what_to_do(town, answered):
    filled(answered)
    rik = town.as_("rik")
    for asked, told in (
        ("campaign=no-such-one", "There is no such campaign. Choose one from the list."),
        ("card=no-such-one", "There is no such card. Choose one from the list."),
        ("language=xx", "There is no such language. Choose one from the list."),
        ("first=yesterday", "A day is written as year-month-day, such as 2026-11-22."),
        ("first=2026-11-22&last=2026-01-01", "The last week is before the first one. Choose a later last day."),
    ):
        for address in ("/research", "/research/tones"):
            answer = rik.get(f"{address}?{asked}")
            assert answer.status_code == 422, asked
            assert told in answer.text
            assert "<img" not in answer.text
    both = rik.get("/research?campaign=no-such-one&first=yesterday").text
    assert "There is no such campaign" in both
    assert "A day is written" in both
    assert 'value="yesterday"' in both


def test_a_figure_is_taken_along_as_a_file_and_that_is_recorded(town, answered):
    filled(answered)
    rik = town.as_("rik")
    answer = rik.post("/research/tones/tones.csv", language="", first="2026-10-26")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))

    counted = [(row["tone"], row["people"], row["messages"]) for row in rows]
    assert counted == [("neutral", "12", "12"), ("warm", "12", "12")]
    assert rows[0]["share"] == "0.5"
    assert rows[0]["first_week"] == "2026-10-26"
    with town.sessions() as session:
        [deed] = session.exec(select(AuditRow).where(AuditRow.action == "research.file")).all()
    assert (deed.who, deed.subject, deed.detail["first"]) == ("rik", "tones", "2026-10-26")
    assert "rik took along the figure" in town.as_("otto").get("/audit?area=research").text.lower()


def test_every_figure_can_be_read_and_taken_along(town, answered):
    filled(answered, people=40)
    rik = town.as_("rik")
    for slug, key in FIGURES:
        assert f'id="{key}"' in rik.get(f"/research/{slug}").text
        assert rik.post(f"/research/{slug}/{key}.csv").headers["content-type"].startswith("text/csv")
    assert rik.post("/research/tones/nothing.csv").status_code == 404


def test_only_researchers_see_them(town):
    for login in ("eva", "sam", "mei", "ada", "otto"):
        assert town.as_(login).get("/research").status_code == 403
        assert town.as_(login).get("/research/tones/tones.svg").status_code == 403


def test_what_a_policy_version_changed_is_told_in_words(town, answered):
    filled(answered)
    answered.version(town.now - WEEK, 400, phase=1, r0=0.25)
    answered.flush()
    page = town.as_("rik").get("/research/policy").text
    assert (
        "It went from phase 0: even chances, nothing learned is used to phase 1: until a thousand messages taught"
        in page
    )
    assert "The usual share of messages felt welcome went from 15.0% to 25.0%." in page


def test_the_guards_are_told_in_words_and_without_the_numbers_of_a_few_people(town):
    town.campaign()
    town.campaign("geldzaken-gesprek")
    with town.sessions.begin() as session:
        for watched, sends, stops, alarm in (
            ("campaign:zorgtoeslag-deadline", 400, 4, "4 people stopped"), ("variant:zorgtoeslag.warm.1", 400, 7, None),
            ("variant:zorgtoeslag.neutral.1", 12, 0, None), ("campaign:geldzaken-gesprek", 900, 0, None),
        ):  # fmt: skip
            counts = {"sends": sends, "stops": stops}
            session.add(GuardRow(watched=watched, counts=counts, alarm=alarm, updated_at=town.now))
    page = town.as_("rik").get("/research/guards").text

    assert "1 campaign or text is paused by a guard." in page
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td class="num">(.*?)</td><td>(.*?)</td>', page)
    assert [(re.sub("<.*?>", "", name), sends, state) for name, sends, state in rows] == [
        ("Zorgtoeslag: de aanvraagtermijn nadert", "400", "paused by the guard"),
        ("text zorgtoeslag.warm.1", "400", "somewhat more stops than people signed for"),
        ("text zorgtoeslag.neutral.1", "–", "too few messages to say"),
    ]
    assert "4 people stopped" not in page


def test_how_each_language_gets_on_stands_beside_the_guards_and_taking_it_along_is_recorded(town, answered):
    for language, people, stopped in (("nl", 400, 6), ("ar", 100, 30)):
        for number in range(people):
            said = [("stop", 1)] if number < stopped else [("more", 1)] if number % 2 else []
            answered.decided(answered.person(language), CAMPAIGN, town.now - 4 * WEEK, answers=said)
    answered.flush()
    rik = town.as_("rik")

    page = rik.get("/research/guards").text
    told = "People who are written to in Arabic stop clearly more often than all others: after 30.0% of the messages."
    assert sentence(page, "fairness_languages") == told
    assert '<img src="/research/guards/fairness_languages.svg"' in page
    assert "clearly more stops" in page
    assert "Only “Money and home” has enough people" in sentence(page, "fairness_themes")
    svg = rik.get("/research/guards/fairness_languages.svg").text
    assert "Arabic (n = 100)" in svg
    answer = rik.post("/research/guards/fairness_languages.csv")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert rows[0][:5] == ["first_week", "last_week", "language", "people", "messages"]
    assert [row[2:5] for row in rows[1:]] == [["ar", "100", "100"], ["nl", "400", "400"]]
    with town.sessions() as session:
        [deed] = session.exec(select(AuditRow).where(AuditRow.action == "research.file")).all()
    assert (deed.who, deed.subject, deed.detail) == ("rik", "fairness_languages", {"rows": 2})
    assert rik.get("/research/guards/tones.svg").status_code == 404


def test_beside_the_guards_nothing_is_shown_of_fewer_than_ten_people(town, answered):
    filled(answered, people=9)
    page = town.as_("rik").get("/research/guards").text
    for key in ("fairness_languages", "fairness_themes"):
        assert sentence(page, key).startswith("Too few people yet")
    assert town.as_("rik").get("/research/guards/fairness_languages.svg").status_code == 404


def test_what_was_learned_may_be_used_once_the_register_describes_it_and_nothing_drawn_follows_no_chance(town):
    before = town.as_("rik").get("/research/guards").text
    with town.sessions.begin() as session:
        registered(session, town.wording, now=town.now)
    after = town.as_("rik").get("/research/guards").text

    assert "What was learned is not used: the algorithm register does not describe what runs." in before
    assert "What was learned may be used." not in before
    assert "What was learned may be used." in after
    assert after.count("Nothing was drawn yet.") == 2
    assert "The draws follow the chances" not in after


def test_a_page_without_a_figure_says_nothing_of_bounds_and_files(town, answered):
    empty = town.as_("rik").get("/research/tones").text
    filled(answered, people=40)
    shown = town.as_("rik").get("/research/tones").text

    assert "Too few people yet." in empty
    assert "The bounds may be looked at every day" not in empty
    assert "The bounds may be looked at every day" in shown


def test_what_a_difference_takes_is_told_with_the_towns_own_numbers(town, answered):
    filled(answered, people=40)
    page = town.as_("rik").get("/research/power?points=20").text
    assert "With your town's numbers" in page.replace("&#39;", "'")
    assert "50% of the messages were felt welcome, of 40 messages to 40 people" in page
    needed = power.messages_needed(0.5, 0.20)
    assert f"A difference of 20 points needs {sum(needed)} messages" in page


def test_without_answers_a_difference_is_told_with_usual_numbers(town):
    page = town.as_("rik").get("/research/power").text
    assert "With usual numbers" in page
    first, second = power.messages_needed(0.15, 0.05)
    assert f"A difference of 5 points needs {2 * max(first, second):,} messages" in page


@pytest.mark.parametrize("messages", ["2.400", "2,400", "2 400", "2400"])
def test_thousands_are_read_as_they_are_written(town, messages):
    assert "at 2,400 messages a year" in town.as_("rik").get(f"/research/power?messages={messages}").text


def test_what_cannot_be_worked_out_is_told_with_what_to_do_and_nothing_is_lost(town):
    answer = town.as_("rik").get("/research/power?points=x&rate=120&messages=-1&arms=9&drawn=street")
    assert answer.status_code == 422
    for told in ("A difference is a number of points", "A share is a percentage", "Messages a year are a whole number",
                 "Choose two or three groups.", "Choose what is drawn by lot", 'value="x"', 'value="120"'):  # fmt: skip
        assert told in answer.text
    assert "Messages a year are a whole number" in town.as_("rik").get("/research/power?messages=2.5").text
    assert "leaves no share" in town.as_("rik").get("/research/power?points=60&rate=50").text


def test_the_colours_of_pictures_are_the_consoles_and_stand_out_on_its_paper():
    from bot.research.figures import charts

    tokens = (files("bot.console") / "static" / "tokens.css").read_text(encoding="utf-8")
    for colour in (*charts.COLOURS, charts.INK):
        assert f": {colour};" in tokens
        assert contrast(colour, charts.PAPER) >= 4.5
    assert len(set(charts.SHAPES)) == len(set(map(tuple, charts.DASHES))) == len(charts.COLOURS)


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_bot_runs_without_what_only_researchers_need():
    large = ("polars", "altair", "statsmodels", "vl_convert", "scipy.stats", "scipy.optimize")
    script = f"import sys, bot.service, bot.console.app\nprint([name for name in {large} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
