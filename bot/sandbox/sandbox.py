"""The sandbox as one object: what citizens do, what goes wrong, and what came of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from bot.sandbox import keyboards, server
from bot.sandbox import text as formatted
from bot.sandbox.clock import AMSTERDAM
from bot.sandbox.core import BOT_ID, World
from bot.sandbox.delivery import Delivery
from bot.sandbox.faults import Fault, Faults, FloodLimit
from bot.sandbox.methods import METHODS, SENDING
from bot.sandbox.wire import NO_SUCH_METHOD, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aiohttp import web

    from bot.sandbox.clock import Clock
    from bot.sandbox.core import Chat, Post
    from bot.sandbox.wire import Json, Params

PHONE = "31612345678"
CALLS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A signal that the page offers to send."""

    id: str
    title: str
    detail: str


class Municipality(Protocol):
    """The other side of the demo. The sandbox shows it and knows nothing of how it works."""

    def examples(self, language: str) -> Sequence[Example]:
        """The signals that can be sent, in the words of `language`."""
        ...

    async def send_example(self, example_id: str, user_id: int, language: str) -> str:
        """Send one about this citizen; returns a sentence that says what happened."""
        ...

    async def status(self, user_id: int, language: str) -> Sequence[str]:
        """The latest decisions about this citizen as sentences, newest first."""
        ...

    def start_payload(self, user_id: int) -> str | None:
        """What the Start button of this citizen carries; None for a bare /start."""
        ...


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message; `data` for a press, `url` for a link."""

    label: str
    data: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message as it stands in the chat now."""

    message_id: int
    mine: bool
    """Whether the citizen wrote it."""
    text: str
    at: datetime
    buttons: tuple[Button, ...]
    silent: bool
    edited: bool
    seen: bool
    """False when the citizen deleted the chat after it came."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the bot: the method as Telegram spells it, its parameters as JSON values, and the whole answer."""

    method: str
    params: Mapping[str, object]
    answer: Json
    at: datetime


class Sandbox:
    """A local stand-in for the Bot API with a chat page.

    The methods named after what a citizen does are the control API without HTTP. One event loop owns the sandbox:
    nothing here is safe for threads.
    """

    def __init__(  # noqa: PLR0913 - the one place where a sandbox is set up
        self,
        *,
        token: str,
        clock: Clock,
        journal: Path | None = None,
        municipality: Municipality | None = None,
        bot_username: str = "handreiking_demo_bot",
        bot_name: str = "Handreiking (demo)",
        observer: Callable[[str, Mapping[str, object], object], None] | None = None,
        rate_limit: int | None = None,
        latency_s: float = 0.0,
        webhook_retry_s: float = 1.0,
    ) -> None:
        """`journal` is a file that keeps every chat over a restart, and even a kill; None forgets.

        `observer` hears of each call's method, parameters and whole answer. `rate_limit` is the number of messages per
        second over all chats, above which calls get a 429. `latency_s` is added to every call. A clock with a `tick`
        (such as `MovableClock`) may be moved without ageing presses and updates; any other clock is its own tick.
        """
        self.token = token
        self.municipality = municipality
        self.latency_s = latency_s
        self.world = World(clock=clock, journal=journal, bot_username=bot_username, bot_name=bot_name)
        self.delivery = Delivery(self.world, retry_s=webhook_retry_s)
        self.faults = Faults()
        self._observer = observer
        self._flood = FloodLimit(rate_limit, self.world.tick)
        self._calls: deque[Call] = deque(maxlen=CALLS_MAX)

    def application(self) -> web.Application:
        """The Bot API, the chat page and the control API as one application."""
        return server.application(self)

    def close(self) -> None:
        """Close the journal. The chats can still be read, but nothing more can happen."""
        self.world.close()

    async def perform(self, method: str, params: Params, alive: Callable[[], bool]) -> object:
        """The effect and result of one call. Raises RefusedError."""
        self.world.expire()
        match method.lower():
            case "getupdates":
                return await self.delivery.get_updates(params, alive)
            case "setwebhook":
                return self.delivery.set_webhook(params)
            case "deletewebhook":
                return self.delivery.delete_webhook(params)
            case name if name in METHODS:
                if name in SENDING:
                    self._flood.check()
                return METHODS[name][1](self.world, params)
            case _:
                raise RefusedError(404, NO_SUCH_METHOD)

    def note(self, method: str, params: Params, answer: Json) -> None:
        """Keep a call and its answer, and tell the observer."""
        self._calls.append(Call(method, params.values, answer, self.world.clock.now()))
        if self._observer:
            self._observer(method, params.values, answer)

    def start(
        self, user_id: int, payload: str | None = None, *, first_name: str | None = None, language: str | None = None
    ) -> int:
        """The citizen presses Start, perhaps through a deep link; returns the message's id."""
        return self.message(
            user_id, f"/start {payload}" if payload else "/start", first_name=first_name, language=language
        )

    def message(self, user_id: int, text: str, *, first_name: str | None = None, language: str | None = None) -> int:
        """The citizen writes; returns the message's id. Writing ends a block. Raises ValueError for an empty text."""
        if not text.strip() or len(text) > formatted.TEXT_MAX:
            raise ValueError(f"a message has 1 to {formatted.TEXT_MAX} characters, not {len(text.strip())}")
        chat = self._present(user_id, first_name, language)
        content = formatted.detected(formatted.Formatted(text.strip())).fields()
        return int(self.world.said(chat, content)["message_id"])

    def contact(self, user_id: int, phone: str = PHONE, *, owner: int | None = None) -> int:
        """The citizen shares a phone number: their own, or the card of `owner`; returns the message's id."""
        chat = self._present(user_id, None, None)
        card = {"phone_number": phone, "first_name": chat.form["first_name"], "user_id": owner or user_id}
        return int(self.world.said(chat, {"contact": card})["message_id"])

    def press(self, user_id: int, button: str, *, message_id: int | None = None) -> str:
        """Press the newest button with this label (or callback data); returns the query's id.

        Raises LookupError, naming the buttons there are, when none fits.
        """
        return self._press(user_id, button, message_id)

    def late_press(self, user_id: int, button: str, *, message_id: int | None = None, lost: bool = False) -> str:
        """A press that the bot learns of too late to answer; with `lost`, one that Telegram dropped after 150 s."""
        return self._press(user_id, button, message_id, late=True, lost=lost)

    def block(self, user_id: int) -> None:
        """The citizen blocks the bot. Doing it twice does nothing."""
        chat = self._known(user_id)
        if not chat.blocked:
            self.world.member(chat, blocked=True)

    def unblock(self, user_id: int) -> None:
        """The citizen takes the block away, without writing."""
        chat = self._known(user_id)
        if chat.blocked:
            self.world.member(chat, blocked=False)

    def delete_chat(self, user_id: int) -> None:
        """The citizen deletes the chat; the bot is told the same as for a block."""
        self.world.member(self._known(user_id), blocked=True, gone=True)

    def duplicate(self, times: int = 1) -> None:
        """Deliver the next `times` updates twice."""
        self.world.updates.repeat(times)

    def reorder(self) -> None:
        """Deliver the next two updates in the wrong order; the first waits until there is a second."""
        self.world.updates.swap()

    def fault(self, fault: Fault) -> None:
        """Let calls fail."""
        self.faults.add(fault)

    def raw_update(self, update: Mapping[str, object]) -> int:
        """Queue an update as it is, with a fresh id unless it has one; returns the id.

        A group that it speaks of becomes known, so that the bot can leave it. `allowed_updates` applies.
        """
        number = update.get("update_id", self.world.number("update"))
        for content in update.values():
            chat = content.get("chat") if isinstance(content, dict) else None
            if isinstance(chat, dict) and chat.get("type") != "private" and chat.get("id") not in self.world.chats:
                self.world.record({"do": "chat", "form": chat, "language": ""})
        if self.world.updates.wants(dict(update)):
            self.world.record({"do": "raw", "update": {**update, "update_id": number}})
        return int(str(number))

    def calls(self, method: str | None = None) -> list[Call]:
        """The bot's calls so far, oldest first (the last 100,000), all or of one method in any case."""
        return [call for call in self._calls if method is None or call.method.lower() == method.lower()]

    def messages(self, user_id: int, *, unseen: bool = False) -> list[Shown]:
        """The chat as the citizen sees it; with `unseen` also what was there before they deleted the chat."""
        chat = self.world.chats.get(user_id)
        posts = chat.posts.values() if chat else ()
        return [self._shown(post) for post in posts if post.seen or unseen]

    def transcript(self, user_id: int) -> str:
        """The chat as plain text, with times in Amsterdam and buttons in brackets."""
        chat = self.world.chats.get(user_id)
        if chat is None:
            return ""
        lines: list[str] = []
        for shown in self.messages(user_id):
            who = chat.form["first_name"] if shown.mine else self.world.bot["first_name"]
            marks = "".join(f" ({mark})" for mark, on in (("silent", shown.silent), ("edited", shown.edited)) if on)
            lines.append(f"{shown.at.astimezone(AMSTERDAM):%a %d %b %H:%M} {who}{marks}: {shown.text}")
            lines.extend(f"    [{button.label}]" for button in shown.buttons)
        if chat.blocked:
            lines.append("(the bot is blocked)")
        return "\n".join(lines)

    def reset(self) -> None:
        """Forget every chat, fault and call. Ids of messages and updates go on."""
        self.faults.clear()
        self._calls.clear()
        self.world.reset()

    def _present(self, user_id: int, first_name: str | None, language: str | None) -> Chat:
        chat = self.world.citizen(user_id, first_name=first_name, language=language)
        if chat.blocked:
            self.world.member(chat, blocked=False)
        return chat

    def _known(self, user_id: int) -> Chat:
        chat = self.world.chats.get(user_id)
        if chat is None:
            raise LookupError(f"citizen {user_id} has not written to the bot yet")
        return chat

    def _press(
        self, user_id: int, button: str, message_id: int | None, *, late: bool = False, lost: bool = False
    ) -> str:
        chat = self._known(user_id)
        posts = [p for n, p in reversed(chat.posts.items()) if p.seen and message_id in {None, n}]
        for post in posts:
            for candidate in keyboards.buttons(post.message):
                data = candidate.get("callback_data")
                if data is not None and button in {candidate["text"], data}:
                    return self.world.press(chat, post, data, late=late, lost=lost)
        labels = [candidate["text"] for post in posts for candidate in keyboards.buttons(post.message)]
        raise LookupError(f"citizen {user_id} sees no button {button!r}; there are: {', '.join(labels) or 'none'}")

    def _shown(self, post: Post) -> Shown:
        message = post.message
        listed = tuple(Button(b["text"], b.get("callback_data"), b.get("url")) for b in keyboards.buttons(message))
        return Shown(
            message_id=message["message_id"],
            mine=message["from"]["id"] != BOT_ID,
            text=str(message.get("text") or message.get("caption") or ""),
            at=datetime.fromtimestamp(message["date"], UTC),
            buttons=listed,
            silent=post.silent,
            edited="edit_date" in message,
            seen=post.seen,
        )
