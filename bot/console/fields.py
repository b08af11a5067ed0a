"""What the fields of campaigns and cards are called, as staff read them where two versions are held side by side."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from bot.console.words import N_

CAMPAIGN: Final[Mapping[str, str]] = {
    "id": N_("Short name"),
    "title": N_("Title"),
    "card": N_("Card"),
    "variants": N_("Texts"),
    "languages": N_("Languages"),
    "audience": N_("Audience"),
    "audience.linked_only": N_("Only people who used a code"),
    "audience.situations": N_("Only people who told one of these situations"),
    "trigger.signals": N_("Signals that set it off"),
    "trigger.calendar": N_("Calendar that sets it off"),
    "trigger.date": N_("On this day only"),
    "trigger.yearly": N_("Every year on"),
    "trigger.yearly.month": N_("Every year in month"),
    "trigger.yearly.day": N_("Every year on day"),
    "period.from": N_("First day"),
    "period.until": N_("Last day"),
    "waves": N_("Waves"),
    "waves.number": N_("Number of waves"),
    "waves.days_between": N_("Days between two waves"),
    "hourly_maximum": N_("At most an hour"),
    "learning": N_("Whether to write now"),
    "days": N_("Days of the calendar"),
}

CARD: Final[Mapping[str, str]] = {
    "version": N_("Version"),
    "status": N_("Status"),
    "example": N_("Only an example"),
    "theme": N_("Theme"),
    "sensitivity": N_("Sensitivity"),
    "name": N_("Name"),
    "plain": N_("In one sentence"),
    "body": N_("What people read about it"),
    "laws": N_("Laws"),
    "amount": N_("Amount"),
    "valid_from": N_("Valid from"),
    "valid_until": N_("Valid until"),
    "reviewed_on": N_("Read again on"),
    "review_due": N_("To be read again by"),
    "owner": N_("Owner"),
    "approved_by": N_("Approved by"),
    "professional_discretion": N_("Professionals may offer it"),
    "notes": N_("Notes"),
    "exceptions": N_("Exceptions to the rules of plain wording"),
    "official_page.url": N_("Official page"),
    "official_page.checked_on": N_("Official page checked on"),
    "wanted.groups": N_("Wanted by these groups"),
    "wanted.situations": N_("Wanted in these situations"),
    "wanted.not_wanted": N_("Not wanted"),
    "wanted.whom": N_("For whom, on the leaflet"),
    "wanted.signs": N_("How to recognise it, on the leaflet"),
    "signals": N_("Signals"),
    "related": N_("Services that go with it"),
    "providers": N_("Who meets these people"),
    "reuse": N_("What could be a signal for others"),
    "weighing.need": N_("Weighing: need"),
    "weighing.own_responsibility": N_("Weighing: own responsibility"),
    "weighing.paternalism_risk": N_("Weighing: risk of patronising"),
    "weighing.nature": N_("Weighing: nature"),
    "weighing.level": N_("Weighing: how far it goes"),
    "weighing.because": N_("Weighing: because"),
    "weighing.decided_by": N_("Weighing: decided by"),
    "weighing.decided_on": N_("Weighing: decided on"),
    "cadence.max_sends": N_("At most a year, for each person"),
    "cadence.min_gap_days": N_("Days between two messages, at least"),
    "cadence.silence_after_no_days": N_("Days of silence after a no"),
}

#: What is written with one word in a file and read with others.
VALUES: Final[Mapping[str, str]] = {
    "fixed": N_("always"),
    "trial": N_("an even lottery"),
    "adaptive": N_("a lottery that learns"),
    "inform": N_("inform"),
    "inform_and_offer_contact": N_("inform and offer contact"),
    "human_only": N_("leave it to people"),
    "draft": N_("draft"),
    "published": N_("published"),
    "suspended": N_("suspended"),
    "expired": N_("expired"),
    "low": N_("low"),
    "medium": N_("medium"),
    "high": N_("high"),
    "none": N_("none"),
    "fixed_national": N_("the same in the whole country"),
    "varies_personal": N_("differs for each person"),
    "varies_local": N_("differs for each municipality"),
    "in_kind": N_("in kind"),
    "money": N_("money"),
    "conversation": N_("a conversation"),
    "care": N_("care"),
    "delivers": N_("delivers it"),
    "advises": N_("advises"),
    "applies_for_you": N_("applies for people"),
    "meets_people": N_("meets these people"),
    "never": N_("never"),
    "on_contact_request": N_("when somebody asks for contact"),
    "on_citizen_action": N_("when somebody does it themselves"),
    "no": N_("no"),
    "with_consent": N_("with consent"),
    "by_law": N_("by law"),
    "often_together": N_("often together"),
    "alternative": N_("an alternative"),
    "first_do_this": N_("do this first"),
    "next_step": N_("the next step"),
    "self": N_("told by people themselves"),
    "calendar": N_("calendar"),
    "register": N_("register"),
    "professional": N_("professional"),
}

#: A part of the card whose sentences are free text, so that a single word in it is no code.
_FREE: Final = frozenset({"name", "plain", "body", "notes", "owner", "title"})
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def field(path: tuple[str, ...], names: Mapping[str, str]) -> str:
    """The name of a field, to be translated; one that nobody named is told as it stands in the file."""
    return names.get(".".join(path)) or ", ".join(path).replace("_", " ")


def as_day(said: str) -> date | None:
    """The date that this is, when it is one and written as 2027-01-31."""
    try:
        return date.fromisoformat(said) if _DAY.fullmatch(said) else None
    except ValueError:
        return None


def value(said: Any, path: tuple[str, ...] = ()) -> Any:
    """For a template: days as dates, codes as their words, parts of a card as lines. Lists stay lists."""
    if isinstance(said, str):
        return as_day(said) or (said if path and path[-1] in _FREE else VALUES.get(said, said))
    if isinstance(said, Mapping):
        return {str(name).replace("_", " "): value(part, (str(name),)) for name, part in said.items()}
    if isinstance(said, list | tuple):
        return [value(one, path) for one in said]
    return said
