"""The offers that are due a look: decided, written down with all that they were decided from, and queued."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.core.facts import Contact, Hold, Odds, Plan, Reason, Send, Skip, Variant
from bot.planning.beliefs import current_policy, doubt
from bot.planning.epochs import NewKey, epoch_at, new_key
from bot.planning.world import (
    INPUTS,
    Inputs,
    World,
    before,
    decide,
    decision_id,
    keep,
    signal_for,
    situations_of,
    worlds_of,
)
from bot.store import ledger
from bot.store.ledger import DueOffer
from bot.store.tables import CampaignRow, DecisionRow, MessageRow
from bot.store.vault import Vault
from bot.wording import Wording


def decide_due(
    session: Session, wording: Wording, vault: Vault, now: datetime, limit: int, make_key: NewKey = new_key
) -> int:
    """Decide about the offers that are due a look; return how many were looked at.

    The people they are for are held until the transaction ends, so that of two planners one sees what the other
    queued: the caps hold over all campaigns together, however many planners there are.
    """
    offers = ledger.due_offers(session, now, limit)
    if not offers:
        return 0
    rows = ledger.by_id(session, CampaignRow, (offer.campaign_id for offer in offers))
    worlds = worlds_of(session, rows.values(), wording, now)
    people = ledger.people(session, {offer.citizen_id for offer in offers})
    known = ledger.citizens(session, people, situations=situations_of(worlds.values()))
    belief = current_policy(session, wording, now)
    why_even = doubt(session, wording, belief, now)
    epoch = epoch_at(session, vault, now, make_key)
    keys = keep(session, worlds)
    decisions: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    moves: list[dict[str, Any]] = []
    for offer in offers:
        world = worlds.get(offer.campaign_id)
        if world is None:  # its card was taken away
            moves.append(_moved(offer, Skip(reason=Reason.CARD_NOT_IN_FORCE), offer.decisions, now))
            continue
        citizen, number = known[offer.citizen_id], offer.decisions + 1
        signal = signal_for(offer.signal, offer.citizen_id)
        seen = before(world.campaign, citizen, vault)
        inputs = Inputs(signal=signal, citizen=seen, now=now, window_end=offer.window_end)
        decision = decision_id(offer.id, number)
        plan, available = decide(world, inputs, belief, epoch.draws(decision), why_even)
        row = written(plan, world)
        decisions.append(
            row
            | {
                "id": decision,
                "offer_id": offer.id,
                "number": number,
                "citizen_id": offer.citizen_id,
                "campaign_id": offer.campaign_id,
                "card": world.card.id,
                "card_version": world.card.version,
                "decided_at": now,
                "available": available,
                "epoch": None if row["draw_send"] is None else epoch.id,
                "inputs": INPUTS.dump_python(inputs, mode="json"),
                "world": keys[offer.campaign_id],
            }
        )
        moves.append(_moved(offer, plan, number, now))
        if isinstance(plan, Send):
            variant = _variant(world, plan.variant)
            messages.append(_queued(offer, decision, plan, world, variant, now))
            expected = Contact(
                nudge=decision, card=world.card.id, at=plan.at, tone=variant.tone, sensitivity=world.card.sensitivity
            )
            known[offer.citizen_id] = replace(citizen, contacts=(*citizen.contacts, expected))
    ledger.add_all(session, DecisionRow, decisions)
    ledger.add_all(session, MessageRow, messages)
    ledger.move_offers(session, moves)
    return len(offers)


def written(plan: Plan, world: World) -> dict[str, Any]:
    """What a plan says, under the names of the decision's columns."""
    odds = None if isinstance(plan, Skip) else plan.odds
    row = {
        "plan": type(plan).__name__.lower(),
        "reason": None,
        "until": None,
        "variant": None,
        "tone": None,
        **_odds(odds),
    }
    match plan:
        case Send():
            tone = _variant(world, plan.variant).tone
            row |= {"until": plan.at, "variant": plan.variant, "tone": tone}
        case Hold():
            row |= {"reason": plan.reason, "until": plan.until}
        case Skip():
            row["reason"] = plan.reason
    return row


def _odds(odds: Odds | None) -> dict[str, Any]:
    return {
        "p_send": None if odds is None else odds.p_send,
        "randomised_send": odds is not None and odds.randomised_send,
        "tone_probs": None if odds is None else dict(odds.tones),
        "randomised_tone": odds is not None and odds.randomised_tone,
        "tone_forced": odds is not None and odds.tone_forced,
        "draw_send": None if odds is None else odds.draw_send,
        "draw_tone": None if odds is None else odds.draw_tone,
        "policy": None if odds is None else odds.policy,
        "fallback": None if odds is None else odds.fallback,
        "context": None if odds is None else dict(odds.context),
    }


def _variant(world: World, variant: str) -> Variant:
    return next(known for known in world.variants if known.id == variant)


def _moved(offer: DueOffer, plan: Plan, number: int, now: datetime) -> dict[str, Any]:
    """Where the offer stands after its decision `number`."""
    stands = {
        "id": offer.id,
        "state": "open",
        "look_at": offer.look_at,
        "outcome": offer.outcome,
        "decisions": number,
        "closed_at": None,
    }
    match plan:
        case Send():
            stands["state"] = "queued"
        case Hold():
            # Whatever happens, the end of the window is looked at, so that the offer is closed as expired.
            stands["look_at"] = min(plan.until, offer.window_end + timedelta(seconds=1))
            stands["outcome"] = plan.reason
        case Skip():
            stands |= {"state": "closed", "outcome": plan.reason, "closed_at": now}
    return stands


def _queued(
    offer: DueOffer, decision: str, plan: Send, world: World, variant: Variant, now: datetime
) -> dict[str, Any]:
    return {
        "key": f"nudge:{decision}",
        "citizen_id": offer.citizen_id,
        "purpose": ledger.NUDGE,
        "state": "due",
        "due_at": plan.at,
        "expires_at": offer.window_end,
        "created_at": now,
        "decision_id": decision,
        "offer_id": offer.id,
        "campaign_id": offer.campaign_id,
        "card": world.card.id,
        "variant": variant.id,
        "tone": variant.tone,
        "sensitivity": world.card.sensitivity,
    }
