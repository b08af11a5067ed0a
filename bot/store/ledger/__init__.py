"""The questions asked of the database, one function each. They take a `Session` and never commit.

Reading is set-wise: a question about many people is one statement for each table, not one for each person.
"""

from bot.store.ledger.common import Row, add_new, audit, by_id, clear_mark, mark, reading, set_mark, unhurried
from bot.store.ledger.knowledge import closed_decisions, policy_row
from bot.store.ledger.messages import (
    COUNTS,
    NUDGE,
    ON_THE_WAY,
    answer,
    answers_to,
    departed_since,
    frozen,
    in_flight_until,
    leasable,
    locked,
    nudges_of,
    recall,
    received,
)
from bot.store.ledger.offers import backlog, due_offers, editors, keep_world, offer_to, reopen, unplanned, wake
from bot.store.ledger.people import asked, citizen_by_chat, citizens, consents, contacts, person_of, told, withdraw
from bot.store.ledger.updates import condition, forget_updates, unheard

__all__ = [
    "COUNTS",
    "NUDGE",
    "ON_THE_WAY",
    "Row",
    "add_new",
    "answer",
    "answers_to",
    "asked",
    "audit",
    "backlog",
    "by_id",
    "citizen_by_chat",
    "citizens",
    "clear_mark",
    "closed_decisions",
    "condition",
    "consents",
    "contacts",
    "departed_since",
    "due_offers",
    "editors",
    "forget_updates",
    "frozen",
    "in_flight_until",
    "keep_world",
    "leasable",
    "locked",
    "mark",
    "nudges_of",
    "offer_to",
    "person_of",
    "policy_row",
    "reading",
    "recall",
    "received",
    "reopen",
    "set_mark",
    "told",
    "unheard",
    "unhurried",
    "unplanned",
    "wake",
    "withdraw",
]
