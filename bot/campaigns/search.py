"""Finding campaigns among many, and those that wait for somebody."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, case, exists, func, or_
from sqlmodel import Session, col, select

from bot.campaigns.file import days, file_of, rule_of
from bot.campaigns.life import State, is_open
from bot.core.facts import Learning
from bot.store import ledger
from bot.store.tables import CampaignEditRow, CampaignRow
from bot.wording import Wording

#: What runs comes first, then what waits for somebody, then what is over.
ORDER = (State.RUNNING, State.PAUSED, State.APPROVED, State.DRAFT, State.FINISHED, State.STOPPED)
_ALIVE: Final = (State.APPROVED, State.RUNNING, State.PAUSED)


class Sort(StrEnum):
    STATE = "state"  # in `ORDER`, newest start first
    NEWEST = "newest"
    OLDEST = "oldest"
    ENDING = "ending"  # which period ends first
    TITLE = "title"


class Ready(StrEnum):
    """Where a draft stands between who writes it and who approves it."""

    HANDED_OVER = "handed_over"
    SENT_BACK = "sent_back"
    IN_THE_MAKING = "in_the_making"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which campaigns; what is empty does not count. `text` in title, id or card.

    `by`: who ever edited it; `not_by`: who never did.
    """

    text: str = ""
    state: str = ""
    card: str = ""
    by: str = ""
    not_by: str = ""
    ready: str = ""
    sort: str = Sort.STATE


def titles(session: Session, ids: Collection[str] | None = None) -> dict[str, str]:
    """The titles of those of `ids` that are campaigns; None: of all."""
    title = col(CampaignRow.definition)["title"].as_string()
    asked = select(col(CampaignRow.id), title)
    rows = session.exec(asked if ids is None else asked.where(col(CampaignRow.id).in_(ids)))
    return dict(iter(rows))


def search(session: Session, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[Sequence[CampaignRow], int]:
    """One page of the campaigns that are `wanted`, and how many there are in all."""
    conditions = _conditions(wanted)
    page = select(col(CampaignRow.id)).where(*conditions).order_by(*_order(wanted.sort), col(CampaignRow.id))
    if wanted.text:  # every campaign is read for it, so it is asked once
        fitting = session.exec(page).all()
        ids, count = fitting[offset : offset + limit], len(fitting)
    else:
        ids = session.exec(page.offset(offset).limit(limit)).all()  # whole rows would be carried through the sorting
        count = offset + len(ids)
    rows = ledger.by_id(session, CampaignRow, ids)
    if not wanted.text and (len(ids) == limit or (offset and not ids)):
        count = session.exec(select(func.count()).select_from(CampaignRow).where(*conditions)).one()
    return [rows[one] for one in ids], count


def cards(session: Session) -> list[str]:
    """The cards that campaigns are about."""
    return list(session.exec(select(CampaignRow.card).distinct().order_by(col(CampaignRow.card))))


def running_by_card(session: Session) -> Mapping[str, int]:
    """How many campaigns run about each card."""
    asked = select(CampaignRow.card, func.count()).where(col(CampaignRow.state) == State.RUNNING)
    return dict(iter(session.exec(asked.group_by(col(CampaignRow.card)))))


def adaptive(session: Session) -> list[str]:
    """The campaigns that should be running and use what was learned, by id."""
    learns = col(CampaignRow.definition)["learning"].as_string() == Learning.ADAPTIVE
    asked = select(col(CampaignRow.id)).where(col(CampaignRow.state) == State.RUNNING, learns)
    return list(session.exec(asked.order_by(col(CampaignRow.id))))


@dataclass(frozen=True, kw_only=True, slots=True)
class Alive:
    """An approved, running or paused campaign. `changed`: its card or texts are not as they were approved.

    `opens` are the days within its period on which its calendar first lets people hear of something.
    """

    id: str
    card: str
    state: str
    starts_at: datetime
    ends_at: datetime
    changed: bool
    opens: tuple[date, ...]


def approved_ones(session: Session, wording: Wording) -> list[Alive]:
    """Every approved, running or paused campaign, by id.

    What follows from the words alone is worked out once for each approval, so that many campaigns cost one statement.
    """
    columns: Any = (
        CampaignRow.id, CampaignRow.card, CampaignRow.state, CampaignRow.starts_at, CampaignRow.ends_at,
        CampaignRow.approved_hash,
    )  # fmt: skip
    query = sa.select(*columns).where(col(CampaignRow.state).in_(_ALIVE)).order_by(col(CampaignRow.id))
    found = session.execute(query).all()
    fresh = [row.id for row in found if (row.id, row.approved_hash) not in _seen(wording)]
    for start in range(0, len(fresh), 500):
        some = select(CampaignRow).where(col(CampaignRow.id).in_(fresh[start : start + 500]))
        for row in session.exec(some):
            _seen(wording)[row.id, row.approved_hash] = (is_open(row, wording), _opens(row, wording))
            session.expunge(row)
    return [
        Alive(
            id=row.id, card=row.card, state=row.state, starts_at=row.starts_at, ends_at=row.ends_at,
            changed=(known := _seen(wording)[row.id, row.approved_hash])[0], opens=known[1],
        )
        for row in found
    ]  # fmt: skip


def _opens(row: CampaignRow, wording: Wording) -> tuple[date, ...]:
    file = file_of(row)
    rule = rule_of(file, wording, file.trigger.calendar)
    if rule is None:
        return ()
    return tuple(max(day + timedelta(days=rule.earliest_day), file.period.first) for day in days(file, wording))


def _seen(wording: Wording) -> dict[tuple[str, str | None], tuple[bool, tuple[date, ...]]]:
    """By campaign and approval, which binds its definition: whether it changed since, and when its days open."""
    made: dict[tuple[str, str | None], tuple[bool, tuple[date, ...]]] = {}
    return wording.once(("approved_ones",), lambda: made)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state in set(State):
        found.append(col(CampaignRow.state) == wanted.state)
    if wanted.card:
        found.append(col(CampaignRow.card) == wanted.card)
    if wanted.by:
        found.append(_edited(wanted.by))
    if wanted.not_by:
        found.append(~_edited(wanted.not_by))
    if wanted.text:
        title = col(CampaignRow.definition)["title"].as_string()
        columns = (title, col(CampaignRow.id), col(CampaignRow.card))
        found.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    handed_over, returned = col(CampaignRow.handed_over_at).is_not(None), col(CampaignRow.returned_at).is_not(None)
    match wanted.ready:
        case Ready.HANDED_OVER:
            found.append(handed_over)
        case Ready.SENT_BACK:
            found += [returned, col(CampaignRow.state).in_([State.DRAFT, *_ALIVE])]
        case Ready.IN_THE_MAKING:
            found += [col(CampaignRow.state) == State.DRAFT, ~handed_over, ~returned]
    return found


def _edited(name: str) -> ColumnElement[bool]:
    same = func.lower(func.trim(col(CampaignEditRow.by))) == name.strip().lower()
    return exists().where(col(CampaignEditRow.campaign_id) == col(CampaignRow.id), same)


def _order(sort: str) -> list[Any]:
    newest = col(CampaignRow.starts_at).desc()
    match sort:
        case Sort.NEWEST:
            return [newest]
        case Sort.OLDEST:
            return [col(CampaignRow.starts_at)]
        case Sort.ENDING:
            return [col(CampaignRow.ends_at)]
        case Sort.TITLE:
            return [func.lower(col(CampaignRow.definition)["title"].as_string())]
    return [case({state: place for place, state in enumerate(ORDER)}, value=col(CampaignRow.state)), newest]
