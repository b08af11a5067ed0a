"""People who asked for contact: the queue."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import contacts, mydata
from bot.console import contact_words as words
from bot.console import talk
from bot.console.desk import Desk, allowed
from bot.contacts import Tab
from bot.staff import May, SignedIn

PER_PAGE: Final = 25
_PAGES_MAX: Final = 10_000


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/contact")

    @router.get("")
    def queue(
        request: Request,
        me: Annotated[SignedIn, allowed(May.SEE_REQUESTS)],
        tab: str = "",
        language: str = "",
        page: int = 1,
    ) -> Response:
        with desk.reading() as session:
            said = _queue(desk, session, me, tab, language, min(max(1, page), _PAGES_MAX))
        return desk.page(request, "contact.html", **said)

    talk.add_routes(router, desk)
    return router


def _queue(desk: Desk, session: Session, me: SignedIn, tab: str, language: str, page: int) -> dict[str, Any]:
    today = desk.today
    counts = contacts.counts(session, me.login, now=desk.now, today=today)
    chosen = Tab(tab) if tab in set(Tab) else Tab.MINE if counts.mine else Tab.FREE
    rows, count = contacts.queue(
        session, chosen, me.login, now=desk.now, today=today, language=language or None, limit=PER_PAGE,
        offset=(page - 1) * PER_PAGE,
    )  # fmt: skip
    handed = contacts.handed(session, me.login, now=desk.now)
    return {
        "tab": chosen,
        "tabs": words.TABS,
        "nothing": words.NOTHING[chosen],
        "counts": counts,
        "rows": rows,
        "count": count,
        "handed": handed,
        "codes": {one.row.id: mydata.code_of(desk.journey.vault, one.row.citizen_id) for one in (*rows, *handed)},
        "cards": desk.journey.wording.cards,
        "ways": words.WAYS,
        "dayparts": words.DAYPARTS,
        "outcomes": words.OUTCOMES,
        "today": today,
        "hours": desk.journey.wording.municipality.claim_working_hours,
        "tongue": language,
        "tongues": sorted(
            {*contacts.languages(session), *(row.row.language for row in rows), *([language] if language else ())}
        ),
        "number": page,
        "pages": -(-count // PER_PAGE),
    }
