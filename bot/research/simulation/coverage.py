"""Whether the intervals that researchers compute from what the product logged hold the truth as often as they say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from bot.research.estimators.emee import emee
from bot.research.estimators.off_policy import cross_fitted, difference, dr
from bot.research.estimators.views import tone_columns
from bot.research.simulation.people import TONES
from bot.research.simulation.runs import PRODUCT, Lived, Task, one
from bot.research.simulation.town import Town


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """What one estimator said of one tone against the first. `truth` is that of the decision points there were."""

    world: str
    seed: int
    estimator: str
    tone: str
    estimate: float
    lower: float
    upper: float
    truth: float

    @property
    def holds(self) -> bool:
        return self.lower <= self.truth <= self.upper


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """How many of `intervals` held the truth. `bias` is the mean of estimate less truth, `se` its standard error."""

    world: str
    estimator: str
    intervals: int
    share: float
    bias: float
    se: float


def logged(lived: Lived) -> pl.DataFrame:
    """Each message that was sent with what it was drawn from, under the names of the export's view `mrt_tone`.

    `truth_<tone>` is the chance of interest that there really was, which no export has.
    """
    town, year = lived.chooser, lived.year
    assert isinstance(town, Town)
    rows = [
        {
            "id": one.person,
            "week": one.week,
            "treatment": one.tone.value,
            "outcome": int(year.interested[one.week, one.person]),
            **{f"p_{tone.value}": p for tone, p in zip(TONES, one.odds.tones.values(), strict=True)},
            **{
                f"truth_{tone.value}": float(year.interest[one.week, one.person, place])
                for place, tone in enumerate(TONES)
            },
            "dose": one.odds.context["dose"],
            "rate": one.odds.context["rate"],
        }
        for one in town.decided
        if one.tone is not None
    ]
    return pl.DataFrame(rows)


def intervals(task: Task) -> list[Interval]:
    """What EMEE (log relative risk of interest) and DR (difference in the chance of interest) say after one year."""
    sent = logged(one(task, PRODUCT, lambda _: None))
    first, *others = (tone.value for tone in TONES)
    truth = {tone: float(sent[f"truth_{tone}"].to_numpy().mean()) for tone in (first, *others)}
    fit = emee(**tone_columns(sent, [first, *others]))
    effects = {effect.name: effect for effect in fit.effects}
    action = np.array([[tone.value for tone in TONES].index(tone) for tone in sent["treatment"]])
    chances = sent.select(f"p_{tone.value}" for tone in TONES).to_numpy()
    people, outcome = sent["id"].to_numpy(), sent["outcome"].to_numpy()
    q = cross_fitted(
        id=people,
        action=action,
        outcome=outcome,
        features=sent.select("dose", "rate").to_numpy(),
        actions=len(TONES),
        rng=np.random.default_rng([task.seed, 5]),
    )
    values = [
        dr(
            id=people,
            action=action,
            outcome=outcome,
            rand_prob=chances[np.arange(len(action)), action],
            target=np.tile(always, (len(action), 1)),
            predictions=q,
        )
        for always in np.eye(len(TONES))
    ]
    found = []
    for place, tone in enumerate(others, start=1):
        apart = difference(values[place], values[0], name=tone)
        for estimator, effect, true in (
            ("EMEE", effects[tone], math.log(truth[tone] / truth[first])),
            ("DR", apart, truth[tone] - truth[first]),
        ):
            found.append(
                Interval(
                    world=task.world.name,
                    seed=task.seed,
                    estimator=estimator,
                    tone=tone,
                    estimate=effect.estimate,
                    lower=effect.lower,
                    upper=effect.upper,
                    truth=true,
                )
            )
    return found


def covered(found: Sequence[Interval]) -> list[Covered]:
    """For each world and estimator how often the truth was held."""
    groups: dict[tuple[str, str], list[Interval]] = {}
    for interval in found:
        groups.setdefault((interval.world, interval.estimator), []).append(interval)
    return [
        Covered(
            world=world,
            estimator=estimator,
            intervals=len(of),
            share=float(np.mean([interval.holds for interval in of])),
            bias=float(np.mean([interval.estimate - interval.truth for interval in of])),
            se=float(np.std([interval.estimate - interval.truth for interval in of], ddof=1) / np.sqrt(len(of))),
        )
        for (world, estimator), of in groups.items()
    ]
