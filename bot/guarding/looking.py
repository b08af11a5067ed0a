"""What is new since the last look, and what is wrong with it. Reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from bot.campaigns import State
from bot.core import guardrails
from bot.guarding import chances, fairness
from bot.planning import LEARNING
from bot.store import conversation, ledger
from bot.store.ledger import WATCHED_CAMPAIGN, WATCHED_VARIANT, Stopped
from bot.store.tables import CampaignRow, GuardRow
from bot.wording import Wording

#: The row that holds up to when messages and stops are counted.
STOPS: Final = "stops"
#: What is younger may still be joined by rows whose transaction is not over: it is counted anew each time.
UNSETTLED: Final = timedelta(minutes=10)
#: At the first look at an old ledger, rows of stops from before this are counted but no longer looked at one by one.
TRIPS: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is wrong. `said` is an English sentence without a full stop."""

    watched: str
    said: str


@dataclass(kw_only=True)
class Seen:
    """What a look found: `counts` to be kept by what is watched, and `alarms`, campaigns first.

    `based_on` is when the counts that it went on from were written; None: there were none. `since`: from when on each
    was counted; a person may have begun a count anew meanwhile.
    """

    now: datetime
    based_on: datetime | None
    since: Mapping[str, datetime | None]
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(slots=True)
class _Count:
    """Messages and stops after them: those that are settled and all."""

    sends: int = 0
    stops: int = 0
    settled_sends: int = 0
    settled_stops: int = 0


def look(session: Session, wording: Wording, now: datetime) -> Seen:
    """Count what is new, and say what is wrong that was not said yet."""
    kept = ledger.guards(session)
    stops = kept.get(STOPS)
    seen = Seen(
        now=now,
        based_on=None if stops is None else stops.updated_at,
        since={watched: row.counted_since for watched, row in kept.items()},
    )
    _look_at_stops(session, wording, kept, seen)
    learned = kept.get(LEARNING)
    seen.counts[LEARNING], broken = chances.look(session, learned, now - UNSETTLED)
    if broken is not None and (learned is None or learned.alarm is None):
        seen.alarms.append(Alarm(LEARNING, broken))
    if fairness.is_due(kept, now):
        seen.counts[fairness.FAIRNESS] = {"at": now.isoformat()}
        seen.alarms += [Alarm(watched, said) for watched, said in fairness.worse(session, wording, kept, now)]
    return seen


def _look_at_stops(session: Session, wording: Wording, kept: Mapping[str, GuardRow], seen: Seen) -> None:
    marked = kept.get(STOPS)
    cursor = None if marked is None else datetime.fromisoformat(marked.counts["until"])
    settled = seen.now - UNSETTLED
    fresh = [stop for stop in ledger.stops(session, cursor) if stop.at <= stop.sent_at + wording.rules.window]
    counts = _counted(session, kept, fresh, cursor, settled)
    running = _running(session, fresh)
    paused = conversation.paused_variants(session)
    rate = wording.rules.stops_per_thousand / 1000
    by_stop: dict[str, list[Stopped]] = defaultdict(list)
    for stop in fresh:
        by_stop[WATCHED_CAMPAIGN + stop.campaign].append(stop)
        by_stop[WATCHED_VARIANT + stop.variant].append(stop)
    said: set[tuple[int, int]] = set()
    for watched in sorted(by_stop):  # campaigns before their variants
        row, count = kept.get(watched), counts[watched]
        named = watched.removeprefix(WATCHED_VARIANT)
        asleep = named in paused if named != watched else watched.removeprefix(WATCHED_CAMPAIGN) not in running
        if asleep or (row is not None and row.alarm is not None):
            continue
        since = None if row is None else row.counted_since
        lately = [stop for stop in by_stop[watched] if stop.at >= seen.now - TRIPS and _counts(stop, since)]
        why = _too_many(count, rate) or _too_close(session, watched, lately, count, since)
        # A campaign with one wording is paused once, not once more for the same messages.
        if why is not None and (count.sends, count.stops) not in said:
            said.add((count.sends, count.stops))
            seen.alarms.append(Alarm(watched, why))
    for watched, count in counts.items():
        seen.counts[watched] = {"sends": count.settled_sends, "stops": count.settled_stops}
    seen.counts[STOPS] = {"until": max(settled, cursor or settled).isoformat()}


def _counted(
    session: Session,
    kept: Mapping[str, GuardRow],
    fresh: Sequence[Stopped],
    cursor: datetime | None,
    settled: datetime,
) -> dict[str, _Count]:
    """By what is watched all that counts of it: what was settled before, and what is new."""
    counts: dict[str, _Count] = defaultdict(_Count)
    for watched, row in kept.items():
        if watched.startswith((WATCHED_CAMPAIGN, WATCHED_VARIANT)):
            sends, stops = row.counts.get("sends", 0), row.counts.get("stops", 0)
            counts[watched] = _Count(sends, stops, sends, stops)
    anew = {
        watched: row.counted_since
        for watched, row in kept.items()
        if row.counted_since is not None and (cursor is None or row.counted_since > cursor)
    }
    shown_by: dict[str, set[str]] = defaultdict(set)
    for campaign, variant, every, by_then in ledger.left(session, cursor, settled):
        shown_by[variant].add(campaign)
        for watched in {WATCHED_CAMPAIGN + campaign, WATCHED_VARIANT + variant} - anew.keys():
            counts[watched].sends += every
            counts[watched].settled_sends += by_then
    for watched, since in anew.items():
        if watched.startswith(WATCHED_CAMPAIGN):
            every, by_then = ledger.left_of(session, since, settled, campaigns=[watched.removeprefix(WATCHED_CAMPAIGN)])
        elif watched.startswith(WATCHED_VARIANT):
            name = watched.removeprefix(WATCHED_VARIANT)
            every, by_then = ledger.left_of(session, since, settled, campaigns=shown_by[name], variant=name)
        else:
            continue
        counts[watched].sends += every
        counts[watched].settled_sends += by_then
    for stop in fresh:
        for watched in (WATCHED_CAMPAIGN + stop.campaign, WATCHED_VARIANT + stop.variant):
            if _counts(stop, kept[watched].counted_since if watched in kept else None):
                counts[watched].stops += 1
                counts[watched].settled_stops += stop.at <= settled
    return counts


def _counts(stop: Stopped, since: datetime | None) -> bool:
    return since is None or stop.sent_at > since


def _running(session: Session, fresh: Sequence[Stopped]) -> set[str]:
    rows = ledger.by_id(session, CampaignRow, {stop.campaign for stop in fresh})
    return {known for known, row in rows.items() if row.state == State.RUNNING}


def _too_many(count: _Count, rate: float) -> str | None:
    if not count.stops or guardrails.evidence(count.stops, count.sends, rate) < guardrails.ALARM:
        return None
    return (
        f"{count.stops} people stopped after {count.sends} messages, clearly more than the "
        f"{round(rate * 1000)} in 1,000 that people signed for"
    )


def _too_close(
    session: Session, watched: str, lately: Sequence[Stopped], count: _Count, since: datetime | None
) -> str | None:
    if count.stops < guardrails.STOPS:
        return None
    reach = 3 * guardrails.IN_A_ROW
    seen: set[int] = set()
    for stop in lately:
        if stop.message in seen:
            continue
        row = ledger.around(session, stop, reach, since=since, variant=watched.startswith(WATCHED_VARIANT))
        stopped = ledger.stopped_among(session, row)
        if guardrails.too_close([message in stopped for message in row]):
            return f"{guardrails.STOPS} people stopped within {guardrails.IN_A_ROW} messages in a row"
        # Of those that lie further in than a row is long, everything near them was looked at.
        here = row.index(stop.message)
        seen.update(row[max(0, here - reach + guardrails.IN_A_ROW) : here + reach - guardrails.IN_A_ROW + 1])
    return None
