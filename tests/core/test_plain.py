"""Plain and gentle wording: what each rule catches, and what it leaves alone."""

import tomllib

import pytest

from bot.core.facts import Choice
from bot.core.plain import Book, Finding, Kind, Scope, Severity, findings, preview, readability, sentences, syllables
from bot.wording import data
from bot.wording.municipal import PlainFile, RuleEntry

FILE = PlainFile.model_validate(tomllib.loads((data("messages") / "plain.toml").read_text(encoding="utf-8")))
BOOK: Book = FILE.facts()
KIND_SEEN = {Scope.PREVIEW: Kind.NUDGE, Scope.ANY: Kind.BODY, Scope.BODY: Kind.BODY, Scope.BUTTON: Kind.BUTTON}
WAYS_OUT = frozenset({Choice.MORE, Choice.NO, Choice.WHY, Choice.STOP})


def found(text: str, *, language: str = "nl", kind: Kind = Kind.BODY, **more) -> list[Finding]:
    more.setdefault("domains", ["toeslagen.nl"])
    return findings(text, language=language, kind=kind, book=BOOK, **more)


def broken(text: str, **more) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in found(text, **more)}


def language_of(rule: RuleEntry) -> str:
    return "nl" if rule.language == "any" else rule.language


CATEGORIES = {"pressure", "threat", "blame", "stigma", "reveal", "surveillance", "certainty", "confirmshaming"}


@pytest.mark.parametrize("language", ["nl", "en", "ar", "tr", "pl", "uk"])
def test_every_language_is_held_to_the_same_kinds_of_gentleness(language):
    blocked = {rule.category for rule in FILE.rule if rule.language == language and rule.severity is Severity.BLOCK}

    assert blocked >= CATEGORIES


@pytest.mark.parametrize("rule", FILE.rule, ids=lambda rule: rule.id)
def test_each_rule_catches_its_own_example(rule):
    caught = broken(rule.catches, language=language_of(rule), kind=KIND_SEEN[rule.scope])

    assert caught.get(rule.id) is rule.severity


@pytest.mark.parametrize("rule", [rule for rule in FILE.rule if rule.leaves_alone], ids=lambda rule: rule.id)
def test_a_rule_leaves_an_innocent_text_alone(rule):
    text = rule.leaves_alone

    assert not broken(text, language=language_of(rule), kind=KIND_SEEN[rule.scope])


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        ("Goedendag. Er is nieuws over een onderwerp dat u koos. Wilt u het lezen?", "nl", Kind.NUDGE),
        (
            "Misschien kunt u elke maand geld krijgen. Kijk gerust op toeslagen.nl. U hoeft niets te doen.",
            "nl",
            Kind.BODY,
        ),
        ("Hello. There is news about a topic you chose. Would you like to read it?", "en", Kind.NUDGE),
        ("You may be able to get some money each month. It is up to you.", "en", Kind.BODY),
        ("Nu niet", "nl", Kind.BUTTON),
        ("Not now", "en", Kind.BUTTON),
        ("هناك خبر عن موضوع اخترتموه. هل تودون قراءته؟", "ar", Kind.NUDGE),
    ],
)
def test_gentle_words_break_no_rule(text, language, kind):
    assert found(text, language=language, kind=kind) == []


LONG = "Wij schrijven u vandaag met een paar woorden over dingen die u in de stad kunt doen"


@pytest.mark.parametrize(
    ("rule", "severity", "text", "more"),
    [
        ("X1", Severity.WARN, f"{LONG}.", {}),
        ("X1", Severity.BLOCK, f"{LONG} en ook in de dorpen daar om heen.", {}),
        ("X2", Severity.WARN, "Dit is een zin. " * 16, {}),
        ("X2", Severity.BLOCK, "Dit is een zin. " * 23, {}),
        ("X3", Severity.WARN, "Misschien helpen medewerkers u met alle vragen over geld. " * 6, {}),
        (
            "X3",
            Severity.BLOCK,
            "Gemeentelijke inkomensvoorzieningen veronderstellen administratieve aanlevering. " * 6,
            {},
        ),
        ("X5", Severity.BLOCK, "Wilt u het lezen?", {"choices": WAYS_OUT - {Choice.NO}}),
        ("X6", Severity.BLOCK, "Wilt u het lezen?", {"choices": WAYS_OUT - {Choice.WHY}}),
        ("X6", Severity.BLOCK, "Wilt u het lezen?", {"choices": WAYS_OUT - {Choice.STOP}}),
        ("X7", Severity.BLOCK, "Wilt u weten of jouw kind mee kan?", {}),
        ("X8", Severity.WARN, "Wilt u het lezen? Of liever niet?", {}),
        ("X8", Severity.WARN, "Er is nieuws 🙂🙂.", {}),
        ("X8", Severity.WARN, "Kijk op toeslagen.nl of op www.toeslagen.nl.", {}),
        ("X8", Severity.BLOCK, "Kijk op https://toeslagen.nl.phish.example/inlog.", {}),
        ("X8", Severity.BLOCK, "Kijk op niettoeslagen.nl.", {}),
        ("X10", Severity.BLOCK, "Dag {bewoner}.", {}),
        ("X10", Severity.BLOCK, "Dag Samira.", {"placeholders": {"name"}}),
    ],
)
def test_each_computed_rule_catches_its_text(rule, severity, text, more):
    assert broken(text, **more)[rule] is severity


def test_a_text_with_every_way_out_and_an_allowed_link_breaks_nothing():
    text = "Kijk gerust op https://www.toeslagen.nl/zorg."

    assert found(text, choices=WAYS_OUT, placeholders={"municipality"}) == []


def test_a_reply_may_take_more_words_and_questions_than_a_nudge():
    text = "Wilt u dat? Of liever niet? " * 20

    assert broken(text, kind=Kind.REPLY).keys().isdisjoint({"X2", "X8"})
    assert {"X2", "X8"} <= broken(text, kind=Kind.NUDGE).keys()


def test_what_a_lock_screen_does_not_show_may_name_its_subject():
    hidden = "Er is nieuws over een onderwerp. " * 4 + "Het gaat over uw uitkering."
    shown = "Het gaat over uw uitkering. " + "Er is nieuws over een onderwerp. " * 4

    assert "NL-E2" not in broken(hidden, kind=Kind.NUDGE)
    assert "NL-E2" in broken(shown, kind=Kind.NUDGE)
    assert "NL-E2" not in broken(shown, kind=Kind.BODY)


def test_a_word_on_the_edge_of_the_lock_screen_counts_whole():
    text = "a" * 96 + " uitkering later"

    assert preview(text).endswith(" uitkering")
    assert "NL-E2" in broken(text, kind=Kind.NUDGE)


@pytest.mark.parametrize(
    ("language", "sentence", "question"),
    [
        ("ar", "كلمة " * 21, "هل تريدون ذلك؟ أم لا تريدون؟"),
        ("tr", "kelime " * 21, "İster misiniz? Yoksa sonra mı?"),
        ("pl", "słowo " * 21, "Czy chcą Państwo? Czy później?"),
        ("uk", "слово " * 21, "Хочете? Чи пізніше?"),
    ],
)
def test_length_links_and_questions_are_bounded_in_every_language(language, sentence, question):
    assert broken(f"{sentence}.", language=language)["X1"] is Severity.BLOCK
    assert broken(f"{sentence[:12]}. " * 91, language=language)["X2"] is Severity.BLOCK
    assert broken(question, language=language)["X8"] is Severity.WARN
    assert set(broken("bit.ly/abc", language=language)) == {"NL-I2", "X8"}


def test_a_dutch_text_of_thirty_words_reads_at_seventy_or_better():
    hard = "Misschien helpen medewerkers u met alle vragen over geld. " * 6
    easy = "Misschien helpen wij u met uw vraag over geld. " * 6

    assert readability(hard, "nl") < 70 <= readability(easy, "nl")
    assert broken(hard)["X13"] is Severity.BLOCK
    assert "X13" not in broken(easy)
    assert "X13" not in broken(hard[:57])
    assert "X13" not in broken(hard, kind=Kind.REPLY)


def test_a_negation_passes_and_the_same_word_elsewhere_does_not():
    assert broken("U bent niets verplicht.") == {}
    assert "NL-A3" in broken("U bent niets verplicht. Toch bent u verplicht om te komen.")


def test_a_rule_may_be_a_list_of_alternatives():
    entry = {**next(rule for rule in FILE.rule if rule.id == "NL-I4").model_dump(), "pattern": [r"\bklik\b", "lees"]}

    assert RuleEntry.model_validate(entry).facts().pattern.search("Lees dit.")


def test_dutch_rules_leave_english_alone_and_the_other_way_round():
    assert "NL-A3" not in broken("U moet dit doen.", language="en")
    assert "EN-A3" not in broken("You must do this.", language="nl")


def test_a_finding_shows_where_it_is_and_how_it_could_read():
    [finding] = found("Goedendag. Indien u dat wilt, bellen wij u.")

    assert finding.where == "Indien u dat wilt, bellen wij u."
    assert finding.rewrite == "Als u dat wilt, bellen wij u."
    assert "Als u dat wilt, bellen wij u." in str(finding)
    assert finding.mend in str(finding)


def test_a_line_break_ends_a_sentence_and_a_full_stop_in_a_time_does_not():
    assert sentences("Bel ons van 9.00 tot 17.00 uur\nOf kom langs. Dag!") == [
        "Bel ons van 9.00 tot 17.00 uur",
        "Of kom langs.",
        "Dag!",
    ]


@pytest.mark.parametrize(
    ("language", "word", "count"),
    [
        ("nl", "u", 1),
        ("nl", "nieuws", 1),
        ("nl", "nieuwe", 2),
        ("nl", "mooie", 2),
        ("nl", "zorgtoeslag", 3),
        ("nl", "ideeën", 3),
        ("nl", "gemeente", 3),
        ("nl", "reactie", 3),
        ("nl", "Sam&", 1),
        ("en", "the", 1),
        ("en", "like", 1),
        ("en", "table", 2),
        ("en", "asked", 1),
        ("en", "wanted", 2),
        ("en", "house", 1),
        ("en", "houses", 2),
        ("en", "insurance", 3),
        ("en", "municipality", 6),
    ],
)
def test_syllables_are_counted(language, word, count):
    assert syllables(word, language) == count


def test_readability_is_douma_for_dutch_and_flesch_for_english():
    # 6 sentences of 5 words of 1 syllable.
    assert readability("Dit is een goed boek. " * 6, "nl") == pytest.approx(206.835 - 0.93 * 5 - 77)
    assert readability("This is a good book. " * 6, "en") == pytest.approx(206.835 - 1.015 * 5 - 84.6)


def test_a_short_text_or_another_language_has_no_readability():
    assert readability("Dit is een goed boek.", "nl") is None
    assert readability("هذا كتاب جيد. " * 20, "ar") is None


def test_a_link_does_not_make_a_text_harder_to_read():
    text = "Dit is een goed boek. " * 6

    assert readability(f"{text}https://www.toeslagen.nl/onderwerpen/zorgverzekeringen", "nl") == readability(text, "nl")
