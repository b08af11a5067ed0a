"""What the product is compared with: the oracles and the plain policies of learning.md 5."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np

from bot.core.facts import Citizen, Learning, Plan, Rules, Values
from bot.research.simulation import people as citizens
from bot.research.simulation.people import TONES, WEEKS, Came, Chances, Flags, Ints, People, State
from bot.research.simulation.town import Service, Town

#: Of the clairvoyant's threshold: what a message must be worth, and how much more for each unit of habituation.
LEAST: Final = 0.05
LATER: Final = 0.10


class Clairvoyant:
    """Knows what each person is like and how each feels now, and writes where it is worth it.

    It writes in the best tone where the message's expected welfare is over 0.05 + 0.10 H t, t the share of the year
    that is left. A strong heuristic and no proven optimum.
    """

    def __init__(self, who: People, state: State) -> None:
        self._who, self._state = who, state

    def choose(self, week: int, possible: Flags) -> Ints:
        worth = self._chances(week).worth
        best = worth.argmax(axis=1)
        least = LEAST + LATER * self._state.tired * (WEEKS - week) / WEEKS
        return np.where(possible & (worth.max(axis=1) > least), best, -1)

    def hear(self, week: int, came: Came) -> None:
        """It sees the people themselves."""

    def _chances(self, week: int) -> Chances:
        return citizens.really(self._who, self._state, week)


class Population(Clairvoyant):
    """Knows what people are like in general and in each segment, how often each was written to and what they said."""

    def _chances(self, week: int) -> Chances:
        who = self._who
        # Over people the logit is as wide as receptivity and own likings make it; the mean chance is that of a logit
        # drawn nearer to nought (the usual approximation of a logistic by a normal).
        spread = citizens.RECEPTIVITY_SD**2 + (who.world.tone_size * citizens.PERSON_SD) ** 2
        shrink = 1 / np.sqrt(1 + np.pi / 8 * spread)
        receptivity = np.full(who.number, citizens.RECEPTIVITY + who.world.receptivity)
        at_one = np.ones(who.number)
        there = citizens.chances(
            who, self._state, who.liked_by_segment(week), receptivity=receptivity, tolerance=at_one
        )
        with np.errstate(divide="ignore"):
            logit = np.log(there.interest) - np.log1p(-there.interest)
        return Chances(interest=citizens.expit(shrink * logit), unwelcome=there.unwelcome, stop=there.stop)


class Every:
    """Writes to everybody at the first opportunity at least `weeks` after the last message, in a tone drawn evenly."""

    def __init__(self, number: int, weeks: int, *, seed: int) -> None:
        self._free, self._weeks, self._rng = np.zeros(number, dtype=int), weeks, np.random.default_rng([seed, 3])

    def choose(self, week: int, possible: Flags) -> Ints:
        tones = self._rng.integers(0, len(TONES), len(possible))
        sent = possible & (week >= self._free)
        self._free[sent] = week + self._weeks
        return np.where(sent, tones, -1)

    def hear(self, week: int, came: Came) -> None:
        """It writes whatever comes back."""


class Uniform:
    """Writes at each opportunity with a chance of a half, in a tone drawn evenly."""

    def __init__(self, *, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 3])

    def choose(self, week: int, possible: Flags) -> Ints:  # noqa: ARG002 - every week is alike to it
        draws = self._rng.random(len(possible))
        tones = self._rng.integers(0, len(TONES), len(possible))
        return np.where(possible & (draws < 0.5), tones, -1)

    def hear(self, week: int, came: Came) -> None:
        """It writes whatever comes back."""


class InGate(Town):
    """Somebody who knows the people and may write only to whom the product's gate lets through."""

    def __init__(
        self, oracle: Clairvoyant, languages: Sequence[str], *, rules: Rules, values: Values, seed: int
    ) -> None:
        super().__init__(languages, learning=Learning.TRIAL, rules=rules, values=values, seed=seed)
        self._oracle, self._wanted = oracle, np.full(len(languages), -1)

    def choose(self, week: int, possible: Flags) -> Ints:
        self._wanted = self._oracle.choose(week, possible)
        return super().choose(week, possible & (self._wanted >= 0))

    def _decide(
        self,
        person: int,
        citizen: Citizen,
        service: Service,
        *,
        now: datetime,
        window_end: datetime,
        draws: tuple[float, float],  # noqa: ARG002 - nothing is left to chance
    ) -> Plan:
        # The draws are those with which an even lottery writes, in the tone that is wanted.
        tone = (int(self._wanted[person]) + 0.5) / len(TONES)
        return super()._decide(person, citizen, service, now=now, window_end=window_end, draws=(0.0, tone))


class TonesOnly(Town):
    """The product as far as it learns tones: it writes to all whom the gate lets through."""

    def _decide(
        self,
        person: int,
        citizen: Citizen,
        service: Service,
        *,
        now: datetime,
        window_end: datetime,
        draws: tuple[float, float],
    ) -> Plan:
        return super()._decide(person, citizen, service, now=now, window_end=window_end, draws=(0.0, draws[1]))
