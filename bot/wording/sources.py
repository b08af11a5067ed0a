"""The sentences in messages/: which keys they have, in which file they stand and what they are for.

Babel's extractor and the bot read them through the same function, so that a sentence that is said can be translated.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.plain import Kind
from bot.wording.files import Document

#: {name} or {name:how}, where `how` says how a date is written or which card is meant.
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z0-9_-]+))?\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One sentence or short text in the source language. `plural` is said when the number `n` is not one.

    `exceptions` gives, by rule, the reason why a warning does not count here. `own`: its translations by language, for
    a text that stands with all of them in one place; None: they are in the catalogues.
    """

    key: str
    file: str
    text: str
    kind: Kind
    plural: str | None = None
    note: str | None = None
    exceptions: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,) if self.plural is None else (self.text, self.plural)


def sources(path: str, document: Document) -> Iterator[Source]:
    """What the file at `path` (from messages/) says to citizens. Parts of a wrong shape are passed over here."""
    match path.split("/"):
        case ["services", _]:
            yield from _of_card(path, document)
        case ["nudges", _]:
            yield from _entries(path, document, "", kind=Kind.NUDGE)
        case ["themes.toml"]:
            for theme, entry in _tables(document.get("theme")):
                yield from _text(path, f"theme.{theme}", entry, "title", Kind.REPLY)
                yield from _text(path, f"theme.{theme}.description", entry, "description", Kind.REPLY)
        case ["situations.toml"]:
            for code, entry in _tables(document.get("situation")):
                yield from _text(path, f"situation.{code}", entry, "text", Kind.BUTTON)
        case ["emergency.toml"]:
            for kind, entry in _tables(document.get("emergency")):
                yield from _text(path, f"emergency.{kind}", entry, "text", Kind.REPLY)
        case ["replies.toml"]:
            for name, entry in _tables(document):
                yield from _text(path, f"standard.{name}", entry, "text", Kind.REPLY)
        case ["municipality.toml"]:
            yield from _text(path, "municipality.team", document, "team", Kind.REPLY)
            yield from _text(path, "municipality.desk", document, "desk", Kind.REPLY)
            yield from _text(path, "municipality.contact_hours", document, "contact_hours", Kind.REPLY)
        case ["bot.toml"]:
            yield from _entries(path, document, "", kind=Kind.REPLY)


def placeholders(text: str) -> frozenset[str]:
    """The placeholders of a text as they stand, `{official_page:zorgtoeslag}` as `official_page:zorgtoeslag`."""
    return frozenset(":".join(filter(None, match)) for match in PLACEHOLDER.findall(text))


def misfits(source: Source, forms: tuple[str, ...]) -> frozenset[str]:
    """Placeholders that a translation has and its source has not, or the other way round.

    In a text with a plural, a form may leave out the number: "one message", or the Arabic dual.
    """
    wanted = frozenset().union(*(placeholders(text) for text in source.texts))
    if source.plural is None:
        return wanted ^ placeholders(forms[0])
    return frozenset().union(*((placeholders(form) ^ wanted) - ({"n"} & wanted) for form in forms))


def _of_card(path: str, card: Document) -> Iterator[Source]:
    if isinstance(card.get("id"), str):
        yield from _text(path, f"card.{card['id']}.name", card, "name", Kind.REPLY)
        yield from _text(path, f"card.{card['id']}.plain", card, "plain", Kind.REPLY)
        yield from _text(path, f"card.{card['id']}.body", card, "body", Kind.BODY)
        wanted = card.get("wanted")
        if isinstance(wanted, dict):
            yield from _text(path, f"card.{card['id']}.whom", wanted, "whom", Kind.REPLY)
            yield from _text(path, f"card.{card['id']}.signs", wanted, "signs", Kind.REPLY)


def _entries(path: str, table: Document, prefix: str, *, kind: Kind) -> Iterator[Source]:
    """Tables with a `text` are entries, and a bare string is one too; other tables group entries under their name."""
    for name, value in table.items():
        key = f"{prefix}{name}"
        entry_kind = Kind.BUTTON if kind is Kind.REPLY and key.startswith("button.") else kind
        match value:
            case str():
                yield Source(key=key, file=path, text=value.strip(), kind=entry_kind)
            case {"text": str()}:
                yield from _text(path, key, value, "text", entry_kind)
            case dict():
                yield from _entries(path, value, f"{key}.", kind=kind)


def _text(path: str, key: str, entry: Mapping[str, Any], name: str, kind: Kind) -> Iterator[Source]:
    if not isinstance(entry.get(name), str):
        return
    plural, note, exceptions = entry.get("plural"), entry.get("note"), entry.get("exceptions")
    yield Source(
        key=key,
        file=path,
        text=entry[name].strip(),
        kind=kind,
        plural=plural.strip() if isinstance(plural, str) else None,
        note=note if isinstance(note, str) else None,
        exceptions=exceptions if isinstance(exceptions, dict) else {},
    )


def _tables(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield from ((name, entry) for name, entry in value.items() if isinstance(entry, dict))
