"""Translations: gettext catalogues, read as .po and compiled in memory."""

import io
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from gettext import GNUTranslations, NullTranslations, c2py
from importlib.resources.abc import Traversable

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from bot.wording.sources import Source

SOURCE_LANGUAGE = "nl"
DOMAIN = "handreiking"
#: Enough numbers to see every plural form of every language more than once, if it is said more than once.
_NUMBERS = 1000
#: Dates and numbers as they are written here: "26 November 2026", not "November 26, 2026".
_LOCALES = {"en": "en_GB"}


def locale_of(language: str) -> Locale:
    """How dates, numbers and plurals go in `language`. Raises babel.UnknownLocaleError."""
    return Locale.parse(_LOCALES.get(language, language))


class _Untranslated(NullTranslations):
    """What a catalogue falls back on: nothing, so that the caller can say it in the source language, dates and all."""

    def pgettext(self, context: str, message: str) -> str:  # noqa: ARG002
        return ""

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002
        return ""


@dataclass(frozen=True)
class Translations:
    """One language's catalogue. Fuzzy entries count as not translated."""

    language: str
    catalog: Catalog

    @cached_property
    def _compiled(self) -> GNUTranslations:
        compiled = io.BytesIO()
        write_mo(compiled, self.catalog)
        compiled.seek(0)
        translations = GNUTranslations(compiled)
        translations.add_fallback(_Untranslated())
        return translations

    def text(self, source: Source, n: int | None = None) -> str | None:
        """The translation of `source`, in the form that goes with the number `n`; None when there is none."""
        if source.plural is None:
            return self._compiled.pgettext(source.key, source.text) or None
        return self._compiled.npgettext(source.key, source.text, source.plural, 2 if n is None else n) or None

    def forms(self, source: Source) -> tuple[str, ...] | None:
        """All plural forms of a translation (one, for a text without a plural); None when it is not complete."""
        entry = self.entry(source)
        if entry is None or entry.fuzzy or not entry.string:
            return None
        forms = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string)
        wanted = 1 if source.plural is None else self.catalog.num_plurals
        return forms if len(forms) == wanted and all(forms) else None

    def numberless(self, source: Source) -> list[str]:
        """Plural forms that leave out {n} although they are said for more than one number: "one day" for 21 (uk)."""
        forms = self.forms(source) if source.plural is not None else None
        if forms is None or not any("{n}" in text for text in source.texts):
            return []
        plural = c2py(self.catalog.plural_expr)
        said_for = Counter(plural(n) for n in range(_NUMBERS))
        return [form for index, form in enumerate(forms) if "{n}" not in form and said_for[index] > 1]

    def is_stale(self, source: Source) -> bool:
        """Whether the source changed after it was translated (rule X11)."""
        entry = self.entry(source)
        return entry is not None and entry.fuzzy and bool(entry.string)

    def entry(self, source: Source) -> Message | None:
        found = self.catalog.get(source.text, context=source.key)
        plural = found.id[1] if found is not None and isinstance(found.id, tuple) else None
        return found if plural == source.plural else None


def read(directory: Traversable, language: str, faults: list[str]) -> Translations:
    """The catalogue of `language` below `directory` (locale/); empty, with a fault added, when it cannot be read."""
    name = f"{language}/LC_MESSAGES/{DOMAIN}.po"
    file = directory.joinpath(*name.split("/"))
    if not file.is_file():
        faults.append(
            f"locale/{name}: is not there; run python -m bot.wording.update or take {language} from languages"
        )
        return Translations(language, Catalog(locale=language, domain=DOMAIN))
    try:
        catalog = read_po(io.BytesIO(file.read_bytes()), locale=language, domain=DOMAIN, abort_invalid=True)
    except (PoFileError, UnicodeDecodeError) as error:
        faults.append(f"locale/{name}: is not a gettext catalogue: {error}")
        catalog = Catalog(locale=language, domain=DOMAIN)
    return Translations(language, catalog)
