"""What a year came to, in the figures of learning.md 5, and what several seeds of it say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from bot.research.simulation.people import SEGMENTS, WEEKS
from bot.research.simulation.town import Town
from bot.research.simulation.year import Year

LATE = slice(WEEKS // 2, WEEKS)  # weeks 27 to 52


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One year of one town under one policy. Welfare is per citizen; NaN: there is no such figure.

    `p25` is the welfare of the citizen whom a quarter of people fare worse than. `segments` is the mean welfare of the
    segment that fares worst, as a share of that of the best. `least_tone` and `least_send` are the smallest
    probabilities that were drawn from, `late_send` the mean chance of writing in weeks 27 to 52.
    """

    world: str
    citizens: int
    seed: int
    policy: str
    welfare: float
    welfare_late: float
    stop_rate: float
    messages: float
    interest: float
    unwelcome_per_100: float
    p25: float
    segments: float
    least_tone: float = math.nan
    least_send: float = math.nan
    late_send: float = math.nan
    seconds: float = math.nan


def figures(year: Year, *, world: str, seed: int, policy: str, seconds: float, town: Town | None = None) -> Figures:
    people = year.sent.shape[1]
    sent = int(year.sent.sum())
    own = year.welfare.sum(axis=0)
    of_segment = [
        float(own[year.segment == place].mean()) for place in range(len(SEGMENTS)) if (year.segment == place).any()
    ]
    drawn = [] if town is None else town.decided
    lottery = [one.odds.p_send for one in drawn if one.odds.randomised_send]
    late = [one.odds.p_send for one in drawn if one.odds.randomised_send and one.week >= LATE.start]
    return Figures(
        world=world,
        citizens=people,
        seed=seed,
        policy=policy,
        welfare=year.per_citizen(),
        welfare_late=year.per_citizen(LATE),
        stop_rate=year.stop_rate,
        messages=sent / people,
        interest=float(year.interested.sum()) / sent if sent else math.nan,
        unwelcome_per_100=100 * float(year.unwelcome.sum()) / sent if sent else math.nan,
        p25=float(np.percentile(own, 25)),
        segments=min(of_segment) / max(of_segment) if max(of_segment) > 0 else math.nan,
        least_tone=min((p for one in drawn for p in one.odds.tones.values()), default=math.nan),
        least_send=min(lottery, default=math.nan),
        late_send=float(np.mean(late)) if late else math.nan,
        seconds=seconds,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The mean of `Figures` over seeds, and what it is of the yardsticks. `se` is the standard error of `of_best`.

    `of_best` and `of_best_late` are shares of the clairvoyant's welfare, of the means. `gap_closed` is how far from
    `uniform` to the clairvoyant. `stops` and `stops_in_gate` are times the stop rate of the fixed four-weekly policy,
    as learning.md has it and through our gate. None where that was not simulated.
    """

    world: str
    citizens: int
    policy: str
    seeds: int
    mean: Figures
    of_best: float | None
    se: float | None
    of_best_late: float | None
    of_best_in_gate: float | None
    gap_closed: float | None
    stops: float | None
    stops_in_gate: float | None


def summaries(rows: Sequence[Figures]) -> list[Summary]:
    """One for each world, size and policy, in the order in which they first come."""
    groups: dict[tuple[str, int], dict[str, list[Figures]]] = {}
    for row in rows:
        groups.setdefault((row.world, row.citizens), {}).setdefault(row.policy, []).append(row)
    found = []
    for (world, citizens), by_policy in groups.items():
        means = {policy: _mean(of) for policy, of in by_policy.items()}
        best, uniform = means.get("clairvoyant"), means.get("uniform")
        inside = means.get("clairvoyant-in-gate")
        fixed, held_out = means.get("fixed-4"), means.get("fixed-4-in-gate")
        for policy, of in by_policy.items():
            mean = means[policy]
            found.append(
                Summary(
                    world=world,
                    citizens=citizens,
                    policy=policy,
                    seeds=len(of),
                    mean=mean,
                    of_best=None if best is None else _share(mean.welfare, best.welfare),
                    se=_standard_error(of, by_policy.get("clairvoyant")),
                    of_best_late=None if best is None else _share(mean.welfare_late, best.welfare_late),
                    of_best_in_gate=None if inside is None else _share(mean.welfare, inside.welfare),
                    gap_closed=None
                    if best is None or uniform is None
                    else _share(mean.welfare - uniform.welfare, best.welfare - uniform.welfare),
                    stops=None if fixed is None else _share(mean.stop_rate, fixed.stop_rate),
                    stops_in_gate=None if held_out is None else _share(mean.stop_rate, held_out.stop_rate),
                )
            )
    return found


def _mean(rows: Sequence[Figures]) -> Figures:
    first = rows[0]
    said = {"world": first.world, "citizens": first.citizens, "seed": len(rows), "policy": first.policy}
    numbers = {
        field.name: (min if field.name.startswith("least") else np.mean)([getattr(row, field.name) for row in rows])
        for field in fields(Figures)
        if field.name not in said
    }
    return Figures(**said, **{name: float(number) for name, number in numbers.items()})  # type: ignore[arg-type]


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _standard_error(rows: Sequence[Figures], best: Sequence[Figures] | None) -> float | None:
    """Of the ratio of two means over the same seeds, by linearising it."""
    if best is None or len(rows) < 2 or len(best) != len(rows):
        return None
    part, whole = (np.array([row.welfare for row in of]) for of in (rows, best))
    if whole.mean() <= 0:
        return None
    missed = part - part.mean() / whole.mean() * whole
    return float(missed.std(ddof=1) / math.sqrt(len(rows)) / whole.mean())
