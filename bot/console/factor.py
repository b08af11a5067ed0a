"""Keeping one's own account safe: another password, and a code from one's phone beside it."""

import secrets
from typing import Annotated, Any, Final

import pyotp
import segno
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import staff
from bot.console.desk import COOKIE, Desk, allowed, go_to
from bot.console.words import N_
from bot.errors import FaultsError
from bot.staff import Failed, May, SignedIn

ADDRESS: Final = "/profile/second-factor"
_FAILED: Final = {
    Failed.WRONG: N_("That is not your password. Fill in the one that you sign in with now."),
    Failed.CODE: N_("That is not the code that your app shows now. Wait for the next one and try again."),
    Failed.WAIT: N_("There were too many wrong passwords. Wait a few minutes and try again."),
}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/profile")

    @router.get("/password")
    def ask_password(request: Request, _: Annotated[SignedIn, allowed(May.BE_HERE, setting_up=True)]) -> Response:
        return desk.page(request, "password.html", faults=())

    @router.post("/password")
    def set_password(  # nosec B107  # fields that were left empty
        request: Request,
        me: Annotated[SignedIn, allowed(May.BE_HERE, setting_up=True)],
        password: Annotated[str, Form(max_length=1000)] = "",
        code: Annotated[str, Form(max_length=40)] = "",
        new: Annotated[str, Form(max_length=1000)] = "",
        again: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:
        """Another password, by whoever knows the present one; it ends the sessions on other screens."""
        faults: list[str] = []
        if new != again:
            faults.append(_say(desk, me, N_("The two new passwords differ. Type the same one twice.")))
        with desk.writing() as session:
            proven = staff.prove(session, desk.journey.vault, me.login, password, code, desk.now)
            if isinstance(proven, Failed):
                faults.append(_say(desk, me, _FAILED[proven]))
            elif not faults:
                try:
                    staff.set_password(session, me.login, new, by=me.login, now=desk.now)
                    staff.end_all(session, me.id, but=request.cookies[COOKIE])
                except FaultsError:
                    sentence = N_("The new password must have {least} to {most} characters. A sentence is fine.")
                    faults.append(_say(desk, me, sentence, least=staff.SHORTEST, most=staff.LONGEST))
        if faults:
            return desk.page(request, "password.html", status=422, faults=faults)
        return go_to("/profile", "password_changed")

    @router.get("/second-factor")
    def ask_factor(request: Request, me: Annotated[SignedIn, allowed(May.BE_HERE, setting_up=True)]) -> Response:
        return _factor(desk, request, me)

    @router.post("/second-factor")
    def confirm(
        request: Request,
        me: Annotated[SignedIn, allowed(May.BE_HERE, setting_up=True)],
        code: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        try:
            with desk.writing() as session:
                codes = staff.factor.confirm(
                    session, desk.journey.vault, me.login, code, pick=secrets.choice, now=desk.now
                )
                staff.end_all(session, me.id, but=request.cookies[COOKIE])
        except FaultsError:
            return _factor(desk, request, me, 422, (_say(desk, me, _FAILED[Failed.CODE]),))
        return desk.page(request, "recovery.html", codes=codes)

    @router.post("/second-factor/remove")
    def remove(  # nosec B107  # an empty field is a wrong password
        request: Request,
        me: Annotated[SignedIn, allowed(May.BE_HERE)],
        password: Annotated[str, Form(max_length=1000)] = "",
        code: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        with desk.writing() as session:
            proven = staff.prove(session, desk.journey.vault, me.login, password, code, desk.now)
            if not isinstance(proven, Failed):
                staff.factor.clear(session, me.login, by=me.login, now=desk.now)
        if isinstance(proven, Failed):
            return _factor(desk, request, me, 422, (_say(desk, me, _FAILED[proven]),))
        return go_to("/profile", "second_factor_removed")

    return router


def _factor(desk: Desk, request: Request, me: SignedIn, status: int = 200, faults: tuple[str, ...] = ()) -> Response:
    """Setting one up, or removing the one that is there; people of the municipality's own sign-in need neither."""
    shown: dict[str, Any] = {"qr": None, "secret": None}  # nosec B105  # nothing yet
    if me.has_password and not me.has_factor:
        with desk.writing() as session:
            secret = staff.factor.offer(session, desk.journey.vault, me.login, secret=pyotp.random_base32())
        title = f"Handreiking {desk.journey.wording.municipality.name}"
        code = segno.make(staff.factor.address(secret, me.login, title), micro=False, error="m")
        shown["qr"] = code.svg_inline(scale=5, border=4, light="#fff", omitsize=True, svgclass="qr", lineclass=None)
        shown["secret"] = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    required = desk.second_factor and me.by_password_alone
    return desk.page(request, "factor.html", status=status, faults=faults, required=required, **shown)


def _say(desk: Desk, me: SignedIn, sentence: str, **values: object) -> str:
    return desk.pages.say(me.language, sentence, values)
