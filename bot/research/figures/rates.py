"""Shares of messages by group, each with bounds that may be looked at all the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import polars as pl

from bot.core.disclosure import LEAST_OF_RATE
from bot.research.estimators.sequences import proportion_sequence
from bot.research.figures.hiding import few
from bot.research.figures.shape import Figure, Finding, Value, too_few

ALPHA: Final = 0.05
#: Columns after the group's own.
RATE: Final = ("people", "messages", "share", "low", "high")


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """`messages` of `people`; `hits` of them, of `hit` people, and `missed` people have one that is none."""

    name: Value
    people: int
    messages: int
    hits: int
    hit: int
    missed: int


def groups(frame: pl.DataFrame, by: str, outcome: str) -> list[Group]:
    """One for each value of the column `by` that is known, sorted by it."""
    found = (
        frame.drop_nulls(by)
        .group_by(by)
        .agg(
            people=pl.col("person").n_unique(),
            messages=pl.len(),
            hits=pl.col(outcome).sum(),
            hit=pl.col("person").filter(pl.col(outcome)).n_unique(),
            missed=pl.col("person").filter(~pl.col(outcome)).n_unique(),
        )
        .sort(by)
    )
    return [Group(name=name, people=p, messages=m, hits=h, hit=hit, missed=missed)
            for name, p, m, h, hit, missed in found.iter_rows()]  # fmt: skip


def rated(
    key: str, by: str, frame: pl.DataFrame, *, outcome: str = "interested", order: Sequence[Value] = ()
) -> Figure:
    """The share of messages with this outcome in each group of `by`, those in `order` first to last where it is given.

    The finding is `apart` with the two groups that lie furthest from each other, when the bounds of any two do not
    touch at the level 5 % for all pairs together; else `alike`; `one` when there is but one group to show.
    """
    columns = (by, *RATE)
    people = frame["person"].n_unique()
    if nothing := too_few(key, columns, people):
        return nothing
    found = groups(frame, by, outcome)
    if order:
        found.sort(key=lambda group: order.index(group.name))
    away = few([group.people for group in found])
    parts = few([group.hit for group in found], LEAST_OF_RATE) | few([group.missed for group in found], LEAST_OF_RATE)
    rows: list[tuple[Value, ...]] = []
    for place, group in enumerate(found):
        if place in away:
            rows.append((group.name, None, None, None, None, None))
        elif place in parts:
            rows.append((group.name, group.people, group.messages, None, None, None))
        else:
            low, high = proportion_sequence(group.hits, group.messages, alpha=ALPHA)
            rows.append((group.name, group.people, group.messages, group.hits / group.messages, low, high))
    shown = [group for place, group in enumerate(found) if place not in away | parts]
    return Figure(
        key=key,
        columns=columns,
        rows=tuple(rows),
        finding=compared(shown, people),
        people=people,
        hidden=len(away | parts),
    )


def compared(shown: Sequence[Group], people: int) -> Finding:
    """Whether any two groups differ by more than chance could explain, all pairs together."""
    if not shown:
        return Finding(code="hidden")
    if len(shown) == 1:
        [one] = shown
        return Finding(code="one", values={"a": one.name, "a_share": one.hits / one.messages, "people": people})
    level = ALPHA / len(shown)
    bounds = {group.name: proportion_sequence(group.hits, group.messages, alpha=level) for group in shown}
    apart = [(bounds[high.name][0] - bounds[low.name][1], high, low)
             for one, two in combinations(shown, 2) for high, low in ((one, two), (two, one))]  # fmt: skip
    gap, high, low = max(apart, key=lambda pair: pair[0])
    if gap <= 0:
        return Finding(code="alike", values={"people": people})
    values: dict[str, Value] = {
        "a": high.name, "a_share": high.hits / high.messages, "b": low.name, "b_share": low.hits / low.messages,
        "people": people,
    }  # fmt: skip
    return Finding(code="apart", values=values)
