"""The campaigns that run: which of them a signal sets off, and which days of their own have come."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from bot.campaigns.file import days, file_of, hash_of, rule_of, signals_of_situations
from bot.campaigns.life import OVER, State, among
from bot.core.facts import Campaign, Waves
from bot.store import ledger
from bot.store.tables import CampaignRow, SignalRow
from bot.wording import Wording
from bot.wording.cards import CardSignal

#: In front of a campaign's id: the source of the signals that its own calendar gives.
CALENDAR_SOURCE: Final = "urn:handreiking:campaign:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A day of a campaign's own calendar has come: a signal to everybody who chose the theme."""

    campaign: str
    source: str
    external_id: str
    type: str
    card: str
    occurred_at: datetime


def facts_of(row: CampaignRow, wording: Wording, now: datetime, *, editors: Collection[str]) -> Campaign:
    """The campaign as decisions see it. `editors`: everybody who ever edited it (`ledger.editors`).

    It runs only within its period, and as it was approved by somebody who is not among them.
    """
    file = file_of(row)
    card = wording.cards.get(file.card)
    runs = (
        row.state == State.RUNNING
        and row.starts_at <= now < row.ends_at
        and row.approved_by is not None
        and not among(row.approved_by, editors)
        and row.approved_hash == hash_of(row, wording)
    )
    return Campaign(
        id=row.id,
        card=file.card,
        theme="" if card is None else card.theme,
        variants=tuple(file.variants),
        languages=frozenset(file.languages),
        linked_only=file.audience.linked_only,
        situations=tuple(signals_of_situations(file, wording).values()),
        waves=None if file.waves is None else Waves(number=file.waves.number, days=file.waves.days_between),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        learning=file.learning,
        running=runs,
        ended=row.state in OVER or now >= row.ends_at,
    )


def alive(session: Session, wording: Wording, now: datetime) -> list[tuple[CampaignRow, Campaign]]:
    """The campaigns within their period that were started and not stopped, by id. A paused one is among them."""
    started = col(CampaignRow.state).in_([State.RUNNING, State.PAUSED])
    rows = session.exec(select(CampaignRow).where(started).order_by(col(CampaignRow.id))).all()
    editors = ledger.editors(session, [row.id for row in rows])
    return [
        (row, facts_of(row, wording, now, editors=editors[row.id]))
        for row in rows
        if row.starts_at <= now < row.ends_at and row.card in wording.cards
    ]


def answering(
    known: Iterable[tuple[CampaignRow, Campaign]], signal_type: str, card: str | None, *, source: str
) -> list[tuple[CampaignRow, Campaign]]:
    """Those of `known` (`alive`) that this kind of signal sets off. `card`: the one that the signal names, if any.

    A paused one is among them: it keeps the signal for when it goes on.

    A signal whose `source` is a campaign's own calendar sets off that campaign only.
    """
    if source.startswith(CALENDAR_SOURCE):
        own = source.removeprefix(CALENDAR_SOURCE)
        return [(row, campaign) for row, campaign in known if row.id == own]
    return [
        (row, campaign)
        for row, campaign in known
        if card in {None, row.card} and signal_type in row.definition["trigger"]["signals"]
    ]


def due(session: Session, wording: Wording, now: datetime) -> list[Due]:
    """The days of running campaigns that have come and of which the ledger has no signal yet."""
    found = [
        Due(
            campaign=row.id,
            source=f"{CALENDAR_SOURCE}{row.id}",
            external_id=external_id,
            type=row.definition["trigger"]["calendar"],
            card=row.card,
            occurred_at=occurred_at,
        )
        for row, campaign in alive(session, wording, now)
        if campaign.running
        for external_id, occurred_at in due_dates(row, wording, now)
        if not over(row, wording, occurred_at, now)
    ]
    sources = {day.source for day in found}
    query = select(SignalRow.source, SignalRow.external_id).where(col(SignalRow.source).in_(sources))
    known = set(session.exec(query)) if sources else set()
    return [day for day in found if (day.source, day.external_id) not in known]


def due_dates(row: CampaignRow, wording: Wording, now: datetime) -> list[tuple[str, datetime]]:
    """The days of its own calendar whose window on the card has opened by `now`, oldest first.

    Each as an id (the ISO date) and its midnight in the municipality's zone, which can lie ahead of `now`. Days whose
    window was over before the campaign's period began are not among them.
    """
    file = file_of(row)
    rule = rule_of(file, wording, file.trigger.calendar)
    if rule is None:
        return []
    zone = ZoneInfo(wording.municipality.zone)
    return [
        (day.isoformat(), datetime.combine(day, time(), zone))
        for day in days(file, wording)
        if day + timedelta(days=min(0, rule.earliest_day)) <= now.astimezone(zone).date()
    ]


def over(row: CampaignRow, wording: Wording, occurred_at: datetime, now: datetime) -> bool:
    """Whether the card's window for this day has closed, so that its signal could only be refused."""
    file = file_of(row)
    rule = rule_of(file, wording, file.trigger.calendar)
    return rule is None or now > occurred_at + timedelta(days=rule.latest_day)


def waiting(session: Session, wording: Wording) -> list[tuple[str, CardSignal, date, str]]:
    """Each day that an approved, running or paused campaign waits for, as (card, its signal, day, campaign)."""
    states = [State.APPROVED, State.RUNNING, State.PAUSED]
    rows = session.exec(select(CampaignRow).where(col(CampaignRow.state).in_(states)).order_by(col(CampaignRow.id)))
    found = []
    for row in rows:
        file = file_of(row)
        card = wording.cards.get(file.card)
        kind = file.trigger.calendar
        signals = [] if card is None or kind is None else [one for one in card.signals if one.type == kind]
        found += [(row.card, signal, day, row.id) for signal in signals for day in days(file, wording)]
    return found
