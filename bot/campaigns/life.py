"""What people do with a campaign: write, approve, start, pause and stop it. Each leaves a row in the audit trail."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from bot.campaigns.content import keep
from bot.campaigns.file import CampaignFile, content_hash, file_of, hash_of, misfits
from bot.errors import RefusedError
from bot.store import ledger
from bot.store.tables import CampaignEditRow, CampaignRow
from bot.wording import Wording, with_own

#: The mark that says whether campaigns wrote words of their own since.
OWN_WORDINGS = "own_wordings"

LONGEST_REASON: Final = 1_000


class State(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"  # by people, for good
    FINISHED = "finished"  # its period is over


_OVER: Final = frozenset({State.STOPPED, State.FINISHED})


def add(
    session: Session, file: CampaignFile, wording: Wording, *, by: str, now: datetime, also: Collection[str] = ()
) -> CampaignRow:
    """Add a campaign, or change the one with this id. A change makes it a draft again and voids its approval.

    `also` are the others who had a hand in it: none of them may approve it. The same file once more changes nothing.
    Raises RefusedError for a campaign that was stopped, and when words of its own that were sent once would change or
    go.
    """
    name = _named(by)
    definition = file.definition()
    row = session.get(CampaignRow, file.id, with_for_update=True)
    if row is not None and row.definition == definition:
        return row
    if row is not None and row.state == State.STOPPED:
        raise RefusedError("{campaign} was stopped for good. Give the new campaign an id of its own.", campaign=file.id)
    if row is not None:
        _keeps_what_was_sent(session, row, file, wording)
    if file.wordings != (() if row is None else file_of(row).wordings):
        ledger.set_mark(session, OWN_WORDINGS, {"version": f"{now.isoformat()} {file.id}"}, now)
    action = "campaign.add" if row is None else "campaign.change"
    if row is None:
        row = row_of(file, wording, now)
    starts_at, ends_at = _bounds(file, wording)
    row.card, row.definition, row.state = file.card, definition, State.DRAFT
    row.starts_at, row.ends_at = starts_at, ends_at
    row.approved_by = row.approved_at = row.approved_hash = row.paused_because = None
    row.handed_over_by = row.handed_over_at = None
    session.add(row)
    session.flush()
    digest = content_hash(file, wording)
    hands = dict.fromkeys([name, *(_named(hand) for hand in also)])
    session.add_all(CampaignEditRow(campaign_id=file.id, at=now, by=hand, content_hash=digest) for hand in hands)
    _audit(session, row, action, by=name, now=now, hash=digest)
    return row


def row_of(file: CampaignFile, wording: Wording, now: datetime) -> CampaignRow:
    """The draft that this file would be. It is in no session: to look at it before it is added."""
    starts_at, ends_at = _bounds(file, wording)
    return CampaignRow(
        id=file.id,
        card=file.card,
        definition=file.definition(),
        state=State.DRAFT,
        created_at=now,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def hand_over(session: Session, campaign: str, wording: Wording, *, by: str, now: datetime) -> CampaignRow:
    """Say that it is ready for somebody to approve it; any change takes that back. Raises RefusedError.

    Staff hand it over with `funnel.freeze`, so that an approver sees whom it would have reached.
    """
    name = _named(by)
    row = _found(session, campaign)
    _refuse_unless_open(row, wording)
    _refuse_misfit(file_of(row), wording)
    row.handed_over_by, row.handed_over_at = name, now
    row.returned_by = row.returned_at = row.returned_because = None
    _audit(session, row, "campaign.hand_over", by=name, now=now, hash=content_hash(file_of(row), wording))
    return row


def take_back(session: Session, campaign: str, *, by: str, now: datetime) -> CampaignRow:
    """It is not ready after all. Raises RefusedError when it was not handed over."""
    name = _named(by)
    row = _found(session, campaign)
    if row.handed_over_at is None:
        raise RefusedError("{campaign} was not handed over, so there is nothing to take back.", campaign=campaign)
    row.handed_over_by = row.handed_over_at = None
    _audit(session, row, "campaign.take_back", by=name, now=now)
    return row


def send_back(
    session: Session, campaign: str, because: str, wording: Wording, *, by: str, now: datetime, seen: str | None = None
) -> CampaignRow:
    """To whoever wrote it, with what has to change first; its state stays as it is. Raises RefusedError.

    `seen`: the content hash of what was looked at; another one than that of today is refused.
    """
    name = _named(by)
    row = _found(session, campaign)
    _refuse_unless_open(row, wording)
    _refuse_unless_seen(row, wording, seen)
    if among(name, ledger.editors(session, [campaign])[campaign]):
        raise RefusedError(
            "{name} edited {campaign}. Somebody who did not must look at it.", name=name, campaign=campaign
        )
    reason = because.strip()
    if not reason:
        raise RefusedError("Say what has to change in {campaign}; whoever wrote it has to mend it.", campaign=campaign)
    if len(reason) > LONGEST_REASON:
        raise RefusedError("That is too long. Say what has to change in at most {most} characters.",
                           most=LONGEST_REASON)  # fmt: skip
    row.handed_over_by = row.handed_over_at = None
    row.returned_by, row.returned_at, row.returned_because = name, now, reason
    _audit(session, row, "campaign.send_back", by=name, now=now, because=reason)
    return row


def is_open(row: CampaignRow, wording: Wording) -> bool:
    """Whether an approval would change something: the campaign is not over, and not approved as it reads now."""
    return row.state not in _OVER and row.approved_hash != hash_of(row, wording)


def approve(
    session: Session, campaign: str, wording: Wording, *, by: str, now: datetime, seen: str | None = None
) -> CampaignRow:
    """Approve the campaign as it reads now, card and wordings included, and keep what was approved word for word.

    `seen`: the content hash of what the approver looked at; another one than that of today is refused. Raises
    RefusedError also for who ever edited it, and when there is nothing to approve.
    """
    name = _named(by)
    row = _found(session, campaign)
    file = file_of(row)
    if row.state in {State.STOPPED, State.FINISHED}:
        raise RefusedError("{campaign} is {state}, so there is nothing to approve.", campaign=campaign, state=row.state)
    if among(name, ledger.editors(session, [campaign])[campaign]):
        raise RefusedError(
            "{name} edited {campaign}. Somebody who did not must approve it.", name=name, campaign=campaign
        )
    _refuse_misfit(file, wording)
    digest = content_hash(file, wording)
    if row.approved_hash == digest:
        raise RefusedError(
            "{campaign} was approved by {approved_by} as it is, so there is nothing to approve.",
            campaign=campaign,
            approved_by=row.approved_by,
        )
    _refuse_unless_seen(row, wording, seen)
    row.approved_by, row.approved_at, row.approved_hash = name, now, digest
    row.handed_over_by = row.handed_over_at = None
    row.returned_by = row.returned_at = row.returned_because = None
    if row.state == State.DRAFT:
        row.state = State.APPROVED
    keep(session, row, wording)
    _audit(session, row, "campaign.approve", by=name, now=now, hash=digest)
    ledger.wake(session, row.id, now)
    return row


def start(session: Session, campaign: str, wording: Wording, *, by: str, now: datetime) -> CampaignRow:
    """Let it send, from now or from the first day of its period; also after a pause. Raises RefusedError.

    When a guard had paused it, what left before does not count again.
    """
    name = _named(by)
    row = _found(session, campaign)
    if row.state not in {State.APPROVED, State.PAUSED}:
        if row.state == State.DRAFT:
            raise RefusedError("{campaign} is a draft. Have it approved first.", campaign=campaign)
        raise RefusedError(
            "{campaign} is {state}. Only an approved or paused one can start.", campaign=campaign, state=row.state
        )
    if row.approved_hash != content_hash(file_of(row), wording):
        raise RefusedError(
            "The card or the wordings of {campaign} changed since it was approved. Have it approved again.",
            campaign=campaign,
        )
    if now >= row.ends_at:
        raise RefusedError(
            "The period of {campaign} is over. Give it a new one, and have it approved again.", campaign=campaign
        )
    row.state, row.paused_because = State.RUNNING, None
    ledger.count_from_now(session, f"{ledger.WATCHED_CAMPAIGN}{campaign}", now)
    _audit(session, row, "campaign.start", by=name, now=now)
    ledger.wake(session, row.id, now)
    return row


def pause(session: Session, campaign: str, because: str, *, by: str, now: datetime) -> CampaignRow:
    """Hold it until it is started again. Raises RefusedError when it does not run or no reason is given."""
    name = _named(by)
    row = _found(session, campaign)
    if row.state != State.RUNNING:
        raise RefusedError(
            "{campaign} is {state}; only a running campaign can be paused.", campaign=campaign, state=row.state
        )
    if not because.strip():
        raise RefusedError("Say why {campaign} is paused; its colleagues will want to know.", campaign=campaign)
    row.state, row.paused_because = State.PAUSED, because.strip()
    _audit(session, row, "campaign.pause", by=name, now=now, because=row.paused_because)
    return row


def stop(session: Session, campaign: str, *, by: str, now: datetime) -> CampaignRow:
    """End it for good. Raises RefusedError when it is over already."""
    name = _named(by)
    row = _found(session, campaign)
    if row.state in {State.STOPPED, State.FINISHED}:
        raise RefusedError("{campaign} is {state} already.", campaign=campaign, state=row.state)
    row.state, row.paused_because = State.STOPPED, None
    _audit(session, row, "campaign.stop", by=name, now=now)
    return row


def finish(session: Session, now: datetime) -> list[str]:
    """Close the campaigns whose period is over; return their ids."""
    query = select(CampaignRow).where(
        col(CampaignRow.state).in_([State.RUNNING, State.PAUSED]), col(CampaignRow.ends_at) <= now
    )
    rows = session.exec(query.order_by(col(CampaignRow.id))).all()
    for row in rows:
        row.state = State.FINISHED
        _audit(session, row, "campaign.finish", by="the calendar", now=now)
    return [row.id for row in rows]


def listing(session: Session) -> list[dict[str, Any]]:
    """Every campaign by id, with who had a hand in it. Moments are ISO 8601 in UTC."""
    rows = session.exec(select(CampaignRow).order_by(col(CampaignRow.id))).all()
    editors = ledger.editors(session, [row.id for row in rows])
    return [
        {
            "id": row.id,
            "title": row.definition["title"],
            "card": row.card,
            "state": row.state,
            "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat(),
            "edited_by": sorted(editors[row.id]),
            "approved_by": row.approved_by,
            "approved_at": row.approved_at and row.approved_at.isoformat(),
            "paused_because": row.paused_because,
        }
        for row in rows
    ]


def among(name: str, people: Collection[str]) -> bool:
    """Whether `name` is one of `people`, without regard to case and spaces around it."""
    return name.strip().casefold() in {person.strip().casefold() for person in people}


def _found(session: Session, campaign: str) -> CampaignRow:
    row = session.get(CampaignRow, campaign, with_for_update=True)
    if row is None:
        raise RefusedError("There is no campaign {campaign}.", campaign=campaign)
    return row


def _refuse_unless_open(row: CampaignRow, wording: Wording) -> None:
    if row.state in _OVER:
        raise RefusedError("{campaign} is {state}, so there is nothing to approve.", campaign=row.id, state=row.state)
    if not is_open(row, wording):
        raise RefusedError(
            "{campaign} was approved by {approved_by} as it is, so there is nothing to approve.",
            campaign=row.id,
            approved_by=row.approved_by,
        )


def _refuse_misfit(file: CampaignFile, wording: Wording) -> None:
    if faults := list(misfits(file, wording)):
        raise RefusedError("{campaign} is not fit to be approved: {faults}", campaign=file.id, faults="; ".join(faults))


def _refuse_unless_seen(row: CampaignRow, wording: Wording, seen: str | None) -> None:
    if seen is not None and seen != hash_of(row, wording):
        raise RefusedError(
            "{campaign} changed while you looked at it. Look at it as it is now, and decide then.", campaign=row.id
        )


def _keeps_what_was_sent(session: Session, row: CampaignRow, file: CampaignFile, wording: Wording) -> None:
    """People who got one can still ask for it, and what was learned is about those words."""
    before = {own.id for own in file_of(row).wordings}
    if not before:
        return
    after = {own.id for own in file.wordings}
    said = with_own(wording, file.wordings)
    changed = {
        name
        for (name, language), sent in ledger.frozen(session, before).items()
        if name not in after or not said.has(name) or said.wording_hash(name, language) != sent
    }
    if changed:
        raise RefusedError(
            "These words were sent once, so they stay as they were: {wordings}. Write the new words as a new wording, "
            "and choose that one instead.",
            wordings=", ".join(sorted(changed)),
        )


def _bounds(file: CampaignFile, wording: Wording) -> tuple[datetime, datetime]:
    """From midnight of the first day up to, not including, midnight after the last, in the municipality's zone."""
    zone = ZoneInfo(wording.municipality.zone)
    after = file.period.until + timedelta(days=1)
    return datetime.combine(file.period.first, time(), zone), datetime.combine(after, time(), zone)


def _audit(session: Session, row: CampaignRow, action: str, *, by: str, now: datetime, **detail: Any) -> None:
    session.add(row)
    ledger.audit(session, now, by, action, row.id, state=row.state, **detail)
    session.flush()


def _named(by: str) -> str:
    if not by.strip():
        raise RefusedError("Say who does this; a campaign has people who answer for it.")
    return by.strip()
