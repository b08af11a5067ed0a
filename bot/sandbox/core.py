"""What the sandbox knows: citizens, chats, messages, presses and updates.

Every change is a line of JSON that `_apply` turns into state, both when it happens and when the journal is read again;
nothing is remembered in another way. What is lost in a restart is only what Telegram does not know either: faults,
requested repeats, the record of calls, and how old an unanswered press already was (its life begins anew).
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.sandbox.clock import Clock, Ticking
from bot.sandbox.journal import Journal
from bot.sandbox.updates import Updates
from bot.sandbox.wire import bad_request, forbidden

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.sandbox.wire import Json

BOT_ID = 123456789
QUERY_LIFE_S = 15.0  # A press must be answered this soon, else: "query is too old".


@dataclass(slots=True)
class Post:
    """One message of a chat: its Bot API form, and what the Bot API does not show."""

    message: Json
    silent: bool = False
    seen: bool = True
    """False once the citizen deleted the chat: the bot may still edit it, the citizen no longer sees it."""
    reaction: str = ""


@dataclass(slots=True)
class Chat:
    """A chat with one citizen, or a group that a raw update brought in."""

    form: Json
    language: str = ""
    met: bool = False
    """Whether anything was ever said; a bot cannot write to a chat that it never met."""
    blocked: bool = False
    posts: dict[int, Post] = field(default_factory=dict)
    keyboard: Json | None = None
    """The reply keyboard under the text box."""

    def user(self) -> Json:
        """The citizen as the Bot API shows a user."""
        user: Json = {"id": self.form["id"], "is_bot": False, "first_name": self.form.get("first_name", "")}
        return user | ({"language_code": self.language} if self.language else {})


@dataclass(slots=True)
class Query:
    """A button press waiting for its answer."""

    chat: int
    gone_at: float
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that the bot sent."""

    path: str
    name: str
    mime: str
    content: bytes


class Bell:
    """Wakes everybody who waits for something to happen. Belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now; those who come later wait for the next ring."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout_s: float | None) -> None:
        """Until the next ring, or until `timeout_s` has passed; None waits for ever."""
        event = self._event
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return


class World:
    """The state behind both the Bot API and the chat page. Not safe for threads: one event loop owns it."""

    def __init__(self, *, clock: Clock, journal: Path | None, bot_username: str, bot_name: str) -> None:
        self.clock = clock
        self.tick: Callable[[], float] = clock.tick if isinstance(clock, Ticking) else self.stamp
        self.bot: Json = {"id": BOT_ID, "is_bot": True, "first_name": bot_name, "username": bot_username}
        self.bell = Bell()
        self.told: list[Callable[[int | None, Json], None]] = []
        """Who hears of each change: the chat's id (None: all chats) and a small event for the page."""
        self._next = {"message": 1, "update": 100_001, "query": 4_382_000_000_000_000_000}
        self._empty()
        self._journal = Journal(journal) if journal else None
        if self._journal:
            for change in self._journal.read():
                self._apply(change)

    def _empty(self) -> None:
        self.chats: dict[int, Chat] = {}
        self.updates = Updates(self.tick)
        self.queries: dict[str, Query] = {}
        self.about: dict[str, Json] = {}
        self.files: dict[str, Stored] = {}
        self.webhook: Json | None = None
        self.webhook_error: Json = {}

    def stamp(self) -> float:
        """The clock as seconds since 1970."""
        return self.clock.now().timestamp()

    def moment(self, message: Json) -> datetime:
        """When a message was sent, in UTC."""
        return datetime.fromtimestamp(message["date"], UTC)

    def number(self, kind: str) -> int:
        """The next free id of a `message`, `update` or `query`. It is used up by recording it."""
        return self._next[kind]

    def record(self, change: Json, *, chat: int | None = None, update: Json | None = None) -> None:
        """Write a change down, then let it happen; `update` (without its id) goes to the bot with it, as one line."""
        if update is not None and self.updates.wants(update):
            change = change | {"update": {"update_id": self.number("update"), **update}}
        elif update is not None and "message" in update:
            change = change | {"message": update["message"]}
        change["at"] = self.stamp()
        if self._journal:
            self._journal.append(change)
        self._apply(change)
        self.bell.ring()
        self.tell(chat, {"kind": "change"})

    def tell(self, chat: int | None, event: Json) -> None:
        """Let the page know; nothing is written down."""
        for listener in self.told:
            listener(chat, event)

    def reset(self) -> None:
        """Forget every chat. Ids go on, because a bot takes a repeated update id for a repeated update."""
        self._empty()
        change: Json = {"do": "next", "next": dict(self._next), "at": self.stamp()}
        if self._journal:
            self._journal.restart([change])
        self.bell.ring()
        self.tell(None, {"kind": "change"})

    def close(self) -> None:
        """Give the journal back. Nothing can be recorded after it."""
        if self._journal:
            self._journal.close()

    def citizen(self, user_id: int, *, first_name: str | None = None, language: str | None = None) -> Chat:
        """The chat of a citizen, made on the first meeting; a name or language that is given replaces the old one."""
        chat = self.chats.get(user_id)
        form = chat.form if chat else {"id": user_id, "type": "private", "first_name": f"Citizen {user_id}"}
        wanted = form | ({"first_name": first_name} if first_name else {})
        spoken = language if language is not None else (chat.language if chat else "")
        if chat is None or wanted != form or spoken != chat.language:
            self.record({"do": "chat", "form": wanted, "language": spoken}, chat=user_id)
        return self.chats[user_id]

    def chat(self, chat_id: object) -> Chat:
        """The chat that a call names. Refuses chats that never wrote to the bot."""
        if chat_id is None or chat_id == "":
            raise bad_request("chat_id is empty")
        chat = self.chats.get(int(str(chat_id))) if _is_whole(chat_id) else None
        if chat is None or (chat.form["type"] == "private" and not chat.met and not chat.blocked):
            raise bad_request("chat not found")
        return chat

    def open_chat(self, chat_id: object) -> Chat:
        """The chat that a call writes to. Refuses those who blocked the bot."""
        chat = self.chat(chat_id)
        if chat.blocked:
            raise forbidden()
        return chat

    def said(self, chat: Chat, content: Json) -> Json:
        """What a citizen puts in the chat: kept, and sent to the bot."""
        message: Json = {
            "message_id": self.number("message"),
            "from": chat.user(),
            "chat": chat.form,
            "date": int(self.stamp()),
            **content,
        }
        self.record({"do": "message"}, chat=chat.form["id"], update={"message": message})
        return message

    def post(self, chat: Chat, content: Json, *, silent: bool = False, keyboard: Json | None = None) -> Json:
        """What the bot puts in the chat; `keyboard` is a reply keyboard, or its removal."""
        message: Json = {
            "message_id": self.number("message"),
            "from": self.bot,
            "chat": chat.form,
            "date": int(self.stamp()),
            **content,
        }
        change: Json = {"do": "message", "message": message}
        if silent:
            change["silent"] = True
        if keyboard is not None:
            change["keyboard"] = keyboard
        self.record(change, chat=chat.form["id"])
        return message

    def own_post(self, chat: Chat, message_id: int, verb: str) -> Post:
        """A message of the bot that a call names. `verb` is the word in Telegram's refusal."""
        post = chat.posts.get(message_id)
        if post is None:
            raise bad_request(f"message to {verb} not found")
        if post.message["from"]["id"] != BOT_ID:
            raise bad_request(f"message can't be {verb}ed")
        return post

    def member(self, chat: Chat, *, blocked: bool, gone: bool = False) -> None:
        """The citizen blocks or unblocks the bot; `gone` empties the chat on their side as well."""
        user = {"user": self.bot}
        standing: tuple[Json, Json] = (user | {"status": "member"}, user | {"status": "kicked", "until_date": 0})
        old, new = standing if blocked else standing[::-1]
        change: Json = {"do": "member", "chat": chat.form["id"], "blocked": blocked}
        if gone:
            change["gone"] = True
        form: Json = {
            "chat": chat.form,
            "from": chat.user(),
            "date": int(self.stamp()),
            "old_chat_member": old,
            "new_chat_member": new,
        }
        # Deleting the chat of a bot that is blocked already changes nothing that the bot could be told.
        update = {"my_chat_member": form} if chat.blocked != blocked else None
        self.record(change, chat=chat.form["id"], update=update)

    def press(self, chat: Chat, post: Post, data: str, *, late: bool = False, lost: bool = False) -> str:
        """A press on an inline button; returns the query's id. See `Sandbox.late_press` for `late` and `lost`."""
        query_id = str(self.number("query"))
        query: Json = {
            "id": query_id,
            "from": chat.user(),
            "message": post.message,
            "chat_instance": str(-chat.form["id"]),
            "data": data,
        }
        change: Json = {"do": "press", "query": query_id, "chat": chat.form["id"]}
        if late or lost:
            change["late"] = True
        self.record(change, chat=chat.form["id"], update=None if lost else {"callback_query": query})
        return query_id

    def pressing(self, chat_id: int) -> bool:
        """Whether a press in this chat still waits for its answer."""
        now = self.tick()
        return any(q.chat == chat_id and not q.answered and q.gone_at > now for q in self.queries.values())

    def expire(self) -> None:
        """Drop the updates whose life is over, as Telegram does."""
        if ids := self.updates.expired():
            self.record({"do": "confirm", "ids": ids})

    def confirm(self, offset: int) -> None:
        """The bot has everything below `offset`; a negative one keeps the last `-offset`."""
        if ids := self.updates.below(offset):
            self.record({"do": "confirm", "ids": ids})

    def _apply(self, change: Json) -> None:
        update: Json | None = change.get("update")
        match change["do"]:
            case "chat":
                self._apply_chat(change)
            case "message":
                message: Json = change["message"] if update is None else update["message"]
                self._next["message"] = message["message_id"] + 1
                chat = self.chats[message["chat"]["id"]]
                chat.met = True
                chat.posts[message["message_id"]] = Post(message, silent=change.get("silent", False))
                if "keyboard" in change:
                    chat.keyboard = change["keyboard"] or None
            case "edit":
                post = self.chats[change["message"]["chat"]["id"]].posts[change["message"]["message_id"]]
                post.message = change["message"]
            case "delete":
                del self.chats[change["chat"]].posts[change["message_id"]]
            case "reaction":
                self.chats[change["chat"]].posts[change["message_id"]].reaction = change["emoji"]
            case "member":
                self._apply_member(change)
            case "press":
                gone_at = self.tick() + (-1.0 if change.get("late") else QUERY_LIFE_S)
                self.queries[change["query"]] = Query(change["chat"], gone_at)
                self._next["query"] = int(change["query"]) + 1
            case "answer":
                self.queries[change["query"]].answered = True
            case "confirm":
                self.updates.remove(change["ids"])
            case "allowed":
                self.updates.allowed = None if change["types"] is None else frozenset(change["types"])
            case "webhook":
                self.webhook = change["webhook"]
            case "about":
                self.about[change["key"]] = change["value"]
            case "file":
                content = base64.b64decode(change["content"])
                self.files[change["id"]] = Stored(change["path"], change["name"], change["mime"], content)
            case "next":
                self._next = dict(change["next"])
        if update is not None:
            self._next["update"] = max(self._next["update"], update["update_id"] + 1)
            self.updates.add(update)

    def _apply_chat(self, change: Json) -> None:
        known = self.chats.get(change["form"]["id"])
        if known is None:
            self.chats[change["form"]["id"]] = Chat(change["form"], change["language"])
        else:
            known.form, known.language = change["form"], change["language"]

    def _apply_member(self, change: Json) -> None:
        chat = self.chats[change["chat"]]
        chat.blocked = change["blocked"]
        if change.get("gone"):
            chat.keyboard = None
            for post in chat.posts.values():
                post.seen = False


def _is_whole(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.lstrip("-").isdecimal()
    )
