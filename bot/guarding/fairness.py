"""How people of each language, and about each theme, get on with what we write: counted, compared, and told to staff.

Nothing is decided about a person by it. Groups of fewer than ten people are not shown. What is of sensitivity S3 is
not in it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from bot.core import guardrails, policy
from bot.store import ledger
from bot.store.ledger import Told
from bot.store.tables import GuardRow
from bot.wording import Wording

FAIRNESS: Final = "fairness"
LANGUAGE, THEME = "language", "theme"
LEAST: Final = 10
#: So far back it looks, and so often.
SPAN: Final = timedelta(days=365)
EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """How it goes with the people of one language or about one theme, over the messages that left to them.

    `welcome` and `stop` are shares of messages, None where the count is under ten and not nought. `p_send` is the mean
    chance of being written to where that was drawn; None: it never was. `stops_more` and `welcome_less` are e-values
    against doing as well as the others; 20 and above is hardly chance. `people` is at least ten.
    """

    by: str
    group: str
    people: int
    sent: int
    welcome: float | None
    stop: float | None
    p_send: float | None
    stops_more: float
    welcome_less: float


@dataclass(slots=True)
class _Tally:
    people: int = 0
    sent: int = 0
    stops: int = 0
    welcome: int = 0
    drawn: int = 0
    chance: float = 0.0


def fairness(session: Session, wording: Wording, *, since: datetime) -> list[Group]:
    """Each language and theme with at least ten people, over what left after `since`."""
    found = []
    for by, tallies in _tallied(session, wording, since).items():
        for group, one in sorted(tallies.items()):
            if one.people < LEAST:
                continue
            others = [other for name, other in tallies.items() if name != group]
            found.append(
                Group(
                    by=by,
                    group=group,
                    people=one.people,
                    sent=one.sent,
                    welcome=_share(one.welcome, one.sent),
                    stop=_share(one.stops, one.sent),
                    p_send=one.chance / one.drawn if one.drawn >= LEAST else None,
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
            if fresh.people >= LEAST and _stops_more(fresh.stops, fresh.sent, others) >= guardrails.ALARM:
                about = "written to in" if by == LANGUAGE else "written to about the theme"
                yield watched, f"people who are {about} {group} stop clearly more often than all others"


def _stops(session: Session, wording: Wording, since: datetime) -> dict[str, dict[str, _Tally]]:
    return {
        LANGUAGE: _tally(ledger.by_group(session, "language", since), {}),
        THEME: _tally(ledger.by_group(session, "card", since), _themes(wording)),
    }


def _tallied(session: Session, wording: Wording, since: datetime) -> dict[str, dict[str, _Tally]]:
    found, themes = _stops(session, wording, since), _themes(wording)
    answered = ledger.answered_since(session, since)
    for chunk in _chunks(answered, 1_000):
        answers = ledger.answers_to(session, [message for message, _, _ in chunk])
        for message, language, card in chunk:
            if policy.felt_welcome(answers[message]) is True:
                for by, group in ((LANGUAGE, language), (THEME, themes.get(card, card))):
                    if group in found[by]:
                        found[by][group].welcome += 1
    for language, card, drawn, chance in ledger.chances_by_group(session, since):
        for by, group in ((LANGUAGE, language), (THEME, themes.get(card, card))):
            if group in found[by]:
                found[by][group].drawn += drawn
                found[by][group].chance += chance
    return found


def _tally(rows: Iterable[Told], renamed: Mapping[str, str]) -> dict[str, _Tally]:
    """Groups under one name are added up. Of people there are at least as many as in the largest of them."""
    found: dict[str, _Tally] = defaultdict(_Tally)
    for row in rows:
        one = found[renamed.get(row.group, row.group)]
        one.people = max(one.people, row.people)
        one.sent += row.sent
        one.stops += row.stops
    return dict(found)


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


def _share(count: int, of: int) -> float | None:
    return count / of if of and (not count or count >= LEAST) else None


def _chunks(rows: Sequence[tuple[int, str, str]], size: int) -> Iterator[Sequence[tuple[int, str, str]]]:
    for first in range(0, math.ceil(len(rows) / size) * size, size):
        yield rows[first : first + size]
