"""Sources as somebody looks after them: how they do, their keys, what was refused; and sentences said elsewhere."""

import ast
import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import func, select

from bot import api, signals
from bot.console.overheard import FAULTS, overheard
from bot.signals import Health
from bot.store.tables import DeliveryRow, RefusedRow
from tests.console.conftest import Browser

BOT = Path(__file__).parents[2] / "bot"
NAME = "urn:nld:oin:00000001234567890000:systeem:kalender"
KIND = "nl.kalenders.aanvraagtermijn-nadert.v1"


def source(town, name=NAME):
    with town.sessions.begin() as session:
        return signals.new_key(session, name, [KIND], by="ada", now=town.now)


def deliver(town, count=1, name=NAME):
    day = town.now.isoformat()
    for number in range(count):
        event = {
            "specversion": "1.0", "id": f"{day}-{number}", "source": name, "type": KIND, "time": day,
            "data": {"uiterlijk": (town.now + timedelta(days=30)).date().isoformat()},
        }  # fmt: skip
        read = read_in(town, event, name)
        assert not isinstance(read, signals.Refusal), read
        town.journey.receive(read)


def read_in(town, event, name=NAME):
    given = signals.Source(name=name, types=frozenset([KIND]))
    cards = town.wording.cards
    known = signals.known_types(card.facts() for card in cards.values())
    shape = "cloudevents-batch" if isinstance(event, list) else "cloudevents"
    headers = {"content-type": f"application/{shape}+json"}
    return signals.from_cloudevent(
        headers, json.dumps(event).encode(), given, known, cards=cards, zone=town.desk.zone, now=town.now
    )


def standing(town, name=NAME):
    with town.sessions() as session:
        [found] = signals.standings(session, town.now, town.desk.zone, [name])
        return found


def test_a_key_is_shown_once_and_opens_what_it_should(town):
    ada = town.as_("ada")

    made = ada.post("/administration/sources/new", name=NAME, types=[KIND])
    key = re.search(r"<code>(hr_[\w-]+)</code>", made.text)[1]

    assert made.headers["cache-control"] == "no-store"
    with town.sessions.begin() as session:
        assert signals.find_source(session, key, now=town.now).name == NAME
    for page in ("/administration/sources", f"/administration/sources/one?name={NAME}", "/administration"):
        assert key not in ada.get(page).text
    again = ada.post("/administration/sources/new", name=NAME, types=[KIND])
    assert again.status_code == 409
    assert "has a key already" in again.text


def test_what_is_wrong_with_a_new_source_is_told_at_once_and_nothing_typed_is_lost(town):
    ada = town.as_("ada")
    ada.post("/profile", language="nl")

    answer = ada.post("/administration/sources/new", name="met spaties", legal_basis="Wet X", dpia="D-7")

    assert answer.status_code == 422
    assert "is geen naam voor een bron" in answer.text
    assert "noem minstens één soort signaal" in answer.text
    assert all(f'value="{value}"' in answer.text for value in ("met spaties", "Wet X", "D-7"))


def test_another_key_lets_the_one_before_open_for_as_long_as_was_said(town):
    old, ada = source(town), town.as_("ada")

    made = ada.post("/administration/sources/rotate", name=NAME, hours="24")
    new = re.search(r"<code>(hr_[\w-]+)</code>", made.text)[1]

    def opens(key):
        with town.sessions.begin() as session:
            return signals.find_source(session, key, now=town.now) is not None

    assert opens(old)
    assert opens(new)
    assert "opens until" in ada.get(f"/administration/sources/one?name={NAME}").text
    town.later(hours=25)
    assert not opens(old)
    assert opens(new)
    ada = town.as_("ada")
    assert "Its keys open nothing" in ada.post("/administration/sources/revoke", name=NAME).text
    assert not opens(new)
    assert ada.post("/administration/sources/rotate", name=NAME).status_code == 409


def test_a_source_that_falls_silent_is_seen_by_what_is_usual_for_it(town):
    source(town)
    assert standing(town).health is Health.NEVER
    deliver(town)
    assert standing(town).health is Health.NEW
    for _ in range(5):
        town.later(days=1)
        deliver(town, 3)
    assert (standing(town).health, standing(town).usual) == (Health.WELL, 1)
    town.later(days=1)
    assert standing(town).health is Health.WELL
    town.later(days=2)
    assert (standing(town).health, standing(town).silent) == (Health.SILENT, 3)

    page = town.as_("ada").get("/administration/sources").text
    assert "Silent for 3 days. Usually delivers every day." in page


def test_a_weekend_is_not_a_silence_for_who_delivers_on_weekdays(town):
    source(town)
    for _ in range(11):
        if town.now.astimezone(town.desk.zone).weekday() < 5:
            deliver(town)
        town.later(days=1)
    while town.now.astimezone(town.desk.zone).weekday() != 6:
        town.later(days=1)

    assert standing(town).health is Health.WELL


def test_what_is_refused_over_http_is_kept_without_what_stood_there(town):
    key = source(town)

    def sources(given):
        with town.sessions.begin() as session:
            return signals.find_source(session, given, now=town.now)

    app = api.build(
        receive=town.journey.receive, offer=lambda *_: None, sources=sources, wording=town.wording,
        clock=lambda: town.now, refused=town.journey.refuse,
    )  # fmt: skip
    bad = {"specversion": "1.0", "id": "123456782", "source": NAME, "type": KIND, "data": {"Jansen": "Marie"}}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}

    answer = Browser(app).ask("POST", "/v1/signals", content=json.dumps([bad, bad]), headers=headers)

    assert answer.status_code == 422
    with town.sessions() as session:
        rows = session.exec(select(RefusedRow).order_by(RefusedRow.id)).all()
        kept = " ".join(row.model_dump_json() for row in rows)
        assert session.exec(select(DeliveryRow.refused)).all() == [2]
    assert {row.row for row in rows} == {1, 2}
    assert {"id", "…"} <= {row.name for row in rows}
    assert "Jansen" not in kept
    assert "Marie" not in kept
    assert "123456782" not in kept
    assert standing(town).health is Health.REFUSED
    ada = town.as_("ada")
    assert "this looks like a BSN; use a UUID" in ada.get(f"/administration/sources/one?name={NAME}").text
    file = ada.post("/administration/sources/refused", name=NAME)
    lines = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff")), delimiter=";"))
    assert len(lines) == len(rows) + 1
    assert "took along the refused rows" in town.as_("otto").get("/audit?area=source").text


def test_refused_rows_come_page_by_page(town):
    source(town)
    with town.sessions.begin() as session:
        mends = [signals.Mend(number, "id", f"mend {number}") for number in range(120)]
        signals.note_refused(session, NAME, mends, town.now, most=1000)
    ada, seen, address = town.as_("ada"), [], f"/administration/sources/one?name={NAME}"
    while address:
        page = ada.get(address).text
        seen += re.findall(r"mend (\d+)", page)
        older = re.search(r'rel="next" href="([^"#]+)', page)
        address = older and older[1].replace("&amp;", "&")
    assert seen == [str(number) for number in reversed(range(120))]


def test_tidying_adds_up_days_and_forgets_after_a_month_and_the_picture_stays_the_same(town):
    source(town)
    for _ in range(6):
        deliver(town, 4)
        town.later(hours=2)
        deliver(town, 2)
        town.later(hours=22)
    with town.sessions.begin() as session:
        signals.note_refused(session, NAME, [signals.Mend(1, "id", "x")], town.now)
    before = standing(town)
    with town.sessions() as session:
        assert session.exec(select(func.count()).select_from(DeliveryRow)).one() == 37

    town.journey.tidy()

    assert standing(town) == before
    with town.sessions() as session:
        assert session.exec(select(func.count()).select_from(DeliveryRow)).one() == 7
    town.later(days=31)
    town.journey.tidy()
    assert standing(town).refused == 0


def test_importing_a_file_twice_says_what_was_new_and_what_was_known(town):
    source(town)
    deliver(town, 5)
    deliver(town, 5)
    [day] = standing(town).days.values()
    assert (day.taken, day.known, day.refused) == (5, 5, 0)


# Sentences that are said finished elsewhere.


def finished(*files):
    """Every sentence about a fault that these modules can say, with {} where something is filled in."""
    for file in files:
        for node in ast.walk(ast.parse((BOT / file).read_text(encoding="utf-8"))):
            yield from _told(node)


def _told(node):
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        place = {"Fault": 2, "RowFault": 3, "append": 0}.get(name)
        if place is not None and len(node.args) > place:
            yield _text(node.args[place])
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        names = {getattr(one, "id", "") for one in (getattr(node, "targets", None) or [node.target])}
        if "mend" in names:
            yield _text(node.value)
        elif "_MENDS" in names:
            yield from (_text(one) for one in node.value.args[0].values)
        elif names & {"faults", "detail"} and isinstance(node.value, ast.List | ast.JoinedStr):
            yield from map(_text, getattr(node.value, "elts", [node.value]))
    elif isinstance(node, ast.AugAssign) and getattr(node.target, "id", "") == "faults":
        yield _text(getattr(node.value, "elt", node.value))


def _text(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_fault_that_staff_can_meet_can_be_said_in_their_language():
    known = {re.sub(r"\{\w+\}", "{}", template) for template in FAULTS}
    rooms = (
        "signals/desk.py",
        "signals/table.py",
        "signals/keys.py",
        "links.py",
        "staff/accounts.py",
        "console/codes.py",
    )
    said = {text for text in finished(*rooms) if text}

    assert len(said) > 40
    assert sorted(said - known - {"{}", "; "}) == []


@pytest.mark.parametrize("template", FAULTS)
def test_a_finished_sentence_is_found_again_whatever_was_filled_in(template):
    names = re.findall(r"\{(\w+)\}", template)
    values = {name: f"a; b {{c}} {place}" for place, name in enumerate(names)}

    assert overheard(template.format(**values), lambda sentence: sentence) == template.format(**values)
    assert overheard("something nobody knows", lambda _: "") == "something nobody knows"
