"""How the guards over sending and learning stand now, for researchers: in words, and no count of a few people."""

from dataclasses import dataclass
from datetime import UTC, date
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot import guarding
from bot.console import research_figures
from bot.console.desk import Desk, allowed
from bot.console.research_count import Groups
from bot.console.research_pages import BOUNDS, FAIRNESS, PAGES, Drawn
from bot.console.research_shown import Reader
from bot.console.words import N_
from bot.core import guardrails
from bot.core.disclosure import FEWEST
from bot.core.facts import Sensitivity
from bot.guarding import Watched
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.tables import CampaignRow
from bot.wording import Wording

if TYPE_CHECKING:
    from bot.research.figures import Figure

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
    router = APIRouter(prefix="/research/guards")
    groups = Groups(desk)
    known = {drawn.key: drawn for drawn in FAIRNESS}

    def fairness(key: str) -> tuple[Drawn, "Figure", tuple[date, date]]:
        """One figure, with the first and the last Monday of what is in it."""
        from bot.research import figures  # noqa: PLC0415 - polars, only for who comes here

        drawn, since = research_figures.known(known, key), figures.since(desk.now)
        weeks = (since.date(), figures.monday(desk.now.astimezone(UTC).date()))
        return drawn, figures.fairness(key, groups.now(since)), weeks

    @router.get("/{figure}.svg")
    def picture(request: Request, figure: str, _: Annotated[SignedIn, allowed(May.RESEARCH)]) -> Response:
        drawn, made, _weeks = fairness(figure)
        return research_figures.picture(Reader.for_(desk, request), drawn, made)

    @router.post("/{figure}.csv")
    def file(figure: str, me: Annotated[SignedIn, allowed(May.RESEARCH)]) -> Response:
        return research_figures.file(desk, me, *fairness(figure))

    @router.get("")
    def guards(request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)]) -> Response:
        reader = Reader.for_(desk, request)
        made = [fairness(key) for key in known]
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
            shown=[reader.shown(drawn, figure) for drawn, figure, _ in made],
            period=reader.period(*made[0][2]),
            bounds=BOUNDS,
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
