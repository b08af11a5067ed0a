"""A card as others may see it: providers in the domain, residents, other systems. No name of staff is in it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from bot.core.facts import CardStatus, Origin
from bot.wording import Wording
from bot.wording.cards import ServiceCard

#: What names people who work on the card, or is meant for them only.
_INTERNAL: Final = {"owner": True, "approved_by": True, "notes": True, "exceptions": True, "status": True}
_UNSAID: Final = {"name", "plain", "body", "theme", "wanted", "related", "signals", "weighing", "official_page"}


def on_show(wording: Wording, today: date) -> list[ServiceCard]:
    """The cards that anybody may see: published and within their dates, by id."""
    return sorted(
        (
            card
            for card in wording.cards.values()
            if card.status is CardStatus.PUBLISHED
            and card.valid_from <= today
            and (card.valid_until is None or today <= card.valid_until)
        ),
        key=lambda card: card.id,
    )


def summary(card: ServiceCard, wording: Wording, language: str) -> dict[str, Any]:
    """What a list needs of a card. Texts are in `language`, or in Dutch where they have no translation."""
    return {
        "id": card.id,
        "version": card.version,
        "example": card.example,
        "theme": {"id": card.theme, "title": wording.say(f"theme.{card.theme}", language)},
        "name": wording.say(f"card.{card.id}.name", language),
        "plain": wording.say(f"card.{card.id}.plain", language),
        "languages": _languages(card, wording),
    }


def view(card: ServiceCard, wording: Wording, language: str) -> dict[str, Any]:
    """The whole card for anybody: what it is, for whom, how to recognise it, whom to call, and what AP24 settled."""
    plain = card.model_dump(mode="json", exclude=_INTERNAL)
    return summary(card, wording, language) | {
        "body": wording.say(f"card.{card.id}.body", language),
        "whom": whom(card, wording, language),
        "signs": signs(card, wording, language),
        "said": said(card, wording, language),
        "contact": contact(wording, language),
        "official_page": {"url": card.page, "checked_on": _iso(card.official_page.checked_on)},
        **{name: value for name, value in plain.items() if name not in _UNSAID | {"id", "version", "example"}},
        "wanted": {name: plain["wanted"][name] for name in ("groups", "situations", "not_wanted")},
        "signals": [
            {name: signal[name] for name in ("type", "origin", "meaning", "data_used", "legal_basis", "enabled")}
            | {"window": {"earliest_day": signal["earliest_day"], "latest_day": signal["latest_day"]}}
            for signal in plain["signals"]
        ],
        "related": [
            {
                "card": related.card,
                "name": wording.say(f"card.{related.card}.name", language),
                "relation": related.relation,
            }
            for related in card.related
            if related.card in wording.cards
        ],
        "weighing": {
            name: value for name, value in plain["weighing"].items() if name not in {"decided_by", "decided_on"}
        },
    }


def whole(card: ServiceCard) -> dict[str, Any]:
    """The card as its file has it, for the people who work on it."""
    return card.model_dump(mode="json", exclude_none=True)


def whom(card: ServiceCard, wording: Wording, language: str) -> list[str]:
    """For whom it is, in sentences for the leaflet; without those, the groups as the policy officer wrote them."""
    key = f"card.{card.id}.whom"
    return [wording.say(key, language)] if wording.has(key) else list(card.wanted.groups)


def signs(card: ServiceCard, wording: Wording, language: str) -> list[str]:
    """How to recognise somebody for whom it may be, in sentences; without those, the situations of the card."""
    key = f"card.{card.id}.signs"
    return [wording.say(key, language)] if wording.has(key) else list(card.wanted.situations)


def said(card: ServiceCard, wording: Wording, language: str) -> list[str]:
    """What people themselves say when it may be about this card."""
    types = {signal.type for signal in card.signals if signal.enabled and signal.origin is Origin.SELF}
    return [
        wording.say(f"situation.{one.code}", language) for one in wording.situations.values() if one.signal in types
    ]


def contact(wording: Wording, language: str) -> dict[str, str]:
    """Whom to call: the team, never a person."""
    municipality = wording.municipality
    return {
        "municipality": municipality.name,
        "team": wording.say("municipality.team", language),
        "phone": municipality.phone,
        "hours": wording.say("municipality.contact_hours", language),
        "website": str(municipality.website).rstrip("/"),
    }


def read_aloud(card: ServiceCard, wording: Wording) -> list[tuple[str, list[str]]]:
    """The card as a policy officer reads it: a heading for each thing that AP24 asks, with lines below it."""
    weighing = card.weighing
    return [
        ("What is it?", [card.name, card.plain, "", *wording.say(f"card.{card.id}.body", "nl").splitlines()]),
        (
            "AP24-1  For whom, and in which situations, is an offer wanted?",
            [
                *_bullets("Groups", card.wanted.groups),
                *_bullets("Situations", card.wanted.situations),
                *_bullets("Not wanted", card.wanted.not_wanted),
            ],
        ),
        ("AP24-2  Which signals set it in motion?", [line for signal in card.signals for line in _signal(signal)]),
        (
            "AP24-3  Which other services go with it?",
            [f"- {_name(related.card, wording)} ({_words(related.relation)})" for related in card.related] or ["None."],
        ),
        (
            "AP24-4  Who meets these people, and what do they receive?",
            [
                f"- {one.name} ({_words(one.role)}): {', '.join(one.receives)}. "
                f"Personal data: {_words(one.personal_data)}."
                for one in card.providers
            ],
        ),
        (
            "AP24-5  What in a contact could be a signal for others?",
            [
                f"- {one.contact_item}, for {one.useful_for}: {_words(one.allowed)}. {one.legal} {one.practical}"
                for one in card.reuse
            ],
        ),
        (
            "The weighing: need, own responsibility, and the aversion to being patronised",
            [
                f"Need: {weighing.need}",
                f"Own responsibility: {weighing.own_responsibility}",
                f"Risk of patronising: {weighing.paternalism_risk}; nature: {_words(weighing.nature)}",
                f"Level: {_words(weighing.level)}, because {weighing.because}",
                f"Decided by {weighing.decided_by or 'nobody yet'}"
                + (f" on {weighing.decided_on}" if weighing.decided_on else ""),
            ],
        ),
        (
            "May professionals offer it at their own judgement?",
            [("Yes, with the person's agreement: " if card.professional_discretion else "No.") + _command(card)],
        ),
        (
            "What holds",
            [
                f"Status {card.status}, version {card.version}" + (", an example" if card.example else ""),
                f"Sensitivity {card.sensitivity}; theme {card.theme}; amount {_words(card.amount)}",
                f"Valid from {card.valid_from}" + (f" until {card.valid_until}" if card.valid_until else ""),
                f"Read again on {card.reviewed_on}; due again by {card.review_due}",
                f"Owner: {card.owner}. Approved by: {'; '.join(card.approved_by) or 'nobody yet'}",
                f"Page: {card.page}, "
                + (f"seen on {seen}" if (seen := card.official_page.checked_on) else "seen by nobody yet"),
                f"Laws: {'; '.join(card.laws)}",
                f"At most {card.cadence.max_sends} a year, {card.cadence.min_gap_days} days apart",
                f"Silent for {card.cadence.silence_after_no_days} days after a no",
                *([f"Notes: {card.notes}"] if card.notes else []),
            ],
        ),
    ]


def _signal(signal: Any) -> list[str]:
    state = "" if signal.enabled else ", switched off"
    lines = [
        f"- {signal.meaning} ({signal.origin}{state})",
        f"  from day {signal.earliest_day} to day {signal.latest_day}; {signal.type}",
        f"  uses {', '.join(signal.data_used) or 'nothing about anybody'}; {signal.legal_basis}",
    ]
    if signal.calendar is not None:
        lines.append(f"  when: {_when(signal.calendar.model_dump(mode='json', exclude_defaults=True))}")
    return lines


def _when(rule: Mapping[str, Any]) -> str:
    parts = []
    for name, value in rule.items():
        parts.append(f"{_words(name)} {_when(value) if isinstance(value, dict) else _words(str(value))}")
    return ", ".join(parts)


def _bullets(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"- {line}" for line in lines)]


def _name(card: str, wording: Wording) -> str:
    return wording.cards[card].name if card in wording.cards else card


def _command(card: ServiceCard) -> str:
    return f'handreiking offer {card.id} --to CODE --by "NAME, TEAM" --agreed' if card.professional_discretion else ""


def _words(value: str) -> str:
    return value.replace("_", " ")


def _languages(card: ServiceCard, wording: Wording) -> list[str]:
    """The languages in which all that citizens read of it is there, Dutch first."""
    keys = [f"card.{card.id}.{part}" for part in ("name", "plain", "body")]
    return [one for one in wording.languages if all(wording.forms(key, one) is not None for key in keys)]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
