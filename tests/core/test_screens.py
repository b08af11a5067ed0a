"""What somebody sees after each tap: every button leads somewhere, and a choice takes the place of its question."""

from collections import deque
from datetime import date, time, timedelta

import pytest
from dialogue_scenes import NOW, TODAY, after, keys, labels, nudge, press_of, scene

from bot.core import door
from bot.core.dialogue import respond
from bot.core.facts import ConsentState, Phrase
from bot.core.talk import (
    ALREADY,
    OLD,
    Command,
    OpenRequest,
    PauseUntil,
    Press,
    SetQuiet,
    Standing,
    TellSituation,
    Typed,
)

MOST = 4000


def given(state):
    """What tells two scenes apart for this walk."""
    about = (state.nudge.choices, state.nudge.opinions) if state.nudge else ()
    talk = (state.flow is None, len(state.requests), len(state.told))
    own = (state.tone, state.quiet, state.own_rest, state.language, state.paused_until is None)
    return (state.standing, tuple(sorted(state.consents.items())), *about, *talk, *own)


@pytest.mark.parametrize(
    "begin",
    [
        (scene(), Command("settings")),
        (scene(), Command("mydata")),
        (scene(), Command("situation")),
        (scene(), Command("why")),
        (scene(), Press("n", 7, "more")),
        (scene(), Press("n", 7, "no")),
        (scene(), Press("n", 7, "contact")),
        (scene(survey_due=True), Press("n", 7, "self")),
        (scene(standing=Standing.JOINING, consents={}), Command("start")),
        (scene(standing=Standing.STOPPED, consents={}), Typed("hallo")),
        (scene(requests=(OpenRequest(id=5, how="chat", promised_by=TODAY, talking=True),)), Typed("hallo")),
        (scene(requests=(OpenRequest(id=5, how="chat", promised_by=TODAY - timedelta(days=1)),)), Command("mydata")),
        (scene(requests=(OpenRequest(id=5, how="phone", promised_by=TODAY),)), Press("c", 0, "ask")),
    ],
)
def test_every_button_that_is_shown_leads_somewhere_the_moment_it_is_shown(begin):
    waiting, seen, walked = deque([begin]), set(), 0
    while waiting and walked < MOST:
        state, heard = waiting.popleft()
        turn = respond(state, heard)
        walked += 1
        then = after(state, turn)
        for say in turn.says:
            for button in say.buttons:
                if button.press is None:
                    continue
                answered = respond(then, button.press)
                assert answered != OLD, f"{button.label.key} after {heard} means nothing"
                assert answered.says or answered.notice, f"{button.label.key} after {heard} is answered with silence"
                place = (given(then), button.press)
                if place not in seen:
                    seen.add(place)
                    waiting.append((then, button.press))
    assert walked > 1


@pytest.mark.parametrize(
    "choice",
    [Press("s", 0, "pause.30"), Press("s", 0, "often.30"), Press("s", 0, "often.usual"), Press("s", 0, "tone.warm"),
     Press("s", 0, "research.yes"), Press("s", 0, "research.no"), Press("y", 0, "none"), Press("y", 0, "moved"),
     Press("t", 0, "off.money"), Press("t", 0, "yes.care"), Press("d", 0, "no.care"), Press("l", 0, "en"),
     Press("e", 0, "no")],
)  # fmt: skip
def test_a_choice_takes_the_place_of_the_question(choice):
    state = scene(rest_days={})
    turn = respond(state, choice)
    if turn in (ALREADY, OLD):  # not every card and language has every choice
        pytest.fail(f"{choice} means nothing here")

    assert turn.says[0].replaces


def test_after_a_loss_somebody_is_left_in_peace_and_told_until_when():
    state = scene(rest_days={"moved": 60})
    turn = respond(state, Press("y", 0, "moved"))
    until = NOW + timedelta(days=60)

    assert turn.effects == (TellSituation("moved"), PauseUntil(until))
    assert keys(turn) == ["situation.told", "situation.rest"]
    assert turn.says[0].words[0].params == {"situation": Phrase("situation.moved")}
    assert turn.says[0].words[1].params == {"date": TODAY + timedelta(days=60)}
    assert labels(turn.says[0]) == ["c.ask"]
    assert turn.says[0].replaces


def test_a_longer_pause_of_ones_own_is_not_shortened_by_a_loss():
    own = NOW + timedelta(days=90)
    turn = respond(scene(rest_days={"moved": 60}, paused_until=own), Press("y", 0, "moved"))

    assert turn.effects[1] == PauseUntil(own)
    assert turn.says[0].words[1].params == {"date": TODAY + timedelta(days=90)}


def test_who_pauses_already_is_told_until_when_and_may_end_it_or_take_longer():
    until = NOW + timedelta(days=12)
    on = respond(scene(paused_until=until), Press("s", 0, "pause"))
    over = respond(scene(paused_until=NOW - timedelta(days=1)), Press("s", 0, "pause"))

    assert (keys(on), labels(on.says[0])) == (["pause.on"], ["s.pause.off", "s.pause.90"])
    assert on.says[0].words[0].params == {"date": until.date()}
    assert keys(over) == ["pause.ask"]
    assert labels(over.says[0])[:2] == ["s.pause.30", "s.pause.90"]


def test_ending_a_pause_ends_it_and_only_if_there_is_one():
    ended = respond(scene(paused_until=NOW + timedelta(days=3)), Press("s", 0, "pause.off"))

    assert ended.effects == (PauseUntil(None),)
    assert keys(ended) == ["pause.ended"]
    assert respond(scene(), Press("s", 0, "pause.off")) == ALREADY


def test_quiet_hours_that_would_leave_no_hour_are_not_offered():
    usual = respond(scene(), Press("s", 0, "quiet"))
    narrow = respond(scene(quiet_rules=(time(13), time(12))), Press("s", 0, "quiet"))

    assert len(labels(narrow.says[0])) < len(labels(usual.says[0]))
    assert usual.says[0].words[0].params == {"from": "09:00", "until": "20:00"}
    chosen = respond(scene(quiet=(time(20), time(12))), press_of(usual.says[0], "s.quiet.usual"))
    assert SetQuiet(None) in chosen.effects


def test_a_new_privacy_text_comes_whole_with_the_way_out():
    said = door.privacy_changed()

    assert [phrase.key for phrase in said.words] == ["privacy.changed", "privacy", "privacy.rights"]
    assert labels(said) == ["s.kept", "s.stop"]


def test_a_consent_that_ends_is_asked_again_by_its_name_and_day():
    said = door.ask_renewal("money", date(2026, 12, 1))
    renewable = scene(renewable=frozenset({"money"}))

    [asked] = said.words
    assert asked.key == "theme.renew"
    assert asked.params == {
        "theme": Phrase("theme.money"), "about": Phrase("theme.money.description"), "date": date(2026, 12, 1),
    }  # fmt: skip
    assert said.asks_consent == "money"
    assert labels(said) == ["t.renew", "t.no", "t.kept"]
    assert keys(respond(renewable, press_of(said, "t.renew"))) == ["renew.given"]
    assert respond(renewable, press_of(said, "t.no")).effects[0].state is ConsentState.WITHDRAWN
    assert keys(respond(renewable, press_of(said, "t.kept")))[0] == "privacy"


def test_the_list_of_themes_says_which_are_on_and_turns_each_the_other_way():
    turn = respond(scene(), Press("s", 0, "themes"))

    assert keys(turn) == ["themes.chosen"]
    assert turn.says[0].words[0].params == {"themes": (Phrase("theme.money"),)}
    assert [(button.press.choice, button.label.key) for button in turn.says[0].buttons][:2] == [
        ("off.money", "button.t.turn_off") if theme == "money" else (f"ask.{theme}", "button.t.turn_on")
        for theme in scene().themes[:2]
    ]


def test_a_nudge_of_somebody_else_is_no_nudge():
    for choice in ("more", "no", "contact", "why", "stop", "later"):
        assert respond(scene(nudge=nudge(message=7)), Press("n", 8, choice)) == OLD
