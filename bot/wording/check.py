"""What is wrong with words that can be read: rules broken, translations missing, cards that are out of date."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

from bot.core import legible
from bot.core.facts import Origin
from bot.core.plain import Book, Finding, Kind, Severity
from bot.wording.catalogue import SOURCE_LANGUAGE
from bot.wording.sources import PLACEHOLDER, Source, misfits, placeholders

if TYPE_CHECKING:
    from bot.wording.book import Wording
    from bot.wording.cards import ServiceCard

#: Telegram's bound on a message, in UTF-16 units.
MESSAGE_LENGTH = 4096
NUDGE_LENGTH = 400
#: What a name or a list that the program fills in may take.
LONGEST_FILLING = "m" * 160
#: The language that every text is translated into; others may leave out whole cards.
BRIDGE_LANGUAGE = "en"


def faults(wording: "Wording", frozen: Mapping[tuple[str, str], str], today: date) -> list[str]:
    """Every fault, file by file."""
    found: list[str] = []
    for source in wording.sources.values():
        if source.own is not None:
            continue  # looked at with the campaign that wrote it
        found += _of_source(wording, source)
        for language in wording.languages:
            found += _of_wording(wording, source, language)
    for card in wording.cards.values():
        found += _of_card(wording, card, today)
    found += _of_situations(wording)
    found += _of_frozen(wording, frozen)
    return found


def of_nudge(form: str, text: str, language: str, card: "ServiceCard", book: Book) -> Iterator[Finding]:
    """What is asked of a nudge only: it opens with its sender (X4), and a teaser keeps its subject to itself (X12).

    `form` is the unfilled text, `text` the filled one.
    """
    opening = form.splitlines()[0]
    if "{municipality}" not in opening:
        yield _blocked(book, "X4", opening, "no {municipality} in the first line")
    if not card.sensitivity.teaser_first:
        return
    read = "\n".join(legible.readings(legible.seen(text), language)).casefold()
    telltale = [name for name in (card.name, card.id) if name.casefold() in read]
    telltale += [f"{{{name}}}" for name in placeholders(form) if name.startswith("official_page")]
    if telltale:
        yield _blocked(book, "X12", opening, telltale[0])


def _blocked(book: Book, rule: str, where: str, matched: str) -> Finding:
    return Finding(rule=rule, severity=Severity.BLOCK, where=where, matched=matched, mend=book.limits[rule].mend)


def _of_source(wording: "Wording", source: Source) -> Iterator[str]:
    at = f"messages/{source.file}: {source.key}"
    free = source.file == "bot.toml"
    for text in source.texts:
        for name, how in PLACEHOLDER.findall(text):
            if (name == "official_page" or not free) and not wording.fills(source.key, name, how or None):
                yield f"{at}: {{{':'.join(filter(None, (name, how)))}}} is not a placeholder that can be filled in here"
    known = {rule.id for rule in wording.book.rules} | wording.book.limits.keys()
    for rule in source.exceptions.keys() - known:
        yield f"{at}: exceptions names {rule}, which is not a rule; mend or remove it"


def _of_wording(wording: "Wording", source: Source, language: str) -> Iterator[str]:
    at = f"messages/{source.file}: {source.key} ({language})"
    if language != SOURCE_LANGUAGE:
        yield from _of_translation(wording, source, language)
    for finding in wording.findings(source.key, language):
        match finding.severity:
            case Severity.BLOCK:
                yield f"{at}: {finding}"
            case Severity.WARN if finding.rule not in source.exceptions:
                yield f'{at}: {finding} Or give the reason: exceptions = {{{finding.rule} = "…"}}'
            case Severity.WARN | Severity.INFO:
                pass
    for form in wording.forms(source.key, language) or ():
        length = units(wording.unlimited(source.key, form, language, LONGEST_FILLING))
        most = NUDGE_LENGTH if source.kind is Kind.NUDGE else MESSAGE_LENGTH
        if length > most:
            yield f"{at}: can get {length} characters long, more than {most}; make it shorter"


def _of_translation(wording: "Wording", source: Source, language: str) -> Iterator[str]:
    translations = wording.translations[language]
    at = f"locale/{language}: {source.key}"
    forms = translations.forms(source)
    if translations.is_stale(source):
        yield f"{at}: is older than the Dutch (X11); read it again and take the fuzzy mark away"
    elif forms is None and _needed(wording, source, language):
        yield f"{at}: is not translated; run python -m bot.wording.update and translate it"
    elif forms is not None and (odd := misfits(source, forms)):
        names = ", ".join(f"{{{name}}}" for name in sorted(odd))
        yield f"{at}: {names} stands in only one of the Dutch and the translation; use the same placeholders"
    for form in translations.numberless(source):
        yield f"{at}: “{form}” is said for several numbers; put {{n}} in it"


def _needed(wording: "Wording", source: Source, language: str) -> bool:
    """Whether `source` has to be there in `language`. A card that is translated at all is translated whole."""
    _, _, file = source.file.partition("/")
    if language == BRIDGE_LANGUAGE or not file:
        return True
    return any(
        wording.forms(other.key, language) is not None
        for other in wording.sources.values()
        if other.file in {f"services/{file}", f"nudges/{file}"}
    )


def _of_card(wording: "Wording", card: "ServiceCard", today: date) -> Iterator[str]:
    at = f"messages/services/{card.id}.toml"
    if today > card.review_due:
        yield f"{at}: review_due {card.review_due} has passed (X9); read the card again and set reviewed_on"
    if card.valid_until is not None and today > card.valid_until:
        yield f'{at}: valid_until {card.valid_until} has passed (X9); renew the card or set status = "expired"'
    for related in card.related:
        if related.card not in wording.cards:
            yield f"{at}: related card {related.card!r} does not exist; write it or take it out"
    for signal in card.signals:
        if signal.enabled and signal.unsettled:
            yield (
                f"{at}: signal {signal.type} is enabled without a settled legal basis and a dpia; "
                "record both or set enabled = false"
            )
    for signal in card.signals:
        moment = None if signal.calendar is None else signal.calendar.moment
        if moment is not None and moment not in wording.calendar.moment:
            known = ", ".join(sorted(wording.calendar.moment)) or "none yet"
            yield f"{at}: calendar.moment is {moment!r}; add it to messages/calendar.toml, or use one of {known}"
    host = card.official_page.url.host or ""
    if not any(host == domain or host.endswith(f".{domain}") for domain in wording.municipality.domains):
        yield f"{at}: official_page.url is on {host}, which is not among the domains of messages/municipality.toml"


def _of_situations(wording: "Wording") -> Iterator[str]:
    told = {
        signal.type
        for card in wording.cards.values()
        for signal in card.signals
        if signal.enabled and signal.origin is Origin.SELF
    }
    for situation in wording.situations.values():
        at = f"messages/situations.toml: situation.{situation.code}"
        if situation.answered and situation.signal not in told:
            yield f"{at}: no card answers {situation.signal}; add the signal to a card or set answered = false"
        if not situation.answered and situation.signal in told:
            yield f"{at}: says answered = false, but a card answers {situation.signal}; take that line out"


def _of_frozen(wording: "Wording", frozen: Mapping[tuple[str, str], str]) -> Iterator[str]:
    for (variant, language), sent in sorted(frozen.items()):
        if variant not in wording.variants or wording.sources[variant].own is not None:
            continue
        if wording.wording_hash(variant, language) != sent:
            yield (
                f"messages/nudges/{wording.variants[variant].card}.toml: {variant} ({language}) was sent once, "
                "so its words stay as they were; put them back and write the new ones under a new number"
            )


def units(text: str) -> int:
    """How long Telegram says it is."""
    return len(text.encode("utf-16-le")) // 2
