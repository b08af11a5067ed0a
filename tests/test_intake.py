"""What comes in is kept once and whole, however many hand it in at once and however much there is."""

import csv
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, insert, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from bot.core.facts import Origin
from bot.core.talk import Standing
from bot.service import listen
from bot.signals import Incoming
from bot.store import ledger
from bot.store.tables import CitizenRow, InboxRow, LinkRow, SignalRow
from tests.world import TUESDAY_TEN, World

ROOT = Path(__file__).parents[1]
SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:kalender"
DEADLINE = "nl.kalenders.aanvraagtermijn-nadert.v1"


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


def incoming(number, **changes):
    whole = {
        "source": "urn:test", "external_id": str(number), "type": DEADLINE, "origin": Origin.CALENDAR,
        "occurred_at": TUESDAY_TEN,
    }  # fmt: skip
    return Incoming(**whole | changes)


def test_signals_handed_in_by_several_at_once_are_fresh_to_one_of_them_each(world):
    """In different orders, so that who waits for whom could make a ring."""
    together = threading.Barrier(4)
    fresh, failed = Counter(), []

    def hand_in(turn):
        numbers = list(range(300))
        numbers = numbers[turn * 75 :] + numbers[: turn * 75]
        if turn % 2:
            numbers.reverse()
        together.wait(30)
        try:
            receipts = world.journey.receive([incoming(number) for number in numbers])
        except Exception as error:  # noqa: BLE001 - a thread's failure must be the test's
            failed.append(error)
        else:
            fresh.update(number for number, receipt in zip(numbers, receipts, strict=True) if receipt.fresh)

    threads = [threading.Thread(target=hand_in, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert fresh == dict.fromkeys(range(300), 1)
    with world.sessions() as session:
        assert session.exec(select(func.count()).select_from(SignalRow)).one() == 300


def test_of_the_same_signal_twice_in_one_call_the_first_is_kept_and_fresh(world):
    receipts = world.journey.receive([incoming(1, card="stadspas"), incoming(2), incoming(1, card="zorgtoeslag")])

    assert [receipt.fresh for receipt in receipts] == [True, True, False]
    assert receipts[0].id == receipts[2].id
    with world.sessions() as session:
        assert session.get(SignalRow, receipts[0].id).card == "stadspas"


def test_a_signal_is_read_back_as_it_was_handed_in(world):
    moment = datetime(2026, 7, 1, 12, 30, 15, 250, tzinfo=timezone(timedelta(hours=2)))
    with world.sessions.begin() as session:
        session.add(
            CitizenRow(id="c1", chat_hash="h", language="nl", zone="Europe/Amsterdam",
                       standing=Standing.ACTIVE, created_at=TUESDAY_TEN)
        )  # fmt: skip
        session.flush()
        known = world.vault.fingerprint("reference:letter-1")
        session.add(LinkRow(reference_hash=known, citizen_id="c1", linked_at=TUESDAY_TEN))
    data = {"uiterlijk": "2026-12-31", "naam": "Zoë, 'x'"}
    signals = [
        incoming(1, occurred_at=moment, reference="letter-1", data=data, said_by="Team", card="stadspas"),
        incoming(2, reference="letter-of-nobody"),
        incoming(3),
    ]

    receipts = world.journey.receive(signals)

    with world.sessions() as session:
        one, other, everybody = (session.get(SignalRow, receipt.id) for receipt in receipts)
    assert (one.occurred_at, one.received_at) == (moment, TUESDAY_TEN)
    assert (one.origin, one.data, one.said_by, one.card) == (Origin.CALENDAR, data, "Team", "stadspas")
    assert (one.citizen_id, one.addressed, one.outcome, one.planned_at) == ("c1", True, None, None)
    assert (other.citizen_id, other.addressed, other.data) == (None, True, {})
    assert (everybody.citizen_id, everybody.addressed) == (None, False)


def test_what_is_stored_the_fast_way_is_stored_as_every_other_row(sessions):
    """SQLite compares moments as text: both ways must write the same."""
    told = {
        "source": "urn:test", "type": DEADLINE, "origin": Origin.CALENDAR, "occurred_at": TUESDAY_TEN,
        "received_at": datetime(2026, 1, 1, tzinfo=UTC), "citizen_id": None, "addressed": False, "card": None,
        "data": {"uiterlijk": "2026-12-31"}, "said_by": None,
    }  # fmt: skip
    with sessions.begin() as session:
        session.execute(insert(SignalRow), [{"id": "a", "external_id": "a", **told}])
        ledger.add_signals(session, [ledger.NewSignal(id="b", external_id="b", **told)])
        ledger.add_updates(session, TUESDAY_TEN, [(1, "hash", "sealed")])
        inbox = {"received_at": TUESDAY_TEN, "chat_hash": "hash", "body_sealed": "sealed", "state": "new", "tries": 0}
        session.execute(insert(InboxRow), [{"update_id": 2, **inbox}])

    columns = ", ".join(name for name in SignalRow.model_fields if name not in {"id", "external_id"})
    with sessions() as session:
        signals = session.execute(text(f"SELECT {columns} FROM signal")).all()
        updates = session.execute(text("SELECT received_at, chat_hash, body_sealed, state, tries FROM inbox")).all()
    assert signals[0] == signals[1]
    assert updates[0] == updates[1]


def test_updates_are_kept_once_and_as_they_came_first(world):
    world.journey.take_in([(5, "first"), (7, "second")])
    world.journey.take_in([(7, "again"), (6, "third"), (6, "fourth")])

    assert [(one.update_id, one.body) for one in world.journey.unheard()] == [
        (5, "first"), (6, "third"), (7, "second")
    ]  # fmt: skip


def test_a_file_of_several_chunks_is_imported_once_and_every_fault_is_told(engine, database_url, tmp_path):
    """Run by two at once and once more: one of them takes each row in, and the others know it."""
    environment = os.environ | {
        "HANDREIKING_DATABASE_URL": database_url, "HANDREIKING_KEYS_FILE": str(tmp_path / "keys.toml"),
    }  # fmt: skip

    def handreiking(*arguments):
        command = [sys.executable, "-m", "bot", *map(str, arguments)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)

    for prepared in (["keys", "new", tmp_path / "keys.toml"], ["source", "add", SOURCE, "--type", DEADLINE]):
        with handreiking(*prepared) as process:
            process.communicate()
            assert process.returncode == 0
    rows, wrong = 4_500, {2, 2_100, 4_499}
    with (tmp_path / "signals.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "type", "time", "deadline"])
        for row in range(2, rows + 2):
            writer.writerow([f"e-{row}", DEADLINE, "once" if row in wrong else "2026-06-15T07:00:00Z", "2026-12-31"])
    command = ["signal", "import", tmp_path / "signals.csv", "--source", SOURCE]

    with handreiking(*command, "--json") as one, handreiking(*command, "--json") as other:
        told = [json.loads(process.communicate()[0]) for process in (one, other)]
    with handreiking(*command) as again:
        printed = again.communicate()[0].splitlines()

    assert sum(counts["fresh"] for counts in told) == rows - len(wrong)
    assert sum(counts["known"] for counts in told) == rows - len(wrong)
    assert [counts["refused"] for counts in told] == [len(wrong)] * 2
    assert [line.partition(",")[0] for line in printed[:-1]] == [f"row {row}" for row in sorted(wrong)]
    assert printed[-1] == f"0 taken in, {rows - len(wrong)} known already, {len(wrong)} faults."
    with sessionmaker(engine, class_=Session)() as session:
        assert session.exec(select(func.count(col(SignalRow.id)))).one() == rows - len(wrong)


def test_an_answer_leaves_at_once():
    """Where asyncio does not read TCP it leaves Nagle's algorithm on, and each answer waits for 40 ms."""
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
