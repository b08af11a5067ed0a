"""Health, settings and what got stuck, in words."""

import ast
import html
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot import console
from bot.cli.given import given
from bot.console import setup
from bot.console.overheard import DUTIES, FINDINGS, REASONS, overheard
from bot.core.talk import Standing
from bot.errors import UncertainError
from bot.operating import doctor, glance
from bot.operating.duties import HEAR, LOOP, POLL, SEND, TICK
from bot.settings import Settings
from bot.store.tables import InboxRow, MessageRow
from tests.console.conftest import PEOPLE, Browser

BOT = Path(__file__).parents[2] / "bot"


def desk_of(town, **options):
    tokens = iter(f"fresh-{number:026d}" for number in range(99))
    desk = console.Desk(journey=town.journey, new_token=lambda: next(tokens), people=tuple(PEOPLE), **options)
    browser = Browser(console.build(desk))
    browser.post("/signin/demo", login="ada")
    return browser


def look(town):
    return lambda: glance.at_a_glance(town.sessions, town.wording, town.now, town.now.date())


# Health.


def test_what_is_wrong_is_told_with_why_it_matters_and_what_to_do(town):
    town.journey.pause_nudges("een storing", who="eva")
    ada = desk_of(town, look=look(town))

    english = html.unescape(ada.get("/administration/health").text)
    ada.post("/profile", language="nl")
    dutch = html.unescape(ada.get("/administration/health").text)

    assert "All nudges are held, by eva: een storing." in english
    assert "Nobody is written to; answers still go out." in english
    assert "handreiking nudges resume" in english
    assert "Alle berichten worden tegengehouden, door eva: een storing." in dutch
    assert "All nudges" not in dutch


def test_without_a_look_the_page_says_so(town):
    assert "does not say" in desk_of(town).get("/administration/health").text


def findings():
    """Every sentence that a look can say, with {} where something is filled in."""
    names = {"RESTART": doctor.RESTART, "LOG": doctor.LOG}
    for module in (doctor, glance):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if getattr(call.func, "id", "") == "Finding":
                for word in call.keywords:
                    if word.arg in {"what", "why", "todo"}:
                        yield from spoken(word.value, names)


def spoken(node, names):
    if isinstance(node, ast.IfExp):
        yield from spoken(node.body, names)
        yield from spoken(node.orelse, names)
    elif isinstance(node, ast.BinOp):
        yield "".join(part for side in (node.left, node.right) for part in spoken(side, names))
    elif isinstance(node, ast.Name):
        yield names.get(node.id, "x")
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    elif isinstance(node, ast.Constant):
        yield node.value


def test_every_finding_can_be_said_in_the_language_of_staff():
    said = {text for text in findings() if " " in text and not text.startswith("handreiking ")}
    left = {text for text in said if overheard(text, lambda _: "") == text}

    assert len(said) > 30
    put_together = {"x: x.", "x.", "xx.", doctor.RESTART, f"x{doctor.RESTART}"}  # from parts: see the next test
    assert left <= put_together


def test_what_findings_are_put_together_from_is_known_too():
    source = Path(doctor.__file__).read_text(encoding="utf-8")
    queues = re.findall(r'urgency\.\w+,\s+"([^"]+)", "([^"]+)"', source, re.IGNORECASE)
    assert len(queues) == 3
    for what, why in queues:
        assert overheard(f"{what}: 7.", lambda _: "") == ""
        assert why in FINDINGS
    assert {duty.means for duty in (LOOP, TICK, SEND, HEAR, POLL)} <= set(DUTIES)
    for purpose in ("reply", "confirmation", "nudge"):
        assert f"A {purpose} could leave and nothing was sent." in FINDINGS


@pytest.mark.parametrize("sentence", [*FINDINGS, *DUTIES])
def test_a_finding_is_found_again_whatever_was_filled_in(sentence):
    filled = re.sub(r"\{\w+\}", "7", sentence)
    assert overheard(filled, lambda template: template) == filled


def test_why_a_card_is_not_for_citizens_is_said_in_the_readers_language_too(wording):
    card = next(iter(wording.cards.values()))
    reasons = "; ".join(card.not_for_citizens(date(2099, 1, 1)))
    sentence = f"Campaign x runs and writes to nobody, because of card y: {reasons}."
    heard = overheard(sentence, lambda one: f"nl:{one}")

    source = (BOT / "wording" / "cards.py").read_text(encoding="utf-8")
    body = source[source.index("reasons = []") : source.index("return reasons")]
    said = {re.sub(r"\{[^}]+\}", "{}", text) for text in re.findall(r'f?"([^"]{15,})"', body)}
    assert said == {re.sub(r"\{\w+\}", "{}", template) for template in REASONS}
    assert heard.count("nl:") == 1 + len(reasons.split("; ")) > 3


# Settings.


def test_every_setting_has_its_effect_in_words_and_no_secret_is_shown(town, monkeypatch):
    secrets = {
        "token": "100:hush-token", "keys": "hush-keys", "ping_url": "https://ping.test/hush-path",
        "alarm_url": "https://alarm.test/hush-path", "database_url": "postgresql://bot:hush-word@db/handreiking?x=hush",
        "public_url": "https://user:hush@bot.test/telegram", "keys_file": "/etc/handreiking/keys.toml",
    }  # fmt: skip
    ada = desk_of(town, settings=given(Settings(**secrets)))

    page = html.unescape(ada.get("/administration/settings").text)

    assert "hush" not in page
    assert "Everything is kept in postgresql://bot:***@db/handreiking." in page
    assert "The keys for chat addresses are in the file /etc/handreiking/keys.toml." in page
    assert "A service outside hears each minute that all is well." in page
    assert "At most 30 messages leave in a second" in page
    assert page.count("<code>HANDREIKING_") == len(Settings.model_fields)


def test_what_has_no_words_yet_is_told_as_readme_tells_it():
    unknown = console.Setting(name="HANDREIKING_MOON", means="The phase.", value="full", is_set=True, is_secret=False)
    hidden = console.Setting(name="HANDREIKING_SUN", means="The key.", value=None, is_set=True, is_secret=True)

    assert setup._said(unknown, lambda sentence: sentence) == "The phase. full"
    assert setup._said(hidden, lambda sentence: sentence) == "The key. It is set, and is not shown."


def test_a_setting_that_was_left_out_says_what_is_so_then(town):
    page = html.unescape(desk_of(town, settings=given(Settings())).get("/administration/settings").text)
    assert "The bot fetches what people say from Telegram." in page
    assert "No alarm is sent when something is silent." in page


# What got stuck.


def dead(town, update=77):
    town.journey.take_in([(update, "{}")])
    for _ in range(5):
        town.journey.fail(update, "ValueError: nothing of anybody")


def test_an_answer_that_was_given_up_can_be_tried_again_or_forgotten(town):
    for update in (77, 78):
        dead(town, update)
    ada = town.as_("ada")
    assert '<th scope="row">77</th>' in ada.get("/administration/stuck").text

    ada.post("/administration/stuck/again", update="77")
    ada.post("/administration/stuck/forget", update="78")

    with town.sessions() as session:
        rows = {row.update_id: row for row in session.exec(select(InboxRow))}
    assert (rows[77].state, rows[77].tries, rows[77].body_sealed is None) == ("new", 0, False)
    assert (rows[78].state, rows[78].body_sealed) == ("done", None)
    assert [waiting.update_id for waiting in town.journey.unheard()] == [77]
    assert ada.post("/administration/stuck/again", update="78").status_code == 409
    said = town.as_("otto").get("/audit?area=operating").text
    assert "tried again." in said
    assert "forgotten." in said


def test_a_stop_that_failed_takes_effect_once_it_is_tried_again(town):
    from bot.core.talk import Command
    from bot.hearing import Speaker

    town.joins("anna", "money")
    dead(town, 5000)
    town.as_("ada").post("/administration/stuck/again", update="5000")
    town.journey.hear(5000, Speaker("anna", "nl"), Command("stop", ""))
    assert town.citizen("anna").standing == Standing.STOPPED


def test_messages_of_which_nobody_knows_are_listed_page_by_page(town):
    town.joins("anna", "money")
    town.campaign()
    town.signal()
    town.fails.append(UncertainError("timed out"))
    town.tick()
    ada = town.as_("ada")
    page = ada.get("/administration/stuck").text
    assert 'href="/campaigns/zorgtoeslag-deadline"' in page

    with town.sessions.begin() as session:
        citizen = town.citizen("anna").id
        for number in range(120):
            row = MessageRow(
                key=f"k{number}", citizen_id=citizen, purpose=0, state="uncertain", due_at=town.now,
                created_at=town.now, closed_at=town.now + timedelta(minutes=number // 3), error=f"e{number}",
            )  # fmt: skip
            session.add(row)
    seen, address = [], "/administration/stuck"
    while address:
        page = ada.get(address).text
        seen += re.findall(r"<code>e(\d+)</code>", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = older and older[1]
    assert sorted(map(int, seen)) == list(range(120))
    assert ada.get("/administration/stuck?before=1-2-3").status_code == 200


def test_every_setting_is_said_in_words_of_the_console():
    from bot.console.setup import EFFECTS
    from bot.settings import Settings

    assert {name.upper() for name in Settings.model_fields} == set(EFFECTS)
