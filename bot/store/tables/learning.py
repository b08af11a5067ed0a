"""What was learned from answers, what chance was drawn with, and what watches over both."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment


class PolicyRow(SQLModel, table=True):
    __tablename__ = "policy"

    version: str = Field(primary_key=True)  # the content's hash
    created_at: datetime = moment(index=True)
    parent: str | None = None
    cutoff: datetime = moment()
    rows_used: int
    record: dict[str, Any] = json()


class DrawEpochRow(SQLModel, table=True):
    """The key that the decisions of one quarter were drawn with: its hash from the start, itself once it is over."""

    __tablename__ = "draw_epoch"

    id: str = Field(primary_key=True)  # core.draws.Quarter.id
    starts_at: datetime = moment()
    ends_at: datetime = moment()
    created_at: datetime = moment()
    key_hash: str  # the SHA-256 of the key's bytes, in hex
    key_sealed: str = long(repr=False)  # the key in hex
    revealed: str | None = Field(default=None, repr=False)  # the same, for everybody; None: it may still be drawn with
    revealed_at: datetime | None = moment(default=None)


class GuardRow(SQLModel, table=True):
    """What a guard has counted of something it watches, and whether it is alarmed."""

    __tablename__ = "guard"

    watched: str = Field(primary_key=True)  # such as campaign:ID, variant:ID, learning
    counted_since: datetime | None = moment(default=None)  # what left before does not count; None: everything does
    counts: dict[str, Any] = json()
    alarm: str | None = None  # what is wrong, in a sentence; None: nothing, or a person said to go on
    alarmed_at: datetime | None = moment(default=None)
    updated_at: datetime = moment()
