"""Whoever of one process writes: one at a time, who answers somebody first, and nobody waits for ever."""

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store import ledger
from bot.store.turns import OVERTAKES, Turns


def order_of(urgent: list[bool]) -> list[int]:
    """In which order those who come one after the other, while somebody writes, get their turn."""
    turns, served = Turns(), []

    def write(number: int) -> None:
        assert turns.take(urgent=urgent[number], wait_s=10)
        served.append(number)
        turns.give()

    assert turns.take(urgent=False, wait_s=10)
    writers = [threading.Thread(target=write, args=[number]) for number in range(len(urgent))]
    for number, writer in enumerate(writers):
        writer.start()
        deadline = time.monotonic() + 10
        while len(turns._waiting) <= number:
            assert time.monotonic() < deadline
    turns.give()
    for writer in writers:
        writer.join(10)
    return served


def test_writers_go_in_the_order_of_their_coming():
    assert order_of([False] * 6) == [0, 1, 2, 3, 4, 5]


def test_who_answers_somebody_goes_first():
    assert order_of([False, False, True, True]) == [2, 3, 0, 1]
    assert order_of([False] * 6 + [True]) == [0, 1, 2, 6, 3, 4, 5]


@settings(max_examples=25, deadline=None)
@given(urgent=st.lists(st.booleans(), min_size=1, max_size=12))
def test_nobody_is_overtaken_by_more_than_a_few(urgent):
    served = order_of(urgent)

    assert sorted(served) == list(range(len(urgent)))
    for number in served:
        later_but_sooner = [other for other in served[: served.index(number)] if other > number]
        assert len(later_but_sooner) <= OVERTAKES
        assert not urgent[number] or later_but_sooner == []


def test_who_gave_up_waiting_keeps_nobody_from_writing():
    turns = Turns()
    assert turns.take(urgent=False, wait_s=0)

    assert not turns.take(urgent=True, wait_s=0.001)

    turns.give()
    assert turns.take(urgent=False, wait_s=0)


def test_only_what_can_be_done_again_does_not_wait_for_the_disk(sessions):
    def waits() -> str:
        connection = session.connection()
        asked = "SHOW synchronous_commit" if connection.dialect.name == "postgresql" else "PRAGMA synchronous"
        return str(connection.exec_driver_sql(asked).scalar_one())

    with sessions.begin() as session:
        usual = waits()
    with sessions.begin() as session:
        ledger.urgent(session)
        assert waits() == usual
    with sessions.begin() as session:
        ledger.urgent(session, repeatable=True)
        assert waits() in {"off", "1"}
    with sessions.begin() as session:
        assert waits() == usual
