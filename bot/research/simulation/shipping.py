"""The gate to ship: what `citizen-sim-1` must show before a change of the policy reaches people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.research.simulation.coverage import Covered
from bot.research.simulation.measures import Summary
from bot.research.simulation.people import WORLDS, World
from bot.research.simulation.runs import PRODUCT

PEOPLE: Final = 2_000
SEEDS: Final = 20
COVERAGE_PEOPLE: Final = 1_000
COVERAGE_RUNS: Final = 200
#: The two tone sizes that have to pass, and the world in which writing does no good.
JUDGED: Final[tuple[World, ...]] = (WORLDS["tones-1.0"], WORLDS["tones-0.3"])
IDLE: Final = WORLDS["no-benefit"]
JUDGED_POLICIES: Final = (PRODUCT, "fixed-4-in-gate", "clairvoyant-in-gate", "fixed-4", "uniform", "clairvoyant")

LEAST_WELFARE, MOST_STOPS = 0.70, 0.70
LEAST_TONE, LEAST_SEND = 0.05, 0.10
LEAST_COVERAGE, MOST_COVERAGE = 0.93, 0.99
MOST_IDLE = 0.20
ROUNDING: Final = 1e-12  # a floor of 0.05 is a double that is not quite that


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One line of the gate. `bound` says in words what it must be."""

    what: str
    world: str
    value: float
    bound: str
    passed: bool


def verdicts(summaries: Sequence[Summary], coverage: Sequence[Covered]) -> list[Verdict]:
    """The gate's lines for whatever was simulated; the worlds of JUDGED and IDLE have to be among it."""
    product = {summary.world: summary for summary in summaries if summary.policy == PRODUCT}
    lines = []
    for world in JUDGED:
        of = product[world.name]
        assert of.of_best is not None
        assert of.stops is not None
        lines += [
            _at_least("share of the clairvoyant's welfare", world, of.of_best, LEAST_WELFARE),
            _at_most("stops, as times fixed four-weekly", world, of.stops, MOST_STOPS),
            _at_least("least probability of a tone", world, of.mean.least_tone, LEAST_TONE),
            _at_least("least probability of writing", world, of.mean.least_send, LEAST_SEND),
        ]
    for line in coverage:
        lines.append(
            Verdict(
                what=f"coverage of {line.estimator} ({line.intervals} intervals)",
                world=line.world,
                value=line.share,
                bound=f"{LEAST_COVERAGE} to {MOST_COVERAGE}",
                passed=LEAST_COVERAGE <= line.share <= MOST_COVERAGE,
            )
        )
    lines.append(
        _at_most("mean probability of writing, weeks 27 to 52", IDLE, product[IDLE.name].mean.late_send, MOST_IDLE)
    )
    return lines


def _at_least(what: str, world: World, value: float, bound: float) -> Verdict:
    return Verdict(
        what=what, world=world.name, value=value, bound=f"at least {bound}", passed=value >= bound - ROUNDING
    )


def _at_most(what: str, world: World, value: float, bound: float) -> Verdict:
    return Verdict(what=what, world=world.name, value=value, bound=f"at most {bound}", passed=value <= bound)
