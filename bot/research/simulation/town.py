"""The product in a simulated town: the real gate, rhythm, policy and learning, asked about people it knows nothing of.

An opportunity of a week is a signal about one person that arrives at that week's decision point. Its window ends
before the next one, so that each opportunity is one look: whoever is held by the lottery is looked at again with the
next signal. The card goes round the half-year, so that no person meets a card more than twice a year, and the gate's
caps per card say nothing about the rest. Answers come within the same week; windows close after `rules.window`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bot.core import lessons, outreach, policy
from bot.core.facts import (
    Answer,
    Campaign,
    Card,
    CardStatus,
    Choice,
    Citizen,
    Contact,
    Hold,
    Learning,
    Level,
    Odds,
    Origin,
    Plan,
    Reason,
    Rules,
    Send,
    Sensitivity,
    Signal,
    SignalRule,
    Tone,
    Values,
    Variant,
)
from bot.core.lessons import Matured
from bot.core.policy import Policy
from bot.research.simulation.people import SEGMENTS, TONES, WEEKS, Came, Flags, Ints

START = datetime(2026, 1, 6, 10, tzinfo=UTC)
WEEK = timedelta(weeks=1)
THEMES = ("money", "care", "free-time")
CARDS = 26
SIGNAL = "simulated.v1"
#: Whoever is held for one of these is held from every card until then, unless something more happens.
OF_THE_PERSON = frozenset({Reason.YEAR_CAP, Reason.OPEN_QUESTION, Reason.RESTING, Reason.MONTH_CAP})


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A card with its campaign and wordings, one in each tone."""

    card: Card
    campaign: Campaign
    variants: tuple[Variant, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """One decision point at which the gate let a person through. `tone` is None where nothing was sent."""

    week: int
    person: int
    tone: Tone | None
    odds: Odds


class Town:
    """Decides for people of whom it knows the language and what they answered."""

    def __init__(
        self,
        languages: Sequence[str],
        *,
        learning: Learning,
        rules: Rules,
        values: Values,
        seed: int,
        start: Policy | None = None,
        holdout: bool = False,
    ) -> None:
        self.policy = policy.prior(values) if start is None else start
        self.versions: list[Policy] = []
        self.decided: list[Decided] = []
        self._rules, self._values, self._learning = rules, values, learning
        self._services = [_service(number, learning) for number in range(CARDS)]
        self._rng = np.random.default_rng([seed, 4])
        consents = dict.fromkeys(THEMES, START + timedelta(days=800))
        self._citizens = [
            Citizen(
                id=f"p{number}",
                language=language,
                zone="Europe/Amsterdam",
                active=True,
                consents=consents,
                holdout=holdout,
            )
            for number, language in enumerate(languages)
        ]
        self._free = [START] * len(self._citizens)
        self._this_week: list[Decided] = []
        self._open: deque[list[Matured]] = deque()
        self._closed = lessons.tally([], values, at=START)

    def choose(self, week: int, possible: Flags) -> Ints:
        now = START + week * WEEK
        self._learn(now)
        service = self._services[week % CARDS]
        signal = Signal(id=f"w{week}", type=SIGNAL, origin=Origin.REGISTER, occurred_at=now)
        window_end = outreach.window(signal, service.card.signals[0])[1]
        draws = self._rng.random((len(possible), 2)).tolist()
        chosen = np.full(len(possible), -1)
        self._this_week = []
        for person in np.flatnonzero(possible).tolist():
            if now < self._free[person]:
                continue
            citizen = self._citizens[person]
            objection = outreach.objection(signal, service.card, service.campaign, citizen, self._rules, now)
            if objection is not None:
                if objection.reason in OF_THE_PERSON and objection.until is not None:
                    self._free[person] = objection.until
                continue
            plan = self._decide(person, citizen, service, now=now, window_end=window_end, draws=tuple(draws[person]))
            match plan:
                case Send(odds=odds):
                    tone = TONES[int(plan.variant[-1])]
                    chosen[person] = int(plan.variant[-1])
                    self._this_week.append(Decided(week=week, person=person, tone=tone, odds=odds))
                case Hold(odds=Odds() as odds):
                    self._this_week.append(Decided(week=week, person=person, tone=None, odds=odds))
        self.decided += self._this_week
        return chosen

    def _decide(
        self,
        person: int,  # noqa: ARG002 - for who knows more of this person than the product does
        citizen: Citizen,
        service: Service,
        *,
        now: datetime,
        window_end: datetime,
        draws: tuple[float, float],
    ) -> Plan:
        return policy.decide(
            citizen,
            service.campaign,
            service.variants,
            self.policy,
            self._rules,
            now=now,
            at=now,
            window_end=window_end,
            draws=draws,
        )

    def hear(self, week: int, came: Came) -> None:
        now = START + week * WEEK
        card = self._services[week % CARDS].card
        rows = []
        for decided in self._this_week:
            answers: tuple[Answer, ...] = ()
            if decided.tone is not None:
                answers = answers_of(came, decided.person, now)
                self._citizens[decided.person] = told(self._citizens[decided.person], decided, card, answers, now)
            rows.append(matured(decided, card, answers, now, self._rules))
        self._open.append(rows)

    def _learn(self, now: datetime) -> None:
        """One batch a week, of windows that are closed."""
        if self._learning is not Learning.ADAPTIVE:
            return
        self._closed = self._closed.faded(WEEK)
        while self._open and (not self._open[0] or self._open[0][0].closes_at <= now):
            self._closed += lessons.tally(self._open.popleft(), self._values, at=now)
        self.policy = lessons.concluded(self._closed, self.policy, self._values, cutoff=now, others=self.policy.others)
        self.versions.append(self.policy)


def _service(number: int, learning: Learning) -> Service:
    name, theme = f"card{number}", THEMES[number % len(THEMES)]
    card = Card(
        id=name,
        version=1,
        theme=theme,
        sensitivity=Sensitivity.S1,
        level=Level.INFORM,
        status=CardStatus.PUBLISHED,
        valid_from=date(2026, 1, 1),
        valid_until=None,
        review_due=date(2028, 1, 1),
        max_sends=2,
        min_gap_days=21,
        silence_after_no_days=365,
        signals=(SignalRule(type=SIGNAL, origin=Origin.REGISTER, earliest_day=0, latest_day=6, enabled=True),),
    )
    campaign = Campaign(
        id=name,
        card=name,
        theme=theme,
        variants=tuple(f"{name}-{place}" for place in range(len(TONES))),
        languages=frozenset(SEGMENTS),
        linked_only=False,
        starts_at=START,
        ends_at=START + (WEEKS + 8) * WEEK,
        learning=learning,
        running=True,
    )
    variants = tuple(
        Variant(id=f"{name}-{place}", card=name, tone=tone, languages=campaign.languages)
        for place, tone in enumerate(TONES)
    )
    return Service(card=card, campaign=campaign, variants=variants)


def answers_of(came: Came, person: int, now: datetime) -> tuple[Answer, ...]:
    """What a person answered to the message of `now`, within the week."""
    at = now + timedelta(hours=1 + 120 * float(came.days[person]))
    answers = []
    if came.interested[person]:
        answers.append(Answer(choice=Choice.MORE, at=at))
    if came.unwelcome[person]:
        answers.append(Answer(choice=Choice.UNWELCOME, at=at))
    if came.stopped[person]:
        answers.append(Answer(choice=Choice.STOP, at=at + timedelta(minutes=1)))
    return tuple(answers)


def told(citizen: Citizen, decided: Decided, card: Card, answers: tuple[Answer, ...], now: datetime) -> Citizen:
    """The person after a message of `now` and what they answered to it."""
    assert decided.tone is not None
    contact = Contact(
        nudge=f"{decided.person}-{decided.week}",
        card=card.id,
        at=now,
        tone=decided.tone,
        sensitivity=card.sensitivity,
        answers=answers,
    )
    stopped = any(answer.choice is Choice.STOP for answer in answers)
    return replace(citizen, contacts=(*citizen.contacts, contact), active=citizen.active and not stopped)


def matured(decided: Decided, card: Card, answers: tuple[Answer, ...], now: datetime, rules: Rules) -> Matured:
    """The decision of `now` as it teaches once its window is closed."""
    odds, closes_at = decided.odds, now + rules.window
    return Matured(
        decision=f"{decided.person}-{decided.week}",
        decided_at=now,
        closes_at=closes_at,
        context=odds.context,
        sensitivity=card.sensitivity,
        sent=decided.tone is not None,
        tone=decided.tone,
        p_send=odds.p_send,
        randomised_send=odds.randomised_send,
        randomised_tone=odds.randomised_tone,
        tone_forced=odds.tone_forced,
        outcome=policy.outcome(answers, by=closes_at),
    )
