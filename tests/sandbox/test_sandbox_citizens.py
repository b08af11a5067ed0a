"""What citizens do reaches the bot as it would from Telegram."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest
from telegram import KeyboardButton, ReplyKeyboardMarkup, ReplyKeyboardRemove

from bot.sandbox import MovableClock, Sandbox, start
from tests.sandbox.stage import AMINA, JOHN, MORNING, TOKEN, YES_NO, HandClock, World

# Presses


async def test_a_press_is_found_by_the_words_on_the_newest_button(world: World) -> None:
    await world.result("sendMessage", chat_id=AMINA, text="old", reply_markup=YES_NO)
    new = await world.result("sendMessage", chat_id=AMINA, text="new", reply_markup=YES_NO)

    query_id = world.sandbox.press(AMINA, "Yes, please")

    query = (await world.updates())[-1]["callback_query"]
    assert (query["id"], query["data"], query["message"]["message_id"]) == (query_id, "yes", new["message_id"])
    with pytest.raises(LookupError, match="sees no button 'Maybe'; there are: Yes, please, No"):
        world.sandbox.press(AMINA, "Maybe")


async def test_a_press_is_answered_once(world: World) -> None:
    await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
    query_id = world.sandbox.press(AMINA, "no")

    assert await world.result("answerCallbackQuery", callback_query_id=query_id) is True
    assert "query is too old" in (await world.refusal("answerCallbackQuery", callback_query_id=query_id))[1]


async def test_a_press_is_answered_within_15_seconds(world: World) -> None:
    await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
    in_time, too_late = world.sandbox.press(AMINA, "no"), world.sandbox.press(AMINA, "no")

    world.clock.pass_by(14)
    assert await world.result("answerCallbackQuery", callback_query_id=in_time)
    world.clock.pass_by(1)
    assert "query is too old" in (await world.refusal("answerCallbackQuery", callback_query_id=too_late))[1]


async def test_a_press_that_nobody_fetched_is_gone_after_150_seconds_but_a_text_lives_24_hours(world: World) -> None:
    await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
    world.sandbox.press(AMINA, "no")
    world.clock.pass_by(149)
    before = [sorted(update) for update in await world.updates()]
    world.clock.pass_by(1)
    after = [sorted(update) for update in await world.updates()]
    world.clock.pass_by(24 * 3600 - 150)

    assert before == [["message", "update_id"], ["callback_query", "update_id"]]
    assert after == [["message", "update_id"]]
    assert await world.updates() == []


async def test_moving_the_clock_ages_messages_but_no_press_on_its_way() -> None:
    ticks = [0.0]
    clock = MovableClock(MORNING, lambda: ticks[0])
    sandbox = Sandbox(token=TOKEN, clock=clock)
    sandbox.start(AMINA)
    running = await start(sandbox)
    async with aiohttp.ClientSession() as session:
        world = World(sandbox, running, HandClock(), session)
        sent = await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
        query_id = sandbox.press(AMINA, "no")
        clock.move_to(MORNING + timedelta(days=14))

        assert len(await world.updates()) == 2
        assert await world.result("answerCallbackQuery", callback_query_id=query_id)
        assert (await world.refusal("deleteMessage", chat_id=AMINA, message_id=sent["message_id"]))[0] == 400
        ticks[0] = 150.0
        assert len(await world.updates()) == 1
    await running.stop()


async def test_a_late_press_reaches_the_bot_too_late_to_answer_and_a_lost_one_never_does(world: World) -> None:
    await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
    late = world.sandbox.late_press(AMINA, "No")
    world.sandbox.late_press(AMINA, "No", lost=True)

    assert [u["callback_query"]["id"] for u in await world.updates() if "callback_query" in u] == [late]
    assert "query is too old" in (await world.refusal("answerCallbackQuery", callback_query_id=late))[1]


# Citizens who leave, and come back


async def test_a_block_is_told_and_every_send_is_forbidden_until_the_citizen_writes(world: World) -> None:
    await world.confirm_all()
    world.sandbox.block(AMINA)
    world.sandbox.block(AMINA)
    while_blocked = await world.refusal("sendMessage", chat_id=AMINA, text="x")
    world.sandbox.message(AMINA, "hello again")
    told = await world.updates()

    assert while_blocked == (403, "Forbidden: bot was blocked by the user")
    assert [
        (u["my_chat_member"]["old_chat_member"]["status"], u["my_chat_member"]["new_chat_member"]["status"])
        for u in told[:2]
    ] == [("member", "kicked"), ("kicked", "member")]
    assert told[2]["message"]["text"] == "hello again"
    assert len(told) == 3
    await world.result("sendMessage", chat_id=AMINA, text="welcome")


async def test_deleting_the_chat_looks_like_a_block_and_leaves_the_citizen_with_nothing(world: World) -> None:
    await world.result("sendMessage", chat_id=AMINA, text="private")
    await world.confirm_all()

    world.sandbox.delete_chat(AMINA)

    assert [u["my_chat_member"]["new_chat_member"]["status"] for u in await world.updates()] == ["kicked"]
    assert (await world.refusal("sendMessage", chat_id=AMINA, text="x"))[0] == 403
    assert world.sandbox.messages(AMINA) == []
    assert [shown.text for shown in world.sandbox.messages(AMINA, unseen=True)] == ["/start lib_42", "private"]


async def test_unblocking_is_told_without_a_message(world: World) -> None:
    await world.confirm_all()
    world.sandbox.block(AMINA)
    world.sandbox.unblock(AMINA)

    assert [u["my_chat_member"]["new_chat_member"]["status"] for u in await world.updates()] == ["kicked", "member"]


async def test_a_shared_contact_says_whose_it_is(world: World) -> None:
    keyboard = ReplyKeyboardMarkup([[KeyboardButton("Share", request_contact=True)]]).to_dict()
    sent = await world.result("sendMessage", chat_id=AMINA, text="Which number?", reply_markup=keyboard)
    shown = (await world.look(f"chat?user={AMINA}"))["keyboard"]
    world.sandbox.contact(AMINA, "31201234567")
    world.sandbox.contact(AMINA, "31207654321", owner=JOHN)
    await world.result("sendMessage", chat_id=AMINA, text="Thanks", reply_markup=ReplyKeyboardRemove().to_dict())
    cards = [u["message"]["contact"] for u in await world.updates() if "contact" in u["message"]]

    assert "reply_markup" not in sent
    assert shown["keyboard"] == [[{"text": "Share", "request_contact": True}]]
    assert [(card["phone_number"], card["user_id"]) for card in cards] == [
        ("31201234567", AMINA),
        ("31207654321", JOHN),
    ]
    assert (await world.look(f"chat?user={AMINA}"))["keyboard"] is None


async def test_a_raw_update_brings_in_a_group_that_can_be_left(world: World) -> None:
    group = {"id": -100, "type": "group", "title": "Street"}
    sender = {"id": 5, "is_bot": False, "first_name": "Eva"}
    world.sandbox.raw_update({"message": {"message_id": 9, "from": sender, "chat": group, "date": 1, "text": "hi"}})

    assert (await world.updates())[-1]["message"]["chat"] == group
    assert await world.result("leaveChat", chat_id=-100) is True
