"""Single values changed in files that stay as people wrote them."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import library
from bot.core.facts import Tone
from bot.library import editing
from bot.wording.update import languages, template, updated_file

CARD = "services/stadspas.toml"
DAY = date(2026, 11, 24)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files():
    return library.shipped()


@pytest.fixture(scope="module")
def said(files):
    return library.wording_of(files)


def lines(text):
    return set(text.splitlines())


def test_every_text_can_be_found_and_put_back_as_it_is_without_changing_a_byte(files, said):
    for key, source in said.sources.items():
        if source.plural is not None:
            continue
        found, steps = editing._found(files, key)
        assert editing.with_values(files[found.file], {steps: "anders"}) != files[found.file]
        value = tomllib.loads(files[found.file])
        for step in steps:
            value = value[step]
        assert value.strip() == source.text


@pytest.mark.parametrize("key", ["card.stadspas.plain", "later.ask", "municipality.team", "theme.money", "button.more"])
def test_a_text_with_the_translations_it_had_changes_one_line_and_the_catalogues_as_the_tool_does(files, said, key):
    now = {language: editing.translation(said, key, language) for language in said.languages}
    assert editing.with_text(files, key, now) == {said.sources[key].file: files[said.sources[key].file]}

    fresh = editing.with_text(files, key, now | {"nl": "Misschien is dit iets.", "en": "Perhaps so."})
    changed = {**files, **fresh}
    wording = library.wording_of(changed)

    assert wording.sources[key].text == "Misschien is dit iets."
    assert wording.forms(key, "en") == ("Perhaps so.",)
    assert wording.forms(key, "ar") == said.forms(key, "ar")
    assert all(
        wording.forms(other, language) == said.forms(other, language)
        for language in said.languages
        for other in said.sources
        if other != key
    )


def test_catalogues_stand_in_the_order_in_which_the_maintainers_tool_writes_them(files, said, tmp_path):
    now = {language: editing.translation(said, "stadspas.warm.1", language) for language in said.languages}
    key, fresh = editing.with_wording(files, "stadspas", Tone.WARM, now, DAY)
    assert key == "stadspas.warm.2"
    for path, text in {**files, **fresh}.items():
        file = tmp_path / library.place(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")

    wanted = template(tmp_path)
    for language in languages(tmp_path):
        file = tmp_path / library.place(f"locale/{language}.po")
        assert updated_file(file, language, wanted) == file.read_text(encoding="utf-8")
    wording = library.wording_of({**files, **fresh})
    assert wording.variants[key].languages == said.variants["stadspas.warm.1"].languages


def test_values_change_alone_and_new_ones_stand_where_they_belong(files):
    text = editing.with_values(
        files[CARD],
        {
            "official_page.checked_on": DAY,
            "valid_until": date(2027, 6, 1),
            "status": "suspended",
            "owner": 'De "balie"',
        },
    )

    card = tomllib.loads(text)
    assert card["official_page"]["checked_on"] == DAY
    assert (card["valid_until"], card["status"], card["owner"]) == (date(2027, 6, 1), "suspended", 'De "balie"')
    assert len(lines(text) ^ lines(files[CARD])) == 6
    assert editing.with_values(text, {"valid_until": None}).count("valid_until") == files[CARD].count("valid_until")


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\n\t\"'\\{}#="), min_size=1)


@given(TEXTS.filter(str.strip))
def test_whatever_somebody_types_is_what_the_file_says(files, typed):
    text = editing.with_values(files[CARD], {"body": editing._tidied(typed)})
    before, after = tomllib.loads(files[CARD]), tomllib.loads(text)
    assert after["body"].strip("\n") == editing._tidied(typed).strip("\n")
    assert before | {"body": ""} == after | {"body": ""}
