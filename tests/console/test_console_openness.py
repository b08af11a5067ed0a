"""Plans of analysis, the algorithm register and the monthly note, in the console."""

import hashlib
import re

import pytest
from sqlmodel import select

from bot import notes, register
from bot.core.facts import Learning
from bot.research import plans
from bot.store.tables import AuditRow, NoteRow, PlanRow
from tests.test_analysis import answers

MONTH = "2026-10"


@pytest.fixture
def trial(town):
    town.trial = town.campaign(id="trial", title="Een proef", learning=Learning.TRIAL)
    return town


@pytest.fixture
def note(town):
    """Eva had last month's note drafted."""
    lines = [{"key": key, "params": {"count": 12}, "told": True} for key in ("too_often", "welcome")]
    with town.sessions.begin() as session:
        session.add(NoteRow(month=MONTH, lines=lines, additions={}, written_by=["eva"], written_at=town.now))
    return town


def hidden(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page.text)[1]


FORM = {
    "question": "Is nu schrijven beter dan wachten?", "send": "welcome_any", "tone": "unwelcome", "alpha": "0,05",
    "power": "0.8", "baseline_send": "0.1", "ratio_send": "1.5", "baseline_tone": "0.15", "ratio_tone": "1.3",
    "people": "500", "points": "4", "analysed_on": "2027-03-01", "looks_early": "no", "remarks": "",
}  # fmt: skip


def test_many_campaigns_are_read_page_by_page_each_once(town):
    ids = [f"proef-{number:02}" for number in range(30)]
    for known in ids:
        town.campaign(id=known, title=known, learning=Learning.TRIAL)
    rik = town.as_("rik")

    first = rik.get("/research/plans")
    after = re.search(r'rel="next" href="([^"]*)"', first.text)[1]
    second = rik.get(after)

    assert [re.findall(r">(proef-\d\d)</a>", page.text) for page in (first, second)] == [ids[:25], ids[25:]]
    assert 'rel="next"' not in second.text


def test_what_nothing_was_drawn_in_is_offered_for_a_plan_and_not_for_analysis(trial):
    rik = trial.as_("rik")
    assert "Een proef" in rik.get("/research/plans").text
    assert "Nothing is drawn in any campaign yet, and no plan is frozen." in rik.get("/research/analysis").text

    rik.post("/research/plans/trial", **FORM)
    rik.post("/research/plans/trial/freeze", seen=hidden(rik.get("/research/plans/trial"), "seen"))

    assert "Een proef" in rik.get("/research/analysis").text


def test_a_researcher_chooses_freezes_and_takes_a_plan_along(trial):
    rik = trial.as_("rik")
    assert "Een proef" in rik.get("/research/plans").text
    saved = rik.post("/research/plans/trial", **FORM)
    assert "Is nu schrijven beter dan wachten?" in saved.text

    page = rik.post("/research/plans/trial/freeze", seen=hidden(saved, "seen"))

    assert "It is frozen." in page.text
    assert "is frozen. What is kept is word for word what was frozen." in page.text
    with trial.sessions() as session:
        row = session.exec(select(PlanRow)).one()
    assert row.record["estimands"]["primary"][1]["id"].startswith("tone.unwelcome.")
    assert row.frozen_by == "rik"
    file = rik.get("/research/plans/trial/1/plan.json")
    assert hashlib.sha256(file.content).hexdigest() == row.hash
    assert row.hash in rik.get("/research/plans/trial/1/plan.md").text
    assert "Version 1, frozen" in rik.get("/research/plans").text


def test_what_does_not_fit_is_told_and_nothing_typed_is_lost(trial):
    page = trial.as_("rik").post("/research/plans/trial", **FORM | {"alpha": "0.9", "remarks": "Zie bijlage."})

    assert page.status_code == 422
    assert "Error rate (alpha): Write a number above 0 and at most 0.2" in page.text
    assert 'value="0.9"' in page.text
    assert "Zie bijlage." in page.text


def test_a_thousand_people_are_a_thousand_however_they_are_written(trial):
    page = trial.as_("rik").post("/research/plans/trial", **FORM | {"people": "1.000"})

    assert "Expected: 1000 people" in page.text
    page = trial.as_("rik").post("/research/plans/trial", **FORM | {"people": "1.5"})
    assert page.status_code == 422
    assert "People expected: Write a whole number from 1 on." in page.text


def test_who_looked_at_another_plan_freezes_nothing(trial):
    rik = trial.as_("rik")
    seen = hidden(rik.get("/research/plans/trial"), "seen")
    rik.post("/research/plans/trial", **FORM)

    page = rik.post("/research/plans/trial/freeze", seen=seen)

    assert (page.status_code, "changed while you looked at it" in page.text) == (422, True)
    with trial.sessions() as session:
        assert session.exec(select(PlanRow)).all() == []


def test_the_analysis_shows_what_is_primary_only_once_a_plan_allows_it(trial):
    rik = trial.as_("rik")
    with trial.sessions.begin() as session:
        plans.save(session, "trial", {"analysed_on": "2027-03-01"}, by="rik", now=trial.now)
    answers(trial, people=30)
    rik = trial.as_("rik")

    none = rik.get("/research/analysis?campaign=trial").text

    assert "no plan was frozen for this campaign" in none
    assert "Risk ratio" not in none
    assert "The message was felt welcome" in none
    assert rik.get("/research/analysis?campaign=nothing").status_code == 409


def test_before_its_day_the_analysis_says_that_it_waits(trial):
    with trial.sessions.begin() as session:
        plans.save(session, "trial", {"analysed_on": "2027-06-01"}, by="rik", now=trial.now)
        plans.freeze(session, "trial", trial.wording, by="rik", now=trial.now)
    answers(trial, people=30)

    page = trial.as_("rik").get("/research/analysis?campaign=trial").text

    assert "so that nobody stops looking when the result happens to look good" in page
    assert "What the plan keeps for its day is not shown here either" in page
    assert "Risk ratio" not in page


def test_the_register_says_where_it_stands_and_is_published_by_who_administers(town):
    ada = town.as_("ada")
    page = ada.get("/administration/register")
    assert "No entry is published." in page.text
    assert "Afstemmen van toon en aantal berichten" in page.text

    done = ada.post("/administration/register", seen=hidden(page, "seen"))

    assert "The published entry says exactly what runs." in done.text
    with town.sessions() as session:
        made = register.newest(session)
        assert session.exec(select(AuditRow.who).where(AuditRow.action == "register.publish")).all() == ["ada"]
    assert ada.get(f"/administration/register/{made.number}/entry.json").json() == dict(made.entry)
    assert ada.get("/administration/register/entry.json").json()["schema_versie"] == "1.0.0"


@pytest.mark.parametrize("login", ["eva", "sam", "rik", "otto"])
def test_others_read_the_register_and_publish_nothing(town, login):
    browser = town.as_(login)

    assert browser.get("/administration/register").status_code == 200
    assert browser.post("/administration/register", seen="x").status_code == 403


def test_home_says_when_what_was_learned_is_not_used(town, monkeypatch):
    assert "What was learned is not used" not in town.as_("ada").get("/").text
    monkeypatch.setattr("tests.world.registered", lambda *_, **__: None)
    town.campaign(id="learns", learning=Learning.ADAPTIVE)

    for login in ("ada", "rik"):
        assert "What was learned is not used in 1 campaign." in town.as_(login).get("/").text


def test_a_note_is_changed_offered_and_agreed_to_by_another(note):
    eva, sam = note.as_("eva"), note.as_("sam")
    saved = eva.post(f"/cards/notes/{MONTH}", **{"keys": "too_often", "add.nl": "De balie is open op dinsdag."})
    assert "Verder: De balie is open op dinsdag." in saved.text
    assert "12 people found a message welcome." not in saved.text
    offered = eva.post(f"/cards/notes/{MONTH}/offer")
    assert "You agree to it." in offered.text
    assert "Agree: send it" not in offered.text
    assert "You said, we did: October 2026</a>" in sam.get("/").text

    seen = hidden(sam.get(f"/cards/notes/{MONTH}"), "seen")
    agreed = sam.post(f"/cards/notes/{MONTH}/agree", seen=seen)

    assert "Eva and Sam agreed." in agreed.text
    with note.sessions() as session:
        kept = notes.known(session, note.wording, MONTH)
    assert (kept.offered_by, kept.agreed_by) == ("eva", "sam")
    taken = sam.post(f"/cards/notes/{MONTH}/take-back", because="een fout")
    assert "It was taken back: “een fout”" in taken.text


def test_what_is_not_plain_is_refused_and_what_was_typed_stays(note):
    page = note.as_("eva").post(
        f"/cards/notes/{MONTH}", **{"keys": "too_often", "add.nl": "U moet nu meteen reageren."}
    )

    assert page.status_code == 422
    assert "U moet nu meteen reageren.</textarea>" in page.text


def test_an_approver_sends_a_note_back_with_a_reason(note):
    note.as_("eva").post(f"/cards/notes/{MONTH}/offer")
    sam = note.as_("sam")

    assert sam.post(f"/cards/notes/{MONTH}/return", because=" ").status_code == 422
    assert "Sam sent it back: “te lang”" in sam.post(f"/cards/notes/{MONTH}/return", because="te lang").text
    eva = note.as_("eva")
    assert "Sam sent it back: “te lang”" in eva.get(f"/cards/notes/{MONTH}").text
    saved = eva.post(f"/cards/notes/{MONTH}", keys="too_often").text
    assert "sent it back" not in saved
    assert "In the making." in saved


def test_a_month_without_anything_to_tell_is_no_note(town):
    page = town.as_("eva").post("/cards/notes", month="2026-09")

    assert (page.status_code, "There is nothing to tell about 2026-09" in page.text) == (422, True)
    assert "There are no notes yet." in town.as_("sam").get("/cards/notes").text
