"""Outgoing messages and what came back on them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select, update
from sqlmodel import Session, col

from bot.core.facts import (
    Answer,
    Choice,
    Purpose,
)
from bot.store.tables import (
    AnswerRow,
    CampaignRow,
    CitizenRow,
    FrozenRow,
    MessageRow,
    OfferRow,
)

#: Messages that count as a contact: those that arrived, may have arrived, or are on their way.
ON_THE_WAY = ("due", "leased", "sending")
COUNTS = ("sent", "uncertain", *ON_THE_WAY)
NUDGE = Purpose.NUDGE


def leasable(session: Session, now: datetime, purposes: Collection[int], limit: int) -> Sequence[MessageRow]:
    """What may leave now, replies first, at most one for each chat, and none to a chat that was just written to.

    The rows come locked; those that another process looks at are passed over.
    """
    busy = select(MessageRow.citizen_id).where(col(MessageRow.state).in_(("leased", "sending")))  # type: ignore[call-overload]
    earlier = MessageRow.__table__.alias("earlier")  # type: ignore[attr-defined]
    statement = (
        select(MessageRow)
        .join(CitizenRow, col(CitizenRow.id) == col(MessageRow.citizen_id))
        .where(
            col(MessageRow.state) == "due",
            col(MessageRow.due_at) <= now,
            col(MessageRow.purpose).in_(purposes),
            col(MessageRow.citizen_id).not_in(busy),
            or_(col(CitizenRow.next_ok_at).is_(None), col(CitizenRow.next_ok_at) <= now),
            ~select(earlier.c.id)
            .where(
                earlier.c.citizen_id == col(MessageRow.citizen_id),
                earlier.c.state == "due",
                earlier.c.due_at <= now,
                or_(
                    earlier.c.purpose < col(MessageRow.purpose),
                    and_(earlier.c.purpose == col(MessageRow.purpose), earlier.c.id < col(MessageRow.id)),
                ),
            )
            .exists(),
        )
        .order_by(col(MessageRow.purpose), col(MessageRow.due_at), col(MessageRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True, of=MessageRow)
    )
    return session.execute(statement).scalars().all()


def in_flight_until(session: Session, now: datetime) -> Sequence[MessageRow]:
    """Messages that began to leave and whose time to come back is over."""
    statement = select(MessageRow).where(col(MessageRow.state) == "sending", col(MessageRow.leased_until) <= now)
    return session.execute(statement.with_for_update(skip_locked=True)).scalars().all()


def locked(session: Session, messages: Iterable[int], *, people: bool = False) -> dict[int, MessageRow]:
    """These messages as they are now; nobody else changes them until the transaction ends.

    `people`: nor those they are for. People are locked before their messages everywhere, so nobody waits in a circle.
    """
    messages = set(messages)
    if people:
        whose = select(MessageRow.citizen_id).where(col(MessageRow.id).in_(messages))  # type: ignore[call-overload]
        people_first = select(CitizenRow.id).where(col(CitizenRow.id).in_(whose)).order_by(col(CitizenRow.id))  # type: ignore[call-overload]
        session.execute(people_first.with_for_update(key_share=True)).all()
    statement = select(MessageRow).where(col(MessageRow.id).in_(messages)).order_by(col(MessageRow.id))
    rows = session.execute(statement.with_for_update(), execution_options={"populate_existing": True}).scalars()
    return {row.id: row for row in rows if row.id is not None}


def recall(
    session: Session, now: datetime, reason: str, *, citizen_id: str, theme_cards: Collection[str] | None = None
) -> None:
    """Take back the nudges of a person that have not begun to leave, and close the offers that wait."""
    about = [col(MessageRow.citizen_id) == citizen_id, col(MessageRow.purpose) == NUDGE]
    offers = [col(OfferRow.citizen_id) == citizen_id, col(OfferRow.state) != "closed"]
    if theme_cards is not None:
        about.append(col(MessageRow.card).in_(theme_cards))
        campaigns = select(CampaignRow.id).where(col(CampaignRow.card).in_(theme_cards))  # type: ignore[call-overload]
        offers.append(col(OfferRow.campaign_id).in_(campaigns))
    session.execute(
        update(MessageRow)
        .where(*about, col(MessageRow.state).in_(("due", "leased")))
        .values(state="withdrawn", error=reason, closed_at=now)
    )
    in_flight = select(MessageRow.offer_id).where(  # type: ignore[call-overload]
        col(MessageRow.citizen_id) == citizen_id,
        col(MessageRow.state) == "sending",
        col(MessageRow.offer_id).is_not(None),
    )
    session.execute(
        update(OfferRow)
        .where(*offers, col(OfferRow.id).not_in(in_flight))
        .values(state="closed", outcome=reason, closed_at=now)
    )


def departed_since(session: Session, campaign: str, since: datetime) -> int:
    """How many nudges of a campaign left, or may have, after `since`; those in flight count."""
    statement = select(func.count()).where(
        col(MessageRow.campaign_id) == campaign,
        or_(
            col(MessageRow.state) == "sending",
            and_(col(MessageRow.state).in_(("sent", "uncertain")), col(MessageRow.closed_at) > since),
        ),
    )
    return int(session.execute(statement).scalar_one())


def frozen(session: Session) -> dict[tuple[str, str], str]:
    return {(row.variant, row.language): row.wording_hash for row in session.execute(select(FrozenRow)).scalars()}


def nudges_of(session: Session, citizen: str, limit: int) -> Sequence[MessageRow]:
    """The newest nudges that reached a person, or may have, newest first."""
    statement = (
        select(MessageRow)
        .where(
            col(MessageRow.citizen_id) == citizen,
            col(MessageRow.purpose) == NUDGE,
            col(MessageRow.state).in_(("sent", "uncertain")),
        )
        .order_by(col(MessageRow.id).desc())
        .limit(limit)
    )
    return session.execute(statement).scalars().all()


def received(session: Session, citizen: str) -> int:
    statement = select(func.count()).where(
        col(MessageRow.citizen_id) == citizen, col(MessageRow.purpose) == NUDGE, col(MessageRow.state) == "sent"
    )
    return int(session.execute(statement).scalar_one())


def answers_to(session: Session, messages: Collection[int]) -> dict[int, list[Answer]]:
    found: dict[int, list[Answer]] = defaultdict(list)
    statement = select(AnswerRow).where(col(AnswerRow.message_id).in_(messages)).order_by(col(AnswerRow.id))
    for row in session.execute(statement).scalars():
        found[row.message_id].append(Answer(choice=Choice(row.choice), at=row.at, until=row.until))
    return found


def answer(session: Session, message: int, choice: Choice) -> AnswerRow | None:
    statement = select(AnswerRow).where(col(AnswerRow.message_id) == message, col(AnswerRow.choice) == choice)
    return session.execute(statement).scalar_one_or_none()
