"""Outgoing messages and what came back on them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    Table,
    Update,
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
from bot.store.ledger.common import one_of, table_of
from bot.store.tables import (
    AnswerRow,
    CampaignRow,
    CitizenRow,
    DecisionRow,
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
SIGNAL, FROZEN, DECISION = table_of(SignalRow), table_of(FrozenRow), table_of(DecisionRow)
_C = MESSAGE.c


#: Said as in the indices: with a parameter in place of the word no planner would take them.
_DUE: ColumnElement[str] = literal_column("'due'")
_LEASED: ColumnElement[str] = literal_column("'leased'")
_SENDING: ColumnElement[str] = literal_column("'sending'")
_SENT: ColumnElement[str] = literal_column("'sent'")
_UNCERTAIN: ColumnElement[str] = literal_column("'uncertain'")


def _under_way(message: FromClause) -> ColumnElement[bool]:
    return message.c["state"].in_((_LEASED, _SENDING))


def _leasable() -> Select[tuple[int, int]]:
    earlier, flying = MESSAGE.alias("earlier"), MESSAGE.alias("flying")
    now = bindparam("now", type_=_C.due_at.type)
    return (
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
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True, of=MESSAGE)
    )


_LEASABLE = _leasable()
_LEASABLE_FOR = _LEASABLE.where(one_of(_C.purpose, "purposes"))


def leasable(session: Session, now: datetime, purposes: Collection[int], limit: int) -> list[tuple[int, int]]:
    """What may leave now, as (message, purpose): replies first, at most one for each chat, none to a busy chat.

    The rows come locked; those that another process looks at are passed over.
    """
    given: dict[str, Any] = {"now": now, "most": limit}
    if set(Purpose) <= set(purposes):
        found = session.execute(_LEASABLE, given)
    else:
        found = session.execute(_LEASABLE_FOR, given | {"purposes": list(purposes)})
    return [(message, purpose) for message, purpose in found]


_SET_ASIDE = (
    update(MESSAGE)
    .where(one_of(_C.id, "messages"))
    .values(state="leased", owner=bindparam("by"), leased_until=bindparam("until", type_=_C.leased_until.type))
)


def set_aside(session: Session, messages: Collection[int], owner: str, until: datetime) -> None:
    if messages:
        session.execute(_SET_ASIDE, {"messages": list(messages), "by": owner, "until": until})


def take_back(session: Session, *, but: str | None = None, ended: datetime | None = None) -> None:
    """Make due again what was set aside: all of it, that of everybody `but` one, or what `ended` by then."""
    which = [_under_way(MESSAGE), _C.state == _LEASED]
    if but is not None:
        which.append(_C.owner != but)
    if ended is not None:
        which.append(_C.leased_until <= ended)
    session.execute(update(MESSAGE).where(*which).values(**DUE_AGAIN))


# Locked in the order of their ids, as everywhere, so that nobody waits in a circle.
_DEPARTING = (
    select(_C.id, _C.citizen_id, _C.purpose, _C.expires_at, _C.body, _C.edits, _C.offer_id, _C.campaign_id, _C.variant)
    .where(one_of(_C.id, "messages"), _C.state == _LEASED, _C.owner == bindparam("by"))
    .order_by(_C.id)
    .with_for_update()
)


def departing(session: Session, owner: str, messages: Collection[int]) -> Sequence[Row[Any]]:
    """Those of `messages` that are set aside for `owner`, locked, replies first."""
    rows = session.execute(_DEPARTING, {"messages": list(messages), "by": owner}).all()
    return sorted(rows, key=lambda row: (row.purpose, row.id))


def in_flight_until(session: Session, now: datetime) -> Sequence[Row[Any]]:
    """Messages that began to leave and whose time to come back is over, locked."""
    statement = select(_C.id, _C.offer_id, _C.body).where(
        _under_way(MESSAGE), _C.state == _SENDING, _C.leased_until <= now
    )
    return session.execute(statement.with_for_update(skip_locked=True)).all()


_LOCKED = (
    select(_C.id, _C.citizen_id, _C.state, _C.offer_id, _C.body)
    .where(one_of(_C.id, "messages"))
    .order_by(_C.id)
    .with_for_update()
)


def locked(session: Session, messages: Collection[int]) -> dict[int, Row[Any]]:
    """These messages as they are now; until the transaction ends nobody else changes them or whom they are for.

    People are locked before their messages everywhere, so nobody waits in a circle.
    """
    if session.get_bind().dialect.name == "postgresql":  # on SQLite nobody else writes meanwhile
        whose = select(_C.citizen_id).where(_C.id.in_(messages))
        people = select(CITIZEN.c.id).where(CITIZEN.c.id.in_(whose)).order_by(CITIZEN.c.id)
        session.execute(people.with_for_update(key_share=True)).all()
    return {row.id: row for row in session.execute(_LOCKED, {"messages": list(messages)})}


def change_messages(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    """Write changes down, each with its `id` and the same other columns."""
    _change(session, MESSAGE, changes)


def change_offers(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    """The same for offers."""
    _change(session, OFFER, changes)


def _change(session: Session, table: Table, changes: Sequence[Mapping[str, Any]]) -> None:
    if changes:
        names = {name: "of_id" if name == "id" else f"to_{name}" for name in changes[0]}
        named = [{names[name]: value for name, value in change.items()} for change in changes]
        session.connection().execute(_changing(table, tuple(names)), named)


@lru_cache(maxsize=64)
def _changing(table: Table, names: tuple[str, ...]) -> Update:
    columns = {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in names if name != "id"}
    return update(table).where(table.c.id == bindparam("of_id")).values(columns)


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


_CLOSE_OFFERS = (
    update(OFFER)
    .where(one_of(OFFER.c.id, "offers"))
    .values(state="closed", outcome=bindparam("how"), closed_at=bindparam("at", type_=OFFER.c.closed_at.type))
)


def close_offers(session: Session, offers: Collection[str], outcome: str, now: datetime) -> None:
    if offers:
        session.execute(_CLOSE_OFFERS, {"offers": list(offers), "how": outcome, "at": now})


_NOT_BEFORE = (
    update(CITIZEN)
    .where(one_of(CITIZEN.c.id, "people"))
    .values(next_ok_at=bindparam("moment", type_=CITIZEN.c.next_ok_at.type))
)


def not_before(session: Session, people: Collection[str], moment: datetime) -> None:
    """Nothing more goes to these chats before then."""
    if people:
        session.execute(_NOT_BEFORE, {"people": list(people), "moment": moment})


_OFFERED = (
    select(
        OFFER.c.id.label("offer"), OFFER.c.citizen_id.label("person"), OFFER.c.window_end,
        OFFER.c.state, OFFER.c.outcome,
        SIGNAL.c.id, SIGNAL.c.type, SIGNAL.c.origin, SIGNAL.c.occurred_at, SIGNAL.c.received_at, SIGNAL.c.citizen_id,
    )
    .join(SIGNAL, SIGNAL.c.id == OFFER.c.signal_id)
    .where(one_of(OFFER.c.id, "offers"))
)  # fmt: skip


def offered(session: Session, offers: Collection[str]) -> dict[str, Row[Any]]:
    """Offers with their signals, by id: where they stand, and what the gate asks about them."""
    return {row.offer: row for row in session.execute(_OFFERED, {"offers": list(offers)})}


def recall(
    session: Session, now: datetime, reason: str, *, citizen_id: str, theme_cards: Collection[str] | None = None
) -> None:
    """Take back the nudges of a person that have not begun to leave, and close the offers that wait.

    `theme_cards`: only those about these cards. Without it the notes go too.
    """
    purposes = (Purpose.NUDGE, Purpose.NOTE) if theme_cards is None else (Purpose.NUDGE,)
    about = [col(MessageRow.citizen_id) == citizen_id, col(MessageRow.purpose).in_(purposes)]
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


_OF_IT = select(func.count()).where(_C.campaign_id == bindparam("campaign"))
_DEPARTED = select(
    _OF_IT.where(_under_way(MESSAGE), _C.state == _SENDING).scalar_subquery()
    + _OF_IT.where(_C.state.in_((_SENT, _UNCERTAIN)), _C.closed_at > bindparam("since")).scalar_subquery()
)


def departed_since(session: Session, campaign: str, since: datetime) -> int:
    """How many nudges of a campaign left, or may have, after `since`; those in flight count."""
    return int(session.execute(_DEPARTED, {"campaign": campaign, "since": since}).scalar_one())


_FROZEN = select(FROZEN.c.variant, FROZEN.c.language, FROZEN.c.wording_hash)
_FROZEN_OF = _FROZEN.where(one_of(FROZEN.c.variant, "variants"))


def frozen(session: Session, variants: Collection[str] | None = None) -> dict[tuple[str, str], str]:
    """By (variant, language) the hash of what was sent first; of all variants when none are named."""
    found = session.execute(_FROZEN) if variants is None else session.execute(_FROZEN_OF, {"variants": list(variants)})
    return {(row.variant, row.language): row.wording_hash for row in found}


_CAUSE_OF = (
    select(
        SIGNAL.c.id, SIGNAL.c.type, SIGNAL.c.origin, SIGNAL.c.occurred_at, SIGNAL.c.received_at, SIGNAL.c.citizen_id,
        SIGNAL.c.said_by, DECISION.c.id.label("decision"), DECISION.c.p_send, DECISION.c.randomised_send,
        DECISION.c.randomised_tone, DECISION.c.inputs,
    )
    .select_from(MESSAGE)
    .join(OFFER, OFFER.c.id == _C.offer_id)
    .join(SIGNAL, SIGNAL.c.id == OFFER.c.signal_id)
    .join(DECISION, DECISION.c.id == _C.decision_id)
    .where(_C.id == bindparam("nudge"))
)  # fmt: skip


def cause_of(session: Session, nudge: int) -> Row[Any]:
    """The signal that led to a nudge, and how it was decided."""
    return session.execute(_CAUSE_OF, {"nudge": nudge}).one()


_NUDGES_OF = (
    select(MessageRow)
    .where(
        col(MessageRow.citizen_id) == bindparam("person"),
        col(MessageRow.purpose) == NUDGE,
        col(MessageRow.state).in_(("sent", "uncertain")),
    )
    .order_by(col(MessageRow.id).desc())
    .limit(bindparam("most", type_=Integer()))
)


def nudges_of(session: Session, citizen: str, limit: int) -> Sequence[MessageRow]:
    """The newest nudges that reached a person, or may have, newest first."""
    return session.execute(_NUDGES_OF, {"person": citizen, "most": limit}).scalars().all()


_RECEIVED = select(func.count()).where(
    col(MessageRow.citizen_id) == bindparam("person"),
    col(MessageRow.purpose) == NUDGE,
    col(MessageRow.state) == "sent",
)


def received(session: Session, citizen: str) -> int:
    return int(session.execute(_RECEIVED, {"person": citizen}).scalar_one())


_ANSWERS_TO = (
    select(col(AnswerRow.message_id), col(AnswerRow.choice), col(AnswerRow.at), col(AnswerRow.until))
    .where(one_of(col(AnswerRow.message_id), "messages"))
    .order_by(col(AnswerRow.id))
)


def answers_to(session: Session, messages: Collection[int]) -> dict[int, list[Answer]]:
    found: dict[int, list[Answer]] = defaultdict(list)
    for message, choice, at, until in session.execute(_ANSWERS_TO, {"messages": list(messages)}):
        found[message].append(Answer(choice=Choice(choice), at=at, until=until))
    return found


_ANSWER = select(AnswerRow).where(
    col(AnswerRow.message_id) == bindparam("message"), col(AnswerRow.choice) == bindparam("given")
)


def answer(session: Session, message: int, choice: Choice) -> AnswerRow | None:
    return session.execute(_ANSWER, {"message": message, "given": choice}).scalar_one_or_none()
