"""What was filled in of a campaign so far, step by step: what is missing, and the campaign that it makes.

What somebody typed is kept as it was typed, so that a slip can be shown again; only here it becomes a date or a number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from bot.campaigns.file import CampaignFile
from bot.campaigns.misfit import Misfit, misfits
from bot.core.facts import CardStatus, Learning, Level
from bot.wording import Wording
from bot.wording.own import shared

Content = Mapping[str, Mapping[str, Any]]


class Step(StrEnum):
    CARD = "card"
    AUDIENCE = "audience"
    MESSAGE = "message"
    CHECK = "check"
    SCHEDULE = "schedule"


class When(StrEnum):
    """What makes it begin, beside the signals that arrive."""

    SIGNAL = "signal"  # nothing else
    CALENDAR = "calendar"  # the days of the card's own calendar
    DATE = "date"
    YEARLY = "yearly"


#: The step at which each part of a campaign's file is filled in.
STEP_OF: Final[Mapping[str, Step]] = {
    "id": Step.CARD, "title": Step.CARD, "card": Step.CARD,
    "languages": Step.AUDIENCE, "audience": Step.AUDIENCE, "signals": Step.AUDIENCE,
    "variants": Step.MESSAGE, "wordings": Step.MESSAGE,
    "trigger": Step.SCHEDULE, "period": Step.SCHEDULE, "waves": Step.SCHEDULE, "hourly_maximum": Step.SCHEDULE,
    "learning": Step.SCHEDULE,
}  # fmt: skip
#: What stands in for what nobody filled in yet, when somebody wants to see whom it would reach.
HOURLY: Final = 100
SHORTLY: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing or does not fit, and the step at which it is mended."""

    step: Step
    misfit: Misfit


def gaps(campaign: str, content: Content, wording: Wording) -> list[Gap]:
    """Everything that stands between this and a campaign, in the order of the steps. None: it is whole."""
    found = [Gap(STEP_OF[misfit.field], misfit) for misfit in _missing(content, wording)]
    if not found:
        made = _made(document(campaign, content))
        faults = made if isinstance(made, list) else list(misfits(made, wording))
        found = [Gap(STEP_OF[misfit.field], misfit) for misfit in faults]
    order = list(Step)
    return sorted(found, key=lambda gap: order.index(gap.step))


def made_of(campaign: str, content: Content, wording: Wording) -> CampaignFile | None:
    """The campaign that was filled in; None while there are gaps."""
    if gaps(campaign, content, wording):
        return None
    made = _made(document(campaign, content))
    return made if isinstance(made, CampaignFile) else None


def supposed(campaign: str, content: Content, wording: Wording, today: date) -> CampaignFile | None:
    """The campaign as it would be with the usual values where there are gaps, to see whom it would reach.

    None without a card, and when what was filled in does not go together.
    """
    whole = document(campaign, content)
    card = wording.cards.get(whole["card"])
    if card is None:
        return None
    known = [one.id for one in shared(wording, card.id)]
    named = {one["id"] for one in whole.get("wordings", ())}
    whole["title"] = whole["title"] or campaign
    whole["variants"] = [one for one in whole["variants"] if one in {*known, *named}] or known
    whole["languages"] = whole["languages"] or list(wording.languages)
    if not (_date(whole["period"]["from"]) and _date(whole["period"]["until"])):
        whole["period"] = {"from": today.isoformat(), "until": (today + SHORTLY).isoformat()}
    if not isinstance(whole["hourly_maximum"], int):
        whole["hourly_maximum"] = HOURLY
    answered = [rule.type for rule in card.facts().signals if rule.enabled]
    if not whole["trigger"]["signals"] and whole["trigger"].get("calendar") is None and answered:
        whole["trigger"]["signals"] = answered[:1]
    made = _made(whole)
    return made if isinstance(made, CampaignFile) else None


def content_of(file: CampaignFile) -> dict[str, dict[str, Any]]:
    """What somebody would have filled in to make this campaign."""
    said = file.definition()
    trigger, waves = said["trigger"], said.get("waves") or {}
    yearly = trigger["yearly"] or {}
    when = When.SIGNAL if trigger["calendar"] is None else When.CALENDAR
    when = When.DATE if trigger["date"] else When.YEARLY if yearly else when
    return {
        Step.CARD: {"title": file.title, "card": file.card},
        Step.AUDIENCE: {
            "languages": said["languages"],
            "linked_only": file.audience.linked_only,
            "situations": list(file.audience.situations),
            "signals": list(file.trigger.signals),
        },
        Step.MESSAGE: {"variants": said["variants"], "wordings": said.get("wordings", [])},
        Step.SCHEDULE: {
            "when": str(when),
            "calendar": trigger["calendar"] or "",
            "date": trigger["date"] or "",
            "month": str(yearly.get("month", "")),
            "day": str(yearly.get("day", "")),
            "first": said["period"]["from"],
            "until": said["period"]["until"],
            "waves": str(waves.get("number", "")),
            "days_between": str(waves.get("days_between", "")),
            "hourly_maximum": str(file.hourly_maximum),
            "learning": str(file.learning),
        },
    }


def document(campaign: str, content: Content) -> dict[str, Any]:
    """What was filled in, in the shape of a campaign's file; what is no number or date stays as it was typed."""
    card, audience, message, schedule = (
        content.get(step, {}) for step in (Step.CARD, Step.AUDIENCE, Step.MESSAGE, Step.SCHEDULE)
    )
    when = schedule.get("when") or When.SIGNAL
    trigger: dict[str, Any] = {"signals": list(audience.get("signals", ()))}
    if when != When.SIGNAL:
        trigger["calendar"] = schedule.get("calendar") or None
    if when == When.DATE:
        trigger["date"] = schedule.get("date") or None
    if when == When.YEARLY:
        day = schedule.get("day", "")
        trigger["yearly"] = {"month": _number(schedule.get("month", "")), "day": day if day == "last" else _number(day)}
    whole: dict[str, Any] = {
        "id": campaign,
        "title": card.get("title", ""),
        "card": card.get("card", ""),
        "variants": list(message.get("variants", ())),
        "wordings": list(message.get("wordings", ())),
        "languages": list(audience.get("languages", ())),
        "audience": {
            "linked_only": bool(audience.get("linked_only", False)),
            "situations": list(audience.get("situations", ())),
        },
        "trigger": trigger,
        "period": {"from": schedule.get("first", ""), "until": schedule.get("until", "")},
        "hourly_maximum": _number(schedule.get("hourly_maximum", "")),
        "learning": schedule.get("learning") or Learning.FIXED,
    }
    if schedule.get("waves"):
        number, between = schedule["waves"], schedule.get("days_between", "")
        whole["waves"] = {"number": _number(number), "days_between": _number(between)}
    return whole


def fit_for_campaigns(wording: Wording) -> list[str]:
    """The cards that a campaign can be about, by name."""
    fit = [
        card
        for card in wording.cards.values()
        if card.status is CardStatus.PUBLISHED and card.weighing.level is not Level.HUMAN_ONLY
    ]
    return [card.id for card in sorted(fit, key=lambda card: card.name)]


def _missing(content: Content, wording: Wording) -> Iterator[Misfit]:
    """What nobody filled in yet, or what is no date or number."""
    whole = document("draft", content)
    schedule = content.get(Step.SCHEDULE, {})
    if len(whole["title"].strip()) < 3:
        yield Misfit("title", "Give the campaign a name of three letters or more.")
    if not whole["card"]:
        yield Misfit("card", "Choose the card that it is about.")
    elif whole["card"] not in wording.cards:
        yield Misfit("card", "The card {card} is not there any more. Choose another one.", card=whole["card"])
    if not whole["languages"]:
        yield Misfit("languages", "Choose at least one language.")
    if not whole["variants"]:
        yield Misfit("variants", "Choose at least one wording.")
    if not whole["trigger"]["signals"] and whole["trigger"].get("calendar") is None:
        yield Misfit("trigger", "Nothing sets it off yet. Choose a signal, or days on a calendar.")
    yield from _missing_days(whole, schedule)
    if not isinstance(whole["hourly_maximum"], int) or not 1 <= whole["hourly_maximum"] <= 100_000:
        yield Misfit("hourly_maximum", "Say how many messages may leave in an hour, as a number from 1 to 100,000.")
    if schedule.get("waves"):
        number, between = whole["waves"]["number"], whole["waves"]["days_between"]
        if not isinstance(number, int) or not 2 <= number <= 12:
            yield Misfit("waves", "Give 2 to 12 waves, or leave it empty for everybody at once.")
        if not isinstance(between, int) or not 1 <= between <= 60:
            yield Misfit("waves", "Say how many days there are between two waves, from 1 to 60.")


def _missing_days(whole: Mapping[str, Any], schedule: Mapping[str, Any]) -> Iterator[Misfit]:
    when = schedule.get("when") or When.SIGNAL
    if when != When.SIGNAL and not schedule.get("calendar"):
        yield Misfit("trigger", "Choose the calendar signal of the card that the day stands for.")
    if when == When.DATE and _date(schedule.get("date", "")) is None:
        yield _no_day("trigger", schedule.get("date", ""), "Choose the one day that it is about.")
    if when == When.YEARLY and not _is_yearly(whole["trigger"]["yearly"]):
        yield Misfit("trigger", "The day of each year does not exist. Choose a month and a day in it.")
    first, until = _date(whole["period"]["from"]), _date(whole["period"]["until"])
    if first is None:
        yield _no_day("period", whole["period"]["from"], "Choose the first day on which it may send.")
    if until is None:
        yield _no_day("period", whole["period"]["until"], "Choose the last day on which it may send.")
    if first is not None and until is not None and until < first:
        yield Misfit("period", "The last day is before the first. Swap them, or choose a later last day.")


def _no_day(field: str, typed: str, choose: str) -> Misfit:
    """`choose` where nothing was chosen; what was typed where it is no date."""
    return (
        Misfit(field, "“{typed}” is no date. Write it as 2027-01-31.", typed=typed) if typed else Misfit(field, choose)
    )


def _made(whole: Mapping[str, Any]) -> CampaignFile | list[Misfit]:
    try:
        return CampaignFile.model_validate(whole)
    except ValidationError as error:
        told = ((str(detail["loc"][0]) if detail["loc"] else "id", detail["msg"]) for detail in error.errors())
        return [Misfit(field if field in STEP_OF else "id", "{where}: {fault}", where=field, fault=fault)
                for field, fault in told]  # fmt: skip


def _number(typed: str) -> int | str:
    plain = typed.strip().replace(".", "").replace(" ", "")
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) < 10 else typed


def _date(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _is_yearly(yearly: Mapping[str, Any]) -> bool:
    month, day = yearly["month"], yearly["day"]
    if not isinstance(month, int) or not 1 <= month <= 12:
        return False
    return day == "last" or (isinstance(day, int) and _date(f"2028-{month:02}-{day:02}") is not None)
