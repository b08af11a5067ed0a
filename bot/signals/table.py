"""A file of signals, row by row. It may be handed in again: the id of a row makes a second time harmless."""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain
from types import MappingProxyType
from typing import Final

from bot.core.facts import Origin
from bot.signals.desk import Desk, Incoming, Source, shown

#: The columns of a file and what they are called in a CloudEvent.
COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": "id",
        "type": "type",
        "time": "time",
        "reference": "data.deelnemer",
        "card": "data.kaart",
        "team": "data.team",
        "agreed": "data.instemming",
        "happened_on": "data.gebeurtenisOp",
        "deadline": "data.uiterlijk",
    }
)
REQUIRED: Final = ("id", "type", "time")
_DATA: Final = {name: path.removeprefix("data.") for name, path in COLUMNS.items() if path.startswith("data.")}
_YES = frozenset({"ja", "yes", "true", "1"})


@dataclass(frozen=True, slots=True)
class RowFault:
    """`row` is the line in the file, the header being 1. `value` is hidden where it may be personal."""

    row: int
    column: str
    value: str
    mend: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.value or 'nothing'}; {self.mend}"


def from_csv(
    lines: Iterable[str],
    source: Source,
    known: Mapping[str, Origin],
    *,
    cards: Collection[str],
    zone: tzinfo,
    now: datetime,
) -> Iterator[Incoming | RowFault]:
    """The signals of a file and what is wrong with its other rows, in the file's order, one row in memory at a time.

    Columns are those of `COLUMNS`, in any order, parted by commas or semicolons; `id`, `type` and `time` must be
    there. A header that does not fit gives its faults and nothing else.
    """
    desk = Desk(source=source, known=known, cards=cards, zone=zone, now=now)
    rest = iter(lines)
    first = next(rest, "").removeprefix("\ufeff")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(chain([first], rest), delimiter=delimiter)
    header = [name.strip().lower() for name in next(reader, [])]
    if faults := list(_of_header(header)):
        yield from faults
        return
    row = reader.line_num + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowFault(row, "(row)", "…", f"this is no row of a CSV file: {error}")
        else:
            if any(cells):
                read = _of_row(row, header, cells, desk)
                if isinstance(read, Incoming):
                    yield read
                else:
                    yield from read
        row = reader.line_num + 1


def _of_header(header: list[str]) -> Iterator[RowFault]:
    for name in header:
        if name not in COLUMNS:
            yield RowFault(1, shown(name) or "(empty)", shown(name), f"leave it out; columns are: {', '.join(COLUMNS)}")
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield RowFault(1, shown(name), shown(name), "keep this column once")
    for name in REQUIRED:
        if name not in header:
            yield RowFault(1, name, "", "add this column")


def _of_row(row: int, header: list[str], cells: list[str], desk: Desk) -> Incoming | list[RowFault]:
    if len(cells) != len(header):
        return [RowFault(row, "(row)", f"{len(cells)} cells", f"give {len(header)} cells, as the header does")]
    attributes: dict[str, object] = {"specversion": "1.0", "source": desk.source.name}
    data: dict[str, object] = {}
    for name, written in zip(header, cells, strict=True):
        if cell := written.strip():
            if (field := _DATA.get(name)) is None:
                attributes[name] = cell
            else:
                data[field] = (cell.lower() in _YES or cell) if name == "agreed" else cell
    judged = desk.judge(attributes, data)
    timely = "time" in attributes
    if isinstance(judged, Incoming) and timely:
        return judged
    faults = [] if timely else [RowFault(row, "time", "", "write when this was logged, such as 2026-06-15T07:00:00Z")]
    names = {path: name for name, path in COLUMNS.items()}
    for fault in () if isinstance(judged, Incoming) else judged:
        mend = fault.mend.replace("write true", "write ja")
        faults.append(RowFault(row, names.get(fault.attribute, fault.attribute), fault.value, mend))
    return faults
