"""Nobody stands alone in rows about people, and no hidden count can be computed from what is shown."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.core import disclosure
from bot.core.disclosure import WIDTH, Around, Coarsening, is_protected, protect, rare_to, suppress
from bot.research.export.study import LADDER

PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "language": st.sampled_from(["nl", "nl", "nl", "en", "ar", "uk"]),
            "prefers": st.sampled_from(["none", "none", "warm", "neutral"]),
            "enrolment_quarter": st.sampled_from(["2025-Q4", "2026-Q1", "2026-Q2"]),
        }
    ),
    max_size=60,
)


@given(PEOPLE, st.integers(2, 8))
def test_whoever_is_left_shares_everything_with_enough_others(people, k):
    found = protect(people, LADDER, k=k)

    kept = [row for row in found.rows if row is not None]
    assert all(count >= k for count in Counter(tuple(sorted(row.items())) for row in kept).values())
    assert len(found.rows) == len(people)
    assert found.left_out == len(people) - len(kept)


@given(PEOPLE, st.integers(2, 8))
def test_nobody_is_told_more_of_than_is_true(people, k):
    for before, after in zip(people, protect(people, LADDER, k=k).rows, strict=True):
        if after is not None:
            assert after["language"] in {before["language"], "other", None}
            assert after["prefers"] in {before["prefers"], "other", None}
            assert after["enrolment_quarter"] in {before["enrolment_quarter"], before["enrolment_quarter"][:4], None}


def test_where_enough_are_alike_nothing_is_done():
    people = [{"language": "nl"}] * 5 + [{"language": "en"}] * 5

    found = protect(people, [Coarsening(column="language", says="merged", of=rare_to("other"))])

    assert found.rows == tuple(people)
    assert (found.coarsened, found.left_out) == ((), 0)


def test_rather_one_is_left_out_than_everybody_coarsened():
    people = [{"language": "nl"}] * 99 + [{"language": "en"}]

    found = protect(people, [Coarsening(column="language", says="merged", of=rare_to("other"))])

    assert found.coarsened == ()
    assert found.left_out == 1
    assert found.rows[99] is None


def test_rare_values_go_together_and_take_one_along_when_they_are_too_few():
    step = rare_to("other", least=5)

    assert Counter(step(["nl"] * 9 + ["en"] * 3 + ["ar"] * 2)) == {"nl": 9, "other": 5}
    assert Counter(step(["nl"] * 9 + ["tr"] * 6 + ["en"] * 3)) == {"nl": 9, "other": 9}


# Counts. What a reader can work out is found here by trying every table there could be, and not by the programs
# that the code uses.


def tables_like(counts, hidden, around):
    """Every table of whole numbers that has the same shown cells and margins."""
    free = [(r, c) for r, row in enumerate(counts) for c in range(len(row)) if hidden[r][c]]
    free = [(r, c) for r, c in free if not (around.zeros_known and counts[r][c] == 0)]
    whole = sum(counts[r][c] for r, c in free)
    tops = [whole if around.most is None else min(whole, around.most[r][c]) for r, c in free]
    for some in product(*(range(top + 1) for top in tops[:-1])):
        numbers = (*some, whole - sum(some))[: len(free)]  # the last one follows from the total
        if any(number < 0 or number > top for number, top in zip(numbers, tops, strict=True)):
            continue
        table = [list(row) for row in counts]
        for (r, c), number in zip(free, numbers, strict=True):
            table[r][c] = number
        if sum(map(sum, table)) != sum(map(sum, counts)):
            continue
        if any(known and sum(table[r]) != sum(counts[r]) for r, known in enumerate(around.rows)):
            continue
        columns = list(zip(*table, strict=True))
        if all(not known or sum(columns[c]) == sum(row[c] for row in counts) for c, known in enumerate(around.columns)):
            yield table


@st.composite
def small_tables(draw):
    rows, columns = draw(st.sampled_from([(2, 2), (1, 3), (3, 1)]))
    cell = st.integers(0, 6)
    counts = draw(st.lists(st.lists(cell, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    flags = (
        st.lists(st.booleans(), min_size=rows, max_size=rows),
        st.lists(st.booleans(), min_size=columns, max_size=columns),
    )
    around = Around(rows=draw(flags[0]), columns=draw(flags[1]), zeros_known=draw(st.booleans()))
    return counts, [[count < 3 for count in row] for row in counts], around


@hypothesis_settings(max_examples=40)
@given(small_tables())
def test_no_hidden_count_can_be_solved_back(table):
    counts, unsafe, around = table

    hidden = suppress(counts, unsafe, around)

    assert all(hides for r, row in enumerate(unsafe) for c, hides in enumerate(hidden[r]) if row[c])
    possible = list(tables_like(counts, hidden, around))
    ranges = {
        (r, c): {one[r][c] for one in possible}
        for r, row in enumerate(unsafe)
        for c, bad in enumerate(row)
        if bad and not (around.zeros_known and counts[r][c] == 0)
    }
    if is_protected(counts, unsafe, hidden, around):
        assert all(max(seen) - min(seen) >= WIDTH for seen in ranges.values()), (counts, hidden)
    else:  # then all are hidden, and the caller has to withhold a margin
        assert all(map(all, hidden))
        assert any(max(seen) - min(seen) < WIDTH for seen in ranges.values())


def test_a_lone_small_cell_takes_others_with_it():
    counts = [[20, 30, 2], [25, 40, 33], [21, 22, 23]]
    unsafe = [[count < 10 for count in row] for row in counts]

    hidden = suppress(counts, unsafe, Around(rows=[True] * 3, columns=[True] * 3))

    assert hidden[0][2]
    assert sum(map(sum, hidden)) == 4
    assert sum(hidden[0]) == sum(row[2] for row in hidden) == 2


def test_where_nothing_is_small_nothing_is_hidden():
    counts = [[20, 30], [25, 40]]

    assert not any(map(any, suppress(counts, [[False] * 2] * 2, Around(rows=[True] * 2, columns=[True] * 2))))


def test_an_empty_cell_hides_nothing_when_a_reader_knows_that_it_is_empty():
    counts, unsafe = [[0, 2, 30], [12, 14, 16]], [[True, True, False], [False] * 3]
    around = {"rows": [True] * 2, "columns": [True] * 3}

    hidden = suppress(counts, unsafe, Around(**around, zeros_known=True))

    assert hidden[0][2]
    assert is_protected(counts, unsafe, hidden, Around(**around, zeros_known=True))
    assert not is_protected(
        counts, unsafe, ((True, True, False), (True, True, False)), Around(**around, zeros_known=True)
    )


@pytest.mark.parametrize(
    ("least", "expected"), [(disclosure.FEWEST, 10), (disclosure.LEAST_OF_RATE, 5), (disclosure.K, 5)]
)
def test_the_bounds_are_those_that_the_readme_promises(least, expected):
    assert least == expected
