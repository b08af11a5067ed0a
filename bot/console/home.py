"""The first page: what waits for whoever looks; and the one press that makes the whole bot quiet."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns
from bot.campaigns import State
from bot.console.desk import Desk, allowed, go_to
from bot.staff import May, SignedIn
from bot.store import conversation, ledger


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def home(request: Request, me: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        with desk.reading() as session:
            said: dict[str, Any] = {"condition": ledger.condition(session)}
            if me.may(May.SEE_CAMPAIGNS):
                said |= _campaigns(desk, session, me)
            if me.may(May.SEE_REQUESTS):
                said |= _requests(desk, session)
        return desk.page(request, "home.html", **said)

    @router.post("/halt")
    def halt(
        me: Annotated[SignedIn, allowed(May.HALT)], because: Annotated[str, Form(max_length=200)] = ""
    ) -> Response:
        desk.journey.pause_nudges(because.strip() or me.name, who=me.login)
        return go_to("/", "all_paused")

    @router.post("/go-on")
    def go_on(me: Annotated[SignedIn, allowed(May.HALT)]) -> Response:
        desk.journey.resume_nudges(who=me.login)
        return go_to("/", "all_resumed")

    return router


def _campaigns(desk: Desk, session: Session, me: SignedIn) -> dict[str, Any]:
    """What waits for an approval that this person may give, what runs, and the next day on which something begins."""
    drafts, _ = campaigns.search(session, state=State.DRAFT, limit=100)
    editors = ledger.editors(session, [row.id for row in drafts])
    running, count = campaigns.search(session, state=State.RUNNING, limit=5)
    approved, _ = campaigns.search(session, state=State.APPROVED, limit=100)
    today = desk.now.astimezone(desk.zone).date()
    coming = sorted((day, card) for card, _, day, _ in campaigns.waiting(session, desk.journey.wording) if day >= today)
    return {
        "to_approve": [row for row in drafts if not campaigns.among(me.login, editors[row.id])],
        "my_drafts": [row for row in drafts if campaigns.among(me.login, editors[row.id])],
        "running": running,
        "running_count": count,
        "to_start": approved,
        "coming": [(day, desk.journey.wording.cards[card].name) for day, card in coming[:5]],
    }


def _requests(desk: Desk, session: Session) -> dict[str, Any]:
    today = desk.now.astimezone(desk.zone).date()
    requests = conversation.open_requests(session)
    promised = [row.promised_by for row in requests if row.state == "open"]
    return {
        "requests": len(requests),
        "late": sum(day < today for day in promised),
        "due_soon": sum(today <= day <= today + timedelta(days=1) for day in promised),
    }
