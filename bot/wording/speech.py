"""Texts filled in: values as they are written in a language, and Latin script kept in order inside Arabic."""

import re
from collections.abc import Callable
from datetime import date

from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal

from bot.wording.catalogue import locale_of
from bot.wording.sources import PLACEHOLDER

#: Scripts that run from right to left, among the languages of domain.md 7.
RIGHT_TO_LEFT = frozenset({"ar", "fa"})
FIRST_STRONG_ISOLATE = "\u2068"
POP_ISOLATE = "\u2069"

#: Where the weekday does not stand before the date, or is set off by a comma.
_WITH_WEEKDAY = {"tr": "d MMMM EEEE", "pl": "EEEE, d MMMM", "uk": "EEEE, d MMMM"}
#: Ukrainian's own long form ends in an abbreviation, whose full stop would meet the sentence's.
_LONG = {"uk": "d MMMM y 'року'"}

_LETTER = "A-Za-z0-9À-ÖØ-öø-ɏЀ-ӿ"
# A link or an address is one run whatever it holds; so are words and numbers with what joins them ("010 000 00 00").
_RUN = re.compile(
    rf"https?://[^\s<>\"،؛؟]*[^\s<>\".,;:!?)،؛؟]|[/@+#]?[{_LETTER}](?:[ .,:/'’&@+_–-]{{0,3}}[{_LETTER}])*[&%]?"
)


def direction(language: str) -> str:
    """How the script of a language runs, as HTML's `dir` has it: rtl or ltr."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def filled(text: str, value: Callable[[str, str | None], str]) -> str:
    """`text` with each {name} or {name:how} replaced by `value(name, how)`."""
    return PLACEHOLDER.sub(lambda match: value(match[1], match[2]), text)


def written(value: str | int | date, how: str | None, language: str) -> str:
    """A date as "26 november 2026" (`how` "weekday": "donderdag 26 november"), a number with its separators."""
    locale = locale_of(language)
    match value:
        case date():
            pattern = _WITH_WEEKDAY.get(language, "EEEE d MMMM") if how == "weekday" else _LONG.get(language, "long")
            return format_date(value, pattern, locale=locale)
        case int():
            return format_decimal(value, locale=locale)
        case str():
            return value


def listed(items: list[str], language: str) -> str:
    """The items as a list in a sentence: "a, b en c"; empty when there are none."""
    return format_list(items, locale=locale_of(language))


def isolated(text: str) -> str:
    """`text` with every run of Latin or Cyrillic letters and digits between U+2068 and U+2069.

    Without them "010 000 00 00" is read backwards inside Arabic, and a full stop jumps to the other side of a name.
    """
    return _RUN.sub(lambda run: f"{FIRST_STRONG_ISOLATE}{run[0]}{POP_ISOLATE}", text)
