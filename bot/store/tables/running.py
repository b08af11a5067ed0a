"""What is remembered about the running itself."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, moment


class MarkRow(SQLModel, table=True):
    """A remembered fact about the running itself: a pause for everybody, the sender's breaker, the demo's clock."""

    __tablename__ = "mark"

    name: str = Field(primary_key=True)
    value: dict[str, Any] = json()
    at: datetime = moment()
