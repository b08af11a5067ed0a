"""What people answered: from signal to answer, by tone, by rhythm, by language and theme, and who stopped."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import Final

import polars as pl

from bot.core.disclosure import FEWEST, LEAST_OF_RATE
from bot.core.facts import Choice, Tone
from bot.research.estimators.sequences import mean_sequence, proportion_sequence
from bot.research.figures.data import Data
from bot.research.figures.hiding import few, few_of_table
from bot.research.figures.rates import ALPHA, rated
from bot.research.figures.shape import Figure, Finding, Value, too_few

STAGES: Final = ("considered", "allowed", "drawn", "reached", "answered", "welcome", "contact")
#: How long ago the message before was, in weeks; each class from its number on.
PAUSES: Final = ((0, "under_4"), (4, "4_to_7"), (8, "8_to_12"), (13, "from_13"))
PAUSE_NAMES: Final = ("first", *(name for _, name in PAUSES))
#: So many weeks are told together in a figure over time: the fewest of these by which half of it can be shown.
BLOCKS: Final = (4, 13, 26)
_T_OPT: Final = 2_000


def funnel(data: Data) -> Figure:
    """How many people, and how many moments, were left at each step from a signal to an answer.

    The last three count answers within the window; a message whose window is still open has only those so far.
    """
    columns = ("stage", "people", "moments")
    frame = data.decisions
    people = frame["person"].n_unique()
    if nothing := too_few("funnel", columns, people):
        return nothing
    kept = {
        "considered": pl.lit(value=True),
        "allowed": pl.col("available"),
        "drawn": pl.col("plan") == "send",
        "reached": pl.col("delivered"),
        "answered": pl.col("answered"),
        "welcome": pl.col("interested"),
        "contact": pl.col("contact"),
    }
    steps = [frame.filter(kept[stage]) for stage in STAGES]
    counts = [step["person"].n_unique() for step in steps]
    # Each step holds the next one, so what is told apart is the difference between two of them.
    rows: list[tuple[Value, ...]] = []
    for stage, step, count in zip(STAGES, steps, counts, strict=True):
        rows.append((stage, count, step.height) if count >= FEWEST else (stage, None, None))
    known = dict(zip(STAGES, counts, strict=True))
    told: dict[str, Value] = {"messages": steps[STAGES.index("reached")].height, "reached": known["reached"]}
    silent = frame.filter(pl.col("delivered") & ~pl.col("answered"))["person"].n_unique()
    if known["reached"] < FEWEST:
        finding = Finding(code="unreached")
    elif known["answered"] < FEWEST or silent < LEAST_OF_RATE:
        finding = Finding(code="reached", values=told)
    else:
        share = steps[STAGES.index("answered")].height / steps[STAGES.index("reached")].height
        finding = Finding(code="answered", values={**told, "share": share})
    return Figure(
        key="funnel", columns=columns, rows=tuple(rows), finding=finding, people=people,
        hidden=sum(count < FEWEST for count in counts),
    )  # fmt: skip


def reasons(data: Data) -> Figure:
    """Why nothing was written at a moment: people and moments by reason, the most frequent first."""
    columns = ("reason", "people", "moments")
    frame = data.decisions.filter(pl.col("plan") != "send").drop_nulls("reason")
    people = frame["person"].n_unique()
    if nothing := too_few("reasons", columns, people):
        return nothing
    found = frame.group_by("reason").agg(pl.col("person").n_unique(), pl.len()).sort("len", "reason", descending=True)
    away = few([count for _, count, _ in found.iter_rows()])
    rows = tuple(
        (reason, None, None) if place in away else (reason, count, moments)
        for place, (reason, count, moments) in enumerate(found.iter_rows())
    )
    first = next((row for row in rows if row[1] is not None), None)
    if first is None:
        finding = Finding(code="hidden")
    else:
        finding = Finding(code="most", values={"a": first[0], "share": found["len"][0] / frame.height})
    return Figure(key="reasons", columns=columns, rows=rows, finding=finding, people=people, hidden=len(away))


def tones(data: Data) -> Figure:
    """The share of messages felt welcome by tone, where the tone was drawn by lot.

    The finding compares tones as if each had been used for everybody: y(1{a}/p_a - 1{b}/p_b) is averaged over all
    drawn messages, p the probability that each tone had then, so that a lottery that learned in between misleads
    nobody. Its bounds are asymptotic confidence sequences at 5 % for all pairs together (from 200 messages on).
    """
    drawn = data.matured.filter(pl.col("randomised_tone") & ~pl.col("tone_forced"))
    figure = rated("tones", "tone", drawn, order=list(Tone))
    if not figure.rows or figure.finding.code == "hidden":
        return figure
    return Figure(
        key=figure.key, columns=figure.columns, rows=figure.rows, people=figure.people, hidden=figure.hidden,
        finding=_weighed(drawn, [str(row[0]) for row in figure.rows if row[3] is not None], figure.people),
    )  # fmt: skip


def _weighed(drawn: pl.DataFrame, shown: Sequence[str], people: int) -> Finding:
    pairs = list(combinations(shown, 2))
    apart: list[tuple[float, float, float, str, str]] = []
    enough = False
    for one, two in pairs:
        both = drawn.filter(pl.col(f"p_{one}").is_not_null() & pl.col(f"p_{two}").is_not_null())
        y = pl.col("interested").cast(pl.Float64)
        weights = (pl.col("tone") == one) / pl.col(f"p_{one}") - (pl.col("tone") == two) / pl.col(f"p_{two}")
        bounds = mean_sequence(both.select(y * weights).to_series().to_numpy(), alpha=ALPHA / len(pairs), t_opt=_T_OPT)
        if bounds is None:
            continue
        enough = True
        if bounds.lower > 0:
            apart.append((bounds.lower, bounds.estimate, bounds.upper, one, two))
        elif bounds.upper < 0:
            apart.append((-bounds.upper, -bounds.estimate, -bounds.lower, two, one))
    if apart:
        low, _, high, one, two = max(apart, key=lambda found: found[1])
        return Finding(code="apart", values={"a": one, "b": two, "low": low, "high": high, "people": people})
    return Finding(code="alike" if enough else "early", values={"messages": drawn.height, "people": people})


def choices(data: Data) -> Figure:
    """How many messages of each tone were answered with what; one message can have several answers."""
    columns = ("choice", *(f"messages_{tone}" for tone in Tone))
    frame = data.matured.drop_nulls("tone")
    people = frame["person"].n_unique()
    if nothing := too_few("choices", columns, people):
        return nothing
    silent = (
        pl.when(pl.col("answered")).then(pl.col("choices")).otherwise(pl.col("choices").list.concat(pl.lit("silence")))
    )
    told = frame.with_columns(choice=silent).explode("choice").drop_nulls("choice")
    found = told.group_by("choice", "tone").agg(pl.col("person").n_unique(), pl.len())
    counts = {(choice, tone): (count, messages) for choice, tone, count, messages in found.iter_rows()}
    kinds = [kind for kind in (*_ORDER, "silence") if any((kind, tone) in counts for tone in Tone)]
    table = [[counts.get((kind, tone), (0, 0))[0] for tone in Tone] for kind in kinds]
    away = few_of_table(table)
    rows = tuple(
        (kind, *(None if (r, c) in away else counts[kind, tone][1] for c, tone in enumerate(Tone)))
        for r, kind in enumerate(kinds)
    )
    total = told.group_by("choice").agg(pl.col("person").n_unique(), pl.len()).sort("len", "choice", descending=True)
    first, first_people, messages = total.row(0)
    finding = Finding(code="most", values={"a": first, "share": messages / frame.height})
    if first_people < FEWEST:
        finding = Finding(code="hidden")
    return Figure(key="choices", columns=columns, rows=rows, finding=finding, people=people, hidden=len(away))


_ORDER: Final = tuple(choice.value for choice in Choice)


def rhythm(data: Data) -> Figure:
    """The share of messages felt welcome by how many weeks ago that person's message before was.

    Nobody draws the pause: it follows from what people answered. So a difference says nothing about its cause.
    """
    return rated("rhythm", "pause", data.matured.with_columns(_pause()), order=PAUSE_NAMES)


def irritation(data: Data) -> Figure:
    """The share of messages found unpleasant or too often, by the same pauses."""
    return rated("irritation", "pause", data.matured.with_columns(_pause()), outcome="unwelcome", order=PAUSE_NAMES)


def _pause() -> pl.Expr:
    since = pl.col("since_last")
    classes = [pl.when(since >= weeks).then(pl.lit(name)) for weeks, name in reversed(PAUSES)]
    return pl.coalesce(*classes, pl.lit("first")).alias("pause")


def languages(data: Data) -> Figure:
    """The share of messages felt welcome by the language that people chose."""
    return rated("languages", "language", data.matured)


def languages_unwelcome(data: Data) -> Figure:
    """The share of messages found unpleasant or too often by language."""
    return rated("languages_unwelcome", "language", data.matured, outcome="unwelcome")


def themes(data: Data) -> Figure:
    """The share of messages felt welcome by the card's theme."""
    return rated("themes", "theme", data.matured)


def themes_unwelcome(data: Data) -> Figure:
    """The share of messages found unpleasant or too often by theme."""
    return rated("themes_unwelcome", "theme", data.matured, outcome="unwelcome")


def stops(data: Data) -> Figure:
    """After how many messages people stopped altogether, in blocks of weeks, with bounds for all weeks together.

    Of everybody: whoever stops ends the consent for research too, so that nobody who stopped is in the other figures.
    """
    messages, count = int(data.departed["messages"].sum()), int(data.departed["stops"].sum())
    figure = in_blocks(data, _stops_by)
    if messages < FEWEST * _most_in(BLOCKS[-1]):
        return Figure(key="stops", columns=figure.columns, rows=(), finding=Finding(code="too_few"), people=0)
    if count < LEAST_OF_RATE:
        finding = Finding(code="few_stops", values={"messages": messages})
    else:
        low, high = proportion_sequence(count, messages)
        found: dict[str, Value] = {"share": count / messages, "low": low, "high": high, "messages": messages}
        finding = Finding(code="stops", values=found)
    return replace(figure, finding=finding)


def _stops_by(data: Data, weeks: int) -> Figure:
    columns = ("block", "weeks", "messages", "stops", "share", "low", "high")
    totals = with_blocks(data.departed, first_of(data), weeks).group_by("block").agg(pl.col("messages", "stops").sum())
    found = list(totals.sort("block").iter_rows())
    away = few([messages for _, messages, _ in found], FEWEST * _most_in(weeks))
    parts = few([count for _, _, count in found], LEAST_OF_RATE)
    rows: list[tuple[Value, ...]] = []
    for place, (block, messages, count) in enumerate(found):
        if place in away:
            rows.append((block, weeks, None, None, None, None, None))
        elif place in parts:
            rows.append((block, weeks, messages, None, None, None, None))
        else:
            share = (count / messages, *proportion_sequence(count, messages))
            rows.append((block, weeks, messages, count, *share))
    return Figure(
        key="stops", columns=columns, rows=tuple(rows), finding=Finding(code="hidden"),
        people=int(data.departed["messages"].sum()), hidden=len(away | parts),
    )  # fmt: skip


def _most_in(weeks: int) -> int:
    """Nobody gets more messages than this in so many weeks, since they are fourteen days apart."""
    return (weeks + 1) // 2


def in_blocks(data: Data, figure: Callable[[Data, int], Figure]) -> Figure:
    """The figure in the shortest blocks of weeks of which half can be shown, else in the longest."""
    made = [figure(data, BLOCKS[0])]
    for weeks in BLOCKS[1:]:
        if 2 * made[-1].hidden <= len(made[-1].rows):
            break
        made.append(figure(data, weeks))
    return made[-1]


def first_of(data: Data) -> date | None:
    """The week from which blocks are counted."""
    weeks = data.weeks
    return None if weeks is None else weeks[0]


def with_blocks(frame: pl.DataFrame, first: date | None, weeks: int) -> pl.DataFrame:
    """The frame with `block`: the Monday on which the `weeks` weeks begin that a row belongs to."""
    if first is None:
        return frame.with_columns(block=pl.col("week"))
    past = (pl.col("week") - pl.lit(first)).dt.total_days().floordiv(7 * weeks)
    return frame.with_columns(block=pl.lit(first) + past * pl.duration(weeks=weeks))
