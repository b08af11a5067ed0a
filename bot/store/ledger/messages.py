"""Outgoing messages and what came back on them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from bot.core.facts import (
    Answer,
    Choice,
    Purpose,
)
from bot.store.ledger.common import table_of
from bot.store.tables import (
    AnswerRow,
    CampaignRow,
    CitizenRow,
    FrozenRow,
    MessageRow,
    OfferRow,
    SignalRow,
)

#: Messages that count as a contact: those that arrived, may have arrived, or are on their way.
ON_THE_WAY = ("due", "leased", "sending")
COUNTS = ("sent", "uncertain", *ON_THE_WAY)
NUDGE = Purpose.NUDGE
#: What is in a message's body only until it has left.
SEALED = frozenset({"sealed", "document"})
DUE_AGAIN: Mapping[str, Any] = {"state": "due", "owner": None, "leased_until": None}

MESSAGE, CITIZEN, OFFER = table_of(MessageRow), table_of(CitizenRow), table_of(OfferRow)
_C = MESSAGE.c


#: Said as in the indices: with a parameter in place of the word no planner would take them.
_DUE: ColumnElement[str] = literal_column("'due'")
_LEASED: ColumnElement[str] = literal_column("'leased'")
_SENDING: ColumnElement[str] = literal_column("'sending'")
_SENT: ColumnElement[str] = literal_column("'sent'")
_UNCERTAIN: ColumnElement[str] = literal_column("'uncertain'")


def _under_way(message: FromClause) -> ColumnElement[bool]:
    return message.c["state"].in_((_LEASED, _SENDING))


def leasable(session: Session, now: datetime, purposes: Collection[int], limit: int) -> list[tuple[int, int]]:
    """What may leave now, as (message, purpose): replies first, at most one for each chat, none to a busy chat.

    The rows come locked; those that another process looks at are passed over.
    """
    earlier = MESSAGE.alias("earlier")
    flying = MESSAGE.alias("flying")
    statement = (
        select(_C.id, _C.purpose)
        .join(CITIZEN, CITIZEN.c.id == _C.citizen_id)
        .where(
            _C.state == _DUE,
            _C.due_at <= now,
            or_(CITIZEN.c.next_ok_at.is_(None), CITIZEN.c.next_ok_at <= now),
            ~select(flying.c.id).where(flying.c.citizen_id == _C.citizen_id, _under_way(flying)).exists(),
            ~select(earlier.c.id)
            .where(
                earlier.c.citizen_id == _C.citizen_id,
                earlier.c.state == _DUE,
                earlier.c.due_at <= now,
                or_(
                    earlier.c.purpose < _C.purpose,
                    and_(earlier.c.purpose == _C.purpose, earlier.c.id < _C.id),
                ),
            )
            .exists(),
        )
        .order_by(_C.purpose, _C.due_at, _C.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=MESSAGE)
    )
    if not set(Purpose) <= set(purposes):
        statement = statement.where(_C.purpose.in_(purposes))
    return [(row.id, row.purpose) for row in session.execute(statement)]


def set_aside(session: Session, messages: Collection[int], owner: str, until: datetime) -> None:
    change = update(MESSAGE).where(_C.id.in_(messages)).values(state="leased", owner=owner, leased_until=until)
    session.execute(change)


def take_back(session: Session, *, but: str | None = None, ended: datetime | None = None) -> None:
    """Make due again what was set aside: all of it, that of everybody `but` one, or what `ended` by then."""
    which = [_under_way(MESSAGE), _C.state == _LEASED]
    if but is not None:
        which.append(_C.owner != but)
    if ended is not None:
        which.append(_C.leased_until <= ended)
    session.execute(update(MESSAGE).where(*which).values(**DUE_AGAIN))


def departing(session: Session, owner: str, messages: Collection[int]) -> Sequence[Row[Any]]:
    """Those of `messages` that are set aside for `owner`, locked, replies first."""
    columns = (
        _C.id, _C.citizen_id, _C.purpose, _C.expires_at, _C.body, _C.edits, _C.offer_id, _C.campaign_id, _C.card,
        _C.variant,
    )  # fmt: skip
    statement = select(*columns).where(_C.id.in_(messages), _C.state == _LEASED, _C.owner == owner).order_by(_C.id)
    # Locked in the order of their ids, as everywhere, so that nobody waits in a circle.
    rows = session.execute(statement.with_for_update()).all()
    return sorted(rows, key=lambda row: (row.purpose, row.id))


def in_flight_until(session: Session, now: datetime) -> Sequence[Row[Any]]:
    """Messages that began to leave and whose time to come back is over, locked."""
    statement = select(_C.id, _C.offer_id, _C.body).where(
        _under_way(MESSAGE), _C.state == _SENDING, _C.leased_until <= now
    )
    return session.execute(statement.with_for_update(skip_locked=True)).all()


def locked(session: Session, messages: Collection[int]) -> dict[int, Row[Any]]:
    """These messages as they are now; until the transaction ends nobody else changes them or whom they are for.

    People are locked before their messages everywhere, so nobody waits in a circle.
    """
    if session.get_bind().dialect.name == "postgresql":  # on SQLite nobody else writes meanwhile
        whose = select(_C.citizen_id).where(_C.id.in_(messages))
        people = select(CITIZEN.c.id).where(CITIZEN.c.id.in_(whose)).order_by(CITIZEN.c.id)
        session.execute(people.with_for_update(key_share=True)).all()
    statement = select(_C.id, _C.citizen_id, _C.state, _C.offer_id, _C.body).where(_C.id.in_(messages)).order_by(_C.id)
    return {row.id: row for row in session.execute(statement.with_for_update())}


def change_messages(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    """Write changes down, each with its `id` and the same other columns."""
    _change(session, MESSAGE, changes)


def change_offers(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    """The same for offers."""
    _change(session, OFFER, changes)


def _change(session: Session, table: Table, changes: Sequence[Mapping[str, Any]]) -> None:
    if changes:
        columns = {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in changes[0] if name != "id"}
        statement = update(table).where(table.c.id == bindparam("of_id")).values(columns)
        named = [
            {("of_id" if name == "id" else f"to_{name}"): value for name, value in change.items()} for change in changes
        ]
        session.connection().execute(statement, named)


def close(session: Session, messages: Collection[int], state: str, now: datetime) -> None:
    """End these in one state, without an error."""
    if messages:
        done = {"state": state, "closed_at": now, "owner": None, "leased_until": None, "error": None}
        session.execute(update(MESSAGE).where(_C.id.in_(messages)).values(**done))


def unseal(session: Session, rows: Collection[Row[Any]]) -> None:
    """Take out of the bodies of closed messages what was in them only until they left."""
    emptied = [
        {"id": row.id, "body": {name: value for name, value in row.body.items() if name not in SEALED}}
        for row in rows
        if row.body is not None and row.body.keys() & SEALED
    ]
    change_messages(session, emptied)


def close_offers(session: Session, offers: Collection[str], outcome: str, now: datetime) -> None:
    if offers:
        closed = update(OFFER).where(OFFER.c.id.in_(offers))
        session.execute(closed.values(state="closed", outcome=outcome, closed_at=now))


def not_before(session: Session, people: Collection[str], moment: datetime) -> None:
    """Nothing more goes to these chats before then."""
    if people:
        session.execute(update(CITIZEN).where(CITIZEN.c.id.in_(people)).values(next_ok_at=moment))


def offered(session: Session, offers: Collection[str]) -> dict[str, Row[Any]]:
    """Offers with their signals, by id: where they stand, and what the gate asks about them."""
    signal = table_of(SignalRow)
    columns = (
        OFFER.c.id.label("offer"), OFFER.c.citizen_id.label("person"), OFFER.c.window_end,
        OFFER.c.state, OFFER.c.outcome,
        signal.c.id, signal.c.type, signal.c.origin, signal.c.occurred_at, signal.c.received_at, signal.c.citizen_id,
    )  # fmt: skip
    statement = select(*columns).join(signal, signal.c.id == OFFER.c.signal_id).where(OFFER.c.id.in_(offers))
    return {row.offer: row for row in session.execute(statement)}


def addressees(session: Session, ids: Collection[str]) -> dict[str, Row[Any]]:
    """People with all that is known of them as such, by id, for who only looks."""
    return {row.id: row for row in session.execute(select(CITIZEN).where(CITIZEN.c.id.in_(ids)))}


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
    of_it = select(func.count()).where(_C.campaign_id == campaign)
    flying = of_it.where(_under_way(MESSAGE), _C.state == _SENDING).scalar_subquery()
    gone = of_it.where(_C.state.in_((_SENT, _UNCERTAIN)), _C.closed_at > since).scalar_subquery()
    return int(session.execute(select(flying + gone)).scalar_one())


def frozen(session: Session, variants: Collection[str] | None = None) -> dict[tuple[str, str], str]:
    """By (variant, language) the hash of what was sent first; of all variants when none are named."""
    table = table_of(FrozenRow)
    statement = select(table.c.variant, table.c.language, table.c.wording_hash)
    if variants is not None:
        statement = statement.where(table.c.variant.in_(variants))
    return {(row.variant, row.language): row.wording_hash for row in session.execute(statement)}


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
