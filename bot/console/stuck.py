"""What got stuck: messages of which nobody knows whether they arrived, and answers that could not be read."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import campaigns, upkeep
from bot.console.bookmarks import bookmark, place_at
from bot.console.desk import Desk, allowed, go_to
from bot.staff import May, SignedIn
from bot.store import ledger

PER_PAGE: Final = 50


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/stuck")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)], before: str = "") -> Response:
        with desk.reading() as session:
            found = ledger.uncertain_messages(session, before=place_at(before), limit=PER_PAGE + 1)
            dead = ledger.dead_letters(session, PER_PAGE)
            titles = campaigns.titles(session, {row.campaign_id for row in found if row.campaign_id})
            condition = ledger.condition(session)
        last = found[PER_PAGE - 1] if len(found) > PER_PAGE else None
        older = last and last.closed_at and bookmark(last.closed_at, last.id)
        return desk.page(
            request,
            "stuck.html",
            uncertain=found[:PER_PAGE],
            dead=dead,
            titles=titles,
            condition=condition,
            older=older,
            is_first=not before,
        )

    @router.post("/again")
    def again(me: Annotated[SignedIn, allowed(May.ADMINISTER)], update: Annotated[int, Form()] = 0) -> Response:
        with desk.writing() as session:
            upkeep.try_again(session, update, by=me.login, now=desk.now)
        desk.journey.on_queued()
        return go_to("/administration/stuck", "tried_again")

    @router.post("/forget")
    def forget(me: Annotated[SignedIn, allowed(May.ADMINISTER)], update: Annotated[int, Form()] = 0) -> Response:
        with desk.writing() as session:
            upkeep.give_up(session, update, by=me.login, now=desk.now)
        return go_to("/administration/stuck", "forgotten")

    return router
