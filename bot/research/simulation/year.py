"""A year of a town under one policy: 52 weekly decision points, and what came of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bot.research.simulation import people as citizens
from bot.research.simulation.people import Came, Flags, Floats, Ints, People


class Chooser(Protocol):
    """Who decides. It is told who could be written to and what came back, and nothing else of the people."""

    def choose(self, week: int, possible: Flags) -> Ints:
        """The tone's index in TONES for whom it writes to, -1 for others; only where `possible`."""
        ...

    def hear(self, week: int, came: Came) -> None:
        """What came back on the messages of this week."""
        ...


@dataclass(frozen=True, kw_only=True)
class Year:
    """What a year came to, each (weeks, people). `interest` is (weeks, people, tones): the chance there really was."""

    welfare: Floats
    sent: Flags
    interested: Flags
    unwelcome: Flags
    stopped: Flags
    interest: Floats
    segment: Ints

    def per_citizen(self, weeks: slice = slice(None)) -> float:
        """Welfare per citizen over these weeks."""
        return float(self.welfare[weeks].sum(axis=0).mean())

    @property
    def stop_rate(self) -> float:
        """The share of people who stopped."""
        return float(self.stopped.any(axis=0).mean())


def live(who: People, chooser: Chooser, *, seed: int, state: citizens.State, passed: Callable[[int], None]) -> Year:
    """Let `who` live for a year. `state` changes as they go; `passed` is told the number of each week that is over."""
    rows: list[tuple[Floats, Flags, Came]] = []
    interest = np.empty((citizens.WEEKS, who.number, len(citizens.TONES)))
    for week in range(citizens.WEEKS):
        citizens.fade(state)
        luck = citizens.luck(who.number, seed, week)
        possible = (luck.opportunity < who.opportunity) & ~state.stopped
        tones = chooser.choose(week, possible)
        interest[week] = citizens.really(who, state, week).interest
        came = citizens.answer(who, state, luck, tones, week)
        chooser.hear(week, came)
        sent = tones >= 0
        rows.append((citizens.SENT * sent + came.worth, sent, came))
        passed(week)
    return Year(
        welfare=np.array([welfare for welfare, _, _ in rows]),
        sent=np.array([sent for _, sent, _ in rows]),
        interested=np.array([came.interested for _, _, came in rows]),
        unwelcome=np.array([came.unwelcome for _, _, came in rows]),
        stopped=np.array([came.stopped for _, _, came in rows]),
        interest=interest,
        segment=who.segment,
    )
