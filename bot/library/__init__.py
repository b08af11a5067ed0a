"""The texts in force: what is in files, and what two people approved since. Functions take a session and never commit.

A file changes as a whole, so that what was approved can be exported and stand in the repository again. The wording of
today is made from all of them together and checked as the files are.
"""

from bot.library.bounds import softer
from bot.library.difference import Difference, differences_of, lines
from bot.library.editing import Value, misfits_of, parsed, translation, tried, with_text, with_values, with_wording
from bot.library.files import LOCALE, Files, place, shipped, wording_of
from bot.library.folders import differences, write
from bot.library.new_versions import keep_ours, take_both, take_file
from bot.library.proposing import (
    CHANGED,
    Judged,
    State,
    approve,
    changed_by,
    judge,
    listing,
    propose,
    record,
    rehearse,
    send_back,
    withdraw,
)
from bot.library.shelf import Conflict, Shelf, body_hash, conflicts, in_force, texts_version

__all__ = [
    "CHANGED",
    "LOCALE",
    "Conflict",
    "Difference",
    "Files",
    "Judged",
    "Shelf",
    "State",
    "Value",
    "approve",
    "body_hash",
    "changed_by",
    "conflicts",
    "differences",
    "differences_of",
    "in_force",
    "judge",
    "keep_ours",
    "lines",
    "listing",
    "misfits_of",
    "parsed",
    "place",
    "propose",
    "record",
    "rehearse",
    "send_back",
    "shipped",
    "softer",
    "take_both",
    "take_file",
    "texts_version",
    "translation",
    "tried",
    "with_text",
    "with_values",
    "with_wording",
    "withdraw",
    "wording_of",
    "write",
]
