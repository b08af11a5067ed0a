"""Where signals come from: how each source does, its keys, and what of it was refused."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import signals
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.console.spreadsheet import download
from bot.core.facts import Origin
from bot.errors import FaultsError, RefusedError
from bot.signals import Standing
from bot.staff import May, SignedIn

PER_PAGE: Final = 50
#: For how many hours the key before the new one may still open.
OVERLAPS: Final = (0, 24, 72, 168)
_AT_ONCE: Final = 1000
_HEADER: Final = ("moment", "row", "field", "what to mend")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/sources")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        with desk.reading() as session:
            standings = signals.standings(session, desk.now, desk.zone)
        shown = [(one, _cards(desk, one.row.types)) for one in standings]
        return desk.page(request, "sources.html", standings=shown)

    @router.get("/new")
    def ask(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)], name: str = "") -> Response:
        with desk.reading() as session:
            known = signals.standings(session, desk.now, desk.zone, [name]) if name else []
        if not known:
            return _form(desk, request, name=name)
        row = known[0].row
        return _form(desk, request, name=name, types=row.types, legal_basis=row.legal_basis, dpia=row.dpia)

    @router.post("/new")
    def make(
        request: Request,
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        name: Annotated[str, Form(max_length=300)] = "",
        types: Annotated[list[str] | None, Form()] = None,
        legal_basis: Annotated[str, Form(max_length=500)] = "",
        dpia: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        chosen, name = types or [], name.strip()
        try:
            with desk.writing() as session:
                key = signals.new_key(
                    session,
                    name,
                    chosen,
                    by=me.login,
                    now=desk.now,
                    legal_basis=legal_basis.strip(),
                    dpia=dpia.strip(),
                )
        except FaultsError as error:
            told = [overheard(fault, desk.say(request)) for fault in error.faults]
            return _form(desk, request, told, name=name, types=chosen, legal_basis=legal_basis, dpia=dpia)
        return desk.page(request, "key.html", name=name, key=key, old_until=None)

    @router.get("/one")
    def one(
        request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)], name: str = "", before: int = 0
    ) -> Response:
        with desk.reading() as session:
            standing = _standing(desk, session, name)
            found = signals.refused_rows(session, name, before=before or None, limit=PER_PAGE + 1)
        say = desk.say(request)
        lately = [desk.today - timedelta(days=ago) for ago in range(14)]
        return desk.page(
            request,
            "source.html",
            one=standing,
            cards=_cards(desk, standing.row.types),
            lately=[(day, standing.days[day]) for day in lately if day in standing.days],
            refused=[(row, overheard(row.mend, say)) for row in found[:PER_PAGE]],
            older=found[PER_PAGE - 1].id if len(found) > PER_PAGE else None,
            is_first=not before,
            overlaps=OVERLAPS,
            unrecorded=_unrecorded(desk, standing),
        )

    @router.post("/rotate")
    def rotate(
        request: Request,
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        name: Annotated[str, Form(max_length=300)] = "",
        hours: Annotated[int, Form(ge=0, le=24 * 90)] = 24,
    ) -> Response:
        longer = timedelta(hours=hours)
        with desk.writing() as session:
            key = signals.rotate_key(session, name, old_works_for=longer, by=me.login, now=desk.now)
        return desk.page(request, "key.html", name=name, key=key, old_until=desk.now + longer if hours else None)

    @router.post("/revoke")
    def revoke(
        me: Annotated[SignedIn, allowed(May.ADMINISTER)], name: Annotated[str, Form(max_length=300)] = ""
    ) -> Response:
        with desk.writing() as session:
            signals.revoke_key(session, name, by=me.login, now=desk.now)
        return go_to("/administration/sources", "revoked")

    @router.post("/refused")
    def refused(
        request: Request,
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        name: Annotated[str, Form(max_length=300)] = "",
    ) -> Response:
        with desk.writing() as session:
            _standing(desk, session, name)
            signals.note_refused_file(session, name, by=me.login, now=desk.now)
        return download(f"handreiking-refused-{desk.today}.csv", _HEADER, _rows(desk, request, name))

    return router


def _form(desk: Desk, request: Request, faults: Any = (), **filled: Any) -> Response:
    kinds = signals.known_types(card.facts() for card in desk.journey.wording.cards.values())
    given = {"name": "", "types": [], "legal_basis": "", "dpia": ""} | {
        key: value or "" for key, value in filled.items()
    }
    return desk.page(
        request,
        "source_new.html",
        status=422 if faults else 200,
        faults=faults,
        given=given,
        kinds=[
            (kind, origin, _cards(desk, [kind])) for kind, origin in sorted(kinds.items()) if origin is not Origin.SELF
        ],
    )


def _standing(desk: Desk, session: Session, name: str) -> Standing:
    found = signals.standings(session, desk.now, desk.zone, [name])
    if not found:
        raise RefusedError("There is no source {name}.", name=name)
    return found[0]


def _cards(desk: Desk, types: list[str]) -> list[str]:
    """What these types are about: the names of the cards that answer them."""
    cards = desk.journey.wording.cards.values()
    return sorted(card.name for card in cards if any(rule.type in types for rule in card.facts().signals))


def _unrecorded(desk: Desk, standing: Standing) -> bool:
    """Whether it may not hand in what it should, until somebody records why that is lawful."""
    known = signals.known_types(card.facts() for card in desk.journey.wording.cards.values())
    from_register = any(known.get(kind) is Origin.REGISTER for kind in standing.row.types)
    return from_register and not (standing.row.legal_basis and standing.row.dpia)


def _rows(desk: Desk, request: Request, name: str) -> Iterator[list[object]]:
    say, before = desk.say(request), None
    with desk.reading() as session:
        while found := signals.refused_rows(session, name, before=before, limit=_AT_ONCE):
            for row in found:
                yield [row.at.isoformat(timespec="seconds"), row.row, row.name, overheard(row.mend, say)]
            before = found[-1].id
            session.expunge_all()
