"""Risk ratios of a plan's comparisons with fixed-n intervals: by themselves, and with what may change them.

Whoever calls this sees to it that nobody looks before the plan's day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from bot.core.disclosure import FEWEST
from bot.errors import FaultsError
from bot.research.estimators.emee import NO_SOLUTION, emee
from bot.research.estimators.results import Fit, holm
from bot.research.estimators.views import send_columns, tone_columns
from bot.research.plans.choices import COLUMNS, OF_SENDING, OF_TONES, Outcome

SEND = "send"
#: Why there is no ratio: too few people to be told of, the moderator is the same in all rows, or nothing solves it.
TOO_FEW, ALIKE, UNSOLVED = "too_few", "alike", "unsolved"

Plan = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """A risk ratio with its interval. `why`: why there is none: TOO_FEW, ALIKE, UNSOLVED or as the estimator says it.

    With a `moderator` the ratio is a factor: how many times the risk ratio is what it is elsewhere, for one more of the
    moderator, or with its value `level` against the most frequent one and those too rare to stand alone. `p_adjusted`:
    by Holm within its family; None: it stands alone. `people` and `draws` are those it rests on; of a level, the people
    who have it.
    """

    id: str
    outcome: str
    treated: str
    reference: str
    moderator: str | None = None
    level: str | None = None
    ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    people: int = 0
    draws: int = 0
    why: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A frozen plan with the rows of its campaign: the views `mrt_send` and `mrt_tone`."""

    plan: Plan
    send: pl.DataFrame
    tone: pl.DataFrame

    def primary(self) -> Iterator[Effect]:
        """What the plan names and nothing else, as it says."""
        for _, comparisons in self._families():
            yield from _corrected([replace(one, **_told(fit, one)) for one, fit in self._fitted(comparisons)])

    def secondary(self) -> Iterator[Effect]:
        """The primary comparisons for the outcomes of their family that are not primary."""
        for family, comparisons in self._families():
            primary = {one["outcome"] for one in comparisons}
            for outcome in OF_SENDING if family == SEND else OF_TONES:
                if outcome not in primary:
                    others = [one | {"id": f"{one['id']}/{outcome}", "outcome": str(outcome)} for one in comparisons]
                    yield from (replace(one, **_told(fit, one)) for one, fit in self._fitted(others))

    def moderated(self) -> Iterator[Effect]:
        """The primary comparisons with each moderator that the plan names, one at a time; it is a control there too."""
        for _, comparisons in self._families():
            for name in self.plan["moderators"]:
                yield from self._moderated(comparisons, name)

    def _families(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Of each family one model: all tones are compared to the same one."""
        primary = self.plan["estimands"]["primary"]
        for family, comparisons in groupby(primary, key=lambda one: one["family"]):
            yield family, list(comparisons)

    def _fitted(self, comparisons: Sequence[Plan]) -> Iterable[tuple[Effect, Fit | str]]:
        columns = self._columns(comparisons[0])
        fit = _fit(columns, self.plan, comparisons[0]["family"])
        return [(_empty(one), fit) for one in comparisons]

    def _moderated(self, comparisons: Sequence[Plan], name: str) -> Iterator[Effect]:
        columns = self._columns(comparisons[0], name)
        here = columns["availability"] == 1
        varies = any(np.unique(values[here]).size > 1 for values in columns["moderators"].values())
        fit = _fit(columns, self.plan, comparisons[0]["family"]) if varies else ALIKE
        for comparison in comparisons:
            empty = replace(_empty(comparison), moderator=name)
            if isinstance(fit, str):
                yield replace(empty, why=fit)
                continue
            for column, values in columns["moderators"].items():
                one = replace(empty, level=column.partition("=")[2] if "=" in column else None)
                people = [np.unique(columns["id"][here & (values == has)]).size for has in (1, 0)]
                if one.level is not None and min(people) < FEWEST:
                    yield replace(one, why=TOO_FEW)
                else:
                    told = _told(fit, one, column)
                    yield replace(one, **told | ({} if one.level is None else {"people": people[0]}))

    def _columns(self, comparison: Plan, *moderators: str) -> dict[str, Any]:
        outcome = COLUMNS[Outcome(comparison["outcome"])]
        frame = self.send if comparison["family"] == SEND else self.tone
        there = frame.filter(pl.col("availability") == 1)
        index = ("decision_index",) if there["decision_index"].n_unique() > 1 else ()
        controls = tuple(dict.fromkeys((*index, *moderators)))
        if comparison["family"] == SEND:
            return send_columns(frame, outcome=outcome, moderators=moderators, controls=controls)
        tones = self.plan["arms"]["tones"]
        return tone_columns(frame, tones, outcome=outcome, moderators=moderators, controls=controls)


def _fit(columns: dict[str, Any], plan: Plan, family: str) -> Fit | str:
    """Or why there is none."""
    if np.unique(columns["id"][columns["availability"] == 1]).size < FEWEST:
        return TOO_FEW
    tones = len(plan["arms"]["tones"])
    numerator = [plan["estimands"]["reference_send"]] if family == SEND else [1 / tones] * (tones - 1)
    try:
        return emee(**columns, numerator=numerator, alpha=plan["estimands"]["alpha"])
    except FaultsError as error:
        return UNSOLVED if error.faults == (NO_SOLUTION,) else "; ".join(error.faults)


def _empty(comparison: Plan) -> Effect:
    return Effect(**{name: comparison[name] for name in ("id", "outcome", "treated", "reference")})


def _told(fit: Fit | str, one: Effect, moderator: str | None = None) -> dict[str, Any]:
    """What is told of one comparison's effect, or of its change with a moderator."""
    if isinstance(fit, str):
        return {"why": fit}
    arm = "treatment" if one.treated == SEND else one.treated
    name = arm if moderator is None else f"{arm}:{moderator}"
    effect = next(found for found in fit.effects if found.name == name)
    return {
        "ratio": float(np.exp(effect.estimate)),
        "lower": float(np.exp(effect.lower)),
        "upper": float(np.exp(effect.upper)),
        "p_value": effect.p_value,
        "people": fit.citizens,
        "draws": fit.decision_points,
    }


def _corrected(family: Sequence[Effect]) -> list[Effect]:
    """P-values of a family's contrasts are read together."""
    if len(family) < 2:
        return list(family)
    adjusted = holm({one.id: one.p_value for one in family if one.p_value is not None})
    return [replace(one, p_adjusted=adjusted.get(one.id)) for one in family]
