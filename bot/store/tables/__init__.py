"""The tables. Every time is UTC and stays UTC; a person is found by a keyed hash and reached by a sealed address."""

from bot.store.tables.campaigns import (
    CampaignApprovalRow,
    CampaignDraftRow,
    CampaignEditRow,
    CampaignFunnelRow,
    CampaignRow,
)
from bot.store.tables.contact import ContactLineRow, ContactRequestRow, KlantTaskRow, OutgoingRow
from bot.store.tables.kinds import Moment, Number, metadata
from bot.store.tables.learning import DrawEpochRow, GuardRow, PolicyRow
from bot.store.tables.nudges import (
    AnswerRow,
    DecisionRow,
    FrozenRow,
    InboxRow,
    MessageRow,
    OfferRow,
    OpinionRow,
    WorldRow,
)
from bot.store.tables.people import CitizenRow, ConsentRow, LinkBatchRow, LinkCodeRow, LinkRow
from bot.store.tables.running import MarkRow
from bot.store.tables.sources import DeliveryRow, RefusedRow, SignalRow, SourceRow
from bot.store.tables.staff import AuditRow, StaffChatCodeRow, StaffRow, StaffSessionRow
from bot.store.tables.texts import TextBodyRow, TextChangeRow, TextInForceRow, TextProposalRow

__all__ = [
    "AnswerRow",
    "AuditRow",
    "CampaignApprovalRow",
    "CampaignDraftRow",
    "CampaignEditRow",
    "CampaignFunnelRow",
    "CampaignRow",
    "CitizenRow",
    "ConsentRow",
    "ContactLineRow",
    "ContactRequestRow",
    "DecisionRow",
    "DeliveryRow",
    "DrawEpochRow",
    "FrozenRow",
    "GuardRow",
    "InboxRow",
    "KlantTaskRow",
    "LinkBatchRow",
    "LinkCodeRow",
    "LinkRow",
    "MarkRow",
    "MessageRow",
    "Moment",
    "Number",
    "OfferRow",
    "OpinionRow",
    "OutgoingRow",
    "PolicyRow",
    "RefusedRow",
    "SignalRow",
    "SourceRow",
    "StaffChatCodeRow",
    "StaffRow",
    "StaffSessionRow",
    "TextBodyRow",
    "TextChangeRow",
    "TextInForceRow",
    "TextProposalRow",
    "WorldRow",
    "metadata",
]
