"""Reading messages/ and locale/, with every fault told at once."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.core.facts import Variant
from bot.errors import WordingError
from bot.wording.book import Wording, with_fit_languages
from bot.wording.calendar import CalendarFile
from bot.wording.cards import ServiceCard
from bot.wording.catalogue import SOURCE_LANGUAGE, read
from bot.wording.files import Document, data, documents
from bot.wording.languages import LanguagesFile
from bot.wording.municipal import (
    BotEntry,
    EmergencyFile,
    Municipality,
    PlainFile,
    RegisterFile,
    RepliesFile,
    RulesFile,
    Situation,
    SituationsFile,
    Theme,
    ThemesFile,
    ValuesFile,
    VariantEntry,
)
from bot.wording.prior import FILE as PRIOR
from bot.wording.prior import PriorFile, in_force
from bot.wording.sources import Source, sources

P = TypeVar("P", bound=BaseModel)

_FILES = frozenset(
    f"{name}.toml"
    for name in (
        "municipality",
        "languages",
        "themes",
        "situations",
        "emergency",
        "calendar",
        "rules",
        "values",
        "plain",
        "bot",
        "replies",
        "register",
        "prior",
    )
)
#: Campaigns are read where campaigns are made.
_FOLDERS = frozenset({"services", "nudges", "campaigns"})


def load(*, messages: Traversable | None = None, locale: Traversable | None = None) -> Wording:
    """Read everything that can be said; without arguments, what was shipped.

    Raises WordingError with every fault of structure. What the texts say is looked at by `Wording.checked`.
    """
    faults: list[str] = []
    files = documents(data("messages") if messages is None else messages, faults)
    municipality = _one(Municipality, "municipality.toml", files, faults)
    languages = _one(LanguagesFile, "languages.toml", files, faults)
    themes = _one(ThemesFile, "themes.toml", files, faults)
    situations = _one(SituationsFile, "situations.toml", files, faults)
    calendar = _one(CalendarFile, "calendar.toml", files, faults)
    emergency = _one(EmergencyFile, "emergency.toml", files, faults)
    rules = _one(RulesFile, "rules.toml", files, faults)
    values = _one(ValuesFile, "values.toml", files, faults)
    book = _one(PlainFile, "plain.toml", files, faults)
    replies = _valid(RepliesFile, "messages/replies.toml", files.get("replies.toml", {}), faults)
    register = None
    if "register.toml" in files:
        register = _valid(RegisterFile, "messages/register.toml", files["register.toml"], faults)
    prior = None
    signed = _valid(PriorFile, f"messages/{PRIOR}", files[PRIOR], faults) if PRIOR in files else None
    if signed is not None and values is not None and rules is not None:
        prior = in_force(signed, values.facts(), timedelta(days=rules.window_days), faults)
    cards = _cards(files, None if themes is None else themes.theme, faults)
    variants = _variants(files, cards, faults)
    faults += [
        f"messages/{path}: is not a file that the bot reads; mend its name or its folder, or take it away"
        for path in files
        if path not in _FILES and path.rpartition("/")[0] not in _FOLDERS
    ]
    _check_bot(files.get("bot.toml", {}), "", faults)
    texts = _sources(files, faults)
    translations = {}
    if municipality is not None:
        where = data("locale") if locale is None else locale
        translations = {
            language: read(where, language, faults)
            for language in municipality.languages
            if language != SOURCE_LANGUAGE
        }
    if faults or not (
        municipality and languages and themes and situations and emergency and calendar and rules and values and book
    ):
        raise WordingError(faults)
    wording = Wording(
        languages=tuple(municipality.languages),
        cards=MappingProxyType(cards),
        themes=MappingProxyType({name: Theme(id=name, **dict(entry)) for name, entry in themes.theme.items()}),
        situations=MappingProxyType(
            {code: Situation(code=code, **dict(entry)) for code, entry in situations.situation.items()}
        ),
        emergencies=MappingProxyType(
            {
                kind: tuple(word for words in entry.words.values() for word in words)
                for kind, entry in emergency.emergency.items()
            }
        ),
        variants=MappingProxyType(variants),
        calendar=calendar,
        rules=rules.facts(holidays_of=municipality.holidays_of),
        values=values.facts(),
        prior=prior,
        municipality=municipality,
        book=book.facts(),
        replies=MappingProxyType({name: entry.title for name, entry in (replies.root if replies else {}).items()}),
        register=register,
        sources=MappingProxyType(texts),
        translations=MappingProxyType(translations),
        checks=MappingProxyType(languages.language),
    )
    return replace(wording, variants=MappingProxyType(with_fit_languages(wording)))


def _one(model: type[P], path: str, files: Mapping[str, Document], faults: list[str]) -> P | None:
    if path not in files:
        if not any(fault.startswith(f"messages/{path}:") for fault in faults):
            faults.append(f"messages/{path}: is not there; put it back")
        return None
    return _valid(model, f"messages/{path}", files[path], faults)


def _cards(
    files: Mapping[str, Document], themes: Mapping[str, object] | None, faults: list[str]
) -> dict[str, ServiceCard]:
    cards: dict[str, ServiceCard] = {}
    for path, document in files.items():
        folder, _, name = path.rpartition("/")
        if folder != "services" or (card := _valid(ServiceCard, f"messages/{path}", document, faults)) is None:
            continue
        if name != f"{card.id}.toml":
            faults.append(f"messages/{path}: id is {card.id!r}; name the file {card.id}.toml or mend the id")
        if themes is not None and card.theme not in themes:
            faults.append(f"messages/{path}: theme is {card.theme!r}; use one of {', '.join(themes)}")
        cards[card.id] = card
    return cards


def _variants(files: Mapping[str, Document], cards: Mapping[str, ServiceCard], faults: list[str]) -> dict[str, Variant]:
    """Variants by id, `<card>.<tone>.<number>`, not yet looked at for the languages they are fit for."""
    variants: dict[str, Variant] = {}
    known = {path.removeprefix("services/").removesuffix(".toml") for path in files if path.startswith("services/")}
    for path, document in files.items():
        folder, _, name = path.rpartition("/")
        if folder != "nudges":
            continue
        card = name.removesuffix(".toml")
        if card not in known and card not in cards:
            faults.append(f"messages/{path}: there is no card services/{card}.toml; write it or mend the file's name")
        for key, entry in _entries(document):
            at = f"messages/{path}: {key}"
            variant = _valid(VariantEntry, at, entry, faults) if isinstance(entry, dict) else None
            first, _, number = key.rpartition(".")
            if variant is None:
                if not isinstance(entry, dict):
                    faults.append(f"{at}: is not a nudge; write it as [{card}.warm.1] with tone, since and text")
            elif first != f"{card}.{variant.tone}" or not number.isdecimal():
                faults.append(f"{at}: a nudge here is called {card}.{variant.tone}.1, or a higher number")
            else:
                variants[key] = Variant(id=key, card=card, tone=variant.tone, languages=frozenset())
    return variants


def _check_bot(table: Document, prefix: str, faults: list[str]) -> None:
    for name, value in table.items():
        at = f"messages/bot.toml: {prefix}{name}"
        match value:
            case str() if value.strip():
                pass
            case {"text": _}:
                _valid(BotEntry, at, value, faults)
            case dict():
                _check_bot(value, f"{prefix}{name}.", faults)
            case _:
                faults.append(f"{at} = {_short(value)}: is not a text; write the words between quotes")


def _entries(document: Document, prefix: str = "") -> list[tuple[str, Any]]:
    """What a file of nudges holds three levels down; shallower things are given as they are."""
    found: list[tuple[str, Any]] = []
    for name, value in document.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and key.count(".") < 2:
            found += _entries(value, f"{key}.")
        else:
            found.append((key, value))
    return found


def _sources(files: Mapping[str, Document], faults: list[str]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for path, document in files.items():
        for source in sources(path, document):
            if source.key in found:
                faults.append(
                    f"messages/{path}: {source.key} stands in messages/{found[source.key].file} too; keep one"
                )
            found[source.key] = source
    return found


def _valid(model: type[P], at: str, document: Mapping[str, Any], faults: list[str]) -> P | None:
    try:
        return model.model_validate(dict(document))
    except ValidationError as error:
        faults += [_fault(model, at, dict(detail)) for detail in error.errors(include_url=False)]
        return None


def _fault(model: type[BaseModel], at: str, detail: Mapping[str, Any]) -> str:
    """One fault as a sentence: the file, the field as an editor would look for it, the value and the mend."""
    field = ""
    for step in detail["loc"]:
        # Editors count from one.
        field += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    field = field.removeprefix(".")
    match detail["type"]:
        case "missing":
            return f"{at}: {field} is missing; add it"
        case "extra_forbidden":
            name = str(detail["loc"][-1])
            near = difflib.get_close_matches(name, model.model_fields, 1)
            mend = f"perhaps you mean {near[0]}" if near else "take it out"
            return f"{at}: {field} = {_short(detail['input'])} is not a field; {mend}"
        case "value_error":
            reason = str(detail["ctx"]["error"])
            return f"{at}: {field}: {reason}" if field else f"{at}: {reason}"
    reason = str(detail["msg"])
    return f"{at}: {field} = {_short(detail['input'])}: {reason[:1].lower()}{reason[1:]}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
