"""What research asks of the database: people who agreed to it, their decisions, what became of them. Never S3.

Like `ledger` they take a `Session` and never commit. Whoever shows figures about answers counts by `participants` and
`in_scope`, so that each can be made again from an export.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot.core.facts import Answer, Choice, ConsentState, Reason, Sensitivity
from bot.core.talk import RESEARCH, Standing
from bot.store import conversation, schema
from bot.store.ledger import table_of, unhurried
from bot.store.tables import (
    AnswerRow,
    AuditRow,
    CampaignApprovalRow,
    CitizenRow,
    ConsentRow,
    ContactRequestRow,
    DecisionRow,
    DrawEpochRow,
    FrozenRow,
    MessageRow,
    OfferRow,
    OpinionRow,
    PolicyRow,
    SignalRow,
    WorldRow,
)

#: Refusals and holds that may come from any message that a person had, so also from one about illness or debt.
FROM_ANY_MESSAGE = (
    Reason.YEAR_CAP,
    Reason.MONTH_CAP,
    Reason.TOO_EARLY,
    Reason.SNOOZED,
    Reason.OPEN_QUESTION,
    Reason.RESTING,
    Reason.HOLDOUT,
)


def participants(now: datetime) -> Any:
    """A subquery: the ids of the people who take part and whose consent to research holds at `now`."""
    return select(CitizenRow.id).where(  # type: ignore[call-overload]
        col(CitizenRow.standing) == Standing.ACTIVE,
        col(CitizenRow.id).in_(conversation.agreed_to(RESEARCH, now)),
    )


def in_scope() -> ColumnElement[bool]:
    """Which decisions may be seen at all, whoever they are about: those that neither concern nor betray S3.

    A refusal that a message about S3 may have caused is left out with it: in a row of refusals without any visible
    message before, it could be seen. Nothing was drawn at one, so no estimate needs it.
    """
    sensitive = select(WorldRow.hash).where(_of_card("sensitivity") == Sensitivity.S3)  # type: ignore[call-overload]
    decision, message = table_of(DecisionRow), table_of(MessageRow)
    caused = exists().where(
        message.c.citizen_id == decision.c.citizen_id,
        message.c.sensitivity == Sensitivity.S3,
        message.c.created_at <= decision.c.decided_at,
    )
    betrays = and_(decision.c.p_send.is_(None), decision.c.reason.in_(FROM_ANY_MESSAGE), caused)
    return and_(decision.c.world.not_in(sensitive), or_(decision.c.reason.is_(None), ~betrays))


def _of_card(name: str) -> Any:
    record: Any = col(WorldRow.record)
    return record["card"][name].as_string()


class Participant(NamedTuple):
    """Somebody who agreed. `tone` is what they chose in /settings."""

    id: str
    language: str
    tone: str | None
    holdout: bool
    joined_at: datetime


def people(session: Session, now: datetime) -> list[Participant]:
    """Everybody whose answers may be used."""
    citizen = table_of(CitizenRow)
    joined = func.coalesce(citizen.c.joined_at, citizen.c.created_at, type_=citizen.c.created_at.type)
    columns = (citizen.c.id, citizen.c.language, citizen.c.tone, citizen.c.holdout, joined)
    statement = select(*columns).where(citizen.c.id.in_(participants(now)))
    return [Participant._make(row) for row in session.execute(statement)]


def exits(session: Session, now: datetime) -> dict[str, tuple[datetime, str]]:
    """When and how (withdrawn, expired) the last theme of a participant ended, of those who have none left."""
    newest = (
        select(func.max(ConsentRow.id))
        .where(col(ConsentRow.state) != ConsentState.ASKED, col(ConsentRow.theme) != RESEARCH)
        .group_by(col(ConsentRow.citizen_id), col(ConsentRow.theme))
    )
    statement = select(
        col(ConsentRow.citizen_id), col(ConsentRow.state), col(ConsentRow.at), col(ConsentRow.valid_until)
    ).where(col(ConsentRow.id).in_(newest), col(ConsentRow.citizen_id).in_(participants(now)))
    held: set[str] = set()
    ended: dict[str, tuple[datetime, str]] = {}
    for citizen, state, at, until in session.execute(statement):
        if state == ConsentState.GIVEN and (until is None or until > now):
            held.add(citizen)
            continue
        over = until if state == ConsentState.GIVEN else at
        how = "expired" if state in {ConsentState.GIVEN, ConsentState.EXPIRED} else "withdrawn"
        if state != ConsentState.REFUSED:
            ended[citizen] = max(ended.get(citizen, (over, how)), (over, how))
    return {citizen: last for citizen, last in ended.items() if citizen not in held}


def lasting(session: Session, now: datetime, after: timedelta) -> dict[bool, tuple[int, int]]:
    """Of everybody who first consented to a theme so long ago, as numbers only: how many, and for how many it lasted.

    By whether they are held out. It lasted where a consent to any theme is in force at `after` their first one.
    """
    consent, citizen = table_of(ConsentRow), table_of(CitizenRow)
    first = (
        select(consent.c.citizen_id, func.min(consent.c.at, type_=consent.c.at.type).label("at"))
        .where(consent.c.state == ConsentState.GIVEN, consent.c.theme != RESEARCH)
        .group_by(consent.c.citizen_id)
        .subquery()
    )
    statement = (
        select(citizen.c.holdout, first.c.citizen_id, first.c.at, consent.c.theme, consent.c.state, consent.c.at,
               consent.c.valid_until)
        .join(citizen, citizen.c.id == first.c.citizen_id)
        .join(consent, consent.c.citizen_id == first.c.citizen_id)
        .where(first.c.at <= now - after, consent.c.theme != RESEARCH, consent.c.state != ConsentState.ASKED)
        .order_by(first.c.citizen_id, consent.c.id)
    )  # fmt: skip
    counts = {False: (0, 0), True: (0, 0)}
    rows = session.execute(statement.execution_options(yield_per=5_000))
    for (holdout, _, began), theirs in groupby(rows, key=lambda row: (bool(row[0]), str(row[1]), row[2])):
        then = began + after
        standing = {theme: (state, until) for *_, theme, state, at, until in theirs if at <= then}
        lasts = any(
            state == ConsentState.GIVEN and (until is None or until > then) for state, until in standing.values()
        )
        people, lasted = counts[holdout]
        counts[holdout] = (people + 1, lasted + lasts)
    return counts


class World(NamedTuple):
    """What decisions have in common, as far as research may know it."""

    theme: str
    sensitivity: str
    learning: str


def worlds(session: Session) -> dict[str, World]:
    """By their hash. Those of S3 are not among them."""
    record: Any = col(WorldRow.record)
    learning = record["campaign"]["learning"].as_string()
    statement = select(col(WorldRow.hash), _of_card("theme"), _of_card("sensitivity"), learning)
    found = session.execute(statement.where(_of_card("sensitivity") != Sensitivity.S3))
    return {hash_: World(theme, sensitivity, kind) for hash_, theme, sensitivity, kind in found}


def sensitive_cards(session: Session) -> frozenset[str]:
    """Cards that were of sensitivity S3 in any decision."""
    statement = select(_of_card("id")).where(_of_card("sensitivity") == Sensitivity.S3).distinct()
    return frozenset(session.execute(statement).scalars())


class Decision(NamedTuple):
    """A decision with where it came from. `epoch` names the key that its draws were made with."""

    id: str
    citizen_id: str
    offer_id: str
    number: int
    campaign_id: str
    card: str
    card_version: int
    decided_at: datetime
    plan: str
    reason: str | None
    available: bool
    variant: str | None
    tone: str | None
    p_send: float | None
    randomised_send: bool
    tone_probs: Mapping[str, float] | None
    randomised_tone: bool
    tone_forced: bool
    draw_send: float | None
    draw_tone: float | None
    epoch: str | None
    policy: str | None
    fallback: str | None
    context: Mapping[str, float] | None
    world: str
    signal_id: str
    origin: str


def decisions_of(
    session: Session, citizens: Collection[str], since: datetime | None, until: datetime | None
) -> dict[str, list[Decision]]:
    """The decisions about these people that may be seen, made from `since` up to `until`, each one's in their order."""
    decision, offer, signal = table_of(DecisionRow), table_of(OfferRow), table_of(SignalRow)
    statement = (
        select(*(decision.c[name] for name in Decision._fields[:-2]), offer.c.signal_id, signal.c.origin)
        .join(offer, offer.c.id == decision.c.offer_id)
        .join(signal, signal.c.id == offer.c.signal_id)
        .where(
            decision.c.citizen_id.in_(citizens),
            in_scope(),
            true() if since is None else decision.c.decided_at >= since,
            true() if until is None else decision.c.decided_at < until,
        )
    )
    found: dict[str, list[Decision]] = defaultdict(list)
    for row in session.execute(statement):
        one = Decision._make(row)
        found[one.citizen_id].append(one)
    for rows in found.values():
        rows.sort(key=lambda row: (row.decided_at, row.id))
    return found


def before(session: Session, citizens: Collection[str], since: datetime) -> dict[str, int]:
    """How many decisions about each of these people may be seen and were made before `since`."""
    decision = table_of(DecisionRow)
    statement = (
        select(decision.c.citizen_id, func.count())
        .where(decision.c.citizen_id.in_(citizens), in_scope(), decision.c.decided_at < since)
        .group_by(decision.c.citizen_id)
    )
    return dict(iter(session.execute(statement)))


class Message(NamedTuple):
    """The message that a decision led to. `closed_at` is the delivery where `state` is sent."""

    id: int
    citizen_id: str
    decision_id: str
    state: str
    error: str | None
    closed_at: datetime | None
    language: str | None
    wording_hash: str | None


def messages_to(session: Session, citizens: Collection[str]) -> list[Message]:
    """The nudges to these people, but for those about S3."""
    message = table_of(MessageRow)
    statement = select(*(message.c[name] for name in Message._fields)).where(
        message.c.citizen_id.in_(citizens),
        message.c.decision_id.is_not(None),
        message.c.sensitivity != Sensitivity.S3,
    )
    return [Message._make(row) for row in session.execute(statement)]


def answers_of(session: Session, citizens: Collection[str]) -> dict[int, list[Answer]]:
    """By message, in the order in which they came, whatever the message was about."""
    answer = table_of(AnswerRow)
    statement = (
        select(answer.c.message_id, answer.c.choice, answer.c.at)
        .where(answer.c.citizen_id.in_(citizens))
        .order_by(answer.c.id)
    )
    found: dict[int, list[Answer]] = defaultdict(list)
    for message, choice, at in session.execute(statement):
        found[message].append(Answer(choice=Choice(choice), at=at))
    return found


def opinions_of(session: Session, citizens: Collection[str]) -> dict[int, list[OpinionRow]]:
    """Answers to the eight questions about personal service, by message."""
    statement = select(OpinionRow).where(col(OpinionRow.citizen_id).in_(citizens)).order_by(col(OpinionRow.id))
    found: dict[int, list[OpinionRow]] = defaultdict(list)
    for row in session.execute(statement).scalars():
        found[row.message_id].append(row)
    return found


class Request(NamedTuple):
    """A request for contact. `moved`: how often the promise could not be kept."""

    id: int
    citizen_id: str
    message_id: int | None
    card: str | None
    how: str
    asked_at: datetime
    state: str
    moved: int


def requests_of(session: Session, citizens: Collection[str]) -> list[Request]:
    request = table_of(ContactRequestRow)
    columns = (request.c[name] for name in Request._fields)
    statement = select(*columns).where(request.c.citizen_id.in_(citizens)).order_by(request.c.asked_at, request.c.id)
    return [Request._make(row) for row in session.execute(statement)]


def policies(session: Session) -> Iterator[PolicyRow]:
    """Every version, the oldest first."""
    yield from session.execute(select(PolicyRow).order_by(col(PolicyRow.created_at), col(PolicyRow.version))).scalars()


def epochs(session: Session) -> Sequence[DrawEpochRow]:
    """The keys that draws were made with, the oldest first."""
    return session.execute(select(DrawEpochRow).order_by(col(DrawEpochRow.starts_at))).scalars().all()


def frozen(session: Session) -> Sequence[FrozenRow]:
    """Every text that was sent once."""
    statement = select(FrozenRow).order_by(col(FrozenRow.variant), col(FrozenRow.language))
    return session.execute(statement).scalars().all()


def approvers(session: Session) -> dict[str, str]:
    """By campaign, who approved it last."""
    approval = table_of(CampaignApprovalRow)
    statement = select(approval.c.campaign_id, approval.c.by).order_by(approval.c.id)
    return {campaign: by for campaign, by in session.execute(statement)}  # noqa: C416 - rows are no pairs to mypy


def deeds(session: Session, actions: Collection[str]) -> list[tuple[datetime, str, str, str]]:
    """When, who, what and to what, of these actions in the audit trail, the oldest first."""
    audit = table_of(AuditRow)
    statement = select(audit.c.at, audit.c.who, audit.c.action, audit.c.subject).where(audit.c.action.in_(actions))
    return [tuple(row) for row in session.execute(statement.order_by(audit.c.at, audit.c.id))]


@contextmanager
def snapshot(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session for looking only, in which all questions are answered as of one moment, however long they take."""
    with sessions() as session:
        options: dict[str, Any] = {schema.READS: True}
        if session.get_bind().dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        session.connection(execution_options=options)
        unhurried(session)
        yield session
