"""The audit trail as people read it: who did what and when, in sentences, to be searched, checked and taken along."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns, staff
from bot.console import sentences
from bot.console.bookmarks import bookmark, place_at
from bot.console.desk import Desk, allowed, go_to, query_of
from bot.console.spreadsheet import download
from bot.console.words import N_
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.ledger import Wanted
from bot.store.tables import AuditRow

PER_PAGE: Final = 50
#: So many campaigns may fit what somebody types as a subject.
_CAMPAIGNS: Final = 20
_HEADER: Final = ("moment (UTC)", "who", "action", "subject", "sentence", "detail", "place", "chain")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One deed."""

    row: AuditRow
    said: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What somebody looks for, as they filled it in."""

    who: str = ""
    area: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""

    @property
    def query(self) -> str:
        return query_of(self)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/audit")

    @router.get("")
    def overview(
        request: Request,
        _: Annotated[SignedIn, allowed(May.AUDIT)],
        who: str = "",
        area: str = "",
        subject: str = "",
        since: str = "",
        until: str = "",
        before: str = "",
    ) -> Response:
        asked = Asked(who=who, area=area, subject=subject.strip(), since=since, until=until)
        with desk.reading() as session:
            known, people = ledger.actions_done(session), staff.names(session)
            wanted, faults = _wanted(desk, session, asked, known)
            found = [] if faults else ledger.deeds(session, wanted, before=place_at(before), limit=PER_PAGE + 1)
            lines = list(_lines(desk, session, request, found[:PER_PAGE], people))
            say = desk.say(request)
            whos = {name: sentences.somebody(name, people, say) for name in ledger.who_did(session)}
            check = staff.last_check(session)
        return desk.page(
            request,
            "audit.html",
            status=422 if faults else 200,
            asked=asked,
            faults=faults,
            lines=lines,
            older=bookmark(found[PER_PAGE - 1].at, found[PER_PAGE - 1].id) if len(found) > PER_PAGE else None,
            is_first=not before,
            whos=sorted(whos.items(), key=lambda pair: pair[1].casefold()),
            areas_known={area: sentences.AREAS[area] for area in sentences.AREAS if sentences.actions_of(area, known)},
            wanted=wanted,
            check=check,
            people=people,
        )

    @router.post("/file")
    def file(
        request: Request,
        me: Annotated[SignedIn, allowed(May.AUDIT)],
        who: Annotated[str, Form(max_length=200)] = "",
        area: Annotated[str, Form(max_length=40)] = "",
        subject: Annotated[str, Form(max_length=200)] = "",
        since: Annotated[str, Form(max_length=10)] = "",
        until: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        asked = Asked(who=who, area=area, subject=subject.strip(), since=since, until=until)
        with desk.writing() as session:
            wanted, faults = _wanted(desk, session, asked, ledger.actions_done(session))
            if not faults:
                staff.note_export(session, wanted, by=me.login, now=desk.now)
        if faults:
            return go_to(f"/audit?{asked.query}")
        return download(f"handreiking-audit-{desk.today}.csv", _HEADER, _rows(desk, request, wanted))

    @router.post("/check")
    def check(me: Annotated[SignedIn, allowed(May.AUDIT)]) -> Response:
        with desk.writing() as session:
            staff.begin_check(session, by=me.login, now=desk.now)
        return go_to("/audit#check")

    @router.post("/check/on")
    def go_on(request: Request, _: Annotated[SignedIn, allowed(May.AUDIT)]) -> Response:
        with desk.writing() as session:
            check, people = staff.go_on_checking(session, now=desk.now), staff.names(session)
        if not request.headers.get("hx-request"):
            return go_to("/audit#check")
        return desk.page(request, "_check.html", check=check, people=people)

    return router


def _wanted(desk: Desk, session: Session, asked: Asked, known: Iterable[str]) -> tuple[Wanted, list[str]]:
    """What to look for, and what of it cannot be read."""
    bounds: list[datetime | None] = []
    faults = []
    for value, after in ((asked.since, 0), (asked.until, 1)):
        try:
            day = date.fromisoformat(value) if value else None
        except ValueError:
            day = None
            faults.append(N_("A day is written as year-month-day, such as 2026-11-22."))
        later = None if day is None else datetime.combine(day + timedelta(days=after), time(), desk.zone)
        bounds.append(later)
    subjects = [asked.subject] if asked.subject else []
    if asked.subject:
        rows, _ = campaigns.search(session, campaigns.Wanted(text=asked.subject), limit=_CAMPAIGNS)
        subjects += [row.id for row in rows if row.id != asked.subject]
    actions = sentences.actions_of(asked.area, known) if asked.area else []
    wanted = Wanted(who=asked.who or None, actions=actions, subjects=subjects, since=bounds[0], until=bounds[1])
    return wanted, list(dict.fromkeys(faults))


def _lines(
    desk: Desk, session: Session, request: Request, rows: list[AuditRow], people: dict[str, str]
) -> Iterator[Line]:
    titles = campaigns.titles(session, {row.subject for row in rows} | _campaigns(rows))
    say = desk.say(request)
    for row in rows:
        yield Line(row=row, said=_said(row, people, titles, say), detail=_detail(row))


def _said(row: AuditRow, people: dict[str, str], titles: dict[str, str], say: Any) -> str:
    who = sentences.somebody(row.who, people, say)
    area = sentences.area_of(row.action)
    subject = row.subject
    if area == "campaign":
        subject = titles.get(subject, subject)
    elif area == "staff":
        subject = people.get(subject, subject)
    elif row.action == "after_restore":
        subject = say(sentences.ONWARD.get(subject, subject))
    detail = row.detail
    if "campaign" in detail:
        detail = {**detail, "campaign": titles.get(str(detail["campaign"]), detail["campaign"])}
    return sentences.sentence(row.action, detail, who=who, subject=subject, say=say)


def _campaigns(rows: Iterable[AuditRow]) -> set[str]:
    return {str(row.detail["campaign"]) for row in rows if "campaign" in row.detail}


def _detail(row: AuditRow) -> str:
    return json.dumps(row.detail, ensure_ascii=False, sort_keys=True) if row.detail else ""


def _rows(desk: Desk, request: Request, wanted: Wanted) -> Iterator[list[object]]:
    say = desk.say(request)
    with desk.reading() as session:
        people, titles = staff.names(session), campaigns.titles(session)
        for row in staff.every_row(session, wanted):
            moment = row.at.astimezone(UTC).isoformat(timespec="seconds")
            said = _said(row, people, titles, say)
            yield [moment, row.who, row.action, row.subject, said, _detail(row), row.place, row.chain]
