"""What leaves for research: every decision point with its probabilities, what came of it, and nobody."""

import csv
import hashlib
import json
import re
import shutil
import sys
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import duckdb
import frictionless
import pandas as pd
import polars as pl
import pytest
from cryptography.fernet import Fernet
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from bot import upkeep
from bot.core.facts import Choice, Learning, Tone
from bot.core.policy import outcome
from bot.errors import RefusedError
from bot.research import export
from bot.research.export import fields
from bot.store import ledger, schema, study
from bot.store.tables import AuditRow, CitizenRow, ConsentRow, DecisionRow, MessageRow, WorldRow
from bot.store.vault import Vault
from tests.world import World

KEY = b"k" * 32
AGREED = [str(number) for number in range(111, 118)]


@pytest.fixture
def town(sessions, wording, vault):
    """Seven people agreed to research; after a nudge one said not now after three days and one wanted to know more."""
    town = World(sessions, wording, vault)
    town.campaign()
    town.agreed(*AGREED)
    town.agreed("333")
    takes_back(town, "333")
    town.signal()
    town.tick()
    town.later(days=3, hours=5)
    town.tap("111", wording.say("button.not_now", "nl"))
    town.choose("112", "more")
    town.tick()
    return town


@pytest.fixture
def trial(sessions, wording, vault):
    return a_trial(sessions, wording, vault)


def a_trial(sessions, wording, vault):
    """Fourteen people in an even lottery and a month of signals; some of them want to know more."""
    town = World(sessions, wording, vault)
    town.campaign(learning=Learning.TRIAL)
    town.agreed(*(str(number) for number in range(111, 125)))
    for week in range(5):
        town.signal(in_days=40)
        town.tick()
        town.later(days=1)
        for chat in AGREED[: week + 1]:
            if any("|more" in (b.data or "") for shown in town.phones[chat].shown.values() for b in shown.buttons):
                town.choose(chat, "more")
        town.later(days=7)
    town.later(days=20)
    return town


def takes_back(town, chat):
    town.say(chat, "/settings")
    town.choose(chat, "research")
    town.choose(chat, "research.no")


def write(town, folder, *, key=KEY, by="onderzoeker", **options):
    return export.write(town.sessions, folder, wording=town.wording, key=key, now=town.now, by=by, **options)


def frames(town, *, key=KEY, **options):
    with town.sessions() as session:
        return export.frames(session, key, town.now, wording=town.wording, **options)


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


class TestWhatIsInIt:
    def test_every_decision_has_its_probabilities_to_the_last_bit(self, town, tmp_path):
        write(town, tmp_path / "out")

        rows = table(tmp_path / "out" / "decisions.csv")
        with town.sessions() as session:
            decisions = session.exec(select(DecisionRow)).all()
        agreed = {town.citizen(chat).id for chat in AGREED}
        assert {row.citizen_id for row in decisions} > agreed  # who did not agree to research stays out of it
        decisions = [row for row in decisions if row.citizen_id in agreed]
        assert len(rows) == len(decisions) >= 7
        sent = [decision for decision in decisions if decision.plan == "send"]
        written = Counter(
            (row["content_id"], float(row["p_variant"]), float(row["p_tone"])) for row in rows if row["tone"]
        )
        assert written == Counter(
            (
                row.variant,
                row.tone_probs[row.variant],
                sum(p for v, p in row.tone_probs.items() if f".{row.tone}." in v),
            )
            for row in sent
        )
        assert all(
            sum(float(row[f"p_tone_{tone}"]) for tone in Tone) == pytest.approx(1) for row in rows if row["tone"]
        )
        assert {row["draw_u_tone"] for row in rows if row["sent"] == "1"} == {repr(row.draw_tone) for row in sent}
        assert {row["delivered"] for row in rows if row["sent"] == "1"} == {"sent"}
        assert {row["key_epoch"] for row in rows if row["sent"] == "1"} == {row.epoch for row in sent} == {"2026-Q4"}

    def test_a_refused_moment_is_one_at_which_nothing_was_drawn(self, town, tmp_path):
        town.signal(number="again")
        town.tick()

        write(town, tmp_path / "out")

        refused = [row for row in table(tmp_path / "out" / "decisions.csv") if row["available"] == "0"]
        assert refused
        assert all(row["unavailable_reason"] and row["plan"] != "send" for row in refused)
        chances = [name for name in refused[0] if name.startswith(("p_", "draw_", "f_")) or name == "tone"]
        assert len(chances) > 15
        assert {"".join(row[name] for name in chances) for row in refused} == {""}
        responses = {row["decision_id"] for row in table(tmp_path / "out" / "responses.csv")}
        assert not responses & {row["decision_id"] for row in refused}

    def test_the_context_is_the_one_that_the_policy_saw(self, trial):
        found = frames(trial)["decisions"].filter(pl.col("f_dose").is_not_null())

        with trial.sessions() as session:
            rows = session.exec(select(DecisionRow).where(col(DecisionRow.p_send).is_not(None))).all()
        seen = sorted(
            tuple(sorted((name, x) for name, x in row.context.items() if ":" not in name)) for row in rows
        )  # fmt: skip
        names = [name for name in found.columns if name.startswith("f_")]
        told = sorted(
            tuple(sorted((name[2:], row[name]) for name in names if isinstance(row[name], float)))
            for row in found.iter_rows(named=True)
        )
        assert told == seen
        assert set(found["f_language"]) == {"nl"}
        assert set(found["f_theme"]) == {"money"}
        assert set(found["f_prefers"]) == {"none"}

    def test_a_feature_that_nobody_described_is_a_column_all_the_same(self, trial, tmp_path, engine):
        with engine.begin() as connection:
            first = connection.exec_driver_sql("SELECT min(id) FROM decision WHERE p_send IS NOT NULL").scalar()
        with trial.sessions.begin() as session:
            row = session.get(DecisionRow, first)
            row.context = {**row.context, "weather": 0.25}

        write(trial, tmp_path / "out")

        rows = table(tmp_path / "out" / "decisions.csv")
        assert [row["f_weather"] for row in rows if row["f_weather"]] == ["0.25"]
        assert "f_weather" in (tmp_path / "out" / "codebook.md").read_text(encoding="utf-8")
        assert frictionless.validate(str(tmp_path / "out" / "datapackage.json")).valid

    def test_what_was_drawn_and_what_was_settled_are_told_apart(self, trial):
        found = frames(trial)["decisions"]
        drawn = found.filter(pl.col("in_study") == 1)

        assert set(drawn["p_send"]) == {0.5}
        assert (drawn["sent"] == (drawn["draw_u_send"] < drawn["p_send"])).all()
        held = drawn.filter(pl.col("sent") == 0)
        assert set(held["hold_reason"]) == {"lottery"}
        assert set(held["p_joint"]) == {0.5}
        written = drawn.filter(pl.col("tone_in_study") == 1)
        assert written.height
        assert written["p_joint"].to_list() == pytest.approx((written["p_send"] * written["p_variant"]).to_list())
        assert found.filter(pl.col("in_study") == 0)["p_send"].null_count() == found.height - drawn.height

    def test_an_answer_stands_with_its_decision_and_the_days_it_took(self, town, tmp_path):
        write(town, tmp_path / "out")

        answers = table(tmp_path / "out" / "answers.csv")
        decisions = {row["decision_id"]: row for row in table(tmp_path / "out" / "decisions.csv")}
        assert sorted((row["choice"], row["days"]) for row in answers) == [("more", "3"), ("not_now", "3")]
        assert {decisions[row["decision_id"]]["plan"] for row in answers} == {"send"}
        responses = table(tmp_path / "out" / "responses.csv")
        first = sorted((row["first_response"], row["days_to_response"]) for row in responses if row["first_response"])
        assert first == [("more", "3"), ("not_now", "3")]

    def test_silence_is_an_outcome_an_open_window_and_a_failure_are_none(self, town):
        assert set(frames(town)["responses"]["censor_reason"]) == {"window_open"}
        town.later(days=20)
        with town.sessions.begin() as session:
            message = session.exec(select(MessageRow).where(col(MessageRow.citizen_id) == town.citizen("117").id)).all()
            next(one for one in message if one.decision_id).state = "failed"

        found = frames(town)["responses"]

        known = found.filter(pl.col("censor_reason").is_null())
        assert Counter(known["interested"]) == {0: 5, 1: 1}
        assert known["reward"].null_count() == 0
        [failed] = found.filter(pl.col("censor_reason") == "failed").rows(named=True)
        assert [failed[name] for name in ("interested", "unwelcome", "reward", "first_response")] == [None] * 4

    def test_outcomes_and_rewards_are_those_that_the_policy_learns_from(self, trial, wording):
        per_send = wording.values.per_send  # noqa: PD011 - no frame
        found = frames(trial)["responses"].filter(pl.col("censor_reason").is_null())
        parts = [name for name in found.columns if name.startswith("reward_")]

        assert len(parts) == 5
        assert found["reward"].to_list() == pytest.approx(found.select(pl.sum_horizontal(parts)).to_series().to_list())
        with trial.sessions() as session:
            chunks = list(ledger.closed_decisions(session, trial.now - wording.rules.window))
            messages = [row.message for chunk in chunks for row in chunk if row.message]
            answers = ledger.answers_to(session, messages)
            sent = {row.id: row for chunk in chunks for row in chunk}
        liked = sum(
            outcome(answers.get(row.message, ()), by=row.sent_at + wording.rules.window).interested
            for row in sent.values()
            if row.message
        )
        assert found.height == len(sent)
        assert found["interested"].sum() == liked > 0
        assert found["reward_per_send"].sum() == pytest.approx(per_send * len(messages))

    def test_texts_policies_events_and_keys_are_there(self, town, wording):
        town.journey.learn()
        town.journey.pause_nudges("storing", who="sam")

        found = frames(town)

        contents = {(row["content_id"], row["language"]): row for row in found["contents"].iter_rows(named=True)}
        sent = found["decisions"].filter(pl.col("sent") == 1)
        assert {(name, "nl") for name in sent["content_id"]} <= contents.keys()
        for (name, language), row in contents.items():
            assert row["text"] == "\n".join(wording.forms(name, language))
        assert set(sent["content_hash"]) <= {row["content_hash"] for row in contents.values()}
        assert set(sent["policy_version"]) <= set(found["policies"]["policy_version"])
        assert found["policy_weights"].height == found["policy_covariances"].filter(
            pl.col("weight") == pl.col("other")
        ).height > 0  # fmt: skip
        kinds = set(found["events"].select("kind", "action").iter_rows())
        assert {("policy", "policy"), ("resume", "campaign.start"), ("pause", "pause_nudges")} <= kinds
        assert "storing" not in str(found["events"].to_dicts())
        [epoch] = found["epochs"].rows(named=True)
        assert (epoch["key_epoch"], epoch["revealed_key"]) == ("2026-Q4", None)

    def test_the_views_are_ready_for_a_micro_randomised_trial(self, trial):
        found = frames(trial)
        send, tone = found["mrt_send"], found["mrt_tone"]

        ready = send.filter(pl.col("availability") == 1)
        assert (
            ready.select("id", "outcome", "outcome_any", "treatment", "rand_prob", "reward")
            .null_count()
            .sum_horizontal()[0]
            == 0
        )
        assert set(ready["treatment"]) == {0, 1}
        assert ready.filter(pl.col("treatment") == 0)["outcome"].sum() == 0
        refused = send.filter(pl.col("availability") == 0)
        assert refused.height
        assert refused["rand_prob"].null_count() == refused.height
        assert set(refused["treatment"]) == {0}
        decisions = found["decisions"]
        known = found["responses"].filter(pl.col("censor_reason").is_null())
        decisions = decisions.join(known, on="decision_id")
        assert ready.height == decisions.filter(pl.col("in_study") == 1).height
        assert tone.height == decisions.filter(pl.col("tone_in_study") == 1).height
        assert tone["rand_prob"].to_list() == [row[f"p_{row['treatment']}"] for row in tone.iter_rows(named=True)]
        for one in (send, tone):
            assert set(one["id"]) <= set(found["citizens"]["citizen_pid"])
            assert one.select("id", "decision_index").is_unique().all()

    def test_each_decision_names_the_program_that_made_it(self, town):
        with town.sessions.begin() as session:
            assert upkeep.note_program(session, "1.0+aaaa", town.now)
            assert not upkeep.note_program(session, "1.0+aaaa", town.now)
        town.later(days=20)
        town.signal()
        town.tick()
        with town.sessions.begin() as session:
            assert upkeep.note_program(session, "1.1+bbbb", town.now + timedelta(hours=1))

        found = frames(town)

        programs = Counter(found["decisions"].sort("iso_week").select("iso_week", "code_version").iter_rows())
        assert set(programs) == {("2026-W48", None), ("2026-W51", "1.0+aaaa")}
        deployed = found["events"].filter(pl.col("kind") == "deployment")
        assert deployed["about"].to_list() == ["1.0+aaaa", "1.1+bbbb"]

    def test_a_period_is_whole_weeks_and_the_index_goes_on(self, trial):
        whole = frames(trial)["decisions"]
        middle = frames(trial, since=trial.now - timedelta(days=50), until=trial.now - timedelta(days=44))["decisions"]

        weeks = sorted(set(middle["iso_week"]))
        assert 0 < middle.height < whole.height
        assert len(weeks) <= 2
        same = whole.filter(pl.col("iso_week").is_in(weeks))
        assert same.equals(middle)
        assert middle["decision_index"].min() > 1

    def test_the_rows_of_one_person_are_capped_at_the_first_ones(self, trial, monkeypatch):
        monkeypatch.setattr(sys.modules["bot.research.export.frames"], "MOST_ROWS", 3)

        found = frames(trial)

        assert set(found["decisions"]["decision_index"]) == {1, 2, 3}
        assert set(found["citizens"]["capped"]) == {1}
        assert set(found["answers"]["decision_id"]) <= set(found["decisions"]["decision_id"])


class TestNobodyIsInIt:
    def test_nothing_leads_back_to_a_person_or_a_moment(self, town, tmp_path):
        write(town, tmp_path / "out")

        text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.csv"))
        with town.sessions() as session:
            people = session.exec(select(CitizenRow)).all()
            decisions = session.exec(select(DecisionRow)).all()
        for person in people:
            assert person.id.encode() not in everything(tmp_path / "out")
            assert person.chat_hash[:16].encode() not in everything(tmp_path / "out")
        assert not [row.id for row in decisions if row.id in text or row.offer_id in text]
        assert re.findall(r"\d{2}:\d{2}", text) == []
        days = set(re.findall(r"\d{4}-\d{2}-\d{2}", text))
        assert days == {"2026-01-01"}  # the card's own
        assert "2026-W48" in text
        assert not {"zone", "said_by", "chat"} & set(table(tmp_path / "out" / "decisions.csv")[0])

    def test_a_person_has_one_number_within_an_export_and_another_in_the_next(self, town):
        town.signal(number="again")
        town.tick()

        one, two = (frames(town, key=key) for key in (KEY, b"x" * 32))

        assert one["decisions"]["citizen_pid"].n_unique() == 7 < one["decisions"].height
        for name, column in (("citizens", "citizen_pid"), ("decisions", "decision_id"), ("decisions", "offer_id")):
            assert not set(one[name][column]) & set(two[name][column])
        assert set(one["decisions"]["citizen_pid"]) == set(one["citizens"]["citizen_pid"])

    @pytest.mark.parametrize("leaves", ["stop", "takes it back", "erased", "expired"])
    def test_who_does_not_agree_any_more_is_not_in_it(self, town, leaves):
        gone = town.citizen("113").id
        if leaves == "stop":
            town.say("113", "/stop")
        elif leaves == "takes it back":
            takes_back(town, "113")
        elif leaves == "erased":
            with town.sessions.begin() as session:
                session.get(CitizenRow, gone).standing = "erased"
        else:
            town.later(days=732)
            with town.sessions.begin() as session:
                for row in session.exec(select(ConsentRow).where(col(ConsentRow.citizen_id) != gone)).all():
                    row.valid_until = town.now + timedelta(days=1)

        found = frames(town)

        assert found["citizens"].height == 6
        assert found["decisions"]["citizen_pid"].n_unique() == 6

    def test_with_too_few_nothing_leaves(self, town, tmp_path):
        for chat in AGREED[:3]:
            town.say(chat, "/stop")

        with pytest.raises(RefusedError, match="Fewer than 5 people agreed"):
            write(town, tmp_path / "out")

        assert list(tmp_path.glob("*out*")) == []
        with town.sessions() as session:
            assert not session.exec(select(AuditRow).where(AuditRow.action == "export")).all()

    def test_who_is_alone_with_what_others_may_know_is_left_out_or_coarsened(self, town, tmp_path):
        with town.sessions.begin() as session:
            session.get(CitizenRow, town.citizen("111").id).language = "uk"

        manifest = write(town, tmp_path / "out")

        people = pl.read_csv(tmp_path / "out" / "citizens.csv")
        known = people.group_by("language", "prefers", "enrolment_quarter").len()
        assert known["len"].min() >= 5
        assert "uk" not in (tmp_path / "out" / "citizens.csv").read_text(encoding="utf-8")
        decisions = table(tmp_path / "out" / "decisions.csv")
        assert "uk" not in {row["f_language"] for row in decisions}
        assert manifest.left_out or manifest.coarsened
        told = {row["citizen_pid"]: row["language"] for row in people.iter_rows(named=True)}
        for row in decisions:  # the text's hash would tell the language
            assert not row["content_hash"] or told[row["citizen_pid"]] == "nl"

    def test_nothing_about_illness_or_debt_leaves_and_no_refusal_betrays_it(self, town):
        before = frames(town)["decisions"]
        with town.sessions.begin() as session:
            sent = session.exec(
                select(MessageRow).where(
                    col(MessageRow.citizen_id) == town.citizen("114").id, col(MessageRow.decision_id).is_not(None)
                )
            ).one()
            sent.sensitivity, sent.card = "S3", "gesprek-over-geld"
            decision = session.get(DecisionRow, sent.decision_id)
            world = session.get(WorldRow, decision.world)
            record = json.loads(json.dumps(world.record))
            record["card"] |= {"sensitivity": "S3", "id": "gesprek-over-geld"}
            session.add(WorldRow(hash="s3", record=record))
            session.flush()
            decision.world = "s3"
        town.signal(number="again")
        town.tick()

        found = frames(town)["decisions"]

        with town.sessions() as session:
            rows = session.exec(select(DecisionRow).where(col(DecisionRow.citizen_id) == town.citizen("114").id)).all()
        assert sorted((row.plan, row.reason) for row in rows) == [("hold", "open_question"), ("send", None)]
        assert before["citizen_pid"].n_unique() == 7
        assert found["citizen_pid"].n_unique() == 6
        assert set(found["sensitivity"]) == {"S1"}
        assert "gesprek-over-geld" not in set(found["card"])


class TestItsFiles:
    def test_the_manifest_holds_the_hash_and_the_rows_of_each_file_and_the_audit_trail_too(self, town, tmp_path):
        write(town, tmp_path / "out", by="onderzoeker")

        manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
        with town.sessions() as session:
            [audited] = session.exec(select(AuditRow).where(AuditRow.action == "export")).all()
        assert audited.who == manifest["written_by"] == "onderzoeker"
        assert audited.detail["files"] == manifest["files"]
        assert (audited.detail["tier"], audited.detail["people"]) == ("researcher", 7)
        tables = {f"{one.name}.{kind}" for one in fields.TABLES for kind in ("csv", "parquet")}
        words = {"codebook.md", "codebook.html", "datapackage.json", "csv-metadata.json", "ddi-codebook.xml"}
        assert {file["name"] for file in manifest["files"]} == tables | words
        assert {path.name for path in (tmp_path / "out").iterdir()} == tables | words | {"manifest.json"}
        for file in manifest["files"]:
            body = (tmp_path / "out" / file["name"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(body).hexdigest()
            if file["name"].endswith(".csv"):
                assert file["rows"] == len(table(tmp_path / "out" / file["name"]))
                assert body.count(b"\r\n") == file["rows"] + 1

    def test_an_export_is_not_mixed_with_what_lies_there_already(self, town, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "older.csv").touch()

        with pytest.raises(RefusedError, match="is not empty"):
            write(town, tmp_path / "out")

        assert [path.name for path in (tmp_path / "out").iterdir()] == ["older.csv"]
        assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out"]

    def test_an_empty_folder_that_is_there_is_used(self, town, tmp_path):
        (tmp_path / "out").mkdir()

        write(town, tmp_path / "out")

        assert (tmp_path / "out" / "manifest.json").exists()

    @pytest.mark.parametrize(
        ("options", "why"),
        [({"by": " "}, "Say who"), ({"since": timedelta(), "until": timedelta(days=-8)}, "end before it begins")],
    )
    def test_what_makes_no_export_is_refused(self, town, tmp_path, options, why):
        moments = {name: town.now + value for name, value in options.items() if name != "by"}

        with pytest.raises(RefusedError, match=why):
            write(town, tmp_path / "out", **{**options, **moments})

        assert list(tmp_path.glob("*out*")) == []

    def test_when_it_cannot_be_audited_no_file_stays(self, town, tmp_path, engine):
        refuse = {
            "sqlite": ["CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"],
            "postgresql": [
                "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no'; END $$ LANGUAGE plpgsql",
                "CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()",
            ],
        }
        with engine.begin() as connection:
            for statement in refuse[engine.dialect.name]:
                connection.exec_driver_sql(statement)

        with pytest.raises(Exception, match="no"):
            write(town, tmp_path / "out")

        assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []

    def test_a_running_bot_goes_on_while_it_is_read(self, town, tmp_path):
        with study.snapshot(town.sessions) as session:
            before = len(study.people(session, town.now))
            town.agreed("444")
            assert len(study.people(session, town.now)) == before == 7
        with town.sessions() as session:
            assert len(study.people(session, town.now)) == 8

    def test_the_public_tier_has_no_row_about_anybody(self, trial, tmp_path):
        manifest = write(trial, tmp_path / "out", tier=export.Tier.PUBLIC)

        assert frictionless.validate(str(tmp_path / "out" / "datapackage.json")).valid
        counted = frames(trial)
        whole = everything(tmp_path / "out")
        pseudonyms = {one for name in ("citizen_pid", "decision_id", "offer_id") for one in counted["decisions"][name]}
        assert not [one for one in pseudonyms if one.encode() in whole]
        known = counted["responses"].filter(pl.col("censor_reason").is_null()).join(
            counted["decisions"].filter(pl.col("sent") == 1), on="decision_id"
        )  # fmt: skip
        rows = table(tmp_path / "out" / "messages_by_week_and_theme.csv")
        shown = {(row["week"], row["theme"]): row for row in rows}
        assert shown["all", "all"]["messages"] == str(known.height)
        assert shown["all", "money"]["messages"] == str(known.height)
        per_week = known.group_by("iso_week").agg(pl.col("citizen_pid").n_unique().alias("people"))
        small = {row["iso_week"] for row in per_week.iter_rows(named=True) if row["people"] < 10}
        assert small
        assert {shown[week, "all"]["messages"] for week in small} == {""}
        assert {file.name for file in manifest.files} >= {"datapackage.json", "messages_by_theme_and_language.csv"}

    def test_nothing_is_published_about_a_handful(self, town, tmp_path):
        town.later(days=20)

        with pytest.raises(RefusedError, match="Figures are published from 10 people on"):
            write(town, tmp_path / "out", tier=export.Tier.PUBLIC)

        assert list(tmp_path.glob("*out*")) == []


@pytest.fixture(scope="module")
def written(sqlite_template, wording, tmp_path_factory):
    """One export for all who only read it; what is in it was compared on both databases above."""
    place = tmp_path_factory.mktemp("written")
    shutil.copy(sqlite_template, place / "town.db")
    engine = schema.open_engine(f"sqlite:///{place / 'town.db'}")
    sessions = sessionmaker(engine, class_=Session, expire_on_commit=False)
    write(
        a_trial(sessions, wording, Vault([Fernet.generate_key()], b"the tests' own finding key, 32 b")), place / "out"
    )
    engine.dispose()
    return place / "out"


@pytest.fixture
def folder(written, tmp_path):
    shutil.copytree(written, tmp_path / "out")
    return tmp_path / "out"


def package_of(folder):
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


POLARS = {"string": pl.String, "integer": pl.Int64, "number": pl.Float64}
PANDAS = {"string": "str", "integer": "Int64", "number": "float64"}
DUCKDB = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE"}


class TestItLoadsAsItIs:
    def test_it_is_what_it_says_it_is(self, folder):
        report = frictionless.validate(str(folder / "datapackage.json"))

        assert report.valid, report.flatten(["resourceName", "fieldName", "rowNumber", "note"])
        assert len(report.tasks) == len(fields.TABLES)

    @pytest.mark.parametrize(
        ("column", "value"), [("p_send", "1.0"), ("p_send", "0.0"), ("available", "2"), ("iso_week", "2026-11-24")]
    )
    def test_what_cannot_be_is_refused(self, folder, column, value):
        path = folder / "decisions.csv"
        rows = table(path)
        next(row for row in rows if row["in_study"] == "1")[column] = value
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        package = package_of(folder)
        for resource in package["resources"]:
            resource.pop("hash"), resource.pop("bytes")
        (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")

        report = frictionless.validate(str(folder / "datapackage.json"))

        assert report.flatten(["fieldName", "type"]) == [[column, "constraint-error"]]

    def test_polars_reads_the_types_that_are_written_down(self, folder):
        for one in package_of(folder)["resources"]:
            types = {field["name"]: POLARS[field["type"]] for field in one["schema"]["fields"]}
            parquet = pl.read_parquet(folder / one["alternatives"][0])
            assert dict(parquet.schema) == types
            assert pl.read_csv(folder / one["path"], schema=types).equals(parquet), one["name"]
            assert parquet.height == one["rows"]

    def test_pandas_reads_the_same(self, folder):
        for one in package_of(folder)["resources"]:
            types = {field["name"]: PANDAS[field["type"]] for field in one["schema"]["fields"]}
            found = pd.read_csv(folder / one["path"], dtype=types)
            assert {name: str(kind) for name, kind in found.dtypes.items()} == types
            whole = pl.read_parquet(folder / one["alternatives"][0])
            for name in types:
                assert [None if pd.isna(value) else value for value in found[name]] == whole[name].to_list(), name

    def test_duckdb_reads_the_same_from_both(self, folder):
        for one in package_of(folder)["resources"]:
            types = [(field["name"], DUCKDB[field["type"]]) for field in one["schema"]["fields"]]
            parquet = duckdb.sql(f"SELECT * FROM read_parquet('{folder / one['alternatives'][0]}')")
            assert [(name, str(kind)) for name, kind in zip(parquet.columns, parquet.types, strict=True)] == types
            columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types)
            text = duckdb.sql(f"SELECT * FROM read_csv('{folder / one['path']}', header=true, columns={{{columns}}})")
            assert text.fetchall() == parquet.fetchall(), one["name"]

    def test_the_codebooks_explain_every_column(self, folder):
        book, page = ((folder / name).read_text(encoding="utf-8") for name in ("codebook.md", "codebook.html"))
        for one in package_of(folder)["resources"]:
            section = book.partition(f"## {one['path']}")[2].partition("\n## ")[0]
            told = re.findall(r"^\| (\w+) \| .* \| .{10,} \|$", section, re.MULTILINE)
            assert told == ["column", *(field["name"] for field in one["schema"]["fields"])]
            for field in one["schema"]["fields"]:
                assert f"<code>{field['name']}</code>" in page

    def test_the_codebook_is_a_page_that_everybody_can_read(self, folder):
        seen = Seen()
        seen.feed((folder / "codebook.html").read_text(encoding="utf-8"))

        assert seen.attributes["html"] == [{"lang": "en"}]
        assert len(seen.attributes["h1"]) == 1
        assert len(seen.attributes["caption"]) == len(seen.attributes["table"]) == len(fields.TABLES)
        assert all("scope" in attributes for attributes in seen.attributes["th"])
        anchors = {attributes["href"] for attributes in seen.attributes["a"]}
        assert anchors == {f"#{attributes['id']}" for attributes in seen.attributes["h2"]}
        assert not {"script", "link", "img", "iframe"} & seen.attributes.keys()

    def test_the_other_standards_say_the_same(self, folder):
        package = package_of(folder)
        web = json.loads((folder / "csv-metadata.json").read_text(encoding="utf-8"))
        assert web["@context"][0] == "http://www.w3.org/ns/csvw"
        ddi = ET.parse(folder / "ddi-codebook.xml").getroot()
        tag = "{ddi:codebook:2_5}"
        assert ddi.tag == f"{tag}codeBook"
        assert [child.tag.removeprefix(tag) for child in ddi] == [
            "stdyDscr", *["fileDscr"] * len(package["resources"]), "dataDscr"
        ]  # fmt: skip
        for number, (one, other) in enumerate(zip(package["resources"], web["tables"], strict=True), start=1):
            columns = [field["name"] for field in one["schema"]["fields"]]
            assert other["url"] == one["path"]
            assert [column["name"] for column in other["tableSchema"]["columns"]] == columns
            assert other["tableSchema"]["primaryKey"] == one["schema"]["primaryKey"]
            variables = ddi.findall(f".//{tag}var[@files='F{number}']")
            assert [variable.get("name") for variable in variables] == columns
            for field, column, variable in zip(
                one["schema"]["fields"], other["tableSchema"]["columns"], variables, strict=True
            ):
                bounds = field.get("constraints", {})
                assert column["required"] is bounds.get("required", False)
                limits = variable.find(f"{tag}valrng/{tag}range")
                assert (limits is None) == ("minimum" not in bounds and "maximum" not in bounds)
                values = [one.text for one in variable.findall(f"{tag}catgry/{tag}catValu")]
                assert values == [str(value) for value in bounds.get("enum", [])]


class Seen(HTMLParser):
    """Which elements a page has, with their attributes."""

    def __init__(self):
        super().__init__()
        self.attributes = {}

    def handle_starttag(self, tag, attributes):
        self.attributes.setdefault(tag, []).append(dict(attributes))


def test_every_choice_and_tone_that_there_is_may_stand_in_it():
    by_name = {table.name: {field.name: field for field in table.fields} for table in fields.TABLES}

    assert set(by_name["answers"]["choice"].among) == set(Choice)
    assert {name for name in by_name["decisions"] if name.startswith("p_tone_")} == {f"p_tone_{tone}" for tone in Tone}
