"""A message of ours put into a Telegram chat: plain text, one button a row, no link preview."""

from contextlib import suppress
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    KeyboardButton,
    LinkPreviewOptions,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from telegram.error import TelegramError
from telegram.ext import ExtBot

from bot.errors import RejectedError
from bot.journey import Outgoing
from bot.telegram.errors import Meaning, diagnose, meaning

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class TelegramChannel:
    """Sends and edits, once. It does not pace and does not try again."""

    def __init__(self, bot: ExtBot[Any]) -> None:
        self._bot = bot

    async def send(self, outgoing: Outgoing) -> int:
        """Put the message into its chat; return Telegram's number of it.

        An edit that changes nothing counts as delivered. Where the old message can no longer be edited, or a keyboard
        goes with the words, a new one is sent. Raises DeliveryError, or ChannelClosedError when the bot itself is shut
        out; the message did not leave then.
        """
        if outgoing.buttons and outgoing.keyboard != "none":
            raise RejectedError(
                f"message {outgoing.id} has buttons and the keyboard {outgoing.keyboard!r}, of which "
                "Telegram takes one: say it in two messages"
            )
        try:
            if outgoing.edits is not None and outgoing.keyboard == "none" and await self._edit(outgoing):
                return outgoing.edits
            message = await self._send(outgoing)
        except TelegramError as error:
            # The chain would carry a text of Telegram's into whatever shows the error; all we need of it is said.
            raise diagnose(error) from None
        if outgoing.edits is not None:
            await self._bare(outgoing)
        return message.message_id

    async def _send(self, outgoing: Outgoing) -> Message:
        if outgoing.document is not None:
            return await self._bot.send_document(
                chat_id=int(outgoing.chat),
                document=InputFile(outgoing.document.content, filename=outgoing.document.name),
                caption=outgoing.text,
                disable_notification=outgoing.silent,
                reply_markup=_markup(outgoing),
            )
        return await self._bot.send_message(
            chat_id=int(outgoing.chat),
            text=outgoing.text,
            parse_mode=None,
            link_preview_options=_NO_PREVIEW,
            disable_notification=outgoing.silent,
            reply_markup=_markup(outgoing),
        )

    async def _bare(self, outgoing: Outgoing) -> None:
        """Take the buttons off the message that a new one stands for now. It is courtesy: a failure changes nothing."""
        with suppress(TelegramError):
            await self._bot.edit_message_reply_markup(chat_id=int(outgoing.chat), message_id=outgoing.edits)

    async def _edit(self, outgoing: Outgoing) -> bool:
        """False: it cannot be edited any more."""
        try:
            await self._bot.edit_message_text(
                chat_id=int(outgoing.chat),
                message_id=outgoing.edits,
                text=outgoing.text,
                parse_mode=None,
                link_preview_options=_NO_PREVIEW,
                reply_markup=_inline(outgoing),
            )
        except TelegramError as error:
            match meaning(error):
                case Meaning.NOT_MODIFIED:
                    return True
                case Meaning.NOT_EDITABLE:
                    return False
                case _:
                    raise
        return True


def _markup(outgoing: Outgoing) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove | None:
    match outgoing.keyboard:
        case "ask_phone":
            if not outgoing.keyboard_label:
                raise RejectedError(f"message {outgoing.id} asks for a phone number without a label for the button")
            ask = KeyboardButton(outgoing.keyboard_label, request_contact=True)
            return ReplyKeyboardMarkup([[ask]], resize_keyboard=True, one_time_keyboard=True)
        case "remove":
            return ReplyKeyboardRemove()
        case "none":
            return _inline(outgoing)


def _inline(outgoing: Outgoing) -> InlineKeyboardMarkup | None:
    if not outgoing.buttons:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label.text, callback_data=label.data, url=label.url)] for label in outgoing.buttons]
    )
