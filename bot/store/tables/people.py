"""Who they are, what they consented to, and by which letter they came."""

from datetime import datetime, time

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import long, moment, number


class CitizenRow(SQLModel, table=True):
    __tablename__ = "citizen"

    id: str = Field(primary_key=True)
    chat_hash: str = Field(unique=True)  # outlives erasure: it is the suppression
    chat_sealed: str | None = long(default=None)
    language: str
    zone: str
    standing: str = Field(index=True)  # core.talk.Standing
    created_at: datetime = moment()
    joined_at: datetime | None = moment(default=None)
    stopped_at: datetime | None = moment(default=None)
    withdrawn_update: int | None = number(default=None)
    paused_until: datetime | None = moment(default=None)
    tone: str | None = None
    holdout: bool = False
    quiet_from: time | None = None  # quiet hours of one's own, on their clock; both or neither
    quiet_until: time | None = None
    rest_days: int | None = None
    rested_anew: datetime | None = moment(default=None)
    privacy_told: str | None = None  # the hash of the privacy text that this person was shown last
    surveyed_at: datetime | None = moment(default=None)
    surveys: int = 0
    next_ok_at: datetime | None = moment(default=None)  # Telegram takes about one message a second and chat
    flow_sealed: str | None = long(default=None)  # a talk in several steps; it may hold a phone number


class ConsentRow(SQLModel, table=True):
    """What was asked and answered, never changed afterwards. `text` is word for word what stood above the buttons."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("ix_consent_citizen_id_theme", "citizen_id", "theme"),
        Index(
            "ix_consent_ends",
            "valid_until",
            sqlite_where=text("state = 'given'"),
            postgresql_where=text("state = 'given'"),
        ),
    )

    id: int | None = number(default=None, primary_key=True)
    citizen_id: str = Field(foreign_key="citizen.id")
    theme: str
    state: str
    at: datetime = moment()
    valid_until: datetime | None = moment(default=None)
    text: str = long()
    wording: str  # key and hash of the unfilled text
    language: str
    update_id: int | None = number(default=None)  # None: by staff or by the passing of time


class LinkCodeRow(SQLModel, table=True):
    """A one-time code on a letter: the first half finds it, the second half must fit, five tries."""

    __tablename__ = "link_code"

    id: str = Field(primary_key=True)
    secret_hash: str
    reference_sealed: str = long()
    created_at: datetime = moment()
    expires_at: datetime = moment()
    tries: int = 0
    used_at: datetime | None = moment(default=None)
    batch: str | None = Field(default=None, index=True)  # None: made one by one


class LinkBatchRow(SQLModel, table=True):
    """Codes that were made together, for letters. The codes themselves are only on the letters."""

    __tablename__ = "link_batch"

    id: str = Field(primary_key=True)
    purpose: str
    made_at: datetime = moment(index=True)
    made_by: str
    codes: int
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)


class LinkRow(SQLModel, table=True):
    __tablename__ = "link"

    reference_hash: str = Field(primary_key=True)
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    linked_at: datetime = moment()
