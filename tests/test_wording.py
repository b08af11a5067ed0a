"""messages/ and locale/: what is said, in which words, and what the check finds wrong with it."""

import re
import shutil
import tomllib
from datetime import date
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.core.facts import Choice, Level, Origin, Phrase, Rules, Sensitivity
from bot.core.plain import Kind, findings, preview
from bot.errors import WordingError
from bot.wording import Wording, data, load
from bot.wording.cards import ServiceCard
from bot.wording.update import languages, template, update, updated_file, written

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 23)
FSI, PDI = "\u2068", "\u2069"

BOT = """
[welcome]
text = "Goedendag. U praat met de gemeente {municipality}."

[promise]
text = "U spreekt {team} op {date:weekday}."

[kept]
text = "Wij bewaren dit tot {date}."

[subject]
text = "Dit gaat over {card}. U koos {themes}."

[counted]
text = "Er zijn {n} antwoorden."

[waiting]
text = "Er wacht {n} vraag op u."
plural = "Er wachten {n} vragen op u."

[page]
text = "Kijk op {official_page:zorgtoeslag}."

[button]
more = "Vertel meer"
"""
EN = {
    "welcome": "Hello. This is the municipality of {municipality}.",
    "promise": "You speak to {team} on {date:weekday}.",
    "kept": "We keep this until {date}.",
    "subject": "This is about {card}. You chose {themes}.",
    "counted": "There are {n} answers.",
    "waiting": ("{n} question is waiting for you.", "{n} questions are waiting for you."),
    "page": "Have a look at {official_page:zorgtoeslag}.",
    "button.more": "Tell me more",
}
AR = {
    "welcome": "مرحبا. تتحدثون مع بلدية {municipality}.",
    "promise": "يتصل بكم {team} يوم {date:weekday}.",
    "kept": "نحتفظ بهذا حتى {date}.",
    "subject": "الموضوع هو {card}. اخترتم {themes}.",
    "counted": "هناك {n} إجابة.",
    "waiting": ("لا أسئلة", "سؤال واحد", "سؤالان", "{n} أسئلة", "{n} سؤالا", "{n} سؤال"),
    "page": "انظروا في {official_page:zorgtoeslag}.",
    "button.more": "أخبروني أكثر",
}


class Files:
    """A copy of messages/ and locale/ to write in, with a small bot.toml of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(data("messages"), root / "messages")
        shutil.copytree(data("locale"), root / "locale")
        shutil.copy(ROOT / "pyproject.toml", root)
        self.write("messages/bot.toml", BOT)
        six = ', "tr", "pl", "uk"]'
        self.replace("messages/municipality.toml", six, "]")
        for campaign in (root / "messages" / "campaigns").glob("*.toml"):
            self.replace(f"messages/campaigns/{campaign.name}", six, "]")
        for language in ("tr", "pl", "uk"):
            shutil.rmtree(root / "locale" / language)
        self.update()
        self.translate("en", EN)
        self.translate("ar", AR)

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new, 1))

    def update(self) -> None:
        update(self.root)

    def po(self, language: str) -> Path:
        return self.root / "locale" / language / "LC_MESSAGES" / "handreiking.po"

    def translate(self, language: str, texts: dict[str, str | tuple[str, ...] | None]) -> None:
        with self.po(language).open("rb") as opened:
            catalog = read_po(opened, locale=language)
        for message in catalog:
            if message.context in texts:
                message.string = texts[message.context] or ""
                message.flags.discard("fuzzy")
        self.po(language).write_text(written(catalog), encoding="utf-8")

    def load(self) -> Wording:
        return load(messages=self.root / "messages", locale=self.root / "locale")

    def refusals(self) -> tuple[str, ...]:
        with pytest.raises(WordingError) as refused:
            self.load()
        return refused.value.faults

    def faults(self, frozen: dict[tuple[str, str], str] | None = None, today: date = TODAY) -> list[str]:
        return self.load().checked(frozen or {}, today=today)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(scope="module")
def shipped() -> Wording:
    return load()


CARD = "messages/services/zorgtoeslag.toml"
NUDGES = "messages/nudges/zorgtoeslag.toml"
TEASERS = "messages/nudges/mantelzorg.toml"


# What is shipped


def test_what_is_shipped_has_no_fault(shipped):
    assert shipped.checked(today=TODAY) == []


def test_neither_folder_hides_a_module():
    assert not list(ROOT.glob("locale/**/__init__.py"))
    assert not list(ROOT.glob("messages/**/__init__.py"))


@pytest.mark.parametrize("language", languages())
def test_the_catalogues_are_up_to_date(language):
    file = ROOT / "locale" / language / "LC_MESSAGES" / "handreiking.po"

    assert updated_file(file, language, template()) == file.read_text(encoding="utf-8"), (
        "run python -m bot.wording.update"
    )


def test_one_extraction_finds_every_sentence(shipped):
    contexts = {message.context for message in template() if message.context}

    assert contexts == shipped.sources.keys()


def test_every_nudge_opens_with_its_sender_and_asks_one_thing(shipped):
    for variant in shipped.variants.values():
        for language in shipped.languages:
            text = shipped.say(variant.id, language)

            assert "Voorbeeldstad" in preview(text).splitlines()[0]
            assert len(re.findall("[?؟]", text)) == 1


def test_examples_are_refused_for_citizens_with_the_reasons(shipped):
    reasons = "\n".join(shipped.not_for_citizens(TODAY))

    for card in shipped.cards:
        assert f"messages/services/{card}.toml: example is true" in reasons
        assert f"messages/services/{card}.toml: official_page.checked_on is missing" in reasons
    assert "messages/municipality.toml: example is true" in reasons
    assert "messages/values.toml: signed_by is missing" in reasons


def test_a_card_that_people_settled_stands_in_nobodys_way(shipped):
    example = shipped.cards["zorgtoeslag"].model_dump(mode="json")
    page = {"url": "https://www.toeslagen.nl", "checked_on": "2026-11-02"}
    card = ServiceCard.model_validate({**example, "example": False, "official_page": page})
    alone = ServiceCard.model_validate({**card.model_dump(mode="json"), "approved_by": ["A. Jansen", "a. jansen"]})

    assert card.not_for_citizens(TODAY) == []
    assert "two different people" in str(alone.not_for_citizens(TODAY))
    assert "review_due" in str(card.not_for_citizens(date(2027, 11, 2)))


def test_a_card_hands_its_decisions_what_they_need(shipped):
    facts = shipped.cards["mantelzorg"].facts()

    assert (facts.theme, facts.sensitivity, facts.level) == ("care", Sensitivity.S2, Level.INFORM_AND_OFFER_CONTACT)
    assert (facts.max_sends, facts.min_gap_days, facts.silence_after_no_days) == (2, 21, 365)
    assert facts.review_due == date(2027, 11, 1)
    assert {signal.origin for signal in facts.signals} == {Origin.SELF, Origin.CALENDAR, Origin.PROFESSIONAL}


def test_the_shipped_bounds_are_the_products_own(shipped):
    assert shipped.rules == Rules()
    assert shipped.values.stop == -3.0


# What is said


def test_dates_are_written_as_people_of_that_language_write_them(files):
    words = files.load()
    day = {"date": date(2026, 11, 26)}

    assert words.say("kept", "nl", day) == "Wij bewaren dit tot 26 november 2026."
    assert words.say("kept", "en", day) == "We keep this until 26 November 2026."
    assert words.say("kept", "ar", day) == f"نحتفظ بهذا حتى {FSI}26{PDI} نوفمبر {FSI}2026{PDI}."
    assert words.say("promise", "nl", day) == "U spreekt het team Samen Verder op donderdag 26 november."


def test_numbers_get_their_separators(files):
    words = files.load()

    assert words.say("counted", "nl", {"n": 12345}) == "Er zijn 12.345 antwoorden."
    assert words.say("counted", "en", {"n": 12345}) == "There are 12,345 answers."


@pytest.mark.parametrize(
    ("language", "n", "said"),
    [
        ("nl", 1, "Er wacht 1 vraag op u."),
        ("nl", 0, "Er wachten 0 vragen op u."),
        ("en", 1, "1 question is waiting for you."),
        ("en", 2, "2 questions are waiting for you."),
        ("ar", 0, "لا أسئلة"),
        ("ar", 1, "سؤال واحد"),
        ("ar", 2, "سؤالان"),
        ("ar", 3, f"{FSI}3{PDI} أسئلة"),
        ("ar", 11, f"{FSI}11{PDI} سؤالا"),
        ("ar", 100, f"{FSI}100{PDI} سؤال"),
    ],
)
def test_plurals_follow_the_language(files, language, n, said):
    assert files.load().say("waiting", language, {"n": n}) == said


def test_a_phrase_in_a_phrase_is_said_in_the_same_language(files):
    words = files.load()
    params = {
        "card": Phrase("card.stadspas.name"),
        "themes": (Phrase("theme.money"), Phrase("theme.care"), Phrase("theme.children")),
    }

    assert words.say("subject", "en", params) == (
        "This is about City pass (stadspas). You chose Money and home, Care and help at home and Children."
    )
    assert words.say("subject", "nl", params).endswith("U koos Geld en wonen, Zorg en hulp in huis en Kinderen.")


def test_the_municipalitys_own_words_need_no_params(files):
    words = files.load()

    assert words.say("welcome", "nl") == "Goedendag. U praat met de gemeente Voorbeeldstad."
    assert words.say("page", "nl") == "Kijk op https://www.toeslagen.nl."
    assert "https://www.voorbeeldstad.example/stadspas" in words.say("card.stadspas.body", "en")
    assert "010 000 00 00" in words.say("card.stadspas.body", "nl")


def test_what_is_filled_in_is_not_filled_in_again(files):
    assert "{phone}" in files.load().say("subject", "nl", {"card": "{phone}", "themes": "niets"})


def test_a_key_or_a_value_that_is_not_there_is_a_broken_promise(files):
    words = files.load()

    assert words.has("welcome")
    assert not words.has("farewell")
    with pytest.raises(KeyError, match="farewell"):
        words.say("farewell", "nl")
    with pytest.raises(KeyError, match="date"):
        words.say("kept", "nl")


@pytest.mark.parametrize(
    ("filled_in", "said"),
    [
        ("Sam&", f"{FSI}Sam&{PDI}"),
        ("010 000 00 00", f"{FSI}010 000 00 00{PDI}"),
        ("https://www.toeslagen.nl/a?b=c&d=1", f"{FSI}https://www.toeslagen.nl/a?b=c&d=1{PDI}"),
        ("Team Samen Verder (Zuid)", f"{FSI}Team Samen Verder{PDI} ({FSI}Zuid{PDI})"),
        ("/stop", f"{FSI}/stop{PDI}"),
        ("رعاية", "رعاية"),
    ],
)
def test_latin_script_and_numbers_stay_in_order_inside_arabic(files, filled_in, said):
    text = files.load().say("subject", "ar", {"card": filled_in, "themes": "رعاية"})

    assert text == f"الموضوع هو {said}. اخترتم رعاية."


def test_arabic_leaves_no_latin_letter_or_digit_outside_an_isolate(shipped):
    for key in shipped.sources:
        if shipped.forms(key, "ar") is not None and shipped.sources[key].file != "bot.toml":
            outside = re.sub(f"{FSI}[^{PDI}]*{PDI}", "", shipped.say(key, "ar"))

            assert not re.search(r"[A-Za-z0-9]", outside), key


def test_no_marks_are_added_in_other_scripts(shipped):
    assert FSI not in shipped.say("card.zorgtoeslag.body", "en")


def test_a_missing_translation_is_said_in_dutch_with_dutch_dates(files):
    files.translate("en", {"kept": None})

    words = files.load()

    assert words.say("kept", "en", {"date": date(2026, 11, 26)}) == "Wij bewaren dit tot 26 november 2026."
    assert words.say("kept", "tr", {"date": date(2026, 11, 26)}) == "Wij bewaren dit tot 26 november 2026."


def test_a_changed_sentence_is_said_in_dutch_until_somebody_read_its_translation(files):
    files.replace("messages/bot.toml", "Vertel meer", "Vertel mij meer")
    files.update()

    assert files.load().say("button.more", "en") == "Vertel mij meer"
    assert any("button.more: is older than the Dutch (X11)" in fault for fault in files.faults())
    assert 'msgstr "Tell me more"' in files.po("en").read_text(encoding="utf-8")


def test_a_translation_that_could_not_be_filled_in_is_not_used(files):
    files.translate("en", {"kept": "We keep this until {datum}."})

    assert files.load().say("kept", "en", {"date": date(2026, 11, 26)}).startswith("Wij bewaren")
    assert any("locale/en: kept: {date}, {datum}" in fault for fault in files.faults())


def test_a_note_reaches_the_translator_and_a_new_language_begins_empty(files):
    files.replace("messages/bot.toml", "[welcome]\n", '[welcome]\nnote = "The very first words."\n')
    files.replace("messages/municipality.toml", '"ar"]', '"ar", "tr"]')
    (files.root / "locale" / "tr").mkdir()

    files.update()

    assert "#. The very first words." in files.po("en").read_text(encoding="utf-8")
    assert files.load().languages == ("nl", "en", "ar", "tr")
    assert any("locale/tr: welcome: is not translated" in fault for fault in files.faults())


def test_a_changed_plural_is_said_in_dutch_until_somebody_read_its_translation(files):
    files.replace("messages/bot.toml", "Er wachten {n} vragen op u.", "{n} vragen wachten op u.")

    assert files.load().say("waiting", "en", {"n": 2}) == "2 vragen wachten op u."
    files.update()
    assert files.load().say("waiting", "en", {"n": 2}) == "2 vragen wachten op u."


def test_updating_the_catalogues_twice_changes_nothing(files):
    files.replace("messages/bot.toml", "Vertel meer", "Vertel mij meer")
    files.update()
    once = [files.po(language).read_bytes() for language in ("en", "ar")]

    files.update()

    assert [files.po(language).read_bytes() for language in ("en", "ar")] == once


def test_catalogues_hold_no_dates_and_no_addresses(files):
    assert not re.search(r"POT-Creation|Revision-Date|Bugs-To|@", files.po("en").read_text(encoding="utf-8"))


# What is frozen


def test_words_that_were_sent_once_stay_as_they_were(files):
    sent = {
        ("zorgtoeslag.warm.1", language): files.load().wording_hash("zorgtoeslag.warm.1", language)
        for language in ("nl", "en")
    }
    assert files.faults(sent) == []

    files.translate(
        "en", {"zorgtoeslag.warm.1": "Hello, this is {municipality}.\nWould you like to read about zorgtoeslag?"}
    )

    [fault] = files.faults(sent)
    assert fault.startswith("messages/nudges/zorgtoeslag.toml: zorgtoeslag.warm.1 (en) was sent once")


def test_a_hash_differs_by_language_and_is_that_of_the_unfilled_words(files):
    before = files.load()
    files.replace("messages/municipality.toml", '"Voorbeeldstad"', '"Elders"')
    after = files.load()

    assert before.wording_hash("welcome", "nl") != before.wording_hash("welcome", "en")
    assert before.wording_hash("welcome", "nl") == after.wording_hash("welcome", "nl")
    assert len(before.wording_hash("welcome", "nl")) == 64


# What is refused at the start


@pytest.mark.parametrize(
    ("path", "old", "new", "fault"),
    [
        (CARD, 'sensitivity = "S1"', 'sensitivity = "S9"', f"{CARD}: sensitivity = 'S9': input should be 'S0', 'S1'"),
        (CARD, "version = 1\n", "", f"{CARD}: version is missing; add it"),
        (CARD, "amount =", "amuont =", f"{CARD}: amuont = 'varies_personal' is not a field; perhaps you mean amount"),
        (CARD, "latest_day = -7", "latest_day = -70", f"{CARD}: signals[1]: latest_day -70 is before earliest_day -60"),
        (CARD, "max_sends = 2", "max_sends = 3", f"{CARD}: cadence.max_sends = 3: input should be less than"),
        (
            CARD,
            'sensitivity = "S1"',
            'sensitivity = "S3"',
            f"{CARD}: cadence.max_sends is 2; for sensitivity S3 it is 1",
        ),
        (CARD, "review_due = 2027-11-01", "review_due = 2028-11-01", f"{CARD}: review_due 2028-11-01 must come within"),
        (CARD, 'theme = "money"', 'theme = "monny"', f"{CARD}: theme is 'monny'; use one of money, children"),
        (CARD, 'id = "zorgtoeslag"', 'id = "zorg"', f"{CARD}: id is 'zorg'; name the file zorg.toml"),
        (CARD, 'because = "Bijna', 'becuase = "Bijna', f"{CARD}: weighing.because is missing; add it"),
        (CARD, 'id = "zorgtoeslag"', "id = zorgtoeslag", f"{CARD}: is not TOML"),
        (NUDGES, 'tone = "warm"', 'tone = "cosy"', f"{NUDGES}: zorgtoeslag.warm.1: tone = 'cosy': input should be"),
        (NUDGES, 'tone = "warm"', 'tone = "neutral"', f"{NUDGES}: zorgtoeslag.warm.1: a nudge here is called"),
        (NUDGES, "[zorgtoeslag.warm.1]", "[stadspas.warm.1]", f"{NUDGES}: stadspas.warm.1: a nudge here is called"),
        ("messages/rules.toml", "per_month = 2 ", "per_month = 3 ", "messages/rules.toml: per_month let more through"),
        ("messages/rules.toml", "20:00:00", "22:00:00", "messages/rules.toml: quiet_from let more through"),
        (
            "messages/rules.toml",
            "rest_start_days = 28",
            "rest_start_days = 14",
            "messages/rules.toml: rest_start_days let more through",
        ),
        ("messages/values.toml", "weight = -3.0", "weight = 3.0", "messages/values.toml: stop.weight is 3.0"),
        (
            "messages/municipality.toml",
            "Europe/Amsterdam",
            "Europe/Zwolle",
            "messages/municipality.toml: zone: 'Europe/Z",
        ),
        ("messages/municipality.toml", '"ar"]', '"ar", "tr"]', "locale/tr/LC_MESSAGES/handreiking.po: is not there"),
        ("messages/plain.toml", "[limit.X7]", "[limit.X77]", "messages/plain.toml: limit.X7 is missing"),
        ("messages/plain.toml", "'\\bklik hier", "'(klik hier", "messages/plain.toml: rule[31].pattern: "),
        ("messages/bot.toml", '"Vertel meer"', "3", "messages/bot.toml: button.more = 3: is not a text"),
        (
            "messages/bot.toml",
            "plural =",
            "prural =",
            "messages/bot.toml: waiting: prural = 'Er wachten {n} vragen op u.'",
        ),
        (
            "messages/bot.toml",
            "[welcome]",
            "[theme.money]",
            "messages/themes.toml: theme.money stands in messages/bot.toml",
        ),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused_with_the_place_and_the_mend(files, path, old, new, fault):
    files.replace(path, old, new)

    refused = files.refusals()

    assert any(said.startswith(fault) for said in refused), refused


def test_all_faults_are_told_at_once(files):
    files.replace(CARD, "version = 1\n", "")
    files.replace(CARD, 'sensitivity = "S1"', 'sensitivity = "S9"')
    files.replace("messages/values.toml", "weight = -3.0", "weight = 3.0")
    (files.root / "messages" / "themes.toml").unlink()

    refused = "\n".join(files.refusals())

    assert "version is missing" in refused
    assert "S9" in refused
    assert "stop.weight" in refused
    assert "messages/themes.toml: is not there" in refused


@pytest.mark.parametrize("path", ["theme.toml", "nudge/zorgtoeslag.toml"])
def test_a_file_that_nobody_would_read_is_refused(files, path):
    (files.root / "messages" / "nudge").mkdir()
    files.write(f"messages/{path}", "")

    assert files.refusals() == (
        f"messages/{path}: is not a file that the bot reads; mend its name or its folder, or take it away",
    )


def test_a_bound_is_raised_by_two_people(files):
    files.replace("messages/rules.toml", "per_month = 2 ", "per_month = 3 ")
    files.replace("messages/rules.toml", "raised_by = []", 'raised_by = ["A. Jansen", "B. Bakker"]')

    assert files.load().rules.per_month == 3


def test_a_bound_is_lowered_by_anybody(files):
    files.replace("messages/rules.toml", "per_month = 2 ", "per_month = 1 ")

    assert files.load().rules.per_month == 1


# What the check finds


@pytest.mark.parametrize(
    ("path", "old", "new", "fault"),
    [
        (NUDGES, "Het mag, het hoeft niet.", "U moet dit doen.", "zorgtoeslag.warm.1 (nl): NL-A3 (block)"),
        (NUDGES, "Het mag, het hoeft niet.", "Klik hier voor meer.", "zorgtoeslag.warm.1 (nl): NL-I4 (warn)"),
        (NUDGES, "hier is de gemeente {municipality}", "hier zijn wij", "zorgtoeslag.warm.1 (nl): X4 (block)"),
        (NUDGES, "Het mag, het hoeft niet.", "Dag {name}.", "zorgtoeslag.warm.1: {name} is not a placeholder"),
        (NUDGES, "Het mag, het hoeft niet.", "Het hoeft niet. " * 20, "zorgtoeslag.warm.1 (nl): can get "),
        (TEASERS, "Misschien hebt u er iets aan.", "Er is mantelzorg.", "mantelzorg.warm.1 (nl): X12 (block)"),
        (TEASERS, "Misschien hebt u er iets aan.", "{official_page}", "mantelzorg.warm.1 (nl): X12 (block)"),
        (CARD, "{official_page}\n", "https://toeslag.example\n", "card.zorgtoeslag.body (nl): X8 (block)"),
        (CARD, 'url = "https://www.toeslagen.nl"', 'url = "https://x.example"', "official_page.url is on x.example"),
        (CARD, 'card = "huurtoeslag"', 'card = "woontoeslag"', "related card 'woontoeslag' does not exist"),
        (CARD, "enabled = false", "enabled = true", "achttien-geworden.v1 is enabled without a settled legal basis"),
        ("messages/situations.toml", "verhuisd-gemeld", "weg-gemeld", "no card answers nl.inwonersituaties.weg-gemeld"),
        (
            "messages/situations.toml",
            "[situation.baby]",
            "[situation.baby]\nanswered = false",
            "situation.baby: says answered = false, but a card",
        ),
        ("messages/bot.toml", "zorgtoeslag}", "zorgtoslag}", "page: {official_page:zorgtoslag} is not a placeholder"),
        ("messages/bot.toml", "U praat", "praat " * 900, "welcome (nl): can get "),
        ("messages/bot.toml", "Vertel meer", "Ja graag!", "button.more (nl): NL-J2 (warn)"),
    ],
)
def test_the_check_finds_what_should_not_be_said(files, path, old, new, fault):
    files.replace(path, old, new)

    found = files.faults()

    assert any(fault in said for said in found), found


def test_a_blocked_wording_cannot_be_planned_in_that_language(files):
    files.replace(NUDGES, "Het mag, het hoeft niet.", "U moet dit doen.")
    files.translate("en", {"stadspas.warm.1": "Hello, this is {municipality}.\nYou must read this?"})
    files.update()

    variants = files.load().variants

    assert variants["zorgtoeslag.warm.1"].languages == frozenset()
    assert variants["stadspas.warm.1"].languages == {"nl", "ar"}
    assert variants["stadspas.neutral.1"].languages == {"nl", "en", "ar"}


def test_a_wording_whose_card_cannot_be_read_in_a_language_is_not_planned_in_it(files):
    files.translate("en", {"card.zorgtoeslag.body": None})

    assert files.load().variants["zorgtoeslag.warm.1"].languages == {"nl", "ar"}


def test_a_warning_is_settled_by_a_reason_and_a_block_is_not(files):
    reason = "De naam van de brief is zo, wij leggen hem uit."
    files.replace(NUDGES, "Het mag, het hoeft niet.", "Klik hier. U moet dit.")
    files.replace(NUDGES, 'tone = "warm"', f'tone = "warm"\nexceptions = {{ NL-I4 = "{reason}", NL-A3 = "{reason}" }}')

    dutch = "\n".join(fault for fault in files.faults() if "zorgtoeslag.warm.1 (nl)" in fault)

    assert "NL-I4" not in dutch
    assert "NL-A3 (block)" in dutch


def test_a_reason_for_a_rule_that_does_not_exist_is_a_fault(files):
    files.replace(NUDGES, 'tone = "warm"', 'tone = "warm"\nexceptions = { NL-Z9 = "Omdat wij dat willen." }')

    assert any("exceptions names NL-Z9" in fault for fault in files.faults())


def test_a_card_past_its_review_is_found(files):
    assert files.faults(today=date(2027, 11, 1)) == []
    assert len([fault for fault in files.faults(today=date(2027, 11, 2)) if "X9" in fault]) == 14


def test_english_is_whole_and_arabic_may_leave_out_a_card_but_not_half(files):
    whole_card = [key for key in files.load().sources if key.startswith(("stadspas.", "card.stadspas."))]
    files.translate("ar", dict.fromkeys(whole_card))
    assert files.faults() == []

    files.translate("ar", {"card.zorgtoeslag.body": None, "welcome": None, "theme.care": None})
    files.translate("en", {"stadspas.warm.1": None})

    assert {fault.partition(": is not translated")[0] for fault in files.faults()} == {
        "locale/ar: card.zorgtoeslag.body",
        "locale/ar: welcome",
        "locale/ar: theme.care",
        "locale/en: stadspas.warm.1",
    }


def test_a_register_signal_with_a_basis_and_an_assessment_may_be_switched_on(files):
    text = (files.root / CARD).read_text(encoding="utf-8")
    settled = text.replace("enabled = false", 'enabled = true\ndpia = "DPIA 2027-3"')
    files.write(CARD, re.sub(r'legal_basis = "NOG NIET GEREGELD[^"]*"', 'legal_basis = "Wet X, artikel 1"', settled))

    assert files.faults() == []


def test_the_keyboard_of_a_nudge_is_held_to_the_rules_too(shipped):
    text = shipped.say("zorgtoeslag.warm.1", "nl")

    found = findings(text, language="nl", kind=Kind.NUDGE, book=shipped.book, choices={Choice.MORE})

    assert {finding.rule for finding in found} == {"X5", "X6"}


def test_every_rule_in_the_file_has_an_example():
    document = tomllib.loads((data("messages") / "plain.toml").read_text(encoding="utf-8"))

    assert [rule["id"] for rule in document["rule"] if not rule.get("catches")] == []
