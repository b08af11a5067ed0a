"""What each press brings, whole: the words in their order, the buttons with where they lead, and in which place."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from dialogue_scenes import NOW, TODAY, nudge, phrases, scene, wording

from bot.core.dialogue import respond
from bot.core.facts import Choice, ConsentState, Phrase, Tone
from bot.core.talk import (
    RESEARCH,
    Consent,
    Flow,
    OpenRequest,
    Opinion,
    PauseUntil,
    RemindContact,
    Say,
    Service,
    SetLanguage,
    SetRest,
    SetTone,
    TakeBackSituation,
    TellSituation,
    read_press,
    write_press,
)


@dataclass(frozen=True)
class Screen:
    """`presses` as they stand in the callback data. `in_place`: it takes the place of the message that was pressed."""

    words: str
    presses: str = ""
    in_place: bool = False
    asks: str | None = None
    keyboard: str = "none"


def read(say: Say) -> Screen:
    return Screen(
        " ".join(phrase.key for phrase in say.words),
        " ".join(write_press(button.press).removeprefix("v1|") for button in say.buttons if button.press),
        say.replaces,
        say.asks_consent,
        say.keyboard,
    )


def request(**changes):
    return OpenRequest(**{"id": 5, "how": "chat", "promised_by": date(2026, 11, 26), "message": 7} | changes)


def talking_about(step, **draft):
    return {"flow": Flow(step=step, draft={"kind": "c", "ref": "7"} | draft, ends_at=NOW + timedelta(hours=1))}


ASKED = {"requests": (request(),)}
PAUSED = {"paused_until": NOW + timedelta(days=9)}
DECLINED = {"nudge": nudge(choices=frozenset({Choice.NO}))}
GOES_WITH_IT = (Service(card="huurtoeslag"),)
TOLD = {"told": frozenset({"moved"})}
ON = {"consents": {"money": ConsentState.GIVEN, RESEARCH: ConsentState.GIVEN}}
TO_MENU = "s|0|menu"
WHY_STOP = "n|7|why n|7|stop"
CHOSEN = Screen("themes.chosen", "s|0|themes s|0|menu")
REASONS = "n|7|have_it n|7|not_about_me n|7|not_theme n|7|other_sender n|7|too_often n|7|unwelcome"
OFTEN = "s|0|often.30 s|0|often.90 s|0|often.usual"
HOW = "c|7|chat c|7|phone c|7|desk c|7|nothing"
ASKS_CARE = "t|0|yes.care t|0|no.care t|0|kept.care"
MINE = "mydata mydata.joined mydata.language themes.chosen mydata.received"
FILE = Screen("mydata.file")


def promise(how, when):
    return Screen(
        f"contact.promise.{how} contact.promise.{when} contact.early contact.never",
        "r|rt|change r|rt|cancel r|rt|remind", in_place=True,
    )  # fmt: skip


def when(how, *, in_place=True):
    return Screen("contact.when", f"c|7|{how}.morning c|7|{how}.afternoon c|7|{how}.any", in_place=in_place)


PRESSES = [
    # The settings.
    ("s|0|menu", {}, [Screen(
        "settings",
        "s|0|themes s|0|language s|0|quiet s|0|often s|0|pause s|0|tone s|0|situation s|0|research s|0|notes s|0|kept"
        " s|0|stop",
    )]),
    ("s|0|themes", {}, [Screen("themes.chosen", "t|0|off.money t|0|ask.children t|0|ask.care t|0|ask.free-time")]),
    ("s|0|language", {}, [Screen("language.ask", "l|0|nl l|0|en l|0|ar")]),
    ("s|0|often", {}, [Screen("often.ask", OFTEN)]),
    ("s|0|often", {"pause_days": 33}, [Screen("often.now often.ask", OFTEN)]),
    ("s|0|often.30", {}, [Screen("often.set", TO_MENU, in_place=True)]),
    ("s|0|often.usual", {}, [Screen("often.usual", TO_MENU, in_place=True)]),
    ("s|0|tone", {}, [Screen("tone.ask", "s|0|tone.practical s|0|tone.warm s|0|tone.any")]),
    ("s|0|tone.warm", {}, [Screen("tone.set.warm", TO_MENU, in_place=True)]),
    ("s|0|tone.any", {"tone": Tone.WARM}, [Screen("tone.set.any", TO_MENU, in_place=True)]),
    ("s|0|research", {}, [Screen("research.ask", "s|0|research.yes s|0|research.no", asks=RESEARCH)]),
    ("s|0|research", ON, [Screen("research.is.on", "s|0|research.no s|0|menu")]),
    ("s|0|research.yes", {}, [Screen("research.given", TO_MENU, in_place=True)]),
    ("s|0|research.no", {}, [Screen("research.refused", TO_MENU, in_place=True)]),
    ("s|0|research.no", ON, [Screen("research.refused", TO_MENU, in_place=True)]),
    ("s|0|quiet", {}, [
        Screen("quiet.ask", "s|0|quiet.morning s|0|quiet.afternoon s|0|quiet.daytime s|0|quiet.usual"),
    ]),
    ("s|0|quiet.morning", {}, [Screen("quiet.set.morning", TO_MENU, in_place=True)]),
    ("s|0|pause", {}, [Screen("pause.ask", "s|0|pause.30 s|0|pause.90 s|0|pause.182")]),
    ("s|0|pause", PAUSED, [Screen("pause.on", "s|0|pause.off s|0|pause.90")]),
    ("s|0|pause", {"paused_until": NOW}, [Screen("pause.ask", "s|0|pause.30 s|0|pause.90 s|0|pause.182")]),
    ("s|0|pause.30", {}, [Screen("pause.set", "s|0|pause.off", in_place=True)]),
    ("s|0|pause.off", PAUSED, [Screen("pause.ended", in_place=True)]),
    # What is kept, and wiping it.
    ("s|0|kept", {}, [
        Screen(f"{MINE} research.is.off mydata.rest privacy.rights", "s|0|menu e|0|ask"), FILE,
    ]),
    ("s|0|kept", TOLD | PAUSED | ASKED | {"tone": Tone.WARM, "own_rest": 30, "person_code": "ABCD"}, [
        Screen(
            f"{MINE} mydata.told pause.on tone.is.warm often.is research.is.off mydata.request.chat mydata.rest"
            " mydata.code privacy.rights",
            "s|0|menu e|0|ask",
        ), FILE,
    ]),
    ("s|0|kept", ON, [Screen(f"{MINE} research.is.on mydata.rest privacy.rights", "s|0|menu e|0|ask"), FILE]),
    ("e|0|ask", {}, [Screen("erase.ask", "e|0|yes e|0|no")]),
    ("e|0|ask", ASKED, [Screen("erase.ask stop.contact", "e|0|yes e|0|no")]),
    ("e|0|yes", {}, [Screen("erase.done stop.again")]),
    ("e|0|no", {}, [Screen("erase.kept", in_place=True)]),
    # Themes.
    ("t|0|ask.care", {}, [Screen("theme.ask", ASKS_CARE, in_place=True, asks="care")]),
    ("t|0|kept.care", {}, [Screen("privacy privacy.rights", TO_MENU)]),
    ("t|0|yes.care", {}, [Screen("theme.given", in_place=True), CHOSEN]),
    ("t|0|no.care", {}, [Screen("theme.refused", in_place=True), CHOSEN]),
    ("t|0|off.money", {}, [Screen("theme.off", "s|0|themes", in_place=True)]),
    ("t|0|renew.money", {"renewable": frozenset({"money"})}, [Screen("renew.given", in_place=True)]),
    # Situations.
    ("y|0|none", {}, [Screen("situation.none", in_place=True)]),
    ("y|0|moved", {}, [Screen("situation.told situation.perhaps", in_place=True)]),
    ("y|0|looks-after", {}, [
        Screen("situation.told situation.perhaps", in_place=True), Screen("theme.ask", ASKS_CARE, asks="care"),
    ]),
    ("y|0|moved", {"rest_days": {"moved": 90}}, [Screen("situation.told situation.rest", "c|0|ask", in_place=True)]),
    ("y|0|back.moved", TOLD, [Screen("situation.taken_back", "s|0|situation", in_place=True)]),
    # Contact.
    ("c|7|ask", {}, [Screen("contact.how", HOW)]),
    ("c|7|chat", {}, [when("chat")]),
    ("c|7|desk", {}, [when("desk")]),
    ("c|7|phone", {}, [
        Screen("contact.how.phone", "c|7|chat c|7|nothing", in_place=True),
        Screen("contact.number", keyboard="ask_phone"),
    ]),
    ("c|7|phone", talking_about("number"), [Screen("contact.number", keyboard="ask_phone")]),
    ("c|7|chat", talking_about("number"), [when("chat"), Screen("contact.left", keyboard="remove")]),
    ("c|7|nothing", {}, [Screen("contact.nothing", in_place=True)]),
    ("c|7|nothing", talking_about("number"), [Screen("contact.nothing", keyboard="remove")]),
    ("c|7|chat.any", {}, [promise("chat", "any")]),
    ("c|7|desk.morning", {}, [promise("desk", "morning")]),
    ("c|7|chat.any", talking_about("number"), [promise("chat", "any"), Screen("contact.left", keyboard="remove")]),
    ("c|7|phone.any", talking_about("when", phone="+31612345678"), [promise("phone", "any")]),
    ("c|7|phone.any", {}, [Screen("contact.how", HOW)]),
    ("c|7|ask", ASKED, [Screen("contact.already.chat", "r|5|change r|5|cancel r|5|remind")]),
    ("c|7|ask", {"requests": (request(promised_by=date(2026, 11, 20)),)}, [
        Screen("contact.late", "r|5|change r|5|cancel"),
    ]),
    ("c|7|ask", {"requests": (request(promised_by=TODAY),)}, [Screen("contact.already.chat", "r|5|change r|5|cancel")]),
    ("c|7|ask", {"requests": (request(reminded=True),)}, [Screen("contact.already.chat", "r|5|change r|5|cancel")]),
    ("c|7|ask", {"requests": (request(talking=True),)}, [Screen("talk.open", "r|5|cancel")]),
    ("r|5|change", ASKED, [Screen("contact.how", "r|5|chat r|5|phone r|5|desk r|5|keep")]),
    ("r|5|cancel", ASKED, [Screen("contact.cancelled", in_place=True)]),
    ("r|5|keep", ASKED, [Screen("contact.kept", in_place=True)]),
    ("r|5|remind", ASKED, [Screen("contact.remind", "r|5|change r|5|cancel")]),
    # A nudge.
    ("n|7|more", {"nudge": nudge(related=GOES_WITH_IT)}, [Screen(
        "card.zorgtoeslag.body", f"n|7|self n|7|not_now n|7|no n|7|contact k|7|huurtoeslag {WHY_STOP}", in_place=True,
    )]),
    ("k|7|huurtoeslag", {"nudge": nudge(related=GOES_WITH_IT)}, [
        Screen("card.huurtoeslag.name card.huurtoeslag.body", f"c|7|ask {WHY_STOP}"),
    ]),
    ("k|7|huurtoeslag", {"nudge": nudge(related=GOES_WITH_IT)} | ASKED, [
        Screen("card.huurtoeslag.name card.huurtoeslag.body", WHY_STOP),
    ]),
    ("n|7|self", {}, [Screen("zorgtoeslag.neutral.1 nudge.self", f"n|7|contact {WHY_STOP}", in_place=True)]),
    ("n|7|not_now", {}, [Screen("later.ask", f"n|7|later.30 n|7|later.90 n|7|no {WHY_STOP}", in_place=True)]),
    ("n|7|later.30", {}, [Screen("later.done", WHY_STOP, in_place=True)]),
    ("n|7|no", {}, [Screen("no.done no.why", f"{REASONS} {WHY_STOP}", in_place=True)]),
    ("n|7|no", {"nudge": nudge(choices=frozenset({Choice.TOO_OFTEN}))}, [Screen("no.done", WHY_STOP, in_place=True)]),
    ("q|7|yes.trust", {}, [Screen("survey.done", in_place=True)]),
    ("q|7|welcome", {}, [
        Screen("survey.thanks survey.expected", "q|7|expected q|7|unexpected", in_place=True),
    ]),
    ("q|7|unwelcome", {}, [
        Screen("survey.sorry survey.expected", "q|7|expected q|7|unexpected", in_place=True),
    ]),
    ("q|7|expected", {}, [Screen("survey.done", in_place=True)]),
    ("n|7|have_it", {"nudge": nudge(choices=frozenset({Choice.NO}), related=GOES_WITH_IT)}, [
        Screen("reason.have_it.related", f"k|7|huurtoeslag {WHY_STOP}", in_place=True),
    ]),
    ("n|7|too_often", DECLINED, [Screen("reason.too_often", f"s|0|often {WHY_STOP}", in_place=True)]),
    ("n|7|not_theme", DECLINED, [Screen("theme.off", f"s|0|themes {WHY_STOP}", in_place=True)]),
    ("n|7|unwelcome", DECLINED, [Screen("survey.sorry", WHY_STOP, in_place=True)]),
    ("n|7|why", {}, [Screen("why.calendar why.ground why.service", "s|0|themes n|7|stop")]),
    ("n|7|why", {"nudge": nudge(told=(Phrase("situation.moved"),))}, [
        Screen("why.calendar.told why.ground why.service", "s|0|themes n|7|stop"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("pressed", "changes", "screens"), PRESSES)
def test_a_press_brings_these_words_these_buttons_and_in_this_place(pressed, changes, screens):
    press = read_press(f"v1|{pressed}")
    assert press is not None

    turn = respond(scene(**changes), press)

    assert [read(say) for say in turn.says] == screens
    assert turn.notice is None
    for phrase in phrases(turn):
        assert wording().say(phrase.key, "nl", phrase.params)


@pytest.mark.parametrize(
    ("pressed", "changes", "effect"),
    [
        ("l|0|en", {}, SetLanguage("en")),
        ("s|0|often.90", {}, SetRest(90)),
        ("s|0|often.usual", {"own_rest": 90}, SetRest(None)),
        ("s|0|tone.any", {"tone": Tone.WARM}, SetTone(None)),
        ("s|0|pause.off", PAUSED, PauseUntil(None)),
        ("s|0|research.yes", {}, Consent(RESEARCH, ConsentState.GIVEN)),
        ("s|0|research.no", {}, Consent(RESEARCH, ConsentState.REFUSED)),
        ("s|0|research.no", ON, Consent(RESEARCH, ConsentState.WITHDRAWN)),
        ("y|0|moved", {}, TellSituation("moved")),
        ("y|0|back.moved", TOLD, TakeBackSituation("moved")),
        ("r|5|remind", ASKED, RemindContact(5)),
        ("q|7|yes.trust", {}, Opinion(7, "trust", "yes")),
    ],
)
def test_a_press_has_one_effect(pressed, changes, effect):
    press = read_press(f"v1|{pressed}")
    assert press is not None

    assert respond(scene(**changes), press).effects == (effect,)


def test_a_button_of_a_test_says_that_it_is_one():
    press = read_press("v1|x|0|test")
    assert press is not None

    assert respond(scene(), press).notice == Phrase("test.notice")


def test_every_situation_can_be_told_and_one_that_was_told_taken_back():
    [asked] = respond(scene(**TOLD), read_press("v1|s|0|situation")).says

    assert read(asked).presses.split() == [
        f"y|0|{'back.moved' if code == 'moved' else code}" for code in (*scene().situations, "none")
    ]
