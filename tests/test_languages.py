"""Six languages: how they count and write dates, where they come from, and who checked them."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.errors import WordingError
from bot.wording import Wording, data, load
from bot.wording.languages import signature, unsigned, with_signature
from bot.wording.update import catalogue, take_over, update, written

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 23)
ALL = ("nl", "en", "ar", "tr", "pl", "uk")
FSI, PDI = "\u2068", "\u2069"

BOT = """
[welcome]
text = "Goedendag."

[promise]
text = "Dat is uiterlijk {date:weekday}."

[kept]
text = "Wij bewaren dit tot {date}."

[waiting]
text = "Er wacht {n} vraag op u."
plural = "Er wachten {n} vragen op u."
"""
TRANSLATED = {
    "en": {
        "welcome": "Hello.",
        "promise": "That is by {date:weekday}.",
        "kept": "We keep this until {date}.",
        "waiting": ["{n} question is waiting.", "{n} questions are waiting."],
    },
    "ar": {
        "welcome": "مرحبا.",
        "promise": "{date:weekday} على الأكثر.",
        "kept": "نحتفظ بهذا حتى {date}.",
        "waiting": ["لا أسئلة", "سؤال واحد", "سؤالان", "{n} أسئلة", "{n} سؤالا", "{n} سؤال"],
    },
    "tr": {
        "welcome": "Merhaba.",
        "promise": "En geç {date:weekday}.",
        "kept": "Bunu {date} tarihine kadar saklıyoruz.",
        "waiting": ["{n} soru sizi bekliyor."],
    },
    "pl": {
        "welcome": "Dzień dobry.",
        "promise": "Najpóźniej: {date:weekday}.",
        "kept": "Przechowujemy to do {date}.",
        "waiting": ["Czeka {n} pytanie.", "Czekają {n} pytania.", "Czeka {n} pytań."],
    },
    "uk": {
        "welcome": "Добрий день.",
        "promise": "Не пізніше: {date:weekday}.",
        "kept": "Зберігаємо до {date}.",
        "waiting": ["Чекає {n} запитання.", "Чекають {n} запитання.", "Чекає {n} запитань."],
    },
}


class Town:
    """A checkout of its own, with four texts in six languages beside the cards."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("messages", "locale"):
            shutil.copytree(data(name), root / name)
        shutil.copy(ROOT / "pyproject.toml", root)
        self.write("messages/bot.toml", BOT)
        municipality = (root / "messages" / "municipality.toml").read_text(encoding="utf-8")
        listed = ", ".join(f'"{language}"' for language in ALL)
        self.write(
            "messages/municipality.toml", re.sub(r"(?m)^languages = .*$", f"languages = [{listed}]", municipality)
        )
        update(root)
        for language, texts in TRANSLATED.items():
            assert take_over(texts, language, root) == []

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    def load(self) -> Wording:
        return load(messages=self.root / "messages", locale=self.root / "locale")

    def po(self, language: str) -> str:
        return catalogue(language, self.root).read_text(encoding="utf-8")

    def sign(self, language: str, by: str = "N. Haddad") -> None:
        file = self.root / "messages" / "languages.toml"
        text = file.read_text(encoding="utf-8")
        signed = signature(self.load(), language)
        file.write_text(with_signature(text, language, by=by, on=TODAY, signed=signed), encoding="utf-8")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    return Town(tmp_path_factory.mktemp("six")).load()


# How they count and write


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", {0: "Er wachten 0 vragen op u.", 1: "Er wacht 1 vraag op u.", 21: "Er wachten 21 vragen op u."}),
        ("en", {0: "0 questions are waiting.", 1: "1 question is waiting.", 2: "2 questions are waiting."}),
        (
            "ar",
            {
                0: "لا أسئلة",
                1: "سؤال واحد",
                2: "سؤالان",
                3: f"{FSI}3{PDI} أسئلة",
                10: f"{FSI}10{PDI} أسئلة",
                11: f"{FSI}11{PDI} سؤالا",
                99: f"{FSI}99{PDI} سؤالا",
                100: f"{FSI}100{PDI} سؤال",
                103: f"{FSI}103{PDI} أسئلة",
            },
        ),
        ("tr", {0: "0 soru sizi bekliyor.", 1: "1 soru sizi bekliyor.", 5: "5 soru sizi bekliyor."}),
        (
            "pl",
            {
                1: "Czeka 1 pytanie.",
                2: "Czekają 2 pytania.",
                4: "Czekają 4 pytania.",
                5: "Czeka 5 pytań.",
                12: "Czeka 12 pytań.",
                21: "Czeka 21 pytań.",
                22: "Czekają 22 pytania.",
            },
        ),
        (
            "uk",
            {
                1: "Чекає 1 запитання.",
                2: "Чекають 2 запитання.",
                5: "Чекає 5 запитань.",
                11: "Чекає 11 запитань.",
                21: "Чекає 21 запитання.",
                22: "Чекають 22 запитання.",
            },
        ),
    ],
)
def test_each_language_counts_as_its_speakers_do(six, language, said):
    assert {n: six.say("waiting", language, {"n": n}) for n in said} == said


@pytest.mark.parametrize(
    ("language", "weekday", "day"),
    [
        ("nl", "Dat is uiterlijk donderdag 26 november.", "Wij bewaren dit tot 26 november 2026."),
        ("en", "That is by Thursday 26 November.", "We keep this until 26 November 2026."),
        ("tr", "En geç 26 Kasım Perşembe.", "Bunu 26 Kasım 2026 tarihine kadar saklıyoruz."),
        ("pl", "Najpóźniej: czwartek, 26 listopada.", "Przechowujemy to do 26 listopada 2026."),
        ("uk", "Не пізніше: четвер, 26 листопада.", "Зберігаємо до 26 листопада 2026 року."),
    ],
)
def test_each_language_writes_the_day_its_own_way(six, language, weekday, day):
    told = {"date": date(2026, 11, 26)}

    assert six.say("promise", language, told) == weekday
    assert six.say("kept", language, told) == day


def test_a_plural_form_for_several_numbers_names_the_number(town):
    assert take_over({"waiting": ["Одне запитання.", "Чекають {n}.", "Чекає {n}."]}, "uk", town.root) == []
    assert take_over({"waiting": ["Jedno pytanie.", "Czekają {n}.", "Czeka {n}."]}, "pl", town.root) == []

    faults = [fault for fault in town.load().checked(today=TODAY) if "several numbers" in fault]

    assert faults == ["locale/uk: waiting: “Одне запитання.” is said for several numbers; put {n} in it"]


# Where they come from


def test_a_text_is_spoken_in_its_language_or_in_dutch(town):
    words = town.load()
    assert words.speaks("welcome", "tr")
    assert words.speaks("welcome", "nl")

    town.write("messages/bot.toml", BOT.replace("Goedendag.", "Goedemiddag."))
    update(town.root)
    changed = town.load()

    assert not changed.speaks("welcome", "tr")
    assert changed.say("welcome", "tr") == "Goedemiddag."
    assert changed.speaks("kept", "tr")
    with pytest.raises(KeyError, match="farewell"):
        changed.speaks("farewell", "tr")


def test_a_translators_work_is_taken_over_and_what_does_not_fit_is_told(town):
    faults = take_over(
        {
            "welcome": "Witamy.",
            "kept": "Przechowujemy to.",
            "waiting": ["Czeka {n} pytanie.", "Czekają {n} pytania."],
            "promise": "  ",
            "farewell": "Do widzenia.",
        },
        "pl",
        town.root,
    )

    assert faults == [
        "farewell: is not a text in messages/; mend the key or leave it out",
        "kept: {date} stands in only one of the Dutch and the translation; use the same placeholders",
        "promise: has 1 forms; write a text",
        "waiting: has 2 forms; write a list of 3 texts",
    ]
    words = town.load()
    assert words.say("welcome", "pl") == "Witamy."
    assert words.say("waiting", "pl", {"n": 5}) == "Czeka 5 pytań."


def test_work_that_is_taken_over_counts_as_made_from_the_dutch_of_now(town):
    town.write("messages/bot.toml", BOT.replace("Goedendag.", "Goedemiddag."))
    update(town.root)
    assert "fuzzy" in town.po("tr")

    take_over({"welcome": "İyi günler."}, "tr", town.root)

    assert "fuzzy" not in town.po("tr")
    assert town.load().say("welcome", "tr") == "İyi günler."


def test_a_language_can_be_made_before_it_is_offered(town):
    take_over({"welcome": "Bonjour."}, "fr", town.root)

    assert "fr" not in town.load().languages
    assert 'msgstr "Bonjour."' in town.po("fr")


# Who checked them


def test_a_language_that_nobody_checked_is_no_language_for_citizens(town):
    reasons = town.load().not_for_citizens(TODAY)

    for language in ALL[1:]:
        assert [reason for reason in reasons if f"language.{language}: nobody has checked" in reason]
    assert not [reason for reason in reasons if "language.nl" in reason]


def test_a_signature_holds_for_one_language_until_a_word_changes(town):
    town.sign("ar")
    town.sign("tr")
    assert unsigned(town.load()).keys() == {"en", "pl", "uk"}

    take_over({"welcome": "Selam."}, "tr", town.root)
    reasons = unsigned(town.load())

    assert reasons.keys() == {"en", "tr", "pl", "uk"}
    assert "words changed after N. Haddad checked them on 2026-11-23" in reasons["tr"]


def test_a_change_in_the_dutch_voids_the_signature_of_every_language(town):
    town.sign("ar")
    town.write("messages/bot.toml", BOT.replace("Goedendag.", "Goedemiddag."))

    assert "ar" in unsigned(town.load())


def test_a_signature_outlives_a_change_in_another_language(town):
    town.sign("ar")
    take_over({"welcome": "Selam."}, "tr", town.root)
    with catalogue("ar", town.root).open("rb") as opened:
        catalogue("ar", town.root).write_text(written(read_po(opened, locale="ar")), encoding="utf-8")

    assert "ar" not in unsigned(town.load())


def test_signing_again_replaces_the_signature_and_leaves_the_rest_of_the_file(town):
    before = (town.root / "messages" / "languages.toml").read_text(encoding="utf-8")
    town.sign("ar", by="N. Haddad")
    town.sign("ar", by='Salma "Sal" Aziz')
    text = (town.root / "messages" / "languages.toml").read_text(encoding="utf-8")

    entry = tomllib.loads(text)["language"]["ar"]
    assert entry["checked_by"] == 'Salma "Sal" Aziz'
    assert entry["checked_on"] == TODAY
    assert text.count("checked_by = ") == 1
    assert re.sub(r"(?m)^(checked_by|checked_on|signed) = .*\n", "", text) == before


def test_half_a_signature_is_refused(town):
    file = town.root / "messages" / "languages.toml"
    file.write_text(file.read_text(encoding="utf-8") + 'checked_by = "N. Haddad"\n', encoding="utf-8")

    with pytest.raises(WordingError, match="checked_by, checked_on and signed come together"):
        town.load()


def test_no_shipped_translation_is_signed():
    shipped = load()

    assert unsigned(shipped).keys() == set(shipped.languages[1:])
    assert set(shipped.checks) >= {"en", "ar", "tr", "pl", "uk"}


def handreiking(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HANDREIKING_")}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments], cwd=root, env=clean, capture_output=True, text=True, check=False
    )


def test_somebody_signs_at_the_command_line(town):
    shutil.copytree(ROOT / "bot", town.root / "bot", ignore=shutil.ignore_patterns("__pycache__"))

    signed = handreiking(town.root, "language", "sign", "ar", "--by", "N. Haddad")
    unknown = handreiking(town.root, "language", "sign", "nl", "--by", "N. Haddad")
    listed = handreiking(town.root, "language", "list")

    assert (signed.returncode, signed.stdout.split(".")[0]) == (0, "ar is signed by N")
    assert unknown.returncode == 1
    assert "nl is not a translation" in unknown.stderr
    assert "ar" not in unsigned(town.load())
    [arabic] = [line for line in listed.stdout.splitlines() if line.startswith("ar ")]
    assert "N. Haddad" in arabic
    assert arabic.endswith("True")
