"""One's own account; and what is true of these pages for everybody."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import staff
from bot.console.desk import Desk, allowed, go_to
from bot.staff import May, SignedIn


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/profile")
    def profile(request: Request, _: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        return desk.page(request, "profile.html")

    @router.post("/profile")
    def speak(
        me: Annotated[SignedIn, allowed(May.BE_HERE)], language: Annotated[str, Form(max_length=5)] = "nl"
    ) -> Response:
        same = staff.NewStaff(login=me.login, name=me.name, roles=me.roles, team=me.team, language=language)
        with desk.writing() as session:
            staff.change(session, me.login, same, by=me.login, now=desk.now)
        return go_to("/profile", "saved")

    @router.post("/profile/sign-out-everywhere")
    def leave_everywhere(me: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        with desk.writing() as session:
            staff.end_all(session, me.id)
        return go_to("/signin", "signed_out")

    @router.get("/accessibility")
    def accessibility(request: Request) -> Response:
        request.state.somebody = desk.who(request)
        return desk.page(request, "accessibility.html")

    return router
