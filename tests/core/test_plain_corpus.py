"""What the wording rules do with texts that were not written for them: ../wording_corpus.toml, read by people."""

import tomllib
from pathlib import Path

import pytest

from bot.core.plain import Kind, findings
from bot.wording import data
from bot.wording.municipal import PlainFile

CORPUS = tomllib.loads((Path(__file__).parents[1] / "wording_corpus.toml").read_text(encoding="utf-8"))
RULES = PlainFile.model_validate(tomllib.loads((data("messages") / "plain.toml").read_text(encoding="utf-8")))
BOOK = RULES.facts()
CATEGORY = {rule.id: rule.category for rule in RULES.rule}
MORE_BAD = [(language, text) for language in ("nl", "en") for text in CORPUS["more"]["bad"][language]]
MORE_GOOD = [(language, text) for language in ("nl", "en") for text in CORPUS["more"]["good"][language]]


def rules_against(text, language, kind="body"):
    return {finding.rule for finding in findings(text, language=language, kind=Kind(kind), book=BOOK)}


def test_there_are_forty_bad_texts_half_of_them_without_a_forbidden_word_and_thirty_good_ones():
    bad, good = CORPUS["bad"], CORPUS["good"]

    assert (len(bad), sum(not text["trigger"] for text in bad), len(good)) == (40, 20, 30)
    assert {text["language"] for text in bad} == {text["language"] for text in good} == {"nl", "en"}
    assert len({text["text"] for text in bad + good}) == 70


@pytest.mark.parametrize(
    "entry", [entry for entry in CORPUS["bad"] if not entry.get("only_people")], ids=lambda entry: entry["text"]
)
def test_a_bad_text_is_caught_for_what_is_wrong_with_it(entry):
    caught = rules_against(entry["text"], entry["language"], entry.get("kind", "body"))

    assert entry["category"] in {CATEGORY.get(rule) for rule in caught}


def test_five_of_the_forty_take_a_second_pair_of_eyes():
    missed = [
        entry
        for entry in CORPUS["bad"]
        if not rules_against(entry["text"], entry["language"], entry.get("kind", "body"))
    ]

    assert missed == [entry for entry in CORPUS["bad"] if entry.get("only_people")]
    assert [entry["text"] for entry in missed] == [
        "Morgen gaat de deur dicht.",
        "Hier was met wat meer aandacht niets misgegaan.",
        "Vorige week stond er een verhuiswagen voor uw deur.",
        "With a little more care this would never have come up.",
        "Your lights were off last week, so we thought of you.",
    ]
    assert not any(entry["trigger"] for entry in missed)


@pytest.mark.parametrize("entry", CORPUS["good"], ids=lambda entry: entry["text"])
def test_a_good_text_passes_although_it_holds_a_trigger_word(entry):
    assert rules_against(entry["text"], entry["language"], entry.get("kind", "body")) == set()


def test_of_a_hundred_and_twenty_two_more_bad_texts_eight_take_a_second_pair_of_eyes():
    missed = [text for language, text in MORE_BAD if not rules_against(text, language)]

    assert len(MORE_BAD) == 122
    assert missed == CORPUS["more"]["only_people"]
    assert len(missed) == 8


def test_none_of_eighty_more_good_texts_is_blocked():
    assert len(MORE_GOOD) == 80
    assert [text for language, text in MORE_GOOD if rules_against(text, language)] == []
