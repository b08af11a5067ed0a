"""Quiet hours and caps, the team and the themes: read in words, and changed in the files that they stand in.

What makes it quieter, and what is a fact about the team, counts at once. The rest waits for a second person.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any, Final

import tomlkit
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from bot import library
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.console.words import N_
from bot.errors import FaultsError, RefusedError
from bot.library.editing import Value
from bot.staff import May, SignedIn
from bot.wording.municipal import WEEKDAYS

RULES_FILE, TEAM_FILE, THEMES_FILE = "rules.toml", "municipality.toml", "themes.toml"


@dataclass(frozen=True, slots=True)
class Rule:
    """One bound that can be changed here. `kind`: time, number or yes."""

    name: str
    kind: str
    label: str
    help: str = ""


RULES: Final = (
    Rule("quiet_from", "time", N_("Quiet from"), N_("On each person's own clock, such as 20:00.")),
    Rule("quiet_until", "time", N_("Quiet until")),
    Rule("no_sundays", "yes", N_("Nothing on Sundays")),
    Rule("min_gap_days", "number", N_("Days between two messages to one person")),
    Rule("per_month", "number", N_("Messages to one person in 30 days, at most")),
    Rule("per_year", "number", N_("Messages to one person in a year, at most")),
    Rule("per_card_year", "number", N_("Messages about one service in a year, at most")),
    Rule("per_card_year_s3", "number", N_("The same, for the most sensitive services")),
    Rule(
        "open_question_days", "number", N_("Days that a question stays open"), N_("Meanwhile there is no second one.")
    ),
    Rule("snooze_days", "number", N_("Days of rest after “not now”")),
    Rule("survey_gap_days", "number", N_("Days between two questions whether a message was welcome")),
    Rule("promise_working_days", "number", N_("Working days within which we promise contact")),
    Rule(
        "stops_per_thousand",
        "number",
        N_("Stops in 1,000 messages, at most"),
        N_("A campaign or a text with clearly more is paused by itself, until somebody lets it go on."),
    ),
)
DAYS: Final[Mapping[str, str]] = dict(
    zip(
        WEEKDAYS,
        (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday")),
        strict=True,
    )
)
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
NO_TIME: Final = N_("{name}: write a time such as 20:00")
NO_NUMBER: Final = N_("{name}: write a whole number")
NO_DAY: Final = N_("closed on: {day} is no day; write it as 2026-12-24")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration")

    @router.get("/rules")
    def rules(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        return _rules(desk, request)

    @router.post("/rules")
    async def change_rules(request: Request, me: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        given = {name: str(value)[:400] for name, value in (await request.form()).items()}
        return await desk.in_thread(lambda: save_rules(request, me, given))

    def save_rules(request: Request, me: SignedIn, given: dict[str, str]) -> Response:
        values: dict[str, Value] = {}
        faults: list[str] = []
        say = desk.say(request)
        for rule in RULES:
            written = given.get(rule.name, "").strip()
            if rule.kind == "yes":
                values[rule.name] = written == "yes"
            elif rule.kind == "time":
                found = _TIME.fullmatch(written)
                values[rule.name] = time(int(found[1]), int(found[2])) if found else None
                faults += [] if found else [say(NO_TIME).format(name=say(rule.label))]
            else:
                values[rule.name] = int(written) if written.isdecimal() else None
                faults += [] if written.isdecimal() else [say(NO_NUMBER).format(name=say(rule.label))]
        why = given.get("why", "")
        done = faults or _change(desk, request, RULES_FILE, values, why=why, by=me.login)
        return done if isinstance(done, Response) else _rules(desk, request, given, done)

    @router.get("/team")
    def team(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        return _team(desk, request)

    @router.post("/team")
    def change_team(
        request: Request,
        me: Annotated[SignedIn, allowed(May.ADMINISTER)],
        contacts_per_day: Annotated[str, Form(max_length=10)] = "",
        working_days: Annotated[list[str] | None, Form()] = None,
        closed_on: Annotated[str, Form(max_length=5000)] = "",
        why: Annotated[str, Form(max_length=400)] = "",
    ) -> Response:
        say, faults, days = desk.say(request), [], []
        if not contacts_per_day.strip().isdecimal():
            faults.append(say(NO_NUMBER).format(name=say(N_("People a day"))))
        for written in closed_on.split():
            try:
                days.append(date.fromisoformat(written))
            except ValueError:
                faults.append(say(NO_DAY).format(day=written[:20]))
        chosen = [day for day in WEEKDAYS if day in (working_days or ())]
        given = {"contacts_per_day": contacts_per_day, "working_days": chosen, "closed_on": closed_on, "why": why}
        if faults:
            return _team(desk, request, given, faults)
        values: dict[str, Value] = {
            "contacts_per_day": int(contacts_per_day),
            "working_days": chosen,
            "closed_on": sorted(set(days)),
        }
        done = _change(desk, request, TEAM_FILE, values, why=why, by=me.login)
        return done if isinstance(done, Response) else _team(desk, request, given, done)

    @router.get("/themes")
    def themes(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        return _themes(desk, request)

    @router.post("/themes")
    async def change_themes(request: Request, me: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        given = {name: str(value)[:600].strip() for name, value in (await request.form()).items()}
        return await desk.in_thread(lambda: save_themes(request, me, given))

    def save_themes(request: Request, me: SignedIn, given: dict[str, str]) -> Response:
        values: dict[tuple[str, ...], Value] = {
            ("theme", theme, part): given[f"{theme}.{part}"]
            for theme in desk.journey.wording.themes
            for part in ("title", "description")
            if f"{theme}.{part}" in given
        }
        done = _change(desk, request, THEMES_FILE, values, why=given.get("why", ""), by=me.login)
        return done if isinstance(done, Response) else _themes(desk, request, given, done)

    return router


def _change(
    desk: Desk, request: Request, path: str, values: Mapping[Any, Value], *, why: str, by: str
) -> Response | list[str]:
    """Let it count, or propose it where it takes a second person; or what is wrong with it."""
    files, say = desk.journey.shelf.files, desk.say(request)
    try:
        with desk.reading() as session:
            fresh = {path: _with(library.in_force(session, files)[path], values)}
        try:
            with desk.writing() as session:
                library.record(session, files, fresh, why=why, by=by, now=desk.now)
        except RefusedError:  # it lets more through, or says something else to people
            with desk.writing() as session:
                row = library.propose(session, files, fresh, why=why, by=by, now=desk.now)
            return go_to(f"/cards/changes/{row.id}" if "/cards" in desk.areas else request.url.path, "waits_for_second")
    except FaultsError as error:
        return [overheard(fault, say) for fault in error.faults]
    desk.journey.take_up()
    return go_to(request.url.path, "counts_now")


def _with(text: str, values: Mapping[Any, Value]) -> str:
    """The file with these values; what reads the same stays as it was written."""
    document: Any = tomlkit.parse(text)
    different: dict[Any, Value] = {}
    for name, value in values.items():
        steps = (name,) if isinstance(name, str) else name
        there = document
        for step in steps:
            there = there.get(step) if there is not None else None
        if there != value and not (there is None and value in ([], list(WEEKDAYS[:5]))):
            different[name] = value
    return library.with_values(text, different)


def _rules(desk: Desk, request: Request, given: Mapping[str, str] | None = None, faults: Any = ()) -> Response:
    rules = _document(desk, RULES_FILE)
    shown = {rule.name: _written(rules.get(rule.name)) for rule in RULES} | {"why": ""}
    return desk.page(
        request,
        "rules.html",
        status=422 if faults else 200,
        faults=faults,
        rules=RULES,
        given=shown if given is None else {**dict.fromkeys(shown, ""), **given},
        now_is=desk.journey.wording.rules,
        waiting=_waiting(desk, RULES_FILE),
    )


def _team(desk: Desk, request: Request, given: Mapping[str, Any] | None = None, faults: Any = ()) -> Response:
    town = desk.journey.wording.municipality
    shown = {
        "contacts_per_day": str(town.contacts_per_day),
        "working_days": town.working_days,
        "closed_on": "\n".join(day.isoformat() for day in town.closed_on),
        "why": "",
    }
    return desk.page(
        request,
        "team.html",
        status=422 if faults else 200,
        faults=faults,
        given=given or shown,
        town=town,
        days=DAYS,
        promise=desk.journey.wording.rules.promise_working_days,
    )


def _themes(desk: Desk, request: Request, given: Mapping[str, str] | None = None, faults: Any = ()) -> Response:
    wording = desk.journey.wording
    cards = {
        theme: sorted(card.name for card in wording.cards.values() if card.theme == theme) for theme in wording.themes
    }
    shown = {
        f"{name}.{part}": getattr(theme, part)
        for name, theme in wording.themes.items()
        for part in ("title", "description")
    }
    return desk.page(
        request,
        "themes.html",
        status=422 if faults else 200,
        faults=faults,
        themes=wording.themes,
        cards=cards,
        given={**shown, "why": "", **(given or {})},
        waiting=_waiting(desk, THEMES_FILE),
    )


def _document(desk: Desk, path: str) -> Mapping[str, Any]:
    with desk.reading() as session:
        return tomlkit.parse(library.in_force(session, desk.journey.shelf.files)[path]).unwrap()


def _waiting(desk: Desk, path: str) -> list[Any]:
    """What was proposed for this file and nobody decided about."""
    with desk.reading() as session:
        return [row for row, paths in library.listing(session, state=library.State.PROPOSED) if path in paths]


def _written(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else ""
        case time():
            return f"{value:%H:%M}"
    return "" if value is None else str(value)
