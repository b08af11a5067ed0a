"""How it goes with telling, as staff see it: what waits, what was refused, and trying that once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from bot.klant.outbox import GIVES_UP, WAITING, Target, What, listening, mark_of, moment_of
from bot.klant.why import Why
from bot.store import ledger
from bot.store.tables import OutgoingRow


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that was not told and is not tried any more. `given_up`: it was tried for `GIVES_UP`."""

    id: int
    request: int
    what: What
    at: datetime
    why: Why
    given_up: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How it goes with telling one target. `stands_still`: why nothing at all gets through now, in words."""

    target: Target
    listens: bool
    waiting: int
    oldest: datetime | None
    failed: Sequence[Failed]
    last_success: datetime | None
    stands_still: Why | None
    tries_again: datetime | None


def standing(session: Session) -> Sequence[Standing]:
    """How it goes with each target that listens, or that something still waits for."""
    listens = listening(session)
    counted = select(col(OutgoingRow.target), func.count(), func.min(OutgoingRow.at)).where(
        col(OutgoingRow.state).in_(WAITING)
    )
    waiting = {
        target: (count, since) for target, count, since in session.execute(counted.group_by(col(OutgoingRow.target)))
    }
    rows = session.execute(
        select(OutgoingRow).where(col(OutgoingRow.state) == "failed").order_by(col(OutgoingRow.id))
    ).scalars()
    refused: dict[str, list[Failed]] = {}
    for row in rows:
        refused.setdefault(row.target, []).append(_failed(row))
    return [
        _standing(session, target, waiting.get(target, (0, None)), refused.get(target, []), listens=target in listens)
        for target in Target
        if target in listens or target in waiting or target in refused
    ]


def _failed(row: OutgoingRow) -> Failed:
    assert row.id is not None
    assert row.error is not None
    given_up = row.tried_at is not None and row.closed_at is not None and row.closed_at - row.tried_at >= GIVES_UP
    what = What(row.what.partition(":")[0])
    return Failed(row.id, row.request_id, what, row.at, Why.of_record(row.error), given_up)


def _standing(
    session: Session,
    target: Target,
    waiting: tuple[int, datetime | None],
    failed: Sequence[Failed],
    *,
    listens: bool,
) -> Standing:
    mark = ledger.mark(session, mark_of(target)) or {}
    return Standing(
        target=target,
        listens=listens,
        waiting=waiting[0],
        oldest=waiting[1],
        failed=failed,
        last_success=moment_of(mark.get("succeeded")),
        stands_still=Why.of_record(mark["why"]) if "why" in mark else None,
        tries_again=moment_of(mark.get("until")),
    )


def again(session: Session, *, by: str, now: datetime, target: Target | None = None) -> int:
    """Try once more what failed, and ask a target that stands still at once. Return how many. Audited."""
    chosen = [target] if target is not None else list(Target)
    statement = (
        update(OutgoingRow)
        .where(col(OutgoingRow.state) == "failed", col(OutgoingRow.target).in_(chosen))
        .values(state="due", next_at=now, tried_at=None, tries=0, closed_at=None)
        .returning(col(OutgoingRow.id))
    )
    count = len(session.execute(statement).all())
    waiting = update(OutgoingRow).where(col(OutgoingRow.state) == "due", col(OutgoingRow.target).in_(chosen))
    session.execute(waiting.values(next_at=now))
    for one in chosen:
        if (mark := ledger.mark(session, mark_of(one))) is not None and "until" in mark:
            ledger.set_mark(session, mark_of(one), mark | {"until": now.isoformat()}, now)
    ledger.audit(session, now, by, "contact.tell_again", ",".join(chosen), count=count)
    return count


def passed_on(session: Session, request: int) -> Sequence[Mapping[str, Any]]:
    """What other systems were told of a request, for the person it is of."""
    rows = session.execute(
        select(OutgoingRow)
        .where(col(OutgoingRow.request_id) == request, col(OutgoingRow.state) == "done")
        .order_by(col(OutgoingRow.id))
    ).scalars()
    return [{"to": row.target, "what": row.what.partition(":")[0], "at": row.closed_at} for row in rows]
