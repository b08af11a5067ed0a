"""Which changes one person may make, because they only make it quieter or say what is a fact."""

from dataclasses import replace
from datetime import time

from bot.core import outreach
from bot.core.facts import CardStatus, Rules
from bot.wording import Wording
from bot.wording.cards import ServiceCard

#: More of these is quieter.
_LONGER = ("min_gap", "open_question", "rest_start_days", "rest_floor_days", "rest_cap_days", "snooze_days")
#: Less of these is quieter.
_FEWER = ("per_month", "per_year", "per_card_year", "per_card_year_s3", "stops_per_thousand")
#: What a wording holds beside sentences and their translations.
_DECIDED = (
    "languages", "cards", "themes", "situations", "emergencies", "variants", "calendar", "rules", "values",
    "municipality", "book", "checks",
)  # fmt: skip
_BOUNDS = {*_LONGER, *_FEWER, "survey_gap", "quiet_from", "quiet_until", "no_sundays"}


def softer(before: Rules, after: Rules) -> bool:
    """Whether nobody can hear from us more often, sooner or at another time by `after` than by `before`.

    Rules of which neither direction is the softer one, such as how long a consent lasts, must be the same.
    """
    same = replace(before, **{name: getattr(after, name) for name in _BOUNDS}) == after
    return (
        same
        and all(getattr(after, name) >= getattr(before, name) for name in (*_LONGER, "survey_gap", "no_sundays"))
        and all(getattr(after, name) <= getattr(before, name) for name in _FEWER)
        and _quieter(before, after)
    )


def needs_two(before: Wording, after: Wording) -> bool:
    """Whether somebody else has to agree before these texts count.

    One person may make the rules softer, suspend a card, write down that its official page was checked or that somebody
    read a translation, and say when the team is there and how many people it can help. Everything else that is said or
    decided takes two.
    """
    if not softer(before.rules, after.rules) or before.cards.keys() != after.cards.keys():
        return True
    calm = {name: _by_one(card, after.cards[name]) for name, card in before.cards.items()}
    team = {name: getattr(after.municipality, name) for name in ("contacts_per_day", "working_days", "closed_on")}
    expected = replace(
        before,
        rules=after.rules,
        checks=after.checks,
        cards=calm,
        municipality=before.municipality.model_copy(update=team),
    )
    return not _alike(expected, after)


def _by_one(card: ServiceCard, after: ServiceCard) -> ServiceCard:
    """The card with those of its new values that one person may write."""
    fields: dict[str, object] = {
        "official_page": card.official_page.model_copy(update={"checked_on": after.official_page.checked_on})
    }
    if card.status is CardStatus.PUBLISHED and after.status is CardStatus.SUSPENDED:
        fields["status"] = after.status
    return card.model_copy(update=fields)


def _alike(one: Wording, other: Wording) -> bool:
    """Whether both say and decide the same; compiled catalogues and rules are compared by what they say."""
    if any(getattr(one, name) != getattr(other, name) for name in _DECIDED):
        return False
    said = one.sources.keys() == other.sources.keys() and all(
        one.sources[key] == other.sources[key] for key in one.sources
    )
    return said and all(
        one.forms(key, language) == other.forms(key, language) for language in one.languages for key in one.sources
    )


def _quieter(before: Rules, after: Rules) -> bool:
    """Whether what was quiet stays so. Between two of these times nothing changes, so that they stand for all."""
    turns = {time.min, before.quiet_from, before.quiet_until, after.quiet_from, after.quiet_until}
    return all(outreach.is_quiet(wall, after) for wall in turns if outreach.is_quiet(wall, before))
