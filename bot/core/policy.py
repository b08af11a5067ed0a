"""Which wording, whether now, with what probability; and what closed answers teach.

Learning only softens: it chooses among approved wordings and between writing now and looking again in a week, inside
the gate of `outreach` and the pause of `rhythm`. It learns per segment (language, theme, chosen tone), pooled over
people, never from cards of sensitivity S3, and when in doubt falls back to even chances, not to writing.
The formulas and constants are those of `learning.md` 1.1 and 1.2.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import rhythm
from bot.core.beliefs import (
    BASE_SD,
    ONE,
    PHASES,
    R0,
    Belief,
    Policy,
    fit,
    only,
    prior,
    residual_variance,
    send_features,
    send_odds,
    tone_features,
    tone_odds,
)
from bot.core.facts import (
    DISLIKED,
    INTERESTED,
    Answer,
    Campaign,
    Choice,
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
    Values,
    Variant,
)

__all__ = [
    "Matured",
    "Outcome",
    "Policy",
    "Reward",
    "context",
    "decide",
    "doubted",
    "felt_welcome",
    "learn",
    "outcome",
    "prior",
    "reward",
    "send_odds",
    "tone_odds",
]

LOTTERY_AGAIN = timedelta(days=7)
HOLDOUT_GAP = timedelta(days=28)
STALE = timedelta(days=21)
MEMORY = timedelta(days=365)  # so that it does not matter how much further back a ledger reads
FIRST_YEAR = timedelta(days=365)
FIRST_SENDS = 200
RATE_WEIGHT = 1.5
R0_WEIGHT = 10.0
LEAST_NOISE = 0.01
_STALE, _NO_NUMBERS = "stale: ", "no numbers: "


def context(
    citizen: Citizen, campaign: Campaign, rules: Rules, policy: Policy, now: datetime, *, window_end: datetime
) -> dict[str, float]:
    """What a decision may know, as named numbers; at most twelve, all known before sending.

    `language:…`, `theme:…` and `prefers:…` are 1 where they apply. `recent_<tone>` (0.70 a week) and `dose` (0.85) fade
    from 1 per send; `unwelcome` (0.8) from 1 per disliked message. `silence` is half the row of closed silences, at
    most 2. `rate` is the person's smoothed share of closed messages felt welcome, less the policy's pooled share.
    `urgency` rises to 1 as `window_end` comes near. Contacts of sensitivity S3 and what came after `now` are left out.
    """
    past = [c for c in citizen.contacts if now - MEMORY < c.at <= now and c.sensitivity is not Sensitivity.S3]
    numbers = {f"language:{citizen.language}": 1.0, f"theme:{campaign.theme}": 1.0}
    if citizen.tone is not None:
        numbers[f"prefers:{citizen.tone}"] = 1.0
    for tone in Tone:
        numbers[f"recent_{tone}"] = math.fsum(0.70 ** _weeks(now - c.at) for c in past if c.tone is tone)
    closed = [c for c in past if c.at + rules.window <= now]
    welcome = sum(outcome(c.answers, by=c.at + rules.window).interested for c in closed)
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
    held_out = citizen.holdout and campaign.learning is not Learning.FIXED
    if held_out and citizen.contacts:
        free = max(contact.at for contact in citizen.contacts) + HOLDOUT_GAP
        if now < free:
            return Hold(reason=Reason.HOLDOUT, until=free)

    forced = any(variant.tone is citizen.tone for variant in variants)
    eligible = sorted((v for v in variants if not forced or v.tone is citizen.tone), key=lambda v: v.id)
    count = Counter(variant.tone for variant in eligible)
    tones = sorted(count)
    seen = context(citizen, campaign, rules, policy, now, window_end=window_end)
    learning = Learning.FIXED if held_out else campaign.learning
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


def doubted(fallback: str | None) -> str | None:
    """The doubt that `decide` was given, from the fallback that it recorded; None: it was given none, or found its own.

    With it a replay hands in what was handed in, and the policy's own reasons have to be found again.
    """
    return None if fallback is None or fallback.startswith((_STALE, _NO_NUMBERS)) else fallback


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came back within a window. `interested`: it was felt welcome. `unwelcome`: unpleasant or too often."""

    interested: bool = False
    unwelcome: bool = False
    stopped: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Matured:
    """One decision whose window closed, as the ledger must deliver it: each Send that arrived, each lottery Hold.

    `closes_at` is the delivery (of a hold: the decision) plus `rules.window`. Undelivered, uncertain and withdrawn
    sends are missing, not silent: they are not delivered here. `context`, `p_send`, `randomised_send`,
    `randomised_tone` and `tone_forced` are those of the decision's `Odds`. `tone` is None for a hold. `outcome` is
    made by `outcome(answers, by=closes_at)`; of a hold it is empty, since there was nothing to answer.
    """

    decision: str
    decided_at: datetime
    closes_at: datetime
    context: Mapping[str, float]
    sensitivity: Sensitivity
    sent: bool
    tone: Tone | None
    p_send: float
    randomised_send: bool
    randomised_tone: bool
    tone_forced: bool
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Reward:
    """The parts of one decision's reward, each already weighed by the signed values."""

    interested: float
    unwelcome: float
    stop: float
    per_send: float
    per_dose: float

    @property
    def total(self) -> float:
        return self.interested + self.unwelcome + self.stop + self.per_send + self.per_dose


def felt_welcome(answers: Sequence[Answer]) -> bool | None:
    """Whether a message was felt welcome, from its answers, oldest first; None: nobody knows (silence, a plain no).

    All answers of interest weigh the same (DESIGN 7). Too often and stop outweigh them; asked outright, the last word
    on "welcome" counts.
    """
    choices = [answer.choice for answer in answers]
    asked = [choice for choice in choices if choice in {Choice.WELCOME, Choice.UNWELCOME}]
    if asked[-1:] == [Choice.UNWELCOME] or Choice.TOO_OFTEN in choices or Choice.STOP in choices:
        return False
    return True if asked or INTERESTED.intersection(choices) else None


def outcome(answers: Sequence[Answer], *, by: datetime) -> Outcome:
    """What `answers`, oldest first, amount to; those after `by`, when the window closed, do not count."""
    timely = [answer for answer in answers if answer.at <= by]
    return Outcome(
        interested=felt_welcome(timely) is True,
        unwelcome=felt_welcome([answer for answer in timely if answer.choice is not Choice.STOP]) is False,
        stopped=any(answer.choice is Choice.STOP for answer in timely),
    )


def reward(matured: Matured, values: Values) -> Reward:
    """What one decision was worth by the values that people signed."""
    result, sent = matured.outcome, int(matured.sent)
    return Reward(
        interested=values.interested * result.interested,
        unwelcome=values.unwelcome * result.unwelcome,
        stop=values.stop * result.stopped,
        per_send=values.per_send * sent,
        per_dose=values.per_dose * matured.context["dose"] * sent,
    )


def learn(matured: Sequence[Matured], parent: Policy, values: Values, *, cutoff: datetime) -> Policy:
    """The policy version that all decisions matured by `cutoff` make of the prior; their order does not matter.

    It is a recount, so `matured` holds every row so far. `parent` gives the residual variances, which are estimated
    anew when the quarter of the year turned between its cut-off and `cutoff`. Raises ValueError for a window still
    open at `cutoff` and for a decision handed in twice.
    """
    rows = sorted(matured, key=lambda row: (row.decided_at, row.decision))
    if still_open := [row.decision for row in rows if row.closes_at > cutoff]:
        raise ValueError(f"windows still open at {cutoff.isoformat()}: decisions {', '.join(still_open[:5])}")
    if len({row.decision for row in rows}) < len(rows):
        raise ValueError("a decision was handed in more than once")
    rows = [row for row in rows if row.sensitivity is not Sensitivity.S3]
    sent = [row for row in rows if row.sent]
    phase = _phase(sent, cutoff)
    renew = parent.cutoff is None or _quarter(parent.cutoff) != _quarter(cutoff)
    start = prior(values)
    tones, s2_tone, n_tone = _learn_tones(sent, start, values, parent.s2_tone, renew=renew)
    send, s2_send, n_send = _learn_send(rows, start, values, parent.s2_send, renew=renew)
    return Policy(
        tones=tones,
        send=send,
        phase=phase,
        **PHASES[phase],
        slope=start.slope,
        s2_tone=s2_tone,
        s2_send=s2_send,
        r0=(sum(row.outcome.interested for row in sent) + R0_WEIGHT * R0) / (len(sent) + R0_WEIGHT),
        cutoff=cutoff,
        n_tone=n_tone,
        n_send=n_send,
        values=values,
        parent=parent.version,
    )


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


def _quarter(moment: datetime) -> tuple[int, int]:
    return moment.year, (moment.month - 1) // 3


def _phase(sent: Sequence[Matured], cutoff: datetime) -> int:
    if len(sent) < FIRST_SENDS:
        return 0
    return 1 if cutoff - sent[0].decided_at < FIRST_YEAR else 2


def _learn_tones(
    sent: Sequence[Matured], start: Policy, values: Values, noise: float, *, renew: bool
) -> tuple[dict[Tone, Belief], float, int]:
    """One regression per tone, from drawn wordings only; with their common residual variance and number of rows."""
    drawn = [row for row in sent if row.randomised_tone and not row.tone_forced]
    by_tone = {tone: [row for row in drawn if row.tone is tone] for tone in Tone}
    features = {tone: [tone_features(row.context, tone) for row in rows] for tone, rows in by_tone.items()}
    outcomes = {tone: [_tone_outcome(row.outcome, values) for row in rows] for tone, rows in by_tone.items()}

    def fitted(noise: float) -> dict[Tone, Belief]:
        return {tone: fit(features[tone], outcomes[tone], noise, start=start.tones[tone]) for tone in Tone}

    beliefs = fitted(noise)
    if renew and len(drawn) >= FIRST_SENDS:
        missed = [residual_variance(features[t], outcomes[t], beliefs[t]) * len(by_tone[t]) for t in Tone if by_tone[t]]
        noise = max(LEAST_NOISE, round(math.fsum(missed) / len(drawn), 12))
        beliefs = fitted(noise)
    return beliefs, noise, len(drawn)


def _tone_outcome(result: Outcome, values: Values) -> float:
    if result.unwelcome or result.stopped:
        return values.unwelcome
    return values.interested * result.interested


def _learn_send(
    rows: Sequence[Matured], start: Policy, values: Values, noise: float, *, renew: bool
) -> tuple[Belief, float, int]:
    """R = g'a0 + p f'a1 + (A - p) f'b + e, so that b stays unbiased when the first two terms are wrong; b is kept."""
    drawn = [row for row in rows if row.randomised_send]
    names = (f"a0 {ONE}", f"a1 {ONE}", *(f"b {name}" for name in start.send.names))
    variances = (BASE_SD**2, BASE_SD**2, *(start.send.cov[i][i] for i in range(len(start.send.names))))
    joint = Belief(
        names=names,
        mean=(0.0, 0.0, *start.send.mean),
        cov=tuple(tuple(v if i == j else 0.0 for j in range(len(names))) for i, v in enumerate(variances)),
        unseen_sd=start.send.unseen_sd,
    )
    features = [_centred(row) for row in drawn]
    outcomes = [reward(row, values).total for row in drawn]
    belief = fit(features, outcomes, noise, start=joint)
    if renew and len(drawn) >= FIRST_SENDS:
        noise = max(LEAST_NOISE, round(residual_variance(features, outcomes, belief), 12))
        belief = fit(features, outcomes, noise, start=joint)
    return only(belief, prefix="b "), noise, len(drawn)


def _centred(row: Matured) -> dict[str, float]:
    known = send_features(row.context)
    return {
        **{f"a0 {name}": x for name, x in known.items()},
        **{f"a1 {name}": row.p_send * x for name, x in known.items()},
        **{f"b {name}": (row.sent - row.p_send) * x for name, x in known.items()},
    }
