"""Campaigns, from a draft to who would get them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from bot.store.tables.kinds import json, moment, number


class CampaignRow(SQLModel, table=True):
    __tablename__ = "campaign"
    __table_args__ = (
        Index("ix_campaign_state", "state", "starts_at"),
        Index(
            "ix_campaign_handed_over",
            "handed_over_at",
            sqlite_where=text("handed_over_at IS NOT NULL"),
            postgresql_where=text("handed_over_at IS NOT NULL"),
        ),
        Index(
            "ix_campaign_returned",
            "returned_at",
            sqlite_where=text("returned_at IS NOT NULL"),
            postgresql_where=text("returned_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    card: str = Field(index=True)
    definition: dict[str, Any] = json()
    state: str  # campaigns.State
    created_at: datetime = moment()
    starts_at: datetime = moment()
    ends_at: datetime = moment()
    approved_by: str | None = None
    approved_at: datetime | None = moment(default=None)
    approved_hash: str | None = None
    paused_because: str | None = None
    handed_over_by: str | None = None  # whoever said that it is ready for an approver; any change takes it back
    handed_over_at: datetime | None = moment(default=None)
    returned_by: str | None = None  # an approver sent it back, and it was not handed over since
    returned_at: datetime | None = moment(default=None)
    returned_because: str | None = None


class CampaignEditRow(SQLModel, table=True):
    __tablename__ = "campaign_edit"

    id: int | None = number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    at: datetime = moment()
    by: str
    content_hash: str


class CampaignApprovalRow(SQLModel, table=True):
    """What was approved, word for word, so that the next approver sees what is new. Never changed."""

    __tablename__ = "campaign_approval"

    id: int | None = number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    at: datetime = moment()
    by: str
    content_hash: str
    content: dict[str, Any] = json()  # campaigns.review.content


class CampaignDraftRow(SQLModel, table=True):
    """A campaign in the making, gaps and all, until it becomes a campaign or is dropped."""

    __tablename__ = "campaign_draft"

    id: str = Field(primary_key=True)  # the campaign's, which may be there already
    title: str
    content: dict[str, Any] = json()  # what was filled in, by step
    saves: list[dict[str, Any]] = json()  # who saved which step as which version, and when
    version: int
    based_on: str | None = None  # the hash of the definition that it began from; None: a new campaign
    started_by: str
    started_at: datetime = moment()
    updated_by: str
    updated_at: datetime = moment()


class CampaignFunnelRow(SQLModel, table=True):
    """Who would have got a campaign when it was handed over for approval, in numbers, as the gate counted them."""

    __tablename__ = "campaign_funnel"

    id: int | None = number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    content_hash: str  # of the campaign as it read then
    at: datetime = moment()
    by: str
    kind: str  # the type of signal that was asked about
    people: int
    reached: int
    reasons: dict[str, int] = json()  # core.facts.Reason: how many people it kept out
