"""How the guards over sending and learning stand now, for researchers: in words, and no count of a few people."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot import guarding
from bot.console.desk import Desk, allowed
from bot.console.research_pages import PAGES
from bot.console.words import N_
from bot.core import guardrails
from bot.core.disclosure import FEWEST
from bot.core.facts import Sensitivity
from bot.guarding import Watched
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.tables import CampaignRow
from bot.wording import Wording

#: So many campaigns and texts are shown, those that are paused or nearest to it first.
SHOWN: Final = 100
PAUSED: Final = N_("paused by the guard")
CALM: Final = N_("nothing speaks against it")
RISING: Final = N_("somewhat more stops than people signed for")
FEW: Final = N_("too few messages to say")
KEPT: Final = N_("The draws follow the chances that were written down.")
UNSURE: Final = N_("The draws follow the chances that were written down less well than usual; it is watched.")
NOTHING: Final = N_("Nothing was drawn yet.")
BROKEN: Final = N_("The draws do not follow the chances that were written down.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that is watched. `messages` None: too few people to be told."""

    name: str
    is_campaign: bool
    messages: int | None
    state: str


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/research")

    @router.get("/guards")
    def guards(request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)]) -> Response:
        wording = desk.journey.wording
        with desk.reading() as session:
            watched = guarding.standing(session, wording)
            rows = ledger.by_id(session, CampaignRow, {one.id for one in watched if one.kind == "campaign"})
            learned = guarding.learned(session, wording)
        cards = {one.id: rows[one.id].card if one.id in rows else one.id.split(".")[0] for one in watched}
        secret = _secret_cards(wording)
        watched = [one for one in watched if cards[one.id] not in secret]
        watched.sort(key=lambda one: (one.alarm is None, -one.evidence, one.kind, one.id))
        lines = [
            Line(
                name=rows[one.id].definition["title"] if one.id in rows else one.id,
                is_campaign=one.kind == "campaign",
                messages=one.sends if one.sends >= 2 * FEWEST else None,
                state=_state(one),
            )
            for one in watched[:SHOWN]
        ]
        return desk.page(
            request,
            "research_guards.html",
            lines=lines,
            paused_by=sum(one.alarm is not None for one in watched),
            more=len(watched) - len(lines),
            learned=learned,
            chances=[_chances(one, learned.drawn) for one in (learned.broken_send, learned.broken_tones)],
            rate=wording.rules.stops_per_thousand,
            pages=PAGES,
        )

    return router


def _secret_cards(wording: Wording) -> set[str]:
    """Cards about illness or debt, of which nothing is told here."""
    return {name for name, card in wording.cards.items() if card.facts().sensitivity is Sensitivity.S3}


def _state(one: Watched) -> str:
    if one.alarm is not None:
        return PAUSED
    if one.sends < 2 * FEWEST:
        return FEW
    return RISING if one.evidence > 1 else CALM


def _chances(evidence: float, drawn: int) -> str:
    if evidence >= guardrails.BROKEN:
        return BROKEN
    if evidence >= guardrails.ALARM:
        return UNSURE
    return KEPT if drawn else NOTHING
