"""The way into everything that is administered, with how it stands."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot import klant, links, register, signals, staff
from bot.console.desk import Desk, allowed
from bot.signals import Health
from bot.staff import May, SignedIn
from bot.store import ledger


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        with desk.reading() as session:
            standings = signals.standings(session, desk.now, desk.zone)
            accounts = staff.listing(session)
            batches = links.batches(session, desk.now, limit=1)
            condition = ledger.condition(session)
            told = klant.standing(session)
            registered = register.standing(session, desk.journey.wording)
        return desk.page(
            request,
            "administration.html",
            sources=len(standings),
            unwell=sum(one.health in {Health.SILENT, Health.REFUSED} for one in standings),
            refused=sum(one.refused for one in standings),
            accounts=sum(row["disabled_at"] is None for row in accounts),
            waiting=sum(row["disabled_at"] is None and row["signs_in"] == "not yet" for row in accounts),
            batch=batches[0] if batches else None,
            condition=condition,
            unregistered=registered.pauses,
            listening=any(one.listens for one in told),
            untold=sum(len(one.failed) for one in told),
        )

    return router
