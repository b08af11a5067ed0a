"""CloudEvents and CSV turned into signals, and who may hand them in."""

from bot.signals.cloudevent import from_cloudevent
from bot.signals.desk import Fault, Incoming, Source, known_types
from bot.signals.keys import find_source, listing, new_key, revoke_key, rotate_key
from bot.signals.problem import Refusal
from bot.signals.table import RowFault, from_csv

__all__ = [
    "Fault",
    "Incoming",
    "Refusal",
    "RowFault",
    "Source",
    "find_source",
    "from_cloudevent",
    "from_csv",
    "known_types",
    "listing",
    "new_key",
    "revoke_key",
    "rotate_key",
]
