"""CloudEvents and CSV turned into signals, and who may hand them in."""

from bot.signals.cloudevent import from_cloudevent
from bot.signals.deliveries import (
    KEPT_OF_A_FILE,
    Health,
    Mend,
    Standing,
    mends_of,
    note_refused,
    note_refused_file,
    note_taken,
    refused_rows,
    standings,
    tidy,
)
from bot.signals.desk import Fault, Incoming, Source, known_types
from bot.signals.keys import find_source, listing, new_key, revoke_key, rotate_key
from bot.signals.problem import Refusal
from bot.signals.table import RowFault, from_csv

__all__ = [
    "KEPT_OF_A_FILE",
    "Fault",
    "Health",
    "Incoming",
    "Mend",
    "Refusal",
    "RowFault",
    "Source",
    "Standing",
    "find_source",
    "from_cloudevent",
    "from_csv",
    "known_types",
    "listing",
    "mends_of",
    "new_key",
    "note_refused",
    "note_refused_file",
    "note_taken",
    "refused_rows",
    "revoke_key",
    "rotate_key",
    "standings",
    "tidy",
]
