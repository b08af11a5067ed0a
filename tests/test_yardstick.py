"""The yardstick `citizen-sim-1`: simulated people under the real gate, rhythm and policy.

The whole gate to ship is `handreiking simulate --gate`. Here is as much of it as says within half a minute that
learning works and that nothing is broken.
"""

import ast
import itertools
import json
import math
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bot import cli
from bot.campaigns import read
from bot.cli import simulating
from bot.core.facts import Choice, Learning, Rules, Tone, Values
from bot.errors import RefusedError
from bot.research.simulation import coverage, measures, people, planned, runs, shipping, town, year
from bot.research.simulation.people import TONES, WEEKS, WORLDS

ROOT = Path(__file__).parents[1]
RULES, VALUES = Rules(), Values(version="1", signed_by=None)
OTHERS = tuple(name for name in runs.POLICIES if name not in {"product", "tones-only-in-gate"})


def task(world="tones-1.0", number=1_000, seed=1, policies=("product",)):
    return runs.Task(world=WORLDS[world], number=number, seed=seed, policies=policies, rules=RULES, values=VALUES)


def nothing(_):
    pass


def tick():
    """A clock that no machine makes slow."""
    return 0.0


@pytest.fixture(scope="module")
def lived():
    return runs.one(task(), "product", nothing)


@pytest.fixture(scope="module")
def compared():
    rows = runs.measured(task(policies=OTHERS), tick)
    return {row.policy: row for row in rows}


@pytest.fixture(scope="module")
def figures(lived):
    return measures.figures(lived.year, world="tones-1.0", seed=1, policy="product", seconds=1.0, town=lived.chooser)


def shares(decided, weeks):
    count = Counter(one.tone for one in decided if one.week in weeks and one.tone is not None)
    return {tone: count[tone] / count.total() for tone in Tone}


class TestWhatIsLearned:
    def test_a_year_is_worth_far_more_than_with_even_chances_and_near_what_anybody_could_make_of_it(
        self, figures, compared
    ):
        best = compared["clairvoyant"].welfare

        assert figures.welfare > 1.3 * compared["trial-in-gate"].welfare
        assert figures.welfare > 1.1 * compared["fixed-4-in-gate"].welfare
        assert figures.welfare > 0.63 * best
        assert figures.welfare > 0.75 * compared["clairvoyant-in-gate"].welfare
        assert figures.stop_rate < 0.85 * compared["fixed-4"].stop_rate

    def test_the_tone_that_people_like_better_is_found_and_none_is_given_up(self, lived):
        later = shares(lived.chooser.decided, range(WEEKS // 2, WEEKS))

        assert later[Tone.WARM] > 0.55
        assert later[Tone.WARM] > 2 * max(later[Tone.NEUTRAL], later[Tone.PRACTICAL])
        assert min(later.values()) > 0.04
        assert lived.chooser.versions[-1].phase == 2

    def test_where_messages_do_no_good_they_become_rare(self):
        idle = runs.measured(task("no-benefit", number=600), tick)[0]

        assert idle.late_send < shipping.MOST_IDLE
        assert idle.least_send >= 0.10

    def test_another_tone_that_becomes_liked_best_is_found_too(self):
        turned = runs.one(task("permuted", number=300), "product", nothing)
        before = shares(turned.chooser.decided, range(16, 26))
        after = shares(turned.chooser.decided, range(42, 52))

        assert after[Tone.PRACTICAL] > 1.5 * before[Tone.PRACTICAL]


class TestWhatAlwaysHolds:
    def test_no_floor_is_broken(self, lived):
        for one in lived.chooser.decided:
            assert one.odds.fallback is None
            assert abs(math.fsum(one.odds.tones.values()) - 1) <= 1e-12
            assert min(one.odds.tones.values()) >= 0.05 - 1e-12
            assert 0.1 <= one.odds.p_send <= 0.9

    def test_what_happened_agrees_with_the_chances_recorded(self, lived):
        """The number of messages sent, and of warm ones among them, is what the recorded chances foretold."""
        decided = lived.chooser.decided
        p_send = np.array([one.odds.p_send for one in decided])
        sent = np.array([one.tone is not None for one in decided])
        warm = [(list(one.odds.tones.values())[1], one.tone is Tone.WARM) for one in decided if one.tone is not None]
        p_warm, was_warm = (np.array(column) for column in zip(*warm, strict=True))

        assert TONES[1] is Tone.WARM
        assert abs((sent - p_send).sum()) < 4 * math.sqrt((p_send * (1 - p_send)).sum())
        assert abs((was_warm - p_warm).sum()) < 4 * math.sqrt((p_warm * (1 - p_warm)).sum())

    def test_nobody_is_written_to_after_a_stop_nor_more_than_the_caps_allow(self, lived):
        for citizen in lived.chooser._citizens:
            moments = [contact.at for contact in citizen.contacts]
            stops = [a.at for contact in citizen.contacts for a in contact.answers if a.choice is Choice.STOP]
            assert all(later - earlier >= timedelta(days=14) for earlier, later in itertools.pairwise(moments))
            assert len(moments) <= 18
            assert not stops or moments[-1] < stops[0]
            assert max(Counter(contact.card for contact in citizen.contacts).values(), default=0) <= 2

    def test_what_researchers_would_compute_from_what_was_logged_holds_the_truth(self):
        found = [one for seed in range(8) for one in coverage.intervals(task(number=120, seed=seed))]
        held = {(line.estimator): line.share for line in coverage.covered(found)}

        assert len(found) == 32
        assert min(held.values()) >= 0.8
        assert all(abs(line.bias) < 4 * line.se for line in coverage.covered(found))


class TestNothingOfThePeopleIsKnownToThePolicy:
    def test_what_decides_and_what_learns_loads_nothing_of_the_simulation(self):
        loading = "import bot.core.policy, bot.planning, bot.learning, bot.journey, sys; print(*sys.modules)"
        names = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, check=True, cwd=ROOT)

        assert "bot.core.lessons" in names.stdout
        assert "bot.research" not in names.stdout

    def test_nothing_outside_research_and_its_command_names_the_simulation(self):
        told = [
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "bot").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bot.research.simulation")
        ]

        assert {name for name in told if not name.startswith("bot/research/simulation/")} == {"bot/cli/simulating.py"}

    def test_the_same_ledger_decides_alike_whoever_lived_behind_it(self):
        """A town that is told what another town's people did decides as that other town did."""

        class Listening(town.Town):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.heard = []

            def choose(self, week, possible):
                self.heard.append([possible.copy()])
                return super().choose(week, possible)

            def hear(self, week, came):
                self.heard[-1].append(came)
                super().hear(week, came)

        said = {"learning": Learning.ADAPTIVE, "rules": RULES, "values": VALUES, "seed": 3}
        who = people.people(120, WORLDS["tones-1.0"], 3)
        listening = Listening([people.SEGMENTS[place] for place in who.segment], **said)
        year.live(who, listening, seed=3, state=people.rested(120), passed=nothing)
        again = town.Town([people.SEGMENTS[place] for place in who.segment], **said)
        for week, (possible, came) in enumerate(listening.heard):
            again.choose(week, possible)
            again.hear(week, came)

        assert again.decided == listening.decided
        assert again.policy.version == listening.policy.version

    def test_a_town_is_the_same_again_from_its_seed(self):
        first, again, other = (runs.measured(task(number=100, seed=seed), tick) for seed in (5, 5, 6))

        assert first == again != other


class TestThePeople:
    def test_the_yardsticks_stand_in_the_order_of_what_they_know(self, compared):
        welfare = {name: row.welfare for name, row in compared.items()}

        assert welfare["clairvoyant"] > welfare["population"] > welfare["fixed-4"] > welfare["uniform"]
        assert welfare["clairvoyant"] > welfare["clairvoyant-in-gate"] > welfare["fixed-4-in-gate"]

    def test_they_answer_about_as_learning_md_says(self, compared):
        """Interest of 13 to 20 percent; about one in twenty stops in a year of messages every four weeks."""
        assert 0.12 < compared["fixed-4"].interest < 0.20
        assert 0.03 < compared["fixed-4"].stop_rate < 0.065
        assert compared["fixed-8"].stop_rate < compared["fixed-4"].stop_rate < compared["uniform"].stop_rate

    def test_messages_tire_wear_out_and_annoy_and_all_of_it_passes(self):
        who = people.people(200, WORLDS["tones-1.0"], 1)
        fresh, tired = people.rested(200), people.rested(200)
        luck = people.luck(200, 1, 0)
        for _ in range(4):
            people.answer(who, tired, luck, np.zeros(200, dtype=int), 0)
        before, after = people.really(who, fresh, 0), people.really(who, tired, 0)
        for _ in range(52):
            people.fade(tired)
        rested = people.really(who, tired, 0)

        assert (after.interest < before.interest).all()
        assert (after.interest[:, 0] / before.interest[:, 0] < after.interest[:, 1] / before.interest[:, 1]).all()
        assert (after.stop >= before.stop).all()
        assert (after.stop[:, 0] > before.stop[:, 0]).mean() > 0.9
        assert np.allclose(rested.interest, before.interest, atol=1e-3)

    def test_a_weeks_luck_does_not_depend_on_what_was_done_before(self):
        assert (people.luck(50, 1, 7).stop == people.luck(50, 1, 7).stop).all()
        assert (people.luck(50, 1, 7).stop != people.luck(50, 1, 8).stop).any()

    def test_only_the_permuted_world_turns(self):
        plain, turned = (people.people(50, WORLDS[name], 1) for name in ("tones-1.0", "permuted"))

        assert (plain.liked(10) == plain.liked(40)).all()
        assert (turned.liked(10) == plain.liked(10)).all()
        assert (turned.liked(40) == np.roll(plain.liked(10), 1, axis=1)).all()
        assert (people.people(50, WORLDS["no-tone-effect"], 1).liking == 0).all()


class TestTheGate:
    @pytest.fixture
    def summaries(self, figures, compared):
        rows = [replace(row, world=world, seed=seed) for row in (figures, *compared.values()) for seed in (1, 2)
                for world in ("tones-1.0", "tones-0.3")]  # fmt: skip
        idle = [replace(figures, world="no-benefit", late_send=0.15, seed=seed) for seed in (1, 2)]
        return measures.summaries([*rows, *idle])

    def covered(self, share):
        return [coverage.Covered(world="tones-1.0", estimator="EMEE", intervals=400, share=share, bias=0.0, se=0.01)]

    def altered(self, summaries, world, of=None, **changes):
        return [
            replace(one, **changes, mean=replace(one.mean, **(of or {})))
            if (one.world, one.policy) == (world, "product")
            else one
            for one in summaries
        ]

    def test_each_line_fails_by_itself(self, summaries):
        good = self.altered(summaries, "tones-1.0", of_best=0.70, stops=0.70)
        good = self.altered(good, "tones-0.3", of_best=0.75, stops=0.60)
        bad = {
            "welfare": self.altered(good, "tones-0.3", of_best=0.699),
            "stops": self.altered(good, "tones-1.0", stops=0.701),
            "tone": self.altered(good, "tones-0.3", of={"least_tone": 0.0499}),
            "writing": self.altered(good, "tones-1.0", of={"least_send": 0.0999}),
            "27 to 52": self.altered(good, "no-benefit", of={"late_send": 0.21}),
        }

        assert all(line.passed for line in shipping.verdicts(good, self.covered(0.95)))
        for word, summary in bad.items():
            (failed,) = (line for line in shipping.verdicts(summary, self.covered(0.95)) if not line.passed)
            assert word in failed.what
        for share in (0.92, 0.995):
            (failed,) = (line for line in shipping.verdicts(good, self.covered(share)) if not line.passed)
            assert "coverage" in failed.what

    def test_a_summary_compares_means_over_the_same_towns(self, figures, compared):
        double = replace(compared["clairvoyant"], seed=2, welfare=2 * compared["clairvoyant"].welfare)
        rows = [figures, replace(figures, seed=2), compared["clairvoyant"], double, compared["fixed-4"]]
        product, best, fixed = measures.summaries(rows)

        assert product.of_best == pytest.approx(figures.welfare / (1.5 * compared["clairvoyant"].welfare))
        assert product.se > 0
        assert (best.of_best, best.se) == (1.0, 0.0)
        assert product.stops == pytest.approx(figures.stop_rate / compared["fixed-4"].stop_rate)
        assert (product.gap_closed, product.stops_in_gate, fixed.seeds) == (None, None, 1)


class TestTheCommand:
    def run(self, *arguments):
        return CliRunner().invoke(cli.app, ["simulate", *arguments])

    def test_it_tells_a_table_and_writes_what_it_is_made_of(self, tmp_path):
        done = self.run("--citizens", "100", "--seeds", "1", "--world", "tones-1.0", "--out", str(tmp_path / "new"))

        assert done.exit_code == 0, done.output
        assert all(name in done.output for name in runs.POLICIES)
        assert {path.name for path in (tmp_path / "new").iterdir()} == {
            "years.csv", "summary.csv", "welfare.svg", "stops.svg",
        }  # fmt: skip
        assert len((tmp_path / "new" / "years.csv").read_text().splitlines()) == 1 + len(runs.POLICIES)
        assert (tmp_path / "new" / "welfare.svg").read_text().startswith("<svg")

    def test_several_processes_find_what_one_finds(self):
        said = ("--citizens", "50", "--seeds", "2", "--policy", "product", "--policy", "clairvoyant", "--json")
        alone, together = (json.loads(self.run(*said, "--processes", number).stdout) for number in ("1", "2"))
        for summary in (*alone, *together):
            summary["mean"].pop("seconds")

        assert alone == together
        assert len(alone) == 4

    def test_what_there_is_not_is_named_with_what_there_is(self):
        for option, wrong, there in (("--world", "mars", "permuted"), ("--policy", "best", "clairvoyant")):
            with pytest.raises(RefusedError, match=f"{wrong}.*{there}"):
                CliRunner().invoke(cli.app, ["simulate", option, wrong], catch_exceptions=False)

    def test_a_gate_that_is_missed_is_exit_code_one(self, monkeypatch, tmp_path):
        monkeypatch.setattr(shipping, "PEOPLE", 120)
        monkeypatch.setattr(shipping, "SEEDS", 1)
        monkeypatch.setattr(shipping, "COVERAGE_PEOPLE", 150)
        monkeypatch.setattr(shipping, "COVERAGE_RUNS", 1)
        monkeypatch.setattr(shipping, "LEAST_WELFARE", 2.0)
        done = self.run("--gate", "--json")

        assert done.exit_code == simulating.FAILED
        assert not json.loads(done.stdout)[0]["passed"]

    def test_a_planned_campaign_is_told_with_its_ranges(self, tmp_path):
        file = ROOT / "messages" / "campaigns" / "stadspas.toml"
        done = self.run("--campaign", str(file), "--citizens", "80", "--seeds", "2", "--out", str(tmp_path))

        assert done.exit_code == 0, done.output
        assert "assumed" in done.output
        assert {path.name for path in tmp_path.iterdir()} >= {"weeks.csv", "messages.svg", "contacts.svg"}


class TestAPlannedCampaign:
    @pytest.fixture
    def plan(self, wording):
        text = (ROOT / "messages" / "campaigns" / "stadspas.toml").read_text(encoding="utf-8")
        return planned.planned(read(text, wording), wording)

    def weeks(self, plan, responsiveness="medium", signals=0.0):
        return planned.simulated(plan, planned.Town(number=150, signals=signals), responsiveness, 1)

    def test_its_days_reach_everybody_and_nobody_twice_within_the_gap(self, plan):
        weeks = self.weeks(plan)

        assert plan.days
        assert max(week.messages for week in weeks) > 0
        assert sum(week.messages for week in weeks) <= 150 * len(plan.days)
        assert all(week.contacts <= week.welcome <= week.messages for week in weeks)

    def test_more_responsive_people_find_more_of_it_welcome(self, plan):
        low, high = (sum(week.welcome for week in self.weeks(plan, name)) for name in ("low", "high"))

        assert high > 1.3 * low

    def test_signals_of_ones_own_come_beside_the_days(self, plan):
        assert sum(w.messages for w in self.weeks(plan, signals=4.0)) > sum(w.messages for w in self.weeks(plan))

    def test_a_range_holds_the_middle_and_ends_in_the_whole(self, plan):
        runs_of = {name: [self.weeks(plan, name)] for name in planned.RESPONSIVENESS}
        told = planned.ranges(runs_of)

        assert len(told) == plan.weeks + 1
        assert all(of.low <= of.middle <= of.high for row in told for of in row.values())
        assert told[-1]["messages"].middle == sum(week.messages for week in runs_of["medium"][0])
