"""A campaign's trial analysed: primary is what its frozen plan names, from the plan's day on; all else is exploratory.

It reads the same views as the export, so whoever has the files finds the same numbers. Fixed-n intervals are there from
the plan's day on only, and for what the plan names; what may be looked at any day has confidence sequences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from sqlmodel import Session

from bot.core.disclosure import FEWEST
from bot.core.facts import Tone
from bot.research import plans
from bot.research.distal import Distal, distal
from bot.research.effects import Effect, Plan, Trial
from bot.research.estimators.sequences import mean_sequence, proportion_sequence
from bot.research.export.frames import frames
from bot.research.plans import Frozen
from bot.research.plans.choices import COLUMNS, OF_SENDING, OF_TONES, Outcome
from bot.wording import Wording

#: The number of draws at which the confidence sequences of differences are narrowest.
OPTIMAL_AT: Final = 500
ALPHA: Final = 0.05

Numbers = npt.NDArray[np.float64]


class Stands(StrEnum):
    """Where the primary part stands. BROKEN: what is kept of the plan is not what was frozen."""

    NO_PLAN = "no_plan"
    BROKEN = "broken"
    WAITS = "waits"
    SHOWN = "shown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """How often an outcome came in one arm, with a sequence that may be looked at any day; None: too few people."""

    outcome: str
    arm: str
    people: int | None
    draws: int | None
    share: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A difference of risks, weighed by the probabilities, with a confidence sequence; None: under 200 draws."""

    outcome: str
    treated: str
    reference: str
    estimate: float | None
    lower: float | None
    upper: float | None
    draws: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """`hidden`: outcomes of which nothing is shown before `plan.analysed_from`, since the plan keeps them for then.

    `secondary`, `moderated` and `distal` are what the plan names beside its primary part. Their intervals are for one
    look, so they are there with the primary part only.
    """

    campaign: str
    stands: Stands
    plan: Frozen | None
    primary: tuple[Effect, ...]
    secondary: tuple[Effect, ...]
    moderated: tuple[Effect, ...]
    distal: Distal | None
    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    hidden: tuple[str, ...]


def analyse(session: Session, wording: Wording, campaign: str, *, key: bytes, now: datetime) -> Analysis:
    """The analysis of one campaign as of `now`, of people whose consent for research holds.

    `key` are 32 fresh random bytes, as for an export. Raises RefusedError when too few people agreed to research.
    """
    plan = plans.newest(session, campaign)
    stands = _stands(plan, now)
    found = frames(session, key, now, wording=wording)
    send, tone = (found[name].filter(pl.col("campaign_id") == campaign) for name in ("mrt_send", "mrt_tone"))
    send, tone = (one.sort("iso_week", "id", "decision_index") for one in (send, tone))
    hidden = _hidden(plan, stands)
    trial = Trial(plan=plan.record, send=send, tone=tone) if plan is not None and stands is Stands.SHOWN else None
    return Analysis(
        campaign=campaign,
        stands=stands,
        plan=plan,
        primary=tuple(trial.primary()) if trial else (),
        secondary=tuple(trial.secondary()) if trial else (),
        moderated=tuple(trial.moderated()) if trial else (),
        distal=_distal(session, trial.plan, now) if trial else None,
        arms=tuple(_arms(send, tone, hidden)),
        differences=tuple(_differences(send, tone, hidden)),
        hidden=hidden,
    )


def _stands(plan: Frozen | None, now: datetime) -> Stands:
    if plan is None:
        return Stands.NO_PLAN
    if not plans.holds(plan):
        return Stands.BROKEN
    return Stands.SHOWN if now >= plan.analysed_from else Stands.WAITS


def _hidden(plan: Frozen | None, stands: Stands) -> tuple[str, ...]:
    """A look at it before its day is what the plan excludes, whatever the look is called."""
    if plan is None or stands is not Stands.WAITS or plan.record["estimands"]["looks_early"]:
        return ()
    return tuple(dict.fromkeys(one["outcome"] for one in plan.record["estimands"]["primary"]))


def _distal(session: Session, plan: Plan, now: datetime) -> Distal | None:
    """None where the plan says nothing of everybody: it was frozen by a version that counted participants only."""
    return distal(session, now, alpha=plan["estimands"]["alpha"]) if "distal" in plan else None


def _arms(send: pl.DataFrame, tone: pl.DataFrame, hidden: Sequence[str]) -> list[Arm]:
    drawn = send.filter(pl.col("availability") == 1)
    found = []
    for outcome in OF_SENDING:
        if outcome not in hidden:
            for value, arm in ((1, "send"), (0, "hold")):
                found.append(_arm(drawn.filter(pl.col("treatment") == value), outcome, arm))
    for outcome in OF_TONES:
        if outcome not in hidden:
            found += [_arm(tone.filter(pl.col("treatment") == str(one)), outcome, str(one)) for one in Tone]
    return [one for one in found if one.draws != 0]


def _arm(frame: pl.DataFrame, outcome: Outcome, arm: str) -> Arm:
    people, draws = frame["id"].n_unique(), frame.height
    came = int(frame[COLUMNS[outcome]].sum() or 0)
    nothing = Arm(outcome=outcome, arm=arm, people=None, draws=draws, share=None, lower=None, upper=None)
    if not draws:
        return nothing
    if people < FEWEST:
        return replace(nothing, draws=None)
    lower, upper = proportion_sequence(came, draws, alpha=ALPHA)
    return replace(nothing, people=people, share=came / draws, lower=lower, upper=upper)


def _differences(send: pl.DataFrame, tone: pl.DataFrame, hidden: Sequence[str]) -> list[Difference]:
    found = []
    drawn = send.filter(pl.col("availability") == 1)
    for outcome in OF_SENDING:
        if outcome not in hidden and drawn.height:
            y, given, chance = (_column(drawn, name) for name in (COLUMNS[outcome], "treatment", "rand_prob"))
            values = y * given / chance - y * (1 - given) / (1 - chance)
            found.append(_difference(outcome, "send", "hold", values))
    tones = [str(one) for one in Tone if (tone["treatment"] == str(one)).any()]
    for outcome in OF_TONES:
        if outcome in hidden:
            continue
        for other in tones[1:]:
            both = tone.filter(pl.col(f"p_{other}").is_not_null() & pl.col(f"p_{tones[0]}").is_not_null())
            y = _column(both, COLUMNS[outcome])
            weighed = [
                y * (both["treatment"] == one).to_numpy().astype(float) / _column(both, f"p_{one}")
                for one in (other, tones[0])
            ]
            found.append(_difference(outcome, other, tones[0], weighed[0] - weighed[1]))
    return [one for one in found if one.draws]


def _difference(outcome: str, treated: str, reference: str, values: Numbers) -> Difference:
    bounds = mean_sequence(values, alpha=ALPHA, t_opt=OPTIMAL_AT)
    return Difference(
        outcome=outcome,
        treated=treated,
        reference=reference,
        estimate=None if bounds is None else bounds.estimate,
        lower=None if bounds is None else bounds.lower,
        upper=None if bounds is None else bounds.upper,
        draws=len(values),
    )


def _column(frame: pl.DataFrame, name: str) -> Numbers:
    return np.asarray(frame[name].to_numpy(), dtype=float)
