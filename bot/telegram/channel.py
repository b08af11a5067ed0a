"""A message of ours put into a Telegram chat: plain text, one button a row, no link preview."""

from contextlib import suppress
from typing import Any

from telegram import InputFile
from telegram.error import EndPointNotFound, InvalidToken, TelegramError
from telegram.ext import ExtBot

from bot.errors import RejectedError, UncertainError
from bot.journey import Outgoing
from bot.telegram.errors import Meaning, diagnose, meaning

_NO_PREVIEW = {"is_disabled": True}


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
            number = await self._send(outgoing)
        except TelegramError as error:
            # The chain would carry a text of Telegram's into whatever shows the error; all we need of it is said.
            raise diagnose(error) from None
        if outgoing.edits is not None:
            await self._bare(outgoing)
        return number

    async def _send(self, outgoing: Outgoing) -> int:
        about: dict[str, Any] = {"chat_id": int(outgoing.chat), "disable_notification": outgoing.silent}
        if outgoing.document is not None:
            message = await self._bot.send_document(
                **about,
                document=InputFile(outgoing.document.content, filename=outgoing.document.name),
                caption=outgoing.text,
                api_kwargs=_markup(outgoing),
            )
            return message.message_id
        said = await self._call("sendMessage", about | _words(outgoing) | _markup(outgoing))
        match said:
            case {"message_id": int(number)}:
                return number
        raise UncertainError("no clear answer: it has no message in it")

    async def _call(self, method: str, asked: dict[str, Any]) -> Any:
        """A call without the objects that python-telegram-bot makes of it and of its answer: half of a call's work.

        Telegram takes the names of methods in any case; in their usual one the bot warns that it has a way of its own.
        """
        try:
            return await self._bot.do_api_request(method.lower(), api_kwargs=asked)
        except EndPointNotFound as error:
            # It takes a token that is refused for a method that is not there.
            raise InvalidToken(error.message) from None

    async def _bare(self, outgoing: Outgoing) -> None:
        """Take the buttons off the message that a new one stands for now. It is courtesy: a failure changes nothing."""
        with suppress(TelegramError):
            await self._bot.edit_message_reply_markup(chat_id=int(outgoing.chat), message_id=outgoing.edits)

    async def _edit(self, outgoing: Outgoing) -> bool:
        """False: it cannot be edited any more."""
        try:
            about = {"chat_id": int(outgoing.chat), "message_id": outgoing.edits}
            await self._call("editMessageText", about | _words(outgoing) | _inline(outgoing))
        except TelegramError as error:
            match meaning(error):
                case Meaning.NOT_MODIFIED:
                    return True
                case Meaning.NOT_EDITABLE:
                    return False
                case _:
                    raise
        return True


def _words(outgoing: Outgoing) -> dict[str, Any]:
    return {"text": outgoing.text, "link_preview_options": _NO_PREVIEW}


def _markup(outgoing: Outgoing) -> dict[str, Any]:
    match outgoing.keyboard:
        case "ask_phone":
            if not outgoing.keyboard_label:
                raise RejectedError(f"message {outgoing.id} asks for a phone number without a label for the button")
            ask = {"text": outgoing.keyboard_label, "request_contact": True}
            return {"reply_markup": {"keyboard": [[ask]], "resize_keyboard": True, "one_time_keyboard": True}}
        case "remove":
            return {"reply_markup": {"remove_keyboard": True}}
        case "none":
            return _inline(outgoing)


def _inline(outgoing: Outgoing) -> dict[str, Any]:
    if not outgoing.buttons:
        return {}
    rows = [
        [{"text": label.text} | ({"url": label.url} if label.url else {"callback_data": label.data})]
        for label in outgoing.buttons
    ]
    return {"reply_markup": {"inline_keyboard": rows}}
