"""Plain and gentle wording: the rules, and what breaks them. The rules themselves are data (messages/plain.toml)."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from bot.core import legible
from bot.core.facts import Choice

#: What every lock screen may show; the word in which it ends is counted whole.
PREVIEW_LENGTH = 100
#: Below this many words a readability score says nothing.
READABLE_FROM = 30

_LINK = re.compile(r"(?i:https?)://[^\s<>\"]+|\b(?:[\w-]+\.)+(?:[a-z]{2,}|[A-Z]{2,})\b(?:/[^\s<>\"]*)?")
_LINK_TAIL = ".,;:!?)؟،"
_WORD = re.compile(r"[^\W_]+(?:[-'’.&][^\W_]+)*&?")
_SENTENCE_END = re.compile(r"(?<=[.!?…؟])[\"'”’)]*\s+|\n+")
_EMOJI = re.compile("[\U0001f300-\U0001faff☀-➿]")
_UNFILLED = re.compile(r"\{[^{}]*\}")
_FORMAL = re.compile(r"\b(?:u|uw|uzelf)\b", re.IGNORECASE)
_FAMILIAR = re.compile(r"\b(?:je|jij|jou|jouw)\b", re.IGNORECASE)
#: Dutch vowel sounds, longest first: each is one syllable. Close to a hyphenation dictionary (domain.md 5.3).
_DUTCH_VOWEL = re.compile(r"aai|ooi|oei|eeu|ieu|aa|ee|oo|uu|ie|oe|eu|ui|ei|ij|au|ou|[aeiouyáéíóúàèâêîôûäëïöü]")
_ENGLISH_VOWELS = re.compile(r"[aeiouyéè]+")


class Severity(StrEnum):
    """*Block* keeps a wording from being planned; *warn* asks for a reason beside the text; *info* only tells."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


class Scope(StrEnum):
    """Which part of which text a rule looks at. *Preview* is everything that a lock screen can show."""

    ANY = "any"
    PREVIEW = "preview"
    BODY = "body"
    BUTTON = "button"


class Kind(StrEnum):
    """What a text is for; it decides which scopes and limits apply.

    A *nudge* comes uncalled and is shown on a lock screen; a *body* follows when somebody asks for more; a *reply* is
    what the bot says in a conversation and may take more room; a *button* is pressed.
    """

    NUDGE = "nudge"
    BODY = "body"
    REPLY = "reply"
    BUTTON = "button"

    @property
    def scopes(self) -> frozenset[Scope]:
        match self:
            case Kind.NUDGE:
                return frozenset({Scope.ANY, Scope.PREVIEW, Scope.BODY})
            case Kind.BODY | Kind.REPLY:
                return frozenset({Scope.ANY, Scope.BODY})
            case Kind.BUTTON:
                return frozenset({Scope.ANY, Scope.BUTTON})

    @property
    def short(self) -> bool:
        """Whether a text of this kind holds one thing only: few words, one question, one link."""
        return self in {Kind.NUDGE, Kind.BODY}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One regular expression that no text of its language ("any": of every language) may match.

    `bare` is for text that lost its accents; None when it is the same. A match of `innocent` around what was found, or
    inside it, lets it pass: a negation, or another sense of the word. `instead` maps what was matched, in lower case,
    to words that can stand in its place.
    """

    id: str
    language: str
    severity: Severity
    scope: Scope
    category: str
    pattern: re.Pattern[str]
    mend: str
    bare: re.Pattern[str] | None = None
    innocent: re.Pattern[str] | None = None
    bare_innocent: re.Pattern[str] | None = None
    instead: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """A rule that is counted: above `warn` (for readability: below) somebody gives a reason, above `block` it stops.

    None: there is no such bound.
    """

    id: str
    mend: str
    warn: float | None = None
    block: float | None = None

    def severity(self, *, over: float) -> Severity | None:
        """How bad it is to be at `over`, where more is worse."""
        if self.block is not None and over > self.block:
            return Severity.BLOCK
        return Severity.WARN if self.warn is not None and over > self.warn else None

    def severity_below(self, score: float) -> Severity | None:
        """How bad it is to score `score`, where less is worse."""
        if self.block is not None and score < self.block:
            return Severity.BLOCK
        return Severity.WARN if self.warn is not None and score < self.warn else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """All rules together. `personal`: names of placeholders that would put a personal fact in a chat."""

    rules: tuple[Rule, ...]
    limits: Mapping[str, Limit]  # by id: X1, X2, …
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What breaks a rule. `where` is the sentence; `rewrite` is it mended, None when people must find the words."""

    rule: str
    severity: Severity
    where: str
    matched: str
    mend: str
    rewrite: str | None = None

    def __str__(self) -> str:
        suggestion = f" Suggested: “{self.rewrite}”" if self.rewrite else ""
        return f"{self.rule} ({self.severity}): “{self.matched}” in “{self.where}”. {self.mend}{suggestion}"


def findings(
    text: str,
    *,
    language: str,
    kind: Kind,
    book: Book,
    placeholders: Collection[str] = (),
    domains: Collection[str] = (),
    choices: Collection[Choice] | None = None,
) -> list[Finding]:
    """Everything in `text` that breaks a rule, the regular expressions first.

    `text` is filled in as a citizen would see it; `placeholders` are the names that were filled in. `domains` are the
    only sites that may be linked to. `choices`, when given, are the buttons that go with the text. Readability is known
    for Dutch and English only.
    """
    text = legible.seen(text)
    readings = legible.readings(text, language)
    found = [
        finding
        for rule in book.rules
        if rule.language in {"any", language} and rule.scope in kind.scopes
        for finding in _broken(rule, readings)
    ]
    if kind is not Kind.BUTTON:
        found += _too_long(text, language, kind, book.limits)
        found += _too_much(text, kind, book.limits)
    if language == "nl" and (familiar := _FAMILIAR.search(text)) and _FORMAL.search(text):
        found.append(_counted(book.limits["X7"], Severity.BLOCK, _around(text, familiar.start()), familiar[0]))
    found += _links_off_the_list(text, domains, book.limits["X8"])
    found += _unfilled(text, placeholders, book)
    if choices is not None:
        found += _missing_ways_out(choices, book.limits)
    return found


def preview(text: str) -> str:
    """What a lock screen can show of `text`: its first 100 characters, the last word whole."""
    if len(text) <= PREVIEW_LENGTH:
        return text
    rest = re.match(r"\w*", text[PREVIEW_LENGTH:])
    return text[:PREVIEW_LENGTH] + (rest[0] if rest else "")


def sentences(text: str) -> list[str]:
    """A line break ends a sentence as well as a full stop does."""
    return [part.strip() for part in _SENTENCE_END.split(text) if _WORD.search(part)]


def words(text: str) -> list[str]:
    """The words of `text`. A link counts as one."""
    return _WORD.findall(_LINK.sub(" link ", text))


def readability(text: str, language: str) -> float | None:
    """Flesch-Douma for Dutch, Flesch for English: under 50 is hard, 65 is plain, over 80 is easy.

    None for other languages and for texts under 30 words. Links are left out.
    """
    prose = _LINK.sub(" ", text)
    spoken = _WORD.findall(prose)
    if language not in {"nl", "en"} or len(spoken) < READABLE_FROM:
        return None
    per_sentence = len(spoken) / len(sentences(prose))
    per_word = sum(syllables(word, language) for word in spoken) / len(spoken)
    if language == "nl":
        return 206.835 - 0.93 * per_sentence - 77.0 * per_word
    return 206.835 - 1.015 * per_sentence - 84.6 * per_word


def syllables(word: str, language: str) -> int:
    """The syllables of a Dutch or English word, counted by its vowels; at least one."""
    word = word.lower()
    if language == "nl":
        return max(1, len(_DUTCH_VOWEL.findall(word)))
    count = len(_ENGLISH_VOWELS.findall(word))
    silent_e = word.endswith("e") and not word.endswith(("le", "ee", "ye"))
    silent_ed = word.endswith("ed") and not word.endswith(("ted", "ded"))
    silent_es = word.endswith("es") and not word.endswith(("ses", "zes", "ces", "ges", "ches", "shes", "xes", "ies"))
    return max(1, count - (silent_e or silent_ed or silent_es))


def _broken(rule: Rule, readings: Sequence[str]) -> Iterator[Finding]:
    """What breaks `rule` in the first reading that does."""
    bare = (rule.bare or rule.pattern, rule.bare_innocent or rule.innocent)
    ways = [(readings[0], rule.pattern, rule.innocent), *((reading, *bare) for reading in readings[1:])]
    if len(readings) == 1 and rule.bare is not None:
        ways.append((readings[0], *bare))
    for reading, pattern, innocent in ways:
        end = len(preview(reading)) if rule.scope is Scope.PREVIEW else len(reading)
        found = [match for match in _guilty(reading, pattern, innocent) if match.start() < end]
        for match in found:
            sentence = _around(reading, match.start())
            instead = rule.instead.get(match[0].lower())
            yield Finding(
                rule=rule.id,
                severity=rule.severity,
                where=sentence,
                matched=match[0],
                mend=rule.mend,
                rewrite=None if instead is None else _replaced(sentence, match[0], instead),
            )
        if found:
            return


def _guilty(reading: str, pattern: re.Pattern[str], innocent: re.Pattern[str] | None) -> list[re.Match[str]]:
    matches = list(pattern.finditer(reading))
    if not matches or innocent is None:
        return matches
    passed = [sense.span() for sense in innocent.finditer(reading)]
    return [match for match in matches if not any(_one_within_the_other(match.span(), span) for span in passed)]


def _one_within_the_other(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return (one[0] <= other[0] and other[1] <= one[1]) or (other[0] <= one[0] and one[1] <= other[1])


def _too_long(text: str, language: str, kind: Kind, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    for sentence in sentences(text):
        length = len(words(sentence))
        if severity := limits["X1"].severity(over=length):
            yield _counted(limits["X1"], severity, sentence, f"{length} words")
    length = len(words(text))
    if kind.short and (severity := limits["X2"].severity(over=length)):
        yield _counted(limits["X2"], severity, _opening(text), f"{length} words")
    score = readability(text, language)
    if score is not None and (severity := limits["X3"].severity_below(score)):
        yield _counted(limits["X3"], severity, _opening(text), f"readability {score:.0f}")
    if score is not None and language == "nl" and kind.short and (severity := limits["X13"].severity_below(score)):
        yield _counted(limits["X13"], severity, _opening(text), f"readability {score:.0f}")


def _too_much(text: str, kind: Kind, limits: Mapping[str, Limit]) -> Iterator[Finding]:
    counts = {"emoji": len(_EMOJI.findall(text))}
    if kind.short:
        counts["questions"] = len(re.findall(r"[?؟]", _LINK.sub(" ", text)))
        counts["links"] = len(_LINK.findall(text))
    for what, count in counts.items():
        if severity := limits["X8"].severity(over=count):
            yield _counted(limits["X8"], severity, _opening(text), f"{count} {what}")


def _links_off_the_list(text: str, domains: Collection[str], limit: Limit) -> Iterator[Finding]:
    for match in _LINK.finditer(text):
        link = match[0].rstrip(_LINK_TAIL)
        host = urlsplit(link if "//" in link else f"//{link}").hostname or ""
        if not any(host == domain or host.endswith(f".{domain}") for domain in domains):
            yield _counted(limit, Severity.BLOCK, _around(text, match.start()), f"{link} is not an allowed site")


def _unfilled(text: str, placeholders: Collection[str], book: Book) -> Iterator[Finding]:
    for match in _UNFILLED.finditer(text):
        yield _counted(book.limits["X10"], Severity.BLOCK, _around(text, match.start()), match[0])
    for name in sorted(book.personal.intersection(placeholders)):
        yield _counted(book.limits["X10"], Severity.BLOCK, _opening(text), f"{{{name}}}")


def _missing_ways_out(choices: Collection[Choice], limits: Mapping[str, Limit]) -> Iterator[Finding]:
    for choice, limit in ((Choice.NO, limits["X5"]), (Choice.WHY, limits["X6"]), (Choice.STOP, limits["X6"])):
        if choice not in choices:
            yield _counted(limit, Severity.BLOCK, "the buttons", f"no “{choice}”")


def _counted(limit: Limit, severity: Severity, where: str, matched: str) -> Finding:
    return Finding(rule=limit.id, severity=severity, where=where, matched=matched, mend=limit.mend)


def _around(text: str, position: int) -> str:
    """The sentence of `text` that holds `position`."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if end.start() > position:
            return text[start : end.start()].strip()
        start = end.end()
    return text[start:].strip()


def _opening(text: str) -> str:
    return next(iter(sentences(text)), text.strip())


def _replaced(sentence: str, matched: str, instead: str) -> str:
    """`sentence` with `instead` for `matched`, with a capital where it had one."""
    if matched[:1].isupper():
        instead = instead[:1].upper() + instead[1:]
    return sentence.replace(matched, instead, 1)
