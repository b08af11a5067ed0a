"""Changes of texts that wait for somebody else, those that were decided, and what a new version changed."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns, library, staff
from bot.console import fields
from bot.console.desk import Desk, allowed, go_to
from bot.console.text_pages import SENDER, SENDER_FILE
from bot.console.words import N_
from bot.errors import FaultsError
from bot.library import State
from bot.staff import May, SignedIn

STATES: Final = {
    State.PROPOSED: N_("waits for somebody else"),
    State.APPROVED: N_("counts"),
    State.RETURNED: N_("sent back"),
    State.WITHDRAWN: N_("withdrawn"),
}


def routes(desk: Desk) -> APIRouter:
    """They stand under /cards too, and before its pages: these words are no cards."""
    router = APIRouter(prefix="/cards")

    @router.get("/changes")
    def changes(request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], state: str = "") -> Response:
        with desk.reading() as session:
            listed = library.listing(session, state=state if state in set(State) else "")
            odd = library.conflicts(session, desk.journey.shelf.files)
            people = staff.names(session)
        return desk.page(
            request,
            "text_changes.html",
            listed=listed,
            state=state,
            states=STATES,
            odd=odd,
            place=library.place,
            people=people,
        )

    @router.get("/changes/{proposal}")
    def change(request: Request, proposal: int, me: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        with desk.reading() as session:
            return _change(desk, request, session, proposal, me)

    @router.post("/changes/{proposal}/approve")
    def approve(
        request: Request,
        proposal: int,
        me: Annotated[SignedIn, allowed(May.APPROVE)],
        seen: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        files = desk.journey.shelf.files
        with desk.reading() as session:  # what takes long is found, and kept, before anybody has to wait for it
            library.judge(session, files, proposal, now=desk.now, approver=me.login)
        try:
            with desk.writing() as session:
                library.approve(session, files, proposal, by=me.login, now=desk.now, seen=seen or None)
        except FaultsError as error:
            with desk.reading() as session:
                return _change(desk, request, session, proposal, me, faults=error.faults)
        desk.journey.take_up()
        return go_to(f"/cards/changes/{proposal}", "text_approved")

    @router.post("/changes/{proposal}/return")
    def send_back(
        proposal: int,
        me: Annotated[SignedIn, allowed(May.APPROVE)],
        because: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:
        with desk.writing() as session:
            library.send_back(session, proposal, because, by=me.login, now=desk.now)
        return go_to(f"/cards/changes/{proposal}", "text_returned")

    @router.post("/changes/{proposal}/withdraw")
    def withdraw(proposal: int, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)]) -> Response:
        with desk.writing() as session:
            library.withdraw(session, proposal, by=me.login, now=desk.now)
        return go_to(f"/cards/changes/{proposal}", "text_withdrawn")

    @router.post("/keep")
    def keep(
        me: Annotated[SignedIn, allowed(May.APPROVE)], path: Annotated[str, Form(max_length=200)] = ""
    ) -> Response:
        """A new version changed the file, and the approved text counts on all the same."""
        with desk.writing() as session:
            library.keep_ours(session, desk.journey.shelf.files, path, by=me.login, now=desk.now)
        return go_to("/cards/changes", "text_kept")

    @router.post("/take")
    def take(
        me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)],
        path: Annotated[str, Form(max_length=200)] = "",
        both: Annotated[str, Form(max_length=5)] = "",
    ) -> Response:
        """Propose the file of the new version, or both changes together."""
        with desk.writing() as session:
            files = desk.journey.shelf.files
            make = library.take_both if both else library.take_file
            row = make(session, files, path, by=me.login, now=desk.now)
        return go_to(f"/cards/changes/{row.id}", "text_proposed")

    return router


def _change(
    desk: Desk, request: Request, session: Session, proposal: int, me: SignedIn, *, faults: Sequence[str] = ()
) -> Response:
    judged = library.judge(session, desk.journey.shelf.files, proposal, now=desk.now)
    row = judged.row
    decided = row.state != State.PROPOSED
    changed = library.changed_by(session, proposal) if decided else [
        (path, judged.before[path], judged.after[path]) for path in sorted(judged.after)
    ]  # fmt: skip
    titles = campaigns.titles(session, judged.voids) if judged.voids else {}
    people = staff.names(session)
    return desk.page(
        request,
        "text_change_seen.html",
        status=422 if faults else 200,
        row=row,
        people=people,
        catalogue=lambda path: None if (found := library.LOCALE.fullmatch(path)) is None else found[1],
        state=STATES[State(row.state)],
        mine=campaigns.among(me.login, [row.proposed_by]),
        decided=decided,
        faults=tuple(faults) or (() if decided else judged.faults),
        files=[
            (path, library.place(path), library.differences_of(path, before, after), library.lines(before, after))
            for path, before, after in sorted(changed, key=lambda one: (one[0].startswith("locale/"), one[0]))
        ],
        voids=[] if decided else [(campaign, titles.get(campaign, campaign)) for campaign in judged.voids],
        seal=judged.seal,
        field=_called,
    )


def _called(path: str, name: str) -> str:
    """What staff call a value; the program's own name for what has no other."""
    if path.startswith("services/"):
        return fields.CARD.get(name, name)
    if name.startswith("card."):
        part = name.rpartition(".")[2]
        return fields.CARD.get(part) or fields.CARD.get(f"wanted.{part}", name)
    return next((field.label for field in SENDER if path == SENDER_FILE and field.name == name), name)
