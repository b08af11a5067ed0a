"""From an export alone to the primary estimands, as a researcher runs it: a process that knows the folder only."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot.core.facts import Learning
from bot.research import export
from bot.research.estimators.emee import emee
from bot.research.estimators.views import send_columns
from bot.store import schema
from bot.store.vault import Vault
from tests.world import KEY, World

ROOT = Path(__file__).parents[2]


def lived(sessions, wording, people=60, weeks=6):
    """A month and a half of a trial with even chances: some look for themselves, some say not now, many say nothing."""
    rng = random.Random(7)
    town = World(sessions, wording, Vault([Fernet.generate_key()], KEY))
    town.campaign(learning=Learning.TRIAL)
    chats = [str(number) for number in range(1_000, 1_000 + people)]
    town.agreed(*chats)
    heard: dict[str, int] = {}
    for week in range(weeks):
        if week % 3 == 0:
            town.signal(in_days=50)
        town.tick()
        town.later(days=1)
        for chat in chats:
            newest = max(town.phones[chat].shown, default=None)
            offered = newest is not None and any(
                "more" in (button.data or "") for button in town.phones[chat].shown[newest].buttons
            )
            if offered and heard.get(chat) != newest:
                heard[chat] = newest
                answer = rng.random()
                if answer < 0.5:
                    town.choose(chat, "more")
                elif answer < 0.6:
                    town.choose(chat, "not_now")
        town.later(days=6)
    town.later(days=20)
    return town


@pytest.fixture(scope="module")
def database(sqlite_template, tmp_path_factory):
    """One kind is enough: what is tested begins with files."""

    def fresh():
        path = tmp_path_factory.mktemp("researcher") / "town.db"
        shutil.copy(sqlite_template, path)
        engine = schema.open_engine(f"sqlite:///{path}")
        # Nothing here has to outlive a power cut.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        engines.append(engine)
        return sessionmaker(engine, class_=Session, expire_on_commit=False)

    engines = []
    yield fresh
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="module")
def exported(database, wording, tmp_path_factory):
    """The folder, and the same tables as frames."""
    town = lived(database(), wording)
    folder = tmp_path_factory.mktemp("export") / "out"
    export.write(town.sessions, folder, wording=wording, key=b"k" * 32, now=town.now, by="onderzoeker")
    with town.sessions() as session:
        return folder, export.frames(session, b"k" * 32, town.now, wording=wording)


def run(folder, *more):
    command = [sys.executable, "-m", "tests.researcher", folder, *more]
    return subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


def test_from_the_export_alone_to_the_primary_estimands(exported, tmp_path):
    path, tables = exported
    ran = run(path, "--json", tmp_path / "results.json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "results.json").read_text())

    flow = found["flow"]
    assert flow["people in the export"] == 60
    assert flow["drawn"] == flow["written"] + flow["held"] > 100
    assert flow["decision points"] == flow["the gate refused"] + flow["settled, not drawn"] + flow["drawn"]
    assert found["fidelity"]["broken"] == found["fidelity"]["unsummed"] == 0

    send = tables["mrt_send"]
    direct = emee(**send_columns(send, controls=["f_dose", "f_rate"])).effects[0]
    assert found["send"]["log_ratio"] == pytest.approx(direct.estimate, abs=1e-9)
    assert found["send"]["lower"] == pytest.approx(np.exp(direct.lower))
    assert found["send"]["lower"] < found["send"]["ratio"] < found["send"]["upper"]
    assert found["tones"]
    assert all(one["p"] <= one["p_holm"] <= 1 for one in found["tones"].values())
    assert found["reward"]["lower"] < found["reward"]["estimate"] < found["reward"]["upper"]
    for said in ("## Flow", "## The lottery", "## Primary 1", "## Primary 2", "by Holm p"):
        assert said in ran.stdout


def test_too_little_to_say_anything_is_said(database, wording, tmp_path):
    town = lived(database(), wording, people=6, weeks=1)
    export.write(town.sessions, tmp_path / "out", wording=wording, key=b"k" * 32, now=town.now, by="onderzoeker")

    ran = run(tmp_path / "out")

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("not to be estimated from these data") == 3


def test_a_file_that_changed_on_the_way_is_not_analysed(exported, tmp_path):
    path = shutil.copytree(exported[0], tmp_path / "out")
    with (path / "mrt_send.csv").open("a") as file:
        file.write("\r\n")

    ran = run(path)

    assert ran.returncode == 1
    assert "mrt_send.csv is not the file that its description is about" in ran.stderr
