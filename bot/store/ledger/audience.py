"""Everybody, in a few columns: what decides about most people before anything else is read of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Integer, Table, and_, func, or_, select, type_coerce
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op
from sqlmodel import Session

from bot.core.facts import ConsentState
from bot.core.talk import Standing
from bot.store.ledger.common import table_of
from bot.store.ledger.messages import COUNTS, NUDGE
from bot.store.ledger.people import COLLEAGUE
from bot.store.tables import CitizenRow, ConsentRow, LinkRow, MessageRow

#: Somebody who takes part and whose consent holds: id, zone, language, whether they are linked, and whether they have a
#: history: a nudge, or a pause that they asked for once.
Willing = tuple[str, str, str, bool, bool]


def crowds(session: Session) -> list[tuple[str, str, int]]:
    """Everybody whom we keep: standing, zone, and how many people share them. A chat for tests is nobody."""
    person = table_of(CitizenRow)
    shared = (person.c.standing, person.c.zone)
    statement = select(*shared, func.count()).where(person.c.standing != COLLEAGUE).group_by(*shared)
    return [(standing, zone, people) for standing, zone, people in session.execute(statement)]


def willing(session: Session, theme: str, now: datetime, *, chunk: int = 5_000) -> Iterator[Sequence[Willing]]:
    """Who takes part and consents to the theme at `now`, in chunks that are read as they are asked for."""
    person, link, nudge = (table_of(row) for row in (CitizenRow, LinkRow, MessageRow))
    consent, given = newest_given(session, theme)
    until = consent.c.valid_until
    linked = select(link.c.citizen_id).where(link.c.citizen_id == person.c.id)
    nudged = select(nudge.c.id).where(
        nudge.c.citizen_id == person.c.id, nudge.c.purpose == NUDGE, nudge.c.state.in_(COUNTS)
    )
    statement = (
        select(
            person.c.id,
            person.c.zone,
            person.c.language,
            type_coerce(linked.exists(), Integer),
            type_coerce(or_(person.c.paused_until.is_not(None), nudged.exists()), Integer),
        )
        .join(consent, consent.c.citizen_id == person.c.id)
        .where(scanned(session, person.c.standing) == Standing.ACTIVE, given, scanned(session, until) > now)
    )
    found = session.execute(statement, execution_options={"yield_per": chunk})
    for rows in found.partitions():
        yield cast("Sequence[Willing]", rows)


def newest_given(session: Session, theme: str) -> tuple[Table, ColumnElement[bool]]:
    """The table of consents, and the condition that a row of it is the newest answer to this theme, and a yes."""
    consent = table_of(ConsentRow)
    later = consent.alias("later")
    overruled = select(later.c.id).where(
        later.c.citizen_id == consent.c.citizen_id,
        later.c.theme == theme,
        later.c.state != ConsentState.ASKED,
        later.c.id > consent.c.id,
    )
    is_given = scanned(session, consent.c.state) == ConsentState.GIVEN
    return consent, and_(scanned(session, consent.c.theme) == theme, is_given, ~overruled.exists())


def scanned(session: Session, column: Column[Any]) -> ColumnElement[Any]:
    """The column, so that SQLite reads the table from one end to the other and looks nothing up by this column.

    For a large part of a table that is several times faster, and SQLite would not choose it by itself.
    """
    if session.get_bind().dialect.name != "sqlite":
        return column
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)
