"""Invariants broken on purpose, one at a time, each in a process of its own; the world has to notice.

`python -m tests.simulation.broken NAME` breaks one, runs towns until something is noticed and prints what.
"""

import itertools
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time, timedelta

from sqlalchemy import select, update
from sqlmodel import col

import bot.wording
from bot import campaigns, outbox
from bot.core import notes, outreach, policy
from bot.errors import DelayedError, UncertainError
from bot.journey import Journey
from bot.outbox import leaving, queueing, settling
from bot.store import conversation
from bot.store.tables import CitizenRow, InboxRow
from tests.simulation.run import live
from tests.simulation.town import BUSY

TOWNS = 6


def gate_removed() -> None:
    """Whatever was queued leaves, whatever was said since."""
    leaving._Door._may_leave = lambda *_: True


def quiet_shifted() -> None:
    """The quiet hours begin and end three hours later."""
    asked = outreach.next_civil_moment

    def later(zone, rules, now):
        return asked(zone, replace(rules, quiet_from=time(23), quiet_until=time(12)), now)

    outreach.next_civil_moment = later


def sent_again() -> None:
    """What may have arrived is sent once more."""
    fails = settling._fails

    def again(session, row, error, now):
        return fails(session, row, DelayedError(5) if isinstance(error, UncertainError) else error, now)

    settling._fails = again


def heard_twice() -> None:
    """An update that was heard is new again, and takes effect once more."""
    hear, queued, numbers = Journey.hear, queueing._queued, itertools.count()

    def again(self, update_id, speaker, heard):
        notice = hear(self, update_id, speaker, heard)
        with self.sessions.begin() as session:
            session.execute(update(InboxRow).where(col(InboxRow.update_id) == update_id).values(state="new"))
        hear(self, update_id, speaker, heard)
        return notice

    def always_queued(citizen, purpose, key, body, now):
        return queued(citizen, purpose, f"{key}:{next(numbers)}", body, now)

    Journey.hear, queueing._queued = again, always_queued


def approval_ignored() -> None:
    """A campaign that is paused, or approved for other texts, runs on."""
    facts = campaigns.facts_of

    def running(*arguments, **named):
        return replace(facts(*arguments, **named), running=True)

    campaigns.facts_of = running


def stop_forgotten() -> None:
    """A stop is answered, and changes nothing."""
    outbox.leave = lambda *_, **__: None


def floor_ignored() -> None:
    """One tone takes nearly all of the chances."""
    chances = policy._chances

    def greedy(*arguments):
        p_send, tones, fallback = chances(*arguments)
        first, *others = tones
        return p_send, {first: 1 - 0.01 * len(others), **dict.fromkeys(others, 0.01)}, fallback

    policy._chances = greedy


def notes_unasked() -> None:
    """Whoever takes part gets a month's note, whether they asked for it or not."""
    notes._holds = lambda *_: True
    conversation.agreed_to = lambda *_: select(CitizenRow.id)


def notes_hurried() -> None:
    """A note leaves at once, whatever left before it."""
    notes.AFTER_NUDGE = notes.BETWEEN = timedelta(0)


@dataclass(frozen=True)
class Breakage:
    """What is broken, and which invariants of DESIGN section 4 may be the first to say so."""

    do: Callable[[], None]
    noticed_by: frozenset[int]


BREAKAGES = {
    "gate_removed": Breakage(gate_removed, frozenset({1, 2, 3, 4, 8, 14})),
    "quiet_shifted": Breakage(quiet_shifted, frozenset({3})),
    "sent_again": Breakage(sent_again, frozenset({5})),
    "heard_twice": Breakage(heard_twice, frozenset({7})),
    "approval_ignored": Breakage(approval_ignored, frozenset({8})),
    "stop_forgotten": Breakage(stop_forgotten, frozenset({1, 2})),
    "floor_ignored": Breakage(floor_ignored, frozenset({9})),
    "notes_unasked": Breakage(notes_unasked, frozenset({1, 2})),
    "notes_hurried": Breakage(notes_hurried, frozenset({4})),
}


def main(name: str) -> int:
    logging.disable(logging.CRITICAL)
    BREAKAGES[name].do()
    wording = bot.wording.load()
    for seed in range(TOWNS):
        lived = live(seed, kind=BUSY, wording=wording)
        if lived.broken:
            sys.stdout.write(f"{lived.broken} (seed {seed}, after {lived.counts['events']} events)\n")
            return 0
    sys.stdout.write(f"nothing was noticed in {TOWNS} towns\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
