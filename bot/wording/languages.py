"""Who checked which translation: messages/languages.toml, and the signature that a later change voids."""

import hashlib
import json
import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from bot.wording.cards import Part, Sentence
from bot.wording.catalogue import SOURCE_LANGUAGE

if TYPE_CHECKING:
    from bot.wording.book import Wording

_TABLE = re.compile(r"^\[.*$", re.MULTILINE)
_SIGNATURE_LINE = re.compile(r"^(?:checked_by|checked_on|signed)\s*=.*\n?", re.MULTILINE)


class Language(Part):
    """One language. `checked_by` None: nobody who reads it has said that its translation is right.

    `signed` is what `signature` gave on that day.
    """

    name: Sentence
    checked_by: Sentence | None = None
    checked_on: date | None = None
    signed: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len({field is None for field in (self.checked_by, self.checked_on, self.signed)}) > 1:
            raise ValueError(
                "checked_by, checked_on and signed come together; let `handreiking language sign` write them"
            )
        return self


class LanguagesFile(Part):
    language: dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], Language] = Field(min_length=1)


def signature(wording: "Wording", language: str) -> str:
    """SHA-256, in hex, of everything that is said in `language`, with the Dutch that each text was made from.

    Texts that people read in Dutch, since they have no translation that is up to date, are no part of it, nor are those
    that a campaign wrote for itself: its approval is about them.
    """
    said = [
        (key, source.texts, forms)
        for key, source in sorted(wording.sources.items())
        if source.own is None and (forms := wording.forms(key, language)) is not None
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def unsigned(wording: "Wording") -> dict[str, str]:
    """By language that people can choose: why it may not be used yet. Dutch needs no translation."""
    reasons = {}
    for language in wording.languages:
        if language == SOURCE_LANGUAGE:
            continue
        entry = wording.checks.get(language)
        at = f"messages/languages.toml: language.{language}"
        mend = (
            f"let somebody who reads it go through locale/{language} and sign with `handreiking language sign "
            f'{language} --by NAME`, or take "{language}" from languages in messages/municipality.toml'
        )
        if entry is None or entry.signed is None:
            reasons[language] = f"{at}: nobody has checked this translation; {mend}"
        elif entry.signed != signature(wording, language):
            reasons[language] = (
                f"{at}: words changed after {entry.checked_by} checked them on {entry.checked_on}; {mend}"
            )
    return reasons


def with_signature(text: str, language: str, *, by: str, on: date, signed: str) -> str:
    """The text of languages.toml with the signature of `language` in place of an earlier one.

    Everything else stays as its editors wrote it. Raises KeyError when the file has no table for `language`.
    """
    head = re.search(rf"^\[language\.{re.escape(language)}\][^\n]*\n", text, re.MULTILINE)
    if head is None:
        raise KeyError(language)
    after = _TABLE.search(text, head.end())
    end = len(text) if after is None else after.start()
    table = _SIGNATURE_LINE.sub("", text[head.end() : end])
    body = table.rstrip("\n")
    rest = table[len(body) :] or "\n"
    lines = f'checked_by = {json.dumps(by, ensure_ascii=False)}\nchecked_on = {on.isoformat()}\nsigned = "{signed}"'
    return f"{text[: head.end()]}{body}\n{lines}{rest}{text[end:]}"
