"""Signals, and the offers that they lead to."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from bot.core.facts import (
    ConsentState,
    Reason,
)
from bot.core.talk import Standing
from bot.store.ledger.common import add_new
from bot.store.tables import (
    CampaignEditRow,
    CampaignRow,
    CitizenRow,
    ConsentRow,
    Moment,
    OfferRow,
    SignalRow,
    WorldRow,
)


def unplanned(session: Session, limit: int) -> Sequence[SignalRow]:
    statement = (
        select(SignalRow)
        .where(col(SignalRow.outcome).is_(None))
        .order_by(col(SignalRow.received_at), col(SignalRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.execute(statement).scalars().all()


def offer_to(session: Session, signal: SignalRow, campaign: str, theme: str, now: datetime, end: datetime) -> int:
    """Offer it to the person addressed, or to all who gave consent for the theme. Return how many offers were new."""
    newest = (
        select(func.max(ConsentRow.id).label("id"))
        .where(col(ConsentRow.theme) == theme, col(ConsentRow.state) != ConsentState.ASKED)
        .group_by(col(ConsentRow.citizen_id))
        .subquery()
    )
    who: Any = select(
        (literal(f"{signal.id}.{campaign}.") + col(CitizenRow.id)).label("id"),
        literal(signal.id),
        literal(campaign),
        col(CitizenRow.id),
        literal("open"),
        literal(now, Moment()),
        literal(end, Moment()),
        literal(0),
        literal(now, Moment()),
    )
    if signal.citizen_id is not None:
        who = who.where(col(CitizenRow.id) == signal.citizen_id)
    else:
        who = (
            who.join(ConsentRow, col(ConsentRow.citizen_id) == col(CitizenRow.id))
            .join(newest, newest.c.id == col(ConsentRow.id))
            .where(col(ConsentRow.state) == ConsentState.GIVEN, col(CitizenRow.standing) == Standing.ACTIVE)
        )
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    columns = [
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
    statement = make(OfferRow).from_select(columns, who).on_conflict_do_nothing()
    return session.execute(statement).rowcount  # type: ignore[attr-defined,no-any-return]


def due_offers(session: Session, now: datetime, limit: int) -> Sequence[OfferRow]:
    statement = (
        select(OfferRow)
        .where(col(OfferRow.state) == "open", col(OfferRow.look_at) <= now)
        .order_by(col(OfferRow.look_at), col(OfferRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.execute(statement).scalars().all()


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
    for row in session.execute(
        select(CampaignEditRow).where(col(CampaignEditRow.campaign_id).in_(campaigns))
    ).scalars():
        found[row.campaign_id].add(row.by)
    return found


def keep_world(session: Session, key: str, record: Mapping[str, Any]) -> None:
    add_new(session, WorldRow, [{"hash": key, "record": dict(record)}])
