"""What an error of the Bot API means for a message. The only place where Telegram's texts are read."""

import re
from datetime import timedelta
from enum import Enum, auto
from typing import Final, assert_never

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.errors import (
    ChannelClosedError,
    DelayedError,
    DeliveryError,
    RejectedError,
    UncertainError,
    UnreachableError,
)
from bot.telegram.request import NeverLeftError

RECONNECT_S: Final = 2.0
FLOOD_S: Final = 5.0  # when Telegram says "too many requests" and not for how long
SAID_MAX: Final = 160


class Meaning(Enum):
    """What happened, before it is known what the call was for."""

    FLOOD = auto()
    TOKEN_REVOKED = auto()
    SECOND_BOT = auto()
    BLOCKED = auto()
    DEACTIVATED = auto()
    NEVER_STARTED = auto()
    UNKNOWN_CHAT = auto()
    NOT_MODIFIED = auto()
    QUERY_TOO_OLD = auto()
    NOT_EDITABLE = auto()
    BAD_MARKUP = auto()
    REFUSED = auto()
    NEVER_LEFT = auto()
    UNKNOWN = auto()


# The first line that fits wins. BadRequest is a NetworkError by inheritance, so it goes first. The texts are parts of
# Telegram's descriptions, in lower case: Client.cpp of tdlib/telegram-bot-api, and for some only the reports of others.
TABLE: Final[tuple[tuple[type[TelegramError], str, Meaning], ...]] = (
    (RetryAfter, "", Meaning.FLOOD),
    (InvalidToken, "", Meaning.TOKEN_REVOKED),
    (Conflict, "", Meaning.SECOND_BOT),
    (Forbidden, "bot was blocked by the user", Meaning.BLOCKED),
    (Forbidden, "user is deactivated", Meaning.DEACTIVATED),
    (Forbidden, "bot can't initiate conversation", Meaning.NEVER_STARTED),
    (Forbidden, "", Meaning.REFUSED),
    (BadRequest, "message is not modified", Meaning.NOT_MODIFIED),
    (BadRequest, "query is too old", Meaning.QUERY_TOO_OLD),
    (BadRequest, "query id is invalid", Meaning.QUERY_TOO_OLD),
    (BadRequest, "message to edit not found", Meaning.NOT_EDITABLE),
    (BadRequest, "message can't be edited", Meaning.NOT_EDITABLE),
    (BadRequest, "message_id_invalid", Meaning.NOT_EDITABLE),
    (BadRequest, "there is no text in the message to edit", Meaning.NOT_EDITABLE),
    (BadRequest, "chat not found", Meaning.UNKNOWN_CHAT),
    (BadRequest, "peer_id_invalid", Meaning.UNKNOWN_CHAT),
    (BadRequest, "can't parse entities", Meaning.BAD_MARKUP),
    (BadRequest, "", Meaning.REFUSED),
    (ChatMigrated, "", Meaning.REFUSED),
    (NetworkError, "too many requests", Meaning.FLOOD),
    (NetworkError, "request entity too large", Meaning.REFUSED),
)


def meaning(error: TelegramError) -> Meaning:
    """What the error says. Anything unheard of after the bytes left is `UNKNOWN`: the call may have had its effect."""
    if isinstance(error.__cause__, NeverLeftError):
        return Meaning.NEVER_LEFT
    said = error.message.lower()
    for kind, part, found in TABLE:
        if isinstance(error, kind) and part in said:
            return found
    return Meaning.UNKNOWN


def diagnose(error: TelegramError) -> DeliveryError:
    """What the error means for the message that was being sent.

    Raises ChannelClosedError when nothing can be sent or read at all; the message itself did not leave then.
    """
    match meaning(error):
        case Meaning.FLOOD:
            return DelayedError(retry_after_s(error), everybody=True)
        case Meaning.TOKEN_REVOKED:
            raise ChannelClosedError(
                "Telegram does not accept the token (or the API root is wrong). Get a token from @BotFather, set it "
                "and start again."
            ) from error
        case Meaning.SECOND_BOT:
            raise ChannelClosedError(
                "Another process reads the updates of this bot, or a webhook is set. Stop the other one, or delete "
                "the webhook, and start again."
            ) from error
        case Meaning.BLOCKED:
            return UnreachableError("blocked the bot, or deleted the chat")
        case Meaning.DEACTIVATED:
            return UnreachableError("the account is gone")
        case Meaning.NEVER_STARTED:
            return RejectedError("this person never started the bot; our record of the chat is wrong")
        case Meaning.UNKNOWN_CHAT:
            return RejectedError("this bot does not know the chat: another token, or a restored database?")
        case Meaning.BAD_MARKUP:
            return RejectedError("Telegram found markup that it cannot read; we send plain text, so this is our bug")
        case Meaning.NOT_MODIFIED | Meaning.QUERY_TOO_OLD | Meaning.NOT_EDITABLE | Meaning.REFUSED:
            return RejectedError(f"Telegram refused it: {_said(error)}")
        case Meaning.NEVER_LEFT:
            return DelayedError(RECONNECT_S)
        case Meaning.UNKNOWN:
            return UncertainError(f"no clear answer: {type(error).__name__}")
        case unknown:
            assert_never(unknown)


def retry_after_s(error: TelegramError) -> float:
    """How long a 429 asks to wait, in seconds, whichever way it was told."""
    if isinstance(error, RetryAfter):
        # An int until PTB_TIMEDELTA is the default.
        wait: object = error.retry_after
        return wait.total_seconds() if isinstance(wait, timedelta) else float(str(wait))
    told = re.search(r"retry after (\d+)", error.message.lower())
    return max(float(told[1]), 1.0) if told else FLOOD_S


def _said(error: TelegramError) -> str:
    # Telegram's texts name no person, but a number in one could be a chat.
    return re.sub(r"\d{5,}", "…", error.message)[:SAID_MAX]
