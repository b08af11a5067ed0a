"""The pages for researchers: figures with a finding each, to be looked at by period, campaign, card and language.

Numbers come from `bot.research.figures`, which is loaded when the first of these pages is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import func, select
from sqlmodel import col
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot import campaigns
from bot.console.desk import Desk, allowed
from bot.console.research_pages import BOUNDS, BY_PERSON, PAGES, Drawn, Page
from bot.console.research_shown import Reader
from bot.console.spreadsheet import download
from bot.console.words import N_
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.tables import CampaignRow, ConsentRow

if TYPE_CHECKING:
    from bot.research.figures import Asked, Data, Figure

#: So long the same count is shown. Whoever takes back a consent is out of it at once.
FRESH: Final = timedelta(minutes=5)
#: So many campaigns can be chosen from: those with the newest messages.
CAMPAIGNS: Final = 200
#: So many figures are kept with what they were made of.
FIGURES: Final = 500


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


class Counted:
    """The answers as they were read last, for five minutes; then they are read anew by whoever asks first."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._lock = desk, Lock()
        self._now: Count | None = None

    def now(self) -> "Count":
        from bot.research import figures  # noqa: PLC0415 - polars, which nobody else in the console needs

        now = self._desk.now
        with self._lock, self._desk.reading() as session:
            consents = session.execute(select(func.max(col(ConsentRow.id)))).scalar_one() or 0
            count = self._now
            if count is None or consents != count.consents or not timedelta(0) <= now - count.data.counted_at < FRESH:
                ledger.unhurried(session)
                data = figures.read(session, self._desk.journey.wording.rules.window, now)
                count = self._now = Count(data=data, consents=consents)
            return count


@dataclass(frozen=True, kw_only=True)
class Count:
    """What was read, with the figures that were made of it. `consents`: the newest consent by then."""

    data: "Data"
    consents: int
    made: dict[tuple[str, "Asked"], "Figure"] = field(default_factory=dict)

    def figure(self, key: str, asked: "Asked") -> "Figure":
        from bot.research import figures  # noqa: PLC0415

        if len(self.made) > FIGURES:
            self.made.clear()
        # Two who ask at once make the same figure twice, which harms nobody.
        return self.made.get((key, asked)) or self.made.setdefault((key, asked), figures.made(key, self.data, asked))


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
    desk.areas.add("/research")
    counted = Counted(desk)

    def seen(filters: Filters) -> View:
        return _view(desk, counted.now(), filters)

    @router.get("")
    def overview(
        request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], filters: Annotated[Filters, Depends(_filters)]
    ) -> Response:
        view = seen(filters)
        reader = _reader(desk, request)
        found = [] if view.faults else [
            (page, reader.finding(page.figures[0], view.figure(page.figures[0].key))) for page in PAGES
        ]  # fmt: skip
        return _page(desk, request, "research.html", view, found=found)

    for page in PAGES:
        _add(router, desk, page, seen)
    return router


def _add(router: APIRouter, desk: Desk, page: Page, seen: Callable[[Filters], View]) -> None:
    """The routes of one page: itself, its pictures and its files."""
    known = {drawn.key: drawn for drawn in page.figures}

    def one(
        request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], filters: Annotated[Filters, Depends(_filters)]
    ) -> Response:
        view = seen(filters)
        reader = _reader(desk, request)
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
        drawn, view = _known(known, figure), seen(filters)
        reader = _reader(desk, request)
        made = None if view.faults else view.figure(drawn.key)
        if made is None or drawn.kind == "table" or not reader.marks(drawn, made):
            raise HTTPException(404)
        return Response(reader.svg(drawn, made), media_type="image/svg+xml")

    def file(
        request: Request,
        figure: str,
        me: Annotated[SignedIn, allowed(May.RESEARCH)],
        filters: Annotated[Filters, Depends(_sent_filters)],
    ) -> Response:
        drawn, view = _known(known, figure), seen(filters)
        if view.faults:
            return _page(desk, request, "research.html", view, found=[])
        made = view.figure(drawn.key)
        with desk.writing() as session:
            ledger.audit(
                session, desk.now, me.login, "research.file", drawn.key, rows=len(made.rows), **view.asked.chosen,
                first=view.filters.first, last=view.filters.last,
            )  # fmt: skip
        first, last = view.weeks or (None, None)
        rows = ([first, last, *("" if value is None else value for value in row)] for row in made.rows)
        header = ("first_week", "last_week", *made.columns)
        day = desk.now.astimezone(desk.zone).date()
        return download(f"handreiking-{drawn.key}-{day}.csv", header, rows)

    address = f"/{page.slug}"
    router.add_api_route(address, one, methods=["GET"])
    router.add_api_route(f"{address}/{{figure}}.svg", picture, methods=["GET"])
    router.add_api_route(f"{address}/{{figure}}.csv", file, methods=["POST"])


def _known(known: dict[str, Drawn], figure: str) -> Drawn:
    if figure not in known:
        raise HTTPException(404)
    return known[figure]


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


def _reader(desk: Desk, request: Request) -> Reader:
    somebody: SignedIn = request.state.somebody
    return Reader.of(desk.pages, somebody.language, desk.journey.wording)


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
    reader = _reader(desk, request)
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
