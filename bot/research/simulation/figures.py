"""What was simulated as files: CSV with every number, SVG with what it comes to. Importing this loads Vega."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bot.research.figures.charts import Mark, intervals, lines
from bot.research.simulation.measures import Figures, Summary
from bot.research.simulation.planned import Range


def write(out: Path, rows: Sequence[Figures], summaries: Sequence[Summary]) -> list[Path]:
    """`years.csv`, `summary.csv` and pictures of them, in `out`, which is made when it is not there. Returns the files.

    Raises OSError.
    """
    out.mkdir(parents=True, exist_ok=True)
    drawn: Mapping[str, tuple[str, Callable[[Summary], tuple[float, float] | None]]] = {
        "welfare": ("share of the clairvoyant's welfare over the year", _welfare),
        "stops": ("stops, as a share of those of one message in four weeks", _stops),
    }
    return [
        _table(out / "years.csv", [asdict(row) for row in rows]),
        _table(out / "summary.csv", [_flat(summary) for summary in summaries]),
        *(
            _picture(out / f"{name}.svg", intervals(marks, axis=axis, language="en"))
            for name, (axis, of) in drawn.items()
            if (marks := tuple(_marks(summaries, of)))
        ),
    ]


def write_planned(out: Path, first: date, found: Sequence[Mapping[str, Range]]) -> list[Path]:
    """`weeks.csv` with each week's ranges, the last row being the whole; a picture of each number over the weeks."""
    out.mkdir(parents=True, exist_ok=True)
    *weeks, _ = found
    table = [
        {"week": "all" if week == len(weeks) else (first + timedelta(weeks=week)).isoformat()}
        | {f"{name}_{bound}": value for name, of in row.items() for bound, value in asdict(of).items()}
        for week, row in enumerate(found)
    ]
    return [
        _table(out / "weeks.csv", table),
        *(
            _picture(
                out / f"{name}.svg",
                lines(
                    tuple(
                        Mark(label=name, value=of.middle, low=of.low, high=of.high, at=first + timedelta(weeks=week))
                        for week, row in enumerate(weeks)
                        for of in [row[name]]
                    ),
                    (name,),
                    axis=f"{name} a week",
                    language="en",
                    share=False,
                ),
            )
            for name in found[0]
        ),
    ]


def _welfare(summary: Summary) -> tuple[float, float] | None:
    return None if summary.of_best is None else (summary.of_best, 2 * (summary.se or 0.0))


def _stops(summary: Summary) -> tuple[float, float] | None:
    return None if summary.stops is None else (summary.stops, 0.0)


def _marks(summaries: Sequence[Summary], of: Callable[[Summary], tuple[float, float] | None]) -> list[Mark]:
    several = len({(summary.world, summary.citizens) for summary in summaries}) > 1
    return [
        Mark(
            label=f"{summary.world} ({summary.citizens}), {summary.policy}" if several else summary.policy,
            value=value,
            low=value - give,
            high=value + give,
        )
        for summary in summaries
        if (found := of(summary)) is not None
        for value, give in [found]
    ]


def _flat(summary: Summary) -> dict[str, Any]:
    own = {field.name: getattr(summary, field.name) for field in fields(summary) if field.name != "mean"}
    return own | {name: value for name, value in asdict(summary.mean).items() if name not in own and name != "seed"}


def _table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _picture(path: Path, svg: str) -> Path:
    path.write_text(svg, encoding="utf-8")
    return path
