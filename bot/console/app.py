"""The pages put together."""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, StatementError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from bot.console import (
    accounts,
    administration,
    approve,
    audit,
    campaigns,
    cards,
    codes,
    contact,
    editor,
    elsewhere,
    factor,
    health,
    home,
    message,
    persons,
    profile,
    research,
    rules,
    setup,
    signin,
    sources,
    stuck,
    text_changes,
    texts,
)
from bot.console.desk import Desk, NotAllowed, NotSecured, NotSignedIn, go_to
from bot.console.security import Guarded
from bot.errors import FaultsError, RefusedError

ENTRY: Final = (signin, profile, factor, home)
#: In this order: what stands under a campaign's address is looked for before the campaign itself.
CAMPAIGNS: Final = (editor, message, campaigns, approve)
#: What stands under /cards; words that are no cards come first.
TEXTS: Final = (text_changes, texts, cards)
ADMINISTRATION: Final = (administration, sources, codes, persons, accounts, elsewhere, stuck, health, setup, rules)


def build(desk: Desk) -> FastAPI:
    """The application for staff. It must be the only one on its host and port: the session's cookie is for the host."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.desk = desk
    app.router.routes.append(desk.pages.static.route())
    for area in (*ENTRY, *CAMPAIGNS, contact, audit, research, *TEXTS, *ADMINISTRATION):
        app.router.routes.extend(area.routes(desk).routes)

    def to_sign_in(request: Request, _: Exception) -> Response:
        back = request.url.path if request.method == "GET" else "/"
        if request.headers.get("hx-request"):
            return Response(status_code=200, headers={"HX-Redirect": "/signin"})
        return go_to(f"/signin?next={back}")

    def to_second_factor(request: Request, _: Exception) -> Response:
        if request.headers.get("hx-request"):
            return Response(status_code=200, headers={"HX-Redirect": factor.ADDRESS})
        return go_to(factor.ADDRESS)

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

    def beyond(request: Request, error: Exception) -> Response:
        """A number or a day in an address that no database takes; any other error of it is one."""
        cause = error.orig if isinstance(error, StatementError) else error
        if not isinstance(error, DataError) and not isinstance(cause, OverflowError):
            raise error
        return not_here(request, error)

    app.add_exception_handler(NotSignedIn, to_sign_in)
    app.add_exception_handler(NotSecured, to_second_factor)
    app.add_exception_handler(NotAllowed, not_allowed)
    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(HTTPException, not_here)
    app.add_exception_handler(RequestValidationError, not_here)
    app.add_exception_handler(FaultsError, not_here)  # only of a form that no page of ours made
    app.add_exception_handler(OverflowError, beyond)
    app.add_exception_handler(StatementError, beyond)
    # Nothing secret stands on a page that repeats what another site made a browser send, so its packed size tells none.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(Guarded)
    return app
