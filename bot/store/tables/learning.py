"""What was learned from answers."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, moment


class PolicyRow(SQLModel, table=True):
    __tablename__ = "policy"

    version: str = Field(primary_key=True)  # the content's hash
    created_at: datetime = moment(index=True)
    parent: str | None = None
    cutoff: datetime = moment()
    rows_used: int
    record: dict[str, Any] = json()
