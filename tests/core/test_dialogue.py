"""The conversation: what a press, a command or a text does, and what it never does."""

import ast
import re
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from dialogue_scenes import (
    ALL_CHOICES,
    NOW,
    THEMES,
    TODAY,
    after,
    card,
    keys,
    labels,
    nudge,
    phrases,
    press_of,
    scene,
    wording,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import bot
from bot.core import survey
from bot.core.dialogue import nudge_buttons, respond
from bot.core.facts import REASONS, CardStatus, Choice, ConsentState, Origin, Phrase, Sensitivity, Tone
from bot.core.talk import (
    RESEARCH,
    Answered,
    AskContact,
    Blocked,
    CancelContact,
    Command,
    Consent,
    Erase,
    Flow,
    Handover,
    Heard,
    Join,
    Leave,
    LinkResult,
    OpenRequest,
    Opinion,
    PauseUntil,
    Press,
    Referral,
    Say,
    Scene,
    Service,
    SetLanguage,
    SetQuiet,
    SetRest,
    SetTone,
    SharedContact,
    Standing,
    Step,
    Surveyed,
    TakeBackSituation,
    TellSituation,
    Turn,
    Typed,
    Unblocked,
    Unreadable,
    read_press,
    write_press,
)

GIVEN, REFUSED, WITHDRAWN = ConsentState.GIVEN, ConsentState.REFUSED, ConsentState.WITHDRAWN
ASKED, EXPIRED = ConsentState.ASKED, ConsentState.EXPIRED
NEW = {"standing": Standing.JOINING, "consents": {}, "nudge": None, "joined": None, "received": 0}
GONE = {"standing": Standing.STOPPED, "consents": {"money": WITHDRAWN}}


def on_nudge(choice: str, message: int = 7) -> Press:
    return Press("n", message, choice)


class TestTheDoor:
    def test_start_asks_the_language_first_with_that_of_the_app_on_top(self):
        turn = respond(scene(**NEW, suggested_language="ar"), Command("start"))
        assert keys(turn) == ["language.ask"]
        assert labels(turn.says[0]) == ["l.ar", "l.nl", "l.en"]
        assert turn.effects == ()

    def test_a_code_in_the_link_is_answered_before_the_language(self):
        turn = respond(scene(**NEW, link=LinkResult.LINKED), Command("start", "abc"))
        assert keys(turn) == ["link.linked", "language.ask"]

    def test_the_language_brings_who_we_are_what_is_kept_how_to_check_it_and_a_question(self):
        turn = respond(scene(**NEW), Press("l", 0, "en"))
        assert turn.effects == (SetLanguage("en"),)
        assert keys(turn) == ["language.set", "welcome", "welcome.kept", "welcome.check", "welcome.ask"]
        assert labels(turn.says[1]) == ["w.yes", "w.no", "w.kept"]

    def test_joining_is_no_consent_but_asks_the_first_theme(self):
        turn = respond(scene(**NEW), Press("w", 0, "yes"))
        assert turn.effects == (Join(),)
        assert turn.says[-1].asks_consent == "money"
        assert labels(turn.says[-1]) == ["t.yes", "t.no", "t.kept"]

    def test_each_theme_is_asked_on_its_own_until_all_are_answered(self):
        now, press, asked = scene(**NEW), Press("w", 0, "yes"), []
        answers = iter(["t.yes", "t.no", "t.no", "t.yes"])
        while True:
            turn = respond(now, press)
            now = after(now, turn)
            if (theme := turn.says[-1].asks_consent) is None:
                break
            asked.append(theme)
            press = press_of(turn.says[-1], next(answers))
        assert tuple(asked) == THEMES
        assert now.consents == {"money": GIVEN, "children": REFUSED, "care": REFUSED, "free-time": GIVEN}
        chosen = (Phrase("theme.money"), Phrase("theme.free-time"))
        assert turn.says[-1].words == (Phrase("done", {"themes": chosen}),)

    def test_no_to_every_theme_is_a_good_outcome(self):
        consents = dict.fromkeys(("money", "children", "care"), REFUSED)
        turn = respond(scene(consents=consents), Press("d", 0, "no.free-time"))
        assert keys(turn) == ["theme.refused", "done.none"]

    def test_no_at_the_door_leaves_nothing_behind(self):
        turn = respond(scene(**NEW), Press("w", 0, "no"))
        assert (turn.effects, keys(turn)) == ((), ["welcome.declined"])

    def test_what_is_kept_is_told_before_anybody_joins(self):
        for kind, choice in (("w", "kept"), ("t", "kept.money")):
            turn = respond(scene(), Press(kind, 0, choice))
            assert keys(turn)[0] == "privacy"
        assert respond(scene(**NEW), Press("w", 0, "kept")).says[0].buttons == ()

    def test_the_question_about_a_theme_says_what_how_often_how_long_and_that_it_can_be_turned_off(self):
        asked = respond(scene(**NEW), Press("w", 0, "yes")).says[-1].words[0]
        for language, words in (
            ("nl", ("Voorbeeldstad", "Geld en wonen", "twee weken", "/settings", "twee jaar")),
            ("en", ("Voorbeeldstad", "two weeks", "/settings", "two years")),
        ):
            text = wording().say(asked.key, language, asked.params)
            assert [word for word in words if word not in text] == []

    def test_the_welcome_says_who_what_how_often_what_is_kept_and_from_what_age(self):
        turn = respond(scene(**NEW), Press("l", 0, "nl"))
        text = "\n".join(wording().say(phrase.key, "nl", phrase.params) for phrase in turn.says[1].words)
        wanted = (
            "gemeente Voorbeeldstad", "computer", "zelf kiest", "twee weken", "bewaren", "Telegram",
            "verandert er niets", "010 000 00 00", "https://", "16 jaar",
        )  # fmt: skip
        assert [word for word in wanted if word not in text] == []


class TestComingBack:
    def test_unblocking_restores_no_consent(self):
        now = scene(standing=Standing.BLOCKED, consents={"money": WITHDRAWN})
        turn = respond(now, Unblocked())
        assert (turn.effects, keys(turn)) == ((), ["welcome.back"])

    @pytest.mark.parametrize("standing", [Standing.ACTIVE, Standing.STOPPED, Standing.JOINING])
    def test_an_unblocking_of_somebody_who_had_not_blocked_us_says_nothing(self, standing):
        assert respond(scene(standing=standing), Unblocked()) == Turn()

    def test_whoever_stopped_and_joins_again_is_asked_each_theme_anew(self):
        turn = respond(scene(**GONE), Press("w", 0, "yes"))
        assert turn.effects == (Join(),)
        assert turn.says[-1].asks_consent == "money"

    def test_a_consent_from_before_does_not_come_back_even_if_the_record_still_says_given(self):
        turn = respond(scene(standing=Standing.STOPPED, consents=dict.fromkeys(THEMES, GIVEN)), Press("w", 0, "yes"))
        assert turn.says[-1].asks_consent == "money"

    @pytest.mark.parametrize(
        "press",
        [Press("t", 0, "yes.money"), Press("d", 0, "yes.money"), on_nudge("more"), on_nudge("contact"),
         on_nudge("later.30"), Press("c", 7, "chat.any"), Press("y", 0, "moved"), Press("s", 0, "menu"),
         Press("q", 7, "welcome")],
    )  # fmt: skip
    def test_an_old_button_of_somebody_who_stopped_changes_nothing_and_says_so(self, press):
        turn = respond(scene(**GONE), press)
        assert (turn.effects, keys(turn)) == ((), ["stopped.notice"])

    def test_why_is_still_answered_after_a_stop_without_buttons_that_no_longer_work(self):
        turn = respond(scene(**GONE), on_nudge("why"))
        assert turn.effects == (Answered(7, Choice.WHY),)
        assert keys(turn)[0] == "why.calendar"
        assert turn.says[0].buttons == ()

    def test_text_of_somebody_who_stopped_gets_a_kind_answer_and_a_way_back(self):
        turn = respond(scene(**GONE), Typed("dank u wel"))
        assert (turn.effects, keys(turn)) == ((), ["text.stopped"])
        assert labels(turn.says[0]) == ["w.yes", "w.leave"]

    def test_start_of_somebody_who_takes_part_shows_what_can_be_changed(self):
        turn = respond(scene(), Command("start"))
        assert keys(turn) == ["start.again"]
        assert labels(turn.says[0]) == [
            "s.themes", "s.language", "s.quiet", "s.often", "s.pause", "s.tone", "s.situation", "s.research",
            "s.notes", "s.kept", "s.stop",
        ]  # fmt: skip


class TestStop:
    @pytest.mark.parametrize(
        "heard",
        [Command("stop"), Typed("stop"), Typed(" STOP! "), Typed("توقف."), Typed("No more  messages"),
         Press("s", 0, "stop"), on_nudge("stop")],
    )  # fmt: skip
    def test_a_stop_is_a_stop_however_it_is_said(self, heard):
        turn = respond(scene(), heard)
        assert turn.effects[-1] == Leave(Standing.STOPPED)
        assert keys(turn) == ["stop.done", "stop.again"]

    def test_a_stop_on_a_nudge_is_its_answer_and_takes_its_place(self):
        turn = respond(scene(), on_nudge("stop"))
        assert turn.effects == (Answered(7, Choice.STOP), Leave(Standing.STOPPED))
        assert turn.says[0].replaces

    def test_a_second_stop_gives_the_receipt_again_and_holds_too(self):
        turn = respond(scene(**GONE), Command("stop"))
        assert (turn.effects, keys(turn)) == ((Leave(Standing.STOPPED),), ["stop.done", "stop.again"])

    def test_a_stop_in_the_middle_of_giving_a_number_ends_that_too_and_takes_the_keyboard_away(self):
        turn = respond(scene(flow=Flow(step="number", ends_at=NOW + timedelta(hours=1))), Typed("stop"))
        assert turn.effects == (Step(None), Leave(Standing.STOPPED))
        assert turn.says[0].keyboard == "remove"

    def test_a_stop_takes_back_the_promise_to_contact_and_says_so(self):
        now = scene(requests=(OpenRequest(id=12, how="phone", promised_by=TODAY),))
        turn = respond(now, Command("stop"))
        assert CancelContact(12) in turn.effects
        assert "stop.contact" in keys(turn)

    def test_stop_inside_a_sentence_is_a_text_like_any_other(self):
        assert respond(scene(), Typed("de bushalte is een stop verder")).effects == ()

    def test_marks_alone_are_no_stop_word(self):
        assert respond(scene(stop_words=frozenset({"", "stop"})), Typed("!!!")).effects == ()

    def test_blocking_counts_as_leaving_and_is_answered_with_silence(self):
        turn = respond(scene(), Blocked())
        assert (turn.effects, turn.says) == ((Leave(Standing.BLOCKED),), ())


class TestANudge:
    ORDER = ("more", "self", "not_now", "no", "contact", "why", "stop")

    def test_its_answers_stand_in_the_fixed_order(self):
        first = [button.press.choice for button in nudge_buttons(nudge())]
        assert first == ["more", "not_now", "no", "contact", "why", "stop"]
        opened = [button.press.choice for button in nudge_buttons(nudge(choices=frozenset({Choice.MORE})))]
        assert opened == ["self", "not_now", "no", "contact", "why", "stop"]
        without = [button.press.choice for button in nudge_buttons(nudge(asks_contact=False))]
        assert without == ["more", "not_now", "no", "why", "stop"]

    def test_tell_me_more_puts_the_body_with_the_official_page_in_its_place(self):
        turn = respond(scene(), on_nudge("more"))
        assert turn.effects == (Answered(7, Choice.MORE),)
        assert turn.says[0].words == (Phrase("card.zorgtoeslag.body"),)
        assert turn.says[0].replaces
        assert "https://www.toeslagen.nl" in wording().say("card.zorgtoeslag.body", "nl")

    def test_tell_me_more_does_not_point_to_a_door_that_was_shut_since(self):
        for closed in (card(status=CardStatus.SUSPENDED), card(valid_until=TODAY - timedelta(days=1))):
            turn = respond(scene(nudge=nudge(card=closed)), on_nudge("more"))
            assert keys(turn) == ["nudge.closed"]
            assert labels(turn.says[0]) == ["contact", "why", "stop"]

    def test_not_now_asks_when_with_no_why_and_stop_within_reach(self):
        turn = respond(scene(), on_nudge("not_now"))
        assert turn.effects == (Answered(7, Choice.NOT_NOW, NOW + timedelta(days=30)),)
        assert keys(turn) == ["later.ask"]
        assert labels(turn.says[0]) == ["later.30", "later.90", "later.never", "why", "stop"]
        assert press_of(turn.says[0], "later.never") == on_nudge("no")

    @pytest.mark.parametrize("days", [30, 90])
    def test_the_moment_chosen_is_kept_and_named(self, days):
        turn = respond(scene(), on_nudge(f"later.{days}"))
        assert turn.effects == (Answered(7, Choice.NOT_NOW, NOW + timedelta(days=days)),)
        assert turn.says[0].words == (Phrase("later.done", {"date": TODAY + timedelta(days=days)}),)
        assert labels(turn.says[0]) == ["why", "stop"]

    def test_no_ends_the_offer_at_once_and_names_until_when(self):
        turn = respond(scene(), on_nudge("no"))
        assert turn.effects == (Answered(7, Choice.NO),)
        assert turn.says[0].words == (Phrase("no.done", {"date": date(2027, 11, 24)}), Phrase("no.why"))
        assert labels(turn.says[0])[-2:] == ["why", "stop"]

    def test_why_no_thanks_is_one_tap_and_never_needed(self):
        declined = after(scene(), respond(scene(), on_nudge("no")))
        assert labels(respond(scene(), on_nudge("no")).says[0])[:-2] == [str(reason) for reason in REASONS]
        assert respond(scene(), on_nudge("have_it")).effects == ()
        for reason in REASONS:
            turn = respond(declined, on_nudge(reason))
            assert turn.effects[0] == Answered(7, reason)
            assert labels(turn.says[0])[-2:] == ["why", "stop"]
            assert respond(after(declined, turn), on_nudge("not_about_me")).effects == ()

    def test_not_this_theme_turns_the_theme_off(self):
        declined = after(scene(), respond(scene(), on_nudge("no")))
        turn = respond(declined, on_nudge("not_theme"))
        assert turn.effects == (Answered(7, Choice.NOT_THEME), Consent("money", WITHDRAWN))

    def test_who_finds_it_unpleasant_gets_an_apology_and_no_further_question(self):
        declined = after(scene(survey_due=True), respond(scene(survey_due=True), on_nudge("no")))
        turn = respond(declined, on_nudge("unwelcome"))
        assert keys(turn) == ["survey.sorry"]
        assert Surveyed() not in turn.effects

    def test_related_services_come_after_more_and_after_i_have_it(self):
        service = Service(card="stadspas", referral=Referral(organisation="De Winkel", handover=Handover.NEVER))
        before = scene(nudge=nudge(related=(service,)))
        assert "k" not in labels(Say(words=(Phrase("help"),), buttons=nudge_buttons(before.nudge)))
        assert "k" in labels(respond(before, on_nudge("more")).says[0])
        declined = after(before, respond(before, on_nudge("no")))
        assert "k" in labels(respond(declined, on_nudge("have_it")).says[0])
        assert "k" not in labels(respond(declined, on_nudge("not_about_me")).says[0])
        told = respond(before, Press("k", 7, "stadspas"))
        assert keys(told) == ["card.stadspas.name", "card.stadspas.body", "refer.never"]
        assert "De Winkel" in wording().say("refer.never", "nl", told.says[0].words[-1].params)
        assert respond(before, Press("k", 7, "kindpakket")).effects == ()

    def test_a_referral_names_the_organisation_and_what_it_is_told(self):
        elsewhere = Referral(organisation="Dienst Toeslagen", handover=Handover.ON_CITIZEN_ACTION)
        turn = respond(scene(nudge=nudge(referral=elsewhere)), on_nudge("more"))
        assert keys(turn) == ["card.zorgtoeslag.body", "refer.on_citizen_action"]

    def test_after_a_no_an_old_later_does_not_open_the_offer_again(self):
        turn = respond(scene(nudge=nudge(choices=frozenset({Choice.NO}))), on_nudge("later.30"))
        assert (turn.effects, keys(turn)) == ((), ["already.notice"])

    def test_i_look_myself_leaves_the_page_and_the_ways_on(self):
        turn = respond(scene(nudge=nudge(choices=frozenset({Choice.MORE}))), on_nudge("self"))
        assert turn.effects == (Answered(7, Choice.SELF),)
        assert keys(turn) == ["card.zorgtoeslag.body", "nudge.self"]
        assert labels(turn.says[0]) == ["contact", "why", "stop"]

    def test_contact_is_not_offered_by_a_service_that_only_informs(self):
        turn = respond(scene(nudge=nudge(asks_contact=False)), on_nudge("contact"))
        assert (turn.effects, keys(turn)) == ((), ["old.notice"])

    @pytest.mark.parametrize("there", [None, nudge(message=8)])
    def test_a_press_on_a_nudge_that_is_not_theirs_changes_nothing(self, there):
        for choice in (*Choice, "later.30"):
            turn = respond(scene(nudge=there), on_nudge(choice))
            assert (turn.effects, keys(turn)) == ((), ["old.notice"])

    def test_pressing_the_same_answer_twice_counts_once(self):
        for choice in ("more", "no", "why", "contact"):
            once = respond(scene(), on_nudge(choice))
            assert respond(after(scene(), once), on_nudge(choice)).effects == ()


class TestWhy:
    def test_it_tells_the_origin_that_the_signal_has(self):
        told = Phrase("situation.moved")
        for origin, extra, first in (
            (Origin.CALENDAR, {}, "why.calendar"),
            (Origin.SELF, {"situation": told}, "why.self"),
            (Origin.SELF, {}, "why.self.unnamed"),
            (Origin.PROFESSIONAL, {"said_by": "Team Oost"}, "why.professional"),
            (Origin.PROFESSIONAL, {}, "why.professional.unnamed"),
            (Origin.REGISTER, {"data_used": ("huur",), "legal_basis": "de wet"}, "why.register"),
        ):
            turn = respond(scene(nudge=nudge(origin=origin, **extra)), Command("why"))
            assert keys(turn) == [first, "why.ground", "why.service"]

    def test_we_did_not_look_at_your_data_is_said_of_calendar_signals_only(self):
        for origin in Origin:
            turn = respond(scene(nudge=nudge(origin=origin, said_by="x")), Command("why"))
            text = " ".join(wording().say(phrase.key, "nl", phrase.params) for phrase in turn.says[0].words)
            assert ("keken niet in uw gegevens" in text) == (origin is Origin.CALENDAR)

    def test_a_lottery_is_told(self):
        assert keys(respond(scene(nudge=nudge(chance=50)), Command("why")))[-1] == "why.lot"
        assert keys(respond(scene(nudge=nudge(words_by_lot=True)), Command("why")))[-1] == "why.words_by_lot"

    def test_a_teaser_that_was_not_opened_keeps_its_subject_to_itself(self):
        closed = nudge(card=card(sensitivity=Sensitivity.S2))
        assert "why.service" not in keys(respond(scene(nudge=closed), on_nudge("why")))
        opened = replace(closed, choices=frozenset({Choice.MORE}))
        assert "why.service" in keys(respond(scene(nudge=opened), on_nudge("why")))

    def test_the_way_to_the_themes_and_stop_stand_below_it(self):
        assert labels(respond(scene(), on_nudge("why")).says[0]) == ["s.themes", "stop"]

    def test_without_any_nudge_it_says_so(self):
        assert keys(respond(scene(nudge=None), Command("why"))) == ["why.none"]


class TestTheResearchQuestion:
    @pytest.mark.parametrize("choice", ["later.30", "self"])
    def test_it_follows_an_answer_when_it_is_due(self, choice):
        turn = respond(scene(survey_due=True), on_nudge(choice))
        assert Surveyed() in turn.effects
        assert keys(turn)[-1] == "survey.welcome"
        assert Surveyed() not in respond(scene(survey_due=False), on_nudge(choice)).effects

    @pytest.mark.parametrize("choice", ["more", "why", "not_now", "no", "stop"])
    def test_it_does_not_come_between_a_question_and_its_answer(self, choice):
        assert Surveyed() not in respond(scene(survey_due=True), on_nudge(choice)).effects

    def test_it_is_never_asked_about_illness_or_debt(self):
        sore = nudge(card=card(sensitivity=Sensitivity.S3))
        assert Surveyed() not in respond(scene(survey_due=True, nudge=sore), on_nudge("no")).effects

    def test_every_second_time_it_is_one_of_the_eight_dimensions_in_turn(self):
        asked = []
        for turn_number in range(18):
            turn = respond(scene(survey_due=True, survey_turn=turn_number), on_nudge("self"))
            asked.append(keys(turn)[2])
        assert asked[::2] == ["survey.welcome"] * 9
        dimensions = [f"survey.dimension.{name}" for name in survey.DIMENSIONS]
        assert asked[1::2] == [*dimensions, dimensions[0]]

    def test_a_dimension_is_marked_as_our_reading_and_answered_once(self):
        before = scene(survey_due=True, survey_turn=1)
        turn = respond(before, on_nudge("self"))
        assert keys(turn)[-1] == "survey.working"
        said = respond(before, Press("q", 7, "no.complexity"))
        assert said.effects == (Opinion(7, "complexity", "no"),)
        assert respond(after(before, said), Press("q", 7, "yes.complexity")).effects == ()

    def test_welcome_and_expected_are_two_questions(self):
        first = respond(scene(), Press("q", 7, "unwelcome"))
        assert first.effects == (Answered(7, Choice.UNWELCOME),)
        assert keys(first) == ["survey.sorry", "survey.expected"]
        second = respond(after(scene(), first), Press("q", 7, "unexpected"))
        assert (second.effects, keys(second)) == ((Answered(7, Choice.UNEXPECTED),), ["survey.done"])

    def test_a_second_opinion_is_not_taken(self):
        said = after(scene(), respond(scene(), Press("q", 7, "welcome")))
        turn = respond(said, Press("q", 7, "unwelcome"))
        assert (turn.effects, keys(turn)) == ((), ["already.notice"])


class TestSettings:
    def test_the_themes_show_what_each_button_will_do(self):
        turn = respond(scene(), Press("s", 0, "themes"))
        assert labels(turn.says[0]) == ["t.turn_off", "t.turn_on", "t.turn_on", "t.turn_on"]

    def test_turning_a_theme_on_asks_for_consent_first(self):
        turn = respond(scene(), Press("t", 0, "ask.care"))
        assert turn.effects == ()
        assert turn.says[0].asks_consent == "care"
        given_ = respond(scene(), press_of(turn.says[0], "t.yes"))
        assert given_.effects == (Consent("care", GIVEN),)

    def test_turning_one_theme_on_does_not_ask_about_the_others(self):
        turn = respond(scene(consents={"money": WITHDRAWN}), Press("t", 0, "yes.care"))
        assert [say.asks_consent for say in turn.says] == [None, None]

    def test_turning_a_theme_off_takes_one_press(self):
        turn = respond(scene(), Press("t", 0, "off.money"))
        assert (turn.effects, keys(turn)) == ((Consent("money", WITHDRAWN),), ["theme.off"])

    @pytest.mark.parametrize(
        ("before", "recorded"),
        [(WITHDRAWN, WITHDRAWN), (EXPIRED, WITHDRAWN), (REFUSED, REFUSED), (ASKED, REFUSED)],
    )
    def test_turning_off_what_is_off_is_recorded_and_takes_back_only_what_was_given(self, before, recorded):
        turn = respond(scene(consents={"money": before}), Press("t", 0, "off.money"))
        assert (turn.effects, keys(turn)) == ((Consent("money", recorded),), ["already.notice"])

    def test_a_no_to_a_theme_that_is_on_withdraws_it(self):
        assert respond(scene(), Press("d", 0, "no.money")).effects == (Consent("money", WITHDRAWN),)

    def test_asking_for_a_theme_that_is_on_does_not_ask_again(self):
        turn = respond(scene(), Press("t", 0, "ask.money"))
        assert (turn.effects, keys(turn)) == ((), ["already.notice"])

    def test_a_pause_names_its_last_day_and_can_be_ended(self):
        turn = respond(scene(), Press("s", 0, "pause.90"))
        assert turn.effects == (PauseUntil(NOW + timedelta(days=90)),)
        assert turn.says[0].words == (Phrase("pause.set", {"date": date(2027, 2, 22)}),)
        ended = respond(after(scene(), turn), press_of(turn.says[0], "s.pause.off"))
        assert (ended.effects, keys(ended)) == ((PauseUntil(None),), ["pause.ended"])

    def test_the_language_can_be_changed_and_only_to_one_that_we_speak(self):
        assert respond(scene(), Press("l", 0, "ar")).effects == (SetLanguage("ar"),)
        turn = respond(scene(), Press("l", 0, "xx"))
        assert (turn.effects, keys(turn)) == ((), ["old.notice"])

    def test_quiet_hours_of_ones_own_only_get_longer(self):
        turn = respond(scene(), Press("s", 0, "quiet.morning"))
        assert turn.effects == (SetQuiet((time(12), time(9))),)
        short = scene(quiet_rules=(time(12), time(9)))
        assert labels(respond(short, Press("s", 0, "quiet")).says[0]) == [
            "s.quiet.morning", "s.quiet.daytime", "s.quiet.usual",
        ]  # fmt: skip
        assert respond(short, Press("s", 0, "quiet.afternoon")).effects == ()

    def test_fewer_messages_a_tone_and_research_are_chosen_with_two_presses(self):
        assert respond(scene(), Press("s", 0, "often.30")).effects == (SetRest(30),)
        assert respond(scene(own_rest=30), Press("s", 0, "often.usual")).effects == (SetRest(None),)
        assert respond(scene(), Press("s", 0, "tone.practical")).effects == (SetTone(Tone.PRACTICAL),)
        assert respond(scene(), Press("s", 0, "tone.warm")).effects == (SetTone(Tone.WARM),)

    def test_research_is_a_consent_of_its_own_that_nobody_gives_by_joining(self):
        asked = respond(scene(), Press("s", 0, "research"))
        assert asked.says[0].asks_consent == RESEARCH
        assert labels(asked.says[0]) == ["s.research.yes", "s.research.no"]
        assert respond(scene(), Press("s", 0, "research.yes")).effects == (Consent(RESEARCH, GIVEN),)
        given = scene(consents={RESEARCH: GIVEN})
        assert respond(given, Press("s", 0, "research.no")).effects == (Consent(RESEARCH, WITHDRAWN),)
        assert "research.is.off" in keys(respond(scene(), Command("mydata")))

    def test_wiping_is_asked_once_with_both_answers_side_by_side(self):
        asked = respond(scene(**GONE), Press("e", 0, "ask"))
        assert (asked.effects, labels(asked.says[0])) == ((), ["e.yes", "e.no"])
        assert respond(scene(), Press("e", 0, "yes")).effects == (Erase(),)
        assert respond(scene(), Press("e", 0, "no")).effects == ()
        assert respond(scene(standing=Standing.ERASED), Press("e", 0, "yes")).effects == ()

    def test_a_consent_that_ends_soon_is_renewed_with_one_press(self):
        turn = respond(scene(renewable=frozenset({"money"})), Press("t", 0, "renew.money"))
        assert turn.effects == (Consent("money", GIVEN),)
        assert respond(scene(), Press("t", 0, "renew.money")).effects == ()

    def test_why_can_be_asked_of_earlier_messages_too(self):
        turn = respond(scene(earlier=((5, date(2026, 10, 1)),)), Command("why"))
        assert press_of(turn.says[1], "why.of") == Press("n", 5, "why")

    def test_about_tells_how_to_check_the_sender(self):
        said = " ".join(wording().say(phrase.key, "nl") for phrase in respond(scene(), Command("about")).says[0].words)
        assert wording().municipality.phone in said
        assert str(wording().municipality.website).rstrip("/") in said

    def test_settings_before_joining_lead_to_the_door(self):
        assert keys(respond(scene(**NEW), Command("settings"))) == ["language.ask"]
        assert keys(respond(scene(**GONE), Command("settings"))) == ["welcome.back"]

    def test_every_command_is_answered_and_an_unknown_one_with_help(self):
        for name, first in (
            ("settings", "settings"), ("why", "why.calendar"), ("privacy", "privacy"), ("help", "help"),
            ("mydata", "mydata"), ("language", "language.ask"), ("situation", "situation.ask"), ("weather", "help"),
        ):  # fmt: skip
            assert keys(respond(scene(), Command(name)))[0] == first

    def test_what_is_kept_can_be_seen(self):
        now = scene(requests=(OpenRequest(id=3, how="phone", promised_by=TODAY),), told=frozenset({"moved"}))
        said = keys(respond(now, Command("mydata")))
        for key in ("mydata.joined", "mydata.language", "themes.chosen", "mydata.received", "mydata.told",
                    "mydata.request.phone", "mydata.rest"):  # fmt: skip
            assert key in said

    def test_help_names_what_we_never_ask_and_the_number_for_emergencies(self):
        text = " ".join(wording().say(phrase.key, "nl") for phrase in respond(scene(), Command("help")).says[0].words)
        assert "BSN" in text
        assert "112" in text


class TestOwnWords:
    def test_a_situation_is_told_once(self):
        turn = respond(scene(), Press("y", 0, "moved"))
        assert turn.effects == (TellSituation("moved"),)
        back = respond(after(scene(), turn), Press("y", 0, "back.moved"))
        assert (back.effects, keys(back)) == ((TakeBackSituation("moved"),), ["situation.taken_back"])
        assert respond(scene(), Press("y", 0, "back.moved")).effects == ()
        assert keys(turn) == ["situation.told", "situation.perhaps"]
        assert respond(after(scene(), turn), Press("y", 0, "moved")).effects == ()

    def test_a_theme_that_it_needs_is_asked_at_once(self):
        assert respond(scene(), Press("y", 0, "looks-after")).says[-1].asks_consent == "care"

    def test_where_we_have_nothing_we_say_so(self):
        turn = respond(scene(), Press("y", 0, "baby"))
        assert keys(turn) == ["situation.told", "situation.nothing"]

    def test_none_of_these_keeps_nothing(self):
        turn = respond(scene(), Press("y", 0, "none"))
        assert (turn.effects, keys(turn)) == ((), ["situation.none"])

    def test_text_and_stickers_get_a_true_answer_and_a_way_to_a_person(self):
        turn = respond(scene(), Typed("mijn dochter is ziek"))
        assert (turn.effects, keys(turn)) == ((), ["text.unread"])
        assert labels(turn.says[0])[0] == "c.ask"
        assert "112" in wording().say("text.unread", "nl")
        assert keys(respond(scene(), Unreadable())) == ["text.unreadable"]


# For whatever is heard in whatever scene.

_states = st.sampled_from(list(ConsentState))
_cards = st.builds(
    card,
    sensitivity=st.sampled_from(list(Sensitivity)),
    status=st.sampled_from(list(CardStatus)),
    valid_until=st.sampled_from([None, TODAY, TODAY - timedelta(days=1)]),
)
_referrals = st.none() | st.builds(Referral, organisation=st.just("Elders"), handover=st.sampled_from(list(Handover)))
_nudges = st.builds(
    nudge,
    card=_cards,
    chance=st.none() | st.integers(0, 100),
    words_by_lot=st.booleans(),
    origin=st.sampled_from(list(Origin)),
    said_by=st.sampled_from([None, "", "Team Oost"]),
    situation=st.sampled_from([None, Phrase("situation.moved")]),
    choices=st.frozensets(st.sampled_from(list(Choice)), max_size=4),
    asks_contact=st.booleans(),
    opinions=st.frozensets(st.sampled_from(survey.DIMENSIONS), max_size=2),
    referral=_referrals,
    related=st.sampled_from([(), (Service(card="stadspas"),)]),
)
_drafts = st.fixed_dictionaries(
    {"kind": st.sampled_from(["c", "r"]), "ref": st.sampled_from(["0", "7", "12"])},
    optional={"phone": st.just("+31612345678")},
)
_flows = st.builds(
    Flow,
    step=st.sampled_from(["number", "when"]),
    draft=_drafts,
    ends_at=st.sampled_from([NOW - timedelta(seconds=1), NOW + timedelta(hours=1)]),
)
_requests = st.builds(
    OpenRequest,
    id=st.just(12),
    how=st.sampled_from(["chat", "phone", "desk"]),
    talking=st.booleans(),
    reminded=st.booleans(),
    promised_by=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
    message=st.sampled_from([None, 7]),
)
scenes = st.builds(
    scene,
    standing=st.sampled_from(list(Standing)),
    language=st.sampled_from(["nl", "en", "ar"]),
    consents=st.dictionaries(st.sampled_from(THEMES), _states),
    paused_until=st.sampled_from([None, NOW - timedelta(days=1), NOW + timedelta(days=9)]),
    nudge=st.none() | _nudges,
    flow=st.none() | _flows,
    requests=st.lists(_requests, max_size=1).map(tuple),
    survey_due=st.booleans(),
    link=st.sampled_from([None, *LinkResult]),
    joined=st.sampled_from([None, TODAY]),
    received=st.integers(0, 200),
    earlier=st.sampled_from([(), ((5, TODAY),)]),
    tone=st.sampled_from([None, Tone.WARM]),
    own_rest=st.sampled_from([None, 30]),
    renewable=st.frozensets(st.sampled_from(THEMES)),
    survey_turn=st.integers(0, 40),
    person_code=st.sampled_from(["", "ABCD-EFGH"]),
    emergencies=st.just(wording().emergencies),
    told=st.frozensets(st.sampled_from(["moved", "baby"])),
)
_free = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_.-", min_size=1, max_size=40)
presses = st.builds(
    Press,
    st.sampled_from(["l", "w", "d", "t", "n", "c", "r", "q", "s", "y", "e", "k", "x"]),
    st.sampled_from([0, 7, 8, 12, 10**12]),
    st.sampled_from([str(choice) for choice in ALL_CHOICES]) | _free,
)
texts = st.text(max_size=40) | st.sampled_from(
    ["stop", "zelfmoord", "bsn 123456782", "0612345678", "+49 30 901820", "0900 1234", "112", "توقف"]
)
heards: st.SearchStrategy[Heard] = st.one_of(
    presses,
    st.builds(Typed, texts),
    st.builds(
        Command, st.sampled_from(["start", "stop", "settings", "situation", "why", "mydata", "privacy", "about", "x"])
    ),
    st.builds(SharedContact, st.sampled_from(["31612345678", "+31612345678", "1"]), st.booleans()),
    st.sampled_from([Blocked(), Unblocked(), Unreadable()]),
)
many = settings(max_examples=400, deadline=None)


class TestWhateverIsHeard:
    @many
    @given(scenes, heards)
    def test_there_is_an_answer_that_can_be_said_and_sent(self, before: Scene, heard: Heard):
        turn = respond(before, heard)
        for phrase in phrases(turn):
            assert wording().say(phrase.key, before.language, phrase.params)
        if turn.notice is not None:
            assert turn.says == ()
            assert turn.effects == ()
        for say in turn.says:
            assert say.words
            assert say.keyboard == "none" or (not say.buttons and not say.replaces)
            assert len({button.press for button in say.buttons}) == len(say.buttons)
            for button in say.buttons:
                assert button.press is not None
                data = write_press(button.press)
                assert len(data.encode()) <= 64
                assert read_press(data) == button.press

    @many
    @given(scenes, heards)
    def test_no_nudge_leaves_by_this_door(self, before: Scene, heard: Heard):
        for say in respond(before, heard).says:
            if any(phrase.key in wording().variants for phrase in say.words):
                assert say.replaces
                assert isinstance(heard, Press)

    @many
    @given(scenes, heards)
    def test_whoever_does_not_take_part_is_asked_but_never_signed_up(self, before: Scene, heard: Heard):
        if before.standing is Standing.ACTIVE:
            return
        for effect in respond(before, heard).effects:
            match effect:
                case SetLanguage() | Join() | Leave() | Step(None) | Erase():
                    pass
                case _:
                    assert effect == Answered(7, Choice.WHY)

    @many
    @given(scenes, heards)
    def test_consent_comes_from_a_yes_to_its_own_theme_and_joining_from_a_yes_at_the_door(self, before, heard):
        for effect in respond(before, heard).effects:
            match effect:
                case Consent(theme, ConsentState.GIVEN):
                    assert isinstance(heard, Press)
                    assert heard.choice in {f"yes.{theme}", f"renew.{theme}", "research.yes"}
                    assert (theme == RESEARCH) == (heard.choice == "research.yes")
                case Join():
                    assert heard == Press("w", heard.ref, "yes")
                case _:
                    pass

    @many
    @given(scenes, heards)
    def test_hearing_it_twice_changes_nothing_the_second_time(self, before: Scene, heard: Heard):
        once = after(before, respond(before, heard))
        twice = after(once, respond(once, heard))
        assert replace(twice, update=once.update) == once

    @many
    @given(scenes)
    def test_a_stop_ends_everything_from_anywhere(self, before: Scene):
        ended = after(before, respond(before, Command("stop")))
        assert ended.standing in {Standing.STOPPED, Standing.ERASED}
        if before.standing is Standing.ACTIVE:
            assert not ended.requests
            assert GIVEN not in ended.consents.values()

    @many
    @given(scenes, heards)
    def test_accepting_and_declining_stand_side_by_side(self, before: Scene, heard: Heard):
        for say in respond(before, heard).says:
            shown = labels(say)
            pairs = (("w.yes", {"w.no", "w.leave"}), ("t.yes", {"t.no"}), ("more", {"no"}), ("self", {"no"}))
            for accept, decline in pairs:
                assert accept not in shown or decline & set(shown)
            if any(button.press and button.press.kind == "n" for button in say.buttons):
                assert "stop" in shown
                assert "why" in shown or any(phrase.key.startswith("why.") for phrase in say.words)

    @many
    @given(scenes, heards)
    def test_a_contact_is_promised_only_with_a_way_to_keep_it(self, before: Scene, heard: Heard):
        for effect in respond(before, heard).effects:
            if isinstance(effect, AskContact):
                assert (effect.phone is not None) == (effect.how == "phone")
                assert effect.message in {None, 7}
                assert effect.promised_by == before.promise


class TestItsWords:
    @pytest.fixture
    def strings(self) -> tuple[set[str], list[re.Pattern[str]]]:
        """The string constants of our code, and its f-strings as patterns, where they hold more than a variable."""
        constants, patterns = set(), []
        for file in Path(bot.__file__).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    constants.add(node.value)
                elif isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
                    parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in node.values)
                    patterns.append(re.compile("".join(parts)))
        return constants, patterns

    def test_every_phrase_named_in_the_core_is_in_the_messages(self):
        missing = set()
        for file in (Path(bot.__file__).parent / "core").glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Phrase":
                    match node.args[0]:
                        case ast.Constant(value=str(key)) if not wording().has(key):
                            missing.add(key)
        assert missing == set()

    def test_every_phrase_in_bot_toml_is_said_somewhere(self, strings):
        constants, patterns = strings
        unsaid = {
            key
            for key, source in wording().sources.items()
            if source.file == "bot.toml"
            and key not in constants
            and key.removeprefix("button.") not in ({choice.value for choice in Choice} | {"share_phone"})
            and not key.startswith("leaflet.")  # bot.leaflets says all that begin so
            and not any(pattern.fullmatch(key) for pattern in patterns)
        }
        assert unsaid == set()

    @pytest.mark.parametrize("language", ["en", "ar"])
    def test_every_phrase_is_translated(self, language):
        ours = [key for key, source in wording().sources.items() if source.file == "bot.toml"]
        lacking = [key for key in ours if wording().forms(key, language) is None]
        assert lacking == []

    @pytest.mark.parametrize("language", ["nl", "en", "ar"])
    def test_buttons_are_short_enough_to_be_read_whole(self, language):
        themes = [{"theme": Phrase(f"theme.{theme}")} for theme in wording().themes]
        long = [
            text
            for key in wording().sources
            if key.startswith("button.")
            for params in (themes if key.startswith("button.t.turn") else [{}])
            if key not in {"button.k", "button.y.back", "button.why.of"}  # they name what may be longer
            if len(text := re.sub("[\u2068\u2069]", "", wording().say(key, language, params))) > 30
        ]
        assert long == []

    @pytest.mark.parametrize("language", ["nl", "en", "ar"])
    def test_lines_that_telegram_bounds_keep_to_it(self, language):
        for key, most in (("about.description", 512), ("about.short", 120), *((key, 200) for key in
                          ("old.notice", "already.notice", "stopped.notice"))):  # fmt: skip
            assert len(wording().say(key, language)) <= most

    def test_languages_are_called_by_their_own_name_in_every_language(self):
        for language, name in (("nl", "Nederlands"), ("en", "English"), ("ar", "العربية")):
            said = {wording().say(f"button.l.{language}", read).strip("\u2068\u2069") for read in ("nl", "en", "ar")}
            assert said == {name}

    def test_what_the_words_promise_is_what_the_rules_say(self):
        assert wording().rules.min_gap >= timedelta(days=14)
        assert wording().rules.consent_years <= 2
