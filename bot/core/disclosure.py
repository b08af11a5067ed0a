"""What may leave for research: people who cannot be told apart, and counts that cannot be led back to anybody.

Two kinds of protection, for the two tiers of `learning.md` 2.3. *k-anonymity* for rows about people: each combination
of what others may know of a person is shared by at least k people; it is made true by coarsening first and leaving out
second. *Suppression* for published counts: small cells are hidden, and then as many more as are needed so that no
hidden one can be computed from the margins.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

K = 5  # people who share each combination, in rows about people
FEWEST = 10  # people behind each published cell
LEAST_OF_RATE = 5  # people in the numerator of a published rate, and in its complement
#: Of this share of the people at most, rows are left out instead of coarsening everybody's further.
TOLERATED = 0.02

#: What others may know of a person, by name.
Known = Mapping[str, Hashable]


@dataclass(frozen=True, kw_only=True, slots=True)
class Coarsening:
    """One step that makes `column` tell less. `of` is given all values and returns what each becomes."""

    column: str
    says: str
    of: Callable[[Sequence[Hashable]], Sequence[Hashable]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Protected:
    """`rows` in the order they came in; None: left out. `coarsened` says what was done, in order."""

    rows: tuple[Known | None, ...]
    coarsened: tuple[str, ...]

    @property
    def left_out(self) -> int:
        return sum(row is None for row in self.rows)


def protect(
    rows: Sequence[Known], ladder: Sequence[Coarsening], *, k: int = K, tolerated: float = TOLERATED
) -> Protected:
    """Rows of which each combination is shared by `k` or more, one row for each person.

    The steps of `ladder` are taken one after the other until no more than the share `tolerated` would have to be left
    out; what stands alone even then is left out. A step that changes nothing is not mentioned.
    """
    now: list[Known] = list(rows)
    done: list[str] = []
    for step in ladder:
        if len(_alone(now, k)) <= tolerated * len(now):
            break
        values = step.of([row[step.column] for row in now])
        fresh: list[Known] = [{**row, step.column: value} for row, value in zip(now, values, strict=True)]
        if fresh != now:
            done.append(step.says)
        now = fresh
    alone = _alone(now, k)
    return Protected(
        rows=tuple(None if place in alone else row for place, row in enumerate(now)), coarsened=tuple(done)
    )


def rare_to(other: Hashable, *, least: int = K) -> Callable[[Sequence[Hashable]], Sequence[Hashable]]:
    """A step: values of fewer than `least` people become `other`; so does the rarest of the rest if `other` is rare."""

    def step(values: Sequence[Hashable]) -> Sequence[Hashable]:
        counts = Counter(values)
        rare = {value for value, count in counts.items() if count < least}
        together = sum(counts[value] for value in rare)
        if 0 < together < least:
            common = sorted((count, str(value), value) for value, count in counts.items() if value not in rare)
            rare |= {common[0][2]} if common else set()
        return [other if value in rare else value for value in values]

    return step


def all_to(value: Hashable) -> Callable[[Sequence[Hashable]], Sequence[Hashable]]:
    """A step: nobody's is told any more."""
    return lambda values: [value] * len(values)


def each(change: Callable[[Hashable], Hashable]) -> Callable[[Sequence[Hashable]], Sequence[Hashable]]:
    """A step: each value becomes a coarser one, such as a quarter its year."""
    return lambda values: [change(value) for value in values]


def _key(row: Known) -> tuple[tuple[str, Hashable], ...]:
    return tuple(sorted(row.items()))


def _alone(rows: Sequence[Known], k: int) -> Collection[int]:
    counts = Counter(_key(row) for row in rows)
    return {place for place, row in enumerate(rows) if counts[_key(row)] < k}


#: A hidden count must be possible within a range of at least so many, whatever is published around it.
WIDTH = 3

Counts = Sequence[Sequence[int]]
Mask = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What a reader knows besides the cells that are shown: which margins, the whole total, and bounds of each cell.

    `most`: no cell is over this; None: not known. With `zeros_known` a reader knows anyway which cells are empty, such
    as weeks in which nothing ran, so an empty cell hides nothing.
    """

    rows: Sequence[bool]
    columns: Sequence[bool]
    most: Counts | None = None
    zeros_known: bool = False


def suppress(counts: Counts, unsafe: Sequence[Sequence[bool]], around: Around) -> Mask:
    """Which cells to hide: those that are `unsafe`, and as many more as it takes so that none of them can be computed.

    An unsafe count is protected when the margins and bounds that are known leave it a range of `WIDTH` or more; it is
    found by linear programming. Others are hidden beside it, the smallest first. When even hiding all of them does not
    protect an unsafe one, all are hidden, and some margin must not be published either: see `is_protected`.
    """
    hidden = [list(row) for row in unsafe]
    wanted = [
        (r, c) for r, row in enumerate(unsafe) for c, bad in enumerate(row) if bad and _free(counts, r, c, around)
    ]
    while True:
        exposed = next((cell for cell in wanted if _range(counts, hidden, around, cell) < WIDTH), None)
        if exposed is None:
            return tuple(map(tuple, hidden))
        more = _beside(counts, hidden, exposed)
        if more is None:
            return tuple((True,) * len(row) for row in counts)
        hidden[more[0]][more[1]] = True


def is_protected(counts: Counts, unsafe: Sequence[Sequence[bool]], hidden: Mask, around: Around) -> bool:
    """Whether no unsafe cell can be computed from what is shown."""
    return all(
        hidden[r][c] and (not _free(counts, r, c, around) or _range(counts, hidden, around, (r, c)) >= WIDTH)
        for r, row in enumerate(unsafe)
        for c, bad in enumerate(row)
        if bad
    )


def _free(counts: Counts, row: int, column: int, around: Around) -> bool:
    """Whether a reader does not know this count beforehand."""
    return not (around.zeros_known and counts[row][column] == 0)


def _beside(counts: Counts, hidden: Sequence[Sequence[bool]], cell: tuple[int, int]) -> tuple[int, int] | None:
    """The cell to be hidden next; None: all are.

    One in a row or column whose only hidden cell could be computed comes first, best where both are such; then one in
    line with `cell`; then the smallest, but empty ones last.
    """
    rows = [sum(row) for row in hidden]
    columns = [sum(column) for column in zip(*hidden, strict=True)]

    def order(at: tuple[int, int]) -> tuple[int, bool, bool, int, tuple[int, int]]:
        r, c = at
        lone = (rows[r] == 1) + (columns[c] == 1)
        return -lone, r != cell[0] and c != cell[1], counts[r][c] == 0, counts[r][c], at

    shown = [(r, c) for r, row in enumerate(counts) for c in range(len(row)) if not hidden[r][c]]
    return min(shown, key=order, default=None)


def _range(counts: Counts, hidden: Sequence[Sequence[bool]], around: Around, cell: tuple[int, int]) -> float:
    """How far apart the least and the greatest possible count of a hidden cell are; infinite: nothing bounds it."""
    from scipy.optimize import linprog  # noqa: PLC0415 - 24 MB that every process would hold, for the export only

    free = [
        (r, c) for r, row in enumerate(counts) for c in range(len(row)) if hidden[r][c] and _free(counts, r, c, around)
    ]
    lines = [[at[0] == r for at in free] for r, known in enumerate(around.rows) if known]
    lines += [[at[1] == c for at in free] for c, known in enumerate(around.columns) if known]
    lines.append([True] * len(free))  # the whole total
    matrix = np.array(lines, dtype=float)
    totals = matrix @ np.array([counts[r][c] for r, c in free], dtype=float)
    bounds = [(0, None if around.most is None else around.most[r][c]) for r, c in free]
    goal = np.array([float(at == cell) for at in free])
    ends = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * goal, A_eq=matrix, b_eq=totals, bounds=bounds, method="highs")
        if solved.status == 3:  # unbounded
            return math.inf
        ends.append(sign * float(solved.fun))
    return round(ends[1] - ends[0], 6)
