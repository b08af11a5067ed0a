"""Signing in and out: at the municipality's own sign-in, or with a password."""

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from bot import staff
from bot.console.desk import COOKIE, LONGEST_WAY_BACK, Desk, allowed, go_to, inside
from bot.console.provider import NotProvenError, Provider, ProviderDownError
from bot.errors import RefusedError, UnreadableError
from bot.staff import Failed, May, Means, SignedIn

#: Where a sign-in elsewhere stands, sealed, while the browser is there; and how long it may take.
UNDER_WAY: Final = "__Host-handreiking-signin"
TAKES: Final = timedelta(minutes=15)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/signin")
    def ask(request: Request, next: str = "/", by: str = "") -> Response:  # noqa: A002 - the name in the address
        return _page(desk, request, back=next, password=by == "password")

    @router.post("/signin")
    def enter(  # nosec B107  # a field that was left empty
        request: Request,
        login: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        code: Annotated[str, Form(max_length=40)] = "",
        back: Annotated[str, Form(max_length=LONGEST_WAY_BACK)] = "/",
    ) -> Response:
        token = desk.new_token()
        with desk.reading() as session:
            known = staff.kept_password(session, login)
        ahead = staff.try_password(known, password)
        with desk.writing() as session:
            row = staff.sign_in(session, desk.journey.vault, login, password, code, desk.now, ahead)
            if not isinstance(row, Failed):
                staff.open_session(session, row, token, desk.now)
        if isinstance(row, Failed):
            return _page(desk, request, 422, failed=row, login=login, back=back, password=True)
        return _with_session(_inside(back), token)

    @router.post("/signin/demo")
    def step_in(request: Request, login: Annotated[str, Form(max_length=200)]) -> Response:
        """In the demo anybody may be any of its people."""
        if login not in desk.people:
            return desk.page(request, "problem.html", status=404, problem="not_found", sentence=None)
        token = desk.new_token()
        with desk.writing() as session:
            staff.open_session(session, staff.known_as(session, login), token, desk.now, means=Means.DEMO)
        return _with_session("/", token)

    @router.post("/signout")
    def leave(request: Request, _: Annotated[SignedIn, allowed(May.BE_HERE, setting_up=True)]) -> Response:
        with desk.writing() as session:
            sealed = staff.end(session, request.cookies[COOKIE])
        onward = None
        if desk.provider is not None and sealed is not None:
            onward = desk.provider.leaving(desk.journey.vault.open(sealed))
        if onward is None:
            response = go_to("/signin", "signed_out")
        else:
            # A form may only lead to pages of ours (form-action), so the way to the provider is a page that moves on.
            request.state.somebody = None
            response = desk.page(request, "signed_out.html", onward=onward)
            response.headers["Refresh"] = f"0; url={onward}"
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return response

    if desk.provider is not None:
        _elsewhere(desk, desk.provider, router)
    return router


def _elsewhere(desk: Desk, provider: Provider, router: APIRouter) -> None:
    vault = desk.journey.vault

    @router.get("/signin/elsewhere")
    def go(request: Request, next: str = "/") -> Response:  # noqa: A002
        try:
            begun = provider.begin()
        except ProviderDownError:
            return _page(desk, request, 503, failed="down", back=next)
        stands = {
            "state": begun.state,
            "nonce": begun.nonce,
            "verifier": begun.verifier,
            "back": _inside(next),
            "at": desk.now.isoformat(),
        }
        response = RedirectResponse(begun.url, status_code=303)
        sealed = vault.seal(json.dumps(stands))
        response.set_cookie(UNDER_WAY, sealed, path="/", secure=True, httponly=True, samesite="lax")
        return response

    @router.get("/signin/back")
    def come_back(request: Request, code: str = "", state: str = "", error: str = "") -> Response:
        stands = _stands(desk, request, state)
        if stands is None:
            return _page(desk, request, 400, failed="lost")
        back = stands["back"]
        if error or not code:
            return _ended(_page(desk, request, 403, failed="denied", back=back))
        try:
            proven = provider.finish(code, nonce=stands["nonce"], verifier=stands["verifier"])
        except ProviderDownError:
            return _ended(_page(desk, request, 503, failed="down", back=back))
        except NotProvenError:
            return _ended(_page(desk, request, 403, failed="not_proven", back=back))
        who = staff.arrived(proven.claims, claim=provider.claim, roles=provider.roles)
        token = desk.new_token()
        with desk.writing() as session:
            row = staff.arrive(session, who, staff_id=uuid4().hex, now=desk.now)
            if not isinstance(row, RefusedError):
                staff.open_session(
                    session, row, token, desk.now, means=Means.PROVIDER, id_token_sealed=vault.seal(proven.id_token)
                )
        if isinstance(row, RefusedError):
            return _ended(_page(desk, request, 403, failed="refused", told=desk.told(request, row), back=back))
        return _ended(_with_session(back, token))


def _stands(desk: Desk, request: Request, state: str) -> dict[str, str] | None:
    """Where this browser's sign-in stands; None when it began none, another one, or too long ago."""
    try:
        stands: dict[str, str] = json.loads(desk.journey.vault.open(request.cookies.get(UNDER_WAY, "")))
        began = datetime.fromisoformat(stands["at"])
    except (UnreadableError, ValueError, KeyError, TypeError):
        return None
    return stands if stands["state"] == state and desk.now - began <= TAKES else None


def _ended(response: Response) -> Response:
    response.delete_cookie(UNDER_WAY, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _page(desk: Desk, request: Request, status: int = 200, *, back: str = "/", **said: Any) -> Response:
    shown: dict[str, Any] = {"failed": None, "told": None, "login": "", "password": False} | said  # nosec B105  # whether the field is open
    shown["password"] = shown["password"] or desk.provider is None or shown["failed"] == "down"
    return desk.page(
        request,
        "signin.html",
        status=status,
        back=_inside(back),
        people=_people(desk),
        elsewhere=desk.provider is not None,
        **shown,
    )


def _with_session(url: str, token: str) -> Response:
    response = go_to(url)
    response.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _inside(url: str) -> str:
    """Where to go after signing in, whatever the address says."""
    return "/" if url.startswith("/signin") else inside(url)


def _people(desk: Desk) -> list[dict[str, object]]:
    if not desk.people:
        return []
    with desk.reading() as session:
        rows = [staff.known_as(session, login) for login in desk.people]
        return [{"login": row.login, "name": row.name, "roles": row.roles} for row in rows]
