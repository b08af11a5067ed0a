"""The libraries that people really use talk to the sandbox as to Telegram."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from aiogram import Bot as AiogramBot
from aiogram import Dispatcher
from aiogram import types as aiogram_types
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramForbiddenError
from telegram import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    ReactionTypeEmoji,
    ReplyParameters,
    Update,
)
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import ApplicationBuilder, CommandHandler

from bot.sandbox import Drop, Fault
from tests.sandbox.stage import AMINA, TOKEN, YES_NO, World, png

if TYPE_CHECKING:
    from collections.abc import Sequence


async def test_python_telegram_bot_talks_to_it_without_complaint(world: World) -> None:
    async with world.bot() as bot:
        me = await bot.get_me()
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("نعم", callback_data="v1|n|7|yes")]])
        sent = await bot.send_message(
            AMINA,
            "<b>Gemeente</b> vraagt 😀 <i>iets</i>",
            parse_mode="HTML",
            reply_markup=keyboard,
            disable_notification=True,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )
        await bot.send_chat_action(AMINA, "typing")
        edited = await bot.edit_message_text("Dank u", AMINA, sent.message_id, reply_markup=keyboard)
        await bot.edit_message_reply_markup(AMINA, sent.message_id)
        await bot.set_message_reaction(AMINA, 1, ReactionTypeEmoji("👍"))
        copy = await bot.copy_message(AMINA, AMINA, sent.message_id)
        forward = await bot.forward_message(AMINA, AMINA, sent.message_id)
        reply = await bot.send_message(AMINA, "…", reply_parameters=ReplyParameters(1))
        await bot.delete_message(AMINA, copy.message_id)
        commands = [BotCommand("stop", "Stop met berichten")]
        await bot.set_my_commands(commands, language_code="nl")
        await bot.set_my_description("Berichten van de gemeente", "nl")
        await bot.set_my_short_description("Kort", "nl")
        await bot.set_my_name("Handreiking")
        about = await bot.get_my_description("nl")
        chat = await bot.get_chat(AMINA)
        updates = await bot.get_updates(timeout=0)

        assert not me.can_join_groups
        assert not me.can_read_all_group_messages
        assert [(e.type, e.offset, e.length) for e in sent.entities] == [("bold", 0, 8), ("italic", 19, 4)]
        assert sent.text == "Gemeente vraagt 😀 iets"
        assert edited.text == "Dank u"
        assert edited.edit_date is not None
        assert forward.forward_origin is not None
        assert reply.reply_to_message is not None
        assert tuple(await bot.get_my_commands(language_code="nl")) == tuple(commands)
        assert await bot.get_my_commands() == ()
        assert await bot.delete_my_commands(language_code="nl")
        assert await bot.get_my_commands(language_code="nl") == ()
        assert about.description == "Berichten van de gemeente"
        assert (await bot.get_my_short_description("nl")).short_description == "Kort"
        assert (await bot.get_my_name("en")).name == "Handreiking"
        assert chat.first_name == "Amina"
        assert updates[0].message is not None
        assert updates[0].message.text == "/start lib_42"
        assert updates[0].effective_user is not None
        assert updates[0].effective_user.language_code == "ar"


async def test_a_command_handler_of_python_telegram_bot_hears_start(world: World) -> None:
    heard = asyncio.Event()

    async def on_start(update: Update, _context: object) -> None:
        assert update.effective_chat is not None
        await update.effective_chat.send_message("Welcome")
        heard.set()

    builder = ApplicationBuilder().token(TOKEN)
    application = builder.base_url(f"{world.running.url}/bot").job_queue(None).build()
    application.add_handler(CommandHandler("start", on_start))
    async with application:
        assert application.updater is not None
        await application.start()
        await application.updater.start_polling(timeout=1)
        await asyncio.wait_for(heard.wait(), 5)
        await application.updater.stop()
        await application.stop()

    assert [shown.text for shown in world.sandbox.messages(AMINA)] == ["/start lib_42", "Welcome"]


async def test_aiogram_talks_to_it_without_complaint(world: World) -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(world.running.url))
    async with AiogramBot(TOKEN, session=session, default=DefaultBotProperties(parse_mode="HTML")) as bot:
        key = aiogram_types.InlineKeyboardButton(text="Ja", callback_data="ja")
        sent = await bot.send_message(
            AMINA, "<b>Dag</b>", reply_markup=aiogram_types.InlineKeyboardMarkup(inline_keyboard=[[key]])
        )
        world.sandbox.press(AMINA, "Ja")
        updates = await bot.get_updates(allowed_updates=["message", "callback_query", "my_chat_member"])
        query = updates[-1].callback_query
        assert query is not None
        await query.answer("Dank u")
        await sent.edit_text("Gedaan")
        file = await bot.send_document(AMINA, aiogram_types.BufferedInputFile(b"brief", "brief.txt"))
        world.sandbox.block(AMINA)

        with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
            await bot.send_message(AMINA, "nog een")
        assert (await bot.get_me()).username == "handreiking_demo_bot"
        assert updates[0].message is not None
        assert updates[0].message.text == "/start lib_42"
        assert query.data == "ja"
        assert file.document is not None
        assert file.document.file_name == "brief.txt"


async def test_an_aiogram_dispatcher_answers_a_press(world: World) -> None:
    done = asyncio.Event()
    dispatcher = Dispatcher()

    async def on_press(query: aiogram_types.CallbackQuery) -> None:
        await query.answer("Noted")
        done.set()

    dispatcher.callback_query.register(on_press)
    await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
    world.sandbox.press(AMINA, "No")
    session = AiohttpSession(api=TelegramAPIServer.from_base(world.running.url))
    async with AiogramBot(TOKEN, session=session) as bot:
        polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
        await asyncio.wait_for(done.wait(), 5)
        await dispatcher.stop_polling()
        await polling

    assert world.sandbox.calls("answerCallbackQuery")[0].params["text"] == "Noted"


async def test_files_can_be_sent_sent_again_and_fetched(world: World) -> None:
    async with world.bot() as bot:
        photo = await bot.send_photo(AMINA, png(4, 3), caption="<b>Kaart</b>", parse_mode="HTML")
        document = await bot.send_document(AMINA, InputFile(b"brief", filename="brief.txt"))
        assert document.document is not None
        again = await bot.send_document(AMINA, document.document.file_id)
        file = await bot.get_file(document.document.file_id)

        assert (photo.photo[0].width, photo.photo[0].height) == (4, 3)
        assert photo.caption == "Kaart"
        assert again.document == document.document
        assert bytes(await file.download_as_bytearray()) == b"brief"
        with pytest.raises(BadRequest, match=r"(?i)IMAGE_PROCESS_FAILED"):
            await bot.send_photo(AMINA, b"no picture")


async def test_the_errors_have_the_classes_that_python_telegram_bot_gives_telegrams(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PTB_TIMEDELTA", raising=False)  # the library as it comes, whatever bot.telegram made of it
    async with world.bot() as bot:
        expected: Sequence[tuple[Fault, type[Exception], str]] = (
            (Fault(method="sendMessage", code=400), BadRequest, "Chat not found"),
            (Fault(method="sendMessage", code=403), Forbidden, "bot was blocked by the user"),
            (Fault(code=403, description="Forbidden: user is deactivated"), Forbidden, "user is deactivated"),
            (Fault(method="*", code=401), InvalidToken, "Unauthorized"),
            (Fault(code=409), Conflict, "terminated by other getUpdates"),
            (Fault(code=502), NetworkError, "Bad Gateway"),
            (Fault(drop=Drop.BEFORE), NetworkError, "disconnected"),
        )
        for fault, error, text in expected:
            world.sandbox.fault(fault)
            with pytest.raises(error, match=text):
                await bot.send_message(AMINA, "x")
        world.sandbox.fault(Fault(code=429, retry_after=5))
        with pytest.raises(RetryAfter) as flood, pytest.warns(DeprecationWarning, match="timedelta"):
            await bot.send_message(AMINA, "x")
        await bot.send_message(AMINA, "y")

    assert re.search(r"Retry in 5 seconds", flood.value.message)
    assert [shown.text for shown in world.sandbox.messages(AMINA) if not shown.mine] == ["y"]
