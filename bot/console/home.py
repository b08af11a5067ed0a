"""The first page: what waits for whoever looks."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot.console.desk import Desk, allowed
from bot.staff import May, SignedIn


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def home(request: Request, _: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        return desk.page(request, "home.html")

    return router
