"""The life of a campaign: draft, approved, running, paused, stopped or finished. It alone can send.

Functions take a session and never commit.
"""

from bot.campaigns.file import CampaignFile, content_hash, read
from bot.campaigns.life import State, add, approve, finish, listing, pause, start, stop
from bot.campaigns.running import CALENDAR_SOURCE, Due, answering, due, due_dates, facts_of

__all__ = [
    "CALENDAR_SOURCE",
    "CampaignFile",
    "Due",
    "State",
    "add",
    "answering",
    "approve",
    "content_hash",
    "due",
    "due_dates",
    "facts_of",
    "finish",
    "listing",
    "pause",
    "read",
    "start",
    "stop",
]
