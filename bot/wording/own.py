"""Wordings that a campaign wrote for itself, beside those of messages/nudges/.

They are Dutch with its translations in one place, and everything that holds for a nudge in a file holds for them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import StringConstraints, field_validator, model_validator

from bot.core import plain
from bot.core.facts import Tone, Variant
from bot.core.plain import Finding, Kind, Severity
from bot.wording.book import CARD_PARTS, Wording, is_fit
from bot.wording.cards import Part
from bot.wording.catalogue import SOURCE_LANGUAGE
from bot.wording.check import LONGEST_FILLING, NUDGE_LENGTH, units
from bot.wording.sources import PLACEHOLDER, Source, misfits

_ID: Final = r"^[a-z0-9][a-z0-9-]{2,39}\.[a-z0-9][a-z0-9-]{2,39}\.[a-z]+\.[1-9][0-9]{0,3}$"


class OwnWording(Part):
    """One wording of one campaign, called `<card>.<campaign>.<tone>.<number>`, so that it clashes with no file's.

    `text` is by language. Without Dutch it is fit for nobody: the Dutch is what everybody else's text is held against.
    """

    id: Annotated[str, StringConstraints(pattern=_ID)]
    tone: Tone
    since: date
    text: dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], str]

    @field_validator("text")
    @classmethod
    def _as_in_files(cls, text: dict[str, str]) -> dict[str, str]:
        """Line ends as files have them, and nothing for a language that has no words."""
        lines = {language: "\n".join(line.rstrip() for line in said.splitlines()) for language, said in text.items()}
        return {language: said.strip() for language, said in lines.items() if said.strip()}

    @model_validator(mode="after")
    def _is_named_after_its_tone(self) -> Self:
        if self.id.split(".")[2] != self.tone:
            raise ValueError(f"id is {self.id}, but tone is {self.tone}; mend one of them")
        return self

    @property
    def card(self) -> str:
        return self.id.split(".")[0]

    @property
    def campaign(self) -> str:
        return self.id.split(".")[1]

    def source(self) -> Source:
        """It as the program knows a text of a file."""
        return Source(
            key=self.id,
            file=f"campaigns/{self.campaign}.toml",
            text=self.text.get(SOURCE_LANGUAGE, ""),
            kind=Kind.NUDGE,
            own=MappingProxyType(
                {language: said for language, said in self.text.items() if language != SOURCE_LANGUAGE}
            ),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands in the way of a wording. `sentence` has {names} where `values` go, so that it can be translated."""

    sentence: str
    values: dict[str, object]

    def __str__(self) -> str:
        return self.sentence.format(**self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What there is to say of one wording in one language.

    `said` is what people read; where it cannot be said (`sayable` False) it is the text as it was written, if any.
    """

    key: str
    language: str
    form: str  # as it was written, with its placeholders
    said: str
    sayable: bool
    preview: str  # what a lock screen can show of it
    length: int  # in Telegram's units, with everything filled in
    most: int
    reading: float | None  # how readable; None where no score is known or the text is too short for one
    findings: tuple[Finding, ...]
    faults: tuple[Fault, ...]

    @property
    def fit(self) -> bool:
        """Whether it may be sent, as far as these words go."""
        return not self.faults and not any(found.severity is Severity.BLOCK for found in self.findings)


def with_own(wording: Wording, own: Iterable[OwnWording]) -> Wording:
    """A wording that can say these too, in place of earlier ones with the same ids; `wording` itself if it can already.

    Those about a card that does not exist are passed over.
    """
    known = [one for one in own if one.card in wording.cards]
    fresh = {one.id: one for one in known if wording.sources.get(one.id) != one.source()}
    if not fresh:
        return wording
    texts = {key: one.source() for key, one in fresh.items()}
    unlooked = {key: Variant(id=key, card=one.card, tone=one.tone, languages=frozenset()) for key, one in fresh.items()}
    whole = replace(
        wording,
        sources=MappingProxyType({**wording.sources, **texts}),
        variants=MappingProxyType({**wording.variants, **unlooked}),
    )
    fit = {key: replace(variant, languages=_fit(wording, whole, variant)) for key, variant in unlooked.items()}
    return replace(whole, variants=MappingProxyType({**whole.variants, **fit}))


def is_own(wording: Wording, variant: str) -> bool:
    """Whether a campaign wrote it for itself; only that campaign may choose it."""
    source = wording.sources.get(variant)
    return source is not None and source.own is not None


def shared(wording: Wording, card: str) -> list[Variant]:
    """The variants of `card` that every campaign may choose, by id."""
    found = [known for known in wording.variants.values() if known.card == card and not is_own(wording, known.id)]
    return sorted(found, key=lambda known: known.id)


def look(wording: Wording, key: str, language: str) -> Look:
    """All that the rules say about a nudge as it stands in `language`. Raises KeyError for an unknown key."""
    source = wording.sources[key]
    form = _written(wording, source, language)
    faults = tuple(_faults(wording, source, form, language))
    sayable = bool(form) and wording.speaks(key, language) and _fillable(wording, source, form)
    said = wording.say(key, language) if sayable else form
    return Look(
        key=key,
        language=language,
        form=form,
        said=said,
        sayable=sayable,
        preview=plain.preview(said),
        length=_length(wording, key, form, language),
        most=NUDGE_LENGTH,
        reading=plain.readability(said, language),
        findings=tuple(wording.findings(key, language)) if form else (),
        faults=faults,
    )


def mended(form: str, finding: Finding) -> str | None:
    """`form` with the suggestion of `finding` taken over; None when it has none, or the words stand elsewhere."""
    where, words, rewrite = finding.where, finding.matched, finding.rewrite
    if rewrite is None or words not in where:
        return None
    if where in form:
        return form.replace(where, rewrite, 1)
    start = where.index(words)
    instead = rewrite[start : len(rewrite) - (len(where) - start - len(words))]
    parts = re.split(r"(\{[^{}]*\})", form)  # a placeholder's name is no word of the text
    for number, part in enumerate(parts):
        if number % 2 == 0 and words in part:
            parts[number] = part.replace(words, instead, 1)
            return "".join(parts)
    return None


def _fit(files: Wording, whole: Wording, variant: Variant) -> frozenset[str]:
    if not whole.speaks(variant.id, SOURCE_LANGUAGE):
        return frozenset()
    keys = [f"card.{variant.card}.{part}" for part in CARD_PARTS]
    return frozenset(
        language
        for language in whole.languages
        if is_fit(whole, variant.id, language)
        and _fillable(whole, whole.sources[variant.id], _written(whole, whole.sources[variant.id], language))
        and all(is_fit(files, key, language) for key in keys)
    )


def _written(wording: Wording, source: Source, language: str) -> str:
    """The text as it was written in `language`, also when it cannot be said; empty when there is none."""
    if language == SOURCE_LANGUAGE:
        return source.text
    if source.own is not None:
        return source.own.get(language, "")
    return (wording.forms(source.key, language) or ("",))[0]


def _fillable(wording: Wording, source: Source, form: str) -> bool:
    return all(wording.fills(source.key, name, how or None) for name, how in PLACEHOLDER.findall(form))


def _length(wording: Wording, key: str, form: str, language: str) -> int:
    return units(wording.unlimited(key, form, language, LONGEST_FILLING))


def _faults(wording: Wording, source: Source, form: str, language: str) -> Iterator[Fault]:
    if not form:
        yield Fault("There is no text in {language}. People who read {language} do not get this wording.",
                    {"language": language})  # fmt: skip
        return
    for name, how in PLACEHOLDER.findall(form):
        if not wording.fills(source.key, name, how or None):
            known = "{" + ":".join(filter(None, (name, how))) + "}"
            yield Fault("{placeholder} cannot be filled in here. Take it out.", {"placeholder": known})
    if language != SOURCE_LANGUAGE:
        if not source.text:
            yield Fault("Write the Dutch text first: every other language is held against it.", {})
        elif odd := misfits(source, (form,)):
            names = ", ".join(f"{{{name}}}" for name in sorted(odd))
            yield Fault("{placeholders} stands in only one of the Dutch and this text. Use the same in both.",
                        {"placeholders": names})  # fmt: skip
    if (length := _length(wording, source.key, form, language)) > NUDGE_LENGTH:
        yield Fault("It has {length} characters, and {most} is the most. Make it shorter.",
                    {"length": length, "most": NUDGE_LENGTH})  # fmt: skip
