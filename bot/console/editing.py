"""What the pages of the editor show of a campaign in the making."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Form
from sqlmodel import Session

from bot import campaigns, forecast, mydata, preview, staff
from bot.campaigns import drafts, filled
from bot.campaigns.drafts import OvertakenError
from bot.campaigns.file import days, rule_of
from bot.campaigns.filled import Step
from bot.console.desk import Desk, allowed
from bot.core.facts import Objection, Origin, Reason, SignalRule
from bot.errors import RefusedError
from bot.forecast import Forecast
from bot.preview import Funnel, Question
from bot.staff import May, SignedIn
from bot.store.tables import CampaignDraftRow, CampaignRow
from bot.store.vault import Vault
from bot.wording.cards import ServiceCard

Editor = Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)]
#: The version of the draft that a page was made from.
Seen = Annotated[int, Form(ge=0)]
COMING: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Why one person could not be written to at a moment; None: they could."""

    objection: Objection | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """The funnel with what it would bring. `later` wait for nothing but their wave; `others` are kept out for now."""

    funnel: Funnel
    forecast: Forecast
    at: datetime
    supposed: bool
    later: int
    others: tuple[tuple[Reason, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComingDay:
    day: date
    opens: date
    closes: date


def is_begun(session: Session, campaign: str) -> bool:
    """Whether somebody is writing it."""
    return session.get(CampaignDraftRow, campaign) is not None


def shown(
    desk: Desk, session: Session, row: CampaignDraftRow, step: Step, typed: Mapping[str, Any] | None
) -> dict[str, Any]:
    """All that the page of a step says."""
    wording = desk.journey.wording
    content = dict(row.content) if typed is None else {**row.content, step: dict(typed)}
    gaps = filled.gaps(row.id, content, wording)
    card = wording.cards.get(str(content.get(Step.CARD, {}).get("card", "")))
    there = session.get(CampaignRow, row.id)
    today = desk.today
    file = filled.supposed(row.id, content, wording, today)
    return {
        "row": row,
        "people": staff.names(session),
        "campaign": row.id,
        "there": there,
        "changed_by": drafts.changed_meanwhile(session, row),
        "values": content.get(step, {}),
        "content": content,
        "gaps": gaps,
        "card": card,
        "facts": None if card is None else card.facts(),
        "cards": [wording.cards[one] for one in filled.fit_for_campaigns(wording)],
        "themes": wording.themes,
        "rules": wording.rules,
        "names": {known.id: known.name for known in wording.cards.values()},
        "file": file,
        "known_languages": wording.languages,
        "situations": [] if card is None else [(code, _said(desk, code), _told_window(desk, card, code))
                                               for code in campaigns.situations_for(card.id, wording)],
        "signals": [] if card is None else [one for one in card.signals if one.enabled],
        "calendars": [] if card is None else [one for one in card.signals
                                              if one.enabled and one.origin is Origin.CALENDAR],
        "coming": [] if file is None else _coming(desk, file, today),
        "today": today,
    }  # fmt: skip


def theirs(overtaken: OvertakenError | None) -> list[tuple[str, Any]]:
    """What somebody else saved in between, field by field."""
    return [] if overtaken is None else [(name, kept) for name, kept in overtaken.theirs.items() if name != "wordings"]


def question(desk: Desk, session: Session, row: CampaignDraftRow, kind: str | None) -> Question:
    """What is asked about everybody, as the draft reads now, at the first moment at which it could be said.

    Raises RefusedError while it has no card, or what was filled in does not go together.
    """
    wording, now = desk.journey.wording, desk.now
    file = filled.supposed(row.id, row.content, wording, desk.today)
    if file is None:
        raise RefusedError("Nothing can be counted yet. First mend what the list at the step “Card” or “When” says.")
    made = campaigns.row_of(file, wording, now)
    return preview.at_its_soonest(session, wording, desk.journey.vault, made, now, kind=kind)


def counted(desk: Desk, session: Session, row: CampaignDraftRow, kind: str | None) -> Counted | RefusedError:
    """The numbers; or why there are none yet."""
    wording = desk.journey.wording
    try:
        asked = question(desk, session, row, kind)
    except RefusedError as error:
        return error
    funnel = preview.preview(session, asked)
    file = filled.supposed(row.id, row.content, wording, desk.today)
    assert file is not None
    told = forecast.forecast(session, wording, file, funnel, rate_per_s=desk.rate_per_s, now=desk.now)
    reasons = dict(funnel.reasons)
    later = reasons.pop(Reason.WAVE, 0)
    return Counted(
        funnel=funnel,
        forecast=told,
        at=asked.now,
        supposed=bool(filled.gaps(row.id, row.content, wording)),
        later=later,
        others=tuple(reasons.items()),
    )


def person(session: Session, vault: Vault, code: str) -> str:
    """Whom a code names: the one that people see with /mydata, else a reference that a letter was made for."""
    try:
        return mydata.find(session, vault, code=code.strip())
    except RefusedError:
        return mydata.find(session, vault, reference=code.strip())


def _said(desk: Desk, code: str) -> str:
    return desk.journey.wording.say(f"situation.{code}", "nl")


def _told_window(desk: Desk, card: ServiceCard, code: str) -> SignalRule | None:
    kind = desk.journey.wording.situations[code].signal
    return next((rule for rule in card.facts().signals if rule.type == kind), None)


def _coming(desk: Desk, file: campaigns.CampaignFile, today: date) -> list[ComingDay]:
    """The next days on which its calendar sets it off, and from when to when people may hear of each."""
    rule = rule_of(file, desk.journey.wording, file.trigger.calendar)
    if rule is None:
        return []
    found = []
    for day in days(file, desk.journey.wording):
        opens = max(day + timedelta(days=rule.earliest_day), file.period.first)
        closes = min(day + timedelta(days=rule.latest_day - 1), file.period.until)
        if closes >= today:
            found.append(ComingDay(day=day, opens=opens, closes=closes))
    return found[:COMING]
