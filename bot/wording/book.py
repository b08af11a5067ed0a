"""Everything that can be said, and how it is said in each language."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from bot.core import plain
from bot.core.facts import Phrase, Rules, Value, Values, Variant
from bot.core.plain import Finding, Kind, Severity
from bot.core.sums import Others
from bot.wording import check
from bot.wording.calendar import CalendarFile
from bot.wording.cards import ServiceCard
from bot.wording.catalogue import SOURCE_LANGUAGE, Translations
from bot.wording.languages import Language, unsigned
from bot.wording.municipal import Municipality, RegisterFile, Situation, Theme
from bot.wording.prior import Prior
from bot.wording.sources import Source, misfits, placeholders
from bot.wording.speech import RIGHT_TO_LEFT, filled, isolated, listed, written

Result = TypeVar("Result")

#: What of a card somebody reads who takes up a nudge about it.
CARD_PARTS = ("name", "plain", "body")
_NOTHING: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Wording:
    """messages/ and locale/, read. `languages` starts with the source language, Dutch."""

    languages: tuple[str, ...]
    cards: Mapping[str, ServiceCard]
    themes: Mapping[str, Theme]
    situations: Mapping[str, Situation]
    emergencies: Mapping[str, tuple[str, ...]]  # kind → the words, of all languages
    variants: Mapping[str, Variant]
    calendar: CalendarFile
    rules: Rules
    values: Values
    prior: Prior | None  # what other municipalities learned (messages/prior.toml); None: there is no such file
    municipality: Municipality
    book: plain.Book
    register: RegisterFile | None  # what is said in the algorithm register; None: there is no such file
    replies: Mapping[str, str]  # what colleagues call each standard reply; say `standard.<id>`
    sources: Mapping[str, Source]
    translations: Mapping[str, Translations]
    checks: Mapping[str, Language]  # who checked which translation, by language
    _known: dict[tuple[str, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, key: tuple[str, ...], work_out: Callable[[], Result]) -> Result:
        """What `work_out` gives, worked out once for each `key`: what follows from words and cards alone never changes.

        A copy made by `dataclasses.replace` begins anew.
        """
        try:
            known: Result = self._known[key]
        except KeyError:
            known = self._known[key] = work_out()
        return known

    @property
    def others(self) -> Others | None:
        """What rows of other municipalities add to the prior."""
        return None if self.prior is None else self.prior.others

    @cached_property
    def hashes(self) -> dict[str, str]:
        """What was hashed over this wording before, by what it is about: a wording never changes in a process."""
        return {}

    def say(self, key: str, language: str, params: Mapping[str, Value] = _NOTHING) -> str:
        """The text of `key` in `language`, filled in; in Dutch when it is not translated.

        The municipality's own placeholders ({municipality}, {team}, {phone}, {website}, {privacy_page},
        {contact_hours}, {official_page}) need no params. A text with a plural goes by the param `n`. Raises KeyError
        for a key that does not exist or a placeholder without a value: the code and messages/ disagree.
        """
        if not params:
            return self.once(("say", key, language), lambda: self._shown(key, language, params))
        return self._shown(key, language, params)

    def _shown(self, key: str, language: str, params: Mapping[str, Value]) -> str:
        spoken, text = self._said(key, language, params)
        return isolated(text) if spoken in RIGHT_TO_LEFT else text

    def has(self, key: str) -> bool:
        return key in self.sources

    def speaks(self, key: str, language: str) -> bool:
        """Whether `say` has `key` in `language` itself; if not, people read Dutch and can be offered another language.

        Raises KeyError for a key that does not exist.
        """
        return self.forms(key, language) is not None

    def wording_hash(self, key: str, language: str) -> str:
        """SHA-256 of what `say` would fill in, in hex. Raises KeyError for a key that does not exist."""
        return self.once(("wording_hash", key, language), lambda: self._hashed(key, language))

    def _hashed(self, key: str, language: str) -> str:
        forms = self.forms(key, language) or self.sources[key].texts
        return hashlib.sha256("\0".join(forms).encode()).hexdigest()

    def forms(self, key: str, language: str) -> tuple[str, ...] | None:
        """The unfilled text in its plural forms; None when it has no complete, checked translation in `language`.

        A translation whose placeholders differ from the source's is none: filling it in could fail.
        """
        return self.once(("forms", key, language), lambda: self._formed(key, language))

    def _formed(self, key: str, language: str) -> tuple[str, ...] | None:
        source = self.sources[key]
        if language == SOURCE_LANGUAGE:
            return source.texts if source.text else None
        if source.own is not None:
            own = source.own.get(language)
            return (own,) if own and not misfits(source, (own,)) else None
        translations = self.translations.get(language)
        forms = None if translations is None else translations.forms(source)
        return forms if forms is not None and not misfits(source, forms) else None

    def findings(self, key: str, language: str) -> list[Finding]:
        """What the plain-wording rules find in a text as it is said in `language`; nothing if it is not said in it."""
        source = self.sources[key]
        found: list[Finding] = []
        for form in self.forms(key, language) or ():
            text = filled(form, lambda name, how: self._always(key, name, how, language) or "abc")
            found += plain.findings(
                text,
                language=language,
                kind=source.kind,
                book=self.book,
                placeholders={name.partition(":")[0] for name in placeholders(form)},
                domains=self.municipality.domains,
            )
            if source.kind is Kind.NUDGE:
                found += check.of_nudge(form, text, language, self.cards[self._card_of(key)], self.book)
        return found

    def checked(self, frozen: Mapping[tuple[str, str], str] = MappingProxyType({}), *, today: date) -> list[str]:
        """Every fault in what the files say. `frozen`: by (variant, language) the hash of what was sent once."""
        return check.faults(self, frozen, today)

    def not_for_citizens(self, today: date) -> list[str]:
        """Why nobody real may be written to with these files as they are; empty when nothing stands in the way."""
        reasons = []
        if self.municipality.example:
            reasons.append("messages/municipality.toml: example is true: write your own municipality there")
        if self.values.signed_by is None:
            reasons.append("messages/values.toml: signed_by is missing: nobody signed what counts how much")
        reasons += unsigned(self).values()
        for card in self.cards.values():
            reasons += [f"messages/services/{card.id}.toml: {reason}" for reason in card.not_for_citizens(today)]
        return reasons

    def unlimited(self, key: str, form: str, language: str, filler: str) -> str:
        """`form` as long as it can get: `filler` stands for whatever the program fills in."""
        return filled(form, lambda name, how: self._always(key, name, how, language) or filler)

    def fills(self, key: str, name: str, how: str | None) -> bool:
        """Whether {name:how} in the text of `key` is always filled in, whatever the program gives."""
        return self._always(key, name, how, SOURCE_LANGUAGE) is not None

    def _said(self, key: str, language: str, params: Mapping[str, Value]) -> tuple[str, str]:
        source = self.sources[key]
        count = params.get("n")
        n = count if isinstance(count, int) else None
        spoken = language if self.forms(key, language) is not None else SOURCE_LANGUAGE
        if spoken == SOURCE_LANGUAGE:
            text = source.plural if source.plural is not None and n != 1 else source.text
        elif source.own is not None:
            text = source.own[spoken]
        else:
            text = self.translations[spoken].text(source, n) or source.text

        def value(name: str, how: str | None) -> str:
            match params.get(name):
                case None:
                    if (always := self._always(key, name, how, spoken)) is None:
                        raise KeyError(f"{key}: nothing was given for {{{name}}}")
                    return always
                case Phrase() as phrase:
                    return self._said(phrase.key, spoken, phrase.params)[1]
                case tuple(phrases):
                    said = [self._said(phrase.key, spoken, phrase.params)[1] for phrase in phrases]
                    return listed(said, spoken)
                case plain_value:
                    return written(plain_value, how, spoken)

        return spoken, filled(text, value)

    def _always(self, key: str, name: str, how: str | None, language: str) -> str | None:
        match name:
            case "municipality":
                return self.municipality.name
            case "phone":
                return self.municipality.phone
            case "website":
                return str(self.municipality.website).rstrip("/")
            case "privacy_page":
                return str(self.municipality.privacy_page).rstrip("/")
            case "team" | "contact_hours" | "desk":
                return self._said(f"municipality.{name}", language, _NOTHING)[1]
            case "official_page":
                card = self.cards.get(how or self._card_of(key))
                return None if card is None else card.page
        return None

    def _card_of(self, key: str) -> str:
        """The card whose text `key` is: `card.<id>.body`, `<id>.warm.1`."""
        first, _, rest = key.partition(".")
        return rest.partition(".")[0] if first == "card" else first


def with_fit_languages(wording: Wording) -> dict[str, Variant]:
    """The variants, each with the languages in which it and its card can be read whole and break no blocking rule."""
    fit = {}
    for name, variant in wording.variants.items():
        keys = (name, *(f"card.{variant.card}.{part}" for part in CARD_PARTS))
        languages = (language for language in wording.languages if all(is_fit(wording, key, language) for key in keys))
        fit[name] = replace(variant, languages=frozenset(languages))
    return fit


def is_fit(wording: Wording, key: str, language: str) -> bool:
    """Whether a text can be read in `language` itself and breaks no blocking rule."""
    return wording.once(("fit", key, language), lambda: _looked_at(wording, key, language))


def _looked_at(wording: Wording, key: str, language: str) -> bool:
    return wording.speaks(key, language) and not any(
        found.severity is Severity.BLOCK for found in wording.findings(key, language)
    )
