"""From a stored signal to a decision with its reasons: who it concerns, whether we may, whether now, in which words."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row
from sqlmodel import Session

from bot import campaigns
from bot.core import outreach, policy
from bot.core.facts import (
    Campaign,
    Card,
    Citizen,
    Contact,
    Hold,
    Odds,
    Origin,
    Plan,
    Reason,
    Rules,
    Send,
    Signal,
    Skip,
    Variant,
)
from bot.core.policy import Policy
from bot.store import conversation, ledger
from bot.store.tables import CampaignRow, CitizenRow, DecisionRow, MessageRow, OfferRow, PolicyRow, SignalRow, WorldRow
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


_WORLD = TypeAdapter(World)
_INPUTS = TypeAdapter(Inputs)


def decide(world: World, inputs: Inputs, belief: Policy, draws: tuple[float, float]) -> tuple[Plan, bool]:
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
    )
    return plan, not isinstance(plan, Skip)


def plan_signals(session: Session, wording: Wording, now: datetime, limit: int) -> int:
    """Turn signals into offers, one for each campaign that answers and each person concerned; return how many signals.

    A signal that leads to none gets the reason as its outcome, so that none is lost.
    """
    signals = ledger.unplanned(session, limit)
    for signal in signals:
        signal.planned_at = now
        signal.outcome = _offers_for(session, wording, signal, now)
    return len(signals)


def _offers_for(session: Session, wording: Wording, signal: SignalRow, now: datetime) -> str:
    if signal.addressed and signal.citizen_id is None:
        return Reason.UNKNOWN_PERSON
    answering = campaigns.answering(session, wording, signal.type, signal.card, now, source=signal.source)
    if not answering:
        return Reason.NO_CAMPAIGN
    offered, ruled = 0, False
    for row, campaign in answering:
        card = wording.cards[row.card].facts()
        rule = outreach.rule_for(signal_for(signal, None), card)
        if rule is None:
            continue
        ruled = True
        end = min(outreach.window(signal_for(signal, None), rule)[1], campaign.ends_at)
        offered += ledger.offer_to(session, signal, row.id, card.theme, now, end)
    if not ruled:
        return Reason.SIGNAL_NOT_ENABLED
    return "planned" if offered else Reason.NO_CONSENT


def signal_for(row: SignalRow | Row[Any], citizen: str | None) -> Signal:
    """The signal as the gate sees it; one that was sent to nobody in particular stays so."""
    citizen = citizen if row.citizen_id else None
    return Signal(id=row.id, type=row.type, origin=Origin(row.origin), occurred_at=row.occurred_at, citizen=citizen)


def decide_due(session: Session, wording: Wording, vault: Vault, now: datetime, limit: int) -> int:
    """Decide about the offers that are due a look; return how many were looked at."""
    offers = ledger.due_offers(session, now, limit)
    if not offers:
        return 0
    signals = ledger.by_id(session, SignalRow, (offer.signal_id for offer in offers))
    rows = ledger.by_id(session, CampaignRow, (offer.campaign_id for offer in offers))
    people = ledger.by_id(session, CitizenRow, (offer.citizen_id for offer in offers))
    known = ledger.citizens(session, list(people.values()))
    belief = current_policy(session, wording, now)
    worlds = {key: world_of(session, row, wording, now) for key, row in rows.items() if row.card in wording.cards}
    keys = {key: keep(session, world) for key, world in worlds.items()}
    for offer in offers:
        if offer.campaign_id not in worlds:  # its card was taken away
            offer.state, offer.outcome, offer.closed_at = "closed", Reason.CARD_NOT_IN_FORCE, now
            continue
        signal = signals[offer.signal_id]
        inputs = Inputs(
            signal=signal_for(signal, offer.citizen_id),
            citizen=known[offer.citizen_id],
            now=now,
            window_end=offer.window_end,
        )
        number = offer.decisions + 1
        decision = decision_id(offer.id, number)
        world = worlds[offer.campaign_id]
        plan, available = decide(world, inputs, belief, draws(vault, decision))
        row = _written(decision, number, offer, plan, world, at=now)
        row.available, row.world = available, keys[offer.campaign_id]
        row.inputs = _INPUTS.dump_python(inputs, mode="json")
        session.add(row)
        session.flush()
        _move(offer, plan, number, now)
        if isinstance(plan, Send):
            variant = _variant(world, plan.variant)
            _queue(session, offer, decision, plan, world, variant, now)
            expected = Contact(
                nudge=decision, card=world.card.id, at=plan.at, tone=variant.tone, sensitivity=world.card.sensitivity
            )
            citizen = known[offer.citizen_id]
            known[offer.citizen_id] = replace(citizen, contacts=(*citizen.contacts, expected))
    return len(offers)


def decision_id(offer: str, number: int) -> str:
    """Sixteen hex digits that follow from the offer and the decision's number in it."""
    return hashlib.sha256(f"{offer}#{number}".encode()).hexdigest()[:16]


def draws(vault: Vault, decision: str) -> tuple[float, float]:
    """Two numbers in [0, 1), for writing and for the wording, that follow from the decision's id and the key."""
    return vault.draw(decision, "send"), vault.draw(decision, "tone")


def world_of(session: Session, row: CampaignRow, wording: Wording, now: datetime) -> World:
    return worlds_of(session, [row], wording, now)[row.id]


def worlds_of(session: Session, rows: Iterable[CampaignRow], wording: Wording, now: datetime) -> dict[str, World]:
    """The worlds of these campaigns, by campaign; a campaign whose card was taken away has none."""
    rows = [row for row in rows if row.card in wording.cards]
    paused = conversation.paused_variants(session)
    editors = ledger.editors(session, [row.id for row in rows])
    worlds = {}
    for row in rows:
        campaign = campaigns.facts_of(row, wording, now, editors=editors[row.id])
        worlds[row.id] = World(
            card=wording.cards[row.card].facts(),
            campaign=campaign,
            variants=tuple(
                wording.variants[known]
                for known in sorted(campaign.variants)
                if known in wording.variants and known not in paused
            ),
            rules=wording.rules,
        )
    return worlds


def keep(session: Session, world: World) -> str:
    """Store what the decisions have in common, once under its hash; return the hash."""
    record = _WORLD.dump_python(world, mode="json")
    record["campaign"]["languages"].sort()  # sets have no order of their own
    for variant in record["variants"]:
        variant["languages"].sort()
    key = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    ledger.keep_world(session, key, record)
    return key


def current_policy(session: Session, wording: Wording, now: datetime) -> Policy:
    """The newest policy version; the prior, stored as a version of its own, when nothing was learned yet."""
    row = ledger.policy_row(session)
    if row is not None:
        return Policy.from_record(row.record)
    prior = policy.prior(wording.values)
    keep_policy(session, prior, now, rows_used=0)
    return prior


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


def _variant(world: World, variant: str) -> Variant:
    return next(known for known in world.variants if known.id == variant)


def _written(decision: str, number: int, offer: OfferRow, plan: Plan, world: World, *, at: datetime) -> DecisionRow:
    """The row of a decision, without what it was made from."""
    row = DecisionRow(
        id=decision,
        offer_id=offer.id,
        number=number,
        citizen_id=offer.citizen_id,
        campaign_id=offer.campaign_id,
        card=world.card.id,
        card_version=world.card.version,
        decided_at=at,
        plan=type(plan).__name__.lower(),
        available=False,
        inputs={},
        world="",
    )
    match plan:
        case Send():
            row.until, row.variant, row.tone = plan.at, plan.variant, _variant(world, plan.variant).tone
            _write_odds(row, plan.odds)
        case Hold():
            row.reason, row.until = plan.reason, plan.until
            if plan.odds is not None:
                _write_odds(row, plan.odds)
        case Skip():
            row.reason = plan.reason
    return row


def _move(offer: OfferRow, plan: Plan, number: int, now: datetime) -> None:
    """Where the offer stands after its decision `number`."""
    offer.decisions = number
    match plan:
        case Send():
            offer.state = "queued"
        case Hold():
            # Whatever happens, the end of the window is looked at, so that the offer is closed as expired.
            offer.look_at = min(plan.until, offer.window_end + timedelta(seconds=1))
            offer.outcome = plan.reason
        case Skip():
            offer.state, offer.outcome, offer.closed_at = "closed", plan.reason, now


def _write_odds(row: DecisionRow, odds: Odds) -> None:
    row.p_send, row.randomised_send = odds.p_send, odds.randomised_send
    row.tone_probs, row.randomised_tone, row.tone_forced = dict(odds.tones), odds.randomised_tone, odds.tone_forced
    row.draw_send, row.draw_tone = odds.draw_send, odds.draw_tone
    row.policy, row.fallback, row.context = odds.policy, odds.fallback, dict(odds.context)


def _queue(
    session: Session, offer: OfferRow, decision: str, plan: Send, world: World, variant: Variant, now: datetime
) -> None:
    session.add(
        MessageRow(
            key=f"nudge:{decision}",
            citizen_id=offer.citizen_id,
            purpose=ledger.NUDGE,
            state="due",
            due_at=plan.at,
            expires_at=offer.window_end,
            created_at=now,
            decision_id=decision,
            offer_id=offer.id,
            campaign_id=offer.campaign_id,
            card=world.card.id,
            variant=variant.id,
            tone=variant.tone,
            sensitivity=world.card.sensitivity,
        )
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
    """Decide again; None when there is no such decision. Nothing is written."""
    row = session.get(DecisionRow, decision)
    if row is None:
        return None
    kept = session.get(WorldRow, row.world)
    assert kept is not None
    world = _WORLD.validate_python(kept.record)
    inputs = _INPUTS.validate_python(row.inputs)
    version = ledger.policy_row(session, row.policy) if row.policy else ledger.policy_row(session)
    assert version is not None
    plan, available = decide(world, inputs, Policy.from_record(version.record), draws(vault, decision))
    offer = session.get(OfferRow, row.offer_id)
    assert offer is not None
    again = _written(decision, row.number, offer, plan, world, at=inputs.now)
    again.available = available
    fields = (
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
    return Replay(
        decision=decision,
        recorded={name: getattr(row, name) for name in fields},
        again={name: getattr(again, name) for name in fields},
    )
