"""Which cells of a figure are not shown, so that no number stands for fewer than ten people nor tells another one."""

from collections.abc import Sequence

from bot.core.disclosure import FEWEST, Around, suppress


def few(counts: Sequence[int], least: int = FEWEST) -> set[int]:
    """The places of counts that are hidden: those under `least`, and others where their sum would tell them."""
    return {place for _, place in few_of_table([counts], least)}


def few_of_table(table: Sequence[Sequence[int]], least: int = FEWEST) -> set[tuple[int, int]]:
    """The cells (row, column) that are hidden where the sums of all rows and columns are known."""
    if not table or not table[0]:
        return set()
    unsafe = [[count < least for count in row] for row in table]
    if not any(map(any, unsafe)):
        return set()
    one_line = len(table) == 1
    mask = suppress(table, unsafe, Around(rows=[True] * len(table), columns=[not one_line] * len(table[0])))
    return {(r, c) for r, row in enumerate(mask) for c, hidden in enumerate(row) if hidden}
