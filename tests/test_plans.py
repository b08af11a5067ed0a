"""A plan of analysis: what it says, that freezing it is for good, and that it is honest about when."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from bot.core.facts import Learning
from bot.errors import FaultsError, RefusedError
from bot.research import plans
from bot.store.tables import AuditRow
from tests.world import World


@pytest.fixture
def town(sessions, wording, vault):
    town = World(sessions, wording, vault)
    town.trial = town.campaign(learning=Learning.TRIAL)
    return town


def frozen(town, **choices):
    with town.sessions.begin() as session:
        if choices:
            plans.save(session, town.trial, choices, by="rik", now=town.now)
        return plans.freeze(session, town.trial, town.wording, by="rik", now=town.now)


def refused(town, match, **choices):
    with pytest.raises(RefusedError, match=match):
        frozen(town, **choices)


def test_it_names_what_is_drawn_and_nothing_else_as_primary(town):
    plan = frozen(town)

    assert plan.primary[0] == "send.welcome_any"
    assert set(plan.primary[1:]) == {"tone.welcome.warm-neutral", "tone.welcome.practical-neutral"}
    assert {one["correction"] for one in plan.record["estimands"]["primary"] if one["family"] == "tone"} == {"Holm"}
    sent = [one["id"] for one in plan.record["arms"]["wordings"]]
    assert sorted(sent) == sorted(name for name in town.wording.variants if name.startswith("zorgtoeslag."))
    assert plan.record["arms"]["wordings"][0]["hashes"]["nl"] == town.wording.wording_hash(sent[0], "nl")


def test_what_is_not_drawn_cannot_be_primary(town):
    fixed = town.campaign(id="fixed", learning=Learning.FIXED)
    with town.sessions.begin() as session:
        plan = plans.freeze(session, fixed, town.wording, by="rik", now=town.now)
        assert all(name.startswith("tone.") for name in plan.primary)
        one = town.wording.variants["zorgtoeslag.neutral.1"].id
    alone = town.campaign(id="alone", learning=Learning.FIXED, variants=[one])
    with town.sessions.begin() as session, pytest.raises(RefusedError, match="Nothing is drawn in alone"):
        plans.freeze(session, alone, town.wording, by="rik", now=town.now)


def words_of(town, campaign):
    with town.sessions() as session:
        return plans.as_markdown(plans.draft(session, campaign, town.wording))


def test_it_speaks_of_holding_only_where_holding_is_drawn(town):
    both = words_of(town, town.trial)
    tones = words_of(town, town.campaign(id="fixed", learning=Learning.FIXED))
    sending = words_of(town, town.campaign(id="alone", learning=Learning.TRIAL, variants=["zorgtoeslag.neutral.1"]))

    for word in (
        "hold for a week",
        "holding for a week",
        "Sending against holding",
        "or from the decision to hold",
        "alpha = 0.05 for sending",
        "Sending: marginal excursion effect",
        "welcome_any",
        "when the answer is",
    ):
        assert word.lower() not in tones.lower()
    assert "Which of the approved tones is felt as welcome more often?" in tones
    assert "Tones: marginal excursion effect" in tones
    assert "Tones: the same among messages" in both
    assert "Does writing now, against holding for a week" in both
    assert "which of the approved tones" in both
    assert "tone contrasts" not in sending
    assert "welcome (outcome of mrt_tone)" not in sending
    assert "Holm" not in sending


def test_what_is_proposed_can_be_saved_and_asks_the_same(town):
    fixed = town.campaign(id="fixed", learning=Learning.FIXED)
    with town.sessions.begin() as session:
        proposed = plans.choices_of(session, fixed, town.wording)
        plans.save(session, fixed, proposed.model_dump(mode="json"), by="rik", now=town.now)
        assert plans.choices_of(session, fixed, town.wording) == proposed


def test_a_plan_that_names_nothing_as_primary_says_so(town):
    with town.sessions.begin() as session:
        plans.save(session, town.trial, {"send": None, "tone": None}, by="rik", now=town.now)

    said = words_of(town, town.trial)

    assert "Nothing is named as primary yet." in said
    assert "| Name | Comparison |" not in said


@pytest.mark.parametrize("people", ["1.000", "1,000", "1.0", "1e3", ""])
def test_people_are_counted_in_digits_alone(town, people):
    with pytest.raises(FaultsError, match=r"people = '.*' is not written in digits alone; write it such as 1000"):
        frozen(town, people=people)


def test_its_hash_is_of_its_json_and_anybody_can_work_it_out(town):
    import hashlib

    plan = frozen(town)

    canonical = json.dumps(plan.record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert plan.hash == hashlib.sha256(canonical.encode()).hexdigest()
    assert plans.holds(plan)
    with town.sessions() as session:
        kept = plans.frozen(session, town.trial, 1)
        [audited] = session.exec(select(AuditRow).where(AuditRow.action == "plan.freeze")).all()
    assert kept == plan
    assert (audited.who, audited.subject, audited.detail["hash"]) == ("rik", town.trial, plan.hash)


@pytest.mark.parametrize("deed", ["UPDATE plan SET frozen_by = 'eva'", "DELETE FROM plan"])
def test_the_database_lets_nobody_change_a_frozen_plan(town, deed):
    plan = frozen(town)

    with pytest.raises(DatabaseError, match="what was frozen cannot be changed"), town.sessions.begin() as session:
        session.execute(text(deed))

    with town.sessions() as session:
        assert plans.newest(session, town.trial) == plan


def test_a_change_is_the_next_version_and_the_first_one_stays(town):
    first = frozen(town)
    refused(town, "Version 1 says the same")
    second = frozen(town, tone="unwelcome")

    assert (first.version, second.version) == (1, 2)
    assert second.primary[1].startswith("tone.unwelcome.")
    with town.sessions() as session:
        assert [one.hash for one in plans.of_campaign(session, town.trial)] == [second.hash, first.hash]


def test_a_plan_that_comes_after_the_first_draw_says_so(town):
    early = frozen(town)
    town.joins("111", "money")
    town.signal()
    town.tick()
    late = frozen(town, alpha=0.01)

    assert not early.after_data
    assert "Registered after the data began" not in plans.as_markdown(
        early.record, digest=early.hash, by="rik", at="now"
    )
    assert late.after_data
    assert "Registered after the data began" in plans.as_markdown(late.record, digest=late.hash, by="rik", at="now")
    assert [one["phase"] for one in late.record["policies"]] == [0]


def test_a_refusal_at_the_gate_is_no_draw(town):
    town.joins("111", "money")
    town.pause(town.trial)
    town.signal()
    town.tick()
    assert [decision.available for decision in town.decisions()] == [False]

    assert not frozen(town).after_data


def test_nobody_freezes_a_plan_whose_day_has_come(town):
    refused(town, "which has passed", analysed_on=(town.now.date()).isoformat())
    refused(town, "names nothing as primary", send=None, tone=None)


def test_without_another_day_primary_results_wait_for_the_last_window(town):
    plan = frozen(town)

    last = town.wording.rules.window + timedelta(days=1)
    ends = plan.record["campaign"]["until"]
    assert plan.record["analysed_on"] == (town.now.date().fromisoformat(ends) + last).isoformat()
    assert plan.analysed_from > town.now


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"send": "welcome"}, "send = welcome cannot happen while we hold; use welcome_any"),
        ({"tone": "welcome_any"}, "tone = welcome_any is not about a message; use one of welcome, unwelcome"),
        ({"alpha": 0.5}, "alpha = 0.5: input should be less than or equal to 0.2"),
        ({"ratio_tone": 1}, "ratio_tone = 1 is no difference; say which one is worth finding"),
        ({"colour": "red"}, "colour is not a field; mend its name or take it out"),
    ],
)
def test_what_does_not_fit_is_told_with_its_value_and_its_mend(town, given, fault):
    with town.sessions.begin() as session, pytest.raises(FaultsError) as told:
        plans.save(session, town.trial, given, by="rik", now=town.now)

    assert told.value.faults == (fault,)


def test_the_sample_size_is_that_of_two_proportions(town):
    """Checked by hand: ln 1.5 = 0.405465; (1.959964 + 0.841621)² (0.98 / 0.02 + 0.97 / 0.03) / 0.405465² = 3883.01."""
    plan = frozen(town, baseline_send=0.02)

    assert plan.record["sample"]["send"]["needed"] == 7768
    assert plan.record["sample"]["tone"]["alpha"] == pytest.approx(0.025)


def test_every_part_of_a_plan_can_be_read(town):
    plan = frozen(town)
    told = plans.as_markdown(plan.record, digest=plan.hash, by="rik", at="2026-11-24")

    for part in ("Decision", "Arms", "Randomisation", "Primary estimands", "Sample size", "missing data", "Guardrails"):
        assert part.casefold() in told.casefold()
    assert plan.hash in told
    for wording in plan.record["arms"]["wordings"]:
        assert wording["hashes"]["nl"] in told
    assert "Nobody signed them" in told
