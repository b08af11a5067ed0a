"""The public tier: counts of messages and of how they were felt, by week, theme and language, and nobody's row.

No cell has fewer people behind it than `core.disclosure.FEWEST`, no share is of fewer than `LEAST_OF_RATE` either way,
and no hidden count can be computed from what is shown.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import polars as pl

from bot.core import disclosure
from bot.core.disclosure import FEWEST, LEAST_OF_RATE, Around, Mask
from bot.errors import RefusedError
from bot.research.export.columns import Field, Table
from bot.research.export.frames import Study, frame

ALL: Final = "all"
_NOT_TOLD: Final = "not told"
#: A column of decisions.csv and what it is called here.
DIMENSIONS: Final = {"week": "iso_week", "theme": "theme", "language": "f_language"}
_SAYS: Final = {
    "week": "ISO week in which it was decided to write, in UTC, or “all”.",
    "theme": "The theme that people chose to hear about, or “all”.",
    "language": "Language code, “other” where few people share it, or “all”.",
}


def table(first: str, second: str) -> Table:
    """Counts by two dimensions, margins included."""
    return Table(
        name=f"messages_by_{first}_and_{second}",
        title=f"Messages by {first} and {second}",
        says=f"Messages that arrived and whose 14 days are over. A count is empty where fewer than {FEWEST} people are "
        "behind it, or where it would give such a one away.",
        key=(first, second),
        fields=(
            *(Field(name=name, type="string", says=_SAYS[name], required=True) for name in (first, second)),
            Field(name="messages", type="integer", says="Messages; empty: hidden.", least=FEWEST),
            Field(name="felt_welcome", type="integer", least=LEAST_OF_RATE,
                  says=f"Those that were felt welcome; empty too where it or the rest is under {LEAST_OF_RATE}."),
            Field(name="share", type="number", unit="share", says="felt_welcome / messages.", least=0, most=1),
        ),
    )  # fmt: skip


def files(whole: Study, made: Path) -> list[tuple[Table, int]]:
    """Write the tables; return them with their number of rows.

    Raises RefusedError when so few people got a message that nothing can be told.
    """
    counted = Counted()
    for part in whole.parts():
        counted.add(part["decisions"], part["responses"])
    if counted.people[()] < FEWEST:
        raise RefusedError(
            "The answers of fewer than {least} people are known by now. Figures are published from {least} people on.",
            least=FEWEST,
        )
    found, shown = [], counted.shown()
    for first, second in combinations(DIMENSIONS, 2):
        described = table(first, second)
        rows = frame(described, shown.rows(first, second))
        rows.write_csv(made / f"{described.name}.csv", line_terminator="\r\n")
        rows.write_parquet(made / f"{described.name}.parquet")
        found.append((described, rows.height))
    return found


#: A cell by its dimensions and values, such as (("theme", "money"), ("week", "2026-W48")); () is everything.
Cell = tuple[tuple[str, str], ...]


@dataclass
class Counted:
    """How many people, messages and welcome ones are in each cell of each table and margin."""

    people: Counter[Cell] = field(default_factory=Counter)
    messages: Counter[Cell] = field(default_factory=Counter)
    welcome: Counter[Cell] = field(default_factory=Counter)
    values: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in DIMENSIONS})

    def add(self, decisions: pl.DataFrame, responses: pl.DataFrame) -> None:
        """Count some people's messages. Nobody may be in two of these."""
        arrived = (
            responses.filter(pl.col("censor_reason").is_null())
            .join(decisions.filter(pl.col("sent") == 1), on="decision_id")
            .select(
                *(pl.col(column).fill_null(_NOT_TOLD).alias(name) for name, column in DIMENSIONS.items()),
                "citizen_pid",
                "interested",
            )
        )
        for size in range(len(DIMENSIONS)):
            for names in combinations(DIMENSIONS, size):
                self._count(arrived, names)
        for name, seen in self.values.items():
            seen |= set(arrived[name].unique())

    def _count(self, arrived: pl.DataFrame, names: Sequence[str]) -> None:
        counts = (
            pl.col("citizen_pid").n_unique().alias("people"),
            pl.len().alias("messages"),
            pl.col("interested").sum(),
        )
        grouped = arrived.group_by(names).agg(counts) if names else arrived.select(counts)
        for row in grouped.iter_rows(named=True):
            cell = tuple((name, row[name]) for name in names)
            self.people[cell] += row["people"]
            self.messages[cell] += row["messages"]
            self.welcome[cell] += row["interested"]

    def shown(self) -> "Shown":
        """What may be told."""
        messages = self._open(self.messages, lambda cell: self.people[cell] < FEWEST, zeros_known=True)
        welcome = self._open(
            self.welcome,
            lambda cell: (
                cell not in messages or min(self.welcome[cell], messages[cell] - self.welcome[cell]) < LEAST_OF_RATE
            ),
            most=self.messages,
        )
        return Shown(
            values={name: sorted(seen) for name, seen in self.values.items()}, messages=messages, welcome=welcome
        )

    def _open(
        self,
        counts: Counter[Cell],
        unsafe: Callable[[Cell], bool],
        *,
        most: Counter[Cell] | None = None,
        zeros_known: bool = False,
    ) -> dict[Cell, int]:
        """The counts that may be shown.

        A margin stands in two tables, so what is shown of margins is settled for all of them together: where a table
        cannot be protected with a margin, that margin is withheld everywhere, and all is looked at again.
        """
        if unsafe(()):
            return {}
        withheld: set[Cell] = set()

        def bad(cell: Cell) -> bool:
            return cell in withheld or unsafe(cell)

        while True:
            shown: dict[Cell, int] = {(): counts[()]}
            for name, seen in self.values.items():
                line = _Grid.of(counts, [[((name, value),)] for value in sorted(seen)], most)
                around = Around(rows=[False] * len(seen), columns=[True], most=line.most, zeros_known=zeros_known)
                shown |= line.shown(disclosure.suppress(line.counts, line.marked(bad), around))
            exposed: set[Cell] = set()
            for first, second in combinations(self.values, 2):
                down, across = ([((name, value),) for value in sorted(self.values[name])] for name in (first, second))
                grid = _Grid.of(counts, [[(*a, *b) for b in across] for a in down], most)
                around = Around(
                    rows=[cell in shown for cell in down],
                    columns=[cell in shown for cell in across],
                    most=grid.most,
                    zeros_known=zeros_known,
                )
                mask = disclosure.suppress(grid.counts, grid.marked(bad), around)
                if disclosure.is_protected(grid.counts, grid.marked(bad), mask, around):
                    shown |= grid.shown(mask)
                else:
                    exposed |= {cell for cell in (*down, *across) if cell in shown}
            if not exposed:
                return shown
            withheld.add(min(exposed, key=lambda cell: (counts[cell], cell)))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grid:
    """Cells in lines, with their counts."""

    cells: list[list[Cell]]
    counts: list[list[int]]
    most: list[list[int]] | None

    @classmethod
    def of(cls, counts: Counter[Cell], cells: list[list[Cell]], most: Counter[Cell] | None) -> "_Grid":
        return cls(
            cells=cells,
            counts=[[counts[cell] for cell in row] for row in cells],
            most=None if most is None else [[most[cell] for cell in row] for row in cells],
        )

    def marked(self, bad: Callable[[Cell], bool]) -> list[list[bool]]:
        return [[bad(cell) for cell in row] for row in self.cells]

    def shown(self, hidden: Mask) -> dict[Cell, int]:
        return {
            cell: count
            for cells, counts, hides in zip(self.cells, self.counts, hidden, strict=True)
            for cell, count, hide in zip(cells, counts, hides, strict=True)
            if not hide
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What is published: counts by cell and margin, and the values of each dimension."""

    values: dict[str, list[str]]
    messages: dict[Cell, int]
    welcome: dict[Cell, int]

    def rows(self, first: str, second: str) -> list[dict[str, Any]]:
        """A table with its margins; what is hidden is None."""
        found: list[dict[str, Any]] = []
        for a in [*self.values[first], ALL]:
            for b in [*self.values[second], ALL]:
                cell: Cell = tuple(pair for pair in ((first, a), (second, b)) if pair[1] != ALL)
                messages, welcome = self.messages.get(cell), self.welcome.get(cell)
                share = welcome / messages if messages and welcome is not None else None
                found.append({first: a, second: b, "messages": messages, "felt_welcome": welcome, "share": share})
        return found
