"""The pages for researchers: figures with a finding each, to be looked at by period, campaign, card and language.

Numbers come from `bot.research.figures`, which is loaded when the first of these pages is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot import campaigns
from bot.console import research_figures, research_power
from bot.console.desk import Desk, allowed
from bot.console.research_count import Count, Counted
from bot.console.research_pages import BOUNDS, BY_PERSON, PAGES, Page
from bot.console.research_shown import Reader
from bot.console.words import N_
from bot.staff import May, SignedIn
from bot.store.tables import CampaignRow

if TYPE_CHECKING:
    from bot.research.figures import Asked, Data, Figure

#: So many campaigns can be chosen from: those with the newest messages.
CAMPAIGNS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What somebody filled in, word for word."""

    first: str = ""
    last: str = ""
    campaign: str = ""
    card: str = ""
    language: str = ""

    @property
    def query(self) -> str:
        given = {name: getattr(self, name).strip() for name in self.__slots__}
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True, kw_only=True)
class View:
    """What somebody looks at. `weeks`: the first and the last Monday; None: nothing was decided yet."""

    count: Count
    asked: "Asked"
    filters: Filters
    weeks: tuple[date, date] | None
    faults: list[str]

    @property
    def data(self) -> "Data":
        return self.count.data

    def figure(self, key: str) -> "Figure":
        return self.count.figure(key, self.asked)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/research")
    counted = Counted(desk)

    def seen(filters: Filters) -> View:
        return _view(desk, counted.now(), filters)

    @router.get("")
    def overview(
        request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], filters: Annotated[Filters, Depends(_filters)]
    ) -> Response:
        view = seen(filters)
        reader = Reader.for_(desk, request)
        found = [] if view.faults else [
            (page, reader.finding(page.figures[0], view.figure(page.figures[0].key))) for page in PAGES
        ]  # fmt: skip
        return _page(desk, request, "research.html", view, found=found)

    for page in PAGES:
        _add(router, desk, page, seen)
    research_power.add(router, desk, counted)
    return router


def _add(router: APIRouter, desk: Desk, page: Page, seen: Callable[[Filters], View]) -> None:
    """The routes of one page: itself, its pictures and its files."""
    known = {drawn.key: drawn for drawn in page.figures}

    def one(
        request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], filters: Annotated[Filters, Depends(_filters)]
    ) -> Response:
        view = seen(filters)
        reader = Reader.for_(desk, request)
        shown = [] if view.faults else [reader.shown(drawn, view.figure(drawn.key)) for drawn in page.figures]
        told = _versions(reader, view) if page.slug == "policy" and not view.faults else []
        return _page(desk, request, "research_page.html", view, one=page, shown=shown, versions=told, bounds=BOUNDS,
                     by_person=BY_PERSON)  # fmt: skip

    def picture(
        request: Request,
        figure: str,
        _: Annotated[SignedIn, allowed(May.RESEARCH)],
        filters: Annotated[Filters, Depends(_filters)],
    ) -> Response:
        drawn, view = research_figures.known(known, figure), seen(filters)
        if view.faults:
            raise HTTPException(404)
        return research_figures.picture(Reader.for_(desk, request), drawn, view.figure(drawn.key))

    def file(
        request: Request,
        figure: str,
        me: Annotated[SignedIn, allowed(May.RESEARCH)],
        filters: Annotated[Filters, Depends(_sent_filters)],
    ) -> Response:
        drawn, view = research_figures.known(known, figure), seen(filters)
        if view.faults:
            return _page(desk, request, "research.html", view, found=[])
        asked = view.asked.chosen | {"first": view.filters.first, "last": view.filters.last}
        return research_figures.file(desk, me, drawn, view.figure(drawn.key), view.weeks, **asked)

    address = f"/{page.slug}"
    router.add_api_route(address, one, methods=["GET"])
    router.add_api_route(f"{address}/{{figure}}.svg", picture, methods=["GET"])
    router.add_api_route(f"{address}/{{figure}}.csv", file, methods=["POST"])


def _filters(first: str = "", last: str = "", campaign: str = "", card: str = "", language: str = "") -> Filters:
    return Filters(first=first, last=last, campaign=campaign, card=card, language=language)


def _sent_filters(
    first: Annotated[str, Form(max_length=10)] = "",
    last: Annotated[str, Form(max_length=10)] = "",
    campaign: Annotated[str, Form(max_length=200)] = "",
    card: Annotated[str, Form(max_length=200)] = "",
    language: Annotated[str, Form(max_length=20)] = "",
) -> Filters:
    return Filters(first=first, last=last, campaign=campaign, card=card, language=language)


def _view(desk: Desk, count: Count, filters: Filters) -> View:
    """What is asked for, with everything of it that cannot be."""
    from bot.research.figures import Asked, monday  # noqa: PLC0415

    data, faults = count.data, []
    days: dict[str, date | None] = {"first": None, "last": None}
    for name, value in (("first", filters.first), ("last", filters.last)):
        try:
            days[name] = monday(date.fromisoformat(value)) if value else None
        except (ValueError, OverflowError):
            faults.append(N_("A day is written as year-month-day, such as 2026-11-22."))
    first, last = days["first"], days["last"]
    if first and last and last < first:
        faults.append(N_("The last week is before the first one. Choose a later last day."))
    wording = desk.journey.wording
    if filters.campaign:
        with desk.reading() as session:
            if session.get(CampaignRow, filters.campaign) is None:
                faults.append(N_("There is no such campaign. Choose one from the list."))
    if filters.card and filters.card not in wording.cards and filters.card not in set(data.decisions["card"]):
        faults.append(N_("There is no such card. Choose one from the list."))
    if filters.language and filters.language not in wording.languages:
        faults.append(N_("There is no such language. Choose one from the list."))
    asked = Asked(
        first=first,
        last=last,
        campaign=filters.campaign or None,
        card=filters.card or None,
        language=filters.language or None,
    )
    known = data.weeks
    weeks = None if known is None else (first or known[0], last or known[1])
    return View(count=count, asked=asked, filters=filters, weeks=weeks, faults=list(dict.fromkeys(faults)))


def _page(desk: Desk, request: Request, template: str, view: View, **said: Any) -> Response:
    reader = Reader.for_(desk, request)
    ids = view.data.decisions.group_by("campaign").len().sort("len", "campaign", descending=True)["campaign"]
    chosen = [view.filters.campaign] if view.filters.campaign else []
    with desk.reading() as session:
        titles = campaigns.titles(session, {*ids.head(CAMPAIGNS), *chosen})
    known = desk.journey.wording.cards
    looked_at = {*view.data.decisions["card"], *([view.filters.card] if view.filters.card else [])}
    cards = {card: known[card].name if card in known else card for card in looked_at}
    languages = sorted({*view.data.decisions["language"]} & set(desk.journey.wording.languages))
    return desk.page(
        request,
        template,
        status=422 if view.faults else 200,
        filters=view.filters,
        query=f"?{view.filters.query}" if view.filters.query else "",
        faults=view.faults,
        period=reader.period(*view.weeks) if view.weeks and not view.faults else None,
        counted_at=view.data.counted_at,
        titles=sorted(titles.items(), key=lambda pair: pair[1].casefold()),
        cards=sorted(cards.items(), key=lambda pair: str(pair[1]).casefold()),
        languages=languages,
        pages=PAGES,
        **said,
    )


def _versions(reader: Reader, view: View) -> list[dict[str, Any]]:
    """Each policy version of the period in words, the newest first."""
    from bot.research import figures  # noqa: PLC0415

    found = []
    for version, changes in figures.changes(view.data, view.data.within(view.asked)):
        told = [reader.changed(change) for change in changes]
        found.append({"version": version.version[:10], "at": version.created_at, "changes": told})
    return found
