"""What a changed file says otherwise, value by value and word by word, for whoever has to agree with it."""

import difflib
import io
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from babel.messages.pofile import PoFileError, read_po

from bot.library.files import LOCALE
from bot.wording.catalogue import DOMAIN

Kind = Literal["same", "out", "in"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One value of a file; None: there is none. `language` is that of its words, if it has any."""

    name: str
    before: str | None
    after: str | None
    language: str | None = None

    @property
    def words(self) -> list[tuple[Kind, str]]:
        """The words that stayed, went and came, in reading order."""
        return words(self.before or "", self.after or "")


def differences_of(path: str, before: str | None, after: str | None) -> list[Difference]:
    """Every value that differs, in the order of the file; a file that cannot be read is one value."""
    catalogue = LOCALE.fullmatch(path)
    language = "nl" if catalogue is None else catalogue[1]
    try:
        was, is_now = (_values(path, text) for text in (before, after))
    except (tomllib.TOMLDecodeError, PoFileError):
        return [Difference(name=path, before=before, after=after)]
    names = [*is_now, *(name for name in was if name not in is_now)]
    return [
        Difference(name=name, before=was.get(name), after=is_now.get(name), language=language)
        for name in names
        if was.get(name) != is_now.get(name)
    ]


def words(before: str, after: str) -> list[tuple[Kind, str]]:
    """The words that stayed, went and came, in reading order; white space goes with the word before it."""
    old, new = (re.findall(r"\S+\s*|\s+", text) for text in (before, after))
    found: list[tuple[Kind, str]] = []
    for kind, first, last, begin, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", "".join(old[first:last])))
            continue
        found += [("out", "".join(old[first:last]))] if last > first else []
        found += [("in", "".join(new[begin:end]))] if end > begin else []
    return found


def lines(before: str | None, after: str | None) -> list[str]:
    """The lines of the whole file that differ, with two around them, as programmers write it."""
    both = [(text or "").splitlines() for text in (before, after)]
    return list(difflib.unified_diff(*both, n=2, lineterm=""))[2:]


def _values(path: str, text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    if (catalogue := LOCALE.fullmatch(path)) is None:
        return dict(_flat(tomllib.loads(text), ""))
    catalog = read_po(io.StringIO(text), locale=catalogue[1], domain=DOMAIN, abort_invalid=True)
    return {
        entry.context: "\n".join([entry.string] if isinstance(entry.string, str) else entry.string or ())
        for entry in catalog
        if entry.id and entry.context
    }


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
