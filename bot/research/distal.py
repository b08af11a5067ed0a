"""What becomes of people after a year: the hold-out against the policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlmodel import Session

from bot.core import policy
from bot.core.disclosure import FEWEST, LEAST_OF_RATE
from bot.research.estimators.wcls import wcls
from bot.research.plans.record import AFTER_DAYS
from bot.store import study

AFTER: Final = timedelta(days=AFTER_DAYS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Distal:
    """The share of people with a consent in force a year after their first one, in both arms, and their difference.

    `difference` is that of the policy less that of the hold-out, with its fixed-n interval. None: too few people, or
    fewer than five in an arm of whom it holds or of whom it does not.
    """

    policy_people: int | None = None
    holdout_people: int | None = None
    policy_share: float | None = None
    holdout_share: float | None = None
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None


def distal(session: Session, now: datetime, *, alpha: float) -> Distal:
    """Of everybody, as numbers only: whoever stops ends the consent for research too, and is what this is about.

    The hold-out is drawn once for each person, so that their share of it is the same everywhere and WCLS without
    controls is the plain difference of proportions, with a variance that is robust and corrected for small arms.
    """
    return _compared(study.lasting(session, now, AFTER), alpha)


def _compared(counts: Mapping[bool, tuple[int, int]], alpha: float) -> Distal:
    """`counts`: by whether held out, people and those of them whose consent lasted."""
    (people, lasted), (held, held_lasted) = counts.get(False, (0, 0)), counts.get(True, (0, 0))
    if min(people, held) < FEWEST:
        return Distal()
    if min(lasted, people - lasted, held_lasted, held - held_lasted) < LEAST_OF_RATE:
        return Distal(policy_people=people, holdout_people=held)
    arms = ((1, lasted, people - lasted), (0, held_lasted, held - held_lasted))
    fit = wcls(
        id=np.arange(people + held),
        outcome=np.concatenate([np.repeat((1.0, 0.0), (yes, no)) for _, yes, no in arms]),
        treatment=np.repeat([treated for treated, _, _ in arms], (people, held)),
        rand_prob=np.full(people + held, 1 - policy.HOLDOUT_SHARE),
        alpha=alpha,
    )
    [effect] = fit.effects
    return Distal(
        policy_people=people,
        holdout_people=held,
        policy_share=lasted / people,
        holdout_share=held_lasted / held,
        difference=effect.estimate,
        lower=effect.lower,
        upper=effect.upper,
        p_value=effect.p_value,
    )
