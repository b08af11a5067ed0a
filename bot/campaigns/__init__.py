"""The life of a campaign: draft, approved, running, paused, stopped or finished. It alone can send.

Functions take a session and never commit.
"""

from bot.campaigns import drafts, filled, funnel
from bot.campaigns.content import content, last_approval
from bot.campaigns.dates import Coming, coming, days_of
from bot.campaigns.differences import Change, Differences, Mark, Piece, TextChange, compared, differences
from bot.campaigns.file import CampaignFile, content_hash, file_of, hash_of
from bot.campaigns.life import (
    OVER,
    State,
    add,
    among,
    approve,
    finish,
    hand_over,
    is_open,
    known,
    listing,
    pause,
    row_of,
    send_back,
    start,
    stop,
    take_back,
)
from bot.campaigns.misfit import misfits, situations_for
from bot.campaigns.reading import read
from bot.campaigns.running import CALENDAR_SOURCE, Due, alive, answering, due, due_dates, facts_of, waiting
from bot.campaigns.search import (
    ORDER,
    Alive,
    Ready,
    Sort,
    Wanted,
    adaptive,
    approved_ones,
    cards,
    running_by_card,
    search,
    titles,
)
from bot.campaigns.words import own_version, own_wordings, with_its_words

__all__ = [
    "CALENDAR_SOURCE",
    "ORDER",
    "OVER",
    "Alive",
    "CampaignFile",
    "Change",
    "Coming",
    "Differences",
    "Due",
    "Mark",
    "Piece",
    "Ready",
    "Sort",
    "State",
    "TextChange",
    "Wanted",
    "adaptive",
    "add",
    "alive",
    "among",
    "answering",
    "approve",
    "approved_ones",
    "cards",
    "coming",
    "compared",
    "content",
    "content_hash",
    "days_of",
    "differences",
    "drafts",
    "due",
    "due_dates",
    "facts_of",
    "file_of",
    "filled",
    "finish",
    "funnel",
    "hand_over",
    "hash_of",
    "is_open",
    "known",
    "last_approval",
    "listing",
    "misfits",
    "own_version",
    "own_wordings",
    "pause",
    "read",
    "row_of",
    "running_by_card",
    "search",
    "send_back",
    "situations_for",
    "start",
    "stop",
    "take_back",
    "titles",
    "waiting",
    "with_its_words",
]
