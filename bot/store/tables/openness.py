"""What the municipality answers for in public: plans of analysis, the algorithm register, notes of what changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment, number


class PlanDraftRow(SQLModel, table=True):
    """What researchers chose for a campaign's plan of analysis, until it is frozen."""

    __tablename__ = "plan_draft"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    choices: dict[str, Any] = json()
    updated_by: str
    updated_at: datetime = moment()


class PlanRow(SQLModel, table=True):
    """A frozen plan of analysis, never changed or deleted: the database refuses. A change is the next version."""

    __tablename__ = "plan"
    __table_args__ = (UniqueConstraint("campaign_id", "version"),)

    id: int | None = number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    version: int
    hash: str = Field(unique=True)  # SHA-256 of `record` as canonical JSON
    record: dict[str, Any] = json()
    frozen_by: str
    frozen_at: datetime = moment()


class RegisterEntryRow(SQLModel, table=True):
    """An entry of the algorithm register as it was published, never changed or deleted: the database refuses."""

    __tablename__ = "register_entry"

    id: int | None = number(default=None, primary_key=True)
    hash: str  # SHA-256 of `entry` as canonical JSON
    fingerprint: str = Field(index=True)  # of the algorithm that it describes
    entry: dict[str, Any] = json()
    configuration: dict[str, Any] = json()  # what the fingerprint is made of
    published_by: str
    published_at: datetime = moment(index=True)


class NoteRow(SQLModel, table=True):
    """A month's note to people about what changed because of answers: drafted, agreed to by two, sent."""

    __tablename__ = "note"

    month: str = Field(primary_key=True)  # 2026-11, on the municipality's calendar
    lines: list[dict[str, Any]] = json()  # fixed sentences: key, params, and whether it is told
    additions: dict[str, str] = json()  # what staff add, by language
    written_by: list[str] = json()  # everybody who had a hand in it: none of them is the second
    written_at: datetime = moment()
    offered_by: str | None = None  # the author who agrees to it as it is; a change takes it back
    offered_at: datetime | None = moment(default=None)
    agreed_by: str | None = None
    agreed_at: datetime | None = moment(default=None)
    agreed_hash: str | None = None
    told: dict[str, str] | None = json(default=None)  # what is said, by language, once it was agreed to
    reached: str | None = None  # the last person for whom it was looked whether they get it
    sent_at: datetime | None = moment(default=None)  # when that was done for everybody
    why_not: str | None = long(default=None)  # taken back before it was sent, and why
