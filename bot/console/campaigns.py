"""Campaigns: all of them, and one of them with what may be done with it now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns
from bot.campaigns import State
from bot.console.desk import Desk, allowed, go_to
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.ledger import Figures
from bot.store.tables import CampaignRow

PER_PAGE: Final = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One campaign in the list."""

    row: CampaignRow
    title: str
    figures: Figures
    editors: frozenset[str]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/campaigns")
    desk.areas.add("/campaigns")

    @router.get("")
    def overview(
        request: Request,
        _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)],
        name: str = "",
        state: str = "",
        page: int = 1,
    ) -> Response:
        with desk.reading() as session:
            lines, count = _lines(session, name.strip(), state, page)
        return desk.page(
            request,
            "campaigns.html",
            lines=lines,
            count=count,
            name=name,
            state=state,
            states=campaigns.ORDER,
            number=page,
            pages=-(-count // PER_PAGE),
        )

    @router.get("/{campaign}")
    def one(request: Request, campaign: str, me: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        with desk.reading() as session:
            row = campaigns.known(session, campaign)
            shown = _shown(desk, session, row, me)
        return desk.page(request, "campaign.html", **shown)

    @router.get("/{campaign}/progress")
    def progress(request: Request, campaign: str, me: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        """The part of the page that changes while it runs; it asks for itself again until it is over."""
        with desk.reading() as session:
            shown = _shown(desk, session, campaigns.known(session, campaign), me)
        return desk.page(request, "_progress.html", **shown)

    @router.post("/{campaign}/start")
    def start(campaign: str, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)]) -> Response:
        with desk.writing() as session:
            campaigns.start(session, campaign, desk.journey.wording, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}", "started")

    @router.post("/{campaign}/pause")
    def pause(
        campaign: str, me: Annotated[SignedIn, allowed(May.HALT)], because: Annotated[str, Form(max_length=200)] = ""
    ) -> Response:
        with desk.writing() as session:
            campaigns.pause(session, campaign, because, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}", "paused")

    @router.post("/{campaign}/stop")
    def stop(campaign: str, me: Annotated[SignedIn, allowed(May.HALT)]) -> Response:
        with desk.writing() as session:
            campaigns.stop(session, campaign, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}", "stopped")

    return router


def _lines(session: Session, name: str, state: str, page: int) -> tuple[list[Line], int]:
    """One page of the list, and how many campaigns there are in all."""
    rows, count = campaigns.search(
        session, text=name, state=state, limit=PER_PAGE, offset=(max(1, page) - 1) * PER_PAGE
    )
    ids = [row.id for row in rows]
    figures, editors = ledger.figures(session, ids), ledger.editors(session, ids)
    lines = [
        Line(row=row, title=row.definition["title"], figures=figures[row.id], editors=frozenset(editors[row.id]))
        for row in rows
    ]
    return lines, count


def _shown(desk: Desk, session: Session, row: CampaignRow, me: SignedIn) -> dict[str, Any]:
    wording = desk.journey.wording
    file = campaigns.file_of(row)
    editors = ledger.editors(session, [row.id])[row.id]
    states, reasons = ledger.standing(session, row.id)
    figures = ledger.figures(session, [row.id])[row.id]
    unchanged = row.approved_hash is None or row.approved_hash == campaigns.content_hash(file, wording)
    return {
        "row": row,
        "file": file,
        "card": wording.cards.get(row.card),
        "editors": sorted(editors),
        "figures": figures,
        "offers": states,
        "reasons": reasons.most_common(),
        "unchanged": unchanged,
        "is_editor": campaigns.among(me.login, editors),
        "alive": row.state == State.RUNNING and _in_period(row, desk.now),
    }


def _in_period(row: CampaignRow, now: datetime) -> bool:
    return row.starts_at <= now < row.ends_at
