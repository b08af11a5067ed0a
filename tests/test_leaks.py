"""Nothing secret and nothing that somebody said is in logs, errors, exports or, readable, in the database."""

import io
import logging
import os
import subprocess
import sys

import aiohttp
import polars as pl
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlalchemy.exc import StatementError
from sqlmodel import select

from bot import mydata, settings
from bot.cli.log import formatter
from bot.research import export
from bot.sandbox import Drop, Fault
from bot.store import ledger
from bot.store.tables import AuditRow, InboxRow, metadata
from bot.store.vault import Vault
from bot.telegram import quiet_http
from tests.test_cli import ROOT
from tests.test_end_to_end import SOURCE, TOKEN, stage  # noqa: F401 - a fixture
from tests.world import TUESDAY_TEN, World

BRAM, CARLA = 7_311_223_344, 7_355_667_788
SEALING, FINDING = Fernet.generate_key(), b"a finding key that nobody may see"
WORDS = ("schuldenlast", "wanhoopsbrief", "Bramnaam", "Carlanaam")
PHONE = "612398745"
REFERENCE = "letter-ge4heim"


@pytest.fixture
def vault():
    return Vault([SEALING], FINDING)


@pytest.fixture
def logged():
    """Everything that any library logs at DEBUG, as `handreiking run` writes it and as it was handed over."""
    written, handed = io.StringIO(), []

    class Both(logging.StreamHandler):
        def emit(self, record):
            handed.append(f"{record.getMessage()} {vars(record)}")
            super().emit(record)

    handler = Both(written)
    handler.setFormatter(formatter("json", {}))
    root = logging.getLogger()
    before = {name: logging.getLogger(name).level for name in (None, "httpx", "httpcore", "aiohttp", "telegram")}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    quiet_http()
    yield lambda: written.getvalue() + "".join(handed)
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("stage", ["webhook"], indirect=True)
async def test_what_is_secret_stays_where_it_is_over_a_whole_history(stage, logged, sessions, wording, vault, tmp_path):  # noqa: F811
    code = World(sessions, wording, vault).code_for(REFERENCE)
    for user in (BRAM, CARLA):
        await stage.joins(user, "money")
    stage.sandbox.message(BRAM, f"/start {code}", first_name="Bramnaam")
    stage.sandbox.message(CARLA, "Ik heb een schuldenlast", first_name="Carlanaam")
    await stage.press(CARLA, "c.ask")
    await stage.press(CARLA, "c.phone")
    stage.sandbox.message(CARLA, f"+31{PHONE}")
    await stage.press(CARLA, "c.morning")
    await stage.says(CARLA, "contact.noted") if wording.has("contact.noted") else None
    stage.sandbox.message(CARLA, "Kijk naar mijn wanhoopsbrief")
    for fault in (
        Fault(method="sendMessage", code=400, description=f"Bad Request: no rights in {BRAM}"),
        Fault(method="sendMessage", drop=Drop.AFTER),
    ):
        stage.sandbox.fault(fault)
    await stage.signal("nl.kalenders.aanvraagtermijn-nadert.v1", kaart="zorgtoeslag", uiterlijk="2026-12-31")
    async with aiohttp.ClientSession() as client:
        for key, body in ((stage.key, f'{{"schuldenlast": "{PHONE}"'), (f"{stage.key}x", "[]")):
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents+json"}
            async with client.post(stage.signals_url, data=body, headers=headers) as answer:
                assert answer.status in {400, 401}
    await stage.until(lambda: _heard(sessions))
    await stage.until(lambda: "'outcome': 'sent'" in logged())

    with sessions.begin() as session:
        bram = ledger.citizen_by_chat(session, vault.fingerprint(f"chat:{BRAM}"))
        own = mydata.as_file(session, wording, vault, bram, stage.clock.now())
    town = World(sessions, wording, vault)
    town.agreed("7399000001", "7399000002", "7399000003")
    for user in (BRAM, CARLA):
        town.agrees(str(user))
    now = stage.clock.now()
    written = export.write(sessions, tmp_path / "export", wording=wording, key=b"r" * 32, now=now, by="eva")
    assert written.people == 5
    found = b"".join(file.read_bytes() for file in (tmp_path / "export").iterdir())
    parquet = (str(pl.read_parquet(file).to_dicts()) for file in (tmp_path / "export").glob("*.parquet"))
    exported = "".join((found.decode("utf-8", errors="replace"), *parquet))

    chats = [str(BRAM), str(CARLA)]
    keys = [TOKEN, TOKEN.split(":")[1], stage.key, SEALING.decode(), FINDING.decode(), FINDING.hex()]
    secrets = [*chats, *keys, *WORDS, PHONE, REFERENCE, code]
    assert str(BRAM) in own
    for place, found in (("logs", logged()), ("export", exported), ("database", _dump(sessions))):
        assert len(found) > 1000, place
        assert [secret for secret in secrets if secret in found] == [], place
    assert [secret for secret in (str(CARLA), *WORDS, PHONE, *keys) if secret in own] == []


def _heard(sessions):
    with sessions() as session:
        return not session.exec(select(InboxRow).where(InboxRow.state == "new")).all()


def _dump(sessions):
    with sessions() as session:
        return "".join(str(row) for table in metadata.sorted_tables for row in session.execute(table.select()))


def test_an_error_of_the_database_quotes_nothing_of_anybody(engine):
    with pytest.raises(StatementError) as told, engine.begin() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": "mijn schuldenlast"})
    assert "schuldenlast" not in str(told.value)
    row = {"id": 1, "at": TUESDAY_TEN, "who": "x", "action": "y", "subject": "z", "detail": {}}
    with pytest.raises(StatementError) as told, engine.begin() as connection:
        connection.execute(AuditRow.__table__.insert(), [row, row | {"subject": "mijn schuldenlast"}])
    assert "schuldenlast" not in str(told.value)


def test_a_mistake_of_ours_at_the_command_line_is_told_without_its_words(tmp_path):
    program = (
        "import sys; from bot import cli; sys.argv = ['handreiking', 'version']\n"
        "def say(_): raise LookupError('mijn schuldenlast') from ValueError('wanhoopsbrief')\n"
        "cli.say = say; cli.main()"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert "LookupError" in ran.stderr
    assert "ValueError" in ran.stderr
    assert "in version" in ran.stderr
    assert "mijn schuldenlast" not in ran.stderr + ran.stdout
    assert "wanhoopsbrief" not in ran.stderr


def test_neither_settings_nor_their_faults_show_a_secret(monkeypatch):
    for name in list(os.environ):
        if name.startswith("HANDREIKING_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HANDREIKING_TOKEN", "1:geheim-token")
    monkeypatch.setenv("HANDREIKING_KEYS", "geheime-sleutels")
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", "postgresql://bot:geheim-wachtwoord@localhost:1/x")
    known = settings.read()
    assert "geheim" not in f"{known!r} {known}"

    with pytest.raises(settings.SettingsError) as told:
        known.vault()
    assert "geheime-sleutels" not in str(told.value)
    ran = subprocess.run(
        [sys.executable, "-m", "bot", "migrate"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "cannot be reached" in ran.stderr
    assert "geheim" not in ran.stderr + ran.stdout
