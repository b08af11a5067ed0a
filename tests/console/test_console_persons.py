"""One person who asks what is kept of them: shown, handed over, erased."""

import html
import json

import pytest
from sqlmodel import select

from bot import mydata
from bot.core.talk import Standing
from bot.store.tables import CitizenRow


@pytest.fixture
def anna(town):
    """Somebody with a message, an answer, a request for contact and a link. Gives her code."""
    town.joins("anna", "money", code=town.code_for("klant-7"))
    town.campaign()
    town.signal()
    town.tick()
    town.choose("anna", "contact")
    with town.sessions() as session:
        return mydata.code_of(town.vault, mydata.find(session, town.vault, reference="klant-7"))


def test_everything_that_is_kept_is_shown_and_looking_is_a_deed(town, anna):
    ada = town.as_("ada")
    for form in ({"code": anna}, {"code": anna.replace("-", " ").lower()}, {"reference": "klant-7"}):
        page = html.unescape(ada.post("/administration/person", **form).text)
        assert f"Person {anna}" in page
        assert "Geld en wonen: said yes" in page
        assert "Answer: Contact me" in page
        assert 'dir="auto"' in page

    said = town.as_("otto").get(f"/audit?area=person&subject={town.citizen('anna').id}").text
    assert said.count("Ada looked at everything that is kept of person") == 3
    assert anna not in said


def test_the_file_holds_what_is_not_on_the_page_and_taking_it_is_a_deed(town, anna):
    ada = town.as_("ada")

    file = ada.post("/administration/person/file", code=anna)

    kept = json.loads(file.text)
    assert "attachment" in file.headers["content-disposition"]
    assert kept["person"]["telegram_chat"] == "anna"
    assert kept["person"]["code"] == anna
    assert len(kept["messages"]) == 1
    assert "took along a file with everything" in town.as_("otto").get("/audit?area=person").text


@pytest.mark.parametrize(
    "form",
    [{"code": "ABCD-EFGH"}, {"code": "<b>"}, {}, {"reference": "niemand"}, {"code": "ABCD-EFGH", "reference": "x"}],
)
def test_who_is_not_found_is_said_and_what_was_typed_is_there_again(town, form):
    answer = town.as_("ada").post("/administration/person", **form)

    assert answer.status_code == 422
    assert all(f'value="{html.escape(value)}"' in answer.text for value in form.values())


def test_erasing_takes_two_steps_and_says_what_stays(town, anna):
    ada, before = town.as_("ada"), len(town.sent)

    asked = ada.post("/administration/person/erase", code=anna)
    unsure = ada.post("/administration/person/erase", code=anna, step="do")

    assert "This stays" in asked.text
    assert unsure.status_code == 422
    assert town.citizen("anna").standing == Standing.ACTIVE
    done = ada.post("/administration/person/erase", code=anna, step="do", sure="yes")
    assert "What identifies this person is erased." in done.text
    town.deliver()
    [last] = town.sent[before:]
    assert last.chat == "anna"
    with town.sessions() as session:
        [row] = session.exec(select(CitizenRow)).all()
        assert (row.standing, row.chat_sealed) == (Standing.ERASED, None)
    assert ada.post("/administration/person", code=anna).status_code == 422
    assert ada.post("/administration/person/erase", code=anna, step="do", sure="yes").status_code == 409


def test_no_address_of_these_pages_names_a_person(town):
    routes = [route.path for route in town.app.routes if route.path.startswith("/administration/person")]
    assert len(routes) == 4
    assert not any("{" in path for path in routes)
