"""From "please contact me" to a promise that names the day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from dialogue_scenes import NOW, TODAY, after, keys, labels, nudge, press_of, scene

from bot.core.contact import read_number
from bot.core.dialogue import respond
from bot.core.facts import Choice, Phrase
from bot.core.talk import (
    Answered,
    AskContact,
    CancelContact,
    Command,
    Flow,
    KeepText,
    OpenRequest,
    Press,
    RemindContact,
    Scene,
    SharedContact,
    Step,
    Surveyed,
    Turn,
    Typed,
    Unreadable,
)

PROMISED = date(2026, 11, 26)
OPEN = OpenRequest(id=12, how="phone", promised_by=PROMISED, message=7)
ASKING = Flow(step="number", draft={"kind": "c", "ref": "7"}, ends_at=NOW + timedelta(hours=24))


def walked(now: Scene, *heards: object) -> tuple[Scene, Turn]:
    """The scene before the last thing heard, and the turn that it brings."""
    for heard in heards[:-1]:
        now = after(now, respond(now, heard))
    return now, respond(now, heards[-1])


class TestAsking:
    def test_how_comes_first_with_a_way_to_say_no(self):
        turn = respond(scene(), Press("n", 7, "contact"))
        assert turn.effects == (Answered(7, Choice.CONTACT),)
        assert keys(turn) == ["contact.how"]
        assert labels(turn.says[0]) == ["c.chat", "c.phone", "c.desk", "c.nothing"]

    def test_by_chat_takes_three_presses_and_names_the_day(self):
        _, when = walked(scene(), Press("n", 7, "contact"), Press("c", 7, "chat"))
        assert labels(when.says[0]) == ["c.morning", "c.afternoon", "c.any"]
        turn = respond(scene(), press_of(when.says[0], "c.morning"))
        assert turn.effects == (AskContact(7, "chat", "morning", None, PROMISED),)
        assert turn.says[0].words[0] == Phrase("contact.promise.chat", {"date": PROMISED})
        assert labels(turn.says[0]) == ["r.change", "r.cancel", "r.remind"]
        assert press_of(turn.says[0], "r.cancel") == Press("r", 1001, "cancel")

    def test_by_phone_asks_for_a_number_first(self):
        turn = respond(scene(), Press("c", 7, "phone"))
        assert turn.effects == (Step(ASKING),)
        assert [say.keyboard for say in turn.says] == ["none", "ask_phone"]
        assert labels(turn.says[0]) == ["c.chat_instead", "c.nothing"]

    @pytest.mark.parametrize("heard", [SharedContact("31612345678", own=True), Typed("06 1234 5678")])
    def test_a_number_that_is_given_is_kept_for_the_request_and_nothing_else(self, heard):
        now, turn = walked(scene(), Press("c", 7, "phone"), heard, Press("c", 7, "phone.any"))
        assert now.flow is not None
        assert turn.effects == (Step(None), AskContact(7, "phone", "any", "+31612345678", PROMISED))
        assert after(now, turn).flow is None

    def test_the_keyboard_goes_once_the_number_is_there(self):
        turn = respond(scene(flow=ASKING), Typed("0612345678"))
        assert [say.keyboard for say in turn.says] == ["remove", "none"]
        assert keys(turn) == ["contact.number.thanks", "contact.when"]

    @pytest.mark.parametrize("heard", [Typed("bel maar"), Typed("112"), Typed("0900 1234"), Unreadable()])
    def test_what_is_no_number_leaves_the_question_open(self, heard):
        turn = respond(scene(flow=ASKING), heard)
        assert (turn.effects, keys(turn)) == ((), ["contact.number.unclear"])

    def test_somebody_elses_card_is_not_taken(self):
        turn = respond(scene(flow=ASKING), SharedContact("31612345678", own=False))
        assert (turn.effects, keys(turn)) == ((), ["contact.number.not_yours"])

    def test_a_text_after_the_number_asks_again_when(self):
        known = replace(ASKING, step="when", draft={**ASKING.draft, "phone": "+31612345678"})
        turn = respond(scene(flow=known), Typed("morgen"))
        assert (turn.effects, keys(turn)) == ((), ["contact.when"])

    def test_a_daypart_without_a_number_starts_over(self):
        turn = respond(scene(), Press("c", 7, "phone.morning"))
        assert (turn.effects, keys(turn)) == ((), ["contact.how"])

    def test_a_request_is_about_the_nudge_only_if_that_one_is_theirs(self):
        turn = respond(scene(nudge=nudge(message=8)), Press("c", 7, "chat.any"))
        assert turn.effects == (AskContact(None, "chat", "any", None, PROMISED),)

    def test_it_can_be_asked_without_any_nudge(self):
        _, turn = walked(scene(nudge=None), Press("c", 0, "ask"), Press("c", 0, "chat"), Press("c", 0, "chat.any"))
        assert turn.effects == (AskContact(None, "chat", "any", None, PROMISED),)

    def test_the_research_question_follows_the_promise_when_it_is_due(self):
        turn = respond(scene(survey_due=True), Press("c", 7, "chat.any"))
        assert Surveyed() in turn.effects
        assert keys(turn)[-1] == "survey.welcome"


class TestLeaving:
    @pytest.mark.parametrize("name", ["start", "settings", "help", "why", "stop", "privacy"])
    def test_any_command_leaves_it_and_takes_the_keyboard_away(self, name):
        turn = respond(scene(flow=ASKING), Command(name))
        assert turn.effects[0] == Step(None)
        assert turn.says[0].keyboard == "remove"

    def test_no_contact_ends_it(self):
        turn = respond(scene(flow=ASKING), Press("c", 7, "nothing"))
        assert (turn.effects, keys(turn)) == ((Step(None),), ["contact.nothing"])
        assert turn.says[0].keyboard == "remove"

    def test_choosing_the_chat_instead_no_longer_waits_for_a_number(self):
        now, turn = walked(scene(), Press("c", 7, "phone"), Press("c", 7, "chat"))
        assert turn.effects == (Step(None),)
        assert after(now, turn).flow is None
        assert [say.keyboard for say in turn.says] == ["none", "remove"]

    def test_a_talk_that_ended_by_itself_takes_no_number(self):
        late = replace(ASKING, ends_at=NOW)
        turn = respond(scene(flow=late), Typed("0612345678"))
        assert (turn.effects, keys(turn)) == ((), ["text.unread"])

    def test_a_number_that_nobody_asked_for_is_not_kept(self):
        turn = respond(scene(), SharedContact("31612345678", own=True))
        assert (turn.effects, keys(turn)) == ((), ["text.number", "text.contact"])
        assert turn.says[0].keyboard == "remove"


class TestAPromise:
    def test_a_reminder_is_asked_for_once(self):
        open_ = OpenRequest(id=12, how="desk", promised_by=PROMISED)
        turn = respond(scene(requests=(open_,)), Press("r", 12, "remind"))
        assert turn.effects == (RemindContact(12),)
        asked = after(scene(requests=(open_,)), turn)
        assert respond(asked, Press("r", 12, "remind")).effects == ()

    def test_a_talk_that_goes_on_takes_no_second_promise(self):
        talking = OpenRequest(id=12, how="chat", promised_by=TODAY, talking=True)
        turn = respond(scene(requests=(talking,)), Press("n", 7, "contact"))
        assert keys(turn) == ["talk.open"]
        assert respond(scene(requests=(talking,)), Press("r", 12, "change")).effects == ()

    def test_what_is_typed_goes_to_staff_without_numbers_of_people_and_accounts(self):
        turn = respond(scene(requests=(OPEN,)), Typed("mijn bsn is 123 456 782, groet"))
        assert turn.effects == (KeepText(OPEN.id, "mijn bsn is •••, groet"),)
        assert keys(turn) == ["text.masked", "talk.kept.early"]

    def test_without_a_request_nothing_that_is_typed_is_kept(self):
        assert respond(scene(), Typed("mag ik u iets vragen")).effects == ()

    def test_whoever_has_one_is_told_of_it_instead_of_getting_a_second(self):
        turn = respond(scene(requests=(OPEN,)), Press("n", 7, "contact"))
        assert turn.effects == (Answered(7, Choice.CONTACT),)
        assert turn.says[0].words == (Phrase("contact.already.phone", {"date": PROMISED}),)
        assert labels(turn.says[0]) == ["r.change", "r.cancel", "r.remind"]

    def test_one_that_was_broken_is_not_repeated(self):
        late = replace(OPEN, promised_by=TODAY - timedelta(days=1))
        assert keys(respond(scene(requests=(late,)), Press("c", 0, "ask"))) == ["contact.late"]

    @pytest.mark.parametrize("choice", ["chat", "phone", "chat.any", "nothing"])
    def test_an_old_button_of_that_talk_changes_nothing(self, choice):
        turn = respond(scene(requests=(OPEN,)), Press("c", 7, choice))
        assert (turn.effects, keys(turn)) == ((), ["already.notice"])

    def test_it_can_be_cancelled_with_one_press(self):
        turn = respond(scene(requests=(OPEN,)), Press("r", 12, "cancel"))
        assert (turn.effects, keys(turn)) == ((CancelContact(12),), ["contact.cancelled"])

    def test_it_stands_until_its_change_is_complete(self):
        now, turn = walked(scene(requests=(OPEN,)), Press("r", 12, "change"), Press("r", 12, "chat"))
        assert now.requests == (OPEN,)
        assert turn.effects == ()
        done = respond(now, press_of(turn.says[0], "c.afternoon"))
        assert done.effects == (CancelContact(12), AskContact(7, "chat", "afternoon", None, PROMISED))

    def test_a_change_can_be_let_be(self):
        change = respond(scene(requests=(OPEN,)), Press("r", 12, "change"))
        kept = respond(scene(requests=(OPEN,)), press_of(change.says[0], "c.keep"))
        assert (kept.effects, keys(kept)) == ((), ["contact.kept"])

    def test_a_change_to_the_phone_asks_for_a_number_and_remembers_what_it_changes(self):
        chat = replace(OPEN, how="chat")
        now, turn = walked(
            scene(requests=(chat,)), Press("r", 12, "phone"), Typed("0612345678"), Press("r", 12, "phone.morning")
        )
        asked = AskContact(7, "phone", "morning", "+31612345678", PROMISED)
        assert turn.effects == (Step(None), CancelContact(12), asked)
        assert [request.id for request in after(now, turn).requests] == [now.update]

    @pytest.mark.parametrize("choice", ["change", "cancel", "chat.any", "keep"])
    def test_a_request_that_is_not_theirs_or_no_longer_open_cannot_be_touched(self, choice):
        turn = respond(scene(requests=(OPEN,)), Press("r", 13, choice))
        assert (turn.effects, keys(turn)) == ((), ["old.notice"])


class TestANumber:
    @pytest.mark.parametrize(
        ("text", "number"),
        [("06 12345678", "+31612345678"), ("bel 010-2671625 aub", "+31102671625"), ("+49 30 901820", "+4930901820")],
    )
    def test_it_is_read_as_people_write_it(self, text, number):
        assert read_number(text, "NL") == number

    @pytest.mark.parametrize("text", ["", "112", "hallo", "0900 8844", "123", "06 1234"])
    def test_what_cannot_be_called_at_an_ordinary_rate_is_none(self, text):
        assert read_number(text, "NL") is None
