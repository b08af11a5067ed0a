"""What other municipalities learned, as a file that somebody signs, and what this town may tell them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from bot import learning, planning, register
from bot.core import policy, pooling
from bot.core.facts import Tone
from bot.core.policy import Policy
from bot.errors import FaultsError, RefusedError, WordingError
from bot.store import schema
from bot.store.tables import AuditRow, PolicyRow
from tests.answered import Answered
from tests.core.test_policy import MATURED, NOW
from tests.test_cli import _logging_as_it_was, _no_settings, handreiking, keys, municipality  # noqa: F401 - fixtures
from tests.test_wording import Files
from tests.world import World

PEOPLE = {one.decision: f"p{number % 60}" for number, one in enumerate(MATURED)}


@pytest.fixture
def town(sessions, wording, vault):
    return World(sessions, wording, vault)


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path / "texts")


@pytest.fixture
def theirs(wording):
    """The file of another municipality."""
    record = pooling.statistics(
        MATURED,
        PEOPLE,
        wording.values,
        at=NOW,
        window=wording.rules.window,
        algorithm=policy.ALGORITHM,
        municipality="Elders",
    )
    return json.dumps(record)


def signed(*statistics, weight=None):
    lines = ['signed_by = "Ada, wethouder"', 'because = "Towns of our size"']
    lines += [] if weight is None else [f"weight = {weight}"]
    return "\n".join([*lines, "statistics = [", *(f"'''\n{text}\n'''," for text in statistics), "]\n"])


def answers(town, people, messages=6):
    """So many people with so many messages each, all closed."""
    name = town.campaign(id="learns")
    town = Answered(town.sessions, town.wording, town.vault, town.now)
    for number in range(people):
        person = town.person()
        for week in range(messages):
            at = town.now - timedelta(weeks=4 + 3 * week)
            said = [("more", 1)] if (number + week) % 3 == 0 else []
            town.decided(person, name or "learns", at, tone=list(Tone)[week % 3], answers=said)
    town.flush()


def test_a_signed_file_of_others_is_where_learning_begins(files, theirs, town):
    files.write("messages/prior.toml", signed(theirs))

    loaded = files.load()

    assert loaded.others == pooling.taken([json.loads(theirs)], weight=0.1)
    here = replace(town.wording, prior=loaded.prior)
    with town.sessions.begin() as session:
        first = planning.current_policy(session, here, town.now)
    assert first.version == policy.prior(here.values, loaded.others).version != policy.prior(here.values).version
    version = learning.learn(town.sessions, here, town.now + timedelta(days=7))
    with town.sessions() as session:
        row = session.get_one(PolicyRow, version)
        assert row.parent == first.version
        made = Policy.from_record(row.record)
    assert (made.version, made.others, made.phase) == (version, loaded.others, 0)


def test_without_the_file_there_are_no_others(files):
    assert files.load().others is None


def test_the_register_says_whose_answers_count_too_while_such_a_file_is_in_force(files, theirs):
    before = register.entry(files.load())
    others = json.dumps(json.loads(theirs) | {"municipality": "Verderop"} | {"sends": 1})
    files.write("messages/prior.toml", signed(theirs, others, weight=0.25))
    loaded = files.load()

    said = register.entry(loaded)

    assert said["gegevens"].startswith(before["gegevens"])
    told = said["gegevens"].removeprefix(before["gegevens"])
    assert "Elders en Verderop" in told
    assert "voor 25% van een antwoord van hier" in told
    assert "Ada, wethouder" in told
    assert register.faults(said, loaded) == []
    assert [one.field for one in register.difference(before, said)] == ["gegevens", "technische_werking"]


def test_a_register_that_says_nothing_of_others_cannot_be_published_with_them(files, theirs):
    files.write("messages/prior.toml", signed(theirs))
    text = (files.root / "messages" / "register.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("others = ")]
    files.write("messages/register.toml", "\n".join(lines))

    with pytest.raises(FaultsError, match=r"register\.toml: others is missing; messages/prior\.toml is in force"):
        register.entry(files.load())


def test_whose_answers_they_are_has_to_stand_in_the_file(files, theirs):
    files.write("messages/prior.toml", signed(json.dumps(json.loads(theirs) | {"municipality": " "})))

    with pytest.raises(WordingError, match="municipality = ' ' is no name"):
        files.load()


def test_all_faults_of_the_file_are_told_at_once(files, theirs):
    bent = json.loads(theirs)
    bent["algorithm"] = "0"
    bent["models"]["warm"]["n"] = 2.5
    files.write("messages/prior.toml", signed("{", json.dumps(bent), theirs, theirs))
    files.replace("messages/values.toml", "weight = -0.5", "weight = 0.5")

    with pytest.raises(WordingError) as first:
        files.load()
    files.replace("messages/values.toml", "weight = 0.5", "weight = -0.5")
    with pytest.raises(WordingError) as told:
        files.load()

    assert any("unwelcome.weight" in fault for fault in first.value.faults)
    at = "messages/prior.toml: statistics"
    assert [fault.startswith(start) for fault, start in zip(
        told.value.faults,
        (f"{at}[1] is not JSON", f"{at}[2]: algorithm = '0'", f"{at}[2]: models.warm.n = 2.5", f"{at}[4]: stands here"),
        strict=True,
    )] == [True] * 4  # fmt: skip


@pytest.mark.parametrize(
    ("weight", "fault"),
    [(0, "weight = 0: input should be greater than 0"), (1.5, "weight = 1.5: input should be less than or equal to 1")],
)
def test_others_count_for_something_and_for_no_more_than_our_own(files, theirs, weight, fault):
    files.write("messages/prior.toml", signed(theirs, weight=weight))

    with pytest.raises(WordingError) as told:
        files.load()

    assert told.value.faults == (f"messages/prior.toml: {fault}",)


def test_nobody_takes_it_in_without_signing(files, theirs):
    files.write("messages/prior.toml", signed(theirs).partition("\n")[2])

    with pytest.raises(WordingError) as told:
        files.load()

    assert told.value.faults == ("messages/prior.toml: signed_by is missing; add it",)


def test_a_town_writes_what_another_can_take_in(municipality, database_url, town, files, tmp_path):  # noqa: F811
    answers(town, 40)
    file = tmp_path / "ours.json"

    code, said, complaint = municipality("policy", "statistics", file, "--by", "ada")

    assert code == 0, complaint
    assert "sums of 240 messages" in said
    files.write("messages/prior.toml", signed(file.read_text(encoding="utf-8"), weight=1.0))
    assert files.load().others.tones[Tone.WARM].names == ("one", "theme:money")
    engine = schema.open_engine(database_url)
    with Session(engine) as session:
        [row] = session.execute(select(AuditRow).where(AuditRow.action == "policy.statistics")).scalars()
    engine.dispose()
    assert (row.who, row.subject, row.detail["sends"]) == ("ada", "ours.json", 240)
    code, _, complaint = municipality("policy", "statistics", file, "--by", "ada")
    assert (code, "cannot be made" in complaint) == (1, True)


def test_a_town_with_few_answers_tells_nothing(town, tmp_path):
    answers(town, 33)

    with pytest.raises(RefusedError, match="known what came back: 198"):
        learning.write_statistics(town.sessions, town.wording, tmp_path / "x.json", by="ada", now=town.now)

    assert not (tmp_path / "x.json").exists()


def test_the_policy_in_force_is_told_in_words(municipality, town):  # noqa: F811
    assert "No policy version was made yet" in municipality("policy", "show")[1]
    town.journey.learn()

    code, said, _ = municipality("policy", "show")

    assert code == 0
    assert "No window that teaches was closed on" in said
    assert "Phase 0: even chances" in said
    assert "warm       0.150  0.120" in said
    code, shown, _ = municipality("policy", "show", "--json")
    assert (json.loads(shown)["phase"], len(json.loads(shown)["tones"])) == (0, 3)
