"""What the guards count: messages that left and stops after them, and decisions that were drawn. Always what is new."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal, literal_column, or_, select
from sqlmodel import Session, col

from bot.core.facts import Choice, Sensitivity
from bot.store.ledger.common import by_id, table_of
from bot.store.tables import AnswerRow, CampaignRow, CitizenRow, DecisionRow, GuardRow, MessageRow, Moment

MESSAGE, ANSWER, DECISION = table_of(MessageRow), table_of(AnswerRow), table_of(DecisionRow)
_M, _A, _D = MESSAGE.c, ANSWER.c, DECISION.c
_STOP = Choice.STOP
#: In front of a campaign's or a wording's id: what is watched.
WATCHED_CAMPAIGN, WATCHED_VARIANT = "campaign:", "variant:"
#: Said as in the index `ix_message_departed`. One that may have arrived counts as one that left.
_LEFT: ColumnElement[bool] = _M.state.in_((literal_column("'sent'"), literal_column("'uncertain'")))


class Stopped(NamedTuple):
    """A stop that somebody said to a message."""

    campaign: str
    variant: str
    message: int
    sent_at: datetime
    at: datetime


class Drawn(NamedTuple):
    """A decision that a lottery was part of."""

    id: str
    decided_at: datetime
    plan: str
    tone: str | None
    p_send: float
    randomised_send: bool
    tone_probs: dict[str, float]
    randomised_tone: bool
    tone_forced: bool
    fallback: str | None
    policy: str
    world: str


def guard(session: Session, watched: str) -> GuardRow | None:
    return session.get(GuardRow, watched)


def guards(session: Session) -> dict[str, GuardRow]:
    """Everything that is watched, by what it is."""
    rows = session.execute(select(GuardRow).order_by(col(GuardRow.watched))).scalars()
    return {row.watched: row for row in rows}


def alarms(session: Session) -> Sequence[GuardRow]:
    """What a guard is alarmed about, the oldest first; a campaign only as long as it is paused."""
    statement = select(GuardRow).where(col(GuardRow.alarm).is_not(None))
    rows = session.execute(statement.order_by(col(GuardRow.alarmed_at), col(GuardRow.watched))).scalars().all()
    named = {
        row.watched: row.watched.removeprefix(WATCHED_CAMPAIGN)
        for row in rows
        if row.watched.startswith(WATCHED_CAMPAIGN)
    }
    held = by_id(session, CampaignRow, named.values())
    paused = {known for known, row in held.items() if row.state == "paused"}
    return [row for row in rows if row.watched not in named or named[row.watched] in paused]


def count_from_now(session: Session, watched: str, now: datetime, *, beside: Collection[str] = ()) -> bool:
    """Go on after an alarm: it is over, and what came before `now` does not count again. False: there was none.

    `beside` is what counted the same messages without being alarmed itself; they begin anew with it.
    """
    row = session.get(GuardRow, watched, with_for_update=True)
    if row is None or row.alarm is None:
        return False
    _begin_anew(row, now)
    for name in sorted(beside):
        other = session.get(GuardRow, name, with_for_update=True)
        if other is not None and other.alarm is None:
            _begin_anew(other, now)
    return True


def _begin_anew(row: GuardRow, now: datetime) -> None:
    row.alarm, row.alarmed_at, row.counted_since, row.updated_at = None, None, now, now
    row.counts = {name: value for name, value in row.counts.items() if name == "weeks"}  # a history, no count


def left(session: Session, since: datetime | None, settled: datetime) -> Sequence[tuple[str, str, int, int]]:
    """By campaign and variant how many messages left after `since`, and how many of them by `settled`."""
    statement = (
        select(_M.campaign_id, _M.variant, func.count(), func.sum(case((_M.closed_at <= settled, 1), else_=0)))
        .where(_M.campaign_id.in_(select(table_of(CampaignRow).c.id)), _M.variant.is_not(None), _LEFT)
        .group_by(_M.campaign_id, _M.variant)
    )
    if since is not None:
        statement = statement.where(_M.closed_at > since)
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in session.execute(statement)]


def left_of(
    session: Session, since: datetime, settled: datetime, *, campaigns: Collection[str], variant: str | None = None
) -> tuple[int, int]:
    """The same for some campaigns, or for one variant of theirs."""
    statement = select(func.count(), func.sum(case((_M.closed_at <= settled, 1), else_=0))).where(
        _M.campaign_id.in_(campaigns), _LEFT, _M.closed_at > since
    )
    if variant is not None:
        statement = statement.where(_M.variant == variant)
    every, by_then = session.execute(statement).one()
    return int(every), int(by_then or 0)


def stops(session: Session, since: datetime | None) -> list[Stopped]:
    """The stops that were said after `since`, oldest first."""
    statement = (
        select(_M.campaign_id, _M.variant, _M.id, _M.closed_at, _A.at)
        .join(MESSAGE, _M.id == _A.message_id)
        .where(_A.choice == _STOP, _M.campaign_id.is_not(None), _M.variant.is_not(None), _M.closed_at.is_not(None))
        .order_by(_A.at, _A.id)
    )
    if since is not None:
        statement = statement.where(_A.at > since)
    return [Stopped._make(row) for row in session.execute(statement)]


def around(session: Session, stop: Stopped, most: int, *, since: datetime | None, variant: bool) -> list[int]:
    """The message of `stop` with up to `most` before and after it that left after `since`, in order.

    Of the whole campaign, or, with `variant`, of that wording in it.
    """
    here = and_(_M.campaign_id == stop.campaign, _LEFT)
    if variant:
        here = and_(here, _M.variant == stop.variant)
    if since is not None:
        here = and_(here, _M.closed_at > since)
    at = literal(stop.sent_at, Moment())
    before = or_(_M.closed_at < at, and_(_M.closed_at == at, _M.id < stop.message))
    after = or_(_M.closed_at > at, and_(_M.closed_at == at, _M.id > stop.message))
    # The plain bound beside the exact one is what the index is entered by.
    earlier = select(_M.id).where(here, _M.closed_at <= at, before).order_by(_M.closed_at.desc(), _M.id.desc())
    later = select(_M.id).where(here, _M.closed_at >= at, after).order_by(_M.closed_at, _M.id)
    return [
        *reversed(session.execute(earlier.limit(most)).scalars().all()),
        stop.message,
        *session.execute(later.limit(most)).scalars().all(),
    ]


def stopped_among(session: Session, messages: Collection[int]) -> set[int]:
    """Those of these messages that were answered with a stop."""
    statement = select(_A.message_id).where(_A.message_id.in_(messages), _A.choice == _STOP)
    return set(session.execute(statement).scalars())


def drawn(session: Session, since: tuple[datetime, str] | None, until: datetime, limit: int) -> list[Drawn]:
    """Decisions with a lottery, from behind `since` (moment, id) up to `until`, in that order."""
    statement = (
        select(*(_D[name] for name in Drawn._fields))
        .where(_D.decided_at <= until, _D.available.is_(True), or_(_D.randomised_send, _D.randomised_tone))
        .order_by(_D.decided_at, _D.id)
        .limit(limit)
    )
    if since is not None:
        at, known = literal(since[0], Moment()), since[1]
        statement = statement.where(_D.decided_at >= at, or_(_D.decided_at > at, _D.id > known))
    return [Drawn._make(row) for row in session.execute(statement)]


class Answered(NamedTuple):
    """A message that somebody answered."""

    message: int
    citizen: str
    language: str
    card: str


class Told(NamedTuple):
    """What one group of people got and said, in numbers."""

    group: str
    people: int
    sent: int
    stops: int


def by_group(
    session: Session, group: str, since: datetime, named: Mapping[str, str] = MappingProxyType({})
) -> list[Told]:
    """Per value of the message's `group` ("language" or "card") what left after `since`; sensitivity S3 is left out.

    Values under one name of `named` count together.
    """
    column = _M[group]
    of_group = (case(dict(named), value=column, else_=column) if named else column).label("of_group")
    stopped = select(_A.message_id).where(_A.choice == _STOP, _A.message_id == _M.id).exists()
    statement = (
        select(of_group, func.count(_M.citizen_id.distinct()), func.count(), func.sum(case((stopped, 1), else_=0)))
        .where(
            _M.campaign_id.in_(select(table_of(CampaignRow).c.id)), _LEFT, _M.closed_at > since,
            column.is_not(None), _M.sensitivity != Sensitivity.S3,
        )
        .group_by("of_group")
        .order_by("of_group")
    )  # fmt: skip
    return [Told(row[0], int(row[1]), int(row[2]), int(row[3])) for row in session.execute(statement)]


def answered_since(session: Session, since: datetime) -> Sequence[Answered]:
    """Messages that left after `since` and were answered; S3 is left out."""
    answered = select(_A.message_id).where(_A.message_id == _M.id).exists()
    statement = select(_M.id, _M.citizen_id, _M.language, _M.card).where(
        _M.campaign_id.in_(select(table_of(CampaignRow).c.id)), _LEFT, _M.closed_at > since,
        _M.language.is_not(None), _M.sensitivity != Sensitivity.S3, answered,
    )  # fmt: skip
    return [Answered._make(row) for row in session.execute(statement)]


def chances_by_group(session: Session, since: datetime) -> list[tuple[str, str, int, float]]:
    """By language and card how often a lottery decided whether to write after `since`, and its chances' sum."""
    citizen = table_of(CitizenRow)
    statement = (
        select(citizen.c.language, _D.card, func.count(), func.sum(_D.p_send))
        .join(citizen, citizen.c.id == _D.citizen_id)
        .where(_D.decided_at > since, _D.available.is_(True), _D.randomised_send.is_(True))
        .group_by(citizen.c.language, _D.card)
    )
    return [(row[0], row[1], int(row[2]), float(row[3])) for row in session.execute(statement)]
