"""The researchers' figures: counted by hand in small towns, and made again from an export's files alone."""

from datetime import date, timedelta
from itertools import product

import pandas as pd
import pytest

from bot import guarding
from bot.core.facts import Tone
from bot.core.survey import DIMENSIONS
from bot.research import figures
from bot.research.estimators.sequences import mean_sequence, proportion_sequence
from bot.research.export import write
from bot.research.figures import Asked
from tests.answered import DAY, WEEK, Answered, year
from tests.world import World

CAMPAIGN = "zorgtoeslag-deadline"
#: Who stopped is in no export, so this one counts everybody and is checked by hand.
OF_EVERYBODY = {"stops"}
FAIR = {"fairness_languages": "language", "fairness_themes": "theme"}
#: How many columns name a row, where it is more than one.
NAMED_BY = {"axes_over_time": 3}
TABLES = ("decisions", "responses", "answers", "opinions", "contacts", "citizens", "policies")


@pytest.fixture
def town(sessions, wording, vault):
    town = World(sessions, wording, vault)
    town.campaign()
    return town


@pytest.fixture
def answered(town):
    return Answered(town.sessions, town.wording, town.vault, town.now)


def read(town):
    with town.sessions() as session:
        return figures.read(session, town.wording.rules.window, town.now)


def made(town, key, **asked):
    return figures.made(key, read(town), Asked(**asked))


def rows(figure):
    return {row[0]: row[1:] for row in figure.rows}


def some(answered, people, at=None, **decided):
    """That many people, each with one decision like this."""
    for _ in range(people):
        answered.decided(answered.person(), CAMPAIGN, at or answered.now - 4 * WEEK, **decided)


class TestByHand:
    def test_the_funnel_counts_moments_and_people_at_each_step(self, town, answered):
        some(answered, 10, plan="hold", reason="resting", available=False)
        some(answered, 12, plan="hold", reason="lottery")
        some(answered, 11, state="failed")
        some(answered, 13)
        some(answered, 14, answers=[("no", 1)])
        some(answered, 15, answers=[("more", 1)])
        some(answered, 16, answers=[("more", 1), ("contact", 2)], contact=("open", 0))
        answered.flush()
        assert made(town, "funnel").rows == (
            ("considered", 91, 91), ("allowed", 81, 81), ("drawn", 69, 69), ("reached", 58, 58), ("answered", 45, 45),
            ("welcome", 31, 31), ("contact", 16, 16),
        )  # fmt: skip
        assert made(town, "funnel").finding.told["share"] == 45 / 58
        assert rows(made(town, "reasons")) == {"lottery": (12, 12), "resting": (10, 10)}

    def test_whoever_did_not_agree_or_took_it_back_is_in_no_figure(self, town, answered):
        some(answered, 12, answers=[("more", 1)])
        for _ in range(30):
            answered.decided(answered.person(agreed=False), CAMPAIGN, answered.now - 4 * WEEK)
        answered.consent("r0000001", "_research", "withdrawn", answered.now - DAY)
        answered.flush()
        assert rows(made(town, "funnel"))["reached"] == (11, 11)

    def test_nothing_about_illness_or_debt_is_counted(self, town, answered):
        some(answered, 12)
        secret = next(name for name, card in town.wording.cards.items() if card.facts().sensitivity == "S3")
        other = next(name for name in ("contact-geld", *_campaigns()) if _card_of(town, name) == secret)
        town.campaign(other)
        for _ in range(20):
            answered.decided(answered.person(), other, answered.now - 4 * WEEK)
        answered.flush()
        assert rows(made(town, "funnel"))["considered"] == (12, 12)
        assert int(read(town).departed["messages"].sum()) == 12

    def test_a_tone_is_counted_where_it_was_drawn_and_its_window_is_closed(self, town, answered):
        some(answered, 20, tone="warm", answers=[("more", 1)])
        some(answered, 10, tone="warm")
        some(answered, 14, tone="neutral", answers=[("more", 1)])
        some(answered, 16, tone="neutral", answers=[("more", 15)])  # too late to count
        some(answered, 30, tone="warm", forced=True, answers=[("more", 1)])
        some(answered, 30, tone="warm", at=answered.now - WEEK, answers=[("more", 1)])
        answered.flush()
        figure = made(town, "tones")
        assert [(row[0], row[1], row[3]) for row in figure.rows] == [("neutral", 30, 14 / 30), ("warm", 30, 20 / 30)]
        assert figure.rows[0][4:] == proportion_sequence(14, 30)
        assert figure.finding.code == "early"

    def test_tones_differ_only_when_chance_cannot_explain_it(self, town, answered):
        for number in range(600):
            tone = ("warm", "neutral")[number % 2]
            likes = number % 10 < (7 if tone == "warm" else 3)
            tones = {Tone.WARM: 0.5, Tone.NEUTRAL: 0.5}
            answered.decided(answered.person(), CAMPAIGN, answered.now - 4 * WEEK, tone=tone, tones=tones,
                             answers=[("more", 1)] if likes else [])  # fmt: skip
        answered.flush()
        finding = made(town, "tones").finding
        assert (finding.code, finding.told["a"], finding.told["b"]) == ("apart", "warm", "neutral")
        assert 0 < finding.told["low"] < 0.6 < finding.told["high"]

    def test_tones_alike_are_called_alike(self, town, answered):
        for number in range(600):
            tone, said = ("warm", "neutral")[number % 2], [("more", 1)] if number % 4 < 2 else []
            tones = {Tone.WARM: 0.5, Tone.NEUTRAL: 0.5}
            answered.decided(answered.person(), CAMPAIGN, answered.now - 4 * WEEK, tone=tone, tones=tones, answers=said)
        answered.flush()
        assert made(town, "tones").finding.code == "alike"

    def test_a_pause_is_the_weeks_since_that_persons_message_before(self, town, answered):
        for _ in range(12):
            person = answered.person()
            for weeks in (30, 28, 22, 12, 11, 3):  # gaps of 2, 6, 10, 1 and 8 weeks; the last but one did not arrive
                answered.decided(person, CAMPAIGN, answered.now - weeks * WEEK, answers=[("more", 1)] * (weeks % 2),
                                 state="failed" if weeks == 11 else "sent")  # fmt: skip
        answered.flush()
        counted = {name: row[1] for name, row in rows(made(town, "rhythm")).items()}
        assert counted == {"first": 12, "under_4": 12, "4_to_7": 12, "8_to_12": 24}

    def test_stops_are_counted_of_everybody_since_they_end_the_consent(self, town, answered):
        for number in range(100):
            person = answered.person(agreed=number % 2 == 0)
            stops = number < 8
            answered.decided(person, CAMPAIGN, answered.now - 4 * WEEK, answers=[("stop", 1)] if stops else [])
            if stops and number % 2 == 0:
                answered.consent(person, "_research", "withdrawn", answered.now - 3 * WEEK)
        answered.flush()
        figure = made(town, "stops")
        assert figure.rows[0][2:5] == (100, 8, 0.08)
        assert figure.finding.told["messages"] == 100
        assert rows(made(town, "funnel"))["reached"] == (46, 46)

    def test_welcome_and_expected_are_two_axes(self, town, answered):
        for welcome, expected, people in (("welcome", "expected", 40), ("welcome", "unexpected", 12),
                                          ("unwelcome", "expected", 11), ("unwelcome", "unexpected", 30)):  # fmt: skip
            some(answered, people, answers=[("self", 1), (welcome, 1), (expected, 1)])
        some(answered, 20, answers=[("self", 1), ("welcome", 1)])  # did not answer the second question
        answered.flush()
        figure = made(town, "axes")
        assert figure.rows[:2] == (("welcome", 40, 12), ("unwelcome", 11, 30))
        assert (figure.finding.code, figure.finding.told["a"]) == ("apart", "expected")
        over_time = {row[2]: row[3] for row in made(town, "axes_over_time").rows}
        assert over_time == {"welcome_expected": 40, "welcome_unexpected": 12, "unwelcome_expected": 11,
                             "unwelcome_unexpected": 30}  # fmt: skip

    def test_the_eight_dimensions_are_shares_of_yes(self, town, answered):
        for dimension in DIMENSIONS:
            for answer, people in (("yes", 30 if dimension == "autonomy" else 12), ("no", 11), ("no_opinion", 10)):
                some(answered, people, opinions=[(dimension, answer)])
        answered.flush()
        found = rows(made(town, "dimensions"))
        assert found["autonomy"][:4] == (30, 11, 10, 30 / 41)
        assert found["language"][:4] == (12, 11, 10, 12 / 23)

    def test_promises_are_kept_put_off_or_open(self, town, answered):
        for state, moved, people in (("done", 0, 20), ("talking", 0, 10), ("done", 1, 12), ("open", 0, 11),
                                     ("cancelled", 0, 13)):  # fmt: skip
            some(answered, people, answers=[("contact", 1)], contact=(state, moved))
        answered.flush()
        figure = made(town, "promises")
        assert rows(figure) == {"kept": (30,), "moved": (12,), "open": (11,), "cancelled": (13,)}
        assert figure.finding.told["share"] == 30 / 42

    def test_the_hold_out_is_compared_by_people(self, town, answered):
        for number in range(60):
            person = answered.person(holdout=number < 20)
            likes = number % 2 == 0 if number < 20 else number % 4 < 3
            for weeks in (8, 4):
                answered.decided(person, CAMPAIGN, answered.now - weeks * WEEK, answers=[("more", 1)] if likes else [])
        answered.flush()
        assert {arm: row[:3] for arm, row in rows(made(town, "holdout")).items()} == {
            "policy": (40, 80, 0.75), "holdout": (20, 40, 0.5),
        }  # fmt: skip

    def test_chances_are_means_over_the_draws_of_a_week(self, town, answered):
        some(answered, 10, p_send=0.8)
        some(answered, 10, p_send=0.2, plan="hold", reason="lottery", fallback="stale: x")
        some(answered, 10, p_send=1.0)
        answered.flush()
        [row] = made(town, "shares").rows
        assert row[1:3] == (30, 30)
        assert row[3] == pytest.approx(0.5)
        assert row[4:] == pytest.approx((1 / 3, 1 / 3, 1 / 3, 1 / 3))


def _campaigns():
    from bot.wording import data

    return [file.name.removesuffix(".toml") for file in (data("messages") / "campaigns").iterdir()]


def _card_of(town, name):
    from bot.wording import data

    file = data("messages") / "campaigns" / f"{name}.toml"
    if not file.is_file():
        return None
    return next(line.split('"')[1] for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("card"))


class TestHiding:
    def test_a_small_group_takes_another_one_along(self, town, answered):
        for language, people in (("nl", 60), ("en", 30), ("ar", 15), ("tr", 4)):
            for number in range(people):
                said = [("more", 1)] if number % 2 else []
                answered.decided(answered.person(language), CAMPAIGN, answered.now - 4 * WEEK, answers=said)
        answered.flush()
        found = {name: row[0] for name, row in rows(made(town, "languages")).items()}
        assert found == {"nl": 60, "en": 30, "ar": None, "tr": None}

    def test_a_share_of_fewer_than_five_people_either_way_is_hidden(self, town, answered):
        for language, people, liked in (("nl", 60, 30), ("en", 30, 3), ("ar", 20, 18)):
            for number in range(people):
                said = [("more", 1)] if number < liked else []
                answered.decided(answered.person(language), CAMPAIGN, answered.now - 4 * WEEK, answers=said)
        answered.flush()
        found = {name: row[2] for name, row in rows(made(town, "languages")).items()}
        assert found["en"] is None
        assert found["ar"] is None

    def test_the_difference_between_a_filter_and_the_whole_tells_nothing(self, town, answered):
        for language, people in (("nl", 30), ("en", 9)):
            for _ in range(people):
                answered.decided(answered.person(language), CAMPAIGN, answered.now - 4 * WEEK)
        answered.flush()
        assert made(town, "funnel").people == 39
        assert made(town, "funnel", language="nl").finding.code == "too_few"
        assert made(town, "funnel", language="en").finding.code == "too_few"


def fair(town, key):
    since = figures.since(town.now)
    with town.sessions() as session:
        return figures.fairness(key, guarding.fairness(session, town.wording, since=since))


def answers_of(answered, language, people, *, liked=0, stopped=0, **decided):
    """That many people with a message each, of whom so many felt it welcome and so many stopped."""
    for number in range(people):
        said = [("more", 1)] if number < liked else [("stop", 1)] if number < liked + stopped else []
        answered.decided(answered.person(language), CAMPAIGN, answered.now - 4 * WEEK, answers=said, **decided)


class TestFairness:
    def test_who_clearly_stops_more_is_named_and_everybody_counts(self, town, answered):
        answers_of(answered, "nl", 400, liked=200, stopped=6)
        answers_of(answered, "ar", 100, liked=50, stopped=30)
        for _ in range(5):
            answered.decided(answered.person("ar", agreed=False), CAMPAIGN, answered.now - 4 * WEEK)
        answered.flush()

        figure = fair(town, "fairness_languages")

        assert figure.finding == figures.Finding(code="stops_more", told={"a": "ar", "a_share": 30 / 105})
        assert [(row[0], row[1], row[2], row[3], row[6], row[8]) for row in figure.rows] == [
            ("ar", 105, 105, 30 / 105, 50 / 105, "stops_more"),
            ("nl", 400, 400, 6 / 400, 200 / 400, "level"),
        ]

    def test_where_messages_are_clearly_less_welcome_is_named(self, town, answered):
        answers_of(answered, "nl", 400, liked=240, stopped=6)
        answers_of(answered, "ar", 100, liked=20, stopped=0)
        answered.flush()

        assert fair(town, "fairness_languages").finding.code == "welcome_less"

    def test_nobody_does_worse_where_all_answer_alike(self, town, answered):
        answers_of(answered, "nl", 200, liked=80, stopped=8)
        answers_of(answered, "ar", 150, liked=60, stopped=6)
        answered.flush()

        assert fair(town, "fairness_languages").finding.code == "level"
        assert fair(town, "fairness_themes").finding.code == "alone"

    def test_a_small_group_and_one_that_would_tell_it_are_hidden(self, town, answered):
        for language, people in (("nl", 60), ("en", 30), ("ar", 15), ("tr", 4)):
            answers_of(answered, language, people, liked=people // 2)
        answered.flush()

        figure = fair(town, "fairness_languages")

        assert {row[0]: row[1] for row in figure.rows} == {"nl": 60, "en": 30, "ar": None, "tr": None}
        assert all(value is None for row in figure.rows if row[1] is None for value in row[1:])
        assert all(row[3] is None for row in figure.rows)  # nobody stopped
        assert figure.finding.code == "hidden"

    def test_under_ten_people_there_is_nothing(self, town, answered):
        answers_of(answered, "nl", 9, liked=4)
        answered.flush()

        assert [(figure.rows, figure.finding.code) for figure in map(fair, [town] * 2, FAIR)] == [((), "too_few")] * 2

    def test_where_everybody_agreed_it_is_what_the_export_says(self, town, answered, tmp_path):
        """Else it is not: it counts whoever did not agree to research, too, of whom an export knows nothing."""
        town.campaign("stadspas")
        for place, (language, campaign) in enumerate(product(("nl", "en", "ar"), (CAMPAIGN, "stadspas"))):
            for number in range(40 + 5 * place):
                person = answered.person(language)
                for week in (4, 8):
                    said = [("stop", 1)] if number % 7 == week else [("more", 2)] if number % 3 else [("no", 1)]
                    answered.decided(
                        person, campaign, answered.now - week * WEEK, answers=said, p_send=0.3 + place / 20
                    )
        answered.flush()
        write(town.sessions, tmp_path / "export", wording=town.wording, key=b"k" * 32, now=town.now, by="rik")
        tables = {name: pd.read_csv(tmp_path / "export" / f"{name}.csv") for name in TABLES}
        people = tables["citizens"].set_index("citizen_pid")["language"]
        rows = tables["decisions"].merge(tables["responses"], on="decision_id")
        rows["language"] = rows["citizen_pid"].map(people)

        for key, by in FAIR.items():
            figure = fair(town, key)
            again = rows[rows["delivered"] == "sent"].groupby(by)
            drawn = rows[rows["in_study"] == 1].groupby(by)["p_send"].mean()
            for record in figure.records():
                one = again.get_group(record[by])
                wanted = {
                    "people": one["citizen_pid"].nunique(), "messages": len(one), "stop_share": one["stopped"].mean(),
                    "welcome_share": one["interested"].mean(), "p_send": drawn[record[by]],
                }  # fmt: skip
                assert {name: record[name] for name in wanted} == pytest.approx(wanted)
            assert len(figure.rows) >= 2


# Everything again, from the files alone.

FILTERS = {
    "everything": {},
    "half a year": {"first": date(2026, 3, 2), "last": date(2026, 8, 31)},
    "in English": {"language": "en"},
    "one campaign": {"campaign": CAMPAIGN},
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, sqlite_template, wording):
    """A year's town, what its figures are made of, and the folder that a researcher got."""
    import shutil

    from sqlalchemy.orm import sessionmaker
    from sqlmodel import Session

    from bot.store import schema
    from bot.store.vault import Vault

    folder = tmp_path_factory.mktemp("year")
    shutil.copy(sqlite_template, folder / "town.db")
    engine = schema.open_engine(f"sqlite:///{folder / 'town.db'}")
    town = World(sessionmaker(engine, class_=Session, expire_on_commit=False), wording,
                 Vault([b"MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="], b"f" * 32))  # fmt: skip
    others = [name for name in sorted(_campaigns()) if _card_of(town, name) and name != CAMPAIGN]
    plain = [name for name in others if town.wording.cards[_card_of(town, name)].facts().sensitivity != "S3"][:3]
    for name in (CAMPAIGN, *plain):
        town.campaign(name)
    year(Answered(town.sessions, town.wording, town.vault, town.now), [CAMPAIGN, *plain], people=500)
    manifest = write(town.sessions, folder / "export", wording=wording, key=b"k" * 32, now=town.now, by="rik")
    assert (manifest.left_out, manifest.coarsened) == (0, ())
    yield read(town), folder / "export"
    engine.dispose()


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
def test_every_figure_is_made_again_from_the_export_alone(exported, filters):
    data, folder = exported
    again = Again(folder, **filters)
    for key in figures.EVERY.keys() - OF_EVERYBODY:
        figure = figures.made(key, data, Asked(**filters))
        expected = getattr(again, key)(figure)
        assert figure.rows, key
        named, shown = NAMED_BY.get(key, 1), 0
        for row in figure.rows:
            wanted = expected[row[:named]]
            for column, value in zip(figure.columns[named:], row[named:], strict=True):
                if value is not None:
                    shown += 1
                    assert value == pytest.approx(wanted[column], nan_ok=True), (key, row, column)
        assert shown >= len(figure.rows) or filters, key


class Again:
    """Each figure by pandas from CSV, by its key and the columns of the figure; `people` under ten are no excuse."""

    def __init__(self, folder, *, first=None, last=None, campaign=None, language=None):
        types = {"decision_id": str, "citizen_pid": str}
        tables = {name: pd.read_csv(folder / f"{name}.csv", dtype=types) for name in TABLES}
        self.whole = (first, last)
        people = tables["citizens"].set_index("citizen_pid")["language"]
        all_ = tables["decisions"]
        all_["week"] = all_["iso_week"].map(_monday)
        all_["language"] = all_["citizen_pid"].map(people)
        all_["reached"] = all_["delivered"] == "sent"
        arrived = all_[all_["reached"]].sort_values(["citizen_pid", "decision_index"])
        gaps = arrived.groupby("citizen_pid")["week"].diff()
        all_["gap"] = gaps.map(lambda gap: None if pd.isna(gap) else gap.days // 7)
        said = tables["answers"][tables["answers"]["days"] < 14].groupby("decision_id")["choice"].agg(list)
        all_["said"] = all_["decision_id"].map(said).map(lambda one: one if isinstance(one, list) else [])
        kept = all_.merge(tables["responses"], on="decision_id", how="left")
        everything = kept
        if first:
            kept = kept[(kept["week"] >= first) & (kept["week"] <= last)]
        kept = kept[kept["campaign_id"] == campaign] if campaign else kept
        kept = kept[kept["language"] == language] if language else kept
        self.first = min(kept["week"])
        self.decisions = kept
        self.sent = kept[kept["reached"]]
        self.matured = self.sent[(self.sent["matured_14d"] == 1) & self.sent["censor_reason"].isna()]
        self.opinions = tables["opinions"].merge(kept[["decision_id", "citizen_pid"]], on="decision_id")
        contacts = tables["contacts"].dropna(subset=["decision_id"])
        contacts = contacts.merge(everything[["decision_id", "campaign_id", "language"]], on="decision_id")
        contacts["week"] = contacts["iso_week"].map(_monday)
        if first:
            contacts = contacts[(contacts["week"] >= first) & (contacts["week"] <= last)]
        contacts = contacts[contacts["campaign_id"] == campaign] if campaign else contacts
        self.contacts = contacts[contacts["language"] == language] if language else contacts
        self.policies = tables["policies"]
        weights = pd.read_csv(folder / "policy_weights.csv")
        whole = weights[weights["weight"] == "one"]
        self.believed = {(row["policy_version"], row["model"]): row["mean"] for row in whole.to_dict("records")}

    # Each returns, by what names a row, the values of its columns.

    def funnel(self, _):
        frame = self.decisions
        closing = frame["said"].map(lambda said: bool(set(said) - {"why"})) & frame["reached"]
        stages = {
            "considered": frame, "allowed": frame[frame["available"] == 1], "drawn": frame[frame["sent"] == 1],
            "reached": frame[frame["reached"]], "answered": frame[closing],
            "welcome": frame[frame["reached"] & frame["said"].map(_felt_welcome)],
            "contact": frame[frame["reached"] & frame["said"].map(lambda said: "contact" in said)],
        }  # fmt: skip
        return {(name,): {"people": one["citizen_pid"].nunique(), "moments": len(one)} for name, one in stages.items()}

    def reasons(self, _):
        held = self.decisions[self.decisions["sent"] == 0]
        held = held.assign(reason=held["unavailable_reason"].fillna(held["hold_reason"]))
        return {(name,): {"people": one["citizen_pid"].nunique(), "moments": len(one)}
                for name, one in held.groupby("reason")}  # fmt: skip

    def tones(self, figure):
        drawn = self.matured[self.matured["tone_in_study"] == 1]
        if figure.finding.code == "apart":
            one, two = figure.finding.told["a"], figure.finding.told["b"]
            weights = (drawn["tone"] == one) / drawn[f"p_tone_{one}"] - (drawn["tone"] == two) / drawn[f"p_tone_{two}"]
            bounds = mean_sequence((weights * drawn["interested"]).to_numpy(), alpha=0.05 / 3, t_opt=2_000)
            assert figure.finding.told["low"] == pytest.approx(bounds.lower)
            assert bounds.lower > 0
        return _rates(drawn, "tone", "interested")

    def choices(self, _):
        found = {}
        for tone in Tone:
            here = self.matured[self.matured["tone"] == tone]
            for choice, count in here["said"].map(lambda said: sorted(set(said))).explode().value_counts().items():
                found.setdefault((choice,), {})[f"messages_{tone}"] = count
            silent = here["said"].map(lambda said: not set(said) - {"why"})
            found.setdefault(("silence",), {})[f"messages_{tone}"] = int(silent.sum())
        return found

    def rhythm(self, _, outcome="interested"):
        pause = self.matured["gap"].map(
            lambda gap: "first" if pd.isna(gap) else "under_4" if gap < 4 else "4_to_7" if gap < 8
            else "8_to_12" if gap < 13 else "from_13"
        )  # fmt: skip
        return _rates(self.matured.assign(pause=pause), "pause", outcome)

    def irritation(self, _):
        return self.rhythm(_, "unwelcome")

    def languages(self, _):
        return _rates(self.matured, "language", "interested")

    def languages_unwelcome(self, _):
        return _rates(self.matured, "language", "unwelcome")

    def themes(self, _):
        return _rates(self.matured, "theme", "interested")

    def themes_unwelcome(self, _):
        return _rates(self.matured, "theme", "unwelcome")

    def _asked(self):
        both = self.sent.dropna(subset=["welcome", "expected"])
        names = {"yes": "welcome", "no": "unwelcome", "no_opinion": "no_opinion"}
        expected = both["expected"].map({"yes": "expected", "no": "unexpected"})
        return both.assign(w=both["welcome"].map(names), e=expected)

    def axes(self, _):
        counts = self._asked().groupby(["w", "e"]).size()
        return {(w,): {e: counts.get((w, e), 0) for e in ("expected", "unexpected")}
                for w in ("welcome", "unwelcome", "no_opinion")}  # fmt: skip

    def axes_over_time(self, figure):
        [weeks] = {row[1] for row in figure.rows}
        told = self._asked()
        told = told[told["w"] != "no_opinion"]
        span = timedelta(weeks=weeks)
        block = told["week"].map(lambda week: self.first + (week - self.first) // span * span)
        counts = told.groupby([block, told["w"] + "_" + told["e"]]).size()
        whole = told.groupby(block).size()
        hidden = {row[:3]: {} for row in figure.rows if row[3] is None}
        return hidden | {
            (at, weeks, name): {"answers": count, "share": count / whole[at]} for (at, name), count in counts.items()
        }

    def dimensions(self, _):
        found = {}
        for dimension in DIMENSIONS:
            counts = self.opinions[self.opinions["dimension"] == dimension]["answer"].value_counts()
            yes, no = int(counts.get("yes", 0)), int(counts.get("no", 0))
            low, high = proportion_sequence(yes, yes + no)
            found[dimension,] = {"yes": yes, "no": no, "no_opinion": int(counts.get("no_opinion", 0)),
                                 "share": yes / max(1, yes + no), "low": low, "high": high}  # fmt: skip
        return found

    def shares(self, _):
        chances = [f"p_tone_{tone}" for tone in Tone]
        frame = self.decisions[self.decisions["available"] == 1]
        frame = frame[(frame["in_study"] == 1) | frame[chances].notna().any(axis=1)]
        found = {}
        for week, one in frame.groupby("week"):
            free = one[one["tone_forced"] == 0]
            found[week,] = {
                "people": one["citizen_pid"].nunique(), "moments": len(one), "p_send": one["p_send"].mean(),
                **{f"p_{tone}": free[f"p_tone_{tone}"].mean() for tone in Tone},
                "fallback": one["fallback"].notna().mean(),
            }  # fmt: skip
        return found

    def versions(self, _):
        return {(row["policy_version"][:10],): {
                    "week": _monday(row["created_week"]), "rows": row["rows_used"], "phase": row["phase"],
                    "eps": row["eps"], "p_min": row["p_min"], "p_max": row["p_max"], "slope": row["slope"],
                    "r0": row["r0"], **{f"belief_{model}": self.believed[row["policy_version"], model]
                                       for model in ("neutral", "warm", "practical", "send")},
                } for row in self.policies.to_dict("records")}  # fmt: skip

    def holdout(self, _, outcome="interested"):
        frame = self.decisions
        frame = frame[(frame["available"] == 1) | (frame["hold_reason"] == "holdout")]
        matured = self.matured.groupby("citizen_pid")
        liked, messages = matured[outcome].max(), matured.size()
        people = frame.groupby("citizen_pid")["holdout"].max().to_frame("arm")
        people["hit"] = people.index.map(liked).fillna(0)
        people["messages"] = people.index.map(messages).fillna(0)
        found = {}
        for arm, one in people.groupby("arm"):
            low, high = proportion_sequence(int(one["hit"].sum()), len(one))
            found["holdout" if arm else "policy",] = {
                "people": len(one), "messages": int(one["messages"].sum()), "share": one["hit"].mean(), "low": low,
                "high": high,
            }  # fmt: skip
        return found

    def holdout_unwelcome(self, _):
        return self.holdout(_, "unwelcome")

    def promises(self, _):
        kept = self.contacts["promise_kept"]
        names = kept.map({1: "kept", 0: "moved"}).fillna(self.contacts["state"])
        return {(name,): {"requests": count} for name, count in names.value_counts().items()} | {
            (name,): {} for name in {"kept", "moved", "open", "cancelled"} - set(names)
        }  # fmt: skip


def _rates(frame, by, outcome):
    found = {}
    for name, one in frame.groupby(by):
        hits = int(one[outcome].sum())
        low, high = proportion_sequence(hits, len(one))
        found[name,] = {"people": one["citizen_pid"].nunique(), "messages": len(one), "share": hits / len(one),
                        "low": low, "high": high}  # fmt: skip
    return found


def _felt_welcome(said):
    asked = [choice for choice in said if choice in {"welcome", "unwelcome"}]
    if asked[-1:] == ["unwelcome"] or {"too_often", "stop"} & set(said):
        return False
    return bool(asked or {"more", "self", "contact"} & set(said))


def _monday(week):
    year_, _, number = week.partition("-W")
    return date.fromisocalendar(int(year_), int(number), 1)
