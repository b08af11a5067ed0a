"""What the figures are made of: everything that whoever agreed to research was decided about, and answered.

Read once, in some statements, and looked at from many sides. Nothing of S3 cards is read: it never leaves and never
teaches (DESIGN 7). Nobody without a consent for research in force is in it, with one exception that names nobody:
`departed` counts all messages and stops by week, campaign, card and language, since whoever stops ends that consent
too.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import polars as pl
from sqlalchemy import func, select
from sqlmodel import Session, col

from bot.core import policy
from bot.core.disclosure import FEWEST
from bot.core.facts import Answer, Choice, Tone
from bot.research.figures.shape import Asked, monday
from bot.store import study
from bot.store.ledger import table_of
from bot.store.tables import (
    AnswerRow,
    CitizenRow,
    ContactRequestRow,
    DecisionRow,
    MessageRow,
    OpinionRow,
    PolicyRow,
)

#: Under another name, since `study.in_scope` looks at messages too.
_NUDGE: Final = table_of(MessageRow).alias("nudge")
_N: Final = _NUDGE.c
_WELCOME: Final = frozenset({Choice.WELCOME, Choice.UNWELCOME, Choice.NO_OPINION})
_EXPECTED: Final = frozenset({Choice.EXPECTED, Choice.UNEXPECTED})
_WEEKLY: Mapping[str, Any] = {"week": pl.Date, "campaign": pl.String, "card": pl.String, "language": pl.String}
_DECISIONS: Mapping[str, Any] = {
    "decision": pl.String, "person": pl.String, **_WEEKLY, "theme": pl.String,
    "available": pl.Boolean, "plan": pl.String, "reason": pl.String, "p_send": pl.Float64,
    "randomised_send": pl.Boolean, "randomised_tone": pl.Boolean, "tone_forced": pl.Boolean, "tone": pl.String,
    **{f"p_{tone}": pl.Float64 for tone in Tone}, "policy": pl.String, "fallback": pl.String, "holdout": pl.Boolean,
    "delivered": pl.Boolean, "matured": pl.Boolean, "answered": pl.Boolean, "interested": pl.Boolean,
    "unwelcome": pl.Boolean, "contact": pl.Boolean, "choices": pl.List(pl.String), "welcome": pl.String,
    "expected": pl.String, "since_last": pl.Int64,
}  # fmt: skip
_OPINIONS = {"person": pl.String, **_WEEKLY, "dimension": pl.String, "answer": pl.String}
_REQUESTS = {"person": pl.String, **_WEEKLY, "promise": pl.String}
_DEPARTED = {**_WEEKLY, "messages": pl.Int64, "stops": pl.Int64}


@dataclass(frozen=True, slots=True)
class Version:
    """One policy version. `record` is that of `core.beliefs.Policy`; `rows` is what it was learned from."""

    version: str
    created_at: datetime
    rows: int
    record: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """One row of `decisions` for each decision point, with what came of it.

    `delivered`: a message reached the person. `matured`: its window is closed, so that silence counts as silence.
    `choices`: what was answered within the window. `since_last`: weeks since the person's message before. Of `requests`
    the week is that in which contact was asked for, and `promise` is kept, moved, open or cancelled.
    """

    decisions: pl.DataFrame
    opinions: pl.DataFrame
    requests: pl.DataFrame
    departed: pl.DataFrame
    versions: tuple[Version, ...]
    counted_at: datetime

    @property
    def people(self) -> int:
        return self.decisions["person"].n_unique()

    @property
    def sends(self) -> pl.DataFrame:
        """The messages that reached somebody."""
        return self.decisions.filter(pl.col("delivered"))

    @property
    def matured(self) -> pl.DataFrame:
        return self.decisions.filter(pl.col("delivered") & pl.col("matured"))

    @property
    def weeks(self) -> tuple[date, date] | None:
        """The first and the last week in which anything was decided."""
        first, last = self.decisions["week"].min(), self.decisions["week"].max()
        return (first, last) if isinstance(first, date) and isinstance(last, date) else None

    def within(self, asked: Asked) -> "Data":
        """The part that is asked for.

        Where fewer than ten people are left over by a filter, nothing is in it: the rest could be told from the whole.
        """
        part = self._cut(asked)
        for name in asked.chosen:
            wider = self._cut(replace(asked, **{name: None}))
            there, here = set(wider.decisions["person"]), set(part.decisions["person"])
            if 0 < len(there - here) < FEWEST:
                return self._cut(replace(asked, campaign="", card="", language=""))
        return part

    def _cut(self, asked: Asked) -> "Data":
        kept = pl.lit(True)
        if asked.first is not None:
            kept &= pl.col("week") >= asked.first
        if asked.last is not None:
            kept &= pl.col("week") <= asked.last
        for name, value in asked.chosen.items():
            kept &= pl.col(name) == value
        return replace(
            self,
            decisions=self.decisions.filter(kept),
            opinions=self.opinions.filter(kept),
            requests=self.requests.filter(kept),
            departed=self.departed.filter(kept),
            versions=tuple(
                one
                for one in self.versions
                if (asked.first is None or _week(one.created_at) >= asked.first)
                and (asked.last is None or _week(one.created_at) <= asked.last)
            ),
        )


def read(session: Session, window: timedelta, now: datetime) -> Data:
    """All of it, as it is at `now`. `window`: after which silence counts as silence."""
    agreed = study.participants(now)
    return Data(
        decisions=_frame(_decisions(session, agreed, window, now), _DECISIONS),
        opinions=_frame(_opinions(session, agreed), _OPINIONS),
        requests=_frame(_requests(session, agreed), _REQUESTS),
        departed=_frame(_departed(session), _DEPARTED),
        versions=_versions(session),
        counted_at=now,
    )


def _frame(rows: Iterator[tuple[Any, ...]], columns: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(columns), orient="row")


def _decisions(session: Session, agreed: Any, window: timedelta, now: datetime) -> Iterator[tuple[Any, ...]]:
    answers, worlds = _answers(session, agreed), study.worlds(session)
    of = DecisionRow
    statement = (
        select(
            col(of.id), col(of.citizen_id), col(of.decided_at), col(of.campaign_id), col(of.card), col(of.available),
            col(of.plan), col(of.reason), col(of.p_send), col(of.randomised_send), col(of.randomised_tone),
            col(of.tone_forced), col(of.tone), col(of.tone_probs), col(of.policy), col(of.fallback),
            col(CitizenRow.language), col(CitizenRow.holdout),
            col(of.world), _N.id, _N.state,
            _N.closed_at,
        )
        .join(CitizenRow, col(CitizenRow.id) == col(of.citizen_id))
        .outerjoin(_NUDGE, _N.decision_id == col(of.id))
        .where(col(of.citizen_id).in_(agreed), study.in_scope())
        .order_by(col(of.citizen_id), col(of.decided_at), col(of.id))
    )  # fmt: skip
    person, last = None, None
    for row in session.execute(statement.execution_options(yield_per=5_000)):
        if row.citizen_id != person:
            person, last = row.citizen_id, None
        week = _week(row.decided_at)
        closes = row.closed_at + window if row.state == "sent" and row.closed_at is not None else None
        delivered = closes is not None
        said = answers.get(row.id, []) if delivered else []
        timely = [answer for answer in said if closes is not None and answer.at <= closes]
        outcome = policy.Outcome() if closes is None else policy.outcome(said, by=closes)
        asked = [answer.choice for answer in said if answer.choice in _WELCOME]
        expected = [answer.choice for answer in said if answer.choice in _EXPECTED]
        odds = row.tone_probs or {}
        yield (
            row.id, person, week, row.campaign_id, row.card, row.language, worlds[row.world].theme, row.available,
            row.plan, row.reason, row.p_send, row.randomised_send, row.randomised_tone, row.tone_forced, row.tone,
            *(_of_tone(odds, tone) for tone in Tone), row.policy, row.fallback, row.holdout, delivered,
            closes is not None and closes <= now, any(answer.choice.closes for answer in timely), outcome.interested,
            outcome.unwelcome, any(answer.choice is Choice.CONTACT for answer in timely),
            list(dict.fromkeys(answer.choice.value for answer in timely)),
            asked[-1].value if asked else None, expected[-1].value if expected else None,
            (week - last).days // 7 if delivered and last else None,
        )  # fmt: skip
        if delivered:
            last = week


def _answers(session: Session, agreed: Any) -> dict[str, list[Answer]]:
    """What was answered to each decision's message, oldest first."""
    statement = (
        select(_N.decision_id, col(AnswerRow.choice), col(AnswerRow.at))
        .join(_NUDGE, _N.id == col(AnswerRow.message_id))
        .where(_N.decision_id.is_not(None), col(AnswerRow.citizen_id).in_(agreed))
        .order_by(col(AnswerRow.message_id), col(AnswerRow.at), col(AnswerRow.id))
    )
    rows = session.execute(statement.execution_options(yield_per=5_000))
    return {
        decision: [Answer(choice=Choice(row.choice), at=row.at) for row in group]
        for decision, group in groupby(rows, key=lambda row: row.decision_id)
    }


def _of_tone(odds: Mapping[str, float], tone: Tone) -> float | None:
    """The chance of a tone: its wordings together; a wording's id ends in `<tone>.<number>`."""
    found = [chance for variant, chance in odds.items() if variant.split(".")[-2] == tone]
    return math.fsum(found) if found else None


def _opinions(session: Session, agreed: Any) -> Iterator[tuple[Any, ...]]:
    statement = (
        select(
            col(OpinionRow.citizen_id), col(DecisionRow.decided_at), col(DecisionRow.campaign_id),
            col(DecisionRow.card), col(CitizenRow.language), col(OpinionRow.dimension), col(OpinionRow.answer),
        )
        .join(_NUDGE, _N.id == col(OpinionRow.message_id))
        .join(DecisionRow, col(DecisionRow.id) == _N.decision_id)
        .join(CitizenRow, col(CitizenRow.id) == col(OpinionRow.citizen_id))
        .where(col(OpinionRow.citizen_id).in_(agreed), study.in_scope())
        .order_by(col(OpinionRow.id))
    )  # fmt: skip
    for person, at, *rest in session.execute(statement):
        yield person, _week(at), *rest


def _requests(session: Session, agreed: Any) -> Iterator[tuple[Any, ...]]:
    """Only those that came from a message: whoever asks in the menu does not answer anything."""
    of = ContactRequestRow
    statement = (
        select(
            col(of.citizen_id), col(of.asked_at), col(DecisionRow.campaign_id), col(DecisionRow.card),
            col(CitizenRow.language), col(of.state), col(of.moved),
        )
        .join(_NUDGE, _N.id == col(of.message_id))
        .join(DecisionRow, col(DecisionRow.id) == _N.decision_id)
        .join(CitizenRow, col(CitizenRow.id) == col(of.citizen_id))
        .where(col(of.citizen_id).in_(agreed), study.in_scope())
        .order_by(col(of.id))
    )  # fmt: skip
    for row in session.execute(statement):
        yield (
            row.citizen_id, _week(row.asked_at), row.campaign_id, row.card, row.language,
            _promise(row.state, row.moved),
        )  # fmt: skip


def _promise(state: str, moved: int) -> str:
    if moved:
        return "moved"
    return {"open": "open", "cancelled": "cancelled"}.get(state, "kept")


def _departed(session: Session) -> Iterator[tuple[Any, ...]]:
    """Counts only, of everybody. Decisions of one round share their moment, so that there are few groups."""
    keys = (col(DecisionRow.decided_at), col(DecisionRow.campaign_id), col(DecisionRow.card), col(CitizenRow.language))
    statement = (
        select(*keys, func.count(), func.count(col(AnswerRow.id)))
        .join(_NUDGE, _N.decision_id == col(DecisionRow.id))
        .join(CitizenRow, col(CitizenRow.id) == col(DecisionRow.citizen_id))
        .outerjoin(AnswerRow, (col(AnswerRow.message_id) == _N.id) & (col(AnswerRow.choice) == Choice.STOP))
        .where(_N.state == "sent", study.in_scope())
        .group_by(*keys)
        .order_by(*keys)
    )
    for at, *rest in session.execute(statement):
        yield _week(at), *rest


def _versions(session: Session) -> tuple[Version, ...]:
    rows = session.execute(select(PolicyRow).order_by(col(PolicyRow.created_at), col(PolicyRow.rows_used))).scalars()
    return tuple(Version(row.version, row.created_at, row.rows_used, row.record) for row in rows)


def _week(at: datetime) -> date:
    return monday(at.astimezone(UTC).date())
