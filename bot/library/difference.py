"""What a changed file says otherwise, value by value and word by word, for whoever has to agree with it."""

import difflib
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from babel.messages.pofile import PoFileError, read_po

from bot.campaigns.differences import Piece, compared
from bot.library.files import LOCALE
from bot.wording.catalogue import DOMAIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One value of a file; None: there is none. `language` is that of its words, if it has any.

    `kept`: a translation that stays as it is although the Dutch that it was made from changes.
    """

    name: str
    before: str | None
    after: str | None
    language: str | None = None
    kept: bool = False

    @property
    def pieces(self) -> list[Piece]:
        """What stayed, went and came, in reading order."""
        return list(compared(self.before or "", self.after or ""))


def differences_of(path: str, before: str | None, after: str | None) -> list[Difference]:
    """Every value that differs, in the order of the file; a file that cannot be read is one value."""
    catalogue = LOCALE.fullmatch(path)
    language = "nl" if catalogue is None else catalogue[1]
    try:
        was, is_now = (_values(path, text) for text in (before, after))
    except (tomllib.TOMLDecodeError, PoFileError):
        return [Difference(name=path, before=before, after=after)]
    found = []
    for name in [*is_now, *(name for name in was if name not in is_now)]:
        (source, old), (fresh, new) = was.get(name, (None, None)), is_now.get(name, (None, None))
        if old != new or source != fresh:
            kept = old == new
            found.append(Difference(name=name, before=old, after=new, language=language, kept=kept))
    return found


def lines(before: str | None, after: str | None) -> list[str]:
    """The lines of the whole file that differ, with two around them, as programmers write it."""
    return list(difflib.unified_diff((before or "").splitlines(), (after or "").splitlines(), n=2, lineterm=""))[2:]


def _values(path: str, text: str | None) -> dict[str, tuple[str | None, str]]:
    """By its name each value, and for a translation the Dutch that it was made from before it."""
    if text is None:
        return {}
    if (catalogue := LOCALE.fullmatch(path)) is None:
        return {name: (None, value) for name, value in _flat(tomllib.loads(text), "")}
    catalog = read_po(io.StringIO(text), locale=catalogue[1], domain=DOMAIN, abort_invalid=True)
    return {
        entry.context: (_joined(entry.id), _joined(entry.string)) for entry in catalog if entry.id and entry.context
    }


def _joined(forms: str | list[str] | tuple[str, ...] | None) -> str:
    return "\n".join([forms] if isinstance(forms, str) else forms or ())


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _flat(inner, f"{name}.{key}" if name else key)
        case [dict(), *_]:
            for number, inner in enumerate(value, 1):
                yield from _flat(inner, f"{name}[{number}]")
        case list():
            yield name, "\n".join(map(str, value))
        case bool():
            yield name, "true" if value else "false"
        case _:
            yield name, str(value).strip()
