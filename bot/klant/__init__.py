"""Requests for contact as other systems hear of them: Open Klant, and whoever takes our events.

`asked`, `claimed`, `replied`, `moved` and `closed` write down, in the transaction of what happened, that it is to be
told. `klant.worker` tells it, outside any transaction. Nothing is written where nobody listens.
"""

from bot.klant.outbox import THEIR_STAFF, Target, What, asked, claimed, closed, moved, replied
from bot.klant.overview import Failed, Standing, again, passed_on, standing
from bot.klant.payloads import reference
from bot.klant.why import Why

__all__ = [
    "THEIR_STAFF",
    "Failed",
    "Standing",
    "Target",
    "What",
    "Why",
    "again",
    "asked",
    "claimed",
    "closed",
    "moved",
    "passed_on",
    "reference",
    "replied",
    "standing",
]
