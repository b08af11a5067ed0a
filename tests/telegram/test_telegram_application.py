import json
from dataclasses import replace

import pytest
from telegram_fakes import AMINA, BRAM

from bot.core.talk import Blocked, Command, Press, SharedContact, Typed, Unblocked, Unreadable
from bot.errors import ChannelClosedError, RejectedError, SettingsError
from bot.journey import Label, Outgoing, Speaker
from bot.sandbox import Fault
from bot.telegram.application import COMMANDS, UNKNOWN_PRESS, check_bot, introduce
from bot.telegram.channel import TelegramChannel
from bot.telegram.inbox import set_webhook

GROUP = {"id": -100_987, "type": "supergroup", "title": "Buurt"}
PERSON = {"id": AMINA, "is_bot": False, "first_name": "Amina", "language_code": "ar"}
FILE = {"file_id": "a", "file_unique_id": "b"}
PRIVATE = {"id": AMINA, "type": "private", "first_name": "Amina"}


def message(**content):
    return {"message_id": 900, "date": 1_772_000_000, "from": PERSON, "chat": PRIVATE, **content}


async def came_out(living, sandbox, update) -> str:
    """What became of a raw update."""
    number = sandbox.raw_update(update)
    await living.until(lambda: living.state.get(number) not in {None, "new"})
    return living.state[number]


async def heard(living, count: int = 1):
    await living.until(lambda: len(living.heard) >= count)
    return [what for _, _, what in living.heard]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("/start", Command("start")),
        ("/start lib_42", Command("start", "lib_42")),
        ("/STOP", Command("stop")),
        ("/stop@handreiking_demo_bot nu  graag", Command("stop", "nu  graag")),
        ("/onbekend", Command("onbekend")),
        ("/ huh", Typed("/ huh")),
        ("Dag gemeente", Typed("Dag gemeente")),
        ("مرحبا", Typed("مرحبا")),
    ],
)
async def test_words_and_commands_are_heard_as_written(living, sandbox, text, what):
    sandbox.message(AMINA, text, language="ar")
    assert await heard(living) == [what]
    assert living.heard[0][1] == Speaker(str(AMINA), "ar")


async def press(living, sandbox, bot, data: str, notice: str | None = None) -> None:
    sandbox.start(AMINA)
    await heard(living)
    await TelegramChannel(bot).send(Outgoing(id=1, chat=str(AMINA), text="Vraag", buttons=(Label("Ja", data=data),)))
    if notice is not None:
        living.notices[living.heard[0][0] + 1] = notice


async def test_a_press_is_heard_and_answered_with_the_notice(living, sandbox, bot):
    await press(living, sandbox, bot, "v1|n|1z|later", "Dat is goed")
    query = sandbox.press(AMINA, "Ja")
    assert (await heard(living, 2))[1] == Press("n", 71, "later", on=2)
    sandbox.message(AMINA, "daarna")
    await heard(living, 3)
    assert sandbox.calls("answerCallbackQuery")[0].params == {"callback_query_id": query, "text": "Dat is goed"}


@pytest.mark.parametrize("data", ["v2|n|1|later", "v1|n|1|", "noise", "v1|n|1|later'; DROP"])
async def test_a_press_that_is_not_of_our_making_is_heard_as_unknown(living, sandbox, bot, data):
    await press(living, sandbox, bot, data)
    sandbox.press(AMINA, "Ja")
    assert (await heard(living, 2))[1] == replace(UNKNOWN_PRESS, on=2)


async def test_a_press_answered_too_late_keeps_its_effect(living, sandbox, bot):
    await press(living, sandbox, bot, "v1|n|1|stop", "Gestopt")
    sandbox.late_press(AMINA, "Ja")
    await heard(living, 2)
    sandbox.message(AMINA, "daarna")
    await heard(living, 3)
    assert sandbox.calls("answerCallbackQuery")[0].answer["error_code"] == 400
    assert (list(living.state.values()), living.errors) == (["done"] * 3, [])


async def test_a_press_on_a_message_that_telegram_no_longer_keeps_is_heard(living, sandbox):
    query = {"id": "1", "from": PERSON, "chat_instance": "1", "data": "v1|n|1|stop"}
    assert await came_out(living, sandbox, {"callback_query": query}) == "done"
    assert living.heard[0][1:] == (Speaker(str(AMINA), "ar"), Press("n", 1, "stop"))


async def test_an_own_number_and_the_card_of_another_are_told_apart(living, sandbox):
    sandbox.start(AMINA)
    sandbox.contact(AMINA, "31612345678")
    sandbox.contact(AMINA, "31687654321", owner=BRAM)
    sandbox_card = message(contact={"phone_number": "3120", "first_name": "Huisarts"})
    sandbox.raw_update({"message": sandbox_card})
    cards = [
        SharedContact("31612345678", own=True),
        SharedContact("31687654321", own=False),
        SharedContact("3120", own=False),
    ]
    assert (await heard(living, 4))[1:] == cards


async def test_a_block_and_its_end_are_heard(living, sandbox):
    sandbox.start(AMINA)
    sandbox.block(AMINA)
    sandbox.unblock(AMINA)
    sandbox.delete_chat(AMINA)
    assert (await heard(living, 4))[1:] == [Blocked(), Unblocked(), Blocked()]


@pytest.mark.parametrize(
    "content",
    [
        {"sticker": {**FILE, "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}},
        {"voice": {**FILE, "duration": 3}},
        {"location": {"latitude": 52.1, "longitude": 5.1}},
        {"photo": [{**FILE, "width": 1, "height": 1}], "caption": "/stop"},
        {"thing_of_the_future": {"x": 1}},
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_heard_as_unreadable(living, sandbox, content):
    assert await came_out(living, sandbox, {"message": message(**content)}) == "done"
    assert await heard(living) == [Unreadable()]


@pytest.mark.parametrize(
    "update",
    [
        {"message": message(pinned_message=message(text="x"))},
        {"message": message(message_auto_delete_timer_changed={"message_auto_delete_time": 86400})},
        {"edited_message": message(text="anders", edit_date=1_772_000_001)},
        {"message": message(text="hi") | {"from": PERSON | {"is_bot": True}}},
        {"poll_of_the_future": {"id": 1}},
    ],
)
async def test_what_nobody_says_to_us_passes_in_silence(living, application, sandbox, update):
    living.take_in([(5, json.dumps({"update_id": 5} | update))])
    await living.until(lambda: living.state[5] != "new")
    assert (living.state[5], living.heard, sandbox.calls("sendMessage")) == ("passed", [], [])


@pytest.mark.parametrize("text", ["/start", "hallo", "/stop"])
async def test_a_group_is_left_without_a_word(living, sandbox, text):
    assert await came_out(living, sandbox, {"message": message(text=text) | {"chat": GROUP}}) == "passed"
    assert [call.params["chat_id"] for call in sandbox.calls("leaveChat")] == [GROUP["id"]]
    assert (living.heard, sandbox.calls("sendMessage")) == ([], [])


async def test_being_added_to_a_group_is_enough_to_leave_it_and_being_removed_needs_no_more(living, sandbox):
    bot = {"user": {"id": 123456789, "is_bot": True, "first_name": "B"}}
    for status in ("member", "left"):
        member = {
            "chat": GROUP,
            "from": PERSON,
            "date": 1,
            "old_chat_member": bot | {"status": "left"},
            "new_chat_member": bot | {"status": status},
        }
        assert await came_out(living, sandbox, {"my_chat_member": member}) == "passed"
    assert len(sandbox.calls("leaveChat")) == 1
    assert living.heard == []


async def test_a_group_that_cannot_be_left_is_no_failure(living, sandbox):
    sandbox.fault(
        Fault(method="leaveChat", code=403, description="Forbidden: bot is not a member of the supergroup chat")
    )
    assert await came_out(living, sandbox, {"message": message(text="hi") | {"chat": GROUP}}) == "passed"
    assert living.errors == []


async def test_a_command_that_fails_is_tried_again_and_not_taken_for_free_text(living, sandbox):
    number = sandbox.world.number("update")
    living.failing[number] = 2
    sandbox.message(AMINA, "/stop")
    assert await heard(living) == [Command("stop")]
    assert living.errors == [(number, "LookupError"), (number, "LookupError")]


async def test_the_bot_may_run_when_it_is_closed_to_groups_and_polls(bot):
    await check_bot(bot, expect_webhook=None)


class Groupie:
    """A bot as BotFather makes it when nobody sets anything."""

    async def get_me(self):
        from telegram import User

        return User(1, "B", is_bot=True, can_join_groups=True, can_read_all_group_messages=True)

    async def get_webhook_info(self):
        from telegram import WebhookInfo

        return WebhookInfo("https://other.example/hook", False, 0)


async def test_a_bot_that_could_read_along_in_groups_is_refused_with_every_mend_at_once():
    with pytest.raises(SettingsError) as caught:
        await check_bot(Groupie(), expect_webhook=None)
    assert [word in str(caught.value) for word in ("/setjoingroups", "/setprivacy", "deleteWebhook")] == [True] * 3


async def test_updates_that_go_elsewhere_are_refused(bot):
    with pytest.raises(SettingsError, match="no webhook, not https"):
        await check_bot(bot, expect_webhook="https://bot.example.nl/telegram")


async def test_the_webhook_as_we_set_it_is_accepted_and_keeps_what_waits(bot, sandbox):
    sandbox.start(AMINA)
    await set_webhook(bot, "http://127.0.0.1:1/telegram", "s3cret")
    await check_bot(bot, expect_webhook="http://127.0.0.1:1/telegram")
    params = sandbox.calls("setWebhook")[0].params
    assert params["allowed_updates"] == ["message", "callback_query", "my_chat_member"]
    assert not params.get("drop_pending_updates")
    assert sandbox.calls("getWebhookInfo")[-1].answer["result"]["pending_update_count"] == 1


async def test_a_revoked_token_stops_the_start(bot, sandbox):
    sandbox.fault(Fault(method="getMe", code=401))
    with pytest.raises(ChannelClosedError, match="BotFather"):
        await check_bot(bot, expect_webhook=None)


ABOUT = {
    language: {
        "description": f"Lang ({language})",
        "short": f"Kort ({language})",
        "commands": dict.fromkeys(COMMANDS, f"Doe ({language})"),
    }
    for language in ("nl", "en", "ar")
}


async def test_the_bot_introduces_itself_in_each_language_once(bot, sandbox):
    assert await introduce(bot, ABOUT) > 0
    for asked, spoken in ((None, "nl"), ("nl", "nl"), ("en", "en"), ("ar", "ar")):
        commands = await bot.get_my_commands(language_code=asked)
        assert [(one.command, one.description) for one in commands] == [(name, f"Doe ({spoken})") for name in COMMANDS]
        assert (await bot.get_my_description(language_code=asked)).description == f"Lang ({spoken})"
        assert (await bot.get_my_short_description(language_code=asked)).short_description == f"Kort ({spoken})"
    assert await introduce(bot, ABOUT) == 0


async def test_only_what_changed_is_written_again(bot, sandbox):
    await introduce(bot, ABOUT)
    before = len([call for call in sandbox.calls() if call.method.startswith("setMy")])
    assert await introduce(bot, ABOUT | {"ar": ABOUT["ar"] | {"short": "Anders"}}) == 1
    assert len([call for call in sandbox.calls() if call.method.startswith("setMy")]) == before + 1


async def test_a_flood_while_it_introduces_itself_does_not_stop_the_start(bot, sandbox):
    sandbox.fault(Fault(method="setMyDescription", code=429, retry_after=3000))
    first = await introduce(bot, ABOUT)
    assert first + await introduce(bot, ABOUT) > first
    assert await introduce(bot, ABOUT) == 0


async def test_a_text_that_telegram_does_not_take_is_told(bot):
    with pytest.raises(RejectedError):
        await introduce(bot, {"nl": ABOUT["nl"] | {"short": "x" * 121}})


async def test_presses_of_many_people_are_heard_side_by_side(living, sandbox):
    people = range(1000, 1030)
    for person in people:
        sandbox.start(person)
    await heard(living, len(people))
    assert {speaker.chat for _, speaker, _ in living.heard} == {str(person) for person in people}
