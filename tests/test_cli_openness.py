"""Plans of analysis and the algorithm register, as somebody types them."""

import json
import os

import pytest
from sqlmodel import Session

from bot.store import schema
from bot.store.tables import NoteRow
from bot.wording import data
from tests.test_cli import _logging_as_it_was, _no_settings, handreiking, keys, municipality  # noqa: F401 - fixtures
from tests.world import TUESDAY_TEN

TRIAL = "zorgtoeslag-trial"


@pytest.fixture
def trial(municipality, tmp_path):  # noqa: F811
    """A campaign that draws whether to write."""
    municipality("migrate")
    text = (data("messages") / "campaigns" / "zorgtoeslag-deadline.toml").read_text(encoding="utf-8")
    text = text.replace('id = "zorgtoeslag-deadline"', f'id = "{TRIAL}"').replace('"fixed"', '"trial"')
    (tmp_path / "trial.toml").write_text(text, encoding="utf-8")
    code, _, complaint = municipality("campaign", "add", tmp_path / "trial.toml", "--by", "eva")
    assert code == 0, complaint
    return municipality


def test_a_plan_is_shown_chosen_and_frozen(trial):
    code, shown, _ = trial("plan", TRIAL)
    assert code == 0
    assert "This is a draft: nothing is registered yet." in shown

    code, frozen, _ = trial("plan", TRIAL, "--set", "tone=unwelcome", "--freeze", "--by", "rik", "--json")

    assert code == 0
    made = json.loads(frozen)
    assert (made["version"], made["by"]) == (1, "rik")
    assert made["plan"]["estimands"]["primary"][1]["id"].startswith("tone.unwelcome.")
    code, again, _ = trial("plan", TRIAL, "--version", 1)
    assert (code, made["hash"] in again) == (0, True)
    code, _, complaint = trial("plan", TRIAL, "--freeze", "--by", "rik")
    assert (code, "Version 1 says the same" in complaint) == (1, True)


def test_what_cannot_be_chosen_is_told(trial):
    code, _, complaint = trial("plan", TRIAL, "--set", "alpha=0.9", "--set", "send=welcome", "--by", "rik")
    assert code == 1
    assert "alpha" in complaint
    code, _, complaint = trial("plan", TRIAL, "--set", "alpha", "--by", "rik")
    assert (code, "--set alpha: write NAME=VALUE" in complaint) == (1, True)
    code, _, complaint = trial("plan", TRIAL, "--version", 7)
    assert (code, "has no plan of version 7" in complaint) == (1, True)


def test_the_register_is_shown_and_published(municipality):  # noqa: F811
    municipality("migrate")
    code, shown, _ = municipality("register")
    assert code == 0
    assert "naam: Afstemmen van toon" in shown
    assert "Nothing is published yet" in shown

    code, said, _ = municipality("register", "--publish", "--by", "ada")

    assert (code, "Entry 1 is published" in said) == (0, True)
    assert "This is what is published." in municipality("register")[1]
    code, taken, _ = municipality("register", "--json")
    assert json.loads(taken)["schema_versie"] == "1.0.0"
    code, _, complaint = municipality("register", "--publish", "--by", "ada")
    assert (code, "says exactly this already" in complaint) == (1, True)


def test_a_note_is_drafted_and_agreed_to_by_two(municipality):  # noqa: F811
    municipality("migrate")
    code, _, complaint = municipality("note", "draft", "2020-01", "--by", "eva")
    assert (code, "There is nothing to tell about 2020-01" in complaint) == (1, True)
    assert municipality("note", "list")[1] == "There are no notes.\n"
    engine = schema.open_engine(os.environ["HANDREIKING_DATABASE_URL"])
    lines = [{"key": key, "params": {"count": 12}, "told": True} for key in ("too_often", "welcome")]
    with Session(engine) as session, session.begin():
        session.add(NoteRow(month="2020-01", lines=lines, additions={}, written_by=["eva"], written_at=TUESDAY_TEN))
    engine.dispose()

    code, shown, _ = municipality(
        "note", "edit", "2020-01", "--keep", "too_often", "--add", "nl=Dank u.", "--by", "eva"
    )
    assert (code, "welcome (left out)" in shown, "Verder: Dank u." in shown) == (0, True, True)
    municipality("note", "offer", "2020-01", "--by", "eva")
    assert municipality("note", "return", "2020-01", "--because", "too long", "--by", "sam")[0] == 0
    assert municipality("note", "show", "2020-01")[1].startswith("sam sent it back: too long\n")
    code, offered, _ = municipality("note", "offer", "2020-01", "--by", "eva")
    seen = offered.split()[-1]
    code, _, complaint = municipality("note", "agree", "2020-01", "--seen", seen, "--by", "eva")
    assert (code, "eva wrote at the note" in complaint) == (1, True)
    assert municipality("note", "agree", "2020-01", "--seen", "000000000000", "--by", "sam")[0] == 1
    assert municipality("note", "agree", "2020-01", "--seen", seen, "--by", "sam")[0] == 0
    assert json.loads(municipality("note", "show", "2020-01", "--json")[1])["agreed_by"] == "sam"
    assert municipality("note", "take-back", "2020-01", "--because", "a mistake", "--by", "sam")[0] == 0
    [row] = json.loads(municipality("note", "list", "--json")[1])
    assert row["why_not"] == "a mistake"
