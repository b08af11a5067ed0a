"""The entry in the national algorithm register: made from what runs, published by people, and held against it since.

Functions take a session and never commit.
"""

from bot.register.algorithm import configuration, fingerprint
from bot.register.entry import SCHEMA_VERSION, entry, faults
from bot.register.publishing import (
    Line,
    Published,
    Standing,
    difference,
    digest,
    doubt,
    history,
    newest,
    publish,
    standing,
)

__all__ = [
    "SCHEMA_VERSION",
    "Line",
    "Published",
    "Standing",
    "configuration",
    "difference",
    "digest",
    "doubt",
    "entry",
    "faults",
    "fingerprint",
    "history",
    "newest",
    "publish",
    "standing",
]
