"""Files to take along, as a spreadsheet in the Netherlands opens them: semicolons, and a mark that says UTF-8."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from starlette.responses import StreamingResponse

#: A cell that begins with one of these is a formula to a spreadsheet, whoever wrote it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def download(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingResponse:
    """The rows as a CSV file that is written while they are read, so that it may be as long as it has to be."""
    return StreamingResponse(
        _lines(header, rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page, delimiter=";", lineterminator="\r\n")
    page.write("\ufeff")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
        if page.tell() > 1 << 16:
            yield page.getvalue()
            page.seek(0)
            page.truncate()
    yield page.getvalue()


def _safe(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(cell, int | float) else text
