"""“You said, we did”: the monthly note, drafted from the data, changed by people, agreed to by two."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import notes, staff
from bot.console.desk import Desk, Filled, allowed, go_to
from bot.errors import FaultsError, RefusedError
from bot.staff import May, SignedIn

_ADDED = "add."
MONTHS: Final = 12


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/cards/notes")

    @router.get("")
    def listing(request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        return _listing(desk, request)

    @router.post("")
    def begin(
        request: Request,
        me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)],
        month: Annotated[str, Form(max_length=7)] = "",
    ) -> Response:
        try:
            with desk.writing() as session:
                notes.begin(session, desk.journey.wording, month, by=me.login, now=desk.now)
        except RefusedError as error:
            return _listing(desk, request, month=month, told=[desk.pages.told(me.language, error)])
        return go_to(f"/cards/notes/{month}", "note_drafted")

    @router.get("/{month}")
    def one(request: Request, me: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], month: str) -> Response:
        return _one(desk, request, me, month)

    @router.post("/{month}")
    def save(
        request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], month: str, form: Filled
    ) -> Response:
        keys = [str(key) for key in form.getlist("keys")]
        additions = {
            name.removeprefix(_ADDED): str(text).replace("\r\n", "\n")
            for name, text in form.items()
            if name.startswith(_ADDED)
        }
        try:
            with desk.writing() as session:
                notes.save(
                    session, desk.journey.wording, month, keys=keys, additions=additions, by=me.login, now=desk.now
                )
        except FaultsError as error:
            return _one(desk, request, me, month, told=list(error.faults), additions=additions, keys=keys)
        except RefusedError as error:
            told = [desk.pages.told(me.language, error)]
            return _one(desk, request, me, month, told=told, additions=additions, keys=keys)
        return go_to(f"/cards/notes/{month}", "saved")

    @router.post("/{month}/offer")
    def offer(me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], month: str) -> Response:
        with desk.writing() as session:
            notes.offer(session, desk.journey.wording, month, by=me.login, now=desk.now)
        return go_to(f"/cards/notes/{month}", "note_offered")

    @router.post("/{month}/agree")
    def agree(
        me: Annotated[SignedIn, allowed(May.APPROVE)], month: str, seen: Annotated[str, Form(max_length=64)] = ""
    ) -> Response:
        with desk.writing() as session:
            notes.agree(session, desk.journey.wording, month, by=me.login, seen=seen, now=desk.now)
        desk.journey.on_queued()
        return go_to(f"/cards/notes/{month}", "note_agreed")

    router.post("/{month}/return")(_for_a_reason(desk, May.APPROVE, notes.reopen, "note_returned"))
    router.post("/{month}/take-back")(_for_a_reason(desk, May.HALT, notes.take_back, "note_taken_back"))
    return router


def _for_a_reason(desk: Desk, may: May, deed: Callable[..., object], said: str) -> Callable[..., Response]:
    """What takes a note out of its course; without a reason it is refused, and the page says so."""

    def answer(
        request: Request,
        me: Annotated[SignedIn, allowed(may)],
        month: str,
        because: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        try:
            with desk.writing() as session:
                deed(session, desk.journey.wording, month, because, by=me.login, now=desk.now)
        except RefusedError as error:
            return _one(desk, request, me, month, told=[desk.pages.told(me.language, error)])
        return go_to(f"/cards/notes/{month}", said)

    return answer


def _listing(desk: Desk, request: Request, *, month: str | None = None, told: list[str] | None = None) -> Response:
    today = desk.now.astimezone(desk.zone).date()
    with desk.reading() as session:
        found = [(note, notes.reach(session, note.month)) for note in notes.listing(session, desk.journey.wording)]
        people = staff.names(session)
    months = [notes.month_before(today)]
    while len(months) < MONTHS:
        months.append(notes.month_before(date.fromisoformat(f"{months[-1]}-01")))
    return desk.page(
        request,
        "notes.html",
        status=422 if told else 200,
        faults=told or [],
        found=found,
        month=month,
        months=months,
        people=people,
    )


def _one(
    desk: Desk,
    request: Request,
    me: SignedIn,
    month: str,
    *,
    told: list[str] | None = None,
    additions: dict[str, str] | None = None,
    keys: list[str] | None = None,
) -> Response:
    wording = desk.journey.wording
    with desk.reading() as session:
        note = notes.known(session, wording, month)
        returned = None if note.offered_by else notes.returned(session, month)
        reach = notes.reach(session, month)
        people = staff.names(session)
    first, last = notes.span(month)
    return desk.page(
        request,
        "note.html",
        status=422 if told else 200,
        faults=told or [],
        note=note,
        returned=returned,
        reach=reach,
        first=first,
        last=last,
        additions=dict(note.additions) if additions is None else additions,
        kept=[line.key for line in note.lines if line.told] if keys is None else keys,
        sentences={line.key: wording.say(f"notes.{line.key}", "nl", dict(line.params)) for line in note.lines},
        languages=wording.languages,
        mine=me.login in note.written_by,
        people=people,
    )
