"""What the policy did: its chances week by week, its versions, and the people who stay on the fixed pause."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from bot.core.beliefs import ONE
from bot.core.disclosure import FEWEST, LEAST_OF_RATE
from bot.core.facts import Tone
from bot.research.estimators.sequences import proportion_sequence
from bot.research.figures.data import Data, Version
from bot.research.figures.hiding import few
from bot.research.figures.rates import Group, compared
from bot.research.figures.shape import Figure, Finding, Value, monday, too_few

ARMS: Final = ("policy", "holdout")
LEAST_CHANGE: Final = 0.0005  # less is not told
#: What a version can differ in from the one before, in the order in which it is told.
PARTS: Final = ("phase", "eps", "p_min", "p_max", "slope", "r0", *(f"belief_{tone}" for tone in Tone), "belief_send")


def shares(data: Data) -> Figure:
    """Each week's mean chance of writing and of each tone, over the moments at which they were drawn by lot.

    `fallback` is the share of those moments at which even chances stood in for what was learned.
    """
    columns = ("week", "people", "moments", "p_send", *(f"p_{tone}" for tone in Tone), "fallback")
    drawn = data.decisions.filter(pl.col("available") & (pl.col("randomised_send") | pl.col("randomised_tone")))
    people = drawn["person"].n_unique()
    if nothing := too_few("shares", columns, people):
        return nothing
    by_lot = pl.col("randomised_tone") & ~pl.col("tone_forced")
    weekly = (
        drawn.group_by("week")
        .agg(
            people=pl.col("person").n_unique(),
            moments=pl.len(),
            p_send=pl.col("p_send").filter(pl.col("randomised_send")).mean(),
            **{f"p_{tone}": pl.col(f"p_{tone}").filter(by_lot).mean() for tone in Tone},
            fallback=pl.col("fallback").is_not_null().mean(),
        )
        .sort("week")
    )
    found = list(weekly.iter_rows())
    away = few([row[1] for row in found])
    rows = tuple((row[0], *(None,) * (len(columns) - 1)) if place in away else row for place, row in enumerate(found))
    sending = [row for place, row in enumerate(found) if place not in away and row[3] is not None]
    if not sending:
        finding = Finding(code="no_lottery")
    else:
        first, last = sending[0], sending[-1]
        finding = Finding(
            code="one_week" if first is last else "chances",
            values={"week": first[0], "before": first[3], "last_week": last[0], "after": last[3], "people": people},
        )
    return Figure(key="shares", columns=columns, rows=rows, finding=finding, people=people, hidden=len(away))


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Something in which a version differs from the one before; None: there was none before."""

    part: str
    before: float | None
    after: float


def versions(data: Data) -> Figure:
    """The policy versions of the period, oldest first, with what each believed.

    The versions learned from everybody's closed windows. One made of fewer than ten rows shows its bounds only.
    """
    columns = ("version", "week", "rows", *PARTS)
    found = data.versions
    rows = tuple((one.version[:10], monday(one.created_at.date()), *_told(one)) for one in found)
    if not found:
        finding = Finding(code="none")
    else:
        last = found[-1]
        finding = Finding(
            code="newest" if last.rows >= FEWEST else "prior",
            values={"count": len(found), "rows": last.rows, "phase": int(last.record["phase"])},
        )
    hidden = sum(0 < one.rows < FEWEST for one in found)
    return Figure(key="versions", columns=columns, rows=rows, finding=finding, people=FEWEST, hidden=hidden)


def changes(data: Data, part: Data) -> list[tuple[Version, list[Change]]]:
    """Each version of `part`, newest first, with what differs from the version before it in `data`."""
    before = dict(zip([one.version for one in data.versions], (None, *data.versions), strict=False))
    return [(one, _differences(before[one.version], one)) for one in reversed(part.versions)]


def _differences(before: Version | None, after: Version) -> list[Change]:
    new = dict(zip(PARTS, _told(after)[1:], strict=True))
    old = {} if before is None else dict(zip(PARTS, _told(before)[1:], strict=True))
    found = []
    for part in PARTS:
        was, now = old.get(part), new[part]
        if isinstance(now, int | float) and (not isinstance(was, int | float) or abs(now - was) >= LEAST_CHANGE):
            found.append(Change(part=part, before=was if isinstance(was, int | float) else None, after=now))
    return found


def _told(one: Version) -> tuple[Value, ...]:
    """The number of rows, and a value for each of PARTS; those that were learned from too few rows are left out."""
    record = one.record
    bounds = tuple(float(record[name]) for name in ("eps", "p_min", "p_max", "slope"))
    if 0 < one.rows < FEWEST:
        return (None, int(record["phase"]), *bounds, *(None,) * (len(PARTS) - 5))
    learned = (float(record["r0"]), *(_mean(record["tones"][tone]) for tone in Tone), _mean(record["send"]))
    return (one.rows, int(record["phase"]), *bounds, *learned)


def _mean(belief: Mapping[str, Any]) -> float:
    """What is believed of somebody of whom nothing is known: the weight of the feature that is 1 for everybody."""
    return float(belief["mean"][belief["names"].index(ONE)])


def holdout(data: Data) -> Figure:
    """Of the people who could be written to: how many felt a message welcome, on the policy or, by lot, held out."""
    return _arms(data, "holdout", "interested")


def holdout_unwelcome(data: Data) -> Figure:
    """The same for people who found a message unpleasant or too often."""
    return _arms(data, "holdout_unwelcome", "unwelcome")


def _arms(data: Data, key: str, outcome: str) -> Figure:
    columns = ("arm", "people", "messages", "share", "low", "high")
    open_to_it = data.decisions.filter(pl.col("available") | (pl.col("reason") == "holdout"))
    persons = open_to_it.group_by("person").agg(
        arm=pl.when(pl.col("holdout").any()).then(pl.lit("holdout")).otherwise(pl.lit("policy")),
        messages=(pl.col("delivered") & pl.col("matured")).sum(),
        hit=(pl.col("matured") & pl.col(outcome)).any(),
    )
    if nothing := too_few(key, columns, persons.height):
        return nothing
    found = []
    messages = {}
    for arm in ARMS:
        here = persons.filter(pl.col("arm") == arm)
        hits = int(here["hit"].sum())
        messages[arm] = int(here["messages"].sum())
        group = Group(
            name=arm, people=here.height, messages=here.height, hits=hits, hit=hits, missed=here.height - hits
        )
        found.append(group)
    away = few([group.people for group in found])
    parts = {place for place, group in enumerate(found) if min(group.hit, group.missed) < LEAST_OF_RATE}
    rows: list[tuple[Value, ...]] = []
    for place, group in enumerate(found):
        if place in away:
            rows.append((group.name, None, None, None, None, None))
        elif place in parts:
            rows.append((group.name, group.people, messages[str(group.name)], None, None, None))
        else:
            bounds = proportion_sequence(group.hits, group.people)
            rows.append((group.name, group.people, messages[str(group.name)], group.hits / group.people, *bounds))
    shown = [group for place, group in enumerate(found) if place not in away | parts]
    finding = compared(shown, persons.height) if len(shown) == len(ARMS) else Finding(code="hidden")
    return Figure(
        key=key, columns=columns, rows=tuple(rows), finding=finding, people=persons.height, hidden=len(away | parts)
    )
