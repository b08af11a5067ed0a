"""The keys: what is sealed, a rotation while others work, and what a key that went cannot open any more."""

import os
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Text, cast, select, text
from sqlmodel import col

from bot import contacts, planning
from bot.core.talk import Command, SharedContact
from bot.errors import FaultsError, UnreadableError
from bot.journey import Speaker
from bot.store import keys, resealing, vitals
from bot.store.tables import InboxRow, StaffRow, StaffSessionRow, metadata
from bot.store.vault import Vault
from tests.test_cli import ROOT, _logging_as_it_was, _no_settings, handreiking  # noqa: F401 - fixtures
from tests.world import TUESDAY_TEN, World

PICK = b"the tests' own finding key, 32 b"
SARA = contacts.Signature(name="Sara", team=None, by="sara")
#: How a Fernet token begins: its version and the first bytes of a time before the year 2106.
TOKEN = "gAAAA"


@pytest.fixture
def file(tmp_path):
    keys.write_keys(tmp_path / "keys.toml", PICK)
    return tmp_path / "keys.toml"


def only_the_first(file):
    """A vault that knows the key in front and no other."""
    return Vault([keys._load(file).opening()[0]], PICK)


def lived_in(sessions, wording, vault):
    """A town in which something is sealed in every place that there is."""
    town = World(sessions, wording, vault)
    town.campaign()
    for chat in ("111", "222", "333"):
        town.joins(chat, "money", code=town.code_for(f"letter-{chat}"))
    town.say("111", "Kunt u mij helpen?")
    town.choose("111", "ask")
    town.choose("111", "chat")
    town.choose("111", "chat.morning")
    town.say("111", "Het gaat over mijn brief.")
    [request] = [row[0] for row in rows(sessions, "contact_request", "id")]
    town.say("333", "Kunt u mij helpen?")
    town.choose("333", "ask")
    town.choose("333", "phone")
    town.hear("333", SharedContact("+31612345678", own=True))
    town.choose("333", "phone.morning")
    town.say("222", "Belt u mij?")
    town.choose("222", "ask")
    town.choose("222", "phone")
    with sessions.begin() as session:
        planning.look_after(session, vault, town.now)
    # From here on nothing is delivered, and what left already is no longer kept.
    with sessions.begin() as session:
        contacts.reply(session, wording, vault, request, "Welke brief?", signed=SARA, now=town.now)
        session.add(
            StaffRow(
                id="sara", login="sara", name="Sara", roles=["contact"], language="nl", created_at=town.now,
                totp_sealed=vault.seal("a second factor"), totp_offered_sealed=vault.seal("another one"),
            )
        )  # fmt: skip
        session.flush()
        session.add(
            StaffSessionRow(
                token_hash="a session",
                staff_id="sara", created_at=town.now, seen_at=town.now, ends_at=town.now, means="provider",
                id_token_sealed=vault.seal("what the provider said"),
            )
        )  # fmt: skip
    town.journey.hear(next(town.updates), Speaker("111"), Command("mydata"))
    town.journey.take_in([(next(town.updates), '{"not heard": "yet"}')])
    return town


def rows(sessions, table, *columns):
    with sessions() as session:
        return session.execute(text(f"SELECT {', '.join(columns)} FROM {table}")).all()


def sealed_anywhere(sessions):
    """Every place of the database in which something looks like sealed text, whatever it is called, with the values."""
    found = {}
    with sessions() as session:
        for table in metadata.sorted_tables:
            for column in table.columns:
                values = session.execute(select(cast(column, Text)).where(cast(column, Text).contains(TOKEN))).scalars()
                if values := list(values):
                    found[f"{table.name}.{column.name}"] = values
    return found


def tokens(values):
    for value in values:
        for part in value.split('"'):
            if part.startswith(TOKEN):
                yield part


def test_every_place_where_something_is_sealed_is_known_to_the_rotation(sessions, wording, vault):
    lived_in(sessions, wording, vault)

    places = {place.name for place in resealing.places()}

    assert set(sealed_anywhere(sessions)) == places
    assert len(places) == 11


def test_after_a_rotation_the_old_key_is_needed_nowhere_and_everything_reads_the_same(sessions, wording, file):
    vault = keys.vault_from(file)
    lived_in(sessions, wording, vault)
    before = {place: sorted(map(vault.open, tokens(values))) for place, values in sealed_anywhere(sessions).items()}

    assert keys.rotate(file)
    assert resealing.reseal(sessions, keys.vault_from(file)) == 0

    alone = only_the_first(file)
    after = {place: sorted(map(alone.open, tokens(values))) for place, values in sealed_anywhere(sessions).items()}
    assert after == before
    assert all(not resealing.waiting(sessions, alone, place).old for place in resealing.places())


def test_the_bot_goes_on_after_a_rotation_that_it_was_not_told_of(sessions, wording, file):
    town = lived_in(sessions, wording, keys.vault_from(file))
    keys.rotate(file)
    resealing.reseal(sessions, keys.vault_from(file))

    town.signal(in_days=50)
    town.later(days=1)
    for waiting in town.journey.unheard():
        town.journey.let_pass(waiting.update_id)
    nudged = {outgoing.chat for outgoing in town.tick()}
    town.joins("444", "money")

    assert nudged == {"111", "222", "333"}
    assert only_the_first(file).open(town.citizen("444").chat_sealed) == "444"


def test_of_two_vaults_on_one_file_each_opens_what_the_other_sealed_whoever_looked_last(file):
    early = keys.vault_from(file)
    old = early.seal("from before")
    keys.rotate(file)
    late = keys.vault_from(file)

    assert early.open(late.seal("new")) == "new"
    assert late.open(early.seal("too")) == "too"
    assert only_the_first(file).open(early.seal("sealed with the new key")) == "sealed with the new key"
    keys.forget_old(file, now_s=file.stat().st_mtime + keys.SETTLED_S)
    with pytest.raises(UnreadableError):
        keys.vault_from(file).open(old)


def test_what_is_sealed_anew_opens_while_another_thread_takes_the_new_keys(file, monkeypatch):
    vault = keys.vault_from(file)
    keys.rotate(file)
    new = keys.vault_from(file).seal("Anna")
    taking, may = threading.Event(), threading.Event()
    take = Vault._take

    def slow(self, sealing):
        taking.set()
        assert may.wait(10)
        take(self, sealing)

    monkeypatch.setattr(Vault, "_take", slow)
    other = threading.Thread(target=vault.seal, args=("x",))
    other.start()
    assert taking.wait(10)
    threading.Timer(0.2, may.set).start()

    assert vault.open(new) == "Anna"
    other.join()


def test_a_file_that_is_away_or_spoilt_for_a_moment_stops_nobody(file):
    vault = keys.vault_from(file)
    sealed = vault.seal("Anna")
    text = file.read_text()
    file.unlink()
    assert vault.open(vault.seal("away")) == "away"
    file.write_text("sealing = 3")
    assert vault.open(sealed) == "Anna"
    file.write_text(text)
    keys.rotate(file)
    assert only_the_first(file).open(vault.seal("back")) == "back"


def test_with_several_machines_the_coming_key_opens_everywhere_before_it_seals_anywhere(file, tmp_path):
    elsewhere = tmp_path / "elsewhere.toml"
    assert keys.prepare(file)
    assert not keys.prepare(file)
    elsewhere.write_bytes(file.read_bytes())
    here, there = keys.vault_from(file), keys.vault_from(elsewhere)
    assert keys.rotate(file)

    assert there.open(here.seal("from here")) == "from here"
    assert here.open(there.seal("from there")) == "from there"
    assert not keys.rotate(file), "a rotation that is not finished makes no third key"


def test_a_row_that_somebody_holds_is_passed_over_first_and_taken_when_it_is_free(sessions, file, engine):
    vault = keys.vault_from(file)
    numbers = range(1, 4)
    with sessions.begin() as session:
        session.add_all(
            InboxRow(update_id=n, received_at=TUESDAY_TEN, body_sealed=vault.seal(str(n)), state="new") for n in numbers
        )
    keys.rotate(file)
    fresh = keys.vault_from(file)
    told = []
    if engine.dialect.name == "sqlite":
        resealing.reseal(sessions, fresh)
    else:
        holder = sessions()
        holder.execute(select(InboxRow).where(col(InboxRow.update_id) == 2).with_for_update())

        def progress(place, done):
            told.append((place, done))
            holder.rollback()

        resealing.reseal(sessions, fresh, progress=progress)
        assert told == [("inbox.body_sealed", 2), ("inbox.body_sealed", 1)]
    with sessions() as session:
        assert [only_the_first(file).open(session.get(InboxRow, n).body_sealed) for n in numbers] == ["1", "2", "3"]


def test_what_no_key_opens_is_counted_and_left_as_it_is(sessions, file):
    stranger = Vault([Fernet.generate_key()], PICK).seal("lost")
    with sessions.begin() as session:
        session.add(InboxRow(update_id=1, received_at=TUESDAY_TEN, body_sealed=stranger, state="dead"))
    keys.rotate(file)

    assert resealing.reseal(sessions, keys.vault_from(file)) == 1
    assert rows(sessions, "inbox", "body_sealed") == [(stranger,)]


def test_a_keys_file_is_replaced_whole_for_its_owner_only_and_without_a_trace(file):
    file.with_name(".keys.toml.new").write_text("of a run that was killed")
    file.with_name(".keys.toml.new").chmod(0o666)
    before = file.stat().st_ino

    keys.rotate(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_ino != before
    assert [path.name for path in file.parent.glob("*keys*")] == ["keys.toml"]


def test_no_key_is_in_what_is_said_of_a_spoilt_file_nor_in_any_repr(file, tmp_path):
    known = keys._load(file)
    secrets = [*known.sealing, known.finding]
    spoilt = tmp_path / "spoilt.toml"
    spoilt.write_text(file.read_text().replace("finding =", "finder ="))

    with pytest.raises(FaultsError) as told:
        keys.vault_from(spoilt)

    said = f"{told.value!r} {told.value.faults} {known!r} {keys.vault_from(file)!r}"
    assert not [secret for secret in secrets if secret in said]


@pytest.fixture
def at_the_desk(handreiking, monkeypatch, file, database_url):  # noqa: F811
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(file))
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", database_url)
    return handreiking


def test_a_rotation_at_the_command_line_from_the_first_key_to_the_last(at_the_desk, sessions, wording, file):
    lived_in(sessions, wording, keys.vault_from(file))
    first = keys._load(file).sealing

    early, _, _ = at_the_desk("keys", "forget-old")
    code, said, _ = at_the_desk("keys", "rotate", "--by", "eva")
    assert (early, code) == (0, 0)
    assert "citizen.chat_sealed: 3 sealed anew" in said
    again, said, _ = at_the_desk("keys", "rotate")
    assert again == 0
    assert "sealed anew" not in said
    assert keys._load(file).sealing[1:] == first

    code, _, complaint = at_the_desk("keys", "forget-old")
    assert code == 1
    assert "Try again after 60 s" in complaint
    os.utime(file, (0, file.stat().st_mtime - 61))
    code, said, _ = at_the_desk("keys", "forget-old")
    assert (code, said) == (0, f"1 old key is gone from {file}.\n")
    assert (
        only_the_first(file).open(World(sessions, wording, keys.vault_from(file)).citizen("111").chat_sealed) == "111"
    )


def test_old_keys_stay_while_a_row_needs_them(at_the_desk, sessions, wording, file):
    lived_in(sessions, wording, keys.vault_from(file))
    keys.rotate(file)
    os.utime(file, (0, file.stat().st_mtime - 61))

    code, _, complaint = at_the_desk("keys", "forget-old")

    assert code == 1
    assert "3 in citizen.chat_sealed" in complaint
    assert len(keys._load(file).sealing) == 2


def test_old_keys_stay_while_a_process_at_work_seals_with_one(at_the_desk, sessions, wording, file):
    """systemd and podman give a process a copy of the keys at its start, so that it sees no rotation."""
    vault = keys.vault_from(file)
    copied = Vault([key.encode() for key in keys._load(file).sealing], PICK)
    lived_in(sessions, wording, vault)
    assert at_the_desk("keys", "rotate")[0] == 0
    os.utime(file, (0, file.stat().st_mtime - 61))
    now = datetime.now(UTC)  # noqa: TID251 - the command asks the real clock
    sender = vitals.Process(name="ab12", role="sender", at=now, since=now, worked={}, key=copied.front())
    with sessions.begin() as session:
        vitals.at_work(session, sender)

    code, _, complaint = at_the_desk("keys", "forget-old")
    assert code == 1
    assert "Still sealing with an old key: sender (ab12)" in complaint

    with sessions.begin() as session:
        vitals.at_work(session, replace(sender, key=vault.front()))
    assert at_the_desk("keys", "forget-old")[0] == 0


def test_the_finding_key_is_not_rotated_and_the_reason_is_given(at_the_desk, file):
    before = file.read_text()

    code, _, complaint = at_the_desk("keys", "rotate", "--finding")

    assert code == 1
    assert "nobody who was erased would be recognised" in complaint
    assert file.read_text() == before


def test_keys_in_the_environment_open_and_are_not_rotated(handreiking, monkeypatch, file, database_url):  # noqa: F811
    from bot import settings

    sealed = keys.vault_from(file).seal("Anna")
    monkeypatch.setenv("HANDREIKING_KEYS", file.read_text())
    monkeypatch.setenv("HANDREIKING_DATABASE_URL", database_url)

    assert settings.read().vault().open(sealed) == "Anna"
    assert keys._load(file).finding not in repr(settings.read())
    code, _, complaint = handreiking("keys", "rotate")
    assert (code, complaint) == (1, "Only keys in a file can be changed from here. Set HANDREIKING_KEYS_FILE.\n")
    monkeypatch.setenv("HANDREIKING_KEYS_FILE", str(file))
    assert handreiking("keys", "rotate")[0] == 2


def test_a_rotation_that_is_killed_is_simply_done_again(sessions, file, database_url, tmp_path):
    vault = keys.vault_from(file)
    sealed = vault.seal("an update")
    with sessions.begin() as session:
        session.execute(
            InboxRow.__table__.insert(),
            [{"update_id": n, "received_at": TUESDAY_TEN, "body_sealed": sealed, "state": "done", "tries": 0}
             for n in range(5000)],
        )  # fmt: skip
    environment = os.environ | {"HANDREIKING_KEYS_FILE": str(file), "HANDREIKING_DATABASE_URL": database_url}
    command = [sys.executable, "-u", "-m", "bot", "keys", "rotate"]

    def rotation():
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    with rotation() as killed:
        next(line for line in killed.stdout if "inbox" in line)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    [inbox] = [place for place in resealing.places() if place.name == "inbox.body_sealed"]
    left = len(resealing.waiting(sessions, keys.vault_from(file), inbox).old)
    assert 0 < left < 5000
    with rotation() as whole:
        whole.communicate()

    assert whole.returncode == 0
    assert resealing.waiting(sessions, only_the_first(file), inbox) == resealing.Waiting([], 0)
    assert len(keys._load(file).sealing) == 2
