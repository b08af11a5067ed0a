"""One talk with somebody who asked for contact: read, answered, noted, handed over and closed.

People are told that only who helps them reads what they write. So a talk is shown to whose request it is, and to
nobody else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Path, Request
from pydantic import BaseModel, field_validator
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bot import contacts, mydata
from bot.console import contact_words as words
from bot.console.desk import Desk, allowed, go_to
from bot.contacts import ELSEWHERE, ClosedError, Line, Outcome, Signature, TakenError
from bot.errors import RefusedError
from bot.staff import May, SignedIn
from bot.store.tables import CitizenRow, ContactRequestRow, MessageRow

#: So long an open page looks for new messages by itself; a screen that was left open stops asking.
LOOKS_FOR: Final = timedelta(minutes=20)

Number = Annotated[int, Path(ge=0, lt=2**63)]


class Written(BaseModel):
    """Everything that stands in the fields of the page, so that no deed loses what was typed for another."""

    text: str = ""
    note: str = ""
    word: str = ""  # for the colleague to whom it is handed over
    to: str = ""
    outcome: str = ""
    place: str = ""
    standard: str = ""
    after: int = 0

    @field_validator("text", "note", "word")
    @classmethod
    def _lines_end_alike(cls, value: str) -> str:
        return value.replace("\r\n", "\n")

    @property
    def unsent(self) -> bool:
        return bool(self.text.strip() or self.note.strip())


Form_ = Annotated[Written, Form()]
Mine = Annotated[SignedIn, allowed(May.ANSWER_PEOPLE)]
Looking = Annotated[SignedIn, allowed(May.SEE_REQUESTS)]


@dataclass(kw_only=True)
class Shown:
    """What one look at a talk has besides the request itself."""

    written: Written = field(default_factory=Written)
    fault: RefusedError | None = None
    number: str | None = field(default=None, repr=False)
    done: str | None = None


def add_routes(router: APIRouter, desk: Desk) -> None:
    _looks(router, desk)
    _deeds(router, desk)


def _looks(router: APIRouter, desk: Desk) -> None:
    wording = desk.journey.wording

    @router.get("/{number}")
    def talk(request: Request, number: Number, me: Looking) -> Response:
        return _page(desk, request, number, me, Shown())

    @router.get("/{number}/lines")
    def lines(request: Request, number: Number, me: Looking, seen: str = "", until: datetime | None = None) -> Response:
        """The part of the page that changes while somebody writes; it asks for itself again until it is over."""
        with desk.reading() as session:
            mine = contacts.is_theirs(_known(session, number), me.login, desk.now)
            alive = until is not None and until.tzinfo is not None and desk.now < until
            same = mine and contacts.stamp(session, number) == seen
        if same and alive:
            return Response(status_code=204)
        said = _thread(desk, number, me, until=until if alive else None)
        return desk.page(request, "_thread.html", **said)

    @router.post("/{number}/draft")
    def draft(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        """How a reply will look, and a standard reply put into it. Nothing is kept."""
        with desk.reading() as session:
            language = _citizen(session, _known(session, number)).language
        if written.standard in wording.replies:
            inserted = wording.say(f"standard.{written.standard}", language)
            written.text = "\n\n".join(part for part in (written.text.rstrip(), inserted) if part)
        elif request.headers.get("hx-request"):
            preview = _preview(desk, language, written.text, me)
            return desk.page(request, "_reply_preview.html", preview=preview, tongue=language)
        return _page(desk, request, number, me, Shown(written=written))


def _deeds(router: APIRouter, desk: Desk) -> None:
    wording, vault = desk.journey.wording, desk.journey.vault

    def doing(
        request: Request, number: int, me: SignedIn, written: Written, deed: Callable[[Session], object], then: Response
    ) -> Response:
        try:
            with desk.writing() as session:
                deed(session)
        except RefusedError as refused:
            return _page(desk, request, number, me, Shown(written=written, fault=refused))
        return then

    @router.post("/{number}/claim")
    def claim(request: Request, number: Number, me: Mine) -> Response:
        def deed(session: Session) -> None:
            contacts.claim(session, wording, number, by=me.login, now=desk.now)

        return doing(request, number, me, Written(), deed, go_to(f"/contact/{number}", "claimed"))

    @router.post("/{number}/reply")
    def reply(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        try:
            with desk.writing() as session:
                contacts.reply(
                    session, wording, vault, number, written.text, signed=_signature(me), now=desk.now,
                    after=written.after,
                )  # fmt: skip
        except RefusedError as refused:
            return _page(desk, request, number, me, Shown(written=written, fault=refused))
        desk.journey.on_queued()
        if written.note.strip():  # it stays in its field
            return _page(desk, request, number, me, Shown(written=Written(note=written.note), done="replied"))
        return go_to(f"/contact/{number}", "replied")

    @router.post("/{number}/note")
    def note(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        try:
            with desk.writing() as session:
                contacts.note(session, wording, vault, number, written.note, by=me.login, now=desk.now)
        except RefusedError as refused:
            return _page(desk, request, number, me, Shown(written=written, fault=refused))
        if written.text.strip():
            return _page(desk, request, number, me, Shown(written=Written(text=written.text), done="noted"))
        return go_to(f"/contact/{number}", "noted")

    @router.post("/{number}/phone")
    def phone(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        """The number is in this answer only: an address that shows it could be opened again unseen."""
        try:
            with desk.writing() as session:
                shown = contacts.phone(session, wording, vault, number, by=me.login, now=desk.now)
        except RefusedError as refused:
            return _page(desk, request, number, me, Shown(written=written, fault=refused))
        return _page(desk, request, number, me, Shown(written=written, number=shown))

    @router.post("/{number}/give-back")
    def give_back(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        def deed(session: Session) -> None:
            _nothing_unsent(written)
            contacts.give_back(session, number, by=me.login, now=desk.now)

        return doing(request, number, me, written, deed, go_to("/contact", "given_back"))

    @router.post("/{number}/hand-over")
    def hand_over(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        def deed(session: Session) -> None:
            _nothing_unsent(written)
            if not written.to:
                raise RefusedError("Choose the colleague to whom you hand it over.")
            if written.word.strip():
                contacts.note(session, wording, vault, number, written.word, by=me.login, now=desk.now)
            contacts.hand_over(session, wording, number, to=written.to, by=me.login, now=desk.now)

        return doing(request, number, me, written, deed, go_to("/contact", "handed_over"))

    @router.post("/{number}/done")
    def done(request: Request, number: Number, me: Mine, written: Form_) -> Response:
        def deed(session: Session) -> None:
            _nothing_unsent(written)
            if written.outcome not in set(Outcome):
                raise RefusedError("Say what came of it.")
            contacts.done(
                session, wording, number, by=me.login, now=desk.now, outcome=Outcome(written.outcome),
                referred_to=written.place or None,
            )  # fmt: skip

        answer = doing(request, number, me, written, deed, go_to("/contact", "contact_closed"))
        desk.journey.on_queued()
        return answer


def _page(desk: Desk, request: Request, number: int, me: SignedIn, shown: Shown) -> Response:
    """The page of one request. What cannot be done is told with everything that was typed still there."""
    said = _thread(desk, number, me, until=desk.now + LOOKS_FOR)
    with desk.reading() as session:
        said |= _context(desk, session, number, me, shown)
    said["fault"] = None
    status = 200
    if shown.fault is not None:
        said["fault"] = desk.told(request, shown.fault)
        status = 409 if isinstance(shown.fault, TakenError | ClosedError) else 422
    return desk.page(request, "talk.html", status=status, told=shown.done, **said)


def _thread(desk: Desk, number: int, me: SignedIn, *, until: datetime | None) -> dict[str, Any]:
    """What was said, for whose request it is; this is the look that is audited."""
    wording = desk.journey.wording
    lines: Sequence[Line] = ()
    with desk.writing() as session:
        row = _known(session, number)
        mine = contacts.is_theirs(row, me.login, desk.now)
        if mine:
            lines = contacts.lines(session, wording, desk.journey.vault, number, by=me.login, now=desk.now)
        stamp = contacts.stamp(session, number)
        called = contacts.names(session, [line.by for line in lines])
        language = _citizen(session, row).language
    return {
        "row": row,
        "mine": mine,
        "next": words.NEXT[_next(row, lines)],
        "lines": lines,
        "called": called,
        "stamp": stamp,
        "until": until,
        "tongue": language,
        "delivery": words.DELIVERY,
        "undelivered": words.UNDELIVERED,
    }


def _context(desk: Desk, session: Session, number: int, me: SignedIn, shown: Shown) -> dict[str, Any]:
    wording = desk.journey.wording
    row = _known(session, number)
    citizen = _citizen(session, row)
    about = None if row.message_id is None else session.get(MessageRow, row.message_id)
    names = contacts.names(session, [row.claimed_by, row.handed_by])
    is_open = row.state in {"open", "talking"}
    return {
        "is_open": is_open,
        "is_free": is_open and (row.claimed_by is None or contacts.lapsed(row, desk.now)),
        "owner": None if row.claimed_by is None else names[row.claimed_by],
        "due": contacts.due(row),
        "today": desk.today,
        "code": mydata.code_of(desk.journey.vault, citizen.id),
        "ways": words.WAYS,
        "dayparts": words.DAYPARTS,
        "outcomes": words.OUTCOMES,
        "card": None if row.card is None else wording.cards.get(row.card),
        "about": about,
        "had_read": _had_read(desk, about),
        "left": citizen.standing if citizen.stopped_at == row.closed_at else None,
        "phone": shown.number,
        "has_phone": row.phone_sealed is not None,
        "written": shown.written,
        "preview": _preview(desk, citizen.language, shown.written.text, me),
        "standard": _standard(desk, citizen.language),
        "colleagues": contacts.colleagues(session, me.login),
        "places": contacts.places(wording),
        "elsewhere": ELSEWHERE,
        "longest": contacts.LONGEST_REPLY,
        "hours": wording.municipality.claim_working_hours,
    }


def _next(row: ContactRequestRow, lines: Sequence[Line]) -> str:
    """What there is to do, by its name in `words.NEXT`."""
    said = [line for line in lines if not line.is_note]
    if said and said[-1].delivery in words.UNDELIVERED:
        return "lost"
    if row.state != "talking":
        return row.how
    return "theirs" if row.waiting_since is None else "wrote"


def _had_read(desk: Desk, about: MessageRow | None) -> str | None:
    """The words of the message that somebody asked for contact after."""
    if about is None or about.variant is None or not desk.journey.wording.has(about.variant):
        return None
    return desk.journey.wording.say(about.variant, about.language or "nl")


def _preview(desk: Desk, language: str, text: str, me: SignedIn) -> str:
    return contacts.as_sent(desk.journey.wording, language, text.strip() or "…", _signature(me))


def _standard(desk: Desk, language: str) -> list[dict[str, Any]]:
    """The standard replies, in the person's language where there is a translation, each with its Dutch."""
    wording = desk.journey.wording
    return [
        {
            "id": name,
            "title": title,
            "text": wording.say(f"standard.{name}", language),
            "dutch": wording.say(f"standard.{name}", "nl"),
            "language": language if wording.speaks(f"standard.{name}", language) else "nl",
        }
        for name, title in wording.replies.items()
    ]


def _signature(me: SignedIn) -> Signature:
    """Citizens get a first name and the team."""
    return Signature(name=me.name.split()[0], team=me.team, by=me.login)


def _nothing_unsent(written: Written) -> None:
    """Raises RefusedError while something stands in a field that this deed would lose."""
    if written.unsent:
        raise RefusedError("There is a reply or a note that you have not sent or kept yet. Do that first, or empty it.")


def _known(session: Session, number: int) -> ContactRequestRow:
    row = session.get(ContactRequestRow, number)
    if row is None:
        raise HTTPException(404)
    return row


def _citizen(session: Session, row: ContactRequestRow) -> CitizenRow:
    citizen = session.get(CitizenRow, row.citizen_id)
    assert citizen is not None
    return citizen
