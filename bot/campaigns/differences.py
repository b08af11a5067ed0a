"""What differs between two versions of a campaign, field by field, and between two texts, word by word. No database."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, Final

from bot.campaigns.content import texts_of

#: Words, the white space between them, and each other sign by itself, in any script.
_PIECES: Final = re.compile(r"\w+|\s+|[^\w\s]")


class Mark(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether it stayed, went or came."""

    mark: Mark
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One field that is not as it was, named from outside to inside. None: it was not there, or is not any more."""

    path: tuple[str, ...]
    before: Any
    after: Any

    @property
    def gone(self) -> list[Any]:
        """Of a field with several values: those that went."""
        return [one for one in _several(self.before) if one not in _several(self.after)]

    @property
    def new(self) -> list[Any]:
        """Of a field with several values: those that came."""
        return [one for one in _several(self.after) if one not in _several(self.before)]


@dataclass(frozen=True, kw_only=True, slots=True)
class TextChange:
    """A text that is not as it was. `before` None: it is new; `after` None: it is not used any more."""

    key: str
    language: str
    before: str | None
    after: str | None

    @property
    def pieces(self) -> list[Piece]:
        return list(compared(self.before or "", self.after or ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """`settings` of the campaign itself, `card`: what the service card settles, `days` of its calendar, and `texts`."""

    settings: tuple[Change, ...]
    card: tuple[Change, ...]
    days: tuple[Change, ...]
    texts: tuple[TextChange, ...]

    def __bool__(self) -> bool:
        return bool(self.settings or self.card or self.days or self.texts)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    """Between two versions as `campaigns.content` gives them; nothing when nothing differs."""
    return Differences(
        settings=tuple(_changes(_settings(before), _settings(after))),
        card=tuple(_changes(before["card"] or {}, after["card"] or {})),
        days=tuple(_changes({"days": before["days"]}, {"days": after["days"]})),
        texts=tuple(_texts(texts_of(before), texts_of(after))),
    )


def compared(before: str, after: str) -> Iterator[Piece]:
    """`after` beside `before`: without what is new it reads as before, without what is gone as after."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    for how, start, end, begin, finish in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if how == "equal":
            yield Piece(Mark.SAME, "".join(old[start:end]))
            continue
        if start < end:
            yield Piece(Mark.GONE, "".join(old[start:end]))
        if begin < finish:
            yield Piece(Mark.NEW, "".join(new[begin:finish]))


def _settings(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What the campaign says itself, without its own wordings: they are among the texts."""
    return {name: said for name, said in kept["campaign"].items() if name != "wordings"}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[Change]:
    for name in dict.fromkeys([*after, *before]):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changes(old, new, (*path, name))
        else:
            yield Change(path=(*path, name), before=old, after=new)


def _texts(before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]) -> Iterator[TextChange]:
    for key, language in dict.fromkeys([*after, *before]):
        old, new = before.get((key, language)), after.get((key, language))
        if old != new:
            yield TextChange(key=key, language=language, before=old, after=new)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
