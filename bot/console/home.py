"""The first page: what waits for whoever looks, what leaves next, and the one press that makes the whole bot quiet."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns, cards, contacts, guarding, library, notes, register, signals, staff
from bot.campaigns import Ready, State, Wanted, drafts
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.core import outreach
from bot.signals import Health
from bot.staff import May, SignedIn
from bot.store import ledger
from bot.store.tables import CampaignRow

#: So many of each are named here; the list has the others.
NAMED: Final = 5
#: So long a change of texts that came back is told on this page.
RETURNED: Final = timedelta(days=14)


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """Messages that are about to leave. `leaving`: they do already. `campaign` can still be stopped until `at`."""

    row: CampaignRow
    at: datetime
    leaving: bool


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def home(request: Request, me: Annotated[SignedIn, allowed(May.BE_HERE)]) -> Response:
        with desk.reading() as session:
            said: dict[str, Any] = {"people": staff.names(session)}
            if me.may(May.SEE_CAMPAIGNS):
                alive = campaigns.approved_ones(session, desk.journey.wording)
                said |= {
                    "next": _next(desk, session, alive),
                    "running": sum(one.state == State.RUNNING for one in alive),
                    "paused_ones": _rows(session, [one.id for one in alive if one.state == State.PAUSED]),
                }
                said |= _to_decide(session, alive, me) if me.may(May.APPROVE) else {}
                said |= _to_write(session, alive, me) if me.may(May.EDIT_CAMPAIGNS) else {}
                said |= _of_texts(desk, session, me)
                said["alarms"] = _alarms(desk, session, request)
            if me.may(May.SEE_REQUESTS):
                today = desk.now.astimezone(desk.zone).date()
                said["requests"] = contacts.counts(session, me.login, now=desk.now, today=today)
            if me.may(May.ADMINISTER) or me.may(May.RESEARCH):
                learns = campaigns.adaptive(session)
                paused = bool(learns) and register.standing(session, desk.journey.wording).pauses
                said["unregistered"] = len(learns) if paused else 0
            if me.may(May.ADMINISTER):
                said["uncertain"], said["dead_letters"] = ledger.unresolved(session)
                standings = signals.standings(session, desk.now, desk.zone)
                said["unwell"] = [one for one in standings if one.health in {Health.SILENT, Health.REFUSED}]
            if me.may(May.AUDIT):
                said["check"] = staff.last_check(session)
            if me.may(May.RESEARCH):
                exports = ledger.deeds(session, ledger.Wanted(actions=["export"]), limit=1)
                said["last_export"] = exports[0] if exports else None
        return desk.page(request, "home.html", heard=partial(overheard, say=desk.say(request)), **said)

    @router.post("/halt")
    def halt(
        me: Annotated[SignedIn, allowed(May.HALT)],
        because: Annotated[str, Form(max_length=200)] = "",
        back: Annotated[str, Form(max_length=500)] = "/",
    ) -> Response:
        desk.journey.pause_nudges(because.strip() or me.name, who=me.login)
        return go_to(_inside(back), "all_paused")

    @router.post("/go-on")
    def go_on(me: Annotated[SignedIn, allowed(May.HALT)], back: Annotated[str, Form(max_length=500)] = "/") -> Response:
        desk.journey.resume_nudges(who=me.login)
        return go_to(_inside(back), "all_resumed")

    @router.post("/guards/go-on")
    def guard_goes_on(
        me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)],
        watched: Annotated[str, Form(max_length=200)],
        back: Annotated[str, Form(max_length=500)] = "/",
    ) -> Response:
        with desk.writing() as session:
            guarding.go_on(session, watched, by=me.login, now=desk.now)
        return go_to(_inside(back), "guard_goes_on")

    return router


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarmed:
    """Something that a guard tells until somebody looked at it. `kind`: variant, learning, language or theme."""

    watched: str
    kind: str
    name: str
    since: datetime | None
    said: str


def _alarms(desk: Desk, session: Session, request: Request) -> list[Alarmed]:
    """What the guards are alarmed about; a paused campaign is told among the paused ones."""
    found = []
    for row in ledger.alarms(session):
        kind, _, name = row.watched.partition(":")
        if kind == "campaign":
            continue
        if kind == "fairness":
            kind, _, name = name.partition(":")
        if kind == "theme":
            name = desk.journey.wording.say(f"theme.{name}", "nl")
        heard = overheard(row.alarm or "", desk.say(request))
        found.append(Alarmed(watched=row.watched, kind=kind, name=name, since=row.alarmed_at, said=heard))
    return found


def _inside(url: str) -> str:
    """A page of ours, whatever the form says."""
    return url if url.startswith("/") and not url.startswith(("//", "/\\")) else "/"


def _rows(session: Session, ids: list[str]) -> list[CampaignRow]:
    """The first of them, whole."""
    rows = ledger.by_id(session, CampaignRow, ids[:NAMED])
    return [rows[one] for one in ids[:NAMED]]


def _to_decide(session: Session, alive: list[campaigns.Alive], me: SignedIn) -> dict[str, Any]:
    """What is handed over, and what sends nothing since its card or texts changed; none that this person edited."""
    waiting, count = campaigns.search(session, Wanted(ready=Ready.HANDED_OVER, not_by=me.login), limit=NAMED)
    changed = [one.id for one in alive if one.changed]
    editors = ledger.editors(session, changed)
    mine_not = [one for one in changed if not campaigns.among(me.login, editors[one])]
    known = {row.id for row in waiting}
    return {
        "to_approve": waiting,
        "to_approve_count": count,
        "changed": [row for row in _rows(session, mine_not) if row.id not in known],
        "changed_count": len(mine_not),
    }


def _to_write(session: Session, alive: list[campaigns.Alive], me: SignedIn) -> dict[str, Any]:
    """What came back, what is not handed over yet, and what may be started."""
    returned, _ = campaigns.search(session, Wanted(ready=Ready.SENT_BACK, by=me.login), limit=NAMED)
    making, count = campaigns.search(session, Wanted(ready=Ready.IN_THE_MAKING, by=me.login), limit=NAMED)
    begun = [one for one in drafts.listing(session) if me.login in {one.started_by, one.updated_by}]
    startable = [one.id for one in alive if one.state == State.APPROVED and not one.changed]
    return {
        "begun": begun[:NAMED],
        "returned": returned,
        "making": making,
        "making_count": count,
        "to_start": _rows(session, startable),
        "to_start_count": len(startable),
    }


def _next(desk: Desk, session: Session, alive: list[campaigns.Alive]) -> list[Next]:
    """Which running campaigns send next, and when, in the hours in which people may be written to."""
    now, rules, zone = desk.now, desk.journey.wording.rules, desk.journey.wording.municipality.zone
    running = {one.id: one for one in alive if one.state == State.RUNNING and not one.changed and now < one.ends_at}
    moments: dict[str, datetime] = {
        one.campaign: max(one.at, running[one.campaign].starts_at)
        for one in ledger.upcoming(session, 4 * NAMED)
        if one.campaign in running
    }
    today = now.astimezone(desk.zone).date()
    for one in running.values():
        begins = _first(one, today)
        if begins is not None and one.id not in moments:
            moments[one.id] = datetime.combine(begins, time(), desk.zone)
    soonest = sorted(moments.items(), key=lambda pair: (pair[1], pair[0]))[:NAMED]
    rows = ledger.by_id(session, CampaignRow, [campaign for campaign, _ in soonest])
    civil = {campaign: outreach.next_civil_moment(zone, rules, max(at, now)) for campaign, at in soonest}
    return [Next(row=rows[campaign], at=civil[campaign], leaving=civil[campaign] <= now) for campaign, _ in soonest]


def _first(one: campaigns.Alive, today: date) -> date | None:
    """The next day on which its calendar lets people hear of something."""
    return min((day for day in one.opens if day > today), default=None)


def _of_texts(desk: Desk, session: Session, me: SignedIn) -> dict[str, Any]:
    """Changes of texts that this person can decide about, those of theirs that came back, and what is late on cards."""
    today = desk.now.astimezone(desk.zone).date()
    waiting = [row for row, _ in library.listing(session, state=library.State.PROPOSED)]
    returned = [row for row, _ in library.listing(session, state=library.State.RETURNED, limit=50)]
    since = desk.now - RETURNED
    offered = [note for note in notes.listing(session, desk.journey.wording) if note.offered_by and not note.is_agreed]
    return {
        "notes_to_agree": [note for note in offered if not campaigns.among(me.login, note.written_by)],
        "texts_to_decide": [row for row in waiting if not campaigns.among(me.login, [row.proposed_by])],
        "texts_returned": [
            row
            for row in returned
            if campaigns.among(me.login, [row.proposed_by]) and row.decided_at is not None and row.decided_at > since
        ],
        "cards_late": sum(one.late(today) for one in cards.due(desk.journey.wording)),
    }
