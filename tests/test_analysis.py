"""A trial analysed: nothing is primary that no frozen plan names, and nothing before its day."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import t as student

from bot.core.facts import Learning, Tone
from bot.errors import RefusedError
from bot.research import plans
from bot.research.analysis import Stands, analyse
from bot.research.distal import Distal, distal
from bot.research.effects import ALIKE, TOO_FEW, UNSOLVED, Trial
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
    assert (seen.secondary, seen.moderated, seen.distal) == ((), (), None)
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

    assert all(one.ratio is None and one.why == TOO_FEW for one in (*seen.primary, *seen.secondary))
    assert all(one.ratio is None for one in seen.moderated)
    assert all(one.share is None for one in seen.arms)


def test_when_hardly_anybody_agreed_it_is_refused(town):
    freeze(town)
    answers(town, people=2)

    with pytest.raises(RefusedError, match="agreed to research by now"):
        look(town)


# What the plan names beside its primary part

PLAN = {
    "estimands": {
        "alpha": 0.05,
        "reference_send": 0.5,
        "primary": [
            {"id": "s", "family": "send", "outcome": "welcome_any", "treated": "send", "reference": "hold"},
            {"id": "w", "family": "tone", "outcome": "welcome", "treated": "warm", "reference": "neutral"},
        ],
    },
    "arms": {"tones": ["neutral", "warm"]},
    "moderators": ["f_dose", "f_language"],
}


def simulated(people, points, *, chance, seed=11, languages=("nl", "nl", "en")):
    """The rows of a trial whose truth is known: `chance(treated, dose, language)` is that of the outcome."""
    draw = np.random.default_rng(seed)
    n = people * points
    id_ = np.repeat(np.arange(people), points)
    language = np.array(languages)[id_ % len(languages)]
    dose, p = draw.uniform(0, 1, n), draw.uniform(0.3, 0.7, n)
    treated = draw.random(n) < p
    came = (draw.random(n) < chance(treated, dose, language)).astype(int)
    shared = {"id": id_.astype(str), "decision_index": np.tile(np.arange(1, points + 1), people),
              "availability": np.ones(n, dtype=int), "f_dose": dose, "f_language": language}  # fmt: skip
    send = shared | {"treatment": treated.astype(int), "rand_prob": p, "outcome_any": came}
    tone = shared | {
        "treatment": np.where(treated, "warm", "neutral"), "p_warm": p, "p_neutral": 1 - p, "outcome": came,
        "unwelcome": 1 - came,
    }  # fmt: skip
    return Trial(plan=PLAN, send=pl.DataFrame(send), tone=pl.DataFrame(tone))


def moderated(trial):
    return {(one.id, one.moderator, one.level): one for one in trial.moderated()}


def test_what_changes_a_ratio_is_found_with_its_true_size():
    def chance(treated, dose, language):
        """Writing multiplies by 1.2, times 2 for one more of the dose, times 0.6 in English."""
        return 0.2 * np.exp(treated * (np.log(1.2) + np.log(2.0) * dose + np.log(0.6) * (language == "en")))

    found = moderated(simulated(4_000, 5, chance=chance))

    for comparison in ("s", "w"):
        dose, english = found[comparison, "f_dose", None], found[comparison, "f_language", "en"]
        assert abs(errors_from(dose, 2.0)) < 3
        assert dose.lower > 1
        assert abs(errors_from(english, 0.6)) < 3
        assert english.upper < 1
        assert (dose.people, english.people, dose.draws) == (4_000, 1_333, 20_000)


def errors_from(effect, truth):
    """How many standard errors the estimate is off, on the scale of the log."""
    error = (np.log(effect.upper) - np.log(effect.lower)) / (2 * 1.96)
    return (np.log(effect.ratio) - np.log(truth)) / error


def test_intervals_of_moderators_cover_the_truth_as_often_as_they_say():
    def chance(treated, dose, language):
        english = language == "en"
        return 0.25 * np.exp(treated * (0.1 + 0.5 * dose - 0.4 * english) + 0.4 * english)

    runs = [moderated(simulated(150, 4, chance=chance, seed=seed)) for seed in range(100)]

    for moderator, level, truth in (("f_dose", None, np.exp(0.5)), ("f_language", "en", np.exp(-0.4))):
        covered = sum(found["s", moderator, level].lower < truth < found["s", moderator, level].upper for found in runs)
        assert covered >= 88, moderator


def test_with_words_the_factor_is_that_of_the_plain_shares():
    """One draw for each person at even chances, so that nothing but the shares of a two-by-two-by-two is in it."""
    counts = {("nl", 1): (60, 200), ("nl", 0): (40, 200), ("en", 1): (30, 150), ("en", 0): (50, 150)}
    rows = [
        {"f_language": language, "treatment": treated, "outcome_any": int(place < came)}
        for (language, treated), (came, of) in counts.items()
        for place in range(of)
    ]
    frame = pl.DataFrame(rows).with_row_index("id").with_columns(
        pl.col("id").cast(pl.String), decision_index=pl.lit(1), availability=pl.lit(1), rand_prob=pl.lit(0.5),
        f_dose=pl.lit(0.0),
    )  # fmt: skip
    trial = Trial(plan=PLAN | {"estimands": PLAN["estimands"] | {"primary": PLAN["estimands"]["primary"][:1]}},
                  send=frame, tone=frame)  # fmt: skip

    found = moderated(trial)

    assert found["s", "f_language", "en"].ratio == pytest.approx((30 / 50) / (60 / 40))
    assert found["s", "f_dose", None].ratio is None
    assert found["s", "f_dose", None].why == ALIKE


def test_a_value_of_too_few_people_is_not_told():
    def chance(treated, dose, language):
        return np.full(len(dose), 0.3)

    trial = simulated(120, 5, chance=chance)
    few = pl.when(pl.col("id").cast(pl.Int64) < 9).then(pl.lit("ar")).otherwise(pl.col("f_language"))
    found = moderated(Trial(plan=PLAN, send=trial.send.with_columns(f_language=few), tone=trial.tone))

    assert (found["s", "f_language", "ar"].ratio, found["s", "f_language", "ar"].people) == (None, 0)
    assert found["s", "f_language", "ar"].why == TOO_FEW
    assert found["s", "f_language", "en"].ratio is not None


def test_where_all_rows_are_alike_there_is_nothing_to_compare():
    trial = simulated(60, 3, chance=lambda treated, dose, language: np.full(len(dose), 0.3), languages=("nl",))

    assert moderated(trial)["s", "f_language", None].why == ALIKE


def test_a_moderator_that_says_the_same_as_the_number_of_the_look_cannot_be_told_from_it():
    trial = simulated(60, 3, chance=lambda treated, dose, language: np.full(len(dose), 0.3))
    same = replace(trial, send=trial.send.with_columns(f_dose=pl.col("decision_index").cast(pl.Float64)))

    assert moderated(same)["s", "f_dose", None].why == UNSOLVED


def test_secondary_outcomes_are_those_of_the_family_that_are_not_primary():
    def chance(treated, dose, language):
        return np.where(treated, 0.5, 0.25)

    [one] = simulated(1_000, 3, chance=chance).secondary()

    assert (one.id, one.outcome, one.p_adjusted) == ("w/unwelcome", "unwelcome", None)
    assert one.lower < 0.5 / 0.75 < one.upper < 1


def test_only_from_the_plans_day_on_is_shown_what_it_names_beside_the_primary_part(town):
    early = datetime.fromisoformat("2027-02-28T10:00+00:00")
    plan = freeze(town)
    answers(town)
    before, after = look(town, early), look(town)

    assert (before.secondary, before.moderated, before.distal) == ((), (), None)
    assert {one.moderator for one in after.moderated} == set(plan.record["moderators"])
    assert {one.outcome for one in after.secondary} == {"unwelcome"}
    assert after.distal == Distal()  # nobody consented to a theme a year ago
    named = {one.id for one in after.primary}
    assert named == set(plan.primary)
    assert not named & {one.id for one in after.secondary}


def people(town, count, *, holdout, then=None, days=400, again=None):
    """Who consented so many days ago; `then`: what became of it after so many days, `again` of a second consent."""
    rows = Answered(town.sessions, town.wording, town.vault, town.now) if not hasattr(town, "rows") else town.rows
    town.rows = rows
    began = town.now - timedelta(days=days)
    for _ in range(count):
        one = rows.person(holdout=holdout, agreed=False)
        rows.consent(one, "money", "given", began)
        if then is not None:
            rows.consent(one, "money", then[0], began + timedelta(days=then[1]))
        if again is not None:
            rows.consent(one, "care", "given", began + timedelta(days=again))


def distal_of(town):
    town.rows.flush()
    with town.sessions() as session:
        return distal(session, town.now, alpha=0.05)


def test_after_a_year_the_policy_is_held_against_the_hold_out_and_everybody_counts(town):
    people(town, 70, holdout=False)
    people(town, 30, holdout=False, then=("withdrawn", 100))
    people(town, 20, holdout=False, then=("withdrawn", 370))  # after the year
    people(town, 10, holdout=False, then=("expired", 200), again=300)  # another theme is in force
    people(town, 25, holdout=True)
    people(town, 15, holdout=True, then=("withdrawn", 3))
    people(town, 500, holdout=True, days=364)  # no year yet

    found = distal_of(town)

    p, q = 100 / 130, 25 / 40
    spread = np.sqrt(p * (1 - p) * 130 / 129**2 + q * (1 - q) * 40 / 39**2)
    reach = student.ppf(0.975, 168) * spread
    assert (found.policy_people, found.holdout_people) == (130, 40)
    assert (found.policy_share, found.holdout_share) == pytest.approx((p, q))
    assert (found.difference, found.lower, found.upper) == pytest.approx((p - q, p - q - reach, p - q + reach))
    assert found.p_value == pytest.approx(2 * student.sf((p - q) / spread, 168))


def test_after_a_year_nothing_is_told_of_few(town):
    people(town, 100, holdout=False, then=("withdrawn", 100))
    people(town, 100, holdout=False)
    people(town, 9, holdout=True)
    assert distal_of(town) == Distal()

    people(town, 4, holdout=True, then=("withdrawn", 10))
    assert distal_of(town) == Distal(policy_people=200, holdout_people=13)
