"""The commands, as somebody types them."""

import asyncio
import csv
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from bot import __version__, cli
from bot.sandbox import MovableClock, Sandbox, start
from bot.store import provenance, schema
from bot.store.tables import AuditRow, ContactRequestRow, FrozenRow, MessageRow
from bot.wording import data
from tests.test_cards import all_settled
from tests.world import TUESDAY_TEN, World

ROOT = Path(__file__).parents[1]
SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:kalender"
DEADLINE = "nl.kalenders.aanvraagtermijn-nadert.v1"
TOKEN = "4242:not-a-real-token"
PATIENCE_S = 120  # until a process has said its first words, on a machine with much else to do


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("HANDREIKING_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    loggers = [logging.getLogger(name) for name in (None, "bot", "httpx", "httpcore", "aiohttp", "telegram")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    hooks = sys.excepthook, threading.excepthook, logging.raiseExceptions
    yield
    sys.excepthook, threading.excepthook, logging.raiseExceptions = hooks
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def handreiking(monkeypatch, capsys):
    """Type a command; gives its exit code, what it printed, and what it complained about."""

    def typed(*arguments):
        monkeypatch.setattr(sys, "argv", ["handreiking", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return typed


@pytest.fixture
def keys(handreiking, monkeypatch, tmp_path):
    handreiking("keys", "new", tmp_path / "keys.toml")
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(tmp_path / "keys.toml"))


@pytest.fixture
def municipality(handreiking, keys, monkeypatch, database_url):
    """A migrated database and keys: everything but a token."""
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", database_url)
    return handreiking


def campaign_file(name="zorgtoeslag-deadline"):
    return data("messages") / "campaigns" / f"{name}.toml"


def started(municipality):
    municipality("campaign", "add", campaign_file(), "--by", "eva")
    municipality("campaign", "approve", "zorgtoeslag-deadline", "--by", "sam")
    return municipality("campaign", "start", "zorgtoeslag-deadline", "--by", "eva")


# About itself.


def test_version_says_which_version_this_is(handreiking):
    assert handreiking("version") == (0, f"handreiking {__version__}\n", "")


def test_python_m_bot_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "bot", "version"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, f"handreiking {__version__}\n")


def test_version_is_quick_because_it_loads_nothing_that_it_does_not_need():
    program = (
        "import sys; from bot import cli; print([n for n in ('telegram', 'scipy', 'sqlmodel') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


# Whether all is in order.


def test_check_finds_the_shipped_texts_in_order_and_makes_no_file(handreiking, tmp_path):
    assert handreiking("check") == (0, "in order\n", "")
    assert list(tmp_path.iterdir()) == []


def test_check_tells_every_fault_at_once_and_fails(handreiking, monkeypatch, tmp_path):
    monkeypatch.setenv("HANDREIKING_PORT", "0")
    monkeypatch.setenv("HANDREIKING_POTR", "8080")

    code, told, _ = handreiking("check")
    again, as_json, _ = handreiking("check", "--json")

    assert (code, again) == (1, 1)
    assert "HANDREIKING_PORT" in told
    assert "HANDREIKING_POTR is not a setting" in told
    assert told.endswith("2 faults\n")
    assert len(json.loads(as_json)["faults"]["settings"]) == 2


def test_check_tells_what_is_wrong_with_a_token_and_with_keys_that_are_set(handreiking, monkeypatch, tmp_path):
    monkeypatch.setenv("HANDREIKING_TOKEN", TOKEN)
    monkeypatch.setenv("HANDREIKING_TOKEN_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(tmp_path / "nor-these"))

    code, told, _ = handreiking("check")

    assert code == 1
    assert "set one of the two" in told
    assert "nor-these cannot be read" in told
    assert TOKEN not in told


def test_check_notices_words_that_changed_after_they_were_sent(municipality, sessions):
    with sessions.begin() as session:
        session.add(
            FrozenRow(variant="zorgtoeslag.warm.1", language="nl", wording_hash="0" * 64, first_sent_at=TUESDAY_TEN)
        )

    code, told, _ = municipality("check")

    assert code == 1
    assert "zorgtoeslag.warm.1 (nl) was sent once" in told


def test_check_notices_a_running_campaign_whose_approval_is_void(municipality, sessions, engine):
    started(municipality)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE campaign SET approved_hash = 'of other words'")

    code, told, _ = municipality("check")

    assert code == 1
    assert "zorgtoeslag-deadline: its card or wordings changed since it was approved" in told


# Keys and the database.


def test_new_keys_are_for_their_owner_only_and_never_written_over(handreiking, tmp_path):
    made, _, _ = handreiking("keys", "new", tmp_path / "keys.toml")
    written = (tmp_path / "keys.toml").read_text(encoding="utf-8")
    refused, _, why = handreiking("keys", "new", tmp_path / "keys.toml")

    assert (made, refused) == (0, 1)
    assert "is there already" in why
    assert (tmp_path / "keys.toml").read_text(encoding="utf-8") == written
    assert stat.S_IMODE((tmp_path / "keys.toml").stat().st_mode) == 0o600


def test_a_database_that_is_not_there_is_not_made_by_looking(handreiking, tmp_path):
    code, _, why = handreiking("campaign", "list")

    assert code == 1
    assert why == "The database is not there yet. Run `handreiking migrate` first.\n"
    assert list(tmp_path.iterdir()) == []


def test_migrate_makes_the_database_and_then_leaves_it(handreiking):
    first, made, _ = handreiking("migrate")
    second, left, _ = handreiking("migrate")

    assert (first, second) == (0, 0)
    assert "now has shape" in made
    assert "already" in left


@pytest.mark.parametrize("address", ["nonsense", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(handreiking, monkeypatch, address):
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", address)

    code, _, why = handreiking("campaign", "list")

    assert code == 2
    assert why.startswith("HANDREIKING_DATABASE_URL")
    assert "Traceback" not in why


# Campaigns.


def test_a_campaign_is_approved_by_somebody_else_and_then_runs(municipality):
    code, said, _ = municipality("campaign", "add", campaign_file(), "--by", "eva")
    own, _, why = municipality("campaign", "approve", "zorgtoeslag-deadline", "--by", "Eva")
    other, _, _ = municipality("campaign", "approve", "zorgtoeslag-deadline", "--by", "sam")
    begun, _, _ = municipality("campaign", "start", "zorgtoeslag-deadline", "--by", "eva")
    _, listed, _ = municipality("campaign", "list", "--json")

    assert (code, said) == (0, "zorgtoeslag-deadline is draft.\n")
    assert own == 1
    assert "Somebody who did not must approve it" in why
    assert (other, begun) == (0, 0)
    [row] = json.loads(listed)
    assert (row["state"], row["edited_by"], row["approved_by"]) == ("running", ["eva"], "sam")


def test_a_campaign_is_paused_for_a_reason_and_stopped_for_good(municipality):
    started(municipality)

    paused, _, _ = municipality(
        "campaign", "pause", "zorgtoeslag-deadline", "--because", "de site is stuk", "--by", "eva"
    )
    _, listed, _ = municipality("campaign", "list")
    stopped, said, _ = municipality("campaign", "stop", "zorgtoeslag-deadline", "--by", "eva")
    again, _, why = municipality("campaign", "start", "zorgtoeslag-deadline", "--by", "eva")

    assert (paused, stopped, again) == (0, 0, 1)
    assert "de site is stuk" in listed
    assert said == "zorgtoeslag-deadline is stopped.\n"
    assert "is stopped" in why


def test_a_campaign_file_with_faults_is_refused_with_all_of_them(municipality, tmp_path):
    text = campaign_file().read_text(encoding="utf-8").replace('card = "zorgtoeslag"', 'card = "zorgtoeslagg"')
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")

    code, said, why = municipality("campaign", "add", tmp_path / "wrong.toml", "--by", "eva")

    assert (code, said) == (1, "")
    assert "zorgtoeslagg" in why


# Signals.


@pytest.fixture
def calendar(municipality):
    municipality("source", "add", SOURCE, "--type", DEADLINE, "--by", "eva")
    return municipality


def test_a_source_gets_another_key_and_the_old_one_goes_out_of_use(municipality, sessions):
    municipality("source", "add", SOURCE, "--type", DEADLINE, "--by", "eva")
    code, said, _ = municipality("source", "rotate", SOURCE, "--old-works-for", "2", "--json", "--by", "sam")
    _, listed, _ = municipality("source", "list", "--json")

    made = json.loads(said)
    assert code == 0
    assert made["key"].startswith("hr_")
    assert made["old_works_for_hours"] == 2
    assert json.loads(listed)[0]["old_key_until"] is not None
    assert made["key"] not in listed
    with sessions() as session:
        assert [row.who for row in session.exec(select(AuditRow).where(AuditRow.action == "source.rotate"))] == ["sam"]


def test_a_source_gets_its_key_once_and_loses_it_at_a_word(municipality):
    _, made, _ = municipality("source", "add", SOURCE, "--type", DEADLINE, "--json", "--by", "eva")
    _, listed, _ = municipality("source", "list")
    revoked, _, _ = municipality("source", "revoke", SOURCE, "--by", "eva")
    code, _, why = municipality("signal", "send", "--type", DEADLINE, "--source", SOURCE)

    key = json.loads(made)["key"]
    assert key not in listed
    assert SOURCE in listed
    assert (revoked, code) == (0, 1)
    assert "is not a source that may hand in signals" in why


def test_a_signal_is_taken_in_once(calendar):
    signal = ("signal", "send", "--type", DEADLINE, "--source", SOURCE, "--id", "s-1", "--deadline", "2027-01-05")

    first = calendar(*signal)
    second = calendar(*signal)

    assert first[0] == second[0] == 0
    assert first[1].endswith("taken in\n")
    assert second[1].endswith("was known already\n")


def test_a_batch_of_cloudevents_comes_from_a_file(calendar, tmp_path):
    batch = [{"specversion": "1.0", "id": f"b-{n}", "source": SOURCE, "type": DEADLINE} for n in range(3)]
    (tmp_path / "batch.json").write_text(json.dumps(batch), encoding="utf-8")

    code, said, _ = calendar("signal", "send", tmp_path / "batch.json", "--json")

    assert code == 0
    assert [receipt["fresh"] for receipt in json.loads(said)] == [True, True, True]


def test_a_signal_that_is_not_fit_is_refused_with_each_attribute_and_its_mend(calendar, tmp_path):
    event = {"specversion": "1.0", "source": SOURCE, "type": "nl.iets-anders.v1", "data": {"bsn": "123456782"}}
    (tmp_path / "event.json").write_text(json.dumps(event), encoding="utf-8")

    code, said, why = calendar("signal", "send", tmp_path / "event.json")

    assert (code, said) == (1, "")
    assert all(name in why for name in ("id:", "type:", "data.bsn"))
    assert "123456782" not in why


def test_a_file_is_imported_again_without_a_second_effect_and_tells_every_refused_row(calendar, tmp_path):
    rows = [f"c-{n},{DEADLINE},2026-11-20T09:00:00Z" for n in range(1200)]
    rows[7] = "c-7,nonsense,2026-11-20T09:00:00Z"
    (tmp_path / "signals.csv").write_text("\n".join(["id,type,time", *rows]), encoding="utf-8")
    command = ("signal", "import", tmp_path / "signals.csv", "--source", SOURCE)

    code, first, _ = calendar(*command)
    _, second, _ = calendar(*command, "--report", tmp_path / "refused.csv", "--json")

    assert code == 1
    assert "row 9, type: nonsense" in first
    assert first.endswith("1199 taken in, 0 known already, 1 faults.\n")
    assert json.loads(second) == {"fresh": 0, "known": 1199, "refused": 1}
    with (tmp_path / "refused.csv").open(encoding="utf-8", newline="") as file:
        [refused] = csv.DictReader(file)
    assert (refused["row"], refused["column"], refused["value"]) == ("9", "type", "nonsense")


def test_a_file_that_is_no_utf_8_is_told_so(calendar, tmp_path):
    (tmp_path / "signals.csv").write_bytes(f"id,type,time\nc-1,{DEADLINE},\xe9\n".encode("latin-1"))

    code, _, why = calendar("signal", "import", tmp_path / "signals.csv", "--source", SOURCE)

    assert code == 1
    assert "is not UTF-8" in why


# People.


def test_a_code_is_printed_with_a_link_and_a_qr_code(municipality):
    code, said, _ = municipality("link", "new", "brief-2026-0042", "--bot", "voorbeeldstad_bot")

    assert code == 0
    assert "brief-2026-0042" in said
    assert "https://t.me/voorbeeldstad_bot?start=" in said
    assert "█" in said


def test_many_codes_are_made_at_once_each_for_a_reference_of_its_own(municipality):
    _, said, _ = municipality("link", "new", "--count", "20", "--bot", "b", "--json")
    refused, _, _ = municipality("link", "new", "ref-1", "--count", "2", "--bot", "b")

    made = json.loads(said)
    assert len({one["code"] for one in made}) == len({one["reference"] for one in made}) == 20
    assert refused == 1


def test_the_preview_counts_without_pointing_at_anybody(municipality, sessions, wording, tmp_path):
    from bot.mydata import code_of
    from bot.settings import read_keys

    town = World(sessions, wording, read_keys(tmp_path / "keys.toml"))
    for number in range(11):
        town.joins(f"yes{number}", "money")
    for number in range(2):
        town.joins(f"no{number}")
    started(municipality)
    municipality("campaign", "pause", "zorgtoeslag-deadline", "--because", "eerst kijken", "--by", "eva")

    code, said, _ = municipality("campaign", "preview", "zorgtoeslag-deadline")
    _, raw, _ = municipality("campaign", "preview", "zorgtoeslag-deadline", "--on", "2027-12-01", "--json")
    refused = code_of(town.vault, town.citizen("no0").id)
    _, why, _ = municipality(
        "campaign", "preview", "zorgtoeslag-deadline", "--person", refused, "--json", "--by", "eva"
    )
    nobody, _, complaint = municipality("campaign", "preview", "no-such-campaign")

    assert code == 0
    assert "does not run at that moment" in said
    assert "Could be written to: 11 of about 20." in said
    assert "no_consent: fewer than 10" in said
    assert json.loads(raw)["reasons"] == {"card_not_in_force": 13}
    assert {name: json.loads(why)[name] for name in ("reason", "until")} == {"reason": "no_consent", "until": None}
    assert (nobody, "no-such-campaign" in complaint) == (1, True)
    with sessions() as session:
        [audited] = session.exec(select(AuditRow).where(AuditRow.action == "person.preview")).all()
    assert (audited.who, audited.detail) == ("eva", {"campaign": "zorgtoeslag-deadline"})


def test_who_asked_for_contact_is_listed_and_a_phone_number_only_on_request(municipality, sessions, wording, tmp_path):
    from bot.settings import read_keys

    vault = read_keys(tmp_path / "keys.toml")
    town = World(sessions, wording, vault)
    town.joins("111", "money")
    with sessions.begin() as session:
        session.add(
            ContactRequestRow(
                id=77, citizen_id=town.citizen("111").id, card="zorgtoeslag", how="phone", daypart="morning",
                phone_sealed=vault.seal("+31612345678"), language="nl", asked_at=TUESDAY_TEN,
                promised_by=datetime(2026, 11, 27, tzinfo=UTC).date(), state="open",
            )
        )  # fmt: skip

    _, listed, _ = municipality("contact", "list")
    _, shown, _ = municipality("contact", "list", "--show-phone", "--json", "--by", "eva")

    assert "2026-11-27" in listed
    assert "31612345678" not in listed
    assert json.loads(shown)[0]["phone"] == "+31612345678"
    with sessions() as session:
        [audited] = session.exec(select(AuditRow).where(AuditRow.action == "contact.phones")).all()
    assert (audited.who, audited.detail) == ("eva", {"requests": [77]})


def test_staff_answer_in_the_chat_and_close_the_talk(municipality, sessions, wording, tmp_path):
    from bot.settings import read_keys

    town = World(sessions, wording, read_keys(tmp_path / "keys.toml"))
    town.joins("111", "money")
    town.say("111", "hallo")
    for choice in ("ask", "chat", "chat.any"):
        town.choose("111", choice)
    town.say("111", "Over mijn brief")
    _, listed, _ = municipality("contact", "list", "--json")
    number = json.loads(listed)[0]["id"]

    code, _, _ = municipality("contact", "reply", number, "Welke brief?", "--name", "Sara", "--by", "sara")
    _, shown, _ = municipality("contact", "show", number, "--by", "sara")
    with sessions() as session:
        [queued] = session.exec(select(MessageRow).where(MessageRow.key == f"contact:{number}:2")).all()
        reply = town.vault.open(queued.body["sealed"])
    _, _, taken = municipality("contact", "show", number, "--by", "piet")
    _, mine, _ = municipality("contact", "list", "--json")
    municipality("contact", "give-back", number, "--by", "sara")
    _, free, _ = municipality("contact", "list", "--json")
    _, _, unknown = municipality("contact", "done", number, "--by", "sara", "--outcome", "fine")
    closed, _, _ = municipality("contact", "done", number, "--by", "sara", "--outcome", "helped")
    again, _, _ = municipality("contact", "reply", number, "Nog iets", "--name", "Sara")

    assert (code, closed, again) == (0, 0, 1)
    assert "sara was earlier" in taken
    assert [json.loads(listed)[0]["with"] for listed in (mine, free)] == ["sara", None]
    assert "use one of reached, helped, referred, not_reached" in unknown
    assert "Over mijn brief" in shown
    assert "Welke brief?" in reply
    assert "Sara" in reply
    assert "Welke brief?" not in json.dumps(queued.body)


def test_an_account_is_found_anew_and_a_lost_second_factor_is_taken_away(municipality, sessions, tmp_path):
    import pyotp

    from bot import staff
    from bot.settings import read_keys

    vault = read_keys(tmp_path / "keys.toml")
    municipality("staff", "add", "eva", "--name", "Eva", "--role", "editor", "--by", "ada")
    with sessions.begin() as session:
        staff.known_as(session, "eva").subject = "https://login.test s-1"
        secret = staff.factor.offer(session, vault, "eva", secret=pyotp.random_base32())
        code = pyotp.TOTP(secret).at(TUESDAY_TEN)
        staff.factor.confirm(session, vault, "eva", code, pick=min, now=TUESDAY_TEN)

    codes = [municipality("staff", *words, "--by", "ada")[0] for words in (
        ("unlink", "eva"), ("unlink", "eva"), ("reset-factor", "eva"), ("reset-factor", "eva"),
    )]  # fmt: skip

    assert codes == [0, 1, 0, 1]
    with sessions() as session:
        row = staff.known_as(session, "eva")
        said = [
            deed.action for deed in session.exec(select(AuditRow).where(AuditRow.who == "ada").order_by(AuditRow.id))
        ]
    assert (row.subject, row.totp_sealed, row.recovery) == (None, None, None)
    assert said == ["staff.add", "staff.unlink", "staff.second_factor_removed"]


def test_another_password_ends_the_sessions_that_the_one_before_opened(municipality, sessions):
    from bot import staff

    municipality("staff", "add", "eva", "--name", "Eva", "--role", "editor", "--by", "ada")
    with sessions.begin() as session:
        staff.open_session(session, staff.known_as(session, "eva"), "a token", TUESDAY_TEN)

    code, _, _ = municipality("staff", "password", "eva", "--password", "een zin die niemand raadt", "--by", "ada")

    assert code == 0
    with sessions() as session:
        assert staff.signed_in(session, "a token", TUESDAY_TEN) is None


def test_a_person_is_shown_exported_and_wiped_on_a_letter(municipality, sessions, wording, tmp_path):
    from bot.mydata import code_of
    from bot.settings import read_keys

    vault = read_keys(tmp_path / "keys.toml")
    town = World(sessions, wording, vault)
    town.joins("111", "money", code=town.code_for("letter-1"))
    code = code_of(vault, town.citizen("111").id)

    _, shown, _ = municipality("person", "show", code, "--by", "eva")
    municipality("person", "export", tmp_path / "kept.json", "--reference", "letter-1", "--by", "eva")
    refused, _, why = municipality("person", "erase", code, "--by", "eva")
    done, _, _ = municipality("person", "erase", code, "--by", "eva", "--yes")
    gone, _, _ = municipality("person", "show", code, "--by", "eva")

    assert json.loads(shown)["person"]["telegram_chat"] == "111"
    assert json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))["consent_receipts"]
    assert (refused, done, gone) == (1, 0, 1)
    assert "--yes" in why
    assert town.citizen("111").standing == "erased"
    with sessions() as session:
        actions = [row.action for row in session.exec(select(AuditRow)).all()]
    assert {"person.show", "person.export", "person.erase"} <= set(actions)


@pytest.mark.parametrize("action", ["show", "export", "erase"])
def test_while_somebody_is_looked_for_by_a_code_others_write(
    municipality, sessions, wording, tmp_path, monkeypatch, action
):
    from bot import mydata
    from bot.settings import read_keys

    town = World(sessions, wording, read_keys(tmp_path / "keys.toml"))
    town.joins("111", "money")
    number_of, waited = mydata._person_number, []
    code = mydata.code_of(town.vault, town.citizen("111").id)

    def slow(*given):
        if not waited:
            writer = threading.Thread(target=lambda: town.journey.lease("another", 1), daemon=True)
            writer.start()
            writer.join(10)
            waited.append(writer.is_alive())
        return number_of(*given)

    monkeypatch.setattr(mydata, "_person_number", slow)
    whom = [tmp_path / "kept.json", "--code", code] if action == "export" else [code]
    done, _, _ = municipality("person", action, *whom, "--by", "eva", *(["--yes"] if action == "erase" else []))

    assert (done, waited) == (0, [False])


@pytest.mark.parametrize("what", ["contact", "variant"])
def test_a_list_is_shown_while_somebody_writes(municipality, sessions, what):
    with sessions.begin() as session:
        session.execute(text("UPDATE mark SET name = name"))
        code, _, _ = municipality(what, "list", *(["--by", "eva"] if what == "contact" else []))

    assert code == 0


# Decisions, policies, research.


@pytest.fixture
def decided(municipality, sessions, wording, tmp_path):
    """A nudge that was decided on and left; gives the decision's id."""
    from bot.settings import read_keys

    town = World(sessions, wording, read_keys(tmp_path / "keys.toml"))
    town.campaign()
    town.joins("111", "money")
    town.agrees("111")
    town.agreed("112", "113", "114", "115")
    town.signal()
    town.tick()
    return town.decisions()[0].id


def test_a_decision_is_replayed_the_same(municipality, decided):
    code, said, _ = municipality("replay", decided)
    _, as_json, _ = municipality("replay", decided, "--json")

    assert code == 0
    assert said.endswith("It comes out the same.\n")
    again = json.loads(as_json)
    assert again["differences"] == []
    assert again["recorded"] == again["again"]
    assert again["recorded"]["plan"] == "send"


def test_a_decision_that_was_tampered_with_is_found_out(municipality, decided, engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE decision SET variant = 'zorgtoeslag.firm.9', p_send = 0.5")

    code, said, _ = municipality("replay", decided)

    assert code == 1
    assert "It comes out otherwise: variant, p_send." in said


def test_a_decision_that_does_not_exist_is_neither(municipality):
    assert municipality("replay", "none")[0] == 2


def test_learning_twice_from_the_same_gives_one_policy(municipality):
    first, second = municipality("learn", "--json"), municipality("learn")

    assert first[0] == second[0] == 0
    assert json.loads(first[1])["policy"]
    assert second[1].startswith("Policy ")


def test_an_export_names_its_files_and_is_refused_over_another(municipality, decided, tmp_path):
    code, said, _ = municipality("export", tmp_path / "out", "--by", "onderzoeker")
    again, _, why = municipality("export", tmp_path / "out", "--by", "onderzoeker")
    later, as_json, _ = municipality("export", tmp_path / "later", "--since", "2027-01-04", "--json")
    few, _, too_few = municipality("export", tmp_path / "counts", "--tier", "public")
    none, _, unknown = municipality("export", tmp_path / "counts", "--tier", "secret")

    assert (code, again, later, few, none) == (0, 1, 0, 1, 1)
    assert "decisions.csv: 5 rows" in said
    assert "is not empty" in why
    rows = {file["name"]: file["rows"] for file in json.loads(as_json)["files"]}
    assert (rows["decisions.csv"], rows["citizens.csv"]) == (0, 5)
    assert "from 10 people on" in too_few
    assert "There is no tier secret" in unknown


# Running.


def test_run_tells_all_that_is_missing_and_starts_nothing(handreiking, monkeypatch, tmp_path):
    handreiking("keys", "new", tmp_path / "keys.toml")
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(tmp_path / "keys.toml"))
    code, _, behind = handreiking("run", "--trial")
    handreiking("migrate")
    no_token, _, why = handreiking("run", "--trial")

    assert (code, no_token) == (1, 2)
    assert "handreiking migrate" in behind
    assert "HANDREIKING_TOKEN" in why


def test_run_refuses_examples_until_it_is_told_that_this_is_a_trial(municipality):
    started(municipality)

    code, _, why = municipality("run")

    assert code == 1
    assert "messages/municipality.toml: example is true" in why
    assert "messages/services/zorgtoeslag.toml: example is true" in why
    assert "messages/services/mantelzorg.toml" not in why
    assert "--trial" in why


def test_run_writes_to_nobody_about_an_unread_card_though_its_campaign_starts_later(municipality, monkeypatch, wording):
    unread = wording.cards["stadspas"].official_page
    settled = replace(all_settled(wording, "stadspas", official_page=unread), languages=("nl",))
    monkeypatch.setattr("bot.library.shelf.wording_of", lambda _: settled)
    monkeypatch.setenv("HANDREIKING_TOKEN", TOKEN)
    municipality("migrate")
    runs = []

    class Still:
        def __init__(self, *, journey, **_):
            runs.append({name: card.status for name, card in journey.wording.cards.items()})

        async def run(self, stop, *, ready):
            pass

    monkeypatch.setattr("bot.service.Service", Still)
    codes = [municipality("run")[0], municipality("run", "--trial")[0]]

    assert codes == [0, 0]
    assert [run["stadspas"] for run in runs] == ["draft", "published"]
    assert {run["zorgtoeslag"] for run in runs} == {"published"}


async def spawn(*arguments, cwd, **environment):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *map(str, arguments), cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def line_with(process, text):
    async with asyncio.timeout(PATIENCE_S):
        while line := (await process.stdout.readline()).decode():
            if text in line:
                return line
    raise AssertionError((await process.stderr.read()).decode())


async def ended(process):
    async with asyncio.timeout(PATIENCE_S):
        _, complaints = await process.communicate()
    return process.returncode, complaints.decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_run_answers_a_citizen_stops_when_told_and_never_logs_the_token(
    handreiking, tmp_path, monkeypatch, number
):
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(tmp_path / "keys.toml"))
    handreiking("keys", "new", tmp_path / "keys.toml")
    handreiking("migrate")
    welcomed = asyncio.Event()
    loop = asyncio.get_running_loop()
    clock = MovableClock(TUESDAY_TEN, loop.time)
    sandbox = Sandbox(
        token=TOKEN, clock=clock, observer=lambda method, *_: welcomed.set() if method == "sendMessage" else None
    )
    running = await start(sandbox)
    sandbox.start(111, first_name="Anna", language="nl")
    process = await spawn(
        "run", "--trial", cwd=tmp_path, HANDREIKING_TOKEN=TOKEN, HANDREIKING_API_ROOT=running.url,
        HANDREIKING_CONSOLE_PORT=str(free_port()),
        HANDREIKING_KEYS_FILE=str(tmp_path / "keys.toml"), HANDREIKING_PORT=str(free_port()),
        HANDREIKING_LOG_LEVEL="DEBUG",
    )  # fmt: skip

    said = await line_with(process, "is running")
    async with asyncio.timeout(PATIENCE_S):
        await welcomed.wait()
    process.send_signal(number)
    code, log = await ended(process)
    await running.stop()

    assert said.startswith("@")
    assert code == 0, log
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"ready", "hear", "stopped"} <= {line["event"] for line in lines}
    for line in lines:
        assert list(line)[:6] == ["time", "level", "event", "logger", "role", "owner"]
        assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0
        assert "left_out" not in line
    assert TOKEN not in log
    assert "Anna" not in log


async def test_run_on_an_old_copy_says_at_the_start_what_there_is_to_decide(handreiking, tmp_path, monkeypatch):
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(tmp_path / "keys.toml"))
    handreiking("keys", "new", tmp_path / "keys.toml")
    handreiking("migrate")
    handreiking("backup", tmp_path / "copy.db")
    running = await start(Sandbox(token=TOKEN, clock=MovableClock(TUESDAY_TEN, asyncio.get_running_loop().time)))
    process = await spawn(
        "run", "--trial", cwd=tmp_path, HANDREIKING_TOKEN=TOKEN, HANDREIKING_API_ROOT=running.url,
        HANDREIKING_CONSOLE_PORT=str(free_port()),
        HANDREIKING_KEYS_FILE=str(tmp_path / "keys.toml"), HANDREIKING_PORT=str(free_port()),
        HANDREIKING_DATABASE_URL=f"sqlite:///{tmp_path / 'copy.db'}",
    )  # fmt: skip

    await line_with(process, "is running")
    process.send_signal(signal.SIGINT)
    code, log = await ended(process)
    await running.stop()

    assert code == 0, log
    assert "is a copy that `handreiking backup` made" in log
    assert "--after-restore ask" in log


async def test_the_demo_names_its_pages_and_stops_cleanly_and_a_second_start_says_what_is_in_the_way(tmp_path):
    port = free_port()
    demo = await spawn("demo", "--dir", tmp_path / "demo", "--port", port, cwd=tmp_path)

    page = await line_with(demo, "/chat?user=")
    second = await ended(await spawn("demo", "--dir", tmp_path / "demo", "--port", port + 10, cwd=tmp_path))
    taken = await ended(await spawn("demo", "--dir", tmp_path / "other", "--port", port, cwd=tmp_path))
    demo.send_signal(signal.SIGINT)
    stopped = await ended(demo)

    assert f"http://127.0.0.1:{port}/chat" in page
    assert stopped == (0, "")
    assert second[0] == taken[0] == 2
    assert "is running" in second[1]
    assert "cannot be used: Address already in use" in taken[1]
    assert "Traceback" not in second[1] + taken[1]


def test_nudges_can_be_paused_looked_at_and_let_go_again(handreiking, municipality):
    handreiking("nudges", "pause", "--because", "a wrong number", "--by", "sam")
    _, paused, _ = handreiking("nudges", "status")
    handreiking("nudges", "resume", "--by", "sam")
    _, going, _ = handreiking("nudges", "status")

    assert "paused: a wrong number" in paused
    assert "Nudges leave." in going


# Where everything is kept.


def on_sqlite(path):
    engine = schema.open_engine(f"sqlite:///{path}")
    schema.migrate(engine)
    return engine


def test_everything_moves_from_one_database_to_another(handreiking, keys, monkeypatch, tmp_path):
    on_sqlite(tmp_path / "old.db").dispose()
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'old.db'}")
    started(handreiking)
    (tmp_path / "to").write_text(f"sqlite:///{tmp_path / 'new.db'}\n")

    code, told, complained = handreiking("migrate", "--from", "sqlite:///old.db", "--to", f"@{tmp_path / 'to'}")

    assert (code, complained) == (0, "")
    assert "campaign: 1 row, sha256 " in told
    assert "the same on both sides by count and by hash" in told
    assert "Set HANDREIKING_DATABASE_URL" in told
    code, _, complained = handreiking("campaign", "list")
    assert code == 1
    assert "Everything was moved from" in complained
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert "zorgtoeslag-deadline" in handreiking("campaign", "list")[1]


def test_a_move_goes_to_the_database_that_is_set_when_none_is_named(handreiking, monkeypatch, tmp_path):
    on_sqlite(tmp_path / "old.db").dispose()
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")

    assert handreiking("migrate", "--from", f"sqlite:///{tmp_path / 'old.db'}")[0] == 0
    assert (tmp_path / "new.db").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "sqlite:///none.db"], "There is no database at sqlite:///none.db."),
        (["--from", "gopher://hole"], "--from is not an address"),
        (["--from", "@none"], "none cannot be read"),
        (["--to", "sqlite:///new.db"], "--to needs --from"),
    ],
)
def test_a_move_that_cannot_be_is_refused_in_a_sentence(handreiking, tmp_path, arguments, told):
    code, _, complained = handreiking("migrate", *arguments)

    assert code in {1, 2}
    assert told in complained
    assert list(tmp_path.iterdir()) == []


def test_a_password_in_a_command_is_not_repeated_and_told_of(handreiking, tmp_path):
    on_sqlite(tmp_path / "old.db").dispose()
    address = f"postgresql://bot:hunter2@/nowhere?host={tmp_path}"

    code, told, complained = handreiking("migrate", "--from", f"sqlite:///{tmp_path / 'old.db'}", "--to", address)

    assert code == 2
    assert "use @FILE" in complained
    assert "cannot be reached" in complained
    assert "hunter2" not in told + complained


def test_a_backup_is_made_and_says_what_is_not_in_it(handreiking, monkeypatch, tmp_path):
    on_sqlite(tmp_path / "bot.db").dispose()
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'bot.db'}")

    code, told, _ = handreiking("backup", tmp_path / "copy.db")
    again, _, complained = handreiking("backup", tmp_path / "copy.db")

    assert (code, again) == (0, 1)
    assert "HANDREIKING_KEYS_FILE" in told
    assert "there already" in complained


def test_a_backup_of_postgresql_names_its_own_tools(municipality, engine, tmp_path):
    if engine.dialect.name == "sqlite":
        assert municipality("backup", tmp_path / "copy")[0] == 0
    else:
        code, _, complained = municipality("backup", tmp_path / "copy")
        assert code == 1
        assert "pg_dump" in complained


def test_a_look_from_a_shell_with_other_settings_holds_nothing(handreiking, keys, monkeypatch, tmp_path):
    """The bot's unit says where the witness lies, and a colleague's shell does not."""
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'bot.db'}")
    monkeypatch.setenv("HANDREIKING_STATE_DIR", str(tmp_path / "state"))
    engine = on_sqlite(tmp_path / "bot.db")
    with Session(engine) as session, session.begin():
        provenance.adopt(session, {}, tmp_path / "state", TUESDAY_TEN)
    monkeypatch.delenv("HANDREIKING_STATE_DIR")

    assert handreiking("nudges", "status")[1].startswith("Nudges leave.")

    with Session(engine) as session:
        assert provenance.marks(session).keys() == {provenance.IDENTITY}
    engine.dispose()


def test_after_a_restore_the_ways_on_are_told_and_taken(handreiking, keys, monkeypatch, tmp_path):
    on_sqlite(tmp_path / "bot.db").dispose()
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'bot.db'}")
    handreiking("backup", tmp_path / "copy.db")
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", f"sqlite:///{tmp_path / 'copy.db'}")

    _, told, _ = handreiking("nudges", "status")
    refused, _, complained = handreiking("nudges", "resume", "--by", "sam")
    _, as_json, _ = handreiking("nudges", "status", "--json")
    code, went_on, _ = handreiking("nudges", "resume", "--after-restore", "withdraw", "--by", "sam")

    assert "is a copy that `handreiking backup` made" in told
    assert "--after-restore ask" in told
    assert refused == 1
    assert "--after-restore ask" in complained
    assert "backup" in json.loads(as_json)["restored"]["because"]
    assert code == 0
    assert went_on.endswith("Nudges leave again.\n")
    assert handreiking("nudges", "status")[1].startswith("Nudges leave.")
