"""The life of a campaign: draft, approved, running, paused, stopped or finished. It alone can send.

Functions take a session and never commit.
"""

from bot.campaigns.dates import Coming, coming, days_of
from bot.campaigns.file import CampaignFile, content_hash, file_of, misfits, read
from bot.campaigns.life import State, add, among, approve, finish, listing, pause, start, stop
from bot.campaigns.running import CALENDAR_SOURCE, Due, alive, answering, due, due_dates, facts_of, waiting
from bot.campaigns.search import ORDER, known, search
from bot.campaigns.words import own_version, own_wordings, with_its_words

__all__ = [
    "CALENDAR_SOURCE",
    "ORDER",
    "CampaignFile",
    "Coming",
    "Due",
    "State",
    "add",
    "alive",
    "among",
    "answering",
    "approve",
    "coming",
    "content_hash",
    "days_of",
    "due",
    "due_dates",
    "facts_of",
    "file_of",
    "finish",
    "known",
    "listing",
    "misfits",
    "own_version",
    "own_wordings",
    "pause",
    "read",
    "search",
    "start",
    "stop",
    "waiting",
    "with_its_words",
]
