"""The pages put together."""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot.console import (
    accounts,
    administration,
    approve,
    audit,
    campaigns,
    codes,
    contact,
    editor,
    health,
    home,
    message,
    persons,
    profile,
    setup,
    signin,
    sources,
    stuck,
)
from bot.console.desk import Desk, NotAllowed, NotSignedIn, go_to
from bot.console.security import Guarded
from bot.errors import RefusedError

ADMINISTRATION: Final = (administration, sources, codes, persons, accounts, stuck, health, setup)


def build(desk: Desk) -> FastAPI:
    """The application for staff. It must be the only one on its host and port: the session's cookie is for the host."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.desk = desk
    app.router.routes.append(desk.pages.static.route())
    for area in (signin, profile, home, editor, message, campaigns, approve, contact, audit, *ADMINISTRATION):
        app.router.routes.extend(area.routes(desk).routes)

    def to_sign_in(request: Request, _: Exception) -> Response:
        back = request.url.path if request.method == "GET" else "/"
        if request.headers.get("hx-request"):
            return Response(status_code=200, headers={"HX-Redirect": "/signin"})
        return go_to(f"/signin?next={back}")

    def not_allowed(request: Request, _: Exception) -> Response:
        return desk.page(request, "problem.html", status=403, problem="not_allowed", sentence=None)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        somebody = getattr(request.state, "somebody", None)
        language = somebody.language if somebody else desk.pages.language(request)
        sentence = desk.pages.say(language, error.sentence, error.values)
        return desk.page(request, "problem.html", status=409, problem="refused", sentence=sentence)

    def not_here(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        problem = "not_found" if status in {404, 405} else "wrong"
        return desk.page(request, "problem.html", status=status, problem=problem, sentence=None)

    app.add_exception_handler(NotSignedIn, to_sign_in)
    app.add_exception_handler(NotAllowed, not_allowed)
    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(HTTPException, not_here)
    app.add_exception_handler(RequestValidationError, not_here)
    app.add_middleware(Guarded)
    return app
