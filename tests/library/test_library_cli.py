"""`handreiking texts`: proposals and files at the command line, and every other command says what is in force."""

import shutil
import sys

import pytest

from bot import cli
from bot.store import schema

PATH = "messages/services/zorgtoeslag.toml"
NEED = "het vaakst gaat het om kleine bedragen en zelfstandigen."


@pytest.fixture
def handreiking(monkeypatch, capsys, tmp_path, sqlite_template):
    shutil.copy(sqlite_template, tmp_path / "handreiking.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'handreiking.db'}")
    assert len(set(schema.shape(schema.open_engine(f"sqlite:///{tmp_path / 'handreiking.db'}")))) == 1

    def typed(*arguments):
        monkeypatch.setattr(sys, "argv", ["handreiking", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return typed


def test_texts_go_out_as_files_and_come_back_as_a_proposal_that_somebody_else_approves(handreiking, tmp_path):
    assert handreiking("texts", "export", tmp_path / "out", "--by", "ada")[0] == 0
    file = tmp_path / "out" / PATH
    file.write_text(file.read_text(encoding="utf-8").replace(NEED, "anders."), encoding="utf-8")

    code, said, _ = handreiking("texts", "import", tmp_path / "out", "--why", "Klopt beter.", "--by", "eva")
    assert (code, PATH in said) == (0, True)
    assert "Klopt beter." in handreiking("texts", "list")[1]
    own, _, why = handreiking("texts", "approve", "1", "--by", "eva")
    assert (own, "Somebody else" in why) == (1, True)
    assert handreiking("card", "show", "zorgtoeslag")[1].count("anders.") == 0
    assert handreiking("texts", "approve", "1", "--by", "sam")[0] == 0

    assert "anders." in handreiking("card", "show", "zorgtoeslag")[1]
    again, _, why = handreiking("texts", "import", tmp_path / "out", "--why", "Nog eens.", "--by", "eva")
    assert (again, "nothing to propose" in why) == (1, True)
    assert "1 file is not as this version" in handreiking("texts", "export", tmp_path / "two", "--by", "ada")[1]
    assert handreiking("texts", "keep", "services/zorgtoeslag.toml", "--by", "sam")[0] == 1
    assert handreiking("texts", "take", "services/zorgtoeslag.toml", "--by", "eva")[0] == 0
    assert handreiking("texts", "return", "2", "--because", "Toch niet.", "--by", "sam")[0] == 0
    assert "anders." in handreiking("card", "show", "zorgtoeslag")[1]


def test_what_is_wrong_with_a_folder_is_told_and_nothing_is_proposed(handreiking, tmp_path):
    handreiking("texts", "export", tmp_path / "out", "--by", "ada")
    file = tmp_path / "out" / PATH
    file.write_text(
        file.read_text(encoding="utf-8").replace('sensitivity = "S1"', 'sensitivity = "S9"'), encoding="utf-8"
    )

    code, _, why = handreiking("texts", "import", tmp_path / "out", "--why", "Anders.", "--by", "eva")

    assert (code, "sensitivity" in why) == (1, True)
    assert "Nothing waits" in handreiking("texts", "list")[1]
    assert handreiking("texts", "import", tmp_path, "--why", "x", "--reader", "en", "--by", "eva")[0] == 1
