"""What a figure is: numbers with a finding, for a choice of weeks, campaign, card and language."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta

from bot.core.disclosure import FEWEST

WEEK = timedelta(weeks=1)

#: A word, a number, or None: hidden because too few people stand behind it, or not known.
Value = str | int | float | date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which part of the answers is looked at. `first` and `last` are Mondays of ISO weeks in UTC, both included.

    None: all of it. A message counts in the week in which it was decided to send it.
    """

    first: date | None = None
    last: date | None = None
    campaign: str | None = None
    card: str | None = None
    language: str | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, without the period."""
        names = [one.name for one in fields(self)][2:]
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a figure says, as a code and the values that its sentence names.

    `too_few` is found in every figure: fewer than ten people stand behind it.
    """

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure. `rows` hold a value for each of `columns`; shares and bounds are between 0 and 1.

    `people` is how many people stand behind it, `hidden` how many rows or values were taken out of it.
    """

    key: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    finding: Finding
    people: int
    hidden: int = 0

    def records(self) -> list[dict[str, Value]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def too_few(key: str, columns: tuple[str, ...], people: int) -> Figure | None:
    """The figure with nothing in it, where fewer than ten people stand behind it; None: there are enough."""
    if people >= FEWEST:
        return None
    return Figure(key=key, columns=columns, rows=(), finding=Finding(code="too_few"), people=people)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def week_name(day: date) -> str:
    """The ISO week of a day, such as 2026-W48."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"
