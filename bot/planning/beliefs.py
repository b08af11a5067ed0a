"""The policy version by which decisions are made."""

import json
from datetime import datetime
from functools import lru_cache

from sqlmodel import Session

from bot import register
from bot.core import policy
from bot.core.policy import Policy
from bot.store import ledger
from bot.store.tables import GuardRow, PolicyRow
from bot.wording import Wording

#: What the guard watches that holds for all that is learned.
LEARNING = "learning"


def current_policy(session: Session, wording: Wording, now: datetime) -> Policy:
    """The newest policy version; the prior, stored as a version of its own, when nothing was learned yet."""
    newest = newest_policy(session)
    if newest is not None:
        return newest
    prior = policy.prior(wording.values, wording.others)
    keep_policy(session, prior, now, rows_used=0)
    return prior


def newest_policy(session: Session) -> Policy | None:
    """The newest policy version; None: nothing was decided yet."""
    record = ledger.newest_policy(session)
    return None if record is None else _read(record)


def doubt(session: Session, wording: Wording, belief: Policy, now: datetime) -> str | None:  # noqa: ARG001 - what a reason may rest on
    """Why what was learned may not be used just now; None: it may. Adaptive campaigns then draw evenly.

    Asked once for a batch of decisions at `now` by `belief`: the guard's alarm, then whether the algorithm register
    describes what runs. What a policy can see of itself, such as being out of date, `policy.decide` sees without being
    told.
    """
    guard = session.get(GuardRow, LEARNING)
    alarm = None if guard is None else guard.alarm
    return register.doubt(session, wording) if alarm is None else alarm


def keep_policy(session: Session, belief: Policy, now: datetime, *, rows_used: int) -> None:
    row = {
        "version": belief.version,
        "created_at": now,
        "parent": belief.parent,
        "cutoff": belief.cutoff or now,
        "rows_used": rows_used,
        "record": belief.as_record(),
    }
    ledger.add_new(session, PolicyRow, [row])


@lru_cache(maxsize=4)
def _read(record: str) -> Policy:
    return Policy.from_record(json.loads(record))
