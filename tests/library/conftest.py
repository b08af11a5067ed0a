"""A library on a real database over files of its own, and the world that speaks from it."""

import shutil

import pytest

from bot import library
from bot.wording import data
from tests.world import World


class Shop(World):
    """The world with its texts in a folder that can be edited like a deployment does."""

    def __init__(self, sessions, wording, vault, root):
        super().__init__(sessions, wording, vault)
        self.root = root
        self.restart()

    def restart(self):
        """A new process, which reads the files anew."""
        self.shelf = library.Shelf(messages=self.root / "messages", locale=self.root / "locale")
        self.journey.shelf = self.shelf
        with self.sessions() as session:
            self.journey.wording = self.wording = self.shelf.fresh(session)

    @property
    def files(self):
        return self.shelf.files

    def text(self, path):
        with self.sessions() as session:
            return library.in_force(session, self.files).get(path)

    def deploy(self, path, old, new):
        file = self.root / library.place(path)
        content = file.read_text(encoding="utf-8")
        assert old in content
        file.write_text(content.replace(old, new, 1), encoding="utf-8")
        self.restart()

    def changed(self, path, old, new):
        text = self.text(path)
        assert old in text, (path, old)
        return {path: text.replace(old, new, 1)}

    def propose(self, texts, *, by="eva", why="Het leest zo beter.", **more):
        with self.sessions.begin() as session:
            return library.propose(session, self.files, texts, why=why, by=by, now=self.now, **more).id

    def record(self, texts, *, by="eva", why="Vandaag nagekeken."):
        with self.sessions.begin() as session:
            return library.record(session, self.files, texts, why=why, by=by, now=self.now).id

    def judge(self, proposal):
        with self.sessions() as session:
            return library.judge(session, self.files, proposal, now=self.now)

    def approve(self, proposal, *, by="sam"):
        with self.sessions.begin() as session:
            library.approve(session, self.files, proposal, by=by, now=self.now)
        assert self.journey.take_up()
        self.wording = self.journey.wording


@pytest.fixture(scope="session")
def shop_files(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for name in ("messages", "locale"):
        shutil.copytree(str(data(name)), root / name)
    return root


@pytest.fixture
def shop(sessions, wording, vault, shop_files, tmp_path):
    root = tmp_path / "here"
    shutil.copytree(shop_files, root)
    return Shop(sessions, wording, vault, root)
