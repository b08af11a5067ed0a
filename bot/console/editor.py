"""Making a campaign in steps: its card, whom it is for, its words, a check, and when."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from bot import campaigns, mydata, preview
from bot.campaigns import drafts, filled
from bot.campaigns.drafts import OvertakenError
from bot.campaigns.filled import Step
from bot.console import editing
from bot.console.approve import handed_over
from bot.console.desk import Desk, go_to
from bot.console.editing import Editor, Seen
from bot.errors import FaultsError, RefusedError
from bot.staff import SignedIn
from bot.store import ledger

Text = Annotated[str, Form(max_length=200)]
#: Where saving leads to, by the button that was pressed.
NEXT = {
    Step.CARD: "audience", Step.AUDIENCE: "message", Step.MESSAGE: "check", Step.CHECK: "schedule",
    Step.SCHEDULE: "schedule",
}  # fmt: skip
PAGES = {
    Step.CARD: "edit_card.html", Step.AUDIENCE: "edit_audience.html", Step.CHECK: "edit_check.html",
    Step.SCHEDULE: "edit_schedule.html",
}  # fmt: skip


Word = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]


class StepForm(BaseModel):
    """`seen`: the version of the draft that the page was made from; `then`: which button was pressed."""

    seen: int = 0
    then: Word = ""


class AudienceForm(StepForm):
    languages: list[Word] = []
    linked_only: bool = False
    situations: list[Word] = []
    signals: list[Word] = []


class ScheduleForm(StepForm):
    """Everything as it was typed; `campaigns.filled` makes dates and numbers of it."""

    when: Word = ""
    calendar: Word = ""
    date: Word = ""
    month: Word = ""
    day: Word = ""
    first: Word = ""
    until: Word = ""
    waves: Word = ""
    days_between: Word = ""
    hourly_maximum: Word = ""
    learning: Word = ""
    over: bool = False


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/campaigns")
    _begin(desk, router)
    _steps(desk, router)
    _check(desk, router)
    _end(desk, router)
    return router


def _begin(desk: Desk, router: APIRouter) -> None:
    @router.get("/new")
    def ask(request: Request, _: Editor, card: str = "") -> Response:
        return _new(desk, request, title="", card=card)

    @router.post("/new")
    def begin(request: Request, me: Editor, title: Text = "", card: Text = "") -> Response:
        try:
            with desk.writing() as session:
                row = drafts.begin(session, title, card, desk.journey.wording, by=me.login, now=desk.now)
        except RefusedError as error:
            return _new(desk, request, title=title, card=card, status=422, refused=[error])
        return go_to(f"/campaigns/{row.id}/edit/card", "draft_begun")

    @router.get("/{campaign}/edit")
    def enter(request: Request, campaign: str, _: Editor) -> Response:
        with desk.reading() as session:
            if editing.is_begun(session, campaign):
                return go_to(f"/campaigns/{campaign}/edit/card")
            row = campaigns.known(session, campaign)
        return desk.page(request, "edit_begin.html", row=row, file=campaigns.file_of(row))

    @router.post("/{campaign}/edit")
    def edit(campaign: str, me: Editor) -> Response:
        with desk.writing() as session:
            drafts.edit(session, campaign, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{campaign}/edit/card")

    @router.post("/{campaign}/duplicate")
    def duplicate(campaign: str, me: Editor, title: Text = "") -> Response:
        with desk.writing() as session:
            row = drafts.duplicate(session, campaign, title, by=me.login, now=desk.now)
        return go_to(f"/campaigns/{row.id}/edit/card", "draft_copied")


def _steps(desk: Desk, router: APIRouter) -> None:
    @router.get("/{campaign}/edit/card")
    def card(request: Request, campaign: str, _: Editor) -> Response:
        return _step(desk, request, campaign, Step.CARD)

    @router.post("/{campaign}/edit/card")
    def keep_card(
        request: Request, campaign: str, me: Editor, seen: Seen = 0, then: Text = "", title: Text = "", card: Text = ""
    ) -> Response:
        values = {"title": title.strip(), "card": card}
        return _save(desk, request, campaign, Step.CARD, values, me=me, seen=seen, then=then)

    @router.get("/{campaign}/edit/audience")
    def audience(request: Request, campaign: str, _: Editor) -> Response:
        return _step(desk, request, campaign, Step.AUDIENCE)

    @router.post("/{campaign}/edit/audience")
    def keep_audience(request: Request, campaign: str, me: Editor, form: Annotated[AudienceForm, Form()]) -> Response:
        values = form.model_dump(exclude={"seen", "then"})
        return _save(desk, request, campaign, Step.AUDIENCE, values, me=me, seen=form.seen, then=form.then)

    @router.get("/{campaign}/edit/schedule")
    def schedule(request: Request, campaign: str, _: Editor) -> Response:
        return _step(desk, request, campaign, Step.SCHEDULE)

    @router.post("/{campaign}/edit/schedule")
    def keep_schedule(request: Request, campaign: str, me: Editor, form: Annotated[ScheduleForm, Form()]) -> Response:
        values = form.model_dump(exclude={"seen", "then", "over"})
        saved = _save(desk, request, campaign, Step.SCHEDULE, values, me=me, seen=form.seen, then=form.then)
        if form.then not in {"finish", "hand_over"} or saved.status_code != 303:
            return saved
        return _finish(desk, request, campaign, me, over=form.over, hand_over=form.then == "hand_over")


def _check(desk: Desk, router: APIRouter) -> None:
    @router.get("/{campaign}/edit/check")
    def check(request: Request, campaign: str, _: Editor, kind: str = "") -> Response:
        """At once, without counting: the numbers are asked for by the page."""
        return _step(desk, request, campaign, Step.CHECK, kind=kind, counted=None, answer=None, code="")

    @router.get("/{campaign}/edit/check/numbers")
    def numbers(request: Request, campaign: str, _: Editor, kind: str = "") -> Response:
        """The numbers alone for htmx; with the whole page around them for anybody else."""
        with desk.reading() as session:
            counted = editing.counted(desk, session, drafts.found(session, campaign), kind or None)
        if request.headers.get("hx-request"):
            return desk.page(request, "_numbers.html", counted=counted)
        return _step(desk, request, campaign, Step.CHECK, kind=kind, counted=counted, answer=None, code="")

    @router.post("/{campaign}/edit/check/person")
    def person(request: Request, campaign: str, me: Editor, code: Text = "", kind: Text = "") -> Response:
        """Why this one person would get it or not. Looking is audited."""
        try:
            with desk.reading() as session:
                found = editing.person(session, desk.journey.vault, code)
            with desk.writing() as session:
                asked = editing.question(desk, session, drafts.found(session, campaign), kind or None)
                citizen = mydata.person(session, found)
                answer = preview.why_not(session, asked, citizen.id)
                ledger.audit(session, desk.now, me.login, "person.preview", citizen.id, campaign=campaign)
        except RefusedError as error:
            return _step(desk, request, campaign, Step.CHECK, status=422, refused=[error], kind=kind, counted=None,
                         answer=None, code=code)  # fmt: skip
        told = editing.Answer(objection=answer, at=asked.now)
        return _step(desk, request, campaign, Step.CHECK, kind=kind, counted=None, answer=told, code=code)


def _end(desk: Desk, router: APIRouter) -> None:
    @router.post("/{campaign}/edit/finish")
    def finish(request: Request, campaign: str, me: Editor, over: Text = "", hand_over: Text = "") -> Response:
        return _finish(desk, request, campaign, me, over=bool(over), hand_over=bool(hand_over))

    @router.post("/{campaign}/edit/discard")
    def discard(campaign: str, me: Editor) -> Response:
        with desk.writing() as session:
            drafts.discard(session, campaign, by=me.login, now=desk.now)
        return go_to("/campaigns", "draft_discarded")


def _finish(desk: Desk, request: Request, campaign: str, me: SignedIn, *, over: bool, hand_over: bool) -> Response:
    """Made into a campaign; what is in the way is said on the page of the last step."""
    try:
        with desk.writing() as session:
            drafts.finish(session, campaign, desk.journey.wording, by=me.login, now=desk.now, over=over)
    except FaultsError as error:
        return _step(desk, request, campaign, Step.SCHEDULE, status=422, refused=list(error.faults))
    except RefusedError as error:
        return _step(desk, request, campaign, Step.SCHEDULE, status=409, refused=[error])
    if not hand_over:
        return go_to(f"/campaigns/{campaign}", "draft_finished")
    handed_over(desk, campaign, me)
    return go_to(f"/campaigns/{campaign}", "campaign_handed_over")


def _new(
    desk: Desk, request: Request, *, title: str, card: str, status: int = 200, refused: list[RefusedError] | None = None
) -> Response:
    wording = desk.journey.wording
    cards = [wording.cards[one] for one in filled.fit_for_campaigns(wording)]
    return desk.page(
        request, "edit_new.html", status=status, title=title, chosen=card, cards=cards, refused=refused or [],
        themes=wording.themes,
    )  # fmt: skip


def _step(
    desk: Desk,
    request: Request,
    campaign: str,
    step: Step,
    *,
    status: int = 200,
    typed: Mapping[str, Any] | None = None,
    refused: list[Any] | None = None,
    overtaken: OvertakenError | None = None,
    **said: Any,
) -> Response:
    """The page of a step. `typed`: what somebody filled in and could not be saved; else what is kept."""
    with desk.reading() as session:
        row = drafts.found(session, campaign)
        shown = editing.shown(desk, session, row, step, typed)
    return desk.page(
        request, PAGES[step], status=status, step=step, refused=refused or [], overtaken=overtaken,
        theirs=editing.theirs(overtaken), **shown, **said,
    )  # fmt: skip


def _save(
    desk: Desk,
    request: Request,
    campaign: str,
    step: Step,
    values: Mapping[str, Any],
    *,
    me: SignedIn,
    seen: int,
    then: str,
) -> Response:
    try:
        with desk.writing() as session:
            drafts.save(session, campaign, step, values, seen=seen, by=me.login, now=desk.now)
    except OvertakenError as error:
        return _step(desk, request, campaign, step, status=409, typed=values, overtaken=error)
    return go_to(f"/campaigns/{campaign}/edit/{NEXT[step] if then == 'next' else step}", "saved")
