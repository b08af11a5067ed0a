"""The keys that decisions are drawn with, one for each quarter: committed to before it is used, revealed afterwards.

A quarter's key is 32 random bytes, kept sealed. Its SHA-256 stands in the audit trail and in `handreiking draws` from
the moment it is made, which is well before its quarter where the bot runs. A day after the quarter is over the key
itself is revealed, so that anybody can make each draw again (`core.draws`).
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from bot.core import draws
from bot.errors import RefusedError
from bot.store import ledger
from bot.store.tables import DecisionRow, DrawEpochRow
from bot.store.vault import Vault

#: The next quarter's key is made, and its hash published, so long before.
AHEAD: Final = timedelta(days=14)
#: A decision is drawn with the key of the quarter in which it is made. So long after its end nobody does any more,
#: whatever the clocks of several machines say and however long a batch took.
SETTLED: Final = timedelta(days=1)

NewKey = Callable[[], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """What a batch of decisions is drawn with."""

    id: str
    key: bytes = field(repr=False)

    def draws(self, decision: str) -> tuple[float, float]:
        return draws.of_decision(self.key, decision)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A decision's draws as they were recorded and as its revealed key gives them; each for writing, for the wording.

    `hash_fits`: the SHA-256 of the key is the one that was published before.
    """

    decision: str
    epoch: str
    key: str
    hash_fits: bool
    recorded: tuple[float | None, float | None]
    again: tuple[float, float]

    @property
    def agrees(self) -> bool:
        return self.hash_fits and self.recorded == self.again


def new_key() -> bytes:
    return secrets.token_bytes(draws.KEY_BYTES)


def epoch_at(session: Session, vault: Vault, now: datetime, make: NewKey = new_key) -> Epoch:
    """The epoch that decisions at `now` are drawn in; it is made when it is not there.

    Of several who make it at once, all get the key of the one who was first.

    Raises UnreadableError when no key of ours opens it; then nothing can be decided.
    """
    quarter = draws.quarter(now)
    return _opened(session.get(DrawEpochRow, quarter.id) or _made(session, vault, quarter, now, make), vault)


def epoch_named(session: Session, vault: Vault, epoch: str) -> Epoch:
    """The epoch that a decision says it was drawn in. Raises UnreadableError when no key of ours opens it."""
    return _opened(session.get_one(DrawEpochRow, epoch), vault)


def look_after(session: Session, vault: Vault, now: datetime, make: NewKey = new_key) -> None:
    """Make the coming quarter's key in time, and reveal those that nothing is drawn with any more."""
    ahead = draws.quarter(now + AHEAD)
    if session.get(DrawEpochRow, ahead.id) is None:
        _made(session, vault, ahead, now, make)
    over = select(DrawEpochRow).where(col(DrawEpochRow.revealed).is_(None), col(DrawEpochRow.ends_at) <= now - SETTLED)
    for row in session.execute(over.order_by(col(DrawEpochRow.id)).with_for_update(skip_locked=True)).scalars():
        row.revealed, row.revealed_at = vault.open(row.key_sealed), now
        ledger.audit(session, now, "clock", "draws.reveal", row.id, key=row.revealed)


def epochs(session: Session) -> Sequence[DrawEpochRow]:
    """All of them, the oldest first."""
    return session.execute(select(DrawEpochRow).order_by(col(DrawEpochRow.starts_at))).scalars().all()


def check(session: Session, decision: str) -> Checked:
    """Make a decision's draws again with the revealed key of its epoch. Raises RefusedError when that cannot be."""
    row = session.get(DecisionRow, decision)
    if row is None:
        raise RefusedError("There is no decision {decision}.", decision=decision)
    if row.draw_send is None:
        raise RefusedError("Nothing was drawn for {decision}: the rules settled it.", decision=decision)
    if row.epoch is None:
        raise RefusedError(
            "{decision} was drawn before there were keys to reveal. `handreiking replay` makes it again.",
            decision=decision,
        )
    epoch = session.get_one(DrawEpochRow, row.epoch)
    if epoch.revealed is None:
        raise RefusedError(
            "The key of {epoch} is revealed from {day} on; until then it may still be drawn with.",
            epoch=epoch.id,
            day=(epoch.ends_at + SETTLED).date().isoformat(),
        )
    key = bytes.fromhex(epoch.revealed)
    return Checked(
        decision=decision,
        epoch=epoch.id,
        key=epoch.revealed,
        hash_fits=draws.published(key) == epoch.key_hash,
        recorded=(row.draw_send, row.draw_tone),
        again=draws.of_decision(key, decision),
    )


def _opened(row: DrawEpochRow, vault: Vault) -> Epoch:
    return Epoch(id=row.id, key=bytes.fromhex(vault.open(row.key_sealed)))


def _made(session: Session, vault: Vault, quarter: draws.Quarter, now: datetime, make: NewKey) -> DrawEpochRow:
    key = make()
    row = {
        "id": quarter.id,
        "starts_at": quarter.starts_at,
        "ends_at": quarter.ends_at,
        "created_at": now,
        "key_hash": draws.published(key),
        "key_sealed": vault.seal(key.hex()),
    }
    if ledger.add_new(session, DrawEpochRow, [row]):
        ledger.audit(session, now, "clock", "draws.commit", quarter.id, key_hash=row["key_hash"])
    # Who was second waited for the first, and reads what that one stored.
    return session.get_one(DrawEpochRow, quarter.id)
