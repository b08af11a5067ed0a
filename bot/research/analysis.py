"""A campaign's trial analysed: primary is what its frozen plan names, from the plan's day on; all else is exploratory.

It reads the same views as the export, so whoever has the files finds the same numbers. Fixed-n intervals stand under
*primary* only; what may be looked at any day has confidence sequences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from sqlmodel import Session

from bot.core.facts import Tone
from bot.errors import FaultsError
from bot.research import plans
from bot.research.estimators.emee import emee
from bot.research.estimators.results import Fit, holm
from bot.research.estimators.sequences import mean_sequence, proportion_sequence
from bot.research.estimators.views import send_columns, tone_columns
from bot.research.export.frames import frames
from bot.research.plans import Frozen
from bot.research.plans.choices import COLUMNS, OF_SENDING, OF_TONES, Outcome
from bot.wording import Wording

#: Nothing is shown of fewer people.
FEWEST: Final = 10
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
class Effect:
    """A primary result: a risk ratio with its fixed-n interval. `why`: why there is none, as the estimator says it.

    `p_adjusted`: by Holm within its family; None: it stands alone. `people` and `draws` are those it rests on.
    """

    id: str
    outcome: str
    treated: str
    reference: str
    ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    people: int = 0
    draws: int = 0
    why: str | None = None


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
    """`hidden`: outcomes of which nothing is shown before `plan.analysed_from`, since the plan keeps them for then."""

    campaign: str
    stands: Stands
    plan: Frozen | None
    primary: tuple[Effect, ...]
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
    primary = _primary(plan.record, send, tone) if plan is not None and stands is Stands.SHOWN else ()
    return Analysis(
        campaign=campaign,
        stands=stands,
        plan=plan,
        primary=primary,
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


def _primary(plan: Mapping[str, Any], send: pl.DataFrame, tone: pl.DataFrame) -> tuple[Effect, ...]:
    """What the plan names and nothing else, as it says."""
    estimands = plan["estimands"]
    alpha: float = estimands["alpha"]
    found = [
        _of_sending(one, send, estimands["reference_send"], alpha)
        for one in estimands["primary"]
        if one["family"] == "send"
    ]
    contrasts = [one for one in estimands["primary"] if one["family"] == "tone"]
    if contrasts:
        found += _of_tones(contrasts, tone, plan["arms"]["tones"], alpha)
    return tuple(found)


def _of_sending(one: Mapping[str, Any], frame: pl.DataFrame, reference: float, alpha: float) -> Effect:
    empty = Effect(id=one["id"], outcome=one["outcome"], treated=one["treated"], reference=one["reference"])
    try:
        columns = send_columns(frame, outcome=COLUMNS[Outcome(one["outcome"])], controls=_controls(frame))
        fit = emee(**columns, numerator=[reference], alpha=alpha)
    except FaultsError as error:
        return replace(empty, why="; ".join(error.faults))
    return _filled(empty, fit, "treatment")


def _of_tones(
    contrasts: Sequence[Mapping[str, Any]], frame: pl.DataFrame, tones: Sequence[str], alpha: float
) -> list[Effect]:
    """One model for all tones; p-values of its contrasts are read together."""
    empty = [
        Effect(id=one["id"], outcome=one["outcome"], treated=one["treated"], reference=one["reference"])
        for one in contrasts
    ]
    try:
        columns = tone_columns(
            frame, tones, outcome=COLUMNS[Outcome(contrasts[0]["outcome"])], controls=_controls(frame)
        )
        fit = emee(**columns, numerator=[1 / len(tones)] * (len(tones) - 1), alpha=alpha)
    except FaultsError as error:
        return [replace(one, why="; ".join(error.faults)) for one in empty]
    found = [_filled(one, fit, one.treated) for one in empty]
    if len(found) < 2:
        return found
    adjusted = holm({one.id: one.p_value for one in found if one.p_value is not None})
    return [replace(one, p_adjusted=adjusted.get(one.id)) for one in found]


def _filled(empty: Effect, fit: Fit, name: str) -> Effect:
    if fit.citizens < FEWEST:
        return replace(empty, why=f"id: {fit.citizens} people are too few to be told of; {FEWEST} are needed")
    effect = next(one for one in fit.effects if one.name == name)
    return replace(
        empty,
        ratio=float(np.exp(effect.estimate)),
        lower=float(np.exp(effect.lower)),
        upper=float(np.exp(effect.upper)),
        p_value=effect.p_value,
        people=fit.citizens,
        draws=fit.decision_points,
    )


def _controls(frame: pl.DataFrame) -> tuple[str, ...]:
    there = frame.filter(pl.col("availability") == 1)
    return ("decision_index",) if there["decision_index"].n_unique() > 1 else ()


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
