"""One value, one text or one new wording changed in files that stay as their editors wrote them otherwise."""

import io
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import tomlkit
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot.core.facts import Tone, Variant
from bot.core.plain import Kind
from bot.library.files import LOCALE, Files, place
from bot.wording import Wording
from bot.wording.catalogue import DOMAIN, SOURCE_LANGUAGE
from bot.wording.sources import Source, sources
from bot.wording.update import updated, written

Value = str | int | bool | date | None
#: Where a value that is not in the file yet comes to stand: after this one of the same table.
_AFTER: Final = {"valid_until": "valid_from", "exceptions": "body", "whom": "not_wanted", "signs": "whom"}


def with_values(text: str, values: Mapping[str | tuple[str, ...], Value]) -> str:
    """A TOML file with some values in place of others, by their dotted names or their steps; None takes one out.

    Comments and everything else stay as they are. Raises KeyError for a table that is not there.
    """
    for name, value in values.items():
        text = _with_value(text, name.split(".") if isinstance(name, str) else name, value)
    return text


def _with_value(text: str, steps: Sequence[str], value: Value) -> str:
    document = tomlkit.parse(text)
    table: Any = document
    for step in steps[:-1]:
        table = table[step]
    name = steps[-1]
    if value is None:
        table.pop(name, None)
        return tomlkit.dumps(document)
    if name in table:
        if table[name] != value:
            table[name] = _item(value, several="\n" in str(table[name]))
        return tomlkit.dumps(document)
    line = f"{name} = {_item(value, several=False).as_string()}\n"
    end = _place_for(text, steps)
    return f"{text[:end]}{line}{text[end:]}"


def _place_for(text: str, steps: Sequence[str]) -> int:
    """Where a new line fits: below its neighbour, or below the table's heading."""
    start, end = 0, len(text)
    if len(steps) > 1:
        heading = re.search(rf"^\[{re.escape('.'.join(steps[:-1]))}\][^\n]*\n", text, re.MULTILINE)
        if heading is None:
            raise KeyError(".".join(steps[:-1]))
        start = heading.end()
    following = re.compile(r"^\[", re.MULTILINE).search(text, start)
    end = len(text) if following is None else following.start()
    neighbour = _AFTER.get(steps[-1])
    if neighbour is not None:
        found = re.compile(rf"^{neighbour}\s*=[^\n\[]*\n", re.MULTILINE).search(text, start, end)
        if found is not None:
            return found.end()
    if len(steps) > 1:
        return start
    values = list(re.compile(r"^[A-Za-z_][\w-]*\s*=[^\n\"\[]*(?:\"[^\n\"]*\")?\n", re.MULTILINE).finditer(text, 0, end))
    return values[-1].end() if values else 0


def _item(value: Value, *, several: bool) -> Any:
    if not isinstance(value, str) or not (several or "\n" in value):
        return tomlkit.item(value)
    inside = tomlkit.string(value.strip("\n") + "\n", multiline=True).as_string()[3:-3]
    return tomlkit.value(f'"""\n{inside}"""')


def with_text(files: Files, key: str, said: Mapping[str, str]) -> dict[str, str]:
    """The files that change when the text of `key` reads so, by language; Dutch is among them.

    A translation that is as it was counts as read again beside the new Dutch. Raises KeyError for a key that does not
    exist, ValueError for a text with plural forms, which is changed in its file.
    """
    source, name = _found(files, key)
    if source.plural is not None:
        raise ValueError(f"{key} has a form for one and a form for many; change them in the file")
    fresh = {source.file: with_values(files[source.file], {name: _tidied(said[SOURCE_LANGUAGE])})}
    return fresh | _translated({**files, **fresh}, {key: said})


def with_wording(
    files: Files, card: str, tone: Tone, said: Mapping[str, str], today: date
) -> tuple[str, dict[str, str]]:
    """A new wording of a card's first message under the next number: its id, and the files that change."""
    path = f"nudges/{card}.toml"
    text = files.get(path, "")
    known = tomllib.loads(text).get(card, {}).get(tone, {})
    number = max((int(one) for one in known if one.isdecimal()), default=0) + 1
    key = f"{card}.{tone}.{number}"
    body = _item(_tidied(said[SOURCE_LANGUAGE]), several=True).as_string()
    table = f'[{key}]\ntone = "{tone}"\nsince = {today.isoformat()}\ntext = {body}\n'
    fresh = {path: f"{text.rstrip()}\n\n{table}" if text.strip() else table}
    return key, fresh | _translated({**files, **fresh}, {key: said})


def translation(wording: Wording, key: str, language: str) -> str:
    """The text as it stands, with its placeholders; empty where there is none in this language."""
    if language == SOURCE_LANGUAGE:
        return wording.sources[key].text
    forms = wording.forms(key, language)
    return "" if forms is None else forms[0]


def tried(wording: Wording, key: str, said: Mapping[str, str], *, card: str = "", tone: Tone = Tone.NEUTRAL) -> Wording:
    """A wording in which the text of `key` reads so, by language, to look at only. A new nudge is one about `card`."""
    source = wording.sources.get(key) or Source(key=key, file=f"nudges/{card}.toml", text="", kind=Kind.NUDGE)
    texts = {language: _tidied(text) for language, text in said.items()}
    trial = replace(source, text=texts.get(SOURCE_LANGUAGE, ""), own=MappingProxyType(texts))
    variants = dict(wording.variants)
    if key not in wording.sources:
        variants[key] = Variant(id=key, card=card, tone=tone, languages=frozenset())
    return replace(
        wording,
        sources=MappingProxyType({**wording.sources, key: trial}),
        variants=MappingProxyType(variants),
    )


def _found(files: Files, key: str) -> tuple[Source, tuple[str, ...]]:
    """The text, and the steps to it in the TOML of its file."""
    for path, text in files.items():
        if LOCALE.fullmatch(path):
            continue
        for source in sources(path, tomllib.loads(text)):
            if source.key == key:
                return source, _steps(path, key, tomllib.loads(text))
    raise KeyError(key)


def _steps(path: str, key: str, document: Mapping[str, Any]) -> tuple[str, ...]:
    match path.split("/"), key.split("."):
        case ["services", _], ["card", _, ("whom" | "signs") as part]:
            return "wanted", part
        case (["services", _], ["card", _, part]) | (["municipality.toml"], [_, part]):
            return (part,)
        case ["themes.toml"], [_, theme, *rest]:
            return "theme", theme, rest[0] if rest else "title"
        case [("situations.toml" | "emergency.toml")], [table, name]:
            return table, name, "text"
    return next(steps for steps, name in _entries(document, (), "") if name == key)


def _entries(table: Mapping[str, Any], steps: tuple[str, ...], prefix: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of a file whose tables group them, with the names that the program knows them by."""
    for name, value in table.items():
        match value:
            case str():
                yield (*steps, name), f"{prefix}{name}"
            case {"text": str()}:
                yield (*steps, name, "text"), f"{prefix}{name}"
            case dict():
                yield from _entries(value, (*steps, name), f"{prefix}{name}.")


def _translated(files: Files, said: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The catalogues with these texts in them, and with exactly the sentences that the files have."""
    fresh = {}
    wanted = _wanted(tuple(sorted((path, text) for path, text in files.items() if not LOCALE.fullmatch(path))))
    for path, text in files.items():
        if (found := LOCALE.fullmatch(path)) is None:
            continue
        language = found[1]
        catalog = updated(read_po(io.StringIO(text), locale=language, domain=DOMAIN, abort_invalid=True), wanted)
        for entry in catalog:
            texts = said.get(entry.context or "")
            if texts is not None and entry.id and isinstance(entry.id, str):
                entry.string = _tidied(texts.get(language, ""))
                entry.flags.discard("fuzzy")
        if (told := written(catalog)) != text:
            fresh[path] = told
    return fresh


@lru_cache(maxsize=2)
def _wanted(files: Sequence[tuple[str, str]]) -> Catalog:
    """Everything there is to translate, in the order in which Babel finds it on disk."""
    catalog = Catalog(domain=DOMAIN, charset="utf-8")
    for path, text in sorted(files, key=lambda file: _as_walked(file[0])):
        for source in sources(path, tomllib.loads(text)):
            message = source.text if source.plural is None else (source.text, source.plural)
            comments = [source.note] if source.note else []
            catalog.add(message, None, [(place(path), 1)], auto_comments=comments, context=source.key)
    return catalog


def _as_walked(path: str) -> tuple[int, str]:
    """A folder's own files come before those in its folders."""
    return path.count("/"), path


def _tidied(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
