"""python-telegram-bot's application for this bot: an update comes in, the journey hears what it means."""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypedDict

from telegram import Bot, BotCommand, Update
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError
from telegram.ext import (
    Application,
    ApplicationBuilder,
    ApplicationHandlerStop,
    CallbackContext,
    CallbackQueryHandler,
    ChatMemberHandler,
    ExtBot,
    JobQueue,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.core.talk import (
    Blocked,
    Command,
    Heard,
    Press,
    SharedContact,
    Typed,
    Unblocked,
    Unreadable,
    read_press,
)
from bot.errors import RejectedError, SettingsError
from bot.journey import Journey, Speaker
from bot.telegram.errors import diagnose
from bot.telegram.request import AiohttpRequest

Context: TypeAlias = CallbackContext[ExtBot[None], dict[Any, Any], dict[Any, Any], dict[Any, Any]]
BotApplication: TypeAlias = Application[
    ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], JobQueue[Context] | None
]
Builder: TypeAlias = ApplicationBuilder[
    ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], JobQueue[Context] | None
]

ALLOWED_UPDATES: Final = ("message", "callback_query", "my_chat_member")
COMMANDS: Final = ("start", "stop", "settings", "situation", "why", "mydata", "privacy", "about", "help", "language")
TELEGRAM: Final = "https://api.telegram.org"
POOL: Final = 256  # calls at once; the sender has 200 lanes at most

# A press that is not of our making, or of a button that is gone: the dialogue says that it no longer holds.
UNKNOWN_PRESS: Final = Press("x", 0, "unknown")

_COMMAND = re.compile(r"/([a-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)
_GONE: Final = frozenset({ChatMemberStatus.BANNED, ChatMemberStatus.LEFT})
_DESK: Final = "desk"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Desk:
    """How the updates in hand came out; python-telegram-bot keeps to itself that a handler failed."""

    heard: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)


class About(TypedDict):
    """What Telegram shows of the bot in one language. The limits are Telegram's, in characters."""

    description: str  # 0-512, in the empty chat before Start
    short: str  # 0-120, in the profile and with a shared link
    commands: Mapping[str, str]  # name → 1-256


def new_builder(
    token: str, *, root: str = TELEGRAM, request: AiohttpRequest | None = None, trust_env: bool = False
) -> Builder:
    """A builder for a bot that talks to the Bot API at `root` and fetches its updates by `bot.telegram.inbox` alone."""
    client = request or AiohttpRequest(connections=POOL, trust_env=trust_env)
    return (
        Application.builder()
        .token(token)
        .base_url(f"{root}/bot")
        .base_file_url(f"{root}/file/bot")
        .request(client)
        .get_updates_request(AiohttpRequest(connections=1, trust_env=trust_env))
        .updater(None)
        .job_queue(None)
    )


def build_application(builder: Builder, journey: Journey) -> BotApplication:
    """Build it and add the handlers; nothing else is set, so that it runs against any stand-in of the Bot API.

    Its updates come through `bot.telegram.inbox.work`. It must be initialised before, and needs no `start()`.
    """
    application = builder.build()
    desk = application.bot_data[_DESK] = Desk()
    message = filters.UpdateType.MESSAGE

    def hears(read: Callable[[Update], Heard | None]) -> Callable[[Update, Context], Coroutine[Any, Any, None]]:
        async def callback(update: Update, _context: Context) -> None:
            heard = read(update)
            if heard is not None:
                await _hear(journey, desk, update, heard)
            raise ApplicationHandlerStop

        return callback

    async def failure(update: object, context: Context) -> None:
        if isinstance(update, Update):
            desk.failed[update.update_id] = type(context.error).__name__
        # Else the later groups would hear the same update in another way.
        raise ApplicationHandlerStop

    application.add_handler(TypeHandler(Update, _guard), group=-1)
    application.add_handler(MessageHandler(message & filters.Regex(r"^/"), hears(_command)))
    application.add_handler(CallbackQueryHandler(hears(_press)))
    application.add_handler(ChatMemberHandler(hears(_standing), ChatMemberHandler.MY_CHAT_MEMBER))
    application.add_handler(MessageHandler(message & filters.CONTACT, hears(_contact)))
    application.add_handler(MessageHandler(message & filters.TEXT, hears(_text)), group=10)
    application.add_handler(MessageHandler(message & ~filters.StatusUpdate.ALL, hears(_anything)), group=10)
    application.add_error_handler(failure)
    return application


def desk_of(application: BotApplication) -> Desk:
    """Where the handlers of this application note how an update came out."""
    desk = application.bot_data[_DESK]
    assert isinstance(desk, Desk)
    return desk


async def _guard(update: Update, context: Context) -> None:
    """Let pass only what a person says in a private chat; leave every other chat, without a word."""
    chat, user = update.effective_chat, update.effective_user
    if chat is not None and chat.type != ChatType.PRIVATE:
        if not _is_out(update):
            try:
                await context.bot.leave_chat(chat.id)
            except TelegramError as error:
                _log.warning("leave-failed update=%s error=%s", update.update_id, type(error).__name__)
        raise ApplicationHandlerStop
    if user is None or user.is_bot:
        raise ApplicationHandlerStop


async def _hear(journey: Journey, desk: Desk, update: Update, heard: Heard) -> None:
    user = update.effective_user
    assert user is not None
    # In a private chat the chat and the person have the same number, and a press on a message that Telegram no longer
    # keeps comes without a chat.
    speaker = Speaker(str(user.id), user.language_code)
    notice = await asyncio.to_thread(journey.hear, update.update_id, speaker, heard)
    desk.heard.add(update.update_id)
    if update.callback_query is None:
        return
    try:
        await update.callback_query.answer(text=notice)
    except TelegramError as error:
        # The press has had its effect; at worst the button shows for some seconds that it waits.
        _log.info("answer-failed update=%s error=%s", update.update_id, type(error).__name__)


def _command(update: Update) -> Heard:
    assert update.message is not None
    text = update.message.text or ""
    match = _COMMAND.fullmatch(text)
    return Typed(text) if match is None else Command(match[1].lower(), (match[2] or "").strip())


def _press(update: Update) -> Heard:
    query = update.callback_query
    assert query is not None
    press = read_press(query.data or "") or UNKNOWN_PRESS
    # A message too old to be read still has its number, and can still be edited.
    return press if query.message is None else replace(press, on=query.message.message_id)


def _standing(update: Update) -> Heard | None:
    assert update.my_chat_member is not None
    if update.my_chat_member.new_chat_member.status in _GONE:
        return Blocked()
    return Unblocked() if update.my_chat_member.old_chat_member.status in _GONE else None


def _contact(update: Update) -> Heard:
    assert update.message is not None
    assert update.message.contact is not None
    contact, sender = update.message.contact, update.message.from_user
    return SharedContact(contact.phone_number, own=sender is not None and contact.user_id == sender.id)


def _text(update: Update) -> Heard:
    assert update.message is not None
    return Typed(update.message.text or "")


def _anything(_update: Update) -> Heard:
    return Unreadable()


def _is_out(update: Update) -> bool:
    """Whether the update says that the bot is out of the chat already."""
    member = update.my_chat_member
    return member is not None and member.new_chat_member.status in _GONE


async def check_bot(bot: Bot, *, expect_webhook: str | None) -> None:
    """Refuse to run a bot that could read along in groups, or whose updates go elsewhere.

    `expect_webhook` is the public URL that Telegram should call, None for long polling. Raises SettingsError with
    every fault, ChannelClosedError when Telegram refuses the token, another DeliveryError when it cannot be reached.
    """
    try:
        me = await bot.get_me()
        webhook = (await bot.get_webhook_info()).url
    except TelegramError as error:
        raise diagnose(error) from None
    faults = []
    if me.can_join_groups:
        faults.append("The bot can be added to groups. In @BotFather: /setjoingroups, choose the bot, Disable.")
    if me.can_read_all_group_messages:
        faults.append("The bot can read all messages of a group. In @BotFather: /setprivacy, choose the bot, Enable.")
    if expect_webhook is None and webhook:
        faults.append(
            "A webhook is set, so no updates can be fetched. Run with that public URL, or call deleteWebhook "
            "(without drop_pending_updates: people who pressed Stop are in there)."
        )
    if expect_webhook is not None and webhook != expect_webhook:
        faults.append(f"Telegram calls {webhook or 'no webhook'}, not {expect_webhook}. Call setWebhook with our URL.")
    if faults:
        raise SettingsError(faults)


async def introduce(bot: Bot, texts: Mapping[str, About]) -> int:
    """Set commands, description and short description in each language; return how many calls changed something.

    Keys are two-letter codes; the first language also speaks to everybody whose own is not among them. What Telegram
    has already is left alone, because these calls are counted strictly; at a flood or without a connection it stops,
    says so in the log, and the next call goes on from there. Raises RejectedError for a text that Telegram does not
    take, and ChannelClosedError.
    """
    changed = 0
    spoken: list[tuple[str | None, About]] = [(None, about) for about in list(texts.values())[:1]]
    spoken += list(texts.items())
    try:
        for language, about in spoken:
            commands = [BotCommand(name, text) for name, text in about["commands"].items()]
            if tuple(commands) != tuple(await bot.get_my_commands(language_code=language)):
                await bot.set_my_commands(commands, language_code=language)
                changed += 1
            if about["description"] != (await bot.get_my_description(language_code=language)).description:
                await bot.set_my_description(about["description"], language_code=language)
                changed += 1
            if about["short"] != (await bot.get_my_short_description(language_code=language)).short_description:
                await bot.set_my_short_description(about["short"], language_code=language)
                changed += 1
    except TelegramError as error:
        problem = diagnose(error)
        if isinstance(problem, RejectedError):
            raise problem from None
        # A bot with last release's description is better than none.
        _log.warning("introduce-unfinished error=%s", type(error).__name__)
    return changed
