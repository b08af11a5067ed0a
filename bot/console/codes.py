"""One-time codes for letters: made in batches, given out once as a file or as sheets to print, and revoked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import segno
from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from starlette.responses import Response

from bot import links
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.console.spreadsheet import download
from bot.errors import FaultsError
from bot.signals.desk import REFERENCE, like_a_bsn
from bot.staff import May, SignedIn
from bot.wording.speech import direction

PER_PAGE: Final = 25
#: More sheets than this are rather made by a mail merge from the file.
SHEETS: Final = 200
_HEADER: Final = ("reference", "code", "link", "valid until")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """What is cut out and put with a letter."""

    reference: str
    code: str
    link: str
    qr: Markup | None

    @property
    def chat(self) -> str:
        """Where the chat is, as somebody can type it."""
        return self.link.partition("?")[0].removeprefix("https://")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/codes")

    @router.get("")
    def overview(
        request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)], before: datetime | None = None
    ) -> Response:
        return _page(desk, request, before=before)

    @router.post("")
    def make(
        request: Request,
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        batch: Annotated[str, Form(pattern="^[A-Za-z0-9_-]{4,64}$")],
        purpose: Annotated[str, Form(max_length=300)] = "",
        count: Annotated[str, Form(max_length=10)] = "",
        references: Annotated[str, Form(max_length=300_000)] = "",
        days: Annotated[str, Form(max_length=10)] = "14",
        language: Annotated[str, Form(max_length=5)] = "nl",
    ) -> Response:
        filled = {
            "purpose": purpose, "count": count, "references": references, "days": days, "language": language,
            "batch": batch,
        }  # fmt: skip
        wording = desk.journey.wording
        own = [line.strip() for line in references.splitlines() if line.strip()]
        faults = list(_misread(own, count, days))
        if faults:
            return _page(desk, request, faults=faults, filled=filled)
        wanted = own or links.new_references(min(int(count), links.MOST + 1), desk.pick)
        try:
            with desk.writing() as session:
                bot = links.bot_name(session)
                new = links.NewBatch(id=batch, purpose=purpose, days=int(days), by=me.login)
                codes = links.new_batch(session, desk.journey.vault, wanted, new, now=desk.now, pick=desk.pick)
        except FaultsError as error:
            return _page(desk, request, faults=list(error.faults), filled=filled)
        slips = [
            Slip(reference=reference, code=code.code, link=link, qr=_qr(link) if len(codes) <= SHEETS and bot else None)
            for reference, code in zip(wanted, codes, strict=True)
            for link in [code.deep_link(bot) if bot else ""]
        ]
        spoken = language if language in wording.languages else wording.languages[0]
        return desk.page(
            request,
            "codes_made.html",
            batch=batch,
            purpose=purpose.strip(),
            slips=slips,
            sheets=len(codes) <= SHEETS,
            expires_at=codes[0].expires_at,
            spoken=spoken,
            direction=direction(spoken),
            heading=wording.say("leaflet.from", spoken),
            scan=wording.say("leaflet.scan", spoken),
            bot=bot,
        )

    @router.post("/file")
    def file(
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        batch: Annotated[str, Form(max_length=64)] = "",
        slips: Annotated[str, Form(max_length=900_000)] = "",
    ) -> Response:
        rows = [line.split("\t") for line in slips.splitlines() if line]
        with desk.writing() as session:
            links.note_file(
                session, desk.journey.vault, batch, [row[1] for row in rows if len(row) == len(_HEADER)],
                by=me.login, now=desk.now,
            )  # fmt: skip
        return download(f"handreiking-codes-{batch}.csv", _HEADER, rows)

    @router.post("/revoke")
    def revoke(
        me: Annotated[SignedIn, allowed(May.ADMINISTER)], batch: Annotated[str, Form(max_length=64)] = ""
    ) -> Response:
        with desk.writing() as session:
            links.revoke_batch(session, batch, by=me.login, now=desk.now)
        return go_to("/administration/codes", "codes_revoked")

    return router


def _page(
    desk: Desk,
    request: Request,
    *,
    before: datetime | None = None,
    faults: list[str] | None = None,
    filled: dict[str, str] | None = None,
) -> Response:
    until = before if before is not None and before.tzinfo is not None else None
    with desk.reading() as session:
        found = links.batches(session, desk.now, before=until, limit=PER_PAGE + 1)
        bot = links.bot_name(session)
    say = desk.say(request)
    given: dict[str, Any] = {
        "purpose": "", "count": "", "references": "", "days": str(links.LIFE.days), "language": "nl",
        "batch": desk.journey.new_id(),
    }  # fmt: skip
    return desk.page(
        request,
        "codes.html",
        status=422 if faults else 200,
        batches=found[:PER_PAGE],
        older=found[PER_PAGE - 1].row.made_at.isoformat() if len(found) > PER_PAGE else None,
        faults=[overheard(fault, say) for fault in faults or ()],
        given=given | (filled or {}),
        languages=desk.journey.wording.languages,
        bot=bot,
        most=links.MOST,
        longest=links.LONGEST_LIFE,
        sheets=SHEETS,
    )


def _misread(own: list[str], count: str, days: str) -> list[str]:
    """What of a form cannot be read at all."""
    faults = []
    if not days.isdecimal():
        faults.append("days: give a number of days")
    if not own and not count.isdecimal():
        faults.append("codes: say how many, or give your own references")
    if own and count.strip():
        faults.append("codes: say how many, or give your own references, not both")
    for line in own[:2000]:
        if not REFERENCE.fullmatch(line):
            faults.append(f"references: {line[:60]!r}; use 4 to 128 characters from A-Z a-z 0-9 _ - . ~ :")
        elif like_a_bsn(line):
            faults.append(f"references: {line[:2]}… looks like a BSN; give references that mean nothing elsewhere")
    return faults[:20]


def _qr(link: str) -> Markup:
    # Of our own making, from letters and digits: nothing that somebody typed stands in it.
    drawn = segno.make(link, error="q", micro=False).svg_inline(scale=3, border=2, svgclass=None, lineclass=None)
    return Markup(drawn)  # nosec B704  # noqa: S704
