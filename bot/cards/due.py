"""What has to be looked at again on the cards, and when."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from bot.core.facts import CardStatus
from bot.wording import Wording

#: An official page is read again twice a year: amounts change on 1 January and 1 July.
PAGE_AGAIN: Final = timedelta(days=183)


class Look(StrEnum):
    PAGE = "page"  # whether the official page says the same as the card
    REVIEW = "review"  # the whole card
    END = "end"  # the card's own last day


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """`day` None: it should have been done before anybody was written to. `last` is when it was done last."""

    card: str
    name: str
    look: Look
    day: date | None
    last: date | None

    def late(self, today: date) -> bool:
        return self.day is None or self.day < today


def due(wording: Wording, *, until: date | None = None) -> list[Due]:
    """What has to be looked at on cards that are not over, the most urgent first; until a day, or all of it."""
    found = []
    for card in wording.cards.values():
        if card.status is CardStatus.EXPIRED:
            continue
        seen = card.official_page.checked_on
        looks = [
            (Look.PAGE, None if seen is None else seen + PAGE_AGAIN, seen),
            (Look.REVIEW, card.review_due, card.reviewed_on),
        ]
        if card.valid_until is not None:
            looks.append((Look.END, card.valid_until, None))
        found += [
            Due(card=card.id, name=card.name, look=look, day=day, last=last)
            for look, day, last in looks
            if until is None or day is None or day <= until
        ]
    return sorted(found, key=lambda one: (one.day or date.min, one.name, one.look))
