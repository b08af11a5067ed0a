"""One person who asks what is kept of them: shown, handed over, erased. Nothing of it stands in an address."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import mydata
from bot.console.desk import Desk, allowed, go_to
from bot.console.words import N_
from bot.core.talk import NOTES, RESEARCH
from bot.errors import RefusedError
from bot.staff import May, SignedIn

_Code = Annotated[str, Form(max_length=200)]
UNSURE: Final = N_("Say that you know who asks for this.")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/person")
    whole = desk.journey

    @router.get("")
    def ask(request: Request, _: Annotated[SignedIn, allowed(May.HANDLE_PERSONAL_DATA)]) -> Response:
        return desk.page(request, "person_find.html", faults=[], code="", reference="")

    @router.post("")
    def show(
        request: Request,
        me: Annotated[SignedIn, allowed(May.HANDLE_PERSONAL_DATA)],
        code: _Code = "",
        reference: _Code = "",
    ) -> Response:
        try:
            found = _find(desk, code, reference)
        except RefusedError as error:
            faults = [desk.told(request, error)]
            return desk.page(request, "person_find.html", status=422, faults=faults, code=code, reference=reference)
        with desk.writing() as session:
            shown = mydata.show(
                session, whole.wording, whole.vault, mydata.person(session, found), desk.now, by=me.login
            )
        wording = whole.wording
        cards = {name: card.name for name, card in wording.cards.items()}
        themes = {name: theme.title for name, theme in wording.themes.items()}
        themes[RESEARCH] = desk.say(request)(N_("Taking part in research"))
        themes[NOTES] = desk.say(request)(N_("The note of what was done with answers"))
        return desk.page(request, "person.html", shown=shown, cards=cards, themes=themes)

    @router.post("/file")
    def file(me: Annotated[SignedIn, allowed(May.HANDLE_PERSONAL_DATA)], code: _Code = "") -> Response:
        found = _find(desk, code, "")
        with desk.writing() as session:
            text = mydata.hand_over(
                session, whole.wording, whole.vault, mydata.person(session, found), desk.now, by=me.login
            )
        headers = {"Content-Disposition": f'attachment; filename="{mydata.FILE}"'}
        return Response(text + "\n", media_type="application/json", headers=headers)

    @router.post("/erase")
    def erase(
        request: Request,
        me: Annotated[SignedIn, allowed(May.HANDLE_PERSONAL_DATA)],
        code: _Code = "",
        step: Annotated[str, Form(max_length=10)] = "ask",
        sure: Annotated[str, Form(max_length=5)] = "",
    ) -> Response:
        """First what goes and what stays; then, once somebody is sure, it is done."""
        found = _find(desk, code, "")
        if step != "do" or sure != "yes":
            faults = [desk.say(request)(UNSURE)] if step == "do" else []
            status = 422 if faults else 200
            return desk.page(request, "person_erase.html", status=status, code=code.strip().upper(), faults=faults)
        with desk.writing() as session:
            mydata.erase_on_request(session, whole.wording, mydata.person(session, found), desk.now, by=me.login)
        whole.on_queued()
        return go_to("/administration/person", "erased")

    return router


def _find(desk: Desk, code: str, reference: str) -> str:
    """The id of whom this names; it may take a moment, in which nobody is held up. Raises RefusedError."""
    with desk.reading() as session:
        return mydata.find(session, desk.journey.vault, code=code.strip() or None, reference=reference.strip() or None)
