"""Other systems that hear of requests for contact: how it goes, and what they refused."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot import klant
from bot.console.desk import Desk, allowed, go_to
from bot.staff import May, SignedIn


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/elsewhere")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        with desk.reading() as session:
            standings = klant.standing(session)
        vault = desk.journey.vault
        numbers = {row.request: klant.reference(vault, row.request) for one in standings for row in one.failed}
        return desk.page(request, "elsewhere.html", standings=standings, numbers=numbers)

    @router.post("/again")
    def again(me: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        with desk.writing() as session:
            klant.again(session, by=me.login, now=desk.now)
        return go_to("/administration/elsewhere", "told_again")

    return router
