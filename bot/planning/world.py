"""What a decision is made from, and the decision itself."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from pydantic import TypeAdapter
from sqlmodel import Session

from bot import campaigns
from bot.core import outreach, policy
from bot.core.facts import (
    Campaign,
    Card,
    Citizen,
    Hold,
    Origin,
    Plan,
    Reason,
    Rules,
    Signal,
    Skip,
    Variant,
)
from bot.core.policy import Policy
from bot.store import conversation, ledger
from bot.store.tables import CampaignRow, DecisionRow, WorldRow
from bot.store.vault import Vault
from bot.wording import Wording


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What the decisions about one campaign have in common."""

    card: Card
    campaign: Campaign
    variants: tuple[Variant, ...]
    rules: Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What a decision has for itself."""

    signal: Signal
    citizen: Citizen
    now: datetime
    window_end: datetime


WORLD = TypeAdapter(World)
INPUTS = TypeAdapter(Inputs)


class StoredSignal(Protocol):
    """What the gate needs of a signal's row."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def citizen_id(self) -> str | None: ...


def decide(
    world: World, inputs: Inputs, belief: Policy, draws: tuple[float, float], doubt: str | None = None
) -> tuple[Plan, bool]:
    """The plan, and whether there was anything to decide; False: the gate refused. Same arguments, same plan."""
    signal, citizen, now = inputs.signal, inputs.citizen, inputs.now
    objection = outreach.objection(signal, world.card, world.campaign, citizen, world.rules, now)
    if objection is not None:
        if objection.until is None or objection.until > inputs.window_end:
            return Skip(reason=objection.reason), False
        return Hold(reason=objection.reason, until=objection.until), False
    at = outreach.next_civil_moment(citizen.zone, outreach.own_rules(citizen, world.rules), now)
    if at > inputs.window_end:
        return Skip(reason=Reason.SIGNAL_EXPIRED), False
    variants = [variant for variant in world.variants if citizen.language in variant.languages]
    plan = policy.decide(
        citizen,
        world.campaign,
        variants,
        belief,
        world.rules,
        now=now,
        at=at,
        window_end=inputs.window_end,
        draws=draws,
        doubt=doubt,
    )
    return plan, not isinstance(plan, Skip)


def signal_for(row: StoredSignal, citizen: str | None) -> Signal:
    """The signal as the gate sees it; one that was sent to nobody in particular stays so."""
    citizen = citizen if row.citizen_id else None
    return Signal(
        id=row.id,
        type=row.type,
        origin=Origin(row.origin),
        occurred_at=row.occurred_at,
        citizen=citizen,
        received_at=row.received_at,
    )


def situations_of(worlds: Iterable[World]) -> frozenset[str]:
    """What has to be known of what people told, to decide about these campaigns."""
    return frozenset(kind for world in worlds for kind in world.campaign.situations)


def before(campaign: Campaign, citizen: Citizen, vault: Vault) -> Citizen:
    """The person as this campaign's gate may see them: what they told of its own situations only, and their lot."""
    if campaign.waves is None and not citizen.told:
        return citizen
    return replace(
        citizen,
        told={kind: at for kind, at in citizen.told.items() if kind in campaign.situations},
        lot=0.0 if campaign.waves is None else lot(campaign, citizen.id, vault),
    )


def lot(campaign: Campaign, citizen: str, vault: Vault) -> float:
    """A number in [0, 1) for this person in this campaign: the same each time, and nobody without the key knows it."""
    return vault.draw(campaign.id, citizen, "wave")


def decision_id(offer: str, number: int) -> str:
    """Sixteen hex digits that follow from the offer and the decision's number in it."""
    return hashlib.sha256(f"{offer}#{number}".encode()).hexdigest()[:16]


def world_of(session: Session, row: CampaignRow, wording: Wording, now: datetime) -> World:
    """What the decisions about this campaign have in common at `now`. Its card must be there."""
    return worlds_of(session, [row], wording, now)[row.id]


def worlds_of(session: Session, rows: Iterable[CampaignRow], wording: Wording, now: datetime) -> dict[str, World]:
    """`world_of` for each campaign whose card is there, by the campaign's id."""
    there = [row for row in rows if row.card in wording.cards]
    paused = conversation.paused_variants(session)
    editors = ledger.editors(session, [row.id for row in there])
    found = {}
    for row in there:
        campaign = campaigns.facts_of(row, wording, now, editors=editors[row.id])
        # What it wrote for itself may be younger than what this process has taken up.
        said = campaigns.with_its_words(wording, [row])
        found[row.id] = World(
            card=wording.cards[row.card].facts(),
            campaign=campaign,
            variants=tuple(
                said.variants[known]
                for known in sorted(campaign.variants)
                if known in said.variants and known not in paused
            ),
            rules=wording.rules,
        )
    return found


def keep(session: Session, worlds: Mapping[str, World]) -> dict[str, str]:
    """Store what the decisions have in common, once under its hash; return the hashes under the same keys."""
    recorded = {name: _recorded(world) for name, world in worlds.items()}
    # In the same order everywhere, so that two planners that keep the same ones never wait for each other in a circle.
    ledger.keep_worlds(session, sorted(dict(recorded.values()).items()))
    return {name: key for name, (key, _) in recorded.items()}


def recorded(session: Session, decision: DecisionRow) -> tuple[World, Inputs]:
    """All that a decision was made from."""
    kept = session.get_one(WorldRow, decision.world)
    return WORLD.validate_python(kept.record), INPUTS.validate_python(decision.inputs)


@lru_cache(maxsize=256)
def _recorded(world: World) -> tuple[str, Mapping[str, Any]]:
    record = WORLD.dump_python(world, mode="json")
    record["campaign"]["languages"].sort()  # sets have no order of their own
    for variant in record["variants"]:
        variant["languages"].sort()
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(), record
