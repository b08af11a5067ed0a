"""A trial analysed: nothing is primary that no frozen plan names, and nothing before its day."""

import random
from datetime import datetime, timedelta

import numpy as np
import pytest

from bot.core.facts import Learning, Tone
from bot.errors import RefusedError
from bot.research import plans
from bot.research.analysis import Stands, analyse
from bot.research.estimators.emee import emee
from bot.research.estimators.views import send_columns
from bot.research.export.frames import frames
from tests.answered import Answered
from tests.world import World

KEY = b"k" * 32
DAY = "2027-03-01"
AFTER = datetime.fromisoformat("2027-03-02T10:00+00:00")


@pytest.fixture
def town(sessions, wording, vault):
    town = World(sessions, wording, vault)
    town.trial = town.campaign(id="trial", learning=Learning.TRIAL)
    return town


def freeze(town, **choices):
    with town.sessions.begin() as session:
        given = {"analysed_on": DAY} | choices
        plans.save(session, town.trial, given, by="rik", now=town.now)
        return plans.freeze(session, town.trial, town.wording, by="rik", now=town.now)


def answers(town, *, people=60, weeks=6, seed=3):
    """So many people, drawn each week whether to write and in which tone; a warm message is welcome more often."""
    draw, town.now = random.Random(seed), AFTER
    rows = Answered(town.sessions, town.wording, town.vault, AFTER)
    for _ in range(people):
        person = rows.person()
        for week in range(weeks):
            at = AFTER - timedelta(weeks=10 - week)
            tone = draw.choice(list(Tone))
            if draw.random() < 0.5:
                chance = 0.5 if tone is Tone.WARM else 0.2
                said = [("welcome", 2)] if draw.random() < chance else []
                rows.decided(person, town.trial, at, tone=tone, answers=said)
            else:
                rows.decided(person, town.trial, at, plan="hold", reason="lottery")
    rows.flush()


def look(town, now=AFTER):
    with town.sessions() as session:
        return analyse(session, town.wording, town.trial, key=KEY, now=now)


def test_without_a_plan_nothing_is_primary(town):
    answers(town)

    seen = look(town)

    assert (seen.stands, seen.primary, seen.hidden) == (Stands.NO_PLAN, (), ())
    assert {one.outcome for one in seen.arms} == {"welcome_any", "welcome", "unwelcome"}


def test_from_its_day_on_what_the_plan_names_is_primary_and_no_more(town):
    plan = freeze(town)
    answers(town)

    seen = look(town)

    assert seen.stands is Stands.SHOWN
    assert [one.id for one in seen.primary] == plan.primary
    assert not [one for one in seen.primary if one.why]
    warm = next(one for one in seen.primary if one.id == "tone.welcome.warm-neutral")
    assert warm.lower < 2.5 < warm.upper
    assert warm.lower > 1
    assert warm.p_adjusted >= warm.p_value


def test_it_is_what_the_export_and_the_estimator_give(town):
    freeze(town)
    answers(town)
    with town.sessions() as session:
        view = frames(session, KEY, AFTER, wording=town.wording)["mrt_send"]

    fit = emee(**send_columns(view, controls=("decision_index",)), numerator=[0.5])
    shown = look(town).primary[0]

    assert shown.ratio == pytest.approx(float(np.exp(fit.effects[0].estimate)))
    assert (shown.people, shown.draws) == (fit.citizens, fit.decision_points)


def test_before_its_day_the_primary_outcomes_are_not_shown_under_any_name(town):
    freeze(town)
    answers(town)

    seen = look(town, datetime.fromisoformat("2027-02-28T10:00+00:00"))

    assert (seen.stands, seen.primary) == (Stands.WAITS, ())
    assert seen.hidden == ("welcome_any", "welcome")
    assert {one.outcome for one in (*seen.arms, *seen.differences)} == {"unwelcome"}


def test_a_plan_may_allow_to_look_early_and_then_by_sequences_only(town):
    freeze(town, looks_early=True)
    answers(town)

    seen = look(town, datetime.fromisoformat("2027-02-28T10:00+00:00"))

    assert (seen.stands, seen.primary, seen.hidden) == (Stands.WAITS, (), ())
    assert {one.outcome for one in seen.differences} == {"welcome_any", "welcome", "unwelcome"}


def test_a_plan_that_is_not_what_was_frozen_makes_nothing_primary(town, monkeypatch):
    plan = freeze(town)
    answers(town)
    tampered = plan.record | {"estimands": plan.record["estimands"] | {"alpha": 0.2}}
    monkeypatch.setattr(
        "bot.research.analysis.plans.newest",
        lambda *_: plans.Frozen(campaign=plan.campaign, version=1, hash=plan.hash, record=tampered, by="x", at=plan.at),
    )

    seen = look(town)

    assert (seen.stands, seen.primary) == (Stands.BROKEN, ())


def test_a_change_of_the_plan_after_its_day_cannot_bring_the_day_forward(town):
    freeze(town)
    answers(town)

    with pytest.raises(RefusedError, match="which has passed"):
        freeze(town, tone="unwelcome")


def test_what_rests_on_too_few_people_is_not_told(town):
    freeze(town)
    answers(town, people=9, weeks=10)

    seen = look(town)

    assert all(one.ratio is None and one.why for one in seen.primary)
    assert all(one.share is None for one in seen.arms)


def test_when_hardly_anybody_agreed_it_is_refused(town):
    freeze(town)
    answers(town, people=2)

    with pytest.raises(RefusedError, match="agreed to research by now"):
        look(town)
