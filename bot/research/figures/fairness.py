"""How people of each language and about each theme get on with what we write, as the guards see it.

It counts everybody, as numbers only, and not only whoever agreed to research: whom it goes badly with stops, and with
that ends this consent too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

from bot.core import guardrails
from bot.core.disclosure import FEWEST, LEAST_OF_RATE
from bot.guarding import Group
from bot.research.estimators.sequences import proportion_sequence
from bot.research.figures.hiding import few
from bot.research.figures.shape import Figure, Finding, Value, monday, too_few

#: So many whole weeks are looked at, beside the one that is not over yet.
SPAN: Final = timedelta(weeks=52)
BY: Final = {"fairness_languages": "language", "fairness_themes": "theme"}


def since(now: datetime) -> datetime:
    """The Monday in UTC from which on messages count."""
    return datetime.combine(monday(now.astimezone(UTC).date()), time(), UTC) - SPAN


def fairness(key: str, groups: Sequence[Group]) -> Figure:
    """One figure of BY: stops, what was felt welcome and the chance of being written to, each group beside the others.

    `stands` says whether a group does clearly worse than all others, as the guard judges it; None: some share of it is
    hidden, and by what is shown it does not. Shares are of messages. A share is hidden where fewer than five people
    stopped (felt one welcome), or fewer than five did not.
    """
    by = BY[key]
    found = [group for group in groups if group.by == by]
    columns = (by, "people", "messages", "stop_share", "low", "high", "welcome_share", "p_send", "stands")
    people = max((group.people for group in found), default=0)
    if nothing := too_few(key, columns, people):
        return nothing
    away = few([group.people for group in found])
    # Whoever stops does so once, so that stops count people.
    stops = _few_parts([(group.stops, group.people - group.stops) for group in found])
    welcome = _few_parts([(group.welcomed, group.people - group.welcomed) for group in found])
    rows: list[tuple[Value, ...]] = []
    told: list[tuple[Group, str | None]] = []
    for place, group in enumerate(found):
        if place in away:
            rows.append((group.group, *(None,) * (len(columns) - 1)))
            continue
        stands = _stands(group, stops=place not in stops, welcome=place not in welcome)
        told.append((group, stands))
        bounds = (group.stops / group.sent, *proportion_sequence(group.stops, group.sent))
        rows.append(
            (
                group.group,
                group.people,
                group.sent,
                *((None, None, None) if place in stops else bounds),
                None if place in welcome else group.welcome / group.sent,
                group.p_send if group.drawn >= FEWEST else None,
                stands,
            )
        )
    hidden = len(away | stops | welcome)
    return Figure(key=key, columns=columns, rows=tuple(rows), finding=_finding(told), people=people, hidden=hidden)


def _few_parts(parts: Sequence[tuple[int, int]]) -> set[int]:
    """Where too few people did something, or did not."""
    did, did_not = zip(*parts, strict=True)
    return few(did, LEAST_OF_RATE) | few([max(0, count) for count in did_not], LEAST_OF_RATE)


def _stands(group: Group, *, stops: bool, welcome: bool) -> str | None:
    """The code, from what is shown of a group only."""
    more = stops and group.stops_more >= guardrails.ALARM
    less = welcome and group.welcome_less >= guardrails.ALARM
    if more or less:
        return "both" if more and less else "stops_more" if more else "welcome_less"
    return "level" if stops and welcome else None


def _finding(told: Sequence[tuple[Group, str | None]]) -> Finding:
    """The group that stops most, of those that clearly stop more; else the one with the least that is welcome."""
    if more := [group for group, stands in told if stands in {"both", "stops_more"}]:
        most = max(more, key=lambda group: group.stops / group.sent)
        return Finding(code="stops_more", told={"a": most.group, "a_share": most.stops / most.sent})
    if less := [group for group, stands in told if stands == "welcome_less"]:
        least = min(less, key=lambda group: group.welcome / group.sent)
        return Finding(code="welcome_less", told={"a": least.group, "a_share": least.welcome / least.sent})
    if len(told) == 1:
        return Finding(code="alone", told={"a": told[0][0].group})
    return Finding(code="level" if any(stands == "level" for _, stands in told) else "hidden")
