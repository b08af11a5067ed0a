"""What a month's answers changed, in fixed sentences with numbers of at least ten people."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session, col

from bot.core.facts import Choice, Learning, Sensitivity, Tone
from bot.errors import RefusedError
from bot.store.tables import (
    AnswerRow,
    AuditRow,
    CampaignRow,
    ContactRequestRow,
    DecisionRow,
    MessageRow,
    TextChangeRow,
    TextProposalRow,
)
from bot.wording import Wording

#: A number of people under this one is never told.
FEWEST: Final = 10
#: A tone is sent more often when its share of what was drawn grew by so much, each month of so many messages.
MORE: Final = 0.05
MESSAGES: Final = 50
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One fixed sentence, `notes.<key>`, with its numbers. `told`: it stands in the note."""

    key: str
    params: dict[str, int] = field(default_factory=dict)
    told: bool = True

    def as_record(self) -> dict[str, Any]:
        return {"key": self.key, "params": self.params, "told": self.told}


def span(month: str) -> tuple[date, date]:
    """The first and the last day of a month such as 2026-11. Raises RefusedError for what is none."""
    found = _MONTH.fullmatch(month)
    if found is None or int(found[1]) < 2000:
        raise RefusedError("{month} is no month. Write it as 2026-11.", month=month)
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month_before(today: date) -> str:
    """The newest month that is over."""
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


def drafted(session: Session, wording: Wording, month: str) -> list[Line]:
    """What can be told of a month, in the order in which it is told. Of sensitivity S3 nothing is counted.

    Texts that were changed may have other causes than answers, so that line stands there for people to choose.
    """
    begins, ends = _bounds(wording, month)
    return list(_lines(session, begins, ends, _bounds(wording, month_before(span(month)[0]))[0]))


def _lines(session: Session, begins: datetime, ends: datetime, before: datetime) -> Iterator[Line]:
    said = _people_by_choice(session, begins, ends)
    for choice, key in ((Choice.TOO_OFTEN, "too_often"), (Choice.UNWELCOME, "unwelcome")):
        if said[choice] >= FEWEST:
            yield Line(key=key, params={"count": said[choice]})
    tones = _tones_sent_more(session, before, begins, ends)
    if tones:
        yield from tones
    elif said[Choice.WELCOME] >= FEWEST:
        yield Line(key="welcome", params={"count": said[Choice.WELCOME]})
    asked, late = _requests(session, begins, ends)
    if asked >= FEWEST:
        yield Line(key="promises.most" if late else "promises.all", params={"count": asked})
    paused = _texts_paused(session, begins, ends)
    if paused:
        yield Line(key="paused", params={"count": paused})
    changed = _texts_changed(session, begins, ends)
    if changed:
        yield Line(key="texts", params={"count": changed}, told=False)


def _bounds(wording: Wording, month: str) -> tuple[datetime, datetime]:
    """From its first midnight up to, not including, the next month's, in the municipality's zone."""
    zone = ZoneInfo(wording.municipality.zone)
    first, last = span(month)
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def _people_by_choice(session: Session, begins: datetime, ends: datetime, *also: ColumnElement[bool]) -> Counter[str]:
    """How many different people gave each answer."""
    query = (
        select(col(AnswerRow.choice), func.count(col(AnswerRow.citizen_id).distinct()))
        .join(MessageRow, col(MessageRow.id) == col(AnswerRow.message_id))
        .where(
            col(AnswerRow.at) >= begins,
            col(AnswerRow.at) < ends,
            col(MessageRow.sensitivity) != Sensitivity.S3,
            *also,
        )
        .group_by(col(AnswerRow.choice))
    )
    return Counter({choice: count for choice, count in session.execute(query).all()})  # noqa: C416 - rows, no pairs


def _tones_sent_more(session: Session, before: datetime, begins: datetime, ends: datetime) -> list[Line]:
    """The tones that the learned chances chose more often than in the month before, and people called welcome."""
    lately, earlier = _by_tone(session, begins, ends), _by_tone(session, before, begins)
    if lately.total() < MESSAGES or earlier.total() < MESSAGES:
        return []
    found = []
    for tone in Tone:
        grew = lately[tone] / lately.total() - earlier[tone] / earlier.total() >= MORE
        welcome = _people_by_choice(session, before, ends, col(MessageRow.tone) == tone)[Choice.WELCOME]
        if grew and welcome >= FEWEST:
            found.append(Line(key=f"tone.{tone}", params={"count": welcome}))
    return found


def _by_tone(session: Session, begins: datetime, ends: datetime) -> Counter[str]:
    """Messages whose tone was drawn by what was learned."""
    learns = col(CampaignRow.definition)["learning"].as_string() == Learning.ADAPTIVE
    query = (
        select(col(DecisionRow.tone), func.count())
        .join(CampaignRow, col(CampaignRow.id) == col(DecisionRow.campaign_id))
        .where(
            col(DecisionRow.decided_at) >= begins,
            col(DecisionRow.decided_at) < ends,
            col(DecisionRow.plan) == "send",
            col(DecisionRow.randomised_tone),
            col(DecisionRow.fallback).is_(None),
            learns,
        )
        .group_by(col(DecisionRow.tone))
    )
    return Counter({tone: count for tone, count in session.execute(query).all()})  # noqa: C416 - rows, no pairs


def _requests(session: Session, begins: datetime, ends: datetime) -> tuple[int, bool]:
    """How many people asked for contact, and whether any of them was not reached by the promised day."""
    row = ContactRequestRow
    asked = and_(col(row.asked_at) >= begins, col(row.asked_at) < ends, col(row.state) != "cancelled")
    people = session.execute(select(func.count(col(row.citizen_id).distinct())).where(asked)).scalar_one()
    waits = and_(col(row.state) == "open", col(row.promised_by) < ends.date())
    late = session.execute(select(func.count()).where(asked, or_(col(row.moved) > 0, waits))).scalar_one()
    return people, bool(late)


def _texts_paused(session: Session, begins: datetime, ends: datetime) -> int:
    """Wordings that were paused by themselves, because people did not like them or stopped after them."""
    query = select(func.count(col(AuditRow.subject).distinct())).where(
        col(AuditRow.action) == "variant.pause",
        col(AuditRow.who).in_(("clock", "guard")),
        col(AuditRow.at) >= begins,
        col(AuditRow.at) < ends,
    )
    return int(session.execute(query).scalar_one())


def _texts_changed(session: Session, begins: datetime, ends: datetime) -> int:
    """Dutch files of cards, first messages and sentences that two people changed."""
    path = col(TextChangeRow.path)
    query = (
        select(func.count(path.distinct()))
        .join(TextProposalRow, col(TextProposalRow.id) == col(TextChangeRow.proposal_id))
        .where(
            col(TextProposalRow.state) == "approved",
            col(TextProposalRow.decided_at) >= begins,
            col(TextProposalRow.decided_at) < ends,
            or_(path.startswith("services/"), path.startswith("nudges/"), path == "bot.toml"),
        )
    )
    return int(session.execute(query).scalar_one())
