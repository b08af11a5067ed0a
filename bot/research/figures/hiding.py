"""Which cells of a figure are not shown, so that no number stands for fewer than ten people."""

from collections.abc import Sequence
from typing import Final

FEWEST: Final = 10  # people behind each cell
LEAST_OF_RATE: Final = 5  # people in the numerator of a rate, and in its complement


def few(counts: Sequence[int], least: int = FEWEST) -> set[int]:
    """The places of counts that are hidden. Their sum is taken to be known to whoever looks.

    A nought is hidden as well. Where the hidden ones together are fewer than `least`, the smallest of the others is
    hidden too, since the difference to the sum would tell.
    """
    hidden = {place for place, count in enumerate(counts) if count < least}
    while hidden and len(hidden) < len(counts) and (len(hidden) == 1 or sum(counts[i] for i in hidden) < least):
        hidden.add(min((count, place) for place, count in enumerate(counts) if place not in hidden)[1])
    return hidden


def few_of_table(table: Sequence[Sequence[int]], least: int = FEWEST) -> set[tuple[int, int]]:
    """The cells (row, column) that are hidden where the sums of all rows and columns are known."""
    hidden = {(r, c) for r, row in enumerate(table) for c, count in enumerate(row) if count < least}
    grown = True
    while grown:
        before = len(hidden)
        for r, row in enumerate(table):
            _another(hidden, [(r, c) for c in range(len(row))], table, least)
        for c in range(len(table[0]) if table else 0):
            _another(hidden, [(r, c) for r in range(len(table))], table, least)
        grown = len(hidden) > before
    return hidden


def _another(
    hidden: set[tuple[int, int]], line: Sequence[tuple[int, int]], table: Sequence[Sequence[int]], least: int
) -> None:
    """Hide more of one line as long as its sum and what is shown of it tell what is hidden."""
    here = [cell for cell in line if cell in hidden]
    while here and len(here) < len(line) and (len(here) == 1 or sum(table[r][c] for r, c in here) < least):
        more = min((table[r][c], (r, c)) for r, c in line if (r, c) not in hidden)[1]
        hidden.add(more)
        here.append(more)
