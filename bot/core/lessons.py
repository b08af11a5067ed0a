"""What a closed decision taught, and the policy version that all of them make.

A version is a recount of every row; since rows only count through their sums (`sums`), parts that were summed up on
their own may be added first. The formulas are those of `learning.md` 1.1 and 1.2.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

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
    tone_features,
)
from bot.core.facts import INTERESTED, Answer, Choice, Sensitivity, Tone, Values
from bot.core.sums import NOTHING, Floats, Others, Sums, columns, summed

FIRST_SENDS = 200
ENOUGH_SENDS = 1_000  # by then the share of interest in each of three tones is known to two points
MEMORY_A_WEEK = 0.995  # so that a row weighs half after two years and eight months
R0_WEIGHT = 10.0
LEAST_NOISE = 0.01


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """What closed decisions come down to; `sent` and `interested` are how many of them there were."""

    tones: Mapping[Tone, Sums]
    send: Sums
    sent: int
    interested: int

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            tones={tone: self.tones[tone] + other.tones[tone] for tone in Tone},
            send=self.send + other.send,
            sent=self.sent + other.sent,
            interested=self.interested + other.interested,
        )

    def faded(self, by: timedelta) -> "Tally":
        """The same rows after another while, in which they came to weigh less."""
        share = _weight(by)
        return replace(
            self,
            tones={tone: sums.faded(share) for tone, sums in self.tones.items()},
            send=self.send.faded(share),
        )


def tally(matured: Sequence[Matured], values: Values, *, at: datetime) -> Tally:
    """The sums of `matured` as they weigh at `at`, whose order does not matter. Nothing of sensitivity S3 is in them.

    A row loses half a percent of its weight in each week from the close of its window, since people and times change.
    """
    rows = [row for row in _sorted(matured) if row.sensitivity is not Sensitivity.S3]
    sent = [row for row in rows if row.sent]
    drawn = [row for row in sent if row.randomised_tone and not row.tone_forced]
    return Tally(
        tones={tone: _tone_sums([row for row in drawn if row.tone is tone], tone, values, at) for tone in Tone},
        send=_send_sums([row for row in rows if row.randomised_send], values, at),
        sent=len(sent),
        interested=sum(row.outcome.interested for row in sent),
    )


def learn(
    matured: Sequence[Matured], parent: Policy, values: Values, *, cutoff: datetime, others: Others | None = None
) -> Policy:
    """The policy version that all decisions matured by `cutoff` make of the prior; their order does not matter.

    It is a recount, so `matured` holds every row so far. `parent` gives the residual variances, which are estimated
    anew when the quarter of the year turned between its cut-off and `cutoff`. `others` is part of the prior. Raises
    ValueError for a window still open at `cutoff` and for a decision handed in twice.
    """
    if still_open := [row.decision for row in _sorted(matured) if row.closes_at > cutoff]:
        raise ValueError(f"windows still open at {cutoff.isoformat()}: decisions {', '.join(still_open[:5])}")
    if len({row.decision for row in matured}) < len(matured):
        raise ValueError("a decision was handed in more than once")
    return concluded(tally(matured, values, at=cutoff), parent, values, cutoff=cutoff, others=others)


def concluded(
    whole: Tally, parent: Policy, values: Values, *, cutoff: datetime, others: Others | None = None
) -> Policy:
    """The policy version that follows from the sums of every decision matured by `cutoff`.

    What `others` adds is as if it were in the prior: it moves what is believed, and neither the phase, nor the residual
    variances, nor the numbers of rows.
    """
    phase = _phase(whole)
    renew = parent.cutoff is None or _quarter(parent.cutoff) != _quarter(cutoff)
    start = prior(values)
    tones, s2_tone, n_tone = _learn_tones(whole.tones, start, parent.s2_tone, others, renew=renew)
    send, s2_send = _learn_send(whole.send, start, parent.s2_send, others, renew=renew)
    return Policy(
        tones=tones,
        send=send,
        phase=phase,
        **PHASES[phase],
        slope=start.slope,
        s2_tone=s2_tone,
        s2_send=s2_send,
        r0=(whole.interested + R0_WEIGHT * R0) / (whole.sent + R0_WEIGHT),
        cutoff=cutoff,
        n_tone=n_tone,
        n_send=whole.send.n,
        values=values,
        parent=parent.version,
        others=others,
    )


def _sorted(matured: Iterable[Matured]) -> list[Matured]:
    # Sums of floats go by their order to the last bit.
    return sorted(matured, key=lambda row: (row.decided_at, row.decision))


def _quarter(moment: datetime) -> tuple[int, int]:
    return moment.year, (moment.month - 1) // 3


def _phase(whole: Tally) -> int:
    if whole.sent < FIRST_SENDS:
        return 0
    return 1 if whole.sent < ENOUGH_SENDS else 2


def _tone_sums(rows: Sequence[Matured], tone: Tone, values: Values, at: datetime) -> Sums:
    names, design = columns([tone_features(row.context, tone) for row in rows])
    return summed(names, design, [_tone_outcome(row.outcome, values) for row in rows], _weights(rows, at))


def _tone_outcome(result: Outcome, values: Values) -> float:
    if result.unwelcome or result.stopped:
        return values.unwelcome
    return values.interested * result.interested


def _learn_tones(
    sums: Mapping[Tone, Sums], start: Policy, noise: float, others: Others | None, *, renew: bool
) -> tuple[dict[Tone, Belief], float, int]:
    """One regression per tone, from drawn wordings only; with their common residual variance and number of rows."""
    number = sum(part.n for part in sums.values())
    whole = sums if others is None else {tone: sums[tone] + others.tones[tone] for tone in Tone}

    def fitted(noise: float) -> dict[Tone, Belief]:
        return {tone: fit(whole[tone], noise, start=start.tones[tone]) for tone in Tone}

    beliefs = fitted(noise)
    if renew and number >= FIRST_SENDS:
        missed = [residual_variance(sums[t], beliefs[t]) * sums[t].weight for t in Tone if sums[t].n]
        noise = max(LEAST_NOISE, round(math.fsum(missed) / sum(part.weight for part in sums.values()), 12))
        beliefs = fitted(noise)
    return beliefs, noise, number


def _send_sums(rows: Sequence[Matured], values: Values, at: datetime) -> Sums:
    """R = g'a0 + p f'a1 + (A - p) f'b + e, so that b stays unbiased when the first two terms are wrong."""
    if not rows:
        return NOTHING
    names, known = columns([send_features(row.context) for row in rows])
    p_send = np.array([row.p_send for row in rows])[:, None]
    sent = np.array([row.sent for row in rows])[:, None]
    return summed(
        [f"{term} {name}" for term in ("a0", "a1", "b") for name in names],
        np.hstack([known, p_send * known, (sent - p_send) * known]),
        [reward(row, values).total for row in rows],
        _weights(rows, at),
    )


def _learn_send(sums: Sums, start: Policy, noise: float, others: Others | None, *, renew: bool) -> tuple[Belief, float]:
    """What is believed about b, with the residual variance."""
    names = (f"a0 {ONE}", f"a1 {ONE}", *(f"b {name}" for name in start.send.names))
    variances = (BASE_SD**2, BASE_SD**2, *(start.send.cov[i][i] for i in range(len(start.send.names))))
    joint = Belief(
        names=names,
        mean=(0.0, 0.0, *start.send.mean),
        cov=tuple(tuple(v if i == j else 0.0 for j in range(len(names))) for i, v in enumerate(variances)),
        unseen_sd=start.send.unseen_sd,
    )
    whole = sums if others is None else sums + others.send
    belief = fit(whole, noise, start=joint)
    if renew and sums.n >= FIRST_SENDS:
        noise = max(LEAST_NOISE, round(residual_variance(sums, belief), 12))
        belief = fit(whole, noise, start=joint)
    return only(belief, prefix="b "), noise


def _weights(rows: Sequence[Matured], at: datetime) -> Floats:
    return np.array([_weight(at - row.closes_at) for row in rows])


def _weight(age: timedelta) -> float:
    return float(MEMORY_A_WEEK ** (age / timedelta(weeks=1)))
