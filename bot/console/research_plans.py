"""Plans of analysis: chosen, read, frozen for good, and taken along; and the analysis that they allow.

What reads data is loaded when the first analysis is asked for.
"""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from bot import campaigns, staff
from bot.console.desk import Desk, Filled, allowed, go_to
from bot.console.research_power import digits
from bot.console.research_shown import Reader
from bot.console.words import N_
from bot.errors import FaultsError, RefusedError
from bot.research import plans
from bot.research.plans import Frozen
from bot.staff import May, SignedIn

if TYPE_CHECKING:
    from bot.research.analysis import Analysis
    from bot.research.effects import Effect

PER_PAGE: Final = 25
#: The fields of the form: what each is called, and what fits in it.
FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "question": (N_("The question, in your own words"), N_("Write 10 to 2,000 characters.")),
    "send": (N_("Writing now against holding"), N_("Choose one of the list.")),
    "tone": (N_("One tone against another"), N_("Choose one of the list.")),
    "alpha": (N_("Error rate (alpha)"), N_("Write a number above 0 and at most 0.2, such as 0.05.")),
    "power": (N_("Power"), N_("Write a number from 0.5 up to 1, such as 0.8.")),
    "baseline_send": (N_("Assumed share while holding"), N_("Write a number between 0 and 1, such as 0.1.")),
    "ratio_send": (
        N_("Smallest ratio worth finding, writing"),
        N_("Write a number above 0 that is not 1, such as 1.5; times the share it stays under 1."),
    ),
    "baseline_tone": (N_("Assumed share in the neutral tone"), N_("Write a number between 0 and 1, such as 0.15.")),
    "ratio_tone": (
        N_("Smallest ratio worth finding, tones"),
        N_("Write a number above 0 that is not 1, such as 1.3; times the share it stays under 1."),
    ),
    "people": (N_("People expected"), N_("Write a whole number from 1 on.")),
    "points": (N_("Draws expected for each person"), N_("Write a number above 0 and at most 1,000.")),
    "analysed_on": (
        N_("Primary results from"),
        N_("Write a day, or leave it empty for the day after the last window."),
    ),
    "looks_early": (N_("May they be looked at before, as exploratory ones?"), N_("Choose yes or no.")),
    "remarks": (N_("Anything else"), N_("Write at most 4,000 characters.")),
}
OUTCOMES: Final[Mapping[str, str]] = {
    "welcome_any": N_("Something sent was felt welcome within two weeks"),
    "welcome": N_("The message was felt welcome"),
    "unwelcome": N_("The message was called not welcome or too often"),
}
#: What may change a ratio, by its column in the export's views.
MODERATORS: Final[Mapping[str, str]] = {
    "decision_index": N_("The how manieth time that it was looked at"),
    "f_dose": N_("Messages shortly before"),
    "f_language": N_("Language"),
    "f_prefers": N_("Tone that the person chose"),
}
#: Values that are neither a language nor a tone.
LEVELS: Final[Mapping[str, str]] = {"": N_("not told"), "none": N_("none"), "other": N_("another one")}
_NUMBERS: Final = (
    "alpha", "power", "baseline_send", "ratio_send", "baseline_tone", "ratio_tone", "people", "points",
)  # fmt: skip


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/research")
    journey = desk.journey

    @router.get("/plans")
    def listing(request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], after: str = "") -> Response:
        with desk.reading() as session:
            found = plans.at_work(session, journey.wording, after=after, limit=PER_PAGE + 1)
            people = staff.names(session)
        more = found[PER_PAGE - 1].row.id if len(found) > PER_PAGE else None
        return desk.page(request, "plans.html", found=found[:PER_PAGE], people=people, more=more)

    @router.get("/plans/{campaign}")
    def one(request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], campaign: str) -> Response:
        return _draft(desk, request, campaign)

    @router.post("/plans/{campaign}")
    def save(request: Request, me: Annotated[SignedIn, allowed(May.RESEARCH)], campaign: str, form: Filled) -> Response:
        given = _given(form)
        try:
            with desk.writing() as session:
                plans.save(session, campaign, given, by=me.login, now=desk.now)
        except FaultsError as error:
            return _draft(desk, request, campaign, given=given, faults=error.faults)
        return go_to(f"/research/plans/{campaign}", "saved")

    @router.post("/plans/{campaign}/freeze")
    def freeze(
        request: Request,
        me: Annotated[SignedIn, allowed(May.RESEARCH)],
        campaign: str,
        seen: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        try:
            with desk.writing() as session:
                made = plans.freeze(session, campaign, journey.wording, by=me.login, now=desk.now, seen=seen)
        except RefusedError as error:
            return _draft(desk, request, campaign, told=[desk.pages.told(me.language, error)])
        return go_to(f"/research/plans/{campaign}/{made.version}", "plan_frozen")

    @router.get("/plans/{campaign}/{version}")
    def frozen(
        request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], campaign: str, version: int
    ) -> Response:
        with desk.reading() as session:
            plan, newest = _frozen(session, campaign, version), plans.newest(session, campaign)
            people = staff.names(session)
        return desk.page(
            request,
            "plan.html",
            plan=plan,
            holds=plans.holds(plan),
            late=plans.registered_late(plan.record),
            sections=plans.sections(plan.record),
            is_newest=newest is not None and newest.version == plan.version,
            people=people,
        )

    @router.get("/plans/{campaign}/{version}/plan.md")
    def markdown(_: Annotated[SignedIn, allowed(May.RESEARCH)], campaign: str, version: int) -> Response:
        with desk.reading() as session:
            plan = _frozen(session, campaign, version)
        text = plans.as_markdown(plan.record, digest=plan.hash, by=plan.by, at=f"{plan.at:%Y-%m-%d %H:%M} UTC")
        return _file(text, "text/markdown; charset=utf-8", f"plan-{campaign}-{version}.md")

    @router.get("/plans/{campaign}/{version}/plan.json")
    def as_json(_: Annotated[SignedIn, allowed(May.RESEARCH)], campaign: str, version: int) -> Response:
        with desk.reading() as session:
            plan = _frozen(session, campaign, version)
        # Word for word what the hash is of, so that `sha256sum` gives it.
        return _file(plans.canonical(plan.record), "application/json", f"plan-{campaign}-{version}.json")

    @router.get("/analysis")
    def analyses(request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], campaign: str = "") -> Response:
        with desk.reading() as session:
            titles = plans.to_analyse(session)
        seen = told = None
        if campaign:
            seen, told = _analysed(desk, request, campaign)
        reader = Reader.for_(desk, request)
        names = {one.moderator: _moderator(reader, one) for one in seen.moderated if one.why == "alike"} if seen else {}
        return desk.page(
            request, "analysis.html", titles=titles, chosen=campaign, seen=seen, told=told, outcomes=OUTCOMES,
            moderators=lambda one: _moderator(reader, one), alike=list(names.values()),
            status=200 if told is None else 409,
        )  # fmt: skip

    return router


def _draft(
    desk: Desk,
    request: Request,
    campaign: str,
    *,
    given: Mapping[str, Any] | None = None,
    faults: tuple[str, ...] = (),
    told: list[str] | None = None,
) -> Response:
    """The plan in the making, with what somebody filled in last."""
    with desk.reading() as session:
        row = campaigns.known(session, campaign)
        can = plans.plannable(row, desk.journey.wording)
        draft = plans.draft(session, campaign, desk.journey.wording) if can else None
        choices = plans.choices_of(session, campaign, desk.journey.wording).model_dump(mode="json")
        versions = plans.of_campaign(session, campaign)
        people = staff.names(session)
    say = desk.say(request)
    wrong = dict.fromkeys(name for fault in faults for name in FIELDS if fault.startswith((f"{name} ", f"{name}=")))
    wrong |= dict.fromkeys(name for fault in faults for name in FIELDS if f"; {name} = " in fault)
    said = [*(told or ()), *(f"{say(FIELDS[name][0])}: {say(FIELDS[name][1])}" for name in wrong)]
    return desk.page(
        request,
        "plan_draft.html",
        status=422 if said else 200,
        faults=said,
        wrong=list(wrong),
        row=row,
        draft=draft,
        digest=None if draft is None else plans.digest(draft),
        late=None if draft is None else plans.registered_late(draft),
        sections=[] if draft is None else plans.sections(draft),
        choices=choices | dict(given or {}),
        versions=versions,
        people=people,
        fields=FIELDS,
        outcomes=OUTCOMES,
        numbers=_NUMBERS,
    )


def _given(form: FormData) -> dict[str, Any]:
    """What was filled in, as the plan takes it; a number that is none stays as it was typed."""
    found: dict[str, Any] = {}
    for name in FIELDS:
        value = str(form.get(name, "")).strip()
        if name in {"send", "tone", "analysed_on"}:
            found[name] = value or None
        elif name == "looks_early":
            found[name] = value == "yes"
        elif name == "people":
            found[name] = digits(value)
        else:
            found[name] = value.replace(",", ".") if name in _NUMBERS else value
    return found


def _frozen(session: Session, campaign: str, version: int) -> Frozen:
    campaigns.known(session, campaign)
    plan = plans.frozen(session, campaign, version)
    if plan is None:
        raise RefusedError("{campaign} has no plan of version {version}.", campaign=campaign, version=version)
    return plan


def _analysed(desk: Desk, request: Request, campaign: str) -> tuple["Analysis | None", str | None]:
    """The analysis, or why there is none."""
    from bot.research.analysis import analyse  # noqa: PLC0415 - polars and scipy, for this page only
    from bot.store import study  # noqa: PLC0415

    somebody: SignedIn = request.state.somebody
    try:
        with study.snapshot(desk.journey.sessions) as session:
            campaigns.known(session, campaign)
            return analyse(session, desk.journey.wording, campaign, key=secrets.token_bytes(32), now=desk.now), None
    except RefusedError as error:
        return None, desk.pages.told(somebody.language, error)


def _moderator(reader: Reader, one: "Effect") -> str:
    """What a ratio is looked at with, in words."""
    name = str(one.moderator)
    told = reader.say(MODERATORS[name]) if name in MODERATORS else name
    if one.level is None:
        return told
    if one.level in LEVELS:
        return f"{told}: {reader.say(LEVELS[one.level])}"
    column = {"f_language": "language", "f_prefers": "tone"}.get(name, "")
    return f"{told}: {reader.word(column, one.level)}"


def _file(text: str, media: str, name: str) -> Response:
    return Response(text, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
