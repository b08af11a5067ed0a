"""The algorithm register: what its entry would say now, what differs from the published one, and publishing it."""

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import campaigns, staff
from bot import register as algorithm
from bot.console.desk import Desk, allowed, go_to
from bot.errors import FaultsError, RefusedError
from bot.register import Standing
from bot.staff import May, SignedIn


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/register")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        return _overview(desk, request)

    @router.post("")
    def publish(
        request: Request,
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        seen: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        wording = desk.journey.wording
        try:
            with desk.writing() as session:
                algorithm.publish(session, wording, by=me.login, now=desk.now, seen=seen)
        except FaultsError as error:
            return _overview(desk, request, faults=list(error.faults))
        except RefusedError as error:
            return _overview(desk, request, faults=[desk.pages.told(me.language, error)])
        return go_to("/administration/register", "register_published")

    @router.get("/entry.json")
    def as_it_would_be(_: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        return _file("algoritmeregister.json", algorithm.entry(desk.journey.wording))

    @router.get("/{number}/entry.json")
    def as_it_was(_: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], number: int) -> Response:
        with desk.reading() as session:
            found = next((one for one in algorithm.history(session) if one.number == number), None)
        if found is None:
            raise RefusedError("There is no entry {number}.", number=number)
        return _file(f"algoritmeregister-{number}.json", found.entry)

    return router


def _file(name: str, said: Mapping[str, str]) -> Response:
    text = json.dumps(dict(said), ensure_ascii=False, indent=1) + "\n"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="application/json", headers=headers)


def _overview(desk: Desk, request: Request, faults: list[str] | None = None) -> Response:
    wording = desk.journey.wording
    missing: list[str] = []
    try:
        said = algorithm.entry(wording)
    except FaultsError as error:
        said, missing = {}, list(error.faults)
    with desk.reading() as session:
        standing = algorithm.standing(session, wording)
        history = algorithm.history(session)
        learns = campaigns.adaptive(session)
        people = staff.names(session)
    wrong = [*missing, *(algorithm.faults(said, wording) if said else ())]
    return desk.page(
        request,
        "register.html",
        status=422 if faults else 200,
        faults=faults or [],
        wrong=wrong,
        said=said,
        digest=algorithm.digest(said),
        standing=standing,
        same=standing is Standing.SAME,
        learns=len(learns),
        lines=algorithm.difference(history[0].entry, said) if history and said else [],
        history=history,
        fingerprint=algorithm.fingerprint(wording),
        people=people,
    )
