"""Keyboards under messages and under the text box, refused where Telegram refuses them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.sandbox.wire import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.sandbox.wire import Json, Params

DATA_MAX_BYTES = 64
BUTTONS_MAX = 100
_ACTIONS = frozenset({
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Markup:
    """A `reply_markup`: an inline keyboard for the message, or a change of the keyboard under the text box."""

    inline: Json | None = None
    reply: Json | None = None
    """None leaves it as it is; an empty object takes it away."""

    def fields(self) -> Json:
        """What a message shows of it: inline keyboards only."""
        return {"reply_markup": self.inline} if self.inline else {}


def read(params: Params) -> Markup:
    """The `reply_markup` of a call. An inline keyboard without buttons counts as none."""
    markup = params.nested("reply_markup", "can't parse reply keyboard markup JSON object")
    if markup is None or markup == "":
        return Markup()
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        rows = [[_inline(button) for button in row] for row in _rows(markup["inline_keyboard"], "inline keyboard")]
        rows = [row for row in rows if row]
        if sum(len(row) for row in rows) > BUTTONS_MAX:
            raise bad_request("REPLY_MARKUP_TOO_LONG")
        return Markup(inline={"inline_keyboard": rows} if rows else None)
    if "keyboard" in markup:
        keys = [[_key(button) for button in row] for row in _rows(markup["keyboard"], "keyboard")]
        return Markup(reply={**markup, "keyboard": keys})
    if markup.get("remove_keyboard") is True:
        return Markup(reply={})
    return Markup()


def buttons(message: Json) -> Iterator[Json]:
    """The inline buttons of a message, from above to below."""
    for row in message.get("reply_markup", {}).get("inline_keyboard", []):
        yield from row


def _rows(rows: object, name: str) -> Sequence[Sequence[object]]:
    if not isinstance(rows, list):
        raise bad_request(f"can't parse {name}: Field must be of type Array")
    for row in rows:
        if not isinstance(row, list):
            raise bad_request(f"can't parse {name} button: Object expected as keyboard row")
    return rows


def _inline(button: object) -> Json:
    prefix = "can't parse inline keyboard button: "
    if not isinstance(button, dict):
        raise bad_request(prefix + "Object expected as inline keyboard button")
    if not isinstance(button.get("text"), str):
        raise bad_request(prefix + 'Field "text" must be of type String')
    if not button["text"].strip():
        raise bad_request("inline keyboard button text must be non-empty")
    actions = _ACTIONS & button.keys()
    if not actions:
        raise bad_request(prefix + "Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if "callback_data" in actions and not (isinstance(data, str) and 1 <= len(data.encode()) <= DATA_MAX_BYTES):
        raise bad_request("BUTTON_DATA_INVALID")
    url = button.get("url")
    if "url" in actions and not (isinstance(url, str) and re.match(r"(?:https?|tg)://[^\s/]+\S*$", url)):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return {name: value for name, value in button.items() if value is not None}


def _key(button: object) -> Json:
    key = {"text": button} if isinstance(button, str) else button
    if not isinstance(key, dict) or not isinstance(key.get("text"), str) or not key["text"].strip():
        raise bad_request('can\'t parse keyboard button: Field "text" must be of type String')
    return {name: value for name, value in key.items() if value is not None}
