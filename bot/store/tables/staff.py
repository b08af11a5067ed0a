"""Who works here, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment, number


class StaffRow(SQLModel, table=True):
    """Somebody of the staff. Never deleted: the audit trail names them."""

    __tablename__ = "staff"

    id: str = Field(primary_key=True)
    login: str = Field(unique=True)
    name: str  # as citizens read it under a reply
    team: str | None = None
    roles: list[str] = json()
    language: str
    subject: str | None = Field(default=None, unique=True)  # issuer and subject at the municipality's own sign-in
    password_hash: str | None = None
    totp_sealed: str | None = long(default=None)
    totp_used: int | None = number(default=None)  # the last half minute whose code was used
    totp_offered_sealed: str | None = long(default=None)  # shown to its owner, who has to prove that their app has it
    recovery: list[str] | None = json(default=None)  # fingerprints of the codes for when the app is lost
    failures: int = 0
    locked_until: datetime | None = moment(default=None)
    chat_citizen: str | None = Field(default=None, foreign_key="citizen.id")  # their own chat, for tests
    created_at: datetime = moment()
    last_seen_at: datetime | None = moment(default=None)
    disabled_at: datetime | None = moment(default=None)


class StaffChatCodeRow(SQLModel, table=True):
    """A one-time code by which somebody of the staff ties a chat of their own to their account; gone once used."""

    __tablename__ = "staff_chat_code"

    staff_id: str = Field(primary_key=True, foreign_key="staff.id")
    first: str = Field(unique=True)  # finds it; the rest has to fit
    secret_hash: str
    expires_at: datetime = moment()
    tries: int = 0


class StaffSessionRow(SQLModel, table=True):
    __tablename__ = "staff_session"

    token_hash: str = Field(primary_key=True)
    staff_id: str = Field(foreign_key="staff.id", index=True)
    created_at: datetime = moment()
    seen_at: datetime = moment()
    ends_at: datetime = moment(index=True)
    means: str | None = None  # staff.sessions.Means
    id_token_sealed: str | None = long(default=None)  # what the provider wants back when somebody signs out


class AuditRow(SQLModel, table=True):
    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_place", "place"),
        Index("ix_audit_at", "at", "id"),
        Index("ix_audit_who", "who", "at", "id"),
        Index("ix_audit_who_action", "who", "action", "at", "id"),
        Index("ix_audit_action", "action", "at", "id"),
        Index("ix_audit_subject", "subject", "at", "id"),
    )

    id: int | None = number(default=None, primary_key=True)
    at: datetime = moment()
    who: str
    action: str
    subject: str
    detail: dict[str, Any] = json()
    place: int | None = number(default=None)  # in the chain, from 1; None: an older program wrote it
    chain: str | None = None  # see `ledger.trail`
