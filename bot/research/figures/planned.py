"""What a difference would take, with a town's own numbers: how many messages, and how long that is."""

from dataclasses import dataclass
from typing import Final, Literal

from bot.core.disclosure import FEWEST, LEAST_OF_RATE
from bot.research import power
from bot.research.figures.data import Data

#: The share of people who are held out of the lottery, drawn once for each.
HELD_OUT: Final = 0.10
#: Differences that are told beside the one that is asked for, in points.
USUAL: Final = (0.02, 0.05, 0.10)

DrawnFor = Literal["message", "person"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """A town's own numbers: `rate` of messages felt welcome, messages `a_year`, and what `power.town` says of it."""

    rate: float
    a_year: int
    town: power.Town


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """To see `difference` (a share): messages in the smallest group and in all; `years` at so many a year.

    None: no number of messages is enough, or nothing is sent.
    """

    difference: float
    smallest: int | None
    total: int | None
    years: float | None


def own(data: Data) -> Own | None:
    """The town's numbers from messages whose window is closed; None: too few people yet to tell them."""
    frame = data.matured
    hit = frame.filter(frame["interested"])["person"].n_unique()
    missed = frame.filter(~frame["interested"])["person"].n_unique()
    if frame["person"].n_unique() < FEWEST or min(hit, missed) < LEAST_OF_RATE:
        return None
    first, last = frame["week"].min(), frame["week"].max()
    weeks = (last - first).days // 7 + 1  # type: ignore[operator, union-attr]
    town = power.town(frame["interested"].to_numpy(), id=frame["person"].to_list())
    return Own(rate=town.rate, a_year=round(frame.height * 52 / weeks), town=town)


def needed(
    rate: float, difference: float, *, a_year: int, arms: int, drawn_for: DrawnFor, town: power.Town | None
) -> Needed:
    """What it takes to see `difference`, with a power of 80 % at 5 %, in all pairs of `arms` groups together.

    Drawn for each person: the hold-out against everybody else. `town` None: messages count as of different people.
    """
    effect = 1.0 if town is None else power.design_effect(town, drawn_for=drawn_for)
    by_person = drawn_for == "person"
    found = power.messages_needed(
        rate,
        difference,
        share=HELD_OUT if by_person else 0.5,
        design_effect=effect,
        comparisons=1 if by_person else arms * (arms - 1) // 2,
    )
    if found is None:
        return Needed(difference=difference, smallest=None, total=None, years=None)
    total = sum(found) if by_person else arms * max(found)
    years = total / a_year if a_year else None
    return Needed(difference=difference, smallest=min(found), total=total, years=years)


def seen_in_a_year(
    rate: float, *, a_year: int, arms: int, drawn_for: DrawnFor, town: power.Town | None
) -> float | None:
    """The least difference that a year's messages show in the same way; None: none does."""
    effect = 1.0 if town is None else power.design_effect(town, drawn_for=drawn_for)
    by_person = drawn_for == "person"
    shares = (1 - HELD_OUT, HELD_OUT) if by_person else (1 / arms, 1 / arms)
    return power.detectable_difference(
        rate,
        first=a_year * shares[0],
        second=a_year * shares[1],
        design_effect=effect,
        comparisons=1 if by_person else arms * (arms - 1) // 2,
    )
