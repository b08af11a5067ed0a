"""Cards and texts in the console: looking, proposing with all faults told, approving by two, and what is due."""

import html
import re
from datetime import date

import pytest
from sqlmodel import select

from bot.campaigns import Wanted, search
from bot.store.tables import AuditRow, TextProposalRow

CARD = "zorgtoeslag"
NEED = "het vaakst gaat het om kleine bedragen en zelfstandigen."
PATH = f"services/{CARD}.toml"


def proposals(town):
    with town.sessions() as session:
        return session.exec(select(TextProposalRow).order_by(TextProposalRow.id)).all()


def done(town):
    with town.sessions() as session:
        return [(row.who, row.action) for row in session.exec(select(AuditRow).order_by(AuditRow.id)).all()]


def inside(page, name):
    """What stands in a field of the form."""
    found = re.search(rf'<textarea[^>]*name="{name}"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL)
    return html.unescape(found[1])


def texts_of(page, town):
    return {f"text-{language}": inside(page, f"text-{language}") for language in town.journey.wording.languages}


def test_cards_are_listed_found_and_shown_with_all_that_was_settled(town):
    town.campaign()
    eva = town.as_("eva")

    listed = eva.get("/cards").text
    found = eva.get("/cards?name=toeslag&status=published").text
    card = eva.get(f"/cards/{CARD}?language=ar").text

    assert "Stadspas" in listed
    assert "Zorgtoeslag" in found
    assert "Stadspas" not in found
    assert 'dir="rtl"' in card
    assert "/campaigns/zorgtoeslag-deadline" in card
    assert NEED in card
    assert "zorgtoeslag.neutral.1" in card
    assert "No card fits" in eva.get("/cards?name=niets").text
    assert eva.get("/cards/niets").status_code == 409


def test_who_checked_a_page_is_kept_and_it_is_no_longer_due(town):
    eva = town.as_("eva")
    assert "never done" in eva.get("/cards/due").text
    before = eva.get("/cards/due").text.count("I checked it today")

    answer = eva.post(f"/cards/{CARD}/checked", back="due")

    assert answer.url.path == "/cards/due"
    assert answer.text.count("I checked it today") == before - 1
    assert town.journey.wording.cards[CARD].official_page.checked_on == date(2026, 11, 24)
    assert done(town)[-1] == ("eva", "texts.record")
    assert "I checked it today" not in town.as_("sam").get("/cards/due").text


def test_one_person_suspends_a_card_with_a_reason(town):
    sam = town.as_("sam")
    assert sam.post(f"/cards/{CARD}/suspend", because=" ").status_code == 409
    answer = sam.post(f"/cards/{CARD}/suspend", because="De wet verandert.")
    assert "suspended" in answer.text
    assert town.journey.wording.cards[CARD].status == "suspended"
    assert sam.post(f"/cards/{CARD}/suspend", because="Nog eens.").status_code == 409


def test_a_text_is_changed_by_two_with_its_translations(town):
    town.campaign()
    eva, sam = town.as_("eva"), town.as_("sam")
    form = eva.get(f"/cards/text?key=card.{CARD}.plain")
    said = texts_of(form, town)
    said["text-nl"] = "Geld voor uw zorgverzekering."
    said["text-en"] = "Money for your health insurance."

    seen = eva.post("/cards/text", key=f"card.{CARD}.plain", why="Korter is beter.", **said)
    assert re.fullmatch(r"/cards/changes/\d+", seen.url.path), seen.text
    assert "You proposed it, so somebody else decides" in seen.text
    assert eva.post(f"{seen.url.path}/approve").status_code == 403

    look = sam.get(seen.url.path)
    assert "1 campaign sends nothing after this" in look.text
    assert "<ins>" in look.text
    assert look.text.count("Is it still right?") == len(said) - 2
    seal = re.search(r'name="seen" value="([0-9a-f]+)"', look.text)[1]
    assert sam.post(f"{seen.url.path}/approve", seen=seal).status_code == 200

    wording = town.journey.wording
    assert wording.say(f"card.{CARD}.plain", "nl") == "Geld voor uw zorgverzekering."
    assert wording.say(f"card.{CARD}.plain", "en") == "Money for your health insurance."
    assert wording.cards[CARD].version == 2
    assert done(town)[-2:] == [("eva", "texts.propose"), ("sam", "texts.approve")]
    assert "sends nothing until it is approved again" in eva.get("/campaigns/zorgtoeslag-deadline").text


def test_what_somebody_typed_is_there_again_with_everything_that_is_wrong(town):
    eva = town.as_("eva")
    said = texts_of(eva.get(f"/cards/text?key=card.{CARD}.plain"), town) | {"text-nl": "U moet dit nu doen {x}!"}

    answer = eva.post("/cards/text", key=f"card.{CARD}.plain", why="", **said)

    assert answer.status_code == 422
    assert "why:" in answer.text
    assert f"card.{CARD}.plain" in answer.text
    assert inside(answer, "text-nl") == "U moet dit nu doen {x}!"
    assert proposals(town) == []
    looked = eva.post("/cards/text/look", key=f"card.{CARD}.plain", **said)
    assert "Mend this" in looked.text
    assert "<html" not in looked.text


def test_a_new_wording_gets_the_next_number_and_can_then_be_chosen(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    form = eva.get(f"/cards/wording?card={CARD}&like={CARD}.warm.1")
    said = texts_of(form, town)
    assert "{municipality}" in said["text-nl"]

    preview = eva.post("/cards/wording/look", card=CARD, tone="warm", **said)
    assert preview.text.count('class="bubble"') == len(town.journey.wording.languages)
    seen = eva.post("/cards/wording", card=CARD, tone="warm", why="Nog een proberen.", **said)
    sam.post(f"{seen.url.path}/approve")

    assert f"{CARD}.warm.2" in town.journey.wording.variants
    assert f"{CARD}.warm.2" in eva.get(f"/cards/{CARD}").text


def test_days_and_status_are_proposed_from_a_form_and_a_wrong_day_is_told(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    given = {
        "path": PATH, "status": "published", "official_page-url": "https://www.toeslagen.nl/zorg", "valid_until": "",
        "reviewed_on": "2026-11-20", "review_due": "31 maart", "owner": "Team Geld", "why": "Nagelezen.",
    }  # fmt: skip
    wrong = eva.post("/cards/values", **given)
    assert wrong.status_code == 422
    assert "review_due" in wrong.text
    assert 'value="Team Geld"' in wrong.text
    missing = eva.post("/cards/values", **given | {"review_due": "2027-02-31"})
    assert (missing.status_code, "2027-02-31" in missing.text) == (422, True)

    seen = eva.post("/cards/values", **given | {"review_due": "2027-11-19"})
    assert "Owner" in seen.text
    sam.post(f"{seen.url.path}/approve")
    card = town.journey.wording.cards[CARD]
    assert (card.owner, card.page) == ("Team Geld", "https://www.toeslagen.nl/zorg")
    assert card.review_due == date(2027, 11, 19)


def test_a_whole_file_is_changed_as_text_as_a_browser_sends_it(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    text = inside(eva.get(f"/cards/file?path={PATH}"), "text")
    assert eva.post("/cards/file", path=PATH, text=text.replace("\n", "\r\n"), why="Niets.").status_code == 422

    seen = eva.post("/cards/file", path=PATH, text=text.replace(NEED, "anders.").replace("\n", "\r\n"), why="Juist.")
    sam.post(f"{seen.url.path}/approve")

    assert town.journey.wording.cards[CARD].weighing.need.endswith("anders.")
    assert "your approved text" in eva.get("/cards/files").text
    assert "<textarea" not in sam.get(f"/cards/file?path={PATH}").text


def test_a_change_is_sent_back_with_a_reason_or_withdrawn(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    text = inside(eva.get(f"/cards/file?path={PATH}"), "text")
    first = eva.post("/cards/file", path=PATH, text=text.replace(NEED, "dit."), why="Een.").url.path
    second = eva.post("/cards/file", path=PATH, text=text.replace(NEED, "dat."), why="Twee.").url.path

    assert sam.post(f"{first}/return", because="").status_code == 409
    assert "Waarom?" in sam.post(f"{first}/return", because="Waarom?").text
    assert sam.post(f"{second}/withdraw").status_code == 403
    assert "withdrawn" in eva.post(f"{second}/withdraw").text
    assert [row.state for row in proposals(town)] == ["returned", "withdrawn"]
    assert "Een." in eva.get("/cards/changes?state=returned").text
    assert "Twee." not in eva.get("/cards/changes?state=returned").text


def test_nobody_approves_something_else_than_they_looked_at(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    text = inside(eva.get(f"/cards/file?path={PATH}"), "text")
    one = eva.post("/cards/file", path=PATH, text=text.replace(NEED, "dit."), why="Een.").url.path
    less = text.replace("max_sends = 2", "max_sends = 1")
    other = eva.post("/cards/file", path=PATH, text=less, why="Twee.").url.path
    seal = re.search(r'name="seen" value="([0-9a-f]+)"', sam.get(one).text)[1]
    sam.post(f"{other}/approve")

    assert sam.post(f"{one}/approve", seen=seal).status_code == 409
    assert proposals(town)[0].state == "proposed"


@pytest.mark.parametrize("login", ["mei"])
def test_who_answers_people_has_nothing_to_do_with_texts(town, login):
    assert town.as_(login).get("/cards", follow=False).status_code == 403


def test_campaigns_of_a_card_are_counted_where_they_run(town):
    town.campaign()
    with town.sessions() as session:
        rows, _ = search(session, Wanted(card=CARD), limit=5)
    assert [row.id for row in rows] == ["zorgtoeslag-deadline"]


def test_what_waits_and_what_came_back_stands_on_the_first_page(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    text = inside(eva.get(f"/cards/file?path={PATH}"), "text")
    change = eva.post("/cards/file", path=PATH, text=text.replace(NEED, "dit."), why="Kort en goed.").url.path

    assert change in sam.get("/").text
    assert change not in eva.get("/").text
    assert "14 pages or cards are late" in eva.get("/").text
    sam.post(f"{change}/return", because="Noem de bron.")
    assert change not in sam.get("/").text
    assert "Noem de bron." in eva.get("/").text


def test_a_file_that_somebody_else_changed_meanwhile_is_not_put_back(town):
    eva, sam = town.as_("eva"), town.as_("sam")
    page = eva.get(f"/cards/file?path={PATH}")
    seal = re.search(r'name="made_from" value="([0-9a-f]+)"', page.text)[1]
    text = inside(page, "text")
    other = eva.post("/cards/file", path=PATH, made_from=seal, text=text.replace(NEED, "dit."), why="Een.").url.path
    sam.post(f"{other}/approve")

    late = eva.post("/cards/file", path=PATH, made_from=seal, text=text.replace(NEED, "dat."), why="Twee.")

    assert late.status_code == 422
    assert "approved meanwhile" in late.text
    assert "dat." in inside(late, "text")
