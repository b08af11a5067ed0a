"""The audit trail: what people did, in the transaction that did it, each row chained to the one before.

A row's chain is the SHA-256 of the chain before it and of the row itself, so that nobody can change, insert or take out
a row unseen; the database refuses to change or delete one. Whoever keeps the newest chain elsewhere can also see that
rows at the end are gone.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session as AnySession
from sqlmodel import Session, col

from bot.store.tables import AuditRow

_WRITTEN: Final = "audit rows of this transaction"
_LOCK: Final = 0x68616E64  # "hand"


def audit(session: Session, now: datetime, who: str, action: str, subject: str, **detail: Any) -> None:
    """Write down who did what to what. `detail` is JSON and holds nothing personal."""
    row = AuditRow(at=now, who=who, action=action, subject=subject, detail=detail)
    session.add(row)
    session.info.setdefault(_WRITTEN, []).append(row)


@event.listens_for(Session, "before_commit")
def _chain(session: AnySession) -> None:
    """The last thing a transaction does, so that the trail, which all have in common, is held for a moment only."""
    rows: list[AuditRow] = session.info.pop(_WRITTEN, [])
    if not rows:
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    place, chain = _end(session)
    for row in rows:
        place += 1
        chain = chained(chain, place, row)
        row.place, row.chain = place, chain


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: AnySession, _: object) -> None:
    session.info.pop(_WRITTEN, None)


def _end(session: AnySession) -> tuple[int, str]:
    newest = select(AuditRow.place, AuditRow.chain).where(col(AuditRow.place).is_not(None))  # type: ignore[call-overload]
    found = session.execute(newest.order_by(col(AuditRow.place).desc()).limit(1)).first()
    return (0, "") if found is None else (found[0], found[1])


def chained(before: str, place: int, row: AuditRow) -> str:
    return _link(before, place, row.at, row.who, row.action, row.subject, row.detail)


def _link(before: str, place: int, at: datetime, who: str, action: str, subject: str, detail: dict[str, Any]) -> str:
    content = [before, place, at.astimezone(UTC).isoformat(timespec="microseconds"), who, action, subject, detail]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """Where the chain does not hold: `missing` rows before `place`, or with 0 a row there that is not as it was."""

    place: int
    missing: int
    at: datetime

    def __str__(self) -> str:
        if self.missing:
            return f"between {self.place - self.missing - 1} and {self.place} {self.missing} rows are missing"
        return f"row {self.place} of {self.at:%Y-%m-%d %H:%M} was changed, or the one before it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of checking the trail up to the row in `rows`. `loose` counts rows that an older program wrote."""

    rows: int = 0
    loose: int = 0
    newest: str | None = None
    faults: tuple[Break, ...] = ()


def verify(session: Session) -> Verdict:
    """Go through the whole trail, in constant memory."""
    verdict = verify_on(session, Verdict())
    loose = session.execute(select(func.count()).where(col(AuditRow.place).is_(None))).scalar_one()
    return replace(verdict, loose=loose)


def verify_on(session: Session, so_far: Verdict, most: int | None = None) -> Verdict:
    """Go on with a check from where it was, by at most so many rows. With nothing left it is as it was."""
    after = col(AuditRow.place) > so_far.rows
    columns = (AuditRow.place, AuditRow.chain, AuditRow.at, AuditRow.who, AuditRow.action, AuditRow.subject)
    statement = select(*columns, AuditRow.detail).where(after)  # type: ignore[call-overload]
    if most is not None:  # up to a place, and not a number of rows: two that claim one place must both be seen
        places = select(col(AuditRow.place)).where(after).order_by(col(AuditRow.place)).limit(most)
        last = select(func.max(places.subquery().c.place)).scalar_subquery()
        statement = statement.where(col(AuditRow.place) <= last)
    ordered = statement.order_by(col(AuditRow.place), col(AuditRow.id))
    place, chain, faults = so_far.rows, so_far.newest or "", list(so_far.faults)
    for own, own_chain, at, *content in session.execute(ordered, execution_options={"yield_per": 1000}):
        if own > place + 1:
            faults.append(Break(place=own, missing=own - place - 1, at=at))
        elif own_chain != _link(chain, own, at, *content) or own == place:
            faults.append(Break(place=own, missing=0, at=at))
        place, chain = own, own_chain or ""
    return replace(so_far, rows=place, newest=chain or None, faults=tuple(faults))


def trail_length(session: Session) -> int:
    """The place of the newest row."""
    return _end(session)[0]
