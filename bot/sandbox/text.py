"""Formatted text: HTML or entities in, plain text and entities out, with offsets in UTF-16 units."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.sandbox.wire import bad_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.sandbox.wire import Json, Params

TEXT_MAX = 4096
CAPTION_MAX = 1024

_SIMPLE = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "code": "code", "pre": "pre", "blockquote": "blockquote",
}  # fmt: skip
_TAGS = frozenset(_SIMPLE) | {"a", "span", "tg-emoji"}
_TYPES = frozenset(_SIMPLE.values()) | {
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "expandable_blockquote",
    "text_link", "text_mention", "custom_emoji", "date_time",
}  # fmt: skip
_TOKEN = re.compile(
    r"<(?P<end>/)?(?P<name>[a-zA-Z][a-zA-Z0-9-]*)(?P<attributes>(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*)>"
    r"|&(?:lt|gt|amp|quot|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});|<"
)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_FOUND = (
    ("bot_command", re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@\w{3,32})?(?![\w/])")),
    ("url", re.compile(r"(?<![\w@])https?://[^\s<>\"'\u2066-\u2069]*[^\s<>\"'.,;:!?()\]\u2066-\u2069]")),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
)
_CLOSED = frozenset({"code", "pre", "text_link"})  # Telegram finds no links or commands inside these.


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text as the citizen reads it, and its entities as the Bot API shows them."""

    text: str
    entities: tuple[Json, ...] = ()

    def fields(self, prefix: str = "") -> Json:
        """The message's fields; `prefix` is `caption` for files. What is empty is left out."""
        text, entities = (prefix, f"{prefix}_entities") if prefix else ("text", "entities")
        fields: Json = {text: self.text} if self.text else {}
        return fields | ({entities: list(self.entities)} if self.entities else {})


def units(text: str) -> int:
    """The length of `text` in UTF-16 units, in which the Bot API counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def read(params: Params, *, caption: bool = False) -> Formatted:
    """The text or caption of a call. Refuses what Telegram refuses; a caption may be empty."""
    name, longest = ("caption", CAPTION_MAX) if caption else ("text", TEXT_MAX)
    source = params.text(name)
    entities = params.nested("caption_entities" if caption else "entities", "can't parse entities: not a JSON array")
    mode = params.text("parse_mode").lower()
    if mode == "html":
        formatted = _from_html(source)
    elif mode:
        raise bad_request("unsupported parse_mode")
    else:
        formatted = Formatted(source, tuple(_checked(source, entities or [])))
    formatted = detected(_trimmed(formatted))
    if not formatted.text and not caption:
        raise bad_request("message text is empty")
    if len(formatted.text) > longest:
        raise bad_request("message caption is too long" if caption else "message is too long")
    return formatted


def detected(formatted: Formatted) -> Formatted:
    """The same text with the commands and links that Telegram finds by itself."""
    text = formatted.text
    if "/" not in text and "@" not in text:
        return formatted
    closed = [e for e in formatted.entities if e["type"] in _CLOSED]
    found: list[Json] = []
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            entity: Json = {"type": kind, "offset": units(text[: match.start()]), "length": units(match[0])}
            if not any(_overlap(entity, other) for other in (*closed, *found)):
                found.append(entity)
    return Formatted(text, tuple(_ordered([*formatted.entities, *found])))


def _overlap(one: Json, other: Json) -> bool:
    return bool(one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"])


def _ordered(entities: Sequence[Json]) -> list[Json]:
    return sorted(entities, key=lambda e: (e["offset"], -e["length"]))


def _broken(text: str) -> Exception:
    return bad_request(f"can't parse entities: {text}")


def _from_html(source: str) -> Formatted:
    out: list[str] = []
    offset = 0
    stack: list[tuple[str, int, Json]] = []
    entities: list[Json] = []
    position = 0

    def put(piece: str) -> None:
        nonlocal offset
        out.append(piece)
        offset += units(piece)

    for token in _TOKEN.finditer(source):
        put(source[position : token.start()])
        position = token.end()
        at = len(source[: token.start()].encode("utf-8", "surrogatepass"))
        if token[0].startswith("&"):
            put(html.unescape(token[0]))
            continue
        name = (token["name"] or "").lower()
        if token["end"]:
            if not stack:
                raise _broken(f"Unexpected end tag at byte offset {at}")
            opened, begin, entity = stack.pop()
            if opened != name:
                raise _broken(f'Unmatched end tag at byte offset {at}, expected "</{opened}>", found "</{name}>"')
            if entity and offset > begin:
                entities.append({"type": entity.pop("type"), "offset": begin, "length": offset - begin, **entity})
        elif name not in _TAGS:
            raise _broken(f'Unsupported start tag "{name}" at byte offset {at}')
        else:
            attributes = {m[1].lower(): m[2] or m[3] or m[4] or "" for m in _ATTRIBUTE.finditer(token["attributes"])}
            stack.append((name, offset, _opened(name, attributes, at)))
    put(source[position:])
    if stack:
        raise _broken(f'Can\'t find end tag corresponding to start tag "{stack[-1][0]}"')
    return Formatted("".join(out), tuple(_ordered(_merged(entities))))


def _opened(name: str, attributes: dict[str, str], at: int) -> Json:
    """What a start tag begins, without its place; empty when Telegram makes nothing of it."""
    match name:
        case "a":
            url = html.unescape(attributes.get("href", ""))
            # Telegram drops a link without a usable address silently, and keeps its words.
            return {"type": "text_link", "url": url} if re.match(r"(https?|tg|mailto|tel):", url) else {}
        case "span":
            if attributes.get("class") != "tg-spoiler":
                raise _broken(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
            return {"type": "spoiler"}
        case "tg-emoji":
            return {"type": "custom_emoji", "custom_emoji_id": attributes.get("emoji-id", "")}
        case "blockquote" if "expandable" in attributes:
            return {"type": "expandable_blockquote"}
        case "code" if attributes.get("class", "").startswith("language-"):
            return {"type": "code", "language": attributes["class"].removeprefix("language-")}
        case _:
            return {"type": _SIMPLE[name]}


def _merged(entities: list[Json]) -> list[Json]:
    """`<pre><code class="language-x">` is one block of `pre` with a language; `code` alone has none."""
    blocks = {(e["offset"], e["length"]): e for e in entities if e["type"] == "pre"}
    kept: list[Json] = []
    for entity in entities:
        if entity["type"] == "code":
            language = entity.pop("language", None)
            block = blocks.get((entity["offset"], entity["length"]))
            if block is not None:
                if language:
                    block["language"] = language
                continue
        kept.append(entity)
    return kept


def _checked(text: str, entities: object) -> list[Json]:
    if not isinstance(entities, list):
        raise _broken("expected an Array of MessageEntity")
    length = units(text)
    kept: list[Json] = []
    for entity in entities:
        if not isinstance(entity, dict) or entity.get("type") not in _TYPES:
            raise _broken(f"unsupported type of MessageEntity {entity!r}")
        begin, size = entity.get("offset"), entity.get("length")
        if not isinstance(begin, int) or not isinstance(size, int) or begin < 0 or size < 0:
            raise _broken("a MessageEntity has no valid offset and length")
        if begin > length:
            raise _broken(f"entity begins after the end of the text at UTF-16 offset {begin}")
        if begin + size > length:
            raise _broken(
                f"entity beginning at UTF-16 offset {begin} ends after the end of the text at UTF-16 offset "
                f"{begin + size}"
            )
        if size:
            kept.append({name: value for name, value in entity.items() if value is not None})
    return _ordered(kept)


def _trimmed(formatted: Formatted) -> Formatted:
    text = formatted.text.strip()
    if text == formatted.text:
        return formatted
    lead = units(formatted.text[: len(formatted.text) - len(formatted.text.lstrip())])
    end = units(text)
    kept: list[Json] = []
    for entity in formatted.entities:
        begin = max(0, entity["offset"] - lead)
        stop = min(end, entity["offset"] - lead + entity["length"])
        if stop > begin:
            kept.append(entity | {"offset": begin, "length": stop - begin})
    return Formatted(text, tuple(kept))
