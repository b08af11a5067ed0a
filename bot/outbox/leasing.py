"""Who sends, and what is set aside for them.

One process sends at a time. It holds a mark for some seconds and keeps it by asking; each intent is committed only
while it holds it. What coordinates is the database: the mark's row is locked while somebody asks.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.core.facts import Purpose
from bot.outbox.parts import Leased
from bot.store import ledger
from bot.store.tables import MarkRow

#: What nobody waits for; a pause of nudges holds notes too.
UNCALLED = frozenset({Purpose.NUDGE, Purpose.NOTE})
LEASE = timedelta(seconds=20)
#: A message that has begun to leave is given up as uncertain after this; no request lasts that long.
FLIGHT = timedelta(seconds=60)
SENDER = "sender"  # the one process that sends, and until when
#: After a kill the next one takes over within this.
SENDS_FOR = timedelta(seconds=10)
#: The mark is prolonged when it is this old, not at each question.
RENEW_AFTER = timedelta(seconds=2)
#: An update that does not say whose it is, is taken to heart within this, or all nudges wait for it.
HEARD_WITHIN = timedelta(seconds=2)
PAUSE_ALL = "pause"  # a 429: nothing leaves until then
PAUSE_NUDGES = "pause_nudges"  # the breaker, or staff: no nudge leaves until somebody says so


def is_sender(session: Session, now: datetime, owner: str) -> bool:
    """Whether `owner` is the one who sends; nobody else becomes it before the transaction ends.

    Whoever does keeps the part by asking; a silent one loses it, and what was only set aside for it is due again.
    """
    mine = {"owner": owner, "until": (now + SENDS_FOR).isoformat()}
    # Of two who find no mark, one makes it and the other waits for that and then sees it.
    while (row := ledger.mark(session, SENDER, locked=True)) is None:
        if ledger.add_new(session, MarkRow, [{"name": SENDER, "value": mine, "at": now}]):
            ledger.take_back(session, but=owner)
            return True
    left = datetime.fromisoformat(row["until"]) - now
    if row["owner"] != owner:
        if left > timedelta(0):
            return False
        ledger.take_back(session, but=owner)
    if row["owner"] != owner or left <= SENDS_FOR - RENEW_AFTER:
        ledger.set_mark(session, SENDER, mine, now)
    return True


def resign(session: Session, owner: str) -> None:
    """`owner` sends no more: what is set aside for it is due again, and somebody else may send at once."""
    row = ledger.mark(session, SENDER, locked=True)
    if row is not None and row["owner"] == owner:
        ledger.take_back(session)
        ledger.clear_mark(session, SENDER)


def lease(session: Session, now: datetime, owner: str, purposes: Collection[Purpose], limit: int) -> list[Leased]:
    """Due messages set aside for `owner`. Losing a lease loses nothing."""
    if nudges_wait(session, now):
        purposes = [purpose for purpose in purposes if purpose not in UNCALLED]
    rows = ledger.leasable(session, now, purposes, limit)
    ledger.set_aside(session, [message for message, _ in rows], owner, now + LEASE)
    return [Leased(message, Purpose(purpose)) for message, purpose in rows]


def nudges_wait(session: Session, now: datetime) -> bool:
    """Whether no nudge may leave: somebody paused them, or what nobody we know of said was not taken to heart yet."""
    return ledger.mark(session, PAUSE_NUDGES) is not None or ledger.is_behind(session, now - HEARD_WITHIN)


def sweep(session: Session, now: datetime) -> int:
    """Take up what a dead sender left: leases end, what was in flight becomes uncertain. Return how many of those."""
    ledger.take_back(session, ended=now)
    lost = ledger.in_flight_until(session, now)
    ledger.close(session, [row.id for row in lost], "uncertain", now)
    ledger.unseal(session, lost)
    ledger.close_offers(session, [row.offer_id for row in lost if row.offer_id is not None], "uncertain", now)
    return len(lost)
