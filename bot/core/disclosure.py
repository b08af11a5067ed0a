"""What may leave for research: people who cannot be told apart, and counts that cannot be led back to anybody.

Two kinds of protection, for the two tiers of `learning.md` 2.3. *k-anonymity* for rows about people: each combination
of what others may know of a person is shared by at least k people; it is made true by coarsening first and leaving out
second. *Suppression* for published counts: small cells are hidden, and then as many more as are needed so that no
hidden one can be computed from the margins.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

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


def smallest_group(rows: Sequence[Known]) -> int:
    """The least number of people who share a combination; 0 when there is nobody."""
    return min(Counter(_key(row) for row in rows).values(), default=0)


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
