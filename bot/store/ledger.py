"""The questions asked of the database, one function each. They take a `Session` and never commit.

Reading is set-wise: a question about many people is one statement for each table, not one for each person.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import and_, delete, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, SQLModel, col

from bot.core.facts import (
    Answer,
    Choice,
    Citizen,
    ConsentState,
    Contact,
    Origin,
    Purpose,
    Reason,
    Sensitivity,
    Tone,
)
from bot.core.talk import Standing
from bot.store import schema
from bot.store.tables import (
    AnswerRow,
    AuditRow,
    CampaignEditRow,
    CampaignRow,
    CitizenRow,
    ConsentRow,
    DecisionRow,
    FrozenRow,
    InboxRow,
    LinkRow,
    MarkRow,
    MessageRow,
    Moment,
    OfferRow,
    PolicyRow,
    SignalRow,
    WorldRow,
)

Row = TypeVar("Row", bound=SQLModel)

#: Messages that count as a contact: those that arrived, may have arrived, or are on their way.
ON_THE_WAY = ("due", "leased", "sending")
COUNTS = ("sent", "uncertain", *ON_THE_WAY)
NUDGE = Purpose.NUDGE


@contextmanager
def reading(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session for looking only: on SQLite it does not wait for who writes, nor do they wait for it."""
    with sessions() as session:
        session.connection(execution_options={schema.READS: True})
        yield session


def add_new(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those rows that are not there yet, in one statement; return how many were new."""
    if not rows:
        return 0
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    key = next(iter(table.__table__.primary_key.columns))  # type: ignore[attr-defined]
    statement = make(table).on_conflict_do_nothing().returning(key)
    return len(session.execute(statement, list(rows)).all())


def audit(session: Session, now: datetime, who: str, action: str, subject: str, **detail: Any) -> None:
    session.add(AuditRow(at=now, who=who, action=action, subject=subject, detail=detail))


def mark(session: Session, name: str, *, locked: bool = False) -> dict[str, Any] | None:
    row = session.get(MarkRow, name, with_for_update=locked)
    return None if row is None else row.value


def set_mark(session: Session, name: str, value: Mapping[str, Any], now: datetime) -> None:
    session.merge(MarkRow(name=name, value=dict(value), at=now))


def clear_mark(session: Session, name: str) -> None:
    session.execute(delete(MarkRow).where(col(MarkRow.name) == name))


# People.


def citizen_by_chat(session: Session, chat_hash: str, *, locked: bool = False) -> CitizenRow | None:
    """The person of this chat. `locked`: nobody else changes them until the transaction ends."""
    statement = select(CitizenRow).where(col(CitizenRow.chat_hash) == chat_hash)
    # Not FOR UPDATE: whoever queues a message for this person meanwhile need not wait, and nobody waits in a circle.
    statement = statement.with_for_update(key_share=True) if locked else statement
    return session.execute(statement).scalar_one_or_none()


def consents(session: Session, ids: Collection[str]) -> dict[str, dict[str, ConsentRow]]:
    """For each person the newest answered consent of each theme; *asked* alone is no answer."""
    newest = (
        select(func.max(ConsentRow.id))
        .where(col(ConsentRow.citizen_id).in_(ids), col(ConsentRow.state) != ConsentState.ASKED)
        .group_by(col(ConsentRow.citizen_id), col(ConsentRow.theme))
    )
    found: dict[str, dict[str, ConsentRow]] = defaultdict(dict)
    for row in session.execute(select(ConsentRow).where(col(ConsentRow.id).in_(newest))).scalars():
        found[row.citizen_id][row.theme] = row
    return found


def contacts(session: Session, ids: Collection[str], *, but: int | None = None) -> dict[str, list[Contact]]:
    """The nudges that count as contacts, by person, oldest first, with their answers. `but` leaves one message out.

    All of them, however old: "too often" holds until the person says otherwise.
    """
    statement = (
        select(MessageRow)
        .where(
            col(MessageRow.citizen_id).in_(ids),
            col(MessageRow.purpose) == NUDGE,
            col(MessageRow.state).in_(COUNTS),
        )
        .order_by(col(MessageRow.id))
    )
    rows = [row for row in session.execute(statement).scalars() if row.id != but]
    answers = answers_to(session, [row.id for row in rows if row.id is not None])
    found: dict[str, list[Contact]] = defaultdict(list)
    for row in rows:
        assert row.id is not None
        assert row.card and row.tone and row.sensitivity  # noqa: PT018 - a nudge has all three
        found[row.citizen_id].append(
            Contact(
                nudge=str(row.id),
                card=row.card,
                at=row.closed_at or row.due_at,
                tone=Tone(row.tone),
                sensitivity=Sensitivity(row.sensitivity),
                answers=tuple(answers.get(row.id, ())),
            )
        )
    for listed in found.values():
        listed.sort(key=lambda contact: contact.at)
    return found


def answers_to(session: Session, messages: Collection[int]) -> dict[int, list[Answer]]:
    found: dict[int, list[Answer]] = defaultdict(list)
    statement = select(AnswerRow).where(col(AnswerRow.message_id).in_(messages)).order_by(col(AnswerRow.id))
    for row in session.execute(statement).scalars():
        found[row.message_id].append(Answer(choice=Choice(row.choice), at=row.at, until=row.until))
    return found


def citizens(session: Session, rows: Sequence[CitizenRow], *, but: int | None = None) -> dict[str, Citizen]:
    """These people as decisions see them, by id."""
    ids = [row.id for row in rows]
    given = consents(session, ids)
    contacted = contacts(session, ids, but=but)
    linked = set(session.execute(select(LinkRow.citizen_id).where(col(LinkRow.citizen_id).in_(ids))).scalars())  # type: ignore[call-overload]
    return {
        row.id: Citizen(
            id=row.id,
            language=row.language,
            zone=row.zone,
            active=row.standing == Standing.ACTIVE,
            consents={
                theme: consent.valid_until
                for theme, consent in given.get(row.id, {}).items()
                if consent.state == ConsentState.GIVEN and consent.valid_until is not None
            },
            paused_until=row.paused_until,
            linked=row.id in linked,
            tone=Tone(row.tone) if row.tone else None,
            quiet=None if row.quiet_from is None or row.quiet_until is None else (row.quiet_from, row.quiet_until),
            rest_days=row.rest_days,
            rested_anew=row.rested_anew,
            holdout=row.holdout,
            contacts=tuple(contacted.get(row.id, ())),
        )
        for row in rows
    }


def withdraw(session: Session, citizen: CitizenRow, now: datetime, *, update_id: int | None, reason: str) -> None:
    """All consents withdrawn, each with its own record, and nothing that waits for this person leaves any more."""
    for theme, consent in consents(session, [citizen.id]).get(citizen.id, {}).items():
        if consent.state == ConsentState.GIVEN:
            session.add(
                ConsentRow(
                    citizen_id=citizen.id,
                    theme=theme,
                    state=ConsentState.WITHDRAWN,
                    at=now,
                    text=consent.text,
                    wording=consent.wording,
                    language=consent.language,
                    update_id=update_id,
                )
            )
    recall(session, now, reason, citizen_id=citizen.id)


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


def person_of(session: Session, reference_hash: str) -> str | None:
    row = session.get(LinkRow, reference_hash)
    return None if row is None else row.citizen_id


def told(session: Session, citizen: str) -> dict[str, datetime]:
    """The types of signal that this person gave in their own words, each with when it was last."""
    statement = (
        select(col(SignalRow.type), func.max(col(SignalRow.occurred_at)))
        .where(col(SignalRow.citizen_id) == citizen, col(SignalRow.origin) == Origin.SELF)
        .group_by(col(SignalRow.type))
    )
    return dict(iter(session.execute(statement)))


# Signals and offers.


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


def by_id(session: Session, table: type[Row], ids: Iterable[Any]) -> dict[Any, Row]:
    key = next(iter(table.__table__.primary_key.columns))  # type: ignore[attr-defined]
    rows = session.execute(select(table).where(key.in_(set(ids)))).scalars()
    return {getattr(row, key.name): row for row in rows}


def editors(session: Session, campaigns: Collection[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in session.execute(
        select(CampaignEditRow).where(col(CampaignEditRow.campaign_id).in_(campaigns))
    ).scalars():
        found[row.campaign_id].add(row.by)
    return found


def keep_world(session: Session, key: str, record: Mapping[str, Any]) -> None:
    add_new(session, WorldRow, [{"hash": key, "record": dict(record)}])


# Messages.


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


# The inbox.


def unheard(session: Session, now: datetime, limit: int) -> Sequence[InboxRow]:
    """Updates that took no effect yet; of those that failed, the ones whose time for another try has come."""
    statement = (
        select(InboxRow)
        .where(col(InboxRow.state) == "new", or_(col(InboxRow.retry_at).is_(None), col(InboxRow.retry_at) <= now))
        .order_by(col(InboxRow.update_id))
        .limit(limit)
    )
    return session.execute(statement).scalars().all()


def forget_updates(session: Session, before: datetime) -> None:
    """Drop updates that took effect long enough ago that Telegram no longer delivers them again."""
    session.execute(delete(InboxRow).where(col(InboxRow.state) == "done", col(InboxRow.received_at) < before))


def asked(session: Session, citizen: str, theme: str, *, on: int | None = None) -> ConsentRow | None:
    """The record of this theme being asked in the message `on`, the channel's number; else the newest one.

    It holds the text that was shown.
    """
    statement = (
        select(ConsentRow)
        .where(
            col(ConsentRow.citizen_id) == citizen,
            col(ConsentRow.theme) == theme,
            col(ConsentRow.state) == ConsentState.ASKED,
        )
        .order_by(col(ConsentRow.id).desc())
    )
    rows = session.execute(statement).scalars().all()
    if on is not None and len(rows) > 1:
        shown = select(MessageRow.key).where(  # type: ignore[call-overload]
            col(MessageRow.citizen_id) == citizen, col(MessageRow.channel_id) == on
        )
        updates = {key.split(":")[1] for key in session.execute(shown).scalars() if key.startswith("update:")}
        rows = [row for row in rows if str(row.update_id) in updates] or rows
    return rows[0] if rows else None


def answer(session: Session, message: int, choice: Choice) -> AnswerRow | None:
    statement = select(AnswerRow).where(col(AnswerRow.message_id) == message, col(AnswerRow.choice) == choice)
    return session.execute(statement).scalar_one_or_none()


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


def condition(session: Session) -> dict[str, Any]:
    """What an operator wants to know: whether nudges leave, how many wait, what got stuck."""
    paused = mark(session, "pause_nudges")

    def count(*conditions: Any) -> int:
        return int(session.execute(select(func.count()).where(*conditions)).scalar_one())

    return {
        "paused_because": None if paused is None else paused["because"],
        "waiting": count(col(MessageRow.purpose) == NUDGE, col(MessageRow.state).in_(ON_THE_WAY)),
        "uncertain": count(col(MessageRow.state) == "uncertain"),
        "dead_letters": count(col(InboxRow.state) == "dead"),
    }


# What learning and research read.


def policy_row(session: Session, version: str | None = None) -> PolicyRow | None:
    """One policy version, or the newest."""
    if version is not None:
        return session.get(PolicyRow, version)
    return session.execute(select(PolicyRow).order_by(col(PolicyRow.created_at).desc()).limit(1)).scalar_one_or_none()


def closed_decisions(session: Session, before: datetime) -> Iterable[tuple[DecisionRow, MessageRow | None]]:
    """Decisions at which something could be drawn, older than `before`, with the message that came of them."""
    statement = (
        select(DecisionRow, MessageRow)
        .outerjoin(MessageRow, col(MessageRow.decision_id) == col(DecisionRow.id))
        .where(col(DecisionRow.available).is_(True), col(DecisionRow.decided_at) <= before)
        .order_by(col(DecisionRow.id))
    )
    for decision, message in session.execute(statement):  # noqa: UP028 - rows, told apart
        yield decision, message
