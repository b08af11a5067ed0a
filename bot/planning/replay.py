"""A decision made again from what it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bot.core import draws
from bot.core.policy import Policy, doubted
from bot.planning.deciding import written
from bot.planning.epochs import epoch_named
from bot.planning.world import decide, recorded
from bot.store import ledger
from bot.store.tables import DecisionRow
from bot.store.vault import Vault

FIELDS = (
    "plan",
    "available",
    "reason",
    "until",
    "variant",
    "tone",
    "p_send",
    "randomised_send",
    "tone_probs",
    "randomised_tone",
    "tone_forced",
    "draw_send",
    "draw_tone",
    "policy",
    "fallback",
    "context",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """A decision made again from what it was made from. `differences` names each field that came out otherwise."""

    decision: str
    recorded: Mapping[str, Any]
    again: Mapping[str, Any]

    @property
    def differences(self) -> Sequence[str]:
        return [name for name, value in self.recorded.items() if self.again[name] != value]


def replay(session: Session, vault: Vault, decision: str) -> Replay | None:
    """Decide again, with the key of its epoch and the doubt of then; None when there is no such decision.

    Nothing is written. What was decided before there were epochs was drawn with the finding key.
    """
    row = session.get(DecisionRow, decision)
    if row is None:
        return None
    world, inputs = recorded(session, row)
    version = ledger.policy_row(session, row.policy) if row.policy else ledger.policy_row(session)
    assert version is not None
    drawn = (
        (vault.draw(decision, draws.SEND), vault.draw(decision, draws.TONE))
        if row.epoch is None
        else epoch_named(session, vault, row.epoch).draws(decision)
    )
    plan, available = decide(world, inputs, Policy.from_record(version.record), drawn, doubted(row.fallback))
    again = written(plan, world) | {"available": available}
    return Replay(
        decision=decision,
        recorded={name: getattr(row, name) for name in FIELDS},
        again={name: again[name] for name in FIELDS},
    )
