"""A figure's picture and its file, as they are answered: the same for every page that has figures."""

from datetime import date
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.console.desk import Desk
from bot.console.research_pages import Drawn
from bot.console.research_shown import Reader
from bot.console.spreadsheet import download
from bot.staff import SignedIn
from bot.store import ledger

if TYPE_CHECKING:
    from bot.research.figures import Figure


def known(figures: dict[str, Drawn], key: str) -> Drawn:
    if key not in figures:
        raise HTTPException(404)
    return figures[key]


def picture(reader: Reader, drawn: Drawn, figure: "Figure") -> Response:
    if drawn.kind == "table" or not reader.marks(drawn, figure):
        raise HTTPException(404)
    return Response(reader.svg(drawn, figure), media_type="image/svg+xml")


def file(
    desk: Desk, me: SignedIn, drawn: Drawn, figure: "Figure", weeks: tuple[date, date] | None, **asked: str
) -> Response:
    """The numbers as CSV. `weeks` stand in each row; what was `asked` stands in the audit trail."""
    with desk.writing() as session:
        ledger.audit(session, desk.now, me.login, "research.file", drawn.key, rows=len(figure.rows), **asked)
    first, last = weeks or (None, None)
    rows = ([first, last, *("" if value is None else value for value in row)] for row in figure.rows)
    day = desk.now.astimezone(desk.zone).date()
    return download(f"handreiking-{drawn.key}-{day}.csv", ("first_week", "last_week", *figure.columns), rows)
