"""What sources deliver: how much and when, what of it was refused, and whether that is as usual.

What was refused is kept as where and what to mend, for a month, and never as what stood there: it may be personal.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Any, Final

from cloudevents.core.v1.event import REQUIRED_ATTRIBUTES
from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from bot.signals.desk import DATA_FIELDS, Incoming
from bot.signals.keys import OURS
from bot.signals.problem import Refusal
from bot.signals.table import COLUMNS, RowFault
from bot.store import ledger
from bot.store.tables import DeliveryRow, RefusedRow, SourceRow

#: So many faults of one request or file are kept; the number of them is told all the same.
KEPT_OF_A_REQUEST: Final = 20
KEPT_OF_A_FILE: Final = 1000
KEEP_REFUSED: Final = timedelta(days=30)
KEEP_DAYS: Final = 60
LATELY: Final = 14
#: From how many days on it may be said what is usual.
_ENOUGH: Final = 4
_AT_ONCE: Final = 20_000
_PLACE: Final = re.compile(r"\[(\d+)\]\.?")
_NAMES: Final = frozenset(
    {*REQUIRED_ATTRIBUTES, *COLUMNS, *(f"data.{name}" for name in DATA_FIELDS), "time", "datacontenttype"}
    | {"subject", "data", "data_base64", "content-type", "body", "(row)"}
)
#: What a column or attribute is called that we do not know: its name may be somebody's.
UNKNOWN_NAME: Final = "…"


@dataclass(frozen=True, slots=True)
class Mend:
    """One fault as it may be kept. `row`: the line in a file, or the place in a batch, from 1."""

    row: int | None
    name: str
    mend: str


def mends_of(refused: Refusal | Iterable[RowFault]) -> list[Mend]:
    """What was wrong, without what stood there."""
    if not isinstance(refused, Refusal):
        return [Mend(fault.row, _known(fault.column), fault.mend) for fault in refused]
    if not refused.faults:
        return [Mend(None, "body", refused.detail or refused.title)]
    mends = []
    for fault in refused.faults:
        place = _PLACE.match(fault.attribute)
        name = fault.attribute if place is None else fault.attribute[place.end() :]
        mends.append(Mend(None if place is None else int(place[1]) + 1, _known(name or "body"), fault.mend))
    return mends


def _known(name: str) -> str:
    return name if name in _NAMES else UNKNOWN_NAME


def note_taken(session: Session, incoming: Iterable[Incoming], fresh: Iterable[bool], now: datetime) -> None:
    """Note how much each source handed in; what the bot itself hands in is not counted."""
    new: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for signal, is_new in zip(incoming, fresh, strict=True):
        (new if is_new else known)[signal.source] += 1
    rows = [
        {"source": source, "at": now, "fresh": new[source], "known": known[source], "refused": 0}
        for source in sorted({*new, *known})
        if not source.startswith(OURS)
    ]
    ledger.add_all(session, DeliveryRow, rows)


def note_refused(
    session: Session, source: str, mends: Sequence[Mend], now: datetime, *, most: int = KEPT_OF_A_REQUEST
) -> None:
    """Note what a source handed in that could not be taken."""
    if not mends:
        return
    refused = len({mend.row for mend in mends})
    session.add(DeliveryRow(source=source, at=now, refused=refused))
    rows = [
        {"source": source, "at": now, "row": mend.row, "name": mend.name, "mend": mend.mend} for mend in mends[:most]
    ]
    ledger.add_all(session, RefusedRow, rows)


def refused_rows(session: Session, source: str, *, before: int | None = None, limit: int) -> Sequence[RefusedRow]:
    """The newest that are kept, before the one with this number."""
    asked = select(RefusedRow).where(col(RefusedRow.source) == source)
    if before is not None:
        asked = asked.where(col(RefusedRow.id) < before)
    return session.exec(asked.order_by(col(RefusedRow.id).desc()).limit(limit)).all()


def note_refused_file(session: Session, source: str, *, by: str, now: datetime) -> None:
    """Write down that somebody takes along what was refused."""
    ledger.audit(session, now, by, "source.refused", source)


def tidy(session: Session, now: datetime) -> None:
    """Forget refused rows after a month, and add up by day what was delivered before today."""
    session.execute(delete(RefusedRow).where(col(RefusedRow.at) < now - KEEP_REFUSED))
    session.execute(delete(DeliveryRow).where(col(DeliveryRow.at) < now - timedelta(days=KEEP_DAYS)))
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    old = select(DeliveryRow).where(col(DeliveryRow.at) < today)
    days: dict[tuple[str, date], list[DeliveryRow]] = defaultdict(list)
    for row in session.exec(old.order_by(col(DeliveryRow.at).desc()).limit(_AT_ONCE)):
        days[row.source, row.at.date()].append(row)
    gone = []
    for last, *others in days.values():  # the newest first: its moment is when the last delivery was
        if others:
            for row in others:
                last.fresh, last.known, last.refused = (
                    last.fresh + row.fresh,
                    last.known + row.known,
                    last.refused + row.refused,
                )
            gone += [row.id for row in others]
            session.add(last)
    for start in range(0, len(gone), 500):
        session.execute(delete(DeliveryRow).where(col(DeliveryRow.id).in_(gone[start : start + 500])))


class Health(StrEnum):
    """How a source does."""

    SHUT = "shut"  # its keys open nothing
    NEVER = "never"  # nothing came yet
    REFUSED = "refused"  # of what came last nothing could be taken
    SILENT = "silent"  # nothing came for longer than is usual
    NEW = "new"  # too little came to know what is usual
    WELL = "well"


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What a source handed in on one day of the municipality's calendar."""

    taken: int = 0
    known: int = 0
    refused: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A source as somebody looks after it. `usual`: days between deliveries, as far as that is known."""

    row: SourceRow
    health: Health
    last: datetime | None
    silent: int | None
    usual: int | None
    days: Mapping[date, Day] = field(default_factory=dict)
    refused: int = 0

    @property
    def a_day(self) -> float:
        """How many were taken a day in the last two weeks."""
        return sum(day.taken for day in self.days.values()) / LATELY


def standings(session: Session, now: datetime, zone: tzinfo, names: Collection[str] | None = None) -> list[Standing]:
    """The sources by name, with how they do; `names` None: all."""
    asked = select(SourceRow).order_by(col(SourceRow.name))
    rows = session.exec(asked if names is None else asked.where(col(SourceRow.name).in_(names))).all()
    kept: Any = select(col(RefusedRow.source), func.count()).group_by(col(RefusedRow.source))
    refused = dict(iter(session.exec(kept)))
    return [_standing(session, row, refused.get(row.name, 0), now, zone) for row in rows]


def _standing(session: Session, row: SourceRow, refused: int, now: datetime, zone: tzinfo) -> Standing:
    today = now.astimezone(zone).date()
    asked = select(DeliveryRow).where(col(DeliveryRow.source) == row.name).order_by(col(DeliveryRow.at))
    days: dict[date, Day] = {}
    last = row.last_seen_at
    taken_last = True
    for delivery in session.exec(asked):
        day = delivery.at.astimezone(zone).date()
        so_far = days.get(day, Day())
        days[day] = Day(
            taken=so_far.taken + delivery.fresh,
            known=so_far.known + delivery.known,
            refused=so_far.refused + delivery.refused,
        )
        last = delivery.at if last is None else max(last, delivery.at)
        taken_last = bool(days[day].taken or days[day].known)
    silent = None if last is None else (today - last.astimezone(zone).date()).days
    gaps = _gaps(days)
    if row.revoked_at is not None:
        health = Health.SHUT
    elif last is None or (not days and row.last_seen_at is None):
        health = Health.NEVER
    elif days and not taken_last:
        health = Health.REFUSED
    elif not gaps:
        health = Health.NEW
    else:
        health = Health.SILENT if (silent or 0) > max(*gaps, 1) else Health.WELL
    return Standing(
        row=row,
        health=health,
        last=last,
        silent=silent,
        usual=round(median(gaps)) if gaps else None,
        days={day: what for day, what in days.items() if (today - day).days < LATELY},
        refused=refused,
    )


def _gaps(days: Mapping[date, Day]) -> list[int]:
    """The days between one delivery and the next; none while there were too few to say what is usual."""
    came = sorted(day for day, what in days.items() if what.taken or what.known)
    if len(came) < _ENOUGH:
        return []
    return [(after - before).days for before, after in pairwise(came)]
