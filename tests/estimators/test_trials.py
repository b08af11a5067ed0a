"""WCLS and EMEE: right where the truth is known, and clear about columns that are not fit."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import FaultsError
from bot.research.estimators.emee import emee
from bot.research.estimators.results import holm
from bot.research.estimators.variance import by_person, numbered, ratio, sandwich
from bot.research.estimators.wcls import wcls
from tests.estimators.truths import Coverage, binary_trial, coverage, number_trial, three_tones


def test_intervals_hold_a_known_truth_as_often_as_they_say():
    found = coverage(scale=1.0, seed=2026)

    assert len(found) == 13
    assert [one.what for one in found if not one.honest] == []
    assert [one.what for one in found if abs(one.bias) > 3.5 * one.bias_se] == []


def test_what_is_said_of_an_interval_that_lies_would_be_noticed():
    assert not Coverage("too narrow", 200, 175, 0.95, 0, 1).honest
    assert not Coverage("too wide", 1_000, 999, 0.95, 0, 1).honest
    assert Coverage("a sequence may be wide", 1_000, 999, 0.95, 0, 1, at_least=True).honest


def test_without_the_probabilities_the_same_interval_would_be_wrong():
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(40):
        columns = binary_trial(rng) | {"controls": None}
        naive = emee(**columns | {"rand_prob": np.full(len(columns["id"]), 0.5)}).effects[0]
        missed += not naive.lower <= 0.3 <= naive.upper

    assert missed > 20


def test_without_the_persons_the_same_interval_would_be_too_narrow():
    rng = np.random.default_rng(5)
    columns = number_trial(rng, n=200, mean=15)
    columns["outcome"] = columns["outcome"] + rng.normal(0, 2, size=200)[columns["id"]] * columns["treatment"]
    alone = columns | {"id": np.arange(len(columns["id"]))}

    assert wcls(**columns).effects[0].se > 1.15 * wcls(**alone).effects[0].se


def test_the_estimating_equations_are_solved_and_the_variance_is_that_of_the_textbook():
    columns = three_tones(np.random.default_rng(11), n=25, mean=6)
    fit = emee(**columns)
    found = np.array([one.estimate for one in (*fit.controls, *fit.effects)])
    x, a, p = columns["controls"]["x"], columns["treatment"], columns["rand_prob"]
    aimed = p.mean(axis=0)
    index, people = numbered(columns["id"])

    def parts(theta):
        effect = np.array([0.0, *theta[2:]])[a]
        mean = np.exp(theta[0] + theta[1] * x + effect)
        weight = (aimed / p)[np.arange(len(a)), a] * np.exp(-effect)
        d = weight[:, None] * np.column_stack((np.ones_like(x), x, (a == 1) - aimed[1], (a == 2) - aimed[2]))
        return d, columns["outcome"] - mean, -mean[:, None] * np.column_stack((np.ones_like(x), x, a == 1, a == 2))

    def total(theta):
        d, r, _ = parts(theta)
        return d.T @ r

    assert total(found) == pytest.approx(np.zeros(4), abs=1e-6)
    steps = 1e-6 * np.eye(4)
    slope = np.column_stack([(total(found + step) - total(found - step)) / 2e-6 for step in steps])
    inverse = np.linalg.inv(slope)
    d, r, towards = parts(found)
    meat = np.zeros((4, 4))
    for person in range(people):
        own = index == person
        hat = towards[own] @ inverse @ d[own].T
        score = d[own].T @ np.linalg.solve(np.eye(own.sum()) - hat, r[own])
        meat += np.outer(score, score)
    assert fit.covariance == pytest.approx(inverse @ meat @ inverse.T, rel=1e-4)
    assert (fit.citizens, fit.decision_points, fit.df) == (25, len(a), 21)


def test_one_arm_is_the_same_as_a_treatment_of_nought_and_one():
    columns = binary_trial(np.random.default_rng(3))
    p = columns["rand_prob"]
    for estimator in (emee, wcls):
        plain = estimator(**columns)
        armed = estimator(**columns | {"rand_prob": np.column_stack((1 - p, p)), "arms": ["treatment"]})
        assert armed.effects == pytest.approx(plain.effects)


def test_the_reference_may_be_changed_and_the_contrasts_stay():
    columns = three_tones(np.random.default_rng(3))
    fit = emee(**columns)
    order = [1, 0, 2]
    turned = emee(**columns | {
        "treatment": np.array(order)[columns["treatment"]], "rand_prob": columns["rand_prob"][:, order],
        "arms": ["plain", "neighbourly"],
    })  # fmt: skip
    direct = turned.effects[1]
    between = fit.contrast({"neighbourly": 1, "warm": -1}, name="between")

    assert between.estimate == pytest.approx(direct.estimate, abs=0.02)
    assert between.se == pytest.approx(direct.se, rel=0.02)
    assert turned.effects[0].estimate == pytest.approx(-fit.effects[0].estimate, abs=0.02)


def test_a_test_of_one_effect_is_its_own_test_and_of_several_that_of_hotelling():
    fit = emee(**three_tones(np.random.default_rng(8)))
    one = fit.jointly(["warm"])
    both = fit.jointly()

    assert one.p_value == pytest.approx(fit.effects[0].p_value)
    assert (both.df1, both.df2) == (2, fit.df)
    assert both.p_value < min(effect.p_value for effect in fit.effects) * 3


def test_tones_that_do_not_differ_are_found_to_differ_once_in_twenty():
    rng = np.random.default_rng(21)
    found = 0
    for _ in range(120):
        columns = three_tones(rng, n=40, mean=8)
        columns["outcome"] = (rng.random(len(columns["id"])) < 0.3).astype(float)
        found += emee(**columns).jointly().p_value < 0.05

    assert found <= 6 + 3 * math.sqrt(120 * 0.05 * 0.95)


def test_moderators_are_found_where_they_are():
    rng = np.random.default_rng(4)
    columns = number_trial(rng, n=300, mean=15)
    x, a = columns["controls"]["x"], columns["treatment"]
    columns["outcome"] = columns["outcome"] + 0.5 * a * x
    fit = wcls(**columns, moderators={"x": x})

    assert [effect.name for effect in fit.effects] == ["treatment", "treatment:x"]
    assert fit.effects[1].lower <= 0.5 <= fit.effects[1].upper
    assert fit.effects[1].lower > 0


def test_what_stands_in_unavailable_rows_does_not_matter():
    columns = binary_trial(np.random.default_rng(9))
    gone = ~columns["availability"]
    for name in ("outcome", "treatment", "rand_prob"):
        columns[name] = np.where(gone, np.nan, columns[name])
    full = emee(**columns)
    here = ~gone
    left = {name: values[here] for name, values in columns.items() if name != "controls"}
    without = emee(**left, controls={"x": columns["controls"]["x"][here]})

    assert full.effects == without.effects


def test_all_faults_are_said_at_once_with_column_value_and_mend():
    columns = {
        "id": ["a"] * 4 + [""], "outcome": [0, 1, 2, 0, 1], "treatment": [0, 1, 0, 3, 1],
        "rand_prob": [0.5, 1.0, 0.0, 0.5, 0.5], "availability": [1, 1, 1, 1, 1],
        "controls": {"dose": [1, 2, 3, None, 5]}, "alpha": 5,
    }  # fmt: skip
    with pytest.raises(FaultsError) as told:
        emee(**columns)

    assert told.value.faults == (
        "alpha: 5; must lie between 0 and 1, such as 0.05",
        "id: '' in row 4; every available row needs its person",
        "treatment: 3.0 in row 3; must be 0 or 1",
        (
            "rand_prob: 1.0 in row 1 and 1 more; must lie strictly between 0 and 1 where available; set availability "
            "to 0 where nothing was drawn"
        ),
        "outcome: 2.0 in row 2; must be 0 or 1; for other outcomes use wcls",
        "dose: nan in row 3; must be a number where available",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outcome": ["yes"] * 60}, r"outcome: 'yes' in row 0 and 59 more; must be a number"),
        ({"outcome": np.zeros(60)}, r"outcome: 'no 1 under treatment 0'; take an outcome that happens under each"),
        ({"treatment": np.zeros(60)}, r"treatment: 1; no available row has it; leave that arm out"),
        ({"id": np.arange(60) % 4}, r"id: '4 people'; 2 coefficients need at least 7"),
        ({"outcome": np.ones(59)}, r"the columns differ in length \(id 60, rand_prob 60, outcome 59"),
        ({"rand_prob": np.full((60, 3), 1 / 3)}, r"rand_prob: 'shape \(60, 3\)'; give 2 columns"),
        ({"arms": ["b", "c"]}, r"rand_prob: 'shape \(60,\)'; give 3 columns, one for each treatment from 0 on"),
        ({"arms": ["b", "c"], "rand_prob": np.full((60, 3), 0.5)}, r"\[0.5, 0.5, 0.5\] in row 0 .*; must sum to 1"),
        ({"numerator": 1.5}, r"numerator: \[1.5\]; give 1 above 0 that sum to less than 1"),
        ({"availability": np.full(60, 2)}, r"availability: 2.0 in row 0 and 59 more; must be 1 or 0"),
        ({"controls": {"x": np.ones(60)}}, r"some columns are sums of others"),
    ],
)
def test_each_fault_has_its_mend(change, said):
    rng = np.random.default_rng(1)
    columns = {
        "id": np.arange(60) // 3, "outcome": rng.integers(0, 2, 60), "treatment": np.arange(60) % 2,
        "rand_prob": np.full(60, 0.5),
    }  # fmt: skip
    emee(**columns)
    with pytest.raises(FaultsError, match=said):
        emee(**columns | change)


def test_a_number_that_is_missing_is_no_outcome_of_wcls():
    columns = number_trial(np.random.default_rng(1))
    columns["outcome"] = np.where(np.arange(len(columns["id"])) == 3, np.nan, columns["outcome"])

    with pytest.raises(FaultsError, match=r"outcome: nan in row 3; must be a number; set availability to 0 where"):
        wcls(**columns)


def test_columns_that_are_sums_of_others_are_refused_by_both():
    columns = number_trial(np.random.default_rng(1))
    x = columns["controls"]["x"]

    with pytest.raises(FaultsError, match="some are sums of others"):
        wcls(**columns | {"controls": {"x": x, "twice": 2 * x}})


def test_unknown_effects_are_no_part_of_a_contrast():
    fit = wcls(**number_trial(np.random.default_rng(1)))

    with pytest.raises(FaultsError, match="weights: 'warm'; must be one of treatment"):
        fit.contrast({"warm": 1}, name="x")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_never_calls_anything_surer_than_it_was_and_rejects_as_closed_testing_does(values):
    p = {f"t{i}": value for i, value in enumerate(values)}
    adjusted = holm(p)

    assert list(adjusted) == list(p)
    for name, value in p.items():
        assert value <= adjusted[name] <= 1
        # By closed testing: each set of hypotheses with this one in it is refused by Bonferroni.
        sets = [rest for size in range(len(p)) for rest in itertools.combinations([n for n in p if n != name], size)]
        worst = max(min(1, (len(rest) + 1) * min(value, *(p[n] for n in rest), 1)) for rest in sets)
        assert adjusted[name] == pytest.approx(worst)


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})


@settings(max_examples=30)
@given(st.integers(2, 30), st.integers(0, 1_000))
def test_the_robust_error_of_a_mean_of_single_rows_is_the_usual_one(n, seed):
    values = np.random.default_rng(seed).normal(size=n)
    mean, se = ratio(values, np.ones(n), np.arange(n), n)

    assert mean == pytest.approx(values.mean())
    assert se == pytest.approx(values.std(ddof=1) / math.sqrt(n))


def test_someone_who_decides_a_coefficient_alone_is_told():
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0]])
    slopes = -np.array([np.diag([1.0, 0.0]), np.diag([0.0, 1.0]), np.diag([1.0, 0.0])])

    with pytest.raises(FaultsError, match="one person alone decides a coefficient"):
        sandwich(scores, slopes)


def test_rows_are_summed_by_person_whatever_their_order():
    index, people = numbered(["b", "a", "b"])

    assert by_person(np.array([[1.0], [2.0], [4.0]]), index, people).tolist() == [[2.0], [5.0]]
