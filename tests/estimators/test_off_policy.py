"""What another way of choosing would be worth, and the bootstrap by citizen. Coverage is held in `test_trials`."""

import numpy as np
import pytest

from bot.errors import FaultsError, RefusedError
from bot.research.estimators.off_policy import cross_fitted, difference, dr, ips, sndr, snips
from bot.research.estimators.resampling import bootstrap, bootstrap_ratio
from tests.estimators.truths import EVEN, SECOND, logged_choices


@pytest.fixture(scope="module")
def logged():
    columns, x, second, even = logged_choices(np.random.default_rng(12), n=3_000, mean=6)
    known = {name: columns[name] for name in ("id", "action", "outcome")}
    q = cross_fitted(**known, features=x, actions=3, rng=np.random.default_rng(1))
    return columns, q, second, even


def test_all_four_find_what_is_true_and_say_how_much_they_rest_on(logged):
    columns, q, second, _ = logged
    found = [ips(**columns, target=second), snips(**columns, target=second),
             dr(**columns, target=second, predictions=q), sndr(**columns, target=second, predictions=q)]  # fmt: skip

    weights = second[np.arange(len(q)), columns["action"]] / columns["rand_prob"]
    for value in found:
        assert value.lower <= SECOND <= value.upper
        assert value.ess == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
        assert value.max_weight == weights.max()
        assert (value.citizens, value.df, value.decision_points) == (3_000, 2_999, len(weights))
        assert value.increments.mean() == pytest.approx(value.estimate)
    assert [value.method for value in found] == ["IPS", "SNIPS", "DR", "SNDR"]


def test_a_way_that_is_the_logged_one_is_worth_the_plain_mean():
    columns, *_ = logged_choices(np.random.default_rng(3), n=300)
    n = len(columns["id"])
    rng = np.random.default_rng(1)
    even = columns | {"rand_prob": np.full(n, 1 / 3), "action": rng.integers(3, size=n)}
    value = snips(**even, target=np.full((n, 3), 1 / 3))

    assert value.estimate == pytest.approx(columns["outcome"].mean())
    assert value.ess == pytest.approx(n)


def test_good_predictions_make_it_surer_and_wrong_ones_leave_it_right(logged):
    columns, q, second, even = logged
    wrong = np.full_like(q, 0.9)
    plain, better = ips(**columns, target=even), dr(**columns, target=even, predictions=q)
    worse = dr(**columns, target=even, predictions=wrong)

    assert better.se < plain.se < worse.se
    assert worse.lower <= EVEN <= worse.upper
    assert dr(**columns, target=second, predictions=0 * q).estimate == ips(**columns, target=second).estimate


def test_the_difference_of_two_ways_is_surer_than_each_of_them(logged):
    columns, q, second, even = logged
    one, other = dr(**columns, target=second, predictions=q), dr(**columns, target=even, predictions=q)
    gap = difference(one, other, name="second over even")

    assert gap.estimate == pytest.approx(one.estimate - other.estimate)
    assert gap.lower <= SECOND - EVEN <= gap.upper
    assert gap.se < np.hypot(one.se, other.se)
    with pytest.raises(FaultsError, match="same rows"):
        difference(one, ips(**{k: v[1:] for k, v in columns.items()}, target=second[1:]), name="x")


def test_a_way_too_far_from_what_was_done_is_refused(logged):
    columns, _, second, _ = logged
    rare = columns["action"] == 1
    few = np.flatnonzero(rare)[:99]
    rows = np.concatenate((few, np.flatnonzero(~rare)))

    with pytest.raises(RefusedError, match=r"are worth only \d\d? for that way of choosing, and 100 are needed"):
        snips(**{name: values[rows] for name, values in columns.items()}, target=second[rows])
    nobody = {name: values[~rare] for name, values in columns.items()}
    with pytest.raises(RefusedError, match="worth only 0"):
        snips(**nobody, target=second[~rare])


def test_nobody_is_predicted_by_a_model_that_knew_them():
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(30), 4)
    action, features = rng.integers(2, size=120), rng.normal(size=(120, 2))
    outcome = rng.normal(size=120)
    before = cross_fitted(id=who, action=action, outcome=outcome, features=features, actions=2,
                          rng=np.random.default_rng(2))  # fmt: skip
    changed = np.where(who == 7, 1_000.0, outcome)
    after = cross_fitted(id=who, action=action, outcome=changed, features=features, actions=2,
                         rng=np.random.default_rng(2))  # fmt: skip

    assert np.array_equal(before[who == 7], after[who == 7])
    assert not np.allclose(before, after)


def test_an_action_that_others_never_took_is_expected_to_do_as_all_together():
    who, action = np.arange(12), np.array([1] + [0] * 11)
    found = cross_fitted(id=who, action=action, outcome=np.ones(12), features=np.zeros(12), actions=2,
                         rng=np.random.default_rng(1))  # fmt: skip

    assert found == pytest.approx(np.ones((12, 2)))


def test_all_faults_of_logged_choices_are_said_at_once():
    with pytest.raises(FaultsError) as told:
        ips(id=[1, 2, 3], action=[0, 5, 1], outcome=[0, np.nan, 1], rand_prob=[0.5, 0.5, 1.0],
            target=[[0.5, 0.5], [0.5, 0.5], [0.9, 0.9]])  # fmt: skip

    assert told.value.faults == (
        "action: 5.0 in row 1; must be 0 to 1",
        "outcome: nan in row 1; must be a number; leave rows out whose outcome is missing",
        "rand_prob: 1.0 in row 2; must lie strictly between 0 and 1; leave out what was not drawn",
        "target: [0.9, 0.9] in row 2; must be 0 or more and sum to 1 in each row",
    )


def test_people_are_drawn_with_all_their_rows():
    rng = np.random.default_rng(6)
    who = np.repeat(np.arange(40), 10)
    values = rng.normal(size=40)[who] + 0.01 * rng.normal(size=400)
    whole = bootstrap_ratio(values, np.ones(400), id=who, rng=rng, replicates=2_000)
    apart = bootstrap_ratio(values, np.ones(400), id=np.arange(400), rng=rng, replicates=2_000)

    assert whole.estimate == apart.estimate == pytest.approx(values.mean())
    assert whole.se == pytest.approx(np.sqrt(10) * apart.se, rel=0.15)
    assert (whole.citizens, whole.replicates, whole.failed) == (40, 2_000, 0)


def test_the_quick_way_and_the_general_one_agree():
    columns, _, second, _ = logged_choices(np.random.default_rng(2), n=150, mean=4)
    w = second[np.arange(len(second)), columns["action"]] / columns["rand_prob"]
    wy = w * columns["outcome"]
    quick = bootstrap_ratio(wy, w, id=columns["id"], rng=np.random.default_rng(1), replicates=3_000)
    slow = bootstrap(lambda rows: wy[rows].sum() / w[rows].sum(), id=columns["id"], rng=np.random.default_rng(2),
                     replicates=3_000)  # fmt: skip

    assert slow.estimate == pytest.approx(quick.estimate)
    assert slow.se == pytest.approx(quick.se, rel=0.08)
    assert (slow.lower, slow.upper) == pytest.approx((quick.lower, quick.upper), abs=0.015)


def test_many_people_are_drawn_in_parts_with_the_same_result():
    values = np.random.default_rng(1).normal(size=3_000)
    found = bootstrap_ratio(values, np.ones(3_000), id=np.arange(3_000), rng=np.random.default_rng(1), replicates=1_500)

    assert found.replicates == 1_500
    assert found.se == pytest.approx(values.std() / np.sqrt(3_000), rel=0.08)


def test_draws_without_a_number_are_told_and_too_many_are_refused():
    who = np.arange(60)
    some = np.where(who < 4, 1.0, 0.0)
    found = bootstrap_ratio(some, some, id=who, rng=np.random.default_rng(1), replicates=500)
    assert found.failed > 0

    with pytest.raises(RefusedError, match="draws gave no number"):
        bootstrap_ratio(np.where(who < 1, 1.0, 0.0), np.where(who < 1, 1.0, 0.0), id=who, rng=np.random.default_rng(1))
    with pytest.raises(FaultsError, match=r"(?s)id: '1 people'.*replicates: 1"):
        bootstrap_ratio([1.0], [1.0], id=[1], rng=np.random.default_rng(1), replicates=1)
