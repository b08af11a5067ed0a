"""“You said, we did”: a note of what was done with a month's answers, drafted from the data and agreed to by two.

Functions take a session and never commit.
"""

from bot.notes.agreeing import (
    Note,
    Returned,
    agree,
    begin,
    known,
    listing,
    newest_told,
    offer,
    reopen,
    returned,
    save,
    take_back,
)
from bot.notes.drafting import FEWEST, Line, drafted, month_before, span
from bot.notes.sending import SENDS_FOR, Reach, reach, send
from bot.notes.telling import faults, phrases, told

__all__ = [
    "FEWEST",
    "SENDS_FOR",
    "Line",
    "Note",
    "Reach",
    "Returned",
    "agree",
    "begin",
    "drafted",
    "faults",
    "known",
    "listing",
    "month_before",
    "newest_told",
    "offer",
    "phrases",
    "reach",
    "reopen",
    "returned",
    "save",
    "send",
    "span",
    "take_back",
    "told",
]
