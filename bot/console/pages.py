"""Templates turned into pages, in Dutch and in English."""

import gettext
import io
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale, dates, negotiate_locale, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.console import words
from bot.console.assets import Static
from bot.core.disclosure import FEWEST
from bot.wording import data

LANGUAGES: Final = ("nl", "en")
DOMAIN: Final = "console"
_LOCALES: Final[Mapping[str, str]] = {"nl": "nl", "en": "en_GB"}


class Pages:
    """One environment for each language, so that no page is half in another. `theme`: a municipality's own CSS."""

    def __init__(self, theme: bytes = b"") -> None:
        self.static = Static(files("bot.console") / "static", theme)
        self._environments = {language: self._environment(language) for language in LANGUAGES}

    def render(self, template: str, language: str, **said: Any) -> str:
        environment = self._environments.get(language, self._environments[LANGUAGES[0]])
        return environment.get_template(template).render(said)

    def say(self, language: str, sentence: str, values: Mapping[str, object]) -> str:
        """An English sentence with {names} in another language, with its values filled in."""
        gettext_of = self.translate(language)
        translated = gettext_of(sentence)
        known = {name: gettext_of(words.STATES[str(value)]) if str(value) in words.STATES else value
                 for name, value in values.items()}  # fmt: skip
        return translated.format(**known) if values else translated

    def translate(self, language: str) -> Callable[[str], str]:
        environment = self._environments.get(language, self._environments[LANGUAGES[0]])
        return environment.globals["translations"].gettext  # type: ignore[attr-defined,no-any-return]

    def told(self, language: str, error: object) -> str:
        """A refusal or a fault as it is said in a language; one that has no sentence of its own, as it is."""
        sentence = getattr(error, "sentence", None)
        return str(error) if sentence is None else self.say(language, sentence, getattr(error, "values", {}))

    def language(self, request: Request) -> str:
        """What the browser asks for, of what there is; Dutch when it asks for neither."""
        asked = [part.split(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
        return negotiate_locale(asked, LANGUAGES, sep="-") or LANGUAGES[0]

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=PackageLoader("bot.console"),
            autoescape=True,
            extensions=["jinja2.ext.i18n"],
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        translations = _translations(language)
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        locale = _LOCALES[language]
        environment.filters |= {
            "day": partial(_day, locale=locale),
            "last_day": lambda end: _day((end - timedelta(seconds=1)).date(), locale=locale),
            "moment": partial(_moment, locale=locale),
            "iso_moment": lambda value, zone: _moment(value and datetime.fromisoformat(value), zone, locale=locale),
            "hour": partial(_hour, locale=locale),
            "span": partial(dates.format_timedelta, locale=locale, threshold=1.4),
            "number": partial(numbers.format_decimal, locale=locale),
            "percent": partial(numbers.format_percent, locale=locale),
            "translated": translations.gettext,
            "translated_field": lambda name: translations.gettext(words.FIELDS.get(name, name)),
            "refused_words": partial(self.told, language),
            "language_words": partial(_language, locale=locale),
            "iso_day": partial(_iso_day, locale=locale),
            "month_name": lambda number: dates.get_month_names("wide", locale=locale)[number],
            "month_words": lambda month: dates.format_date(date.fromisoformat(f"{month}-01"), "MMMM y", locale=locale),
            "day_in": lambda at, language, zone: dates.format_date(at.astimezone(zone), "d MMM y", locale=language),
        }
        environment.globals |= {
            "static": self.static.url,
            "language": language,
            "translations": translations,
            "done_words": lambda done: translations.gettext(words.DONE[done]) if done in words.DONE else "",
            "few": lambda count: numbers.format_decimal(count, locale=locale) if count >= FEWEST else f"< {FEWEST}",
            "reason_words": lambda reason: translations.gettext(words.REASONS.get(reason, reason)),
            "choice_words": lambda choice: translations.gettext(words.CHOICES.get(choice, choice)),
            "state_words": lambda state: translations.gettext(words.STATES[state]),
            "message_words": lambda state: translations.gettext(words.MESSAGES[state]),
            "standing_words": lambda standing: translations.gettext(words.STANDINGS[standing]),
            "consent_words": lambda state: translations.gettext(words.CONSENTS[state]),
            "tone_words": lambda tone: translations.gettext(words.TONES.get(tone, tone)),
            "language_words": partial(_language, locale=locale),
            "fewest": FEWEST,
            "role_words": lambda held: ", ".join(translations.gettext(sentence) for sentence in words.roles(held)),
        }
        return environment


def _translations(language: str) -> gettext.NullTranslations:
    file = data("locale").joinpath(language, "LC_MESSAGES", f"{DOMAIN}.po")
    if not file.is_file():
        return gettext.NullTranslations()  # the sentences in the templates are English
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=language, domain=DOMAIN))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _language(code: str, *, locale: str) -> str:
    """The name of a language in the reader's own."""
    name: str = Locale.parse(locale).languages.get(code, code)
    return name


def _day(value: date | None, *, locale: str) -> str:
    return "" if value is None else dates.format_date(value, "EEE d MMM y", locale=locale)


def _iso_day(typed: str, *, locale: str) -> str:
    """A date that somebody typed, in words; what is none, as it was typed."""
    try:
        return _day(date.fromisoformat(typed), locale=locale)
    except ValueError:
        return typed


def _moment(value: datetime | None, zone: ZoneInfo, *, locale: str) -> str:
    return "" if value is None else dates.format_datetime(value, "EEE d MMM y HH:mm", tzinfo=zone, locale=locale)


def _hour(value: datetime | None, zone: ZoneInfo, *, locale: str) -> str:
    return "" if value is None else dates.format_time(value, "HH:mm", tzinfo=zone, locale=locale)
