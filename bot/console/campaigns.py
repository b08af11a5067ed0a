"""Campaigns: all of them, and one of them with how it goes and what may be done with it now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns, guarding, staff
from bot.campaigns import Ready, Sort, State, drafts, funnel
from bot.console import failures, sentences
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.core import pace
from bot.errors import RefusedError
from bot.staff import May, SignedIn
from bot.store import conversation, ledger
from bot.store.ledger import Figures
from bot.store.tables import AuditRow, CampaignRow
from bot.wording import Wording

PER_PAGE: Final = 25
#: So many deeds and messages are told on the page of a campaign; the audit trail has the others.
TOLD: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What somebody looks for, as it stands in the address."""

    name: str = ""
    state: str = ""
    card: str = ""
    mine: str = ""
    sort: str = ""

    @property
    def query(self) -> str:
        given = {name: getattr(self, name) for name in self.__slots__}
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def narrow(self) -> bool:
        """Whether anything but the order is asked for."""
        return bool(self.name or self.state or self.card or self.mine)

    def wanted(self, me: SignedIn) -> campaigns.Wanted:
        ready = self.state if self.state in set(Ready) else ""
        return campaigns.Wanted(
            text=self.name.strip(),
            state="" if ready else self.state,
            card=self.card,
            by=me.login if self.mine else "",
            ready=ready,
            sort=self.sort if self.sort in set(Sort) else Sort.STATE,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One campaign in the list. `mark`: what is to be known beside its state."""

    row: CampaignRow
    title: str
    figures: Figures
    editors: tuple[str, ...]
    mark: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Something that somebody did with the campaign, as a sentence."""

    at: datetime
    said: str


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/campaigns")
    desk.areas.add("/campaigns")

    @router.get("")
    def overview(
        request: Request,
        me: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)],
        name: str = "",
        state: str = "",
        card: str = "",
        mine: str = "",
        sort: str = "",
        page: int = 1,
    ) -> Response:
        filters = Filters(name=name, state=state, card=card, mine=mine, sort=sort)
        number = max(1, page)
        with desk.reading() as session:
            rows, count = campaigns.search(session, filters.wanted(me), limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
            lines = list(_lines(desk, session, rows))
            cards, people = campaigns.cards(session), staff.names(session)
            writing = drafts.listing(session, limit=PER_PAGE) if me.may(May.EDIT_CAMPAIGNS) and number == 1 else []
        return desk.page(
            request,
            "campaigns.html",
            lines=lines,
            count=count,
            writing=writing,
            people=people,
            filters=filters,
            states=campaigns.ORDER,
            cards=[(one, desk.journey.wording.cards[one].name) for one in cards if one in desk.journey.wording.cards],
            number=number,
            pages=-(-count // PER_PAGE),
        )

    @router.get("/{campaign}")
    def one(request: Request, campaign: str, me: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        with desk.reading() as session:
            row = campaigns.known(session, campaign)
            shown = _progress(desk, session, row) | _whole(desk, session, request, row, me)
        return desk.page(request, "campaign.html", **shown, faults=[], because="")

    @router.get("/{campaign}/progress")
    def progress(request: Request, campaign: str, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        """The part of the page that changes while it runs; it asks for itself again until it is over."""
        with desk.reading() as session:
            shown = _progress(desk, session, campaigns.known(session, campaign))
        return desk.page(request, "_progress.html", **shown)

    @router.post("/{campaign}/start")
    def start(campaign: str, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)]) -> Response:
        with desk.writing() as session:
            campaigns.start(session, campaign, desk.journey.wording, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}", "started")

    @router.post("/{campaign}/pause")
    def pause(
        request: Request,
        campaign: str,
        me: Annotated[SignedIn, allowed(May.HALT)],
        because: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        try:
            with desk.writing() as session:
                campaigns.pause(session, campaign, because, by=me.login, now=desk.now)
        except RefusedError as error:
            with desk.reading() as session:
                row = campaigns.known(session, campaign)
                if row.state != State.RUNNING:
                    raise
                shown = _progress(desk, session, row) | _whole(desk, session, request, row, me)
            sentence = desk.pages.say(me.language, error.sentence, error.values)
            return desk.page(request, "campaign.html", status=422, **shown, faults=[sentence], because=because)
        return go_to(f"/campaigns/{campaign}", "paused")

    @router.get("/{campaign}/stop")
    def before_stop(request: Request, campaign: str, _: Annotated[SignedIn, allowed(May.HALT)]) -> Response:
        """What stopping means, before it is done: it cannot be taken back."""
        with desk.reading() as session:
            row = campaigns.known(session, campaign)
            figures = ledger.figures(session, [row.id])[row.id]
            states, _reasons = ledger.standing(session, row.id)
        waiting = _on_the_way(figures) + states["open"]
        over = row.state in {State.STOPPED, State.FINISHED}
        return desk.page(request, "stop.html", row=row, title=row.definition["title"], figures=figures,
                         waiting=waiting, over=over)  # fmt: skip

    @router.post("/{campaign}/stop")
    def stop(campaign: str, me: Annotated[SignedIn, allowed(May.HALT)]) -> Response:
        with desk.writing() as session:
            campaigns.stop(session, campaign, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}", "stopped")

    return router


def mark_of(desk: Desk, row: CampaignRow) -> str | None:
    """What is to be known of a campaign beside its state."""
    if row.returned_at is not None:
        return "sent_back"
    if row.handed_over_at is not None:
        return "handed_over"
    if row.approved_hash is not None and campaigns.is_open(row, desk.journey.wording):
        return "changed"
    return None


def sets_off(row: CampaignRow, wording: Wording) -> list[str]:
    """What sets it off, in the words of its card."""
    file, card = campaigns.file_of(row), wording.cards.get(row.card)
    meanings = {} if card is None else {signal.type: signal.meaning for signal in card.signals}
    kinds = [*file.trigger.signals, *([file.trigger.calendar] if file.trigger.calendar else [])]
    return [meanings.get(kind, kind) for kind in kinds]


def _lines(desk: Desk, session: Session, rows: Any) -> Iterator[Line]:
    """One page of the list; what it shows of many is asked once for all."""
    ids = [row.id for row in rows]
    figures, editors, people = ledger.figures(session, ids), ledger.editors(session, ids), staff.names(session)
    for row in rows:
        yield Line(
            row=row,
            title=row.definition["title"],
            figures=figures[row.id],
            editors=tuple(sorted(people.get(one, one) for one in editors[row.id])),
            mark=mark_of(desk, row),
        )


def _progress(desk: Desk, session: Session, row: CampaignRow) -> dict[str, Any]:
    """What changes by itself: the numbers, and where it stands."""
    figures = ledger.figures(session, [row.id])[row.id]
    states, reasons = ledger.standing(session, row.id)
    waiting = _on_the_way(figures)
    running = row.state == State.RUNNING
    left = None
    if running and waiting:
        wording = desk.journey.wording
        hourly = min(campaigns.file_of(row).hourly_maximum, int(desk.rate_per_s * 3600))
        zone, rules = wording.municipality.zone, wording.rules
        left = pace.spread([(desk.now, waiting)], hourly, zone, rules, closes=row.ends_at)
    departed = figures.sent + figures.messages["failed"]
    return {
        "row": row,
        "figures": figures,
        "waiting": waiting,
        "undecided": states["open"],
        "departed": departed,
        "quarter": 25 * (4 * departed // (departed + waiting)) if departed + waiting else 0,
        "reasons": [(reason, count) for reason, count in reasons.most_common() if reason not in failures.ENDS],
        "failed": failures.in_words(figures.failures),
        "uncertain": ledger.uncertain(session, row.id, TOLD) if figures.messages["uncertain"] else [],
        "left": left,
        "alive": running and row.starts_at <= desk.now < row.ends_at,
    }


def _on_the_way(figures: Figures) -> int:
    return sum(figures.messages[state] for state in ledger.ON_THE_WAY)


def _guard(desk: Desk, session: Session, row: CampaignRow) -> guarding.Watched | None:
    """What the guard counted of it; None before its first message."""
    known = (one for one in guarding.standing(session, desk.journey.wording) if one.kind == "campaign")
    return next((one for one in known if one.id == row.id), None)


def _whole(desk: Desk, session: Session, request: Request, row: CampaignRow, me: SignedIn) -> dict[str, Any]:
    wording = desk.journey.wording
    editors = ledger.editors(session, [row.id])[row.id]
    people = staff.names(session)
    return {
        "file": campaigns.file_of(row),
        "card": wording.cards.get(row.card),
        "editors": sorted(people.get(one, one) for one in editors),
        "people": people,
        "is_open": campaigns.is_open(row, wording),
        "last": campaigns.last_approval(session, row.id),
        "frozen": funnel.frozen(session, row.id),
        "is_editor": campaigns.among(me.login, editors),
        "mark": mark_of(desk, row),
        "sets_off": sets_off(row, wording),
        "because_of": overheard(row.paused_because or "", desk.say(request)),
        "guard": _guard(desk, session, row),
        "paused_texts": [
            (known, overheard(value["because"], desk.say(request)))
            for known, value in conversation.paused_variants(session).items()
            if known in row.definition["variants"]
        ],
        "deeds": list(_deeds(desk, session, request, row, people)),
    }


def _deeds(desk: Desk, session: Session, request: Request, row: CampaignRow, people: dict[str, str]) -> Iterator[Deed]:
    """What was done with it, newest first."""
    say, title = desk.say(request), row.definition["title"]
    rows = ledger.deeds(session, ledger.Wanted(subjects=[row.id]), limit=TOLD)
    for deed in rows:
        if sentences.area_of(deed.action) == "campaign":
            yield Deed(at=deed.at, said=_said(deed, title, people, say))


def _said(deed: AuditRow, title: str, people: dict[str, str], say: Any) -> str:
    who = say(sentences.SOMEBODY[deed.who]) if deed.who in sentences.SOMEBODY else people.get(deed.who, deed.who)
    return sentences.sentence(deed.action, deed.detail, who=who, subject=f"“{title}”", say=say)
