"""Signals, and who may hand them in."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment, number


class SignalRow(SQLModel, table=True):
    __tablename__ = "signal"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(
            "ix_signal_open",
            "received_at",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    source: str
    external_id: str
    type: str
    origin: str
    occurred_at: datetime = moment()
    received_at: datetime = moment()
    citizen_id: str | None = Field(default=None, foreign_key="citizen.id", index=True)
    addressed: bool  # False: it concerns everybody who chose the theme
    card: str | None = None  # a signal may be about one card only
    data: dict[str, Any] = json()
    said_by: str | None = None  # the team or professional, for "why did I get this?"
    outcome: str | None = None  # None: not planned yet
    planned_at: datetime | None = moment(default=None)


class SourceRow(SQLModel, table=True):
    """Who may hand in signals, and of which types."""

    __tablename__ = "source"

    name: str = Field(primary_key=True)  # the CloudEvents `source` it may use
    key_hash: str = Field(unique=True)
    types: list[str] = json()
    legal_basis: str | None = None  # register-derived signals are refused until both are set
    dpia: str | None = None
    created_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)
    old_key_hash: str | None = Field(default=None, index=True)  # the key before this one, while it still opens
    old_key_until: datetime | None = moment(default=None)
    last_seen_at: datetime | None = moment(default=None)


class DeliveryRow(SQLModel, table=True):
    """What a source handed in at once, in numbers. What is older than an hour is added up by day."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_source", "source", "at"),)

    id: int | None = number(default=None, primary_key=True)
    source: str
    at: datetime = moment(index=True)
    fresh: int = 0
    known: int = 0
    refused: int = 0


class RefusedRow(SQLModel, table=True):
    """One thing that was wrong with what a source handed in: where and what to mend, never what stood there."""

    __tablename__ = "refused"
    __table_args__ = (Index("ix_refused_source", "source", "id"),)

    id: int | None = number(default=None, primary_key=True)
    source: str
    at: datetime = moment(index=True)
    row: int | None = None  # the line in a file, or the event's place in its batch; None: a single event
    name: str  # the column or attribute
    mend: str = long()
