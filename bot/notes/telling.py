"""A note in words: its fixed sentences in each language, what staff add, and whether that is plain and gentle."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.core.facts import Phrase
from bot.core.plain import Kind, Severity, findings
from bot.notes.drafting import Line, span
from bot.wording import Wording

#: What staff add is at most so long, in each language.
LONGEST: Final = 400


def phrases(month: str, lines: Sequence[Line], additions: Mapping[str, str], language: str) -> tuple[Phrase, ...]:
    """The note's paragraphs as somebody reads them in `language`; what staff added only where they wrote it so."""
    first, last = span(month)
    said = [Phrase("notes.opening", {"first": first, "last": last})]
    said += [Phrase(f"notes.{line.key}", dict(line.params)) for line in lines if line.told]
    if language in additions:
        said.append(Phrase("notes.addition", {"words": additions[language]}))
    return (*said, Phrase("notes.closing"))


def told(wording: Wording, month: str, lines: Sequence[Line], additions: Mapping[str, str], language: str) -> str:
    """The whole note as one text, as it leaves."""
    found = phrases(month, lines, additions, language)
    return "\n\n".join(wording.say(phrase.key, language, phrase.params) for phrase in found)


def faults(wording: Wording, additions: Mapping[str, str]) -> list[str]:
    """Where what staff added breaks a rule that blocks nudges, or cannot be sent: language, words and mend."""
    wrong = []
    if additions and "nl" not in additions:
        wrong.append("nl: what you add is missing in Dutch; write it there first, the others are made from it")
    for language, text in additions.items():
        if language not in wording.languages:
            wrong.append(f"{language}: is no language here; use some of {', '.join(wording.languages)}")
            continue
        if len(text) > LONGEST:
            wrong.append(f"{language}: has {len(text)} characters; write at most {LONGEST}")
        if "{" in text or "}" in text:
            wrong.append(f"{language}: holds a brace; nothing is filled in here, so write the words themselves")
            continue
        found = findings(
            text, language=language, kind=Kind.REPLY, book=wording.book, domains=wording.municipality.domains
        )
        wrong += [f"{language}: {one}" for one in found if one.severity is Severity.BLOCK]
    return wrong
