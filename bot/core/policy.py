"""Which wording, whether now, with what probability; and what closed answers teach.

Learning only softens: it chooses among approved wordings and between writing now and looking again in a week, inside
the gate of `outreach` and the pause of `rhythm`. It learns per segment (language, theme, chosen tone), pooled over
people, never from cards of sensitivity S3, and when in doubt falls back to even chances, not to writing.
The formulas and constants are those of `learning.md` 1.1 and 1.2.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import rhythm
from bot.core.beliefs import R0, Policy, send_odds, tone_odds
from bot.core.facts import (
    DISLIKED,
    Campaign,
    Citizen,
    Contact,
    Hold,
    Learning,
    Odds,
    Plan,
    Reason,
    Rules,
    Send,
    Sensitivity,
    Skip,
    Tone,
    Variant,
)
from bot.core.lessons import Matured, Outcome, Reward, felt_welcome, learn, outcome, reward
from bot.core.pooling import prior

__all__ = [
    "Matured",
    "Outcome",
    "Policy",
    "Reward",
    "context",
    "decide",
    "doubted",
    "felt_welcome",
    "held_out",
    "learn",
    "outcome",
    "prior",
    "reward",
    "send_odds",
    "tone_odds",
]

#: Which way of deciding and learning this is. Raise it with any change after which the same facts may be decided
#: otherwise: the algorithm register describes one, and another one waits until it is registered.
ALGORITHM = "2"

LOTTERY_AGAIN = timedelta(days=7)
HOLDOUT_SHARE = 0.10
HOLDOUT_GAP = timedelta(days=28)
STALE = timedelta(days=21)
MEMORY = timedelta(days=365)  # so that it does not matter how much further back a ledger reads
RATE_WEIGHT = 10.0  # messages
_STALE, _NO_NUMBERS = "stale: ", "no numbers: "


def context(
    citizen: Citizen, campaign: Campaign, rules: Rules, policy: Policy, now: datetime, *, window_end: datetime
) -> dict[str, float]:
    """What a decision may know, as named numbers; at most twelve, all known before sending.

    `language:…`, `theme:…` and `prefers:…` are 1 where they apply. `recent_<tone>` (0.70 a week) and `dose` (0.85) fade
    from 1 per send; `unwelcome` (0.8) from 1 per disliked message. `silence` is half the row of closed silences, at
    most 2. `rate` is the share of closed messages felt welcome that is to be expected of this person, less the policy's
    pooled share: the posterior mean, with the pooled share as a prior that weighs as much as ten messages.
    `urgency` rises to 1 as `window_end` comes near. Contacts of sensitivity S3 and what came after `now` are left out.
    """
    past = [c for c in citizen.contacts if now - MEMORY < c.at <= now and c.sensitivity is not Sensitivity.S3]
    numbers = {f"language:{citizen.language}": 1.0, f"theme:{campaign.theme}": 1.0}
    if citizen.tone is not None:
        numbers[f"prefers:{citizen.tone}"] = 1.0
    for tone in Tone:
        numbers[f"recent_{tone}"] = math.fsum(0.70 ** _weeks(now - c.at) for c in past if c.tone is tone)
    closed = [c for c in past if c.at + rules.window <= now]
    welcome = sum(outcome(c.answers, by=c.at + rules.window).interested for c in closed if c.answers)
    r0 = policy.r0 if math.isfinite(policy.r0) else R0
    numbers["dose"] = math.fsum(0.85 ** _weeks(now - c.at) for c in past)
    numbers["silence"] = min(4, _silences_in_a_row(past, rules, now)) / 2
    numbers["unwelcome"] = math.fsum(0.8 ** _weeks(now - at) for c in past if (at := _disliked_at(c, now)) is not None)
    numbers["rate"] = (welcome + RATE_WEIGHT * r0) / (len(closed) + RATE_WEIGHT) - r0
    numbers["urgency"] = 1 / (1 + max(0.0, _weeks(window_end - now)))
    return numbers


def decide(  # noqa: PLR0913 - every fact of a decision is named where it is taken, so that a replay can hand it in
    citizen: Citizen,
    campaign: Campaign,
    variants: Sequence[Variant],
    policy: Policy,
    rules: Rules,
    *,
    now: datetime,
    at: datetime,
    window_end: datetime,
    draws: tuple[float, float],
    doubt: str | None = None,
) -> Plan:
    """Whether to write at `at` to somebody whom the gate lets through, and in which of `variants`.

    `variants` are the wordings that may be planned in the citizen's language. `draws` are two numbers in [0, 1): for
    writing, for the wording. `doubt` says why what was learned may not be used now (None: it may). Only an adaptive
    campaign uses what was learned; a fixed one always writes, a trial and a doubtful policy draw evenly, and of the
    latter `odds.fallback` says why. A person in the hold-out gets at most one message in four weeks instead of the
    lottery. `odds.policy` names `policy` in each case, so that a replay can hand it in again.
    """
    if not variants:
        return Skip(reason=Reason.NO_WORDING)
    held = held_out(citizen, campaign)
    if held and citizen.contacts:
        free = max(contact.at for contact in citizen.contacts) + HOLDOUT_GAP
        if now < free:
            return Hold(reason=Reason.HOLDOUT, until=free)

    forced = any(variant.tone is citizen.tone for variant in variants)
    eligible = sorted((v for v in variants if not forced or v.tone is citizen.tone), key=lambda v: v.id)
    count = Counter(variant.tone for variant in eligible)
    tones = sorted(count)
    seen = context(citizen, campaign, rules, policy, now, window_end=window_end)
    learning = Learning.FIXED if held else campaign.learning
    p_send, chances, fallback = _chances(learning, policy, seen, tones, now, doubt)
    shares = {variant.id: chances[variant.tone] / count[variant.tone] for variant in eligible}
    odds = Odds(
        p_send=p_send,
        randomised_send=p_send < 1,
        tones=shares,
        randomised_tone=len(tones) > 1,
        tone_forced=forced,
        draw_send=draws[0],
        draw_tone=draws[1],
        policy=policy.version,
        fallback=fallback,
        context=seen,
    )
    if draws[0] >= p_send:
        return Hold(reason=Reason.LOTTERY, until=now + LOTTERY_AGAIN, odds=odds)
    return Send(variant=_picked(shares, draws[1]), at=at, odds=odds)


def held_out(citizen: Citizen, campaign: Campaign) -> bool:
    """Whether at least `HOLDOUT_GAP` stands before a message of this campaign, instead of a lottery."""
    return citizen.holdout and campaign.learning is not Learning.FIXED


def doubted(fallback: str | None) -> str | None:
    """The doubt that `decide` was given, from the fallback that it recorded; None: it was given none, or found its own.

    With it a replay hands in what was handed in, and the policy's own reasons have to be found again.
    """
    return None if fallback is None or fallback.startswith((_STALE, _NO_NUMBERS)) else fallback


def _chances(
    learning: Learning,
    policy: Policy,
    seen: Mapping[str, float],
    tones: Sequence[Tone],
    now: datetime,
    doubt: str | None,
) -> tuple[float, dict[Tone, float], str | None]:
    """The chance of writing, of each tone, and why even chances stand in for learned ones (None: they do not)."""
    even = dict.fromkeys(tones, 1 / len(tones))
    match learning:
        case Learning.FIXED:
            return 1.0, even, None
        case Learning.TRIAL:
            return 0.5, even, None
        case Learning.ADAPTIVE:
            if doubt is not None:
                return 0.5, even, doubt
            if policy.cutoff is not None and now - policy.cutoff > STALE:
                return 0.5, even, f"{_STALE}learned up to {policy.cutoff.isoformat()}"
            try:
                return send_odds(policy, seen), tone_odds(policy, seen, tones), None
            except FloatingPointError as fault:
                return 0.5, even, f"{_NO_NUMBERS}{fault}"
        case _:
            assert_never(learning)


def _picked(shares: Mapping[str, float], draw: float) -> str:
    passed = 0.0
    for variant, share in shares.items():
        passed += share
        if draw < passed:
            return variant
    return max(shares)  # The shares may sum to a hair under one.


def _weeks(span: timedelta) -> float:
    return span / timedelta(weeks=1)


def _silences_in_a_row(past: Sequence[Contact], rules: Rules, now: datetime) -> int:
    row = 0
    for contact in sorted(past, key=lambda contact: contact.at, reverse=True):
        if any(answer.choice.closes and answer.at <= now for answer in contact.answers):
            break
        row += rhythm.silent(contact, rules, now)
    return row


def _disliked_at(contact: Contact, now: datetime) -> datetime | None:
    return max((a.at for a in contact.answers if a.choice in DISLIKED and a.at <= now), default=None)
