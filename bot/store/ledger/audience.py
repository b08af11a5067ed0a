"""Everybody, in a few columns: what decides about most people before anything else is read of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Integer, func, or_, select, type_coerce
from sqlmodel import Session

from bot.core.facts import ConsentState
from bot.core.talk import Standing
from bot.store.ledger.common import table_of
from bot.store.ledger.messages import COUNTS, NUDGE
from bot.store.tables import CitizenRow, ConsentRow, LinkRow, MessageRow

#: Somebody who takes part and whose consent holds: id, zone, language, whether they are linked, and whether they have a
#: history: a nudge, or a pause that they asked for once.
Willing = tuple[str, str, str, bool, bool]


def crowds(session: Session) -> list[tuple[str, str, int]]:
    """Everybody whom we keep: standing, zone, and how many people share them."""
    person = table_of(CitizenRow)
    shared = (person.c.standing, person.c.zone)
    statement = select(*shared, func.count()).group_by(*shared).with_hint(person, "NOT INDEXED", "sqlite")
    return [(standing, zone, people) for standing, zone, people in session.execute(statement)]


def willing(session: Session, theme: str, now: datetime, *, chunk: int = 5_000) -> Iterator[Sequence[Willing]]:
    """Who takes part and consents to the theme at `now`, in chunks that are read as they are asked for."""
    person, link, nudge = (table_of(row) for row in (CitizenRow, LinkRow, MessageRow))
    consent, given = newest_given(theme)
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
        .where(person.c.standing == Standing.ACTIVE, given, consent.c.valid_until > now)
        .with_hint(consent, "NOT INDEXED", "sqlite")
    )
    found = session.execute(statement, execution_options={"yield_per": chunk})
    for rows in found.partitions():
        yield cast("Sequence[Willing]", rows)


def newest_given(theme: str) -> tuple[Any, Any]:
    """The table of consents, and the condition that a row of it is the newest answer to this theme, and a yes.

    A whole table is read faster from one end to the other than by looking each person up.
    """
    consent = table_of(ConsentRow)
    later = consent.alias("later")
    overruled = select(later.c.id).where(
        later.c.citizen_id == consent.c.citizen_id,
        later.c.theme == theme,
        later.c.state != ConsentState.ASKED,
        later.c.id > consent.c.id,
    )
    return consent, (consent.c.theme == theme) & (consent.c.state == ConsentState.GIVEN) & ~overruled.exists()
