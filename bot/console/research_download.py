"""Data for research to take along: what it holds, how nobody can be recognised in it, and who took it before."""

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import IO, Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response, StreamingResponse

from bot import __version__, staff
from bot.console.desk import Desk, allowed
from bot.console.words import N_
from bot.errors import RefusedError
from bot.staff import May, SignedIn

#: The tiers as people read them.
TIERS: Final = {
    "researcher": N_("Rows for research: one for each decision, people under a number"),
    "public": N_("Counts that may be published: by week, theme and language"),
}
_PIECE: Final = 1 << 18


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/research/download")
    desk.areas.add("/research/download")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)]) -> Response:
        from bot.research.export import download  # noqa: PLC0415 - a large library, only for who comes here

        with desk.reading() as session:
            outlook, taken = download.outlook(session, desk.now), download.taken(session)
            people = staff.names(session)
        return desk.page(
            request,
            "research_download.html",
            tiers=TIERS,
            program=__version__,
            values=desk.journey.wording.values,
            outlook=outlook,
            taken=taken,
            people=people,
        )

    @router.post("")
    def take(
        me: Annotated[SignedIn, allowed(May.RESEARCH)],
        tier: Annotated[str, Form(max_length=20)] = "researcher",
        since: Annotated[str, Form(max_length=10)] = "",
        until: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        # FastAPI runs this in a thread of its own, so that nobody waits for it but who asked.
        from bot.research.export import Tier, download  # noqa: PLC0415

        if tier not in set(Tier):
            raise RefusedError("There is no such kind of file. Choose one of those on the page.")
        packed = download.zipped(
            desk.journey.sessions,
            wording=desk.journey.wording,
            key=hashlib.sha256(desk.new_token().encode()).digest(),
            now=desk.now,
            by=me.login,
            tier=Tier(tier),
            since=_day(since),
            until=_day(until),
        )
        return StreamingResponse(
            _pieces(packed.file),
            media_type="application/zip",
            headers={
                "Content-Disposition": f'attachment; filename="{packed.name}"',
                "Content-Length": str(packed.size),
                "Content-Encoding": "identity",  # it is packed already
                "Cache-Control": "no-store",
            },
        )

    return router


def _day(typed: str) -> date | None:
    """Raises RefusedError for what is no day."""
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise RefusedError("A day is written as year-month-day, such as 2026-11-22.") from None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
