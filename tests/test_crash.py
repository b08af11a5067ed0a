"""The real processes killed: nothing lost, nothing twice, no more uncertain than was in flight."""

import random

import pytest

from bot import queueing
from tests.crash.demo import broadcast_with_kills
from tests.crash.phases import PHASES, empty_database, phase
from tests.town import ON_THEIR_WAY


def test_a_kill_in_the_middle_of_a_broadcast_loses_nothing_and_bothers_nobody_twice(tmp_path):
    counts = broadcast_with_kills(60, kills=2, directory=tmp_path)

    assert (counts.lost, counts.twice) == (0, 0)
    assert counts.uncertain <= counts.in_flight <= ON_THEIR_WAY * counts.kills
    assert counts.arrived >= counts.people - counts.uncertain


@pytest.mark.parametrize("work", PHASES)
async def test_whatever_it_is_killed_at_nothing_is_lost_and_nothing_happens_twice(work, engine, database_url, tmp_path):
    if engine.dialect.name == "postgresql":
        await queueing.install(database_url)
    kills = 1 if work in {"deliver", "answer"} else 3  # a new sender waits until the dead one's time is over
    outcome = await phase(
        work, engine.dialect.name, database_url, kills=kills, chance=random.Random(work), directory=tmp_path,
        bare=lambda name: empty_database(engine, name, tmp_path),
    )  # fmt: skip

    assert (outcome.kills, outcome.lost, outcome.twice) == (kills, 0, 0)
    assert outcome.uncertain <= outcome.in_flight <= ON_THEIR_WAY * outcome.kills
    assert max(outcome.recovered_s) < 60
