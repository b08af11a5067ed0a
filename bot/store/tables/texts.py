"""Texts that people change: the whole files, what was proposed and what counts."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment, number


class TextBodyRow(SQLModel, table=True):
    """The whole text of a file of messages/ or locale/, once under the SHA-256 of it."""

    __tablename__ = "text_body"

    hash: str = Field(primary_key=True)
    text: str = long()


class TextProposalRow(SQLModel, table=True):
    """Texts that somebody wants to change together, and what somebody else said to it."""

    __tablename__ = "text_proposal"

    id: int | None = number(default=None, primary_key=True)
    why: str = long()
    proposed_by: str
    proposed_at: datetime = moment()
    readers: dict[str, str] = json()  # language → who read its translation beside the Dutch
    state: str = Field(index=True)  # library.State
    decided_by: str | None = None
    decided_at: datetime | None = moment(default=None)
    reason: str | None = long(default=None)


class TextChangeRow(SQLModel, table=True):
    """One file of a proposal. `base` is the text that it was made from and `body` the new one; None: no such file."""

    __tablename__ = "text_change"
    __table_args__ = (UniqueConstraint("proposal_id", "path"),)

    id: int | None = number(default=None, primary_key=True)
    proposal_id: int = number(foreign_key="text_proposal.id", index=True)
    path: str
    base: str | None = Field(default=None, foreign_key="text_body.hash")
    body: str | None = Field(default=None, foreign_key="text_body.hash")


class TextInForceRow(SQLModel, table=True):
    """An approved text that counts instead of the file. `shipped` is the file as it was when people decided."""

    __tablename__ = "text_in_force"

    path: str = Field(primary_key=True)
    body: str | None = Field(default=None, foreign_key="text_body.hash")
    shipped: str | None = Field(default=None, foreign_key="text_body.hash")
    proposal_id: int = number(foreign_key="text_proposal.id")
    since: datetime = moment()
