"""Whether all is well, as the program finds it, in words."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot.console.desk import Desk, allowed
from bot.console.overheard import overheard
from bot.staff import May, SignedIn


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/health")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        say = desk.say(request)
        found = None
        if desk.look is not None:
            found = [
                {
                    "urgency": one.urgency.name.lower(),
                    "what": overheard(one.what, say),
                    "why": overheard(one.why, say),
                    "todo": overheard(one.todo, say),
                    "since": one.since,
                }
                for one in desk.look()
            ]
        return desk.page(request, "health.html", found=found)

    return router
