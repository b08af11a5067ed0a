"""Text as a careful person reads it: nothing is hidden from the rules by the way it is written."""

import re
import tomllib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.legible import bare, readings, seen
from bot.core.plain import Kind, Severity, findings, preview
from bot.wording import data
from bot.wording.municipal import PlainFile

BOOK = PlainFile.model_validate(tomllib.loads((data("messages") / "plain.toml").read_text(encoding="utf-8"))).facts()


def broken(text, language="nl", kind=Kind.BODY, **more):
    return {finding.rule for finding in findings(text, language=language, kind=kind, book=BOOK, **more)}


@pytest.mark.parametrize(
    ("text", "language", "rule"),
    [
        ("U m\u00adoet dit doen.", "nl", "NL-A3"),  # soft hyphen
        ("U m\u200bo\u200de\ufefft dit doen.", "nl", "NL-A3"),  # zero-width space, joiner and no-break space
        ("U\u00a0moet\u2003dit doen.", "nl", "NL-A3"),  # other spaces
        ("U\nmoet dit doen.", "nl", "NL-A3"),  # a line break
        ("U   moet dit doen.", "nl", "NL-A3"),
        ("U *moet* dit doen.", "nl", "NL-A3"),  # marks for bold
        ("Ｕ ｍｏｅｔ dit doen.", "nl", "NL-A3"),  # full-width
        ("U 𝗺𝗼𝗲𝘁 dit doen.", "nl", "NL-A3"),  # mathematical letters
        ("U ᴍᴏᴇᴛ dit doen.", "nl", "NL-A3"),  # small capitals
        ("U m\u043e\u0435t dit doen.", "nl", "NL-A3"),  # Cyrillic о and е
        ("U m\u03bfet dit doen.", "nl", "NL-A3"),  # Greek omicron
        ("U móét dit doen.", "nl", "NL-A3"),
        ("U m\u0336o\u0336e\u0336t\u0336 dit doen.", "nl", "NL-A3"),  # struck through
        ("U m0et dit doen.", "nl", "NL-A3"),
        ("U m o e t dit doen.", "nl", "NL-A3"),
        ("Er volgt een b.o.e.t.e.", "nl", "NL-B1"),
        ("Dat is voor clienten.", "nl", "NL-D2"),
        ("You\u2019ve got to do this.", "en", "EN-A3"),
        ("You dont\u200b get it: youll receive money.", "en", "EN-G1"),
        ("Ви пoвинні це зробити.", "uk", "UK-A3"),  # a Latin o
        ("Bu bir ceza\u0301dir: cezası var.", "tr", "TR-B1"),
        ("Musza Panstwo: MUSZĄ Państwo.", "pl", "PL-A3"),
        ("يَجِبُ عَلَيْكُمْ ملء هذا.", "ar", "AR-A3"),  # with vowel signs
        ("يجـــب عليكم ملء هذا.", "ar", "AR-A3"),  # stretched
    ],
)
def test_what_is_written_to_slip_through_is_caught(text, language, rule):
    assert rule in broken(text, language)


def test_a_look_alike_in_a_link_is_not_taken_for_the_letter():
    assert "X8" in broken("Kijk op toeslag\u0435n.nl.", domains=["toeslagen.nl"])
    assert "X8" in broken("Kijk op HTTPS://PHISH.EXAMPLE/nl.", domains=["toeslagen.nl"])
    assert "X8" not in broken("Kijk op toeslagen.nl.", domains=["toeslagen.nl"])


def test_what_is_hidden_between_does_not_push_a_word_off_the_lock_screen():
    assert "NL-E2" in broken("Er is nieuws." + "\u200b" * 100 + " Het gaat over uw uitkering.", kind=Kind.NUDGE)


def test_the_lock_screen_is_read_over_its_lines_and_to_the_end_of_what_begins_on_it():
    assert "NL-E2" in broken("Gemeente Voorbeeldstad.\nHet gaat over uw\nbijstandsuitkering.", kind=Kind.NUDGE)
    edge = "a" * 92 + " rood staan is lastig"

    assert preview(edge).endswith(" staan")
    assert "NL-E1" in broken(edge, kind=Kind.NUDGE)


def test_a_word_in_another_script_stays_what_it_is():
    assert readings("Ласкаво просимо", "uk") == ("Ласкаво просимо",)
    assert readings("Voorbeeldstad", "uk") == ("Voorbeeldstad",)
    assert "приємно" in readings("Дуже приємно", "nl")[0]


def test_contractions_are_written_out_in_english_only():
    assert readings("You don't, they've, can't, we'll.", "en")[0] == "You do not, they have, can not, we will."
    assert readings("foto's", "nl")[0] == "foto's"


def test_figures_dates_and_addresses_are_left_as_they_are():
    text = "Bel 010 000 00 00 op 26-11-2026 van 9.00 tot 17.00 uur, kamer 3B."

    assert seen(text) == text
    assert readings(text, "nl") == (text,)


@given(st.text())
def test_a_text_is_read_the_same_way_twice(text):
    once = seen(text)

    assert seen(once) == once
    assert not any(unicodedata.category(sign) in {"Cf", "Mn", "Me"} for sign in once)


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.sampled_from(["nl", "en", "ar", "tr", "pl", "uk"])
)
def test_no_text_is_too_odd_to_be_read(text, language):
    for finding in findings(text, language=language, kind=Kind.NUDGE, book=BOOK):
        assert finding.severity in Severity


def test_accents_go_and_letters_stay():
    assert bare("créëren, Łódź, Şırnak") == "creeren, Lodz, Sirnak"
    assert re.fullmatch(r"\w+", bare("أإآ"))
