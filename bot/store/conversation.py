"""The questions about a conversation: talks with staff, consents that end, what was taken back, unliked wordings.

Like `ledger` they take a `Session` and never commit.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, func, insert, literal, or_, select, update
from sqlmodel import Session, col

from bot.core.facts import DECLINED, Choice, ConsentState, Origin, Reason
from bot.core.talk import Standing
from bot.store.ledger import COLLEAGUE, MARK, ON_THE_WAY
from bot.store.tables import (
    AnswerRow,
    CitizenRow,
    ConsentRow,
    ContactLineRow,
    ContactRequestRow,
    MessageRow,
    Moment,
    OfferRow,
    OpinionRow,
    SignalRow,
    StaffRow,
)

#: In front of a wording's id: the mark that says whether it is paused.
VARIANT = "variant:"
#: The mark that says when every consent ended because an old copy of the database was put back.
ENDED_BY_RESTORE = "ended_by_restore"
#: What a request for contact is in until it is closed.
OPEN = ("open", "talking")

_VARIANTS = select(MARK.c.name, MARK.c.value).where(MARK.c.name.startswith(VARIANT))


_OPEN = (
    select(ContactRequestRow)
    .where(col(ContactRequestRow.state).in_(OPEN))
    .order_by(col(ContactRequestRow.promised_by), col(ContactRequestRow.id))
)
_OPEN_OF = _OPEN.where(col(ContactRequestRow.citizen_id) == bindparam("person"))


def open_requests(session: Session, citizen: str | None = None) -> Sequence[ContactRequestRow]:
    """Requests for contact that are not closed, of one person or of all, the earliest promise first."""
    found = session.execute(_OPEN) if citizen is None else session.execute(_OPEN_OF, {"person": citizen})
    return found.scalars().all()


_PROMISED = (
    select(col(ContactRequestRow.promised_by), func.count())
    .where(col(ContactRequestRow.promised_by) >= bindparam("since"), col(ContactRequestRow.state) == "open")
    .group_by(col(ContactRequestRow.promised_by))
)


def promised(session: Session, since: date) -> dict[date, int]:
    """How many requests are to be met on each day from `since` on; those that were cancelled or met early are not."""
    return dict(iter(session.execute(_PROMISED, {"since": since})))


def contact_lines(session: Session, request: int) -> Sequence[ContactLineRow]:
    statement = select(ContactLineRow).where(col(ContactLineRow.request_id) == request)
    return session.execute(statement.order_by(col(ContactLineRow.id))).scalars().all()


def delivery(session: Session, keys: Collection[str]) -> dict[str, tuple[str, str | None]]:
    """The state of the messages with these keys, and why it failed."""
    statement = select(col(MessageRow.key), col(MessageRow.state), col(MessageRow.error))
    found = session.execute(statement.where(col(MessageRow.key).in_(keys)))
    return {key: (state, error) for key, state, error in found}


def just_cancelled(session: Session, citizen: str, now: datetime) -> ContactRequestRow | None:
    """The request that this person took back at this very moment, such as to ask for another one in its place."""
    statement = select(ContactRequestRow).where(
        col(ContactRequestRow.citizen_id) == citizen,
        col(ContactRequestRow.state) == "cancelled",
        col(ContactRequestRow.closed_at) == now,
    )
    return session.execute(statement.order_by(col(ContactRequestRow.id).desc())).scalars().first()


def forget_contact(session: Session, rows: Iterable[ContactRequestRow]) -> None:
    """What was typed, notes about it, and the numbers to call; that there was a request stays."""
    ids = []
    for row in rows:
        row.phone_sealed = None
        ids.append(row.id)
    session.execute(delete(ContactLineRow).where(col(ContactLineRow.request_id).in_(ids)))


_OPINIONS = select(col(OpinionRow.dimension)).where(col(OpinionRow.message_id) == bindparam("message"))


def opinions(session: Session, message: int) -> frozenset[str]:
    return frozenset(session.execute(_OPINIONS, {"message": message}).scalars())


_DECLINED = (
    select(col(MessageRow.card))
    .join(AnswerRow, col(AnswerRow.message_id) == col(MessageRow.id))
    .where(col(MessageRow.citizen_id) == bindparam("person"), col(AnswerRow.choice).in_(DECLINED))
)


def declined_cards(session: Session, citizen: str) -> frozenset[str]:
    """The cards that a person said no to, however long ago."""
    return frozenset(card for card in session.execute(_DECLINED, {"person": citizen}).scalars() if card is not None)


def given_until(session: Session, until: datetime, limit: int) -> Sequence[ConsentRow]:
    """Consents that hold and end at `until` at the latest, those that end first."""
    statement = _holding(until).order_by(col(ConsentRow.valid_until), col(ConsentRow.id)).limit(limit)
    return session.execute(statement).scalars().all()


def to_renew(
    session: Session, until: datetime, themes: Collection[str], limit: int, *, unasked_since: datetime
) -> Sequence[ConsentRow]:
    """Consents for `themes` of people who take part, that end at `until` at the latest, those that end first.

    Left out are consents that were asked again since they were given, and people who were asked for anything since.
    """
    later = ConsentRow.__table__.alias("asked")  # type: ignore[attr-defined]
    again = select(later.c.id).where(
        later.c.citizen_id == col(ConsentRow.citizen_id),
        later.c.state == ConsentState.ASKED,
        or_(
            and_(later.c.theme == col(ConsentRow.theme), later.c.id > col(ConsentRow.id)),
            later.c.at > unasked_since,
        ),
    )
    statement = (
        _holding(until)
        .join(CitizenRow, col(CitizenRow.id) == col(ConsentRow.citizen_id))
        .where(col(CitizenRow.standing) == Standing.ACTIVE, col(ConsentRow.theme).in_(themes), ~again.exists())
        .order_by(col(ConsentRow.valid_until), col(ConsentRow.id))
        .limit(limit)
    )
    return session.execute(statement).scalars().all()


def _holding(until: datetime) -> Select[ConsentRow]:
    """Consents that end at `until` at the latest and that nothing was said about since."""
    later = ConsentRow.__table__.alias("later")  # type: ignore[attr-defined]
    overruled = select(later.c.id).where(
        later.c.citizen_id == col(ConsentRow.citizen_id),
        later.c.theme == col(ConsentRow.theme),
        later.c.state != ConsentState.ASKED,
        later.c.id > col(ConsentRow.id),
    )
    return select(ConsentRow).where(
        col(ConsentRow.state) == literal("given", literal_execute=True),
        col(ConsentRow.valid_until) <= until,
        ~overruled.exists(),
    )


def end_consents(session: Session, now: datetime) -> int:
    """End every consent that holds, of people who take part, with a record of its own. Return how many."""
    newest = (
        select(func.max(ConsentRow.id))
        .where(col(ConsentRow.state) != ConsentState.ASKED)
        .group_by(col(ConsentRow.citizen_id), col(ConsentRow.theme))
    )
    held: Any = (
        select(
            col(ConsentRow.citizen_id),
            col(ConsentRow.theme),
            literal(str(ConsentState.EXPIRED)),
            literal(now, Moment()),
            col(ConsentRow.text),
            col(ConsentRow.wording),
            col(ConsentRow.language),
        )
        .join(CitizenRow, col(CitizenRow.id) == col(ConsentRow.citizen_id))
        .where(
            col(ConsentRow.id).in_(newest),
            col(ConsentRow.state) == ConsentState.GIVEN,
            col(CitizenRow.standing) == Standing.ACTIVE,
        )
        .order_by(col(ConsentRow.id))
    )
    columns = ["citizen_id", "theme", "state", "at", "text", "wording", "language"]
    count = session.execute(select(func.count()).select_from(held.order_by(None).subquery())).scalar_one()
    session.execute(insert(ConsentRow).from_select(columns, held))
    return int(count)


def ended_unasked(
    session: Session, ended_at: datetime, themes: Collection[str], limit: int, *, unasked_since: datetime
) -> Sequence[ConsentRow]:
    """Of each who takes part the first consent for `themes` that ended at `ended_at` and was not spoken of again since.

    Whoever was asked for any consent after `unasked_since` is left out.
    """
    later, asked = (ConsentRow.__table__.alias(name) for name in ("later", "asked"))  # type: ignore[attr-defined]
    spoken_of = select(later.c.id).where(
        later.c.citizen_id == col(ConsentRow.citizen_id),
        later.c.theme == col(ConsentRow.theme),
        later.c.id > col(ConsentRow.id),
    )
    asked_lately = select(asked.c.id).where(
        asked.c.citizen_id == col(ConsentRow.citizen_id),
        asked.c.state == ConsentState.ASKED,
        asked.c.at > unasked_since,
    )
    first = (
        select(func.min(ConsentRow.id))
        .join(CitizenRow, col(CitizenRow.id) == col(ConsentRow.citizen_id))
        .where(
            col(CitizenRow.standing) == Standing.ACTIVE,
            col(ConsentRow.theme).in_(themes),
            col(ConsentRow.state) == ConsentState.EXPIRED,
            col(ConsentRow.at) == ended_at,
            ~spoken_of.exists(),
            ~asked_lately.exists(),
        )
        .group_by(col(ConsentRow.citizen_id))
        .limit(limit)
    )
    return session.execute(select(ConsentRow).where(col(ConsentRow.id).in_(first))).scalars().all()


def not_told(session: Session, privacy: str, limit: int) -> Sequence[CitizenRow]:
    """People who take part and were shown another privacy text last."""
    statement = (
        select(CitizenRow)
        .where(col(CitizenRow.standing) == Standing.ACTIVE, col(CitizenRow.privacy_told) != privacy)
        .order_by(col(CitizenRow.id))
        .limit(limit)
    )
    return session.execute(statement).scalars().all()


def forget_addresses(session: Session) -> None:
    """Sealed addresses go once nothing waits to leave: of erased people, and of test chats that nobody has."""
    waiting = select(MessageRow.citizen_id).where(col(MessageRow.state).in_(ON_THE_WAY))  # type: ignore[call-overload]
    tied = select(StaffRow.chat_citizen).where(  # type: ignore[call-overload]
        col(StaffRow.chat_citizen).is_not(None), col(StaffRow.disabled_at).is_(None)
    )
    session.execute(
        update(CitizenRow)
        .where(
            or_(
                col(CitizenRow.standing) == Standing.ERASED,
                and_(col(CitizenRow.standing) == COLLEAGUE, col(CitizenRow.id).not_in(tied)),
            ),
            col(CitizenRow.chat_sealed).is_not(None),
            col(CitizenRow.id).not_in(waiting),
        )
        .values(chat_sealed=None)
    )


def agreed_to(theme: str, now: datetime) -> Any:
    """A subquery: the ids of the people whose consent for `theme` holds at `now`."""
    newest = (
        select(func.max(ConsentRow.id))
        .where(col(ConsentRow.state) != ConsentState.ASKED, col(ConsentRow.theme) == theme)
        .group_by(col(ConsentRow.citizen_id))
    )
    return select(ConsentRow.citizen_id).where(  # type: ignore[call-overload]
        col(ConsentRow.id).in_(newest),
        col(ConsentRow.state) == ConsentState.GIVEN,
        col(ConsentRow.valid_until) > now,
    )


def take_back(session: Session, now: datetime, citizen: str, kind: str) -> None:
    """Signals of this type that a person gave are theirs no more, and what waits because of them is closed."""
    own = select(SignalRow.id).where(  # type: ignore[call-overload]
        col(SignalRow.citizen_id) == citizen, col(SignalRow.origin) == Origin.SELF, col(SignalRow.type) == kind
    )
    offers = select(OfferRow.id).where(col(OfferRow.signal_id).in_(own), col(OfferRow.state) != "closed")  # type: ignore[call-overload]
    session.execute(
        update(MessageRow)
        .where(col(MessageRow.offer_id).in_(offers), col(MessageRow.state).in_(("due", "leased")))
        .values(state="withdrawn", error=Reason.TAKEN_BACK, closed_at=now)
    )
    flying = select(MessageRow.offer_id).where(  # type: ignore[call-overload]
        col(MessageRow.citizen_id) == citizen,
        col(MessageRow.state) == "sending",
        col(MessageRow.offer_id).is_not(None),
    )
    session.execute(
        update(OfferRow)
        .where(col(OfferRow.signal_id).in_(own), col(OfferRow.state) != "closed", col(OfferRow.id).not_in(flying))
        .values(state="closed", outcome=Reason.TAKEN_BACK, closed_at=now)
    )
    session.execute(
        update(SignalRow)
        .where(col(SignalRow.id).in_(own), col(SignalRow.outcome).is_(None))
        .values(outcome=Reason.TAKEN_BACK, planned_at=now)
    )
    session.execute(
        update(SignalRow)
        .where(col(SignalRow.citizen_id) == citizen, col(SignalRow.origin) == Origin.SELF, col(SignalRow.type) == kind)
        .values(citizen_id=None)
    )


def paused_variants(session: Session) -> dict[str, dict[str, Any]]:
    """Wordings that are not planned until staff resume them, each with why."""
    said = session.execute(_VARIANTS)
    return {name.removeprefix(VARIANT): value for name, value in said if value.get("paused")}


def disliked(session: Session, variant: str, *, last: int, since: datetime | None) -> int:
    """How many of the `last` sends of a wording, after `since` if that is set, were called unpleasant."""
    sends = select(MessageRow.id).where(  # type: ignore[call-overload]
        col(MessageRow.variant) == variant, col(MessageRow.state).in_(("sent", "uncertain"))
    )
    if since is not None:
        sends = sends.where(col(MessageRow.closed_at) > since)
    newest = sends.order_by(col(MessageRow.id).desc()).limit(last)
    statement = select(func.count()).where(
        col(AnswerRow.choice) == Choice.UNWELCOME, col(AnswerRow.message_id).in_(newest)
    )
    return int(session.execute(statement).scalar_one())
