"""The audit trail as auditors handle it: checked a part at a time, and handed out as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from bot.store import ledger
from bot.store.ledger import Break, Verdict, Wanted
from bot.store.tables import AuditRow

CHECK: Final = "audit_check"
#: So many rows are checked at once: about half a second.
PART: Final = 20_000
#: So many places where it does not hold are kept; the number of them is told all the same.
TOLD: Final = 50
_AT_ONCE: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A check under way, or the last one. `of` is how many rows there were when it began."""

    by: str
    began_at: datetime
    of: int
    verdict: Verdict
    broken: int
    ended_at: datetime | None = None

    @property
    def share(self) -> float:
        return min(1.0, self.verdict.rows / self.of) if self.of else 1.0


def last_check(session: Session) -> Check | None:
    mark = ledger.mark(session, CHECK)
    if mark is None:
        return None
    faults = tuple(
        Break(place=place, missing=missing, at=datetime.fromisoformat(at)) for place, missing, at in mark["faults"]
    )
    return Check(
        by=mark["by"],
        began_at=datetime.fromisoformat(mark["began_at"]),
        of=mark["of"],
        verdict=Verdict(rows=mark["rows"], newest=mark["newest"], faults=faults),
        broken=mark["broken"],
        ended_at=mark["ended_at"] and datetime.fromisoformat(mark["ended_at"]),
    )


def begin_check(session: Session, *, by: str, now: datetime) -> Check:
    """Begin with the first row, whatever check was under way, and check the first part."""
    check = Check(by=by, began_at=now, of=ledger.trail_length(session), verdict=Verdict(), broken=0)
    return _on(session, check, now)


def go_on_checking(session: Session, *, now: datetime) -> Check | None:
    """Check the next part of the check that is under way; what came of it is audited at its end. None: there is none.

    The trail itself is only read.
    """
    check = last_check(session)
    return check if check is None or check.ended_at is not None else _on(session, check, now)


def _on(session: Session, check: Check, now: datetime) -> Check:
    verdict = ledger.verify_on(session, check.verdict, PART)
    broken = check.broken + len(verdict.faults) - len(check.verdict.faults)
    over = verdict.rows >= max(check.of, check.verdict.rows + 1) or verdict.rows == check.verdict.rows
    kept = Verdict(rows=verdict.rows, newest=verdict.newest, faults=verdict.faults[:TOLD])
    done = Check(
        by=check.by, began_at=check.began_at, of=check.of, verdict=kept, broken=broken, ended_at=now if over else None
    )
    ledger.set_mark(session, CHECK, _as_mark(done), now)
    if over:
        ledger.audit(
            session, now, check.by, "audit.verify", "all", rows=verdict.rows, faults=broken, newest=verdict.newest
        )
    return done


def _as_mark(check: Check) -> dict[str, Any]:
    return {
        "by": check.by,
        "began_at": check.began_at.isoformat(),
        "of": check.of,
        "rows": check.verdict.rows,
        "newest": check.verdict.newest,
        "faults": [[one.place, one.missing, one.at.isoformat()] for one in check.verdict.faults],
        "broken": check.broken,
        "ended_at": check.ended_at and check.ended_at.isoformat(),
    }


def note_export(session: Session, wanted: Wanted, *, by: str, now: datetime) -> None:
    """Write down that somebody takes this part of the trail along."""
    ledger.audit(
        session,
        now,
        by,
        "audit.export",
        "all",
        by_whom=wanted.who,
        actions=sorted(wanted.actions),
        subjects=sorted(wanted.subjects),
        since=wanted.since and wanted.since.isoformat(),
        until=wanted.until and wanted.until.isoformat(),
    )


def every_row(session: Session, wanted: Wanted) -> Iterator[AuditRow]:
    """All rows that are wanted, newest first, a thousand in memory at a time."""
    before = None
    while rows := ledger.deeds(session, wanted, before=before, limit=_AT_ONCE):
        yield from rows
        session.expunge_all()
        last = rows[-1]
        assert last.id is not None
        before = ledger.Place(last.at, last.id)
