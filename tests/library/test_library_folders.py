"""The texts in force as files, and back: nothing is lost, and nothing that nobody changed is touched."""

import pytest

from bot import library
from bot.errors import FaultsError, RefusedError
from bot.wording import data

CARD = "services/zorgtoeslag.toml"
NEED = "het vaakst gaat het om kleine bedragen en zelfstandigen."


def everything(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def written(shop, directory):
    with shop.sessions() as session:
        return library.write(session, shop.files, directory)


def differs(shop, directory):
    with shop.sessions() as session:
        return library.differences(session, shop.files, directory)


def test_what_nobody_changed_is_exported_byte_for_byte(shop, tmp_path):
    assert written(shop, tmp_path / "out") == []

    out = everything(tmp_path / "out")
    for name in ("messages", "locale"):
        for file in library.files.below(data(name), f"{name}/"):
            assert out.pop(file[0]) == file[1].read_bytes()
    assert out == {}
    assert differs(shop, tmp_path / "out") == ({}, [])


def test_what_was_approved_is_exported_and_comes_back_to_another_place_without_loss(shop, tmp_path):
    shop.approve(shop.propose(shop.changed(CARD, NEED, "Wat “wij” weten: 100%\\n.")))
    assert written(shop, tmp_path / "out") == [CARD]
    assert differs(shop, tmp_path / "out") == ({}, [])

    before = everything(tmp_path / "out")
    with shop.sessions.begin() as session:
        library.take_file(session, shop.files, CARD, by="eva", now=shop.now)
    shop.approve(1 + 1)
    texts, left_out = differs(shop, tmp_path / "out")
    assert (texts.keys(), left_out) == ({CARD}, [])
    shop.approve(shop.propose(texts))
    written(shop, tmp_path / "again")
    assert everything(tmp_path / "again") == before


def test_a_file_that_was_taken_away_a_new_one_and_a_campaigns_file_are_told_apart(shop, tmp_path):
    written(shop, tmp_path / "out")
    messages = tmp_path / "out" / "messages"
    (messages / "nudges" / "mantelzorg.toml").unlink()
    (messages / "services" / "nieuw.toml").write_text("id = 1", encoding="utf-8")
    (messages / "campaigns" / "stadspas.toml").write_text("id = 1", encoding="utf-8")

    assert differs(shop, tmp_path / "out") == (
        {"nudges/mantelzorg.toml": None, "services/nieuw.toml": "id = 1"},
        ["messages/campaigns/stadspas.toml"],
    )


def test_only_an_empty_folder_is_written_to_and_only_a_folder_of_texts_is_read(shop, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(RefusedError):
        written(shop, tmp_path / "out")
    with pytest.raises(FaultsError, match="has no folder messages"):
        differs(shop, tmp_path / "out")
