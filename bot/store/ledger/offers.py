"""Signals, and the offers that they lead to."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, literal, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from bot.core.facts import Campaign, Origin, Reason
from bot.core.talk import Standing
from bot.store.ledger.audience import newest_given, scanned
from bot.store.ledger.common import add_new, one_of, table_of
from bot.store.tables import (
    CampaignEditRow,
    CampaignRow,
    CitizenRow,
    Moment,
    OfferRow,
    SignalRow,
    WorldRow,
)

_COLUMNS = [
    "id",
    "signal_id",
    "campaign_id",
    "citizen_id",
    "state",
    "look_at",
    "window_end",
    "decisions",
    "created_at",
]
_MOVES = ("state", "look_at", "outcome", "decisions", "closed_at")
_EDITORS = (
    select(col(CampaignEditRow.campaign_id), col(CampaignEditRow.by))
    .where(one_of(col(CampaignEditRow.campaign_id), "campaigns"))
    .distinct()
)


class Unplanned(NamedTuple):
    """What planning needs of a signal."""

    id: str
    source: str
    type: str
    card: str | None
    origin: str
    occurred_at: datetime
    received_at: datetime
    citizen_id: str | None
    addressed: bool


class OfferedSignal(NamedTuple):
    """What the gate needs of the signal that led to an offer."""

    id: str
    type: str
    origin: str
    occurred_at: datetime
    received_at: datetime
    citizen_id: str | None


class DueOffer(NamedTuple):
    """An offer that is to be decided about."""

    id: str
    campaign_id: str
    citizen_id: str
    look_at: datetime
    window_end: datetime
    outcome: str | None
    decisions: int
    signal: OfferedSignal


def unplanned(session: Session, limit: int) -> Sequence[Unplanned]:
    """Signals without an outcome, the oldest first; nobody else plans them until the transaction ends."""
    statement = (
        select(*(col(getattr(SignalRow, name)) for name in Unplanned._fields))
        .where(col(SignalRow.outcome).is_(None))
        .order_by(col(SignalRow.received_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Unplanned(*row) for row in session.execute(statement)]


def stop_planning(session: Session) -> None:
    """Wait until nobody plans or decides, and let nobody begin before the transaction ends.

    On SQLite who writes is alone anyway. The order is that of planning, so that neither waits for the other for good.
    """
    if session.get_bind().dialect.name == "postgresql":
        for table in (SignalRow, OfferRow):
            session.execute(text(f"LOCK TABLE {table_of(table).name} IN EXCLUSIVE MODE"))


def plan(session: Session, outcomes: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Write down what became of signals: their ids by outcome."""
    for outcome, ids in outcomes.items():
        planned = update(SignalRow).where(col(SignalRow.id).in_(ids)).values(outcome=outcome, planned_at=now)
        session.execute(planned, execution_options={"synchronize_session": False})


def offer_row(signal: Unplanned, campaign: str, now: datetime, end: datetime) -> dict[str, Any]:
    """The offer to the person whom the signal names."""
    return {
        "id": f"{signal.id}.{campaign}.{signal.citizen_id}",
        "signal_id": signal.id,
        "campaign_id": campaign,
        "citizen_id": signal.citizen_id,
        "state": "open",
        "look_at": now,
        "window_end": end,
        "decisions": 0,
        "created_at": now,
    }


def offer_to(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make these offers, each once."""
    if rows:
        session.execute(_insert(session)(table_of(OfferRow)).on_conflict_do_nothing(), list(rows))


def offer_to_all(session: Session, signal: str, campaign: Campaign, now: datetime, end: datetime) -> int:
    """Offer it to all who gave consent for the theme and told one of the campaign's situations, when it names any.

    Return how many offers were new.
    """
    person, told = table_of(CitizenRow), table_of(SignalRow)
    consent, given = newest_given(session, campaign.theme)
    one_of_them = select(told.c.id).where(
        told.c.citizen_id == person.c.id, told.c.origin == Origin.SELF, told.c.type.in_(campaign.situations)
    )
    narrowed = (one_of_them.exists(),) if campaign.situations else ()
    who = (
        select(
            literal(f"{signal}.{campaign.id}.") + person.c.id,
            literal(signal),
            literal(campaign.id),
            person.c.id,
            literal("open"),
            literal(now, Moment()),
            literal(end, Moment()),
            literal(0),
            literal(now, Moment()),
        )
        .join(consent, consent.c.citizen_id == person.c.id)
        .where(scanned(session, person.c.standing) == Standing.ACTIVE, given, *narrowed)
    )
    statement = _insert(session)(table_of(OfferRow)).from_select(_COLUMNS, who).on_conflict_do_nothing()
    # On PostgreSQL SQLAlchemy does not keep an insert's count unless it is asked to.
    done = session.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount  # type: ignore[attr-defined,no-any-return]


def due_offers(session: Session, now: datetime, limit: int) -> Sequence[DueOffer]:
    """Open offers whose time for a look has come, who waits longest first.

    They and the people they are for come locked. What is for somebody whom another process looks at is passed over,
    so that nobody waits here, and so nobody waits in a circle.
    """
    offer, signal, person = table_of(OfferRow), table_of(SignalRow), table_of(CitizenRow)
    statement = (
        select(*(offer.c[name] for name in DueOffer._fields[:-1]), *(signal.c[name] for name in OfferedSignal._fields))
        .join(signal, signal.c.id == offer.c.signal_id)
        .join(person, person.c.id == offer.c.citizen_id)
        .where(offer.c.state == literal("open", literal_execute=True), offer.c.look_at <= now)
        .order_by(offer.c.look_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=[offer, person])
    )
    own = len(DueOffer._fields) - 1
    return [DueOffer._make([*row[:own], OfferedSignal._make(row[own:])]) for row in session.execute(statement)]


def move_offers(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down where these offers stand now, all in one statement: `id`, and every column that can change."""
    if rows:
        table = table_of(OfferRow)
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _MOVES}
        moved = update(table).where(table.c.id == bindparam("old_id")).values(values)
        session.execute(moved, [{"old_id": row["id"]} | {f"new_{name}": row[name] for name in _MOVES} for row in rows])


def count_anew(session: Session) -> None:
    """Let PostgreSQL look at how the offers lie after many came at once; until then it plans as if there were none."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE offer"))


def backlog(session: Session, now: datetime, most: int) -> tuple[int, int]:
    """How many signals wait to be planned, and how many offers to be decided about; each counted to `most` only."""

    def count(*conditions: Any) -> int:
        some = select(literal(1)).where(*conditions).limit(most).subquery()
        return int(session.execute(select(func.count()).select_from(some)).scalar_one())

    return count(col(SignalRow.outcome).is_(None)), count(col(OfferRow.state) == "open", col(OfferRow.look_at) <= now)


def reopen(session: Session, citizen: str, reason: str, cards: Collection[str], now: datetime) -> None:
    """Look again at offers about these cards that were closed for `reason` and whose window is still open."""
    campaigns = select(CampaignRow.id).where(col(CampaignRow.card).in_(cards))  # type: ignore[call-overload]
    session.execute(
        update(OfferRow)
        .where(
            col(OfferRow.citizen_id) == citizen,
            col(OfferRow.state) == "closed",
            col(OfferRow.outcome) == reason,
            col(OfferRow.campaign_id).in_(campaigns),
            col(OfferRow.window_end) > now,
        )
        .values(state="open", outcome=None, closed_at=None, look_at=now)
    )


def shut_offers(session: Session, citizen: str) -> None:
    """Nothing that was closed for want of a consent is looked at again, should somebody come back under this chat."""
    theirs = update(OfferRow).where(col(OfferRow.citizen_id) == citizen, col(OfferRow.outcome) == Reason.NO_CONSENT)
    session.execute(theirs.values(outcome=Reason.STOPPED))


def wake(session: Session, campaign: str, now: datetime) -> None:
    """Look now at the offers that waited for this campaign to run."""
    waited = col(OfferRow.outcome) == Reason.CAMPAIGN_NOT_RUNNING
    session.execute(
        update(OfferRow)
        .where(col(OfferRow.campaign_id) == campaign, col(OfferRow.state) == "open", waited)
        .values(look_at=now)
    )


def editors(session: Session, campaigns: Collection[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for campaign, by in session.execute(_EDITORS, {"campaigns": list(campaigns)}):
        found[campaign].add(by)
    return found


def keep_worlds(session: Session, records: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Keep each record under its hash, in this order; those that are there are left as they are."""
    add_new(session, WorldRow, [{"hash": key, "record": dict(record)} for key, record in records])


def _insert(session: Session) -> Any:
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
