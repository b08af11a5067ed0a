"""The sandbox accepts, refuses and formats what Telegram does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.sandbox.text import units
from tests.sandbox.stage import AMINA, TOKEN, YES_NO, World

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is refused, and with which words


async def test_what_telegram_refuses_is_refused_with_its_words(world: World) -> None:
    message = await world.result("sendMessage", chat_id=AMINA, text="Hallo", reply_markup=YES_NO)
    own = {"chat_id": AMINA, "message_id": message["message_id"]}
    await world.result("setMyCommands", commands=[{"command": "stop", "description": "Stop"}])

    def buttons(**button: str) -> dict[str, object]:
        return {"chat_id": AMINA, "text": "x", "reply_markup": {"inline_keyboard": [[button]]}}

    refused: Sequence[tuple[str, dict[str, Any], str]] = (
        ("sendMessage", {"chat_id": 999, "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": "@nobody", "text": "x"}, "chat not found"),
        ("sendMessage", {"text": "x"}, "chat_id is empty"),
        ("sendMessage", {"chat_id": AMINA}, "message text is empty"),
        ("sendMessage", {"chat_id": AMINA, "text": " \n "}, "message text is empty"),
        ("sendMessage", {"chat_id": AMINA, "text": "x" * 4097}, "message is too long"),
        ("sendMessage", {"chat_id": AMINA, "text": "x", "parse_mode": "Markdown"}, "unsupported parse_mode"),
        (
            "sendMessage",
            {"chat_id": AMINA, "text": "é<b>x", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            "sendMessage",
            {"chat_id": AMINA, "text": "é<h1>x</h1>", "parse_mode": "HTML"},
            'can\'t parse entities: Unsupported start tag "h1" at byte offset 2',
        ),
        (
            "sendMessage",
            {"chat_id": AMINA, "text": "1 < 2", "parse_mode": "HTML"},
            'can\'t parse entities: Unsupported start tag "" at byte offset 2',
        ),
        (
            "sendMessage",
            {"chat_id": AMINA, "text": "<b>x</i>", "parse_mode": "HTML"},
            'can\'t parse entities: Unmatched end tag at byte offset 4, expected "</b>", found "</i>"',
        ),
        (
            "sendMessage",
            {"chat_id": AMINA, "text": "x</b>", "parse_mode": "HTML"},
            "can't parse entities: Unexpected end tag at byte offset 1",
        ),
        (
            "sendMessage",
            {"chat_id": AMINA, "text": "x", "entities": [{"type": "bold", "offset": 0, "length": 2}]},
            (
                "can't parse entities: entity beginning at UTF-16 offset 0 ends after the end of the text "
                "at UTF-16 offset 2"
            ),
        ),
        ("sendMessage", buttons(text="x", callback_data="ن" * 33), "BUTTON_DATA_INVALID"),
        ("sendMessage", buttons(text="x", callback_data=""), "BUTTON_DATA_INVALID"),
        (
            "sendMessage",
            buttons(text="x"),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            buttons(text="x", url="nowhere"),
            "inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL",
        ),
        (
            "editMessageText",
            {**own, "text": "Hallo", "reply_markup": YES_NO},
            (
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            ),
        ),
        ("editMessageText", {"chat_id": AMINA, "message_id": 99, "text": "x"}, "message to edit not found"),
        ("editMessageText", {"chat_id": AMINA, "message_id": 1, "text": "x"}, "message can't be edited"),
        ("deleteMessage", {"chat_id": AMINA, "message_id": 99}, "message to delete not found"),
        ("copyMessage", {"chat_id": AMINA, "from_chat_id": AMINA, "message_id": 99}, "message to copy not found"),
        ("sendChatAction", {"chat_id": AMINA, "action": "dancing"}, "wrong parameter action in request"),
        (
            "answerCallbackQuery",
            {"callback_query_id": "1"},
            "query is too old and response timeout expired or query ID is invalid",
        ),
        ("setMyCommands", {"commands": [{"command": "Stop", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [{"command": "stop", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("getFile", {"file_id": "x"}, "invalid file_id"),
        ("leaveChat", {"chat_id": AMINA}, "chat member status can't be changed in private chats"),
        (
            "setWebhook",
            {"url": "http://127.0.0.1:1/", "secret_token": "no spaces"},
            "secret token contains unallowed characters",
        ),
    )
    for method, params, words in refused:
        assert await world.refusal(method, **params) == (400, f"Bad Request: {words}"), (method, params)
    assert [shown.text for shown in world.sandbox.messages(AMINA)] == ["/start lib_42", "Hallo"]


async def test_what_lies_just_within_the_limits_is_accepted(world: World) -> None:
    data = "ن" * 32
    keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}

    await world.result("sendMessage", chat_id=AMINA, text="ن" * 4096, reply_markup=keyboard)
    await world.result("sendMessage", chat_id=AMINA, text=f"<b>{'x' * 4096}</b>", parse_mode="HTML")

    world.sandbox.press(AMINA, data)


async def test_an_unknown_method_is_refused_and_never_true(world: World) -> None:
    assert await world.refusal("sendDice", chat_id=AMINA) == (404, "Not Found: method not found")


async def test_a_wrong_token_is_unauthorized(world: World) -> None:
    async with world.session.get(f"{world.running.url}/bot1:other/getMe") as answer:
        assert answer.status == 401
        assert await answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_a_call_may_come_as_query_form_multipart_or_json_in_any_case_of_the_method(world: World) -> None:
    url = f"{world.running.url}/bot{TOKEN}/SENDmessage"
    params = {"chat_id": str(AMINA), "text": "x", "reply_markup": json.dumps(YES_NO)}
    multipart = aiohttp.FormData(params, default_to_multipart=True)
    for request in (
        world.session.get(url, params=params),
        world.session.post(url, data=params),
        world.session.post(url, data=multipart),
        world.session.post(url, json={**params, "reply_markup": YES_NO, "entities": None}),
    ):
        async with request as answer:
            message = (await answer.json())["result"]
        assert message["reply_markup"] == YES_NO


async def test_absent_fields_are_left_out(world: World) -> None:
    message = await world.result("sendMessage", chat_id=AMINA, text="x")

    assert message.keys() == {"message_id", "from", "chat", "date", "text"}
    assert message["from"]["is_bot"] is True


async def test_html_becomes_entities_in_utf_16_units(world: World) -> None:
    source = (
        'é😀<b>vet <i>en</i></b> &lt;x&gt; <a href="https://x.nl/?a=1&amp;b=2">hier</a> '
        '<pre><code class="language-py">p()</code></pre> <a href="javascript:x">kaal</a>'
    )

    message = await world.result("sendMessage", chat_id=AMINA, text=f"  {source}\n", parse_mode="HTML")

    assert message["text"] == "é😀vet en <x> hier p() kaal"
    assert message["entities"] == [
        {"type": "bold", "offset": 3, "length": 6},
        {"type": "italic", "offset": 7, "length": 2},
        {"type": "text_link", "offset": 14, "length": 4, "url": "https://x.nl/?a=1&b=2"},
        {"type": "pre", "offset": 19, "length": 3, "language": "py"},
    ]


async def test_commands_and_links_are_found_in_plain_text(world: World) -> None:
    world.sandbox.message(AMINA, "😀 /stop, see https://x.nl/a. or/not a@b.nl")

    message = (await world.updates())[-1]["message"]
    pieces = [
        (
            e["type"],
            message["text"].encode("utf-16-le")[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le"),
        )
        for e in message["entities"]
    ]
    assert pieces == [("bot_command", "/stop"), ("url", "https://x.nl/a"), ("email", "a@b.nl")]
    assert units("😀") == 2


# Editing and deleting


async def test_an_edit_without_a_keyboard_takes_it_away(world: World) -> None:
    sent = await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)

    edited = await world.result("editMessageText", chat_id=AMINA, message_id=sent["message_id"], text="?")

    assert "reply_markup" not in edited
    assert world.sandbox.messages(AMINA)[-1].buttons == ()
    assert world.sandbox.messages(AMINA)[-1].edited


async def test_a_message_is_deleted_within_48_hours_only(world: World) -> None:
    first, second = [await world.result("sendMessage", chat_id=AMINA, text=text) for text in ("one", "two")]
    world.clock.pass_by(48 * 3600)
    await world.result("deleteMessage", chat_id=AMINA, message_id=first["message_id"])
    world.clock.pass_by(1)

    assert await world.refusal("deleteMessage", chat_id=AMINA, message_id=second["message_id"]) == (
        400,
        "Bad Request: message can't be deleted for everyone",
    )
    assert [shown.text for shown in world.sandbox.messages(AMINA)] == ["/start lib_42", "two"]
