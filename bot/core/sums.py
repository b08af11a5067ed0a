"""What rows of a linear regression come down to: X'X, X'y, y'y and their number, over named features.

Nothing else of the rows is needed to fit it, sums of parts add up to the sums of the whole, and no row can be read back
from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """`names` are sorted; `xx` and `xy` go by them. `n` is how many rows there were, whatever they still weigh."""

    names: tuple[str, ...]
    xx: Floats
    xy: Floats
    yy: float
    weight: float
    n: int

    def __add__(self, other: "Sums") -> "Sums":
        names = tuple(sorted({*self.names, *other.names}))
        places = {name: place for place, name in enumerate(names)}
        xx, xy = np.zeros((len(names), len(names))), np.zeros(len(names))
        for part in (self, other):
            at = [places[name] for name in part.names]
            xx[np.ix_(at, at)] += part.xx
            xy[at] += part.xy
        return Sums(
            names=names,
            xx=xx,
            xy=xy,
            yy=self.yy + other.yy,
            weight=self.weight + other.weight,
            n=self.n + other.n,
        )

    def faded(self, share: float) -> "Sums":
        """The same rows, weighing only `share` of what they did."""
        return Sums(
            names=self.names,
            xx=self.xx * share,
            xy=self.xy * share,
            yy=self.yy * share,
            weight=self.weight * share,
            n=self.n,
        )


NOTHING = Sums(names=(), xx=np.zeros((0, 0)), xy=np.zeros(0), yy=0.0, weight=0.0, n=0)


def columns(rows: Sequence[Mapping[str, float]]) -> tuple[tuple[str, ...], Floats]:
    """The names in `rows`, sorted, and a column for each; a name that a row does not have is nought in it."""
    names = tuple(sorted({name for row in rows for name in row}))
    design = np.empty((len(rows), len(names)))
    for place, name in enumerate(names):
        design[:, place] = [row.get(name, 0.0) for row in rows]
    return names, design


def summed(names: Sequence[str], design: Floats, outcomes: Sequence[float], weights: Floats) -> Sums:
    """The sums of these rows; `names`, of the columns of `design`, must be sorted. `weights` has one for each row."""
    y = np.array(outcomes, dtype=float)
    weighed = design * weights[:, None]
    return Sums(
        names=tuple(names),
        xx=weighed.T @ design,
        xy=weighed.T @ y,
        yy=float(weights @ (y * y)),
        weight=float(weights.sum()),
        n=len(y),
    )
