"""People who asked for somebody, and what other systems hear of it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment, number


class ContactRequestRow(SQLModel, table=True):
    __tablename__ = "contact_request"

    id: int = number(primary_key=True)  # the update that asked
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    message_id: int | None = number(default=None, foreign_key="message.id")
    card: str | None = None
    how: str  # chat | phone
    daypart: str
    phone_sealed: str | None = long(default=None)
    language: str
    asked_at: datetime = moment()
    promised_by: date
    state: str = Field(index=True)  # open → talking → done; or cancelled
    remind: bool = False
    reminded_at: datetime | None = moment(default=None)
    moved: int = 0  # how often the promise could not be kept, and the person was told
    spoken_at: datetime | None = moment(default=None)  # the last word of the talk, from either side
    closed_at: datetime | None = moment(default=None, index=True)
    claimed_by: str | None = None  # the login of who answers; stays when it is closed
    claimed_at: datetime | None = moment(default=None)
    claim_until: datetime | None = moment(default=None)  # None while claimed: until the person writes again
    handed_by: str | None = None  # who handed it over; until the new owner has looked
    waiting_since: datetime | None = moment(default=None)  # the first word of the person that nobody answered yet
    answer_by: date | None = None  # of a talk: the day by which that word is answered
    outcome: str | None = None  # contacts.Outcome
    referred_to: str | None = None


class ContactLineRow(SQLModel, table=True):
    """One thing said in a talk with staff, or a note about it, sealed; wiped when the talk is closed."""

    __tablename__ = "contact_line"

    id: int | None = number(default=None, primary_key=True)
    request_id: int = number(foreign_key="contact_request.id", index=True)
    at: datetime = moment()
    by: str | None = None  # who of the staff; None: the person
    text_sealed: str = long()
    kind: str | None = None  # "note": for colleagues, never sent; None: said
    message_key: str | None = None  # of a reply: the message that carries it


class OutgoingRow(SQLModel, table=True):
    """Something in the life of a request for contact that another system is to hear of. It holds nothing of anybody."""

    __tablename__ = "outgoing"
    __table_args__ = (
        UniqueConstraint("target", "request_id", "what"),
        Index(
            "ix_outgoing_open",
            "target",
            "next_at",
            sqlite_where=text("state IN ('due', 'sending')"),
            postgresql_where=text("state IN ('due', 'sending')"),
        ),
    )

    id: int | None = number(default=None, primary_key=True)
    target: str  # klant.Target
    request_id: int = number(foreign_key="contact_request.id", index=True)
    what: str  # klant.What, with a number where it happens more than once
    at: datetime = moment()
    detail: dict[str, Any] = json()
    state: str  # due → sending → done | failed | dropped
    tries: int = 0
    tried_at: datetime | None = moment(default=None)  # for the first time since it was due
    next_at: datetime = moment()
    owner: str | None = None  # who sends it, while it is on its way
    until: datetime | None = moment(default=None)
    error: dict[str, Any] | None = json(default=None)  # klant.Why, of the last try
    closed_at: datetime | None = moment(default=None)


class KlantTaskRow(SQLModel, table=True):
    """What was made in Open Klant for a request for contact, by the uuids it has there."""

    __tablename__ = "klant_task"

    request_id: int = number(primary_key=True, foreign_key="contact_request.id")
    contact: str  # klantcontact
    party: str | None = None  # betrokkene
    address: str | None = None  # digitaal adres; None: none was made, or it was taken away again
    task: str | None = None  # interne taak
    looked_at: datetime | None = moment(default=None)
    closed_at: datetime | None = moment(default=None)  # nothing is asked or told there any more
