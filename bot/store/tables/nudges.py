"""What became of signals: offers, decisions, messages and the answers to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, long, moment, number


class OfferRow(SQLModel, table=True):
    """One signal, one campaign, one person: what the decisions are about, until it is closed with an outcome."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("signal_id", "campaign_id", "citizen_id"),
        Index("ix_offer_look", "look_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
        Index("ix_offer_standing", "campaign_id", "state", "outcome"),
    )

    id: str = Field(primary_key=True)
    signal_id: str = Field(foreign_key="signal.id")
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    state: str  # open | queued | closed
    look_at: datetime = moment()
    window_end: datetime = moment()
    outcome: str | None = None  # a Reason, or how its delivery ended
    decisions: int = 0
    created_at: datetime = moment()
    closed_at: datetime | None = moment(default=None)


class DecisionRow(SQLModel, table=True):
    """One decision point, sent or not, never changed. `inputs` and `world` are all that it was decided from."""

    __tablename__ = "decision"
    __table_args__ = (UniqueConstraint("offer_id", "number"),)

    id: str = Field(primary_key=True)
    offer_id: str = Field(foreign_key="offer.id")
    number: int
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    card: str
    card_version: int
    decided_at: datetime = moment(index=True)
    plan: str  # send | hold | skip
    reason: str | None = None
    until: datetime | None = moment(default=None)  # send: due; hold: look again
    available: bool  # False: the gate refused, so there was nothing to draw
    variant: str | None = None
    tone: str | None = None
    p_send: float | None = None
    randomised_send: bool = False
    tone_probs: dict[str, float] | None = json(default=None)
    randomised_tone: bool = False
    tone_forced: bool = False
    draw_send: float | None = None
    draw_tone: float | None = None
    epoch: str | None = None  # draw_epoch.id; None: nothing was drawn, or before there were epochs
    policy: str | None = None
    fallback: str | None = None
    context: dict[str, float] | None = json(default=None)
    inputs: dict[str, Any] = json()
    world: str = Field(foreign_key="world.hash")


class WorldRow(SQLModel, table=True):
    """What many decisions were made from alike: card, campaign, wordings and rules, under their own hash."""

    __tablename__ = "world"

    hash: str = Field(primary_key=True)
    record: dict[str, Any] = json()


class MessageRow(SQLModel, table=True):
    """One outgoing message: due → leased → sending → sent | failed | uncertain, or withdrawn | expired before it left.

    `sending` is committed before the bytes go out; a row found in it by nobody's lease becomes uncertain and is
    never sent again.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "ix_message_due",
            "purpose",
            "due_at",
            "id",
            sqlite_where=text("state = 'due'"),
            postgresql_where=text("state = 'due'"),
        ),
        Index(
            "ix_message_flight",
            "state",
            "leased_until",
            sqlite_where=text("state IN ('leased', 'sending')"),
            postgresql_where=text("state IN ('leased', 'sending')"),
        ),
        Index("ix_message_citizen_id_id", "citizen_id", "id"),
        Index(
            "ix_message_uncertain",
            "closed_at",
            sqlite_where=text("state = 'uncertain'"),
            postgresql_where=text("state = 'uncertain'"),
        ),
        Index(
            "ix_message_departed",
            "campaign_id",
            "closed_at",
            sqlite_where=text("state IN ('sent', 'uncertain')"),
            postgresql_where=text("state IN ('sent', 'uncertain')"),
        ),
        # Of nudges only: with all messages in it, it would be read whole for what is found by state alone.
        Index(
            "ix_message_standing",
            "campaign_id",
            "state",
            "error",
            sqlite_where=text("campaign_id IS NOT NULL"),
            postgresql_where=text("campaign_id IS NOT NULL"),
        ),
    )

    id: int | None = number(default=None, primary_key=True)
    key: str = Field(unique=True)  # what this message is, so that nothing queues it twice
    citizen_id: str = Field(foreign_key="citizen.id")
    purpose: int  # core.facts.Purpose: the lower goes first
    state: str
    due_at: datetime = moment()
    expires_at: datetime | None = moment(default=None)
    created_at: datetime = moment()
    body: dict[str, Any] | None = json(default=None)  # None: a nudge, phrased when it leaves
    edits: int | None = number(default=None)  # the channel's message that this one replaces
    owner: str | None = None
    leased_until: datetime | None = moment(default=None)
    channel_id: int | None = number(default=None)  # the channel's own number of what was sent
    error: str | None = None
    closed_at: datetime | None = moment(default=None)
    decision_id: str | None = Field(default=None, foreign_key="decision.id", unique=True)
    offer_id: str | None = Field(default=None, foreign_key="offer.id", index=True)
    campaign_id: str | None = Field(default=None, foreign_key="campaign.id", index=True)
    card: str | None = None
    variant: str | None = None
    tone: str | None = None
    sensitivity: str | None = None
    language: str | None = None
    wording_hash: str | None = None


class AnswerRow(SQLModel, table=True):
    __tablename__ = "answer"
    __table_args__ = (UniqueConstraint("message_id", "choice"),)

    id: int | None = number(default=None, primary_key=True)
    message_id: int = number(foreign_key="message.id")
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    choice: str
    at: datetime = moment(index=True)
    until: datetime | None = moment(default=None)
    update_id: int | None = number(default=None)  # None: told to us by a failed delivery


class OpinionRow(SQLModel, table=True):
    """An answer to one of the eight questions about personal service, in our working reading."""

    __tablename__ = "opinion"
    __table_args__ = (UniqueConstraint("message_id", "dimension"),)

    id: int | None = number(default=None, primary_key=True)
    message_id: int = number(foreign_key="message.id")
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    dimension: str
    answer: str  # yes | no | no_opinion
    at: datetime = moment()


class FrozenRow(SQLModel, table=True):
    """The text of a wording as it was when it first left; another text under the same id is refused."""

    __tablename__ = "frozen"

    variant: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    wording_hash: str
    first_sent_at: datetime = moment()


class InboxRow(SQLModel, table=True):
    """An update as it came, sealed; emptied once it has taken effect."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_new", "update_id", sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'")),
        Index(
            "ix_inbox_dead", "received_at", sqlite_where=text("state = 'dead'"), postgresql_where=text("state = 'dead'")
        ),
    )

    update_id: int = number(primary_key=True)
    received_at: datetime = moment(index=True)
    chat_hash: str | None = None  # whose it is; None: it did not say, or came in before this was kept
    body_sealed: str | None = long(default=None)
    state: str  # new | done | dead
    tries: int = 0
    retry_at: datetime | None = moment(default=None)
    error: str | None = None
    notice: str | None = None
    done_at: datetime | None = moment(default=None)
