"""What towns tell each other: sums that add up, that tell of nobody, and that move the prior and nothing else."""

import copy
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import beliefs, pooling
from bot.core.beliefs import ONE, Policy
from bot.core.facts import Learning, Rules, Sensitivity, Tone, Values
from bot.core.lessons import concluded, tally
from bot.core.policy import ALGORITHM, learn, prior, send_odds, tone_odds
from bot.core.sums import Others
from bot.research.simulation import people as citizens
from bot.research.simulation.people import WORLDS
from bot.research.simulation.town import Town
from tests.core.test_policy import MATURED, NOW, PRIOR, VALUES, row, seen

WINDOW = timedelta(days=14)
PEOPLE = {one.decision: f"p{number % 60}" for number, one in enumerate(MATURED)}


def told(rows=MATURED, people=PEOPLE, values=VALUES):
    return pooling.statistics(
        rows, people, values, at=NOW, window=WINDOW, algorithm=ALGORITHM, municipality="Elders"
    )  # fmt: skip


def wrong(record, **changes):
    return pooling.faults(record, **{"algorithm": ALGORITHM, "values": VALUES, "window": WINDOW} | changes)


def sums_of(rows):
    whole = tally(rows, VALUES, at=NOW)
    return whole.tones, whole.send


def with_theme(theme, first, count):
    context = {name: x for name, x in seen().items() if not name.startswith("theme:")} | {f"theme:{theme}": 1.0}
    return [row(first + n, context=context, sent=True, tone=Tone.WARM) for n in range(count)]


def test_without_others_a_version_says_nothing_of_them_so_that_its_hash_is_what_it_was():
    values = Values(version="1", signed_by=None)

    assert prior(values) == beliefs.prior(values)
    assert "others" not in prior(values).as_record()
    assert "others" not in learn([], prior(values), values, cutoff=NOW).as_record()


@given(st.integers(1, len(MATURED) - 1))
def test_two_towns_together_are_one_town_with_all_rows(cut):
    ours, theirs = tally(MATURED[:cut], VALUES, at=NOW), sums_of(MATURED[cut:])
    parent = replace(PRIOR, cutoff=NOW)  # so that no residual variance is estimated anew

    together = concluded(ours, parent, VALUES, cutoff=NOW, others=Others.of([theirs], weight=1.0))
    one = concluded(tally(MATURED, VALUES, at=NOW), parent, VALUES, cutoff=NOW)

    for mine, all_rows in [(together.send, one.send), *((together.tones[t], one.tones[t]) for t in Tone)]:
        assert mine.names == all_rows.names
        np.testing.assert_allclose(mine.mean, all_rows.mean, atol=1e-11)
        np.testing.assert_allclose(mine.cov, all_rows.cov, atol=1e-11)
    assert (together.n_tone, together.n_send) == (sum(part.n for part in ours.tones.values()), ours.send.n)
    assert together.phase == concluded(ours, parent, VALUES, cutoff=NOW).phase


def test_the_prior_with_others_is_what_their_rows_make_of_it_and_still_begins_evenly():
    theirs = sums_of(MATURED)
    start = prior(VALUES, Others.of([theirs], weight=1.0))
    learned = concluded(tally(MATURED, VALUES, at=NOW), replace(PRIOR, cutoff=NOW), VALUES, cutoff=NOW)

    assert start.tones == learned.tones
    assert start.send == learned.send
    assert (start.phase, start.cutoff, start.parent, start.n_tone, start.n_send) == (0, None, None, 0, 0)
    assert send_odds(start, seen()) == 0.5
    assert set(tone_odds(start, seen(), list(Tone)).values()) == {1 / 3}
    elsewhere = {"language:uk": 1.0}
    warm = start.tones[Tone.WARM]
    assert warm.predict(elsewhere) == PRIOR.tones[Tone.WARM].predict(elsewhere)


def test_a_version_holds_what_it_was_made_with_and_reads_back_to_the_bit():
    others = pooling.taken([told()], weight=0.1)
    made = learn(MATURED[:50], prior(VALUES, others), VALUES, cutoff=NOW, others=others)

    again = Policy.from_record(json.loads(json.dumps(made.as_record())))

    assert again == made
    assert again.version == made.version
    assert again.others is not None
    assert learn(MATURED[:50], prior(VALUES, others), VALUES, cutoff=NOW, others=again.others).version == made.version
    assert made.version != learn(MATURED[:50], prior(VALUES), VALUES, cutoff=NOW).version


def test_a_weight_is_what_a_row_of_theirs_counts():
    one, tenth = (pooling.taken([told()], weight=weight) for weight in (1.0, 0.1))

    np.testing.assert_allclose(tenth.send.xx, one.send.xx / 10)
    np.testing.assert_allclose(tenth.tones[Tone.WARM].xy, one.tones[Tone.WARM].xy / 10)
    sds = [prior(VALUES, others).tones[Tone.WARM].predict({ONE: 1.0})[1] for others in (one, tenth)]
    assert sds[0] < sds[1] < PRIOR.tones[Tone.WARM].predict({ONE: 1.0})[1]


def test_what_leaves_can_be_taken_in():
    record = json.loads(json.dumps(told()))

    assert wrong(record) == []
    theirs, exact = pooling.taken([record], weight=1.0), Others.of([sums_of(MATURED)], weight=1.0)
    np.testing.assert_allclose(theirs.send.xx, exact.send.xx, atol=1e-6)
    assert record["sends"] == tally(MATURED, VALUES, at=NOW).sent
    assert set(record["left_out"].values()) == {0}


def test_what_rows_weigh_by_now_leaves_with_six_decimals():
    told_of, sums = told()["models"]["send"], sums_of(MATURED)[1]

    assert told_of["n"] == sums.n == len(MATURED)
    assert 0 < told_of["weight"] < len(MATURED)
    assert told_of["weight"] == pytest.approx(sums.weight, abs=1e-6)


def test_a_group_of_fewer_than_ten_people_is_left_out():
    nine, ten = with_theme("debts", 1_000, 90), with_theme("sports", 2_000, 90)
    people = PEOPLE | {one.decision: f"q{n % 9}" for n, one in enumerate(nine)}
    people |= {one.decision: f"q{n % 10}" for n, one in enumerate(ten)}

    record = told([*MATURED, *nine, *ten], people)

    warm = record["models"]["warm"]
    assert "debts" not in str(record["models"])
    assert record["left_out"]["warm"] == record["left_out"]["send"] / 3
    # What is left of all themes together would tell of those nine after all, so the next smallest goes with them.
    assert "theme:sports" not in warm["names"]
    assert record["left_out"]["warm"] == 2
    assert "theme:meedoen" in warm["names"]


def test_a_theme_of_many_stays():
    rows = with_theme("sports", 2_000, 90)

    record = told([*MATURED, *rows], PEOPLE | {one.decision: f"q{n % 10}" for n, one in enumerate(rows)})

    assert "theme:sports" in record["models"]["warm"]["names"]
    assert set(record["left_out"].values()) == {0}


def test_a_tone_that_few_people_got_is_not_told_at_all():
    few = [one for one in MATURED if one.tone is not Tone.WARM or PEOPLE[one.decision] in {"p1", "p4"}]

    record = told(few)

    assert record["models"]["warm"] == {"names": [], "xx": [], "xy": [], "yy": 0.0, "weight": 0.0, "n": 0}
    assert wrong(json.loads(json.dumps(record))) == []


def test_nothing_of_a_sensitive_card_leaves():
    secret = [replace(one, sensitivity=Sensitivity.S3) for one in with_theme("illness", 3_000, 90)]

    assert told([*MATURED, *secret], PEOPLE | {one.decision: one.decision for one in secret}) == told()


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("format",), 2, "format = 2; this program reads 1"),
        (("algorithm",), "0", f"algorithm = '0'; here runs '{ALGORITHM}'"),
        (("window_days",), 7, "window_days = 7; here it is 14"),
        (("values", "stop"), -1.0, "values.stop = -1.0; messages/values.toml has -3"),
        (("models", "warm"), None, "models.warm is missing"),
        (("models", "cosy"), {}, "models.cosy is not a model"),
        (("models", "warm", "n"), 3.5, "models.warm.n = 3.5 is not a whole number"),
        (("models", "warm", "n"), True, "models.warm.n = True is not a whole number"),
        (("models", "warm", "n"), 0, "models.warm.weight = "),
        (("models", "warm", "yy"), float("nan"), "models.warm.yy = nan is not a number"),
        (("models", "warm", "xy"), [1.0], "models.warm.xy is not "),
        (("models", "send", "names"), "one", "models.send.names is not a list of names"),
        (("models", "warm", "xx", 0, 1), 1e3, "models.warm.xx is not symmetric"),
        (("models", "warm", "xx", 0, 0), -1.0, "models.warm.xx, xy and yy cannot be sums of rows"),
        (("models", "warm", "yy"), 0.0, "models.warm.xx, xy and yy cannot be sums of rows"),
    ],
)
def test_what_does_not_fit_is_told(path, value, fault):
    record = copy.deepcopy(told())
    inner = record
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value

    assert any(said.startswith(fault) for said in wrong(record)), wrong(record)


def test_all_faults_are_told_at_once():
    record = told() | {"format": 9, "algorithm": "0"}
    record["models"] = record["models"] | {"warm": record["models"]["warm"] | {"n": -1, "yy": "x"}}

    assert len(wrong(record)) == 4
    assert len(wrong([])) == 1


def test_a_town_that_begins_with_what_others_learned_does_better_in_its_first_adaptive_weeks():
    """Forty weeks of a town of 600 for another one of 150: by the chances that its people's liking really gave."""
    rules, world = Rules(), WORLDS["tones-1.0"]
    who = citizens.people(600, world, 5)
    pool = lived(Town(languages(who), learning=Learning.TRIAL, rules=rules, values=VALUES, seed=5), who, 5, 40)
    others = Others.of([rows_of(pool)], weight=1.0)
    alone, helped = [], []
    for seed in (11, 12):
        small = citizens.people(150, world, seed)
        for start, shares in ((None, alone), (prior(VALUES, others), helped)):
            town = Town(
                languages(small), learning=Learning.ADAPTIVE, rules=rules, values=VALUES, seed=seed, start=start
            )
            lived(town, small, seed, 26)
            phases = [version.phase for version in town.versions]
            first = phases.index(1)
            shares += [
                one.odds.tones[f"card{one.week % 26}-{citizens.TONES.index(Tone.WARM)}"]
                for one in town.decided
                if first <= one.week < first + 4
            ]

    assert min(helped) >= beliefs.PHASES[1]["eps"]
    assert np.mean(helped) > np.mean(alone) + 0.05


def languages(who):
    return [citizens.SEGMENTS[place] for place in who.segment]


def lived(town, who, seed, weeks):
    state = citizens.rested(who.number)
    for week in range(weeks):
        citizens.fade(state)
        luck = citizens.luck(who.number, seed, week)
        tones = town.choose(week, (luck.opportunity < who.opportunity) & ~state.stopped)
        town.hear(week, citizens.answer(who, state, luck, tones, week))
    return town


def rows_of(town):
    rows = [one for week in town._open for one in week]
    return tally_of(rows)


def tally_of(rows):
    whole = tally(rows, VALUES, at=max(one.closes_at for one in rows))
    return whole.tones, whole.send
