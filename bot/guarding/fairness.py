"""How people of each language, and about each theme, get on with what we write: counted, compared, and told to staff.

Nothing is decided about a person by it. What is of sensitivity S3 is not in it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from bot.core import guardrails, policy
from bot.core.disclosure import FEWEST
from bot.core.facts import Sensitivity
from bot.store import ledger, study
from bot.store.ledger import Answered, Told
from bot.store.tables import GuardRow
from bot.wording import Wording

FAIRNESS: Final = "fairness"
LANGUAGE, THEME = "language", "theme"
#: So far back it looks, and so often.
SPAN: Final = timedelta(days=365)
EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """How it goes with the people of one language or about one theme, over the messages that left to them.

    The counts are as they are, of however few people: whoever shows them hides those. `stops` and `welcome` are
    messages, `welcomed` the people who felt one welcome. `p_send` is the mean chance of being written to at the `drawn`
    moments; None: it never was drawn. `stops_more` and `welcome_less` are e-values against doing as well as the others;
    from `guardrails.ALARM` on it is hardly chance.
    """

    by: str
    group: str
    people: int
    sent: int
    stops: int
    welcome: int
    welcomed: int
    drawn: int
    p_send: float | None
    stops_more: float
    welcome_less: float


@dataclass(slots=True)
class _Tally:
    people: int = 0
    sent: int = 0
    stops: int = 0
    welcome: int = 0
    welcomed: set[str] = field(default_factory=set)
    drawn: int = 0
    chance: float = 0.0


def fairness(session: Session, wording: Wording, *, since: datetime) -> list[Group]:
    """Each language and theme, over what left after `since`."""
    found = []
    for by, tallies in _tallied(session, wording, since).items():
        for group, one in sorted(tallies.items()):
            others = [other for name, other in tallies.items() if name != group]
            found.append(
                Group(
                    by=by,
                    group=group,
                    people=one.people,
                    sent=one.sent,
                    stops=one.stops,
                    welcome=one.welcome,
                    welcomed=len(one.welcomed),
                    drawn=one.drawn,
                    p_send=one.chance / one.drawn if one.drawn else None,
                    stops_more=_stops_more(one.stops, one.sent, others),
                    welcome_less=_welcome_less(one, others),
                )
            )
    return found


def is_due(kept: Mapping[str, GuardRow], now: datetime) -> bool:
    row = kept.get(FAIRNESS)
    return row is None or now - datetime.fromisoformat(row.counts["at"]) >= EVERY


def worse(session: Session, wording: Wording, kept: Mapping[str, GuardRow], now: datetime) -> Iterator[tuple[str, str]]:
    """What to tell staff: languages and themes whose people clearly stop more than all others, and were not told of.

    Once a person has looked at one, what left before does not count for it again.
    """
    for by, tallies in _stops(session, wording, now - SPAN).items():
        for group, one in tallies.items():
            watched = f"{FAIRNESS}:{by}:{group}"
            row = kept.get(watched)
            if row is not None and row.alarm is not None:
                continue
            others = [other for name, other in tallies.items() if name != group]
            anew = None if row is None else row.counted_since
            fresh = one if anew is None else _stops(session, wording, max(anew, now - SPAN))[by].get(group, _Tally())
            if fresh.people >= FEWEST and _stops_more(fresh.stops, fresh.sent, others) >= guardrails.ALARM:
                about = "written to in" if by == LANGUAGE else "written to about the theme"
                yield watched, f"people who are {about} {group} stop clearly more often than all others"


def _stops(session: Session, wording: Wording, since: datetime) -> dict[str, dict[str, _Tally]]:
    return {
        LANGUAGE: _tally(ledger.by_group(session, "language", since)),
        THEME: _tally(ledger.by_group(session, "card", since, _themes(wording))),
    }


def _tallied(session: Session, wording: Wording, since: datetime) -> dict[str, dict[str, _Tally]]:
    found, themes = _stops(session, wording, since), _themes(wording)
    secret = study.sensitive_cards(session) | {
        known for known, card in wording.cards.items() if card.facts().sensitivity is Sensitivity.S3
    }
    answered = ledger.answered_since(session, since)
    for chunk in _chunks(answered, 1_000):
        answers = ledger.answers_to(session, [one.message for one in chunk])
        for one in chunk:
            if policy.felt_welcome(answers[one.message]) is True:
                for by, group in ((LANGUAGE, one.language), (THEME, themes.get(one.card, one.card))):
                    if group in found[by]:
                        found[by][group].welcome += 1
                        found[by][group].welcomed.add(one.citizen)
    for language, card, drawn, chance in ledger.chances_by_group(session, since):
        if card in secret:
            continue
        for by, group in ((LANGUAGE, language), (THEME, themes.get(card, card))):
            if group in found[by]:
                found[by][group].drawn += drawn
                found[by][group].chance += chance
    return found


def _tally(rows: Iterable[Told]) -> dict[str, _Tally]:
    return {row.group: _Tally(people=row.people, sent=row.sent, stops=row.stops) for row in rows}


def _themes(wording: Wording) -> dict[str, str]:
    return {known: card.theme for known, card in wording.cards.items()}


def _stops_more(stops: int, sent: int, others: Sequence[_Tally]) -> float:
    """Against stopping no more often than the others; of their own rate the highest that their counts allow."""
    of = sum(other.sent for other in others)
    if not of or not sent:
        return 1.0
    _, most = guardrails.bounds(sum(other.stops for other in others), of)
    return 1.0 if most >= 1 else guardrails.evidence(stops, sent, most)


def _welcome_less(one: _Tally, others: Sequence[_Tally]) -> float:
    """Against being welcome no less often than with the others; of their rate the lowest that their counts allow."""
    of = sum(other.sent for other in others)
    if not of or not one.sent:
        return 1.0
    least, _ = guardrails.bounds(sum(other.welcome for other in others), of)
    return 1.0 if least <= 0 else guardrails.evidence(one.welcome, one.sent, least, guardrails.LOWER)


def _chunks(rows: Sequence[Answered], size: int) -> Iterator[Sequence[Answered]]:
    for first in range(0, math.ceil(len(rows) / size) * size, size):
        yield rows[first : first + size]
