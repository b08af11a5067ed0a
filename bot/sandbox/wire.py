"""What goes over the wire: the parameters of a call, and the answers and refusals of the Bot API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = dict[str, Any]

CHAT_NOT_FOUND = "Bad Request: chat not found"
BLOCKED = "Forbidden: bot was blocked by the user"
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
NO_SUCH_METHOD = "Not Found: method not found"

# Forms carry everything as text. The Bot API gives a field the same type in every method, so one table is enough.
_WHOLE = frozenset({
    "chat_id", "from_chat_id", "user_id", "message_id", "message_thread_id", "offset", "limit", "timeout",
    "max_connections", "cache_time", "direct_messages_topic_id", "video_start_timestamp",
})  # fmt: skip
_FLAGS = frozenset({
    "disable_notification", "protect_content", "allow_paid_broadcast", "drop_pending_updates", "show_alert",
    "disable_content_type_detection", "has_spoiler", "show_caption_above_media", "is_big", "remove_caption",
})  # fmt: skip
_NESTED = frozenset({
    "entities", "caption_entities", "reply_markup", "link_preview_options", "reply_parameters", "allowed_updates",
    "commands", "scope", "reaction", "suggested_post_parameters", "message_ids", "rich_message",
})  # fmt: skip


class RefusedError(Exception):
    """A call that the Bot API answers with `ok: false`. Nothing has changed."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def body(self) -> Json:
        """The envelope, with `parameters` only where Telegram has them."""
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        return body


def bad_request(text: str) -> RefusedError:
    """A 400 with Telegram's prefix."""
    return RefusedError(400, f"Bad Request: {text}")


def forbidden() -> RefusedError:
    """The 403 for a citizen who blocked the bot or deleted the chat."""
    return RefusedError(403, BLOCKED)


def too_many(retry_after: int) -> RefusedError:
    """The 429, `retry_after` in seconds."""
    return RefusedError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in as multipart."""

    name: str
    mime: str
    content: bytes


def typed(name: str, value: str) -> Any:
    """The value of a form field as the JSON that it stands for; text that does not fit stays text."""
    if name in _FLAGS and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    if name in _WHOLE:
        try:
            return int(value)
        except ValueError:
            return value
    if name in _NESTED:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class Params:
    """The parameters of one call, read with Telegram's leniency and refused with Telegram's texts."""

    def __init__(self, values: Mapping[str, Any], uploads: Mapping[str, Upload] | None = None) -> None:
        """`values` hold real JSON, `uploads` the files by the name of their form field."""
        self.values = values
        self.uploads = uploads or {}

    def text(self, name: str, default: str = "") -> str:
        """A text; numbers are taken as their digits, as Telegram does."""
        value = self.values.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number; without a default its absence is refused."""
        value = self.values.get(name, default)
        if isinstance(value, str):
            value = typed(name, value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise bad_request(f"{name} is not specified" if value is None else f"{name} is invalid")
        return value

    def flag(self, name: str) -> bool:
        """A truth value; absent means no."""
        value = self.values.get(name, False)
        return value is True or (isinstance(value, str) and value.lower() in {"true", "1"})

    def nested(self, name: str, error: str) -> Any:
        """An object or array, None when absent; text that is no JSON is refused with `error`."""
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise bad_request(error) from None
        return value
