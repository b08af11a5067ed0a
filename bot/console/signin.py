"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot.console.desk import COOKIE, Desk, allowed, go_to
from bot.staff import Failed, May, SignedIn, end, known_as, open_session, sign_in


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/signin")
    def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
        return desk.page(request, "signin.html", failed=None, login="", back=_inside(next), people=_people(desk))

    @router.post("/signin")
    def enter(  # nosec B107  # a field that was left empty
        request: Request,
        login: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        code: Annotated[str, Form(max_length=10)] = "",
        back: Annotated[str, Form(max_length=500)] = "/",
    ) -> Response:
        token = desk.new_token()
        with desk.writing() as session:
            row = sign_in(session, desk.journey.vault, login, password, code, desk.now)
            if not isinstance(row, Failed):
                open_session(session, row, token, desk.now)
        if isinstance(row, Failed):
            return desk.page(
                request, "signin.html", status=422, failed=row, login=login, back=_inside(back), people=_people(desk)
            )
        return _with_session(_inside(back), token)

    @router.post("/signin/demo")
    def step_in(request: Request, login: Annotated[str, Form(max_length=200)]) -> Response:
        """In the demo anybody may be any of its people."""
        if login not in desk.people:
            return desk.page(request, "problem.html", status=404, problem="not_found", sentence=None)
        token = desk.new_token()
        with desk.writing() as session:
            open_session(session, known_as(session, login), token, desk.now)
        return _with_session("/", token)

    @router.post("/signout")
    def leave(request: Request, _: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        with desk.writing() as session:
            end(session, request.cookies[COOKIE])
        response = go_to("/signin", "signed_out")
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return response

    return router


def _with_session(url: str, token: str) -> Response:
    response = go_to(url)
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _inside(url: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    return url if url.startswith("/") and not url.startswith(("//", "/\\", "/signin")) else "/"


def _people(desk: Desk) -> list[dict[str, object]]:
    if not desk.people:
        return []
    with desk.reading() as session:
        rows = [known_as(session, login) for login in desk.people]
        return [{"login": row.login, "name": row.name, "roles": row.roles} for row in rows]
