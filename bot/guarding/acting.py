"""What follows from a look: something is paused and staff are told, and what a person does to let it go on."""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from bot import campaigns, upkeep
from bot.errors import RefusedError
from bot.guarding.looking import STOPS, Alarm, Seen
from bot.store import ledger
from bot.store.ledger import WATCHED_CAMPAIGN, WATCHED_VARIANT
from bot.store.tables import CampaignRow, GuardRow

#: Who pauses, in the audit trail.
WHO: Final = "guard"


def settle(session: Session, seen: Seen) -> list[Alarm]:
    """Write down what was counted, and do what follows; return the alarms that were new.

    Nothing at all when another process settled what it saw meanwhile: then the next look sees more.
    """
    marked = session.get(GuardRow, STOPS, with_for_update=True)
    if (None if marked is None else marked.updated_at) != seen.based_on:
        return []
    kept = ledger.guards(session)
    for watched, counts in seen.counts.items():
        row = kept.get(watched)
        if row is None:
            row = kept[watched] = GuardRow(watched=watched, counts=counts, updated_at=seen.now)
        elif row.counted_since != seen.since.get(watched):
            continue  # a person let it go on since we looked
        if watched == STOPS or row.counts != counts:
            row.counts, row.updated_at = counts, seen.now
        session.add(row)
    return [alarm for alarm in seen.alarms if _act(session, alarm, kept, seen)]


def go_on(session: Session, watched: str, *, by: str, now: datetime) -> None:
    """A person has looked at an alarm: what was paused goes on, and the count begins anew.

    A campaign goes on by being started. Raises RefusedError when there is no such alarm.
    """
    row = session.get(GuardRow, watched)
    if watched.startswith(WATCHED_CAMPAIGN) and row is not None and row.alarm is not None:
        raise RefusedError(
            "A campaign goes on by being started: {campaign}.", campaign=watched.removeprefix(WATCHED_CAMPAIGN)
        )
    if watched.startswith(WATCHED_VARIANT):
        upkeep.resume(session, watched.removeprefix(WATCHED_VARIANT), by=by, now=now)
        return
    if not ledger.count_from_now(session, watched, now):
        raise RefusedError("There is no alarm about {watched}; perhaps a colleague was earlier.", watched=watched)
    ledger.audit(session, now, by, "guard.go_on", watched)


def _act(session: Session, alarm: Alarm, kept: dict[str, GuardRow], seen: Seen) -> bool:
    """Whether it was new."""
    now = seen.now
    kind, _, name = alarm.watched.partition(":")
    row = kept.get(alarm.watched)
    if row is not None and (row.alarm is not None or row.counted_since != seen.since.get(alarm.watched)):
        return False
    if kind == "campaign":
        held = session.get(CampaignRow, name, with_for_update=True)
        if held is None or held.state != campaigns.State.RUNNING:
            return False
        campaigns.pause(session, name, alarm.said, by=WHO, now=now)
    elif kind == "variant":
        upkeep.pause(session, name, alarm.said, by=WHO, now=now)
    else:
        ledger.audit(session, now, WHO, "guard.alarm", alarm.watched, because=alarm.said)
    if row is None:
        row = kept[alarm.watched] = GuardRow(watched=alarm.watched, counts={}, updated_at=now)
    row.alarm, row.alarmed_at = alarm.said, now
    session.add(row)
    return True
