"""The demo killed in the middle of a broadcast: nothing lost, nothing twice, no more uncertain than was in flight."""

from tests.crash import broadcast_with_kills

LANES = 5  # four, and one kept for replies


def test_a_kill_in_the_middle_of_a_broadcast_loses_nothing_and_bothers_nobody_twice(tmp_path):
    counts = broadcast_with_kills(60, kills=2, directory=tmp_path)

    assert (counts.lost, counts.twice) == (0, 0)
    assert counts.uncertain <= LANES * counts.kills
    assert counts.arrived >= counts.people - LANES * counts.kills
