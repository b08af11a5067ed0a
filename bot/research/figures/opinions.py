"""What people said when they were asked: welcome and expected, the eight dimensions, and whether promises were kept."""

from dataclasses import replace
from typing import Final

import polars as pl

from bot.core.disclosure import FEWEST, LEAST_OF_RATE
from bot.core.survey import DIMENSIONS
from bot.research.estimators.sequences import proportion_sequence
from bot.research.figures.answers import first_of, in_blocks, with_blocks
from bot.research.figures.data import Data
from bot.research.figures.hiding import few, few_of_table
from bot.research.figures.rates import Group, compared
from bot.research.figures.shape import Figure, Finding, Value, too_few

#: The two axes of the HU research: uninvited and unexpected are two things, so they are asked apart.
QUADRANTS: Final = ("welcome_expected", "welcome_unexpected", "unwelcome_expected", "unwelcome_unexpected")
_EXPECTED: Final = ("expected", "unexpected")
_WELCOME: Final = ("welcome", "unwelcome", "no_opinion")
_OPINIONS: Final = ("yes", "no", "no_opinion")
PROMISES: Final = ("kept", "moved", "open", "cancelled")


def axes(data: Data) -> Figure:
    """How many answers are in each cell of welcome x expected, of whoever answered both questions."""
    columns = ("welcome", *_EXPECTED)
    frame = data.sends.drop_nulls(["welcome", "expected"])
    people = frame["person"].n_unique()
    if nothing := too_few("axes", columns, people):
        return nothing
    counts = {(w, e): (count, answers) for w, e, count, answers in
              frame.group_by("welcome", "expected").agg(pl.col("person").n_unique(), pl.len()).iter_rows()}  # fmt: skip
    table = [[counts.get((w, e), (0, 0))[0] for e in _EXPECTED] for w in _WELCOME]
    away = few_of_table(table)
    rows = tuple(
        (w, *(None if (r, c) in away else counts[w, e][1] for c, e in enumerate(_EXPECTED)))
        for r, w in enumerate(_WELCOME)
    )
    return Figure(
        key="axes", columns=columns, rows=rows, finding=_surprise(frame, people), people=people, hidden=len(away)
    )


def _surprise(frame: pl.DataFrame, people: int) -> Finding:
    """Whether what was expected was welcome more often than what was not."""
    clear = frame.filter(pl.col("welcome") != "no_opinion")
    found = []
    for name in _EXPECTED:
        here = clear.filter(pl.col("expected") == name)
        liked = here.filter(pl.col("welcome") == "welcome")
        disliked = here.filter(pl.col("welcome") == "unwelcome")
        hit, missed = liked["person"].n_unique(), disliked["person"].n_unique()
        if hit < LEAST_OF_RATE or missed < LEAST_OF_RATE:
            return Finding(code="hidden")
        found.append(
            Group(name=name, people=here["person"].n_unique(), messages=here.height, hits=liked.height, hit=hit,
                  missed=missed)
        )  # fmt: skip
    return compared(found, people)


def axes_over_time(data: Data) -> Figure:
    """The four cells of welcome x expected in blocks of weeks: answers, and their share of the four together."""
    frame = _both(data)
    people = frame["person"].n_unique()
    if nothing := too_few("axes_over_time", _OVER_TIME, people):
        return nothing
    total = frame.group_by("quadrant").agg(pl.col("person").n_unique(), pl.len())
    enough = {quadrant: answers for quadrant, count, answers in total.iter_rows() if count >= FEWEST}
    finding = Finding(code="hidden")
    if enough:
        most = max(enough, key=lambda quadrant: (enough[quadrant], quadrant))
        finding = Finding(code="most", values={"a": most, "share": enough[most] / frame.height, "people": people})
    return replace(in_blocks(data, _axes_by), finding=finding)


_OVER_TIME: Final = ("block", "weeks", "quadrant", "answers", "share")


def _both(data: Data) -> pl.DataFrame:
    """Messages about which both questions were answered, with an opinion."""
    frame = data.sends.drop_nulls(["welcome", "expected"]).filter(pl.col("welcome") != "no_opinion")
    return frame.with_columns(quadrant=pl.col("welcome") + "_" + pl.col("expected"))


def _axes_by(data: Data, weeks: int) -> Figure:
    told = with_blocks(_both(data), first_of(data), weeks)
    found = told.group_by("block", "quadrant").agg(pl.col("person").n_unique(), pl.len())
    counts = {(block, quadrant): (count, answers) for block, quadrant, count, answers in found.iter_rows()}
    blocks = sorted({block for block, _ in counts})
    table = [[counts.get((block, quadrant), (0, 0))[0] for quadrant in QUADRANTS] for block in blocks]
    away = few_of_table(table)
    rows: list[tuple[Value, ...]] = []
    for r, block in enumerate(blocks):
        whole = sum(counts.get((block, quadrant), (0, 0))[1] for quadrant in QUADRANTS)
        for c, quadrant in enumerate(QUADRANTS):
            answers = None if (r, c) in away else counts[block, quadrant][1]
            rows.append((block, weeks, quadrant, answers, None if answers is None else answers / whole))
    return Figure(
        key="axes_over_time", columns=_OVER_TIME, rows=tuple(rows), finding=Finding(code="hidden"),
        people=told["person"].n_unique(), hidden=len(away),
    )  # fmt: skip


def dimensions(data: Data) -> Figure:
    """What was answered to each of the eight questions; the share is that of yes among yes and no."""
    columns = ("dimension", *_OPINIONS, "share", "low", "high")
    frame = data.opinions
    people = frame["person"].n_unique()
    if nothing := too_few("dimensions", columns, people):
        return nothing
    counts = {(d, a): (count, answers) for d, a, count, answers in
              frame.group_by("dimension", "answer").agg(pl.col("person").n_unique(), pl.len()).iter_rows()}  # fmt: skip
    table = [[counts.get((d, a), (0, 0))[0] for a in _OPINIONS] for d in DIMENSIONS]
    away = few_of_table(table)
    rows: list[tuple[Value, ...]] = []
    groups = []
    for r, d in enumerate(DIMENSIONS):
        shown = [None if (r, c) in away else counts[d, a][1] for c, a in enumerate(_OPINIONS)]
        yes, no = shown[0], shown[1]
        if yes is None or no is None:
            rows.append((d, *shown, None, None, None))
            continue
        rows.append((d, *shown, yes / (yes + no), *proportion_sequence(yes, yes + no)))
        hit, missed = table[r][0], table[r][1]
        groups.append(Group(name=d, people=hit + missed, messages=yes + no, hits=yes, hit=hit, missed=missed))
    return Figure(
        key="dimensions", columns=columns, rows=tuple(rows), finding=compared(groups, people), people=people,
        hidden=len(away),
    )  # fmt: skip


def promises(data: Data) -> Figure:
    """What became of the promise to be in touch by a day, of whoever asked for it under a message."""
    columns = ("promise", "requests")
    frame = data.requests
    people = frame["person"].n_unique()
    if nothing := too_few("promises", columns, people):
        return nothing
    counts = {promise: (count, requests) for promise, count, requests in
              frame.group_by("promise").agg(pl.col("person").n_unique(), pl.len()).iter_rows()}  # fmt: skip
    away = few([counts.get(promise, (0, 0))[0] for promise in PROMISES])
    rows = tuple((promise, None if place in away else counts[promise][1]) for place, promise in enumerate(PROMISES))
    kept, kept_requests = counts.get("kept", (0, 0))
    moved, moved_requests = counts.get("moved", (0, 0))
    due = kept_requests + moved_requests
    if kept < LEAST_OF_RATE or moved < LEAST_OF_RATE:
        finding = Finding(code="hidden")
    else:
        low, high = proportion_sequence(kept_requests, due)
        finding = Finding(
            code="kept", values={"share": kept_requests / due, "low": low, "high": high, "people": people}
        )
    return Figure(key="promises", columns=columns, rows=rows, finding=finding, people=people, hidden=len(away))
