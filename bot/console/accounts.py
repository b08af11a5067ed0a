"""Who may work here: accounts made, changed, shut, and signed out."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from bot import staff
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.errors import FaultsError
from bot.staff import May, NewStaff, Role, SignedIn

_Login = Annotated[str, Form(max_length=300)]
_Text = Annotated[str, StringConstraints(max_length=300)]


class AccountForm(BaseModel):
    login: _Text = ""
    name: _Text = ""
    team: _Text = ""
    language: Annotated[str, StringConstraints(max_length=5)] = "nl"
    roles: list[str] = []

    @property
    def staff(self) -> NewStaff:
        return NewStaff(login=self.login, name=self.name, roles=self.roles, team=self.team, language=self.language)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/accounts")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        with desk.reading() as session:
            rows = staff.listing(session)
        return desk.page(request, "accounts.html", rows=rows)

    @router.get("/new")
    def ask(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        return _form(desk, request, NewStaff(login="", name="", roles=()))

    @router.post("/new")
    def make(
        request: Request, me: Annotated[SignedIn, allowed(May.ADMINISTER)], form: Annotated[AccountForm, Form()]
    ) -> Response:
        try:
            with desk.writing() as session:
                row = staff.add(session, form.staff, staff_id=desk.journey.new_id(), by=me.login, now=desk.now)
        except FaultsError as error:
            return _form(desk, request, form.staff, error.faults)
        return go_to(_address(row.login), "account_made")

    @router.get("/one")
    def one(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)], login: str = "") -> Response:
        return _one(desk, request, login)

    @router.post("/one")
    def change(
        request: Request, me: Annotated[SignedIn, allowed(May.ADMINISTER)], form: Annotated[AccountForm, Form()]
    ) -> Response:
        try:
            with desk.writing() as session:
                staff.change(session, form.login, form.staff, by=me.login, now=desk.now)
        except FaultsError as error:
            return _one(desk, request, form.login, form.staff, error.faults)
        return go_to(_address(form.login), "saved")

    @router.post("/password")
    def password(request: Request, me: Annotated[SignedIn, allowed(May.ADMINISTER)], login: _Login = "") -> Response:
        with desk.writing() as session:
            row = staff.known_as(session, login)
            first = staff.first_password(session, login, by=me.login, now=desk.now, pick=desk.pick)
        return desk.page(request, "account_password.html", row=row, password=first)

    @router.post("/factor")
    def reset_factor(me: Annotated[SignedIn, allowed(May.ADMINISTER)], login: _Login = "") -> Response:
        with desk.writing() as session:
            staff.reset_factor(session, login, by=me.login, now=desk.now)
        return go_to(_address(login), "factor_reset")

    @router.post("/shut")
    def shut(me: Annotated[SignedIn, allowed(May.ADMINISTER)], login: _Login = "") -> Response:
        with desk.writing() as session:
            staff.disable(session, login, by=me.login, now=desk.now)
        return go_to(_address(login), "account_shut")

    @router.post("/open")
    def reopen(me: Annotated[SignedIn, allowed(May.ADMINISTER)], login: _Login = "") -> Response:
        with desk.writing() as session:
            staff.enable(session, login, by=me.login, now=desk.now)
        return go_to(_address(login), "account_opened")

    @router.post("/out")
    def out(me: Annotated[SignedIn, allowed(May.ADMINISTER)], login: _Login = "") -> Response:
        with desk.writing() as session:
            staff.sign_out(session, login, by=me.login, now=desk.now)
        return go_to(_address(login), "account_out")

    return router


def _address(login: str) -> str:
    """The page of one account: e-mail addresses may have signs that mean something in an address."""
    return f"/administration/accounts/one?login={quote(login)}"


def _form(desk: Desk, request: Request, given: NewStaff, faults: tuple[str, ...] = ()) -> Response:
    return desk.page(
        request,
        "account_new.html",
        status=422 if faults else 200,
        given=given,
        faults=[overheard(fault, desk.say(request)) for fault in faults],
        every_role=list(Role),
    )


def _one(
    desk: Desk, request: Request, login: str, given: NewStaff | None = None, faults: tuple[str, ...] = ()
) -> Response:
    with desk.reading() as session:
        row = staff.known_as(session, login)
        places = staff.open_sessions(session, row.id, desk.now)
    kept = NewStaff(login=row.login, name=row.name, roles=row.roles, team=row.team, language=row.language)
    return desk.page(
        request,
        "account.html",
        status=422 if faults else 200,
        row=row,
        places=places,
        given=given or kept,
        faults=[overheard(fault, desk.say(request)) for fault in faults],
        every_role=list(Role),
    )
