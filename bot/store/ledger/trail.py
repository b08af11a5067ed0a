"""The audit trail: what people did, in the transaction that did it, each row chained to the one before.

A row's chain is the SHA-256 of the chain before it and of the row itself, so that nobody can change, insert or take out
a row unseen; the database refuses to change or delete one. Whoever keeps the newest chain elsewhere can also see that
rows at the end are gone.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
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
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [before, place, at, row.who, row.action, row.subject, row.detail]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of checking the trail. `faults` are sentences; `loose` counts rows that an older program wrote."""

    rows: int
    loose: int
    newest: str | None
    faults: tuple[str, ...]


def verify(session: Session) -> Verdict:
    """Go through the whole trail, in constant memory."""
    before, place, faults = "", 0, []
    for row in _in_order(session):
        assert row.place is not None
        if row.place != place + 1:
            faults.append(f"between {place} and {row.place} {row.place - place - 1} rows are missing")
        elif row.chain != chained(before, row.place, row):
            faults.append(f"row {row.place} of {row.at:%Y-%m-%d %H:%M} was changed, or the one before it")
        place, before = row.place, row.chain or ""
    loose = session.execute(select(func.count()).where(col(AuditRow.place).is_(None))).scalar_one()
    return Verdict(rows=place, loose=loose, newest=before or None, faults=tuple(faults))


def _in_order(session: Session) -> Iterator[AuditRow]:
    statement = select(AuditRow).where(col(AuditRow.place).is_not(None)).order_by(col(AuditRow.place))
    yield from session.execute(statement, execution_options={"yield_per": 1000}).scalars()
