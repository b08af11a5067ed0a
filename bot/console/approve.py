"""Approving: what is new, all texts, who gets it, what the card settles; then approve it, or send it back."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns, preview, rehearsal, staff
from bot.campaigns import funnel
from bot.console import fields
from bot.console.campaigns import sets_off
from bot.console.desk import Desk, allowed, go_to
from bot.console.showing import all_shown
from bot.core.disclosure import FEWEST
from bot.errors import RefusedError
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.tables import CampaignFunnelRow, CampaignRow
from bot.wording import Wording, with_own


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How many people one reason keeps out: when it was handed over, and now. `reason` None: nothing keeps them out."""

    reason: str | None
    then: int | None
    now: int | None

    @property
    def drift(self) -> int | None:
        """The difference, where neither number is hidden."""
        if self.then is None or self.now is None or 0 < self.then < FEWEST or 0 < self.now < FEWEST:
            return None
        return self.now - self.then


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/campaigns/{campaign}")

    @router.get("/approve")
    def look(
        request: Request, campaign: str, me: Annotated[SignedIn, allowed(May.APPROVE)], count: str = ""
    ) -> Response:
        with desk.reading() as session:
            said = _said(desk, session, campaigns.known(session, campaign), me, count=bool(count))
        return desk.page(request, "approve.html", **said, faults=[], because="")

    @router.post("/approve")
    def approve(
        request: Request,
        campaign: str,
        me: Annotated[SignedIn, allowed(May.APPROVE)],
        seen: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        try:
            with desk.writing() as session:
                campaigns.approve(session, campaign, desk.journey.wording, by=me.login, now=desk.now, seen=seen)
        except RefusedError as error:
            return _again(desk, request, campaign, me, error)
        return go_to(f"/campaigns/{campaign}", "approved")

    @router.post("/send-back")
    def send_back(
        request: Request,
        campaign: str,
        me: Annotated[SignedIn, allowed(May.APPROVE)],
        seen: Annotated[str, Form(max_length=64)] = "",
        because: Annotated[str, Form(max_length=5000)] = "",
    ) -> Response:
        wording = desk.journey.wording
        try:
            with desk.writing() as session:
                campaigns.send_back(session, campaign, because, wording, by=me.login, now=desk.now, seen=seen)
        except RefusedError as error:
            return _again(desk, request, campaign, me, error, because)
        return go_to(f"/campaigns/{campaign}", "sent_back")

    @router.post("/hand-over")
    def hand_over(campaign: str, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)]) -> Response:
        handed_over(desk, campaign, me)
        return go_to(f"/campaigns/{campaign}", "campaign_handed_over")

    @router.post("/take-back")
    def take_back(campaign: str, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)]) -> Response:
        with desk.writing() as session:
            campaigns.take_back(session, campaign, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}", "campaign_taken_back")

    return router


def handed_over(desk: Desk, campaign: str, me: SignedIn) -> None:
    """Hand it over with the funnel of now. Counting may take seconds, so it is done before the transaction."""
    wording, now = desk.journey.wording, desk.now
    with desk.reading() as session:
        asked = preview.at_its_soonest(session, wording, desk.journey.vault, campaign, now)
        counted = preview.preview(session, asked)
    with desk.writing() as session:
        funnel.freeze(session, campaign, wording, counted, kind=asked.signal.type, by=me.login, now=now)


def _again(
    desk: Desk, request: Request, campaign: str, me: SignedIn, error: RefusedError, because: str = ""
) -> Response:
    """The page as it is now, with why it was refused and what was typed. Raises the error where there is no page."""
    with desk.reading() as session:
        try:
            said = _said(desk, session, campaigns.known(session, campaign), me)
        except RefusedError as missing:
            raise error from missing
    return desk.page(request, "approve.html", status=422, **said, faults=[desk.told(request, error)], because=because)


def _said(desk: Desk, session: Session, row: CampaignRow, me: SignedIn, *, count: bool = False) -> dict[str, Any]:
    wording = desk.journey.wording
    file, seal = campaigns.file_of(row), campaigns.hash_of(row, wording)
    spoken = with_own(wording, file.wordings)
    editors = ledger.editors(session, [row.id])[row.id]
    last = campaigns.last_approval(session, row.id)
    new = None if last is None else campaigns.differences(last.content, campaigns.content(file, wording))
    frozen = funnel.frozen(session, row.id)
    return {
        "row": row,
        "file": file,
        "card": wording.cards.get(row.card),
        "wording": wording,
        "content_hash": seal,
        "people": staff.names(session),
        "sets_off": sets_off(row, wording),
        "editors": sorted(editors),
        "obstacle": _obstacle(row, wording, is_editor=campaigns.among(me.login, editors)),
        "misfits": list(campaigns.misfits(file, wording)),
        "last": last,
        "new": new,
        "field": fields.field,
        "value": fields.value,
        "campaign_fields": fields.CAMPAIGN,
        "card_fields": fields.CARD,
        "texts": all_shown(spoken, file.variants, file.languages),
        "has_chat": rehearsal.has_chat(session, me.id),
        "tones": {name: known.tone for name, known in spoken.variants.items()},
        "frozen": frozen,
        "frozen_holds": frozen is not None and frozen.content_hash == seal,
        **_counted(desk, session, row, frozen, count=count),
    }


def _obstacle(row: CampaignRow, wording: Wording, *, is_editor: bool) -> str | None:
    """Why this person cannot decide about it now; None: nothing is in the way."""
    if row.state in campaigns.OVER:
        return "over"
    if not campaigns.is_open(row, wording):
        return "approved"
    return "editor" if is_editor else None


def _counted(
    desk: Desk, session: Session, row: CampaignRow, frozen: CampaignFunnelRow | None, *, count: bool
) -> dict[str, Any]:
    """The funnel that was kept beside the one of now, counted only when that is asked for."""
    now: preview.Funnel | None = None
    refusal: RefusedError | None = None
    if count:
        try:
            kind = None if frozen is None else frozen.kind
            wording, vault = desk.journey.wording, desk.journey.vault
            asked = preview.at_its_soonest(session, wording, vault, row.id, desk.now, kind=kind)
            now = preview.preview(session, asked)
        except RefusedError as error:
            refusal = error
    then = None if frozen is None else frozen.reasons
    fresh = None if now is None else {str(reason): people for reason, people in now.reasons.items()}
    reasons = dict.fromkeys([*(then or {}), *(fresh or {})])
    steps = [
        Step(
            reason=None,
            then=None if frozen is None else frozen.reached,
            now=None if now is None else now.reached,
        ),
        *(
            Step(
                reason=reason,
                then=None if then is None else then.get(reason, 0),
                now=None if fresh is None else fresh.get(reason, 0),
            )
            for reason in reasons
        ),
    ]
    return {
        "steps": steps if frozen is not None or now is not None else [],
        "counted_now": now is not None,
        "count_refused": refusal,
    }
