"""What rows of a linear regression come down to: X'X, X'y, y'y and their number, over named features.

Nothing else of the rows is needed to fit it, sums of parts add up to the sums of the whole, and no row can be read back
from them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.core.facts import Tone

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Others:
    """What rows of other municipalities came to, by model, already weighed. None of them is a row here: `n` is 0."""

    tones: Mapping[Tone, Sums]
    send: Sums

    @classmethod
    def of(cls, towns: Iterable[tuple[Mapping[Tone, Sums], Sums]], *, weight: float) -> "Others":
        """The sums of several towns together, each row counting for `weight` of one."""
        tones, send = dict.fromkeys(Tone, NOTHING), NOTHING
        for of_tones, of_send in towns:
            tones = {tone: tones[tone] + of_tones[tone].faded(weight) for tone in Tone}
            send += of_send.faded(weight)
        return cls(
            tones={tone: replace(sums, n=0) for tone, sums in tones.items()},
            send=replace(send, n=0),
        )

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; `from_record` makes the same sums of it, to the last bit."""
        return {
            "tones": {tone.value: as_record(sums) for tone, sums in sorted(self.tones.items())},
            "send": as_record(self.send),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Others":
        """Raises KeyError, TypeError or ValueError for what `as_record` does not make."""
        return cls(
            tones={Tone(tone): from_record(sums) for tone, sums in record["tones"].items()},
            send=from_record(record["send"]),
        )

    @property
    def digest(self) -> str:
        """SHA-256 in hex of the record."""
        canonical = json.dumps(self.as_record(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Others) and self.as_record() == other.as_record()

    def __hash__(self) -> int:
        return hash(self.digest)


def as_record(sums: Sums) -> dict[str, Any]:
    return {
        "names": list(sums.names),
        "xx": sums.xx.tolist(),
        "xy": sums.xy.tolist(),
        "yy": sums.yy,
        "weight": sums.weight,
        "n": sums.n,
    }


def from_record(record: Mapping[str, Any]) -> Sums:
    """Raises KeyError, TypeError or ValueError for what `as_record` does not make."""
    names = tuple(record["names"])
    return Sums(
        names=names,
        xx=np.array(record["xx"], dtype=float).reshape(len(names), len(names)),
        xy=np.array(record["xy"], dtype=float).reshape(len(names)),
        yy=float(record["yy"]),
        weight=float(record["weight"]),
        n=record["n"],
    )
