import json
import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from bot.core.beliefs import ONE, PHASES, SLOPE, Belief, best_odds, fit, residual_variance
from bot.core.facts import (
    Answer,
    Campaign,
    Choice,
    Citizen,
    Contact,
    Hold,
    Learning,
    Reason,
    Rules,
    Send,
    Sensitivity,
    Skip,
    Tone,
    Values,
    Variant,
)
from bot.core.lessons import concluded, tally
from bot.core.policy import (
    Matured,
    Outcome,
    Policy,
    context,
    decide,
    felt_welcome,
    learn,
    outcome,
    prior,
    reward,
    send_odds,
    tone_odds,
)
from bot.core.sums import summed

NOW = datetime(2026, 3, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules()
VALUES = Values(version="1", signed_by=None)
NL = frozenset({"nl"})
NEUTRAL, WARM, PRACTICAL = (Variant(id=f"stadspas-{tone}", card="stadspas", tone=tone, languages=NL) for tone in Tone)
ALL = (NEUTRAL, WARM, PRACTICAL)
CITIZEN = Citizen(id="p1", language="nl", zone="Europe/Amsterdam", active=True)
CAMPAIGN = Campaign(
    id="c1",
    card="stadspas",
    theme="meedoen",
    variants=tuple(variant.id for variant in ALL),
    languages=NL,
    linked_only=False,
    starts_at=NOW,
    ends_at=NOW + 90 * DAY,
    learning=Learning.ADAPTIVE,
    running=True,
)


def belief(mean, sd, unseen_sd=0.1):
    return Belief(names=(ONE,), mean=(mean,), cov=((sd**2,),), unseen_sd=unseen_sd)


def policy(means=(0.15, 0.2, 0.1), sds=(0.02, 0.03, 0.05), send=(0.0, 0.05), phase=2, **changes) -> Policy:
    tones = {tone: belief(mean, sd) for tone, mean, sd in zip(Tone, means, sds, strict=True)}
    made = replace(
        prior(VALUES), tones=tones, send=belief(*send), phase=phase, **PHASES[phase], cutoff=NOW - 7 * DAY, parent="p"
    )
    return replace(made, **changes)


def plan(*, citizen=CITIZEN, campaign=CAMPAIGN, variants=ALL, using=None, draws=(0.0, 0.5), now=NOW):
    return decide(
        citizen,
        campaign,
        variants,
        using or policy(),
        RULES,
        now=now,
        at=now + timedelta(hours=1),
        window_end=NOW + 30 * DAY,
        draws=draws,
    )


def contact(days_ago, *choices, tone=Tone.WARM, sensitivity=Sensitivity.S1):
    at = NOW - days_ago * DAY
    answers = tuple(Answer(choice=choice, at=at + DAY) for choice in choices)
    return Contact(nudge=f"n{days_ago}", card="x", at=at, tone=tone, sensitivity=sensitivity, answers=answers)


def seen(*contacts, citizen=CITIZEN, now=NOW):
    person = replace(citizen, contacts=tuple(sorted(contacts, key=lambda c: c.at)))
    return context(person, CAMPAIGN, RULES, policy(), now, window_end=NOW + 28 * DAY)


ROWS = random.Random(7)
_WEIGHED = [Outcome()] * 6 + [Outcome(interested=True)] * 2 + [Outcome(unwelcome=True), Outcome(stopped=True)]


def row(number, **changes):
    tone = list(Tone)[number % 3]
    sent = ROWS.random() < 0.5
    made = Matured(
        decision=f"d{number:05}",
        decided_at=NOW - (400 - number % 300) * DAY,
        closes_at=NOW - (380 - number % 300) * DAY,
        context=seen(contact(ROWS.choice([16, 30, 45]), ROWS.choice([Choice.MORE, Choice.NO]))),
        sensitivity=Sensitivity.S1,
        sent=sent,
        tone=tone if sent else None,
        p_send=0.5,
        randomised_send=True,
        randomised_tone=True,
        tone_forced=False,
        outcome=ROWS.choice(_WEIGHED) if sent else Outcome(),
    )
    return replace(made, **changes)


MATURED = [row(number) for number in range(600)]
PRIOR = prior(VALUES)
LEARNED = learn(MATURED, PRIOR, VALUES, cutoff=NOW)


class TestTheChanceOfATone:
    def test_two_tones_agree_with_the_closed_form(self):
        for (a, sa), (b, sb) in [((0.15, 0.02), (0.2, 0.05)), ((0.1, 0.001), (0.1, 0.3)), ((0.5, 0.01), (0.1, 0.01))]:
            exact = float(norm.cdf((a - b) / math.hypot(sa, sb)))

            assert best_odds((a, b), (sa, sb)) == pytest.approx((exact, 1 - exact), abs=1e-12)

    def test_three_tones_agree_with_a_million_draws(self):
        means, sds = (0.15, 0.17, 0.12), (0.03, 0.05, 0.08)
        draws = np.random.default_rng(20260303).normal(means, sds, size=(1_000_000, 3))
        shares = np.bincount(draws.argmax(axis=1), minlength=3) / len(draws)

        assert best_odds(means, sds) == pytest.approx(tuple(shares), abs=4 * 0.0005)

    def test_equal_beliefs_get_equal_chances(self):
        assert best_odds((0.15,) * 4, (0.12,) * 4) == pytest.approx((0.25,) * 4, abs=1e-12)

    def test_the_chance_is_the_floor_plus_a_share_of_the_rest(self):
        using = policy()
        wins = best_odds((0.15, 0.2, 0.1), tuple(math.sqrt(sd**2 + 0.02) for sd in (0.02, 0.03, 0.05)))
        odds = tone_odds(using, {"language:nl": 1.0, "theme:meedoen": 1.0}, list(Tone))

        assert list(odds.values()) == pytest.approx([0.05 + 0.85 * win for win in wins], abs=1e-12)

    @settings(deadline=None)
    @given(
        st.lists(st.floats(-1, 2), min_size=3, max_size=3),
        st.lists(st.floats(1e-5, 1), min_size=3, max_size=3),
        st.lists(st.sampled_from(Tone), min_size=1, max_size=3, unique=True),
        st.sampled_from([1, 2]),
    )
    def test_chances_sum_to_one_and_keep_the_floor(self, means, sds, tones, phase):
        using = policy(means, sds, phase=phase)
        odds = tone_odds(using, {"recent_warm": 1.0}, tones)

        assert set(odds) == set(tones)
        assert abs(math.fsum(odds.values()) - 1) <= 1e-12
        assert min(odds.values()) >= using.eps

    def test_a_tone_that_is_asleep_leaves_its_chance_to_the_others(self):
        both = tone_odds(policy(), {}, [Tone.NEUTRAL, Tone.PRACTICAL])

        assert tone_odds(policy(), {}, [Tone.WARM]) == {Tone.WARM: 1.0}
        assert Tone.WARM not in both
        assert both[Tone.NEUTRAL] > both[Tone.PRACTICAL]

    def test_a_tone_used_lately_wears_out_and_recovers(self):
        worn = Belief(names=(ONE, "recent"), mean=(0.2, -0.1), cov=((1e-4, 0.0), (0.0, 1e-4)), unseen_sd=0.1)
        using = policy()
        using = replace(using, tones={**using.tones, Tone.WARM: worn})
        fresh, next_day, after_months = (
            tone_odds(using, seen(*history), list(Tone))[Tone.WARM] for history in ((), (contact(1),), (contact(120),))
        )

        assert next_day < after_months
        assert after_months == pytest.approx(fresh, abs=0.01)

    def test_nothing_learned_means_even_chances(self):
        assert set(tone_odds(PRIOR, seen(), list(Tone)).values()) == {1 / 3}
        assert send_odds(PRIOR, seen()) == 0.5


class TestTheChanceOfWriting:
    def test_it_is_the_mean_of_the_curve_over_the_belief(self):
        draws = np.random.default_rng(1).normal(0.02, 0.02, 400_000)
        exact = 0.1 + 0.8 * expit(SLOPE * draws).mean()

        assert send_odds(policy(send=(0.02, 0.02)), {}) == pytest.approx(exact, abs=0.001)

    def test_no_belief_either_way_is_a_coin(self):
        assert send_odds(policy(send=(0.0, 0.3)), {}) == pytest.approx(0.5, abs=1e-12)

    @given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3), st.sampled_from([1, 2]))
    def test_it_keeps_its_floor_and_ceiling(self, mean, sd, phase):
        using = policy(send=(mean, sd), phase=phase)

        assert using.p_min <= send_odds(using, {}) <= using.p_max


class TestWhatADecisionSees:
    def test_at_most_a_dozen_numbers_and_no_more_than_was_chosen_or_answered(self):
        names = set(seen(contact(20, Choice.MORE), citizen=replace(CITIZEN, tone=Tone.WARM)))

        assert names == {
            "language:nl",
            "theme:meedoen",
            "prefers:warm",
            "recent_neutral",
            "recent_warm",
            "recent_practical",
            "dose",
            "silence",
            "unwelcome",
            "rate",
            "urgency",
        }

    def test_sends_and_dislikes_fade_by_the_week(self):
        numbers = seen(contact(14, Choice.UNWELCOME), contact(28, tone=Tone.NEUTRAL))

        assert numbers["recent_warm"] == pytest.approx(0.70**2)
        assert numbers["recent_neutral"] == pytest.approx(0.70**4)
        assert numbers["dose"] == pytest.approx(0.85**2 + 0.85**4)
        assert numbers["unwelcome"] == pytest.approx(0.8 ** (13 / 7))

    def test_closed_silences_in_a_row_count_by_halves(self):
        assert seen(contact(60), contact(40), contact(20))["silence"] == 1.5
        assert seen(contact(60), contact(40, Choice.NO), contact(20))["silence"] == 0.5
        assert seen(contact(40), contact(3))["silence"] == 0.5
        assert seen(*(contact(20 * n) for n in range(1, 9)))["silence"] == 2.0

    def test_the_rate_counts_closed_windows_only(self):
        r0 = policy().r0

        assert seen(contact(3, Choice.MORE))["rate"] == pytest.approx(0)
        assert seen(contact(30, Choice.MORE))["rate"] == pytest.approx((1 + 10 * r0) / 11 - r0)
        assert seen(contact(30))["rate"] == pytest.approx(10 * r0 / 11 - r0)

    def test_urgency_rises_towards_the_end_of_the_window(self):
        assert seen()["urgency"] == pytest.approx(1 / 5)
        assert seen(now=NOW + 21 * DAY)["urgency"] == pytest.approx(1 / 2)
        assert seen(now=NOW + 40 * DAY)["urgency"] == 1

    def test_answers_about_debt_are_not_seen(self):
        debt = [contact(n, choice, sensitivity=Sensitivity.S3) for n, choice in ((60, Choice.MORE), (20, Choice.STOP))]

        assert seen(*debt) == seen()
        assert seen(contact(30, Choice.NO), *debt) == seen(contact(30, Choice.NO))

    def test_what_comes_later_is_not_seen_when_a_decision_is_replayed(self):
        before = contact(30)
        after = replace(before, answers=(Answer(choice=Choice.UNWELCOME, at=NOW + DAY),))

        assert seen(after, contact(-3)) == seen(before)


class TestADecision:
    def test_without_a_wording_there_is_no_message(self):
        assert plan(variants=()) == Skip(reason=Reason.NO_WORDING)

    def test_a_fixed_campaign_always_writes_and_says_that_it_was_no_lottery(self):
        made = plan(campaign=replace(CAMPAIGN, learning=Learning.FIXED), draws=(0.999999, 0.5))

        assert isinstance(made, Send)
        assert made.at == NOW + timedelta(hours=1)
        assert (made.odds.p_send, made.odds.randomised_send) == (1.0, False)
        assert made.odds.tones == {variant.id: 1 / 3 for variant in ALL}

    def test_a_trial_tosses_a_coin_and_draws_tones_evenly_whatever_was_learned(self):
        trial = replace(CAMPAIGN, learning=Learning.TRIAL)
        made, held = (plan(campaign=trial, draws=(draw, 0.5)) for draw in (0.499, 0.5))

        assert isinstance(made, Send)
        assert isinstance(held, Hold)
        assert held.odds is not None
        assert (held.reason, held.until) == (Reason.LOTTERY, NOW + 7 * DAY)
        assert made.odds.p_send == held.odds.p_send == 0.5
        assert set(made.odds.tones.values()) == {1 / 3}

    def test_an_adaptive_campaign_draws_from_what_was_learned(self):
        using = policy(send=(0.03, 0.02))
        made = plan(using=using)

        assert isinstance(made, Send)
        assert made.odds.context == seen() | {"urgency": pytest.approx(7 / 37)}
        assert made.odds.p_send == send_odds(using, made.odds.context)
        tones = tone_odds(using, made.odds.context, list(Tone))
        assert made.odds.tones == {variant.id: tones[variant.tone] for variant in ALL}
        assert (made.odds.policy, made.odds.fallback) == (using.version, None)

    def test_wordings_of_one_tone_share_its_chance(self):
        second = replace(WARM, id="stadspas-warm-2")
        one, two = plan(), plan(variants=(*ALL, second))

        assert isinstance(one, Send)
        assert isinstance(two, Send)
        assert two.odds.tones[WARM.id] == two.odds.tones[second.id] == one.odds.tones[WARM.id] / 2

    def test_a_chosen_tone_is_kept_and_said_to_be_no_draw(self):
        made = plan(citizen=replace(CITIZEN, tone=Tone.PRACTICAL))

        assert isinstance(made, Send)
        assert made.variant == PRACTICAL.id
        assert made.odds.tones == {PRACTICAL.id: 1.0}
        assert (made.odds.tone_forced, made.odds.randomised_tone) == (True, False)

    def test_a_chosen_tone_without_a_wording_does_not_keep_a_message_away(self):
        made = plan(citizen=replace(CITIZEN, tone=Tone.PRACTICAL), variants=(NEUTRAL, WARM))

        assert isinstance(made, Send)
        assert (made.odds.tone_forced, made.odds.randomised_tone) == (False, True)

    def test_a_single_wording_is_no_draw(self):
        made = plan(variants=(WARM,))

        assert isinstance(made, Send)
        assert (made.odds.tones, made.odds.randomised_tone) == ({WARM.id: 1.0}, False)

    def test_the_draw_goes_through_the_wordings_in_the_order_of_their_names(self):
        trial = replace(CAMPAIGN, learning=Learning.TRIAL)
        picked = [
            plan(campaign=trial, draws=(0.0, draw), variants=order).variant
            for draw in (0.0, 0.33, 0.34, 0.66, 0.67, 0.9999999999999999)
            for order in (ALL, ALL[::-1])
        ]

        assert picked == [v.id for v in (NEUTRAL, NEUTRAL, PRACTICAL, PRACTICAL, WARM, WARM) for _ in range(2)]

    def test_the_hold_out_writes_at_most_once_in_four_weeks_and_without_a_lottery(self):
        person = replace(CITIZEN, holdout=True, contacts=(contact(90), contact(20, Choice.MORE)))
        held = plan(citizen=person)
        made = plan(citizen=replace(person, contacts=(contact(28, Choice.MORE),)), draws=(0.999, 0.5))

        assert held == Hold(reason=Reason.HOLDOUT, until=NOW + 8 * DAY)
        assert isinstance(made, Send)
        assert (made.odds.p_send, made.odds.randomised_send) == (1.0, False)
        assert set(made.odds.tones.values()) == {1 / 3}

    def test_a_fixed_campaign_knows_no_hold_out(self):
        person = replace(CITIZEN, holdout=True, contacts=(contact(20, Choice.MORE),))

        assert isinstance(plan(citizen=person, campaign=replace(CAMPAIGN, learning=Learning.FIXED)), Send)

    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            (policy(cutoff=NOW - 21 * DAY - timedelta(seconds=1)), "stale"),
            (policy(means=(math.nan, 0.2, 0.1)), "no numbers"),
            (policy(sds=(0.02, math.inf, 0.1)), "no numbers"),
            (policy(send=(math.nan, 0.1)), "no numbers"),
            (policy(r0=math.nan, means=(math.nan, 0.2, 0.1)), "no numbers"),
        ],
    )
    def test_a_doubtful_policy_falls_back_to_even_chances_and_never_to_writing_anyway(self, broken, why):
        made, held = (plan(using=broken, draws=(draw, 0.5)) for draw in (0.4, 0.6))

        assert isinstance(made, Send)
        assert isinstance(held, Hold)
        assert made.odds.fallback is not None
        assert made.odds.fallback.startswith(why)
        assert (made.odds.p_send, set(made.odds.tones.values())) == (0.5, {1 / 3})
        assert all(math.isfinite(number) for number in made.odds.context.values())

    def test_a_policy_of_three_weeks_is_not_too_old(self):
        made = plan(using=policy(cutoff=NOW - 21 * DAY))

        assert isinstance(made, Send)
        assert made.odds.fallback is None

    @settings(deadline=None)
    @given(
        st.floats(0, 1, exclude_max=True),
        st.floats(0, 1, exclude_max=True),
        st.lists(st.sampled_from(ALL), unique=True, min_size=1),
        st.sampled_from(Learning),
        st.booleans(),
    )
    def test_a_decision_replays_from_what_was_recorded(self, draw_send, draw_tone, variants, learning, holdout):
        person = replace(CITIZEN, holdout=holdout, contacts=(contact(40, Choice.MORE), contact(29)))
        campaign = replace(CAMPAIGN, learning=learning)
        made = plan(citizen=person, campaign=campaign, variants=variants, draws=(draw_send, draw_tone), using=LEARNED)
        stored = Policy.from_record(json.loads(json.dumps(LEARNED.as_record())))
        later = replace(person, contacts=(*person.contacts, contact(-9)))
        if not holdout:
            person = later
        again = plan(
            citizen=person, campaign=campaign, variants=variants[::-1], draws=(draw_send, draw_tone), using=stored
        )

        assert again == made
        odds = made.odds
        assert odds is not None
        assert abs(math.fsum(odds.tones.values()) - 1) <= 1e-12
        assert min(odds.tones.values()) >= min(LEARNED.eps, 1 / len(variants))
        assert isinstance(made, Send) == (draw_send < odds.p_send)
        assert 0 < odds.p_send < 1 or not odds.randomised_send


class TestFeltWelcome:
    @pytest.mark.parametrize(
        ("choices", "welcome"),
        [
            ((), None),
            ((Choice.WHY, Choice.NO_OPINION, Choice.EXPECTED), None),
            ((Choice.NO,), None),
            ((Choice.NOT_NOW,), None),
            ((Choice.WELCOME,), True),
            ((Choice.MORE,), True),
            ((Choice.SELF,), True),
            ((Choice.CONTACT,), True),
            ((Choice.NO, Choice.WELCOME), True),
            ((Choice.MORE, Choice.UNWELCOME), False),
            ((Choice.UNWELCOME, Choice.WELCOME), True),
            ((Choice.CONTACT, Choice.TOO_OFTEN), False),
            ((Choice.TOO_OFTEN, Choice.WELCOME), False),
            ((Choice.MORE, Choice.STOP), False),
        ],
    )
    def test_answers_say_whether_a_message_was_welcome(self, choices, welcome):
        assert felt_welcome([Answer(choice=choice, at=NOW) for choice in choices]) is welcome

    def test_answers_after_the_window_do_not_count(self):
        answers = [Answer(choice=Choice.MORE, at=NOW), Answer(choice=Choice.STOP, at=NOW + DAY)]

        assert outcome(answers, by=NOW) == Outcome(interested=True)
        assert outcome(answers, by=NOW + DAY) == Outcome(stopped=True)

    def test_a_stop_is_not_also_counted_as_unwelcome(self):
        both = [Answer(choice=Choice.UNWELCOME, at=NOW), Answer(choice=Choice.STOP, at=NOW)]

        assert outcome(both, by=NOW) == Outcome(unwelcome=True, stopped=True)
        assert outcome(both[1:], by=NOW) == Outcome(stopped=True)


class TestWhatClosedAnswersTeach:
    def test_a_reward_is_the_sum_of_signed_values(self):
        sent = row(1, sent=True, context={"dose": 2.0}, outcome=Outcome(unwelcome=True, stopped=True))
        parts = reward(sent, VALUES)

        assert (parts.interested, parts.unwelcome, parts.stop, parts.per_send, parts.per_dose) == (
            0,
            -0.5,
            -3,
            -0.03,
            -0.2,
        )
        assert parts.total == pytest.approx(-3.73)
        assert reward(replace(sent, outcome=Outcome(interested=True)), VALUES).total == pytest.approx(0.77)
        assert reward(replace(sent, sent=False, tone=None, outcome=Outcome()), VALUES).total == 0

    def test_the_same_rows_in_any_order_make_the_same_version(self):
        shuffled = random.Random(3).sample(MATURED, len(MATURED))

        assert learn(shuffled, PRIOR, VALUES, cutoff=NOW) == LEARNED
        assert learn(shuffled, PRIOR, VALUES, cutoff=NOW).version == LEARNED.version

    @settings(deadline=None, max_examples=10)
    @given(st.lists(st.integers(0, 2), min_size=300, max_size=300), st.integers(0, 60))
    def test_parts_that_were_summed_up_on_their_own_teach_what_the_whole_teaches(self, parts, days):
        """Whatever row is in which part, and however long before the cut-off a part was summed up."""
        rows, earlier = MATURED[:300], NOW - timedelta(days=days)
        whole = tally([], VALUES, at=NOW)
        for number in range(3):
            part = [r for r, place in zip(rows, parts, strict=True) if place == number]
            whole += tally(part, VALUES, at=earlier).faded(NOW - earlier)
        together, learned = concluded(whole, PRIOR, VALUES, cutoff=NOW), learn(rows, PRIOR, VALUES, cutoff=NOW)

        assert (together.phase, together.n_tone, together.n_send, together.r0) == (
            learned.phase, learned.n_tone, learned.n_send, learned.r0,
        )  # fmt: skip
        for one, other in [(together.send, learned.send), *((together.tones[t], learned.tones[t]) for t in Tone)]:
            assert one.names == other.names
            assert one.mean == pytest.approx(other.mean, abs=1e-8)
            assert np.array(one.cov) == pytest.approx(np.array(other.cov), abs=1e-8)
        assert (together.s2_tone, together.s2_send) == pytest.approx((learned.s2_tone, learned.s2_send), abs=1e-8)

    def test_sums_are_all_that_a_fit_needs_of_its_rows(self):
        """Against the regression written out row by row."""
        rng = np.random.default_rng(4)
        design, y, weights = rng.normal(size=(50, 3)), rng.normal(size=50), rng.uniform(0.5, 1, 50)
        start = Belief(names=("a", "b"), mean=(0.3, 0.0), cov=((0.04, 0.0), (0.0, 0.25)), unseen_sd=0.1)
        fitted = fit(summed(["a", "b", "c"], design, y, weights), 0.2, start=start)
        precision = np.diag([1 / 0.04, 1 / 0.25, 1 / 0.01])
        expected = np.linalg.solve(
            precision + sum(w * np.outer(x, x) for w, x in zip(weights, design, strict=True)) / 0.2,
            precision @ [0.3, 0, 0] + sum(w * o * x for w, o, x in zip(weights, y, design, strict=True)) / 0.2,
        )
        missed = weights @ (y - design @ np.array(fitted.mean)) ** 2 / weights.sum()

        assert fitted.mean == pytest.approx(expected, abs=1e-11)
        assert residual_variance(summed(["a", "b", "c"], design, y, weights), fitted) == pytest.approx(missed)

    def test_what_is_long_ago_weighs_less(self):
        welcome = Outcome(interested=True)
        rows = [row(n, sent=True, tone=Tone.WARM, context={"dose": 0.0}, outcome=welcome) for n in range(50)]
        old, new = (
            learn([replace(r, closes_at=at) for r in rows], PRIOR, VALUES, cutoff=NOW).tones[Tone.WARM]
            for at in (NOW - 1000 * DAY, NOW)
        )

        assert 0.15 < old.mean[0] < new.mean[0]
        assert old.cov[0][0] > new.cov[0][0]

    def test_a_version_survives_being_stored(self):
        stored = Policy.from_record(json.loads(json.dumps(LEARNED.as_record())))

        assert stored == LEARNED
        assert stored.version == LEARNED.version

    def test_a_version_names_its_parent_its_values_and_its_rows(self):
        other = learn(MATURED, PRIOR, replace(VALUES, version="2"), cutoff=NOW)

        assert LEARNED.parent == PRIOR.version
        assert (LEARNED.cutoff, LEARNED.values) == (NOW, VALUES)
        assert LEARNED.n_tone == sum(row.sent for row in MATURED)
        assert LEARNED.n_send == len(MATURED)
        assert other.version != LEARNED.version

    def test_the_tone_belief_is_the_textbook_posterior(self):
        rows = [
            row(n, sent=True, tone=Tone.WARM, context={"dose": 0.0}, outcome=Outcome(interested=n % 4 == 0))
            for n in range(40)
        ]
        learned = learn(rows, PRIOR, VALUES, cutoff=NOW).tones[Tone.WARM]
        weights = [0.995 ** ((NOW - r.closes_at) / timedelta(weeks=1)) for r in rows]
        welcome = sum(weight for weight, r in zip(weights, rows, strict=True) if r.outcome.interested)
        precision = 1 / 0.12**2 + sum(weights) / 0.13

        assert learned.names == (ONE,)
        assert learned.cov[0][0] == pytest.approx(1 / precision, abs=1e-11)
        assert learned.mean[0] == pytest.approx((0.15 / 0.12**2 + welcome / 0.13) / precision, abs=1e-11)

    def test_an_unwelcome_message_counts_against_its_tone_even_if_it_drew_interest(self):
        liked, mixed, stopped = (
            learn([row(1, sent=True, tone=Tone.WARM, context={"dose": 0.0}, outcome=back)], PRIOR, VALUES, cutoff=NOW)
            .tones[Tone.WARM]
            .mean[0]
            for back in (Outcome(interested=True), Outcome(unwelcome=True), Outcome(stopped=True))
        )

        assert liked > 0.15 > mixed == stopped

    @pytest.mark.parametrize(
        "changes",
        [
            {"sensitivity": Sensitivity.S3},
            {"randomised_tone": False},
            {"tone_forced": True},
            {"sent": False, "tone": None},
        ],
    )
    def test_what_was_no_draw_or_concerns_debt_teaches_nothing_about_tones(self, changes):
        rows = [row(n, sent=True, tone=Tone.WARM, outcome=Outcome(interested=True)) for n in range(50)]
        learned = learn([replace(r, **changes) for r in rows], PRIOR, VALUES, cutoff=NOW)

        assert learned.tones == PRIOR.tones
        assert learned.n_tone == 0

    @pytest.mark.parametrize("changes", [{"sensitivity": Sensitivity.S3}, {"randomised_send": False}])
    def test_what_was_no_lottery_or_concerns_debt_teaches_nothing_about_writing(self, changes):
        learned = learn([replace(r, **changes) for r in MATURED], PRIOR, VALUES, cutoff=NOW)

        assert learned.send == PRIOR.send
        assert learned.n_send == 0

    def test_writing_becomes_likely_where_messages_do_good_and_rare_where_they_do_not(self):
        rng = random.Random(11)
        rows = []
        for number in range(3000):
            p_send = rng.choice([0.2, 0.5, 0.8])
            sent = rng.random() < p_send
            language = rng.choice(["language:nl", "language:en"])
            liked = language == "language:nl" and rng.random() < 0.4
            disliked = language == "language:en" and rng.random() < 0.4
            rows.append(
                row(
                    number,
                    context={language: 1.0, "dose": 0.0},
                    sent=sent,
                    tone=Tone.WARM if sent else None,
                    p_send=p_send,
                    outcome=Outcome(interested=sent and liked, unwelcome=sent and disliked),
                )
            )
        learned = learn(rows, PRIOR, VALUES, cutoff=NOW)
        dutch, english = (
            learned.send.predict({ONE: 1.0, language: 1.0}) for language in ("language:nl", "language:en")
        )

        assert abs(dutch[0] - 0.37) < 4 * dutch[1]
        assert abs(english[0] + 0.23) < 4 * english[1]
        assert send_odds(learned, {"language:nl": 1.0}) > 0.75
        assert send_odds(learned, {"language:en": 1.0}) < 0.25

    def test_the_tone_used_lately_says_nothing_about_whether_to_write(self):
        assert {"dose", "rate", "urgency", "language:nl", ONE} <= set(LEARNED.send.names)
        assert not any(name.startswith("recent") for name in LEARNED.send.names)

    def test_a_window_still_open_is_refused(self):
        with pytest.raises(ValueError, match=r"still open.*d00007"):
            learn([*MATURED[:3], row(7, closes_at=NOW + timedelta(seconds=1))], PRIOR, VALUES, cutoff=NOW)

    def test_a_decision_counts_once(self):
        with pytest.raises(ValueError, match="more than once"):
            learn([MATURED[0], MATURED[0]], PRIOR, VALUES, cutoff=NOW)

    def test_learning_begins_after_two_hundred_messages_and_opens_up_after_a_thousand(self):
        rows = [row(n, sent=True, tone=Tone.WARM) for n in range(1000)]
        none, first, still, second = (learn(rows[:count], PRIOR, VALUES, cutoff=NOW) for count in (199, 200, 999, 1000))

        assert (none.phase, first.phase, still.phase, second.phase) == (0, 1, 1, 2)
        assert (first.eps, first.p_min, first.p_max) == (0.10, 0.2, 0.8)
        assert (second.eps, second.p_min, second.p_max) == (0.05, 0.1, 0.9)

    def test_the_residual_variance_changes_with_the_quarter_only(self):
        week, quarter = LEARNED.cutoff + 7 * DAY, LEARNED.cutoff + 60 * DAY
        more = [*MATURED, *(row(n, closes_at=NOW) for n in range(600, 900))]

        assert LEARNED.s2_tone != PRIOR.s2_tone
        assert learn(more, LEARNED, VALUES, cutoff=week).s2_tone == LEARNED.s2_tone
        assert learn(more, LEARNED, VALUES, cutoff=week).s2_send == LEARNED.s2_send
        assert learn(more, LEARNED, VALUES, cutoff=quarter).s2_tone != LEARNED.s2_tone
        assert learn(more, LEARNED, VALUES, cutoff=quarter).s2_send != LEARNED.s2_send
