"""`handreiking doctor` finds each thing that can be wrong, in situations where it really is."""

import json
import os
import shutil
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import cli
from bot.cli import parts
from bot.errors import UncertainError
from bot.operating import machine
from bot.settings import read_keys, write_keys
from bot.store import ledger, schema, vitals
from bot.store.tables import ContactRequestRow
from bot.store.vitals import Process
from bot.wording.check import faults
from bot.wording.languages import signature
from tests.test_cards import all_settled
from tests.world import TUESDAY_TEN, World

TOKEN = "4242:not-a-real-token"
WEEK = timedelta(days=7)


class Telegram:
    """A Bot API that answers what a test wants to hear."""

    def __init__(self):
        self.me = {"username": "example_bot", "can_join_groups": False, "can_read_all_group_messages": False}
        self.hook = {"url": "", "pending_update_count": 0}
        self.token, self.behind, self.broken = TOKEN, timedelta(0), False
        telegram = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self):
                known = self.path.startswith(f"/bot{telegram.token}/")
                told = telegram.me if self.path.endswith("/getMe") else telegram.hook
                body = json.dumps({"ok": known, "result": told} if known else {"ok": False}).encode()
                if telegram.broken:
                    body = b"<html>a proxy's own page</html>"
                self.send_response_only(200 if known else 401)
                self.send_header("Date", format_datetime(parts.now() - telegram.behind))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nobody listens."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def telegram():
    telegram = Telegram()
    yield telegram
    telegram.close()


@pytest.fixture(scope="module")
def checked():
    """What the check of the same texts said, so that it is not gone through again for each test."""
    known = {}

    def remembered(wording, frozen, today):
        key = id(wording), tuple(sorted(frozen.items())), today
        if key not in known:
            known[key] = wording, faults(wording, frozen, today)
        return known[key][1]

    return remembered


@pytest.fixture(scope="module")
def signed(wording):
    """Texts that a municipality made its own, with everything signed."""
    given = all_settled(wording, "zorgtoeslag")
    read = {"checked_by": "C. Jansen", "checked_on": TUESDAY_TEN.date()}
    checks = {
        code: entry.model_copy(update={**read, "signed": signature(given, code)})
        for code, entry in given.checks.items()
    }
    return replace(given, checks=checks)


@pytest.fixture
def settled(signed, checked, monkeypatch):
    monkeypatch.setattr("bot.wording.check.faults", checked)
    monkeypatch.setattr("bot.library.shelf.wording_of", lambda _: signed)
    return signed


class Patient:
    """A municipality where all is well, until a test breaks something. `world` acts; its clock is the real one."""

    def __init__(self, capsys, monkeypatch, world, engine, folder):
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.world, self.engine, self.folder = world, engine, folder
        self.at_work()

    def at_work(self, name="one", role="all", at=None, **worked):
        now = at or self.world.now
        duties = {"loop": 0, "tick": 0, "send": 0, "hear": 0, "poll": 0, "sent": 0} | worked
        with self.world.sessions.begin() as session:
            process = Process(
                name=name, role=role, at=now, since=now - WEEK,
                worked={duty: now - timedelta(seconds=s) for duty, s in duties.items() if s is not None},
            )  # fmt: skip
            vitals.at_work(session, process)

    def sql(self, statement, **values):
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def visit(self, *options):
        self._monkeypatch.setattr(sys, "argv", ["handreiking", "doctor", *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = self._capsys.readouterr()
        assert printed.err == ""
        return ended.value.code or 0, printed.out

    def found(self):
        """The exit code, and the findings by their check."""
        code, told = self.visit("--json")
        findings = json.loads(told)["findings"]
        for finding in findings:
            assert all(finding[part] for part in ("what", "why", "todo", "urgency")), finding
            assert TOKEN not in json.dumps(finding)
        return code, {finding["check"]: finding for finding in findings}

    def only(self, check):
        """The one thing that is wrong."""
        code, findings = self.found()
        assert list(findings) == [check], findings
        assert code == (0 if findings[check]["urgency"] == "know" else 1)
        return findings[check]


@pytest.fixture
def patient(capsys, monkeypatch, sessions, engine, database_url, settled, telegram, tmp_path):
    for name in list(os.environ):
        if name.startswith("HANDREIKING_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    write_keys(tmp_path / "keys.toml", b"the tests' own finding key, 32 b")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    if engine.dialect.name == "sqlite":
        Path(engine.url.database).chmod(0o600)
    for name, value in (
        ("DATABASE_URL", database_url),
        ("KEYS_FILE", tmp_path / "keys.toml"),
        ("TOKEN_FILE", tmp_path / "token"),
        ("API_ROOT", telegram.url),
    ):
        monkeypatch.setenv(f"HANDREIKING_{name}", str(value))
    world = World(sessions, settled, read_keys(tmp_path / "keys.toml"))
    monkeypatch.setattr(parts, "now", lambda: world.now)
    monkeypatch.setattr(machine, "LITTLE", 0)  # how full this disk is, is another test's
    if engine.dialect.name == "postgresql":
        # The server's clock is the real one, and the tests' Tuesday is not today.
        world.now = datetime.now(UTC)  # noqa: TID251 - a server reads no clock of ours
    return Patient(capsys, monkeypatch, world, engine, tmp_path)


def test_where_all_is_well_it_says_so_and_what_it_looked_at(patient):
    patient.world.joins("111", "money")
    patient.world.campaign(ends_on=patient.world.now.date() + timedelta(days=60))
    patient.world.journey.learn()
    code, told = patient.visit()

    assert (code, told.splitlines()[0]) == (0, "Nothing is wrong."), told
    for looked in ("settings", "token", "keys", "texts", "database", "processes", "queues", "campaigns", "Telegram"):
        assert looked in told


def test_the_most_urgent_comes_first_with_why_it_matters_and_what_to_do(patient):
    patient.world.journey.pause_nudges("a wrong number", who="sam")
    patient.sql("DELETE FROM mark WHERE name = 'alive:one'")
    _, told = patient.visit()

    assert [line for line in told.splitlines() if not line.startswith(" ")][:2] == ["NOW:", "SOON:"]
    assert told.index("No process is at work") < told.index("All nudges are held")
    assert "What to do:     Once the reason is gone: handreiking nudges resume" in told
    assert "2 to mend." in told


def test_settings_that_are_wrong_are_told_and_nothing_else_can_be_looked_at(patient, monkeypatch):
    monkeypatch.setenv("HANDREIKING_PORT", "0")
    monkeypatch.setenv("HANDREIKING_POTR", "1")
    code, findings = patient.found()

    assert (code, list(findings)) == (2, ["settings"])


def test_a_missing_token_and_keys_that_are_none(patient, monkeypatch):
    monkeypatch.delenv("HANDREIKING_TOKEN_FILE")
    (patient.folder / "keys.toml").write_text("sealing = 1")
    code, told = patient.visit()

    assert code == 1
    assert "set one of the two" in told
    assert "these are no keys" in told
    assert "Could not look at: Telegram." in told


@pytest.mark.parametrize("name", ["token", "keys.toml"])
def test_a_secret_that_every_account_can_read(patient, name):
    (patient.folder / name).chmod(0o644)

    assert f"chmod 600 {patient.folder / name}" in patient.only("secrets")["todo"]


def test_keys_of_another_database(patient):
    patient.world.joins("111")
    (patient.folder / "keys.toml").unlink()
    write_keys(patient.folder / "keys.toml", b"the tests' own finding key, 32 b")

    assert "do not open 2 of 2" in patient.only("seals")["what"]


def test_a_database_that_is_away(patient, monkeypatch):
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    code, findings = patient.found()

    assert code == 2
    assert "cannot be reached" in findings["database"]["what"]


def test_a_database_that_is_not_there_yet_and_is_not_made_by_looking(patient, monkeypatch):
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{patient.folder / 'none.db'}")
    assert patient.only("shape")["todo"] == "handreiking migrate"
    assert not (patient.folder / "none.db").exists()


def test_a_database_of_another_shape(patient):
    patient.sql("UPDATE alembic_version SET version_num = 'of old'")

    assert "shape of old" in patient.only("shape")["what"]


def is_sqlite(patient):
    return patient.engine.dialect.name == "sqlite"


@pytest.fixture
def path(patient):
    """The file of the database; a server's files are its own affair, and the doctor says nothing of them."""
    return Path(patient.engine.url.database if is_sqlite(patient) else patient.folder / "none")


def test_a_damaged_database_file(patient, path):
    if not is_sqlite(patient):
        assert patient.found() == (0, {})
        return
    patient.world.joins("111", "money")
    patient.engine.dispose()
    with path.open("r+b") as file:
        size = path.stat().st_size
        for page in range(5, size // 4096, 7):
            file.seek(page * 4096)
            file.write(b"\xff" * 512)
    code, findings = patient.found()

    assert code in {1, 2}
    assert "is damaged" in findings["integrity"]["what"]


def test_a_log_that_grows_because_somebody_reads_for_ever(patient, monkeypatch):
    monkeypatch.setattr(machine, "LONG_WAL", 1000)
    if not is_sqlite(patient):
        assert patient.found() == (0, {})
        return
    with patient.world.sessions() as reader:
        reader.connection(execution_options={schema.READS: True})
        reader.execute(text("SELECT count(*) FROM mark"))
        patient.world.joins("111", "money")

        assert "-wal has grown" in patient.only("wal")["what"]


def test_a_disk_that_is_nearly_full(patient, path, monkeypatch):
    monkeypatch.setattr(machine, "LITTLE", shutil.disk_usage(path.parent).free * 2)
    if not is_sqlite(patient):
        assert patient.found() == (0, {})
        return

    assert "MB are free" in patient.only("disk")["what"]
    assert [f.urgency.name for f in machine.of_disk(path, machine.HARDLY_ANY - 1)] == ["NOW"]


def test_a_clock_that_is_off(patient, telegram):
    telegram.behind = timedelta(seconds=100)
    finding = patient.only("clock")

    assert "s ahead of Telegram's" in finding["what"]
    assert finding["urgency"] == "soon"
    telegram.behind = -timedelta(minutes=20)
    assert patient.only("clock")["urgency"] == "now"


def test_a_database_server_whose_clock_is_another(patient):
    patient.world.now += timedelta(minutes=5)
    patient.at_work()
    if is_sqlite(patient):  # a file has no clock
        assert patient.found() == (0, {})
        return

    assert "ahead of the database server's" in patient.only("clock")["what"]


def test_a_token_that_telegram_does_not_take(patient, telegram):
    telegram.token = "1:revoked"

    assert "does not accept the token" in patient.only("token")["what"]


def test_a_telegram_that_cannot_be_reached_or_something_else_in_its_place(patient, telegram, monkeypatch):
    telegram.broken = True
    other = patient.only("telegram")
    monkeypatch.setenv("HANDREIKING_API_ROOT", "http://127.0.0.1:9")
    away = patient.only("telegram")

    assert "JSONDecodeError" in other["what"]
    assert "http://127.0.0.1:9 does not answer" in away["what"]


@pytest.mark.parametrize(
    ("field", "command"), [("can_join_groups", "/setjoingroups"), ("can_read_all_group_messages", "/setprivacy")]
)
def test_a_bot_that_could_read_along_in_groups(patient, telegram, field, command):
    telegram.me[field] = True

    assert command in patient.only("groups")["todo"]


def test_updates_that_go_elsewhere(patient, telegram, monkeypatch):
    telegram.hook["url"] = "https://elsewhere.example/telegram/updates"
    polls = patient.only("webhook")
    monkeypatch.setenv("HANDREIKING_PUBLIC_URL", "https://bot.example")
    other = patient.only("webhook")
    telegram.hook["url"] = ""
    none = patient.only("webhook")
    telegram.hook["url"] = "https://bot.example/telegram/updates"

    assert "no webhook" in polls["what"]
    assert "https://bot.example" in other["what"]
    assert "calls nobody" in none["what"]
    assert patient.found() == (0, {})


def test_a_webhook_that_fails_and_updates_that_pile_up(patient, telegram):
    failed_at = patient.world.now - timedelta(hours=1)
    telegram.hook |= {
        "pending_update_count": 101, "last_error_date": int(failed_at.timestamp()),
        "last_error_message": "Wrong response from the webhook: 502 Bad Gateway",
    }  # fmt: skip
    code, findings = patient.found()

    assert (code, set(findings)) == (1, {"pending", "webhook_errors"})
    assert "502 Bad Gateway" in findings["webhook_errors"]["what"]


def test_texts_that_are_not_in_order(patient, settled, monkeypatch):
    late = replace(settled, cards={**settled.cards, "stadspas": settled.cards["stadspas"].model_copy(
        update={"review_due": patient.world.now.date() - timedelta(days=1)})})  # fmt: skip
    monkeypatch.setattr("bot.library.shelf.wording_of", lambda _: late)

    assert "review_due" in patient.only("texts")["what"]


def test_a_campaign_whose_card_stands_in_the_way_and_one_whose_card_is_to_be_read_again(patient, settled, monkeypatch):
    campaign = patient.world.campaign(ends_on=patient.world.now.date() + timedelta(days=60))

    def with_card(**changes):
        cards = {**settled.cards, "zorgtoeslag": settled.cards["zorgtoeslag"].model_copy(update=changes)}
        monkeypatch.setattr("bot.library.shelf.wording_of", lambda _: replace(settled, cards=cards))
        return patient.found()[1]

    soon = with_card(review_due=patient.world.now.date() + timedelta(days=10))
    example = with_card(example=True)

    assert campaign in soon["review"]["what"]
    assert soon["review"]["urgency"] == "know"
    assert "example is true" in example["cards"]["what"]


def test_a_campaign_that_changed_after_its_approval(patient):
    campaign = patient.world.campaign(ends_on=patient.world.now.date() + timedelta(days=60))
    patient.sql("UPDATE campaign SET approved_hash = 'of other words' WHERE id = :id", id=campaign)

    assert "have it approved again" in patient.only("texts")["what"]


def test_translations_that_nobody_vouches_for(patient, settled, monkeypatch):
    spoken = replace(settled, checks={code: check for code, check in settled.checks.items() if code != "ar"})
    monkeypatch.setattr("bot.library.shelf.wording_of", lambda _: spoken)

    finding = patient.only("languages")
    assert finding["what"].endswith(": ar.")


def test_nobody_at_work_or_not_any_more(patient):
    patient.at_work(at=patient.world.now - timedelta(minutes=10))
    finding = patient.only("running")
    patient.sql("DELETE FROM mark WHERE name = 'alive:one'")
    never = patient.only("running")

    assert finding["since"] is not None
    assert never["since"] is None


def test_one_of_several_that_vanished_and_one_that_was_started_anew(patient):
    patient.at_work("two", "sender", at=patient.world.now - timedelta(minutes=10))
    vanished = patient.only("vanished")
    patient.at_work("three", "sender")

    assert "two in the role sender" in vanished["what"]
    assert patient.found() == (0, {})


@pytest.mark.parametrize(("duty", "seconds"), [("loop", 20), ("tick", 130), ("send", 70), ("hear", 70), ("poll", 190)])
def test_a_process_that_is_at_work_and_does_not_do_one_of_its_duties(patient, duty, seconds):
    patient.at_work(**{duty: seconds})

    assert patient.only(f"silent_{duty}")["since"] is not None


def test_messages_that_could_leave_and_do_not(patient):
    patient.world.joins("111")
    patient.sql("UPDATE message SET state = 'due', due_at = :at", at=patient.world.now - timedelta(hours=1))
    sending = patient.found()
    patient.at_work(sent=3000)

    assert sending == (0, {})
    assert "could leave and nothing was sent" in patient.only("due")["what"]


def test_updates_signals_and_offers_that_wait_too_long(patient):
    world = patient.world
    world.campaign(ends_on=world.now.date() + timedelta(days=60))
    world.joins("111", "money")
    world.journey.take_in([(5000, "{}")])
    world.signal()
    world.later(minutes=16)
    patient.at_work()
    _, waiting = patient.found()
    world.journey.plan()
    world.later(minutes=61)
    patient.at_work()
    _, planned = patient.found()

    assert {"updates", "signals"} <= waiting.keys()
    assert waiting["updates"]["urgency"] == "now"
    assert "offers" in planned
    assert "signals" not in planned


def test_updates_that_failed_for_good(patient):
    patient.world.journey.take_in([(5000, "{}")])
    for _ in range(5):
        patient.world.journey.fail(5000, "KeyError")

    assert "five times and are no longer tried: 1." in patient.only("dead_letters")["what"]


def test_messages_of_which_nobody_knows_whether_they_arrived(patient):
    patient.world.fails.append(UncertainError("?"))
    patient.world.say("111", "/start")

    few = patient.only("uncertain")
    patient.sql(
        "INSERT INTO message (key, citizen_id, purpose, state, due_at, created_at, closed_at) "
        "SELECT 'k' || m.n, c.id, 0, 'uncertain', c.created_at, c.created_at, c.created_at FROM citizen c, "
        "(SELECT 1 n" + "".join(f" UNION SELECT {n}" for n in range(2, 31)) + ") m"
    )
    many = patient.only("uncertain")
    patient.world.later(days=8)
    patient.at_work()

    assert (few["urgency"], many["urgency"]) == ("know", "soon")
    _, later = patient.found()
    assert "uncertain" not in later


def test_nudges_that_are_held_and_telegram_asking_for_quiet(patient):
    patient.world.journey.pause_nudges("5 nudges in a row were refused by the channel")
    held = patient.only("paused")
    patient.world.journey.resume_nudges(who="sam")
    with patient.world.sessions.begin() as session:
        until = patient.world.now + timedelta(seconds=40)
        ledger.set_mark(session, "pause", {"until": until.isoformat()}, patient.world.now)

    assert "by breaker: 5 nudges in a row were refused" in held["what"]
    assert patient.only("flood")["urgency"] == "know"


def test_promises_that_were_not_kept(patient):
    patient.world.joins("111")
    with patient.world.sessions.begin() as session:
        session.add(
            ContactRequestRow(
                id=1, citizen_id=patient.world.citizen("111").id, how="chat", daypart="any", language="nl",
                asked_at=patient.world.now, promised_by=patient.world.now.date() - timedelta(days=2), state="open",
            )
        )  # fmt: skip

    assert patient.only("promises")["todo"] == "handreiking contact list"


def test_a_policy_that_grew_old(patient):
    patient.world.journey.learn()
    patient.sql("UPDATE policy SET created_at = :at", at=patient.world.now - timedelta(days=15))

    assert "handreiking learn" in patient.only("policy")["todo"]


def test_a_ledger_that_does_not_answer(patient):
    patient.sql("ALTER TABLE message RENAME TO away")
    code, findings = patient.found()

    assert (code, list(findings)) == (2, ["ledger"])
