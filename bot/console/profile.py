"""One's own account; and what is true of these pages for everybody."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import links, rehearsal, staff
from bot.console.desk import Desk, allowed, go_to
from bot.rehearsal import ChatCode
from bot.staff import May, SignedIn


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/profile")
    def profile(request: Request, me: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        return _page(desk, request, me)

    @router.post("/profile")
    def speak(
        me: Annotated[SignedIn, allowed(May.BE_HERE)], language: Annotated[str, Form(max_length=5)] = "nl"
    ) -> Response:
        same = staff.NewStaff(login=me.login, name=me.name, roles=me.roles, team=me.team, language=language)
        with desk.writing() as session:
            staff.change(session, me.login, same, by=me.login, now=desk.now)
        return go_to("/profile", "saved")

    @router.post("/profile/chat")
    def link_chat(request: Request, me: Annotated[SignedIn, allowed(May.TRY_TEXTS)]) -> Response:
        """A code that is shown once, on the page itself: it never stands in an address."""
        with desk.writing() as session:
            code = rehearsal.new_code(session, desk.journey.vault, me.id, now=desk.now, pick=desk.pick)
        return _page(desk, request, me, code)

    @router.post("/profile/chat/unlink")
    def unlink_chat(me: Annotated[SignedIn, allowed(May.TRY_TEXTS)]) -> Response:
        with desk.writing() as session:
            rehearsal.unlink(session, me.id, by=me.login, now=desk.now)
        return go_to("/profile", "chat_unlinked")

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


def _page(desk: Desk, request: Request, me: SignedIn, code: ChatCode | None = None) -> Response:
    with desk.reading() as session:
        has_chat = rehearsal.has_chat(session, me.id)
        bot = links.bot_name(session)
    link = None if code is None or bot is None else code.deep_link(bot)
    return desk.page(request, "profile.html", has_chat=has_chat, bot=bot, code=code, link=link)
