"""What leaves for research: every decision with its probabilities, every answer, and nobody."""

import csv
import hashlib
import json
import re

import pytest
from sqlmodel import select

from bot import research
from bot.core.facts import Tone
from bot.errors import RefusedError
from bot.store.tables import AuditRow, CitizenRow, DecisionRow
from tests.world import World

KEY = b"k" * 32


@pytest.fixture
def town(sessions, wording, vault):
    """Anna got a nudge and said not now after three days; Bram is on the list for money too."""
    town = World(sessions, wording, vault)
    town.campaign()
    town.joins("111", "money")
    town.joins("222", "money", language="en")
    for chat in ("111", "222"):
        agrees(town, chat)
    town.joins("333", "money")
    town.signal()
    town.tick()
    town.later(days=3, hours=5)
    town.tap("111", wording.say("button.not_now", "nl"))
    town.tick()
    return town


def agrees(town, chat):
    town.say(chat, "/settings")
    town.choose(chat, "research")
    town.choose(chat, "research.yes")


def write(town, folder, *, key=KEY, by="onderzoeker"):
    return research.write(town.sessions, folder, key=key, now=town.now, by=by)


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_decision_is_in_the_export_with_its_probabilities_to_the_last_bit(town, tmp_path):
    write(town, tmp_path / "out")

    rows = table(tmp_path / "out" / "decisions.csv")
    with town.sessions() as session:
        decisions = session.exec(select(DecisionRow)).all()
    agreed = {town.citizen(chat).id for chat in ("111", "222")}
    assert {row.citizen_id for row in decisions} > agreed  # who did not agree to research stays out of it
    decisions = [row for row in decisions if row.citizen_id in agreed]
    assert len(rows) == len(decisions) >= 2
    sent = [decision for decision in decisions if decision.plan == "send"]
    written = {(row["variant"], float(row["p_variant"]), float(row[f"p_{row['tone']}"])) for row in rows if row["tone"]}
    assert written == {
        (row.variant, row.tone_probs[row.variant], sum(p for v, p in row.tone_probs.items() if f".{row.tone}." in v))
        for row in sent
    }
    assert all(sum(float(row[f"p_{tone}"]) for tone in Tone) == pytest.approx(1) for row in rows if row["tone"])
    assert {row["draw_tone"] for row in rows if row["plan"] == "send"} == {repr(row.draw_tone) for row in sent}
    assert {row["delivered"] for row in rows if row["plan"] == "send"} == {"sent"}


def test_a_refused_moment_is_in_it_as_one_at_which_nothing_was_drawn(town, tmp_path):
    town.signal(number="again")
    town.tick()

    write(town, tmp_path / "out")

    refused = [row for row in table(tmp_path / "out" / "decisions.csv") if row["available"] == "0"]
    assert refused
    assert all(row["reason"] and row["plan"] != "send" for row in refused)
    assert {row["p_send"] + row["tone"] + row["draw_send"] for row in refused} == {""}


def test_an_answer_stands_with_its_decision_and_the_days_it_took(town, tmp_path):
    write(town, tmp_path / "out")

    [answer] = table(tmp_path / "out" / "answers.csv")
    decisions = {row["decision"]: row for row in table(tmp_path / "out" / "decisions.csv")}
    assert (answer["choice"], answer["days"]) == ("not_now", "3")
    assert decisions[answer["decision"]]["plan"] == "send"


def test_nothing_in_it_leads_back_to_a_person_or_a_moment(town, tmp_path):
    write(town, tmp_path / "out")

    everything = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.csv"))
    with town.sessions() as session:
        people = session.exec(select(CitizenRow)).all()
        decisions = session.exec(select(DecisionRow)).all()
    for person in people:
        assert person.id not in everything
        assert person.chat_hash[:16] not in everything
    assert not [row.id for row in decisions if row.id in everything]
    assert re.findall(r"\d{4}-\d{2}-\d{2}", everything) == []
    assert "2026-W48" in everything
    assert not {"language", "text", "zone", "said_by"} & set(table(tmp_path / "out" / "decisions.csv")[0])


def test_a_person_has_one_number_within_an_export_and_another_in_the_next(town, tmp_path):
    town.signal(number="again")
    town.tick()
    write(town, tmp_path / "one")
    write(town, tmp_path / "two", key=b"x" * 32)

    one, two = ([row["citizen"] for row in table(tmp_path / name / "decisions.csv")] for name in ("one", "two"))

    assert len(set(one)) == 2 < len(one)
    assert not set(one) & set(two)


def test_the_manifest_holds_the_hash_and_the_rows_of_each_file_and_the_audit_trail_too(town, tmp_path):
    write(town, tmp_path / "out", by="onderzoeker")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    with town.sessions() as session:
        [audited] = session.exec(select(AuditRow).where(AuditRow.action == "export")).all()
    assert audited.who == manifest["written_by"] == "onderzoeker"
    assert audited.detail["files"] == manifest["files"]
    assert {file["name"] for file in manifest["files"]} == {"decisions.csv", "answers.csv", "codebook.md"}
    for file in manifest["files"]:
        body = (tmp_path / "out" / file["name"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(body).hexdigest()
        if file["rows"] is not None:
            assert file["rows"] == len(table(tmp_path / "out" / file["name"]))
            assert body.count(b"\r\n") == body.count(b"\n") == file["rows"] + 1


def test_the_codebook_explains_every_column(town, tmp_path):
    write(town, tmp_path / "out")

    book = (tmp_path / "out" / "codebook.md").read_text(encoding="utf-8")
    for name in ("decisions.csv", "answers.csv"):
        section = book.partition(f"## {name}")[2].partition("\n## ")[0]
        columns = table(tmp_path / "out" / name)[0].keys()
        assert re.findall(r"^\| (\w+) \| .{10,}\|$", section, re.MULTILINE) == ["column", *columns]


def test_an_export_is_not_mixed_with_what_lies_there_already(town, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "older.csv").touch()

    with pytest.raises(RefusedError, match="is not empty"):
        write(town, tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["older.csv"]
