"""What people type: emergencies are heard in six languages, and numbers of people and accounts are not kept."""

import pytest
from dialogue_scenes import wording

from bot.core.free_text import MASK, emergencies, without_numbers


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mijn bsn is 123456782", f"mijn bsn is {MASK}"),
        ("123.456.782 graag", f"{MASK} graag"),
        ("١٢٣٤٥٦٧٨٢", MASK),
        ("betaal op NL91 ABNA 0417 1643 00 aub", f"betaal op {MASK} aub"),
        ("nl91abna0417164300", MASK),
        ("DE89 3704 0044 0532 0130 00", MASK),
        ("bsn 123456782 en iban NL91ABNA0417164300.", f"bsn {MASK} en iban {MASK}."),
    ],
)
def test_what_looks_like_a_bsn_or_an_account_is_taken_out(text, clean):
    assert without_numbers(text) == (clean, True)


@pytest.mark.parametrize(
    "text",
    ["bel 06 12 34 56 78", "+31 6 12345678", "op 24-11-2026 om 10.00", "ik ben 68 en woon op nr 12", "1012 AB", ""],
)
def test_other_numbers_stay(text):
    assert without_numbers(text) == (text, False)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Ik wil niet meer leven...", ("suicide",)),
        ("ZELFMOORDGEDACHTEN", ("suicide",)),
        ("I don’t want to live", ("suicide",)),
        ("zabije mnie, bije mnie", ("danger", "violence")),
        ("INTIHAR etmek", ("suicide",)),
        ("він мене вб’є", ("danger",)),
        ("أُريد أن أموت", ("suicide",)),
    ],
)
def test_an_emergency_is_heard_whatever_the_case_the_accents_and_the_marks(text, kinds):
    assert emergencies(text, wording().emergencies) == kinds


@pytest.mark.parametrize(
    "text", ["Kunt u mij helpen?", "brandweerman zijn lijkt mij leuk", "112e plaats", "hulp", "pomoc"]
)
def test_everyday_words_are_no_emergency(text):
    assert emergencies(text, wording().emergencies) == ()


def test_every_kind_has_words_in_six_languages_and_a_number():
    import tomllib

    from bot.wording import data

    listed = tomllib.loads((data("messages") / "emergency.toml").read_text(encoding="utf-8"))["emergency"]
    for kind, entry in listed.items():
        assert set(entry["words"]) == {"nl", "en", "ar", "tr", "pl", "uk"}, kind
        assert any(sign.isdigit() for sign in entry["text"]), kind
