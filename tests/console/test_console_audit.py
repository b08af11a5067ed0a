"""The audit trail as auditors read it: sentences, filters, pages, files and the check of the chain."""

import ast
import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from bot import campaigns, staff
from bot.console import sentences
from bot.store import ledger
from bot.store.tables import AuditRow

BOT = Path(__file__).parents[2] / "bot"


def deeds(town, *rows):
    for minute, (who, action, subject, detail) in enumerate(rows):
        with town.sessions.begin() as session:
            ledger.audit(session, town.now + timedelta(minutes=minute - 500), who, action, subject, **detail)


def told(page):
    """The sentences on a page, from the newest on."""
    return re.findall(r"<td>(.*?)<details", page.text)


def actions_in(source):
    """The actions that a module hands to the trail: written there, or the values that a name can have."""
    tree = ast.parse(source)
    for function in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            place = {"audit": 3, "_audit": 2}.get(name)
            if place is None or len(call.args) <= place:
                continue
            yield from values_of(call.args[place], function, tree)


def values_of(node, function, tree):
    if isinstance(node, ast.Constant):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from values_of(node.body, function, tree)
        yield from values_of(node.orelse, function, tree)
    elif isinstance(node, ast.Name):
        for assigned in ast.walk(function):
            targets = [target.id for target in getattr(assigned, "targets", []) if isinstance(target, ast.Name)]
            if node.id in targets:
                yield from values_of(assigned.value, function, tree)
        if isinstance(function, ast.FunctionDef) and node.id in (names := [arg.arg for arg in function.args.args]):
            for call in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
                if getattr(call.func, "id", "") == function.name:
                    given = dict(zip(names, call.args, strict=False)) | {word.arg: word.value for word in call.keywords}
                    if node.id in given:
                        yield from values_of(given[node.id], ast.Module([], []), tree)


def test_whatever_the_program_writes_into_the_trail_has_a_sentence():
    actions = {action for file in BOT.rglob("*.py") for action in actions_in(file.read_text(encoding="utf-8"))}

    assert actions >= {"campaign.add", "campaign.change", "person.show", "person.export", "staff.sign_in", "link"}
    assert sorted(actions - set(sentences.SENTENCES)) == []
    assert {sentences.area_of(action) for action in sentences.SENTENCES} <= set(sentences.AREAS) - {"other"}


def test_a_deed_is_a_sentence_with_names_in_the_language_of_who_reads(town):
    town.campaign("zorgtoeslag-deadline")
    with town.sessions() as session:
        title = campaigns.titles(session)["zorgtoeslag-deadline"]
    otto = town.as_("otto")

    assert f"Eva added the campaign {title}." in told(otto.get("/audit"))
    otto.post("/profile", language="nl")
    assert f"Eva heeft de campagne {title} toegevoegd." in told(otto.get("/audit"))


def test_an_action_that_nobody_wrote_a_sentence_for_is_told_as_it_was_recorded(town):
    deeds(town, ("eva", "moon.land", "crater", {"flag": "<b>"}))

    page = town.as_("otto").get("/audit?subject=crater")

    assert told(page) == ["Eva did “moon.land” with crater."]
    assert "&lt;b&gt;" in page.text


def test_a_row_that_lacks_what_its_sentence_names_is_still_told(town):
    deeds(town, ("eva", "campaign.pause", "gone", {}), ("sam", "campaign.pause", "gone", {"because": "{who} & all"}))

    assert told(town.as_("otto").get("/audit?subject=gone")) == [
        "Sam paused the campaign gone: {who} &amp; all.",
        "Eva paused the campaign gone: –.",
    ]


def test_it_is_filtered_by_person_area_subject_and_period(town):
    town.campaign("zorgtoeslag-deadline")
    deeds(town, ("eva", "contact.read", "17", {}), ("mei", "contact.read", "18", {}))
    otto = town.as_("otto")
    day = town.now.date()

    assert told(otto.get("/audit?who=mei&area=contact")) == ["Mei read the conversation of request 18."]
    assert len(told(otto.get("/audit?subject=zorgtoeslag"))) == 3
    assert told(otto.get("/audit?subject=17")) == ["Eva read the conversation of request 17."]
    assert len(told(otto.get(f"/audit?area=contact&since={day}&until={day}"))) == 2
    assert told(otto.get(f"/audit?since={day + timedelta(days=1)}")) == []
    assert told(otto.get(f"/audit?until={day - timedelta(days=1)}")) == []
    wrong = otto.get("/audit?since=gisteren")
    assert wrong.status_code == 422
    assert 'value="gisteren"' in wrong.text


def test_page_after_page_gives_each_row_once_also_when_many_stand_at_one_moment(town):
    with town.sessions.begin() as session:
        for number in range(130):
            ledger.audit(session, town.now, "eva", "contact.read" if number % 2 else "contact.done", str(number))
    otto = town.as_("otto")
    for query in ("area=contact", "who=eva", "who=eva&area=contact"):
        address, seen = f"/audit?{query}", []
        while address:
            page = otto.get(address)
            seen += re.findall(r"request (\d+)", " ".join(told(page)))
            older = re.search(r'rel="next" href="([^"]+)"', page.text)
            address = older and older[1].replace("&amp;", "&")
        assert seen == [str(number) for number in reversed(range(130))], query
    assert otto.get("/audit?before=9999999999999999999999-1").status_code == 200


def test_a_file_holds_everything_that_fits_and_taking_it_is_a_deed_too(town):
    deeds(town, *[("mei", "contact.read", str(number), {}) for number in range(60)], ("=cmd", "contact.read", "x", {}))
    otto = town.as_("otto")

    answer = otto.post("/audit/file", area="contact")

    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert "attachment" in answer.headers["content-disposition"]
    assert len(rows) == 62
    assert rows[1][1] == "'=cmd"
    assert rows[2][4] == "Mei read the conversation of request 59."
    [deed] = told(otto.get("/audit?who=otto&area=audit"))
    assert deed == "Otto took along the audit trail, or a part of it, as a file."


def test_the_check_goes_on_part_after_part_and_says_in_words_what_came_of_it(town, monkeypatch):
    monkeypatch.setattr("bot.staff.trail.PART", 20)
    deeds(town, *[("mei", "contact.read", str(number), {}) for number in range(70)])
    otto = town.as_("otto")
    page = otto.post("/audit/check")
    assert "Checked so far: 20 of 76 rows." in page.text
    for _ in range(3):
        page = otto.post("/audit/check/on")

    assert "The trail holds: all 76 rows were checked." in page.text
    assert "by Otto" in page.text
    assert "Otto checked the audit trail: 76 rows, 0 places that do not hold." in told(page)
    fragment = otto.ask("POST", "/audit/check/on", headers={"hx-request": "true"})
    assert fragment.text.lstrip().startswith("<section")


@pytest.mark.parametrize(
    ("forgery", "sentence"),
    [
        ("UPDATE audit SET who = 'sam' WHERE place = 9", "Row 9 of"),
        ("DELETE FROM audit WHERE place IN (9, 10)", "2 rows are missing"),
        ("UPDATE audit SET place = 9 WHERE place = 10", "Row 9 of"),
    ],
)
def test_a_forgery_is_found_wherever_the_parts_begin(town, engine, monkeypatch, forgery, sentence):
    deeds(town, *[("mei", "contact.read", str(number), {}) for number in range(12)])
    with engine.begin() as connection:
        for trigger in ("audit_no_update", "audit_no_delete"):
            on = " ON audit" if engine.dialect.name == "postgresql" else ""
            connection.execute(text(f"DROP TRIGGER {trigger}{on}"))
        connection.execute(text(forgery))
    otto = town.as_("otto")
    for part in (1, 2, 3, 9, 10, 100):
        monkeypatch.setattr("bot.staff.trail.PART", part)
        page = otto.post("/audit/check")
        while "Check further" in page.text:
            page = otto.post("/audit/check/on")
        assert "The trail does not hold" in page.text, part
        assert sentence in page.text, part


def test_the_check_only_reads_the_trail(town):
    deeds(town, ("mei", "contact.read", "1", {}))
    with town.sessions() as session:
        before = [row.model_dump() for row in session.exec(select(AuditRow).order_by(AuditRow.id))]
    with town.sessions.begin() as session:
        check = staff.begin_check(session, by="otto", now=town.now)
    with town.sessions() as session:
        after = [row.model_dump() for row in session.exec(select(AuditRow).order_by(AuditRow.id))]

    assert check.ended_at is not None
    assert after[: len(before)] == before
    assert [row["action"] for row in after[len(before) :]] == ["audit.verify"]
