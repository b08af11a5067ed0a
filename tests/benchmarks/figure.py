"""One row of the table."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["hoped", "reached", "short"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What was measured and what it must be.

    `unit` is ×, %, ms, MB or /s. `least` True: it must be at least `must`; False: at most. `baseline` says in words
    what it was held against, with that one's own figure.
    """

    what: str
    measured: float
    unit: str
    must: float
    hoped: float
    least: bool
    baseline: str

    def meets(self, bar: float) -> bool:
        return self.measured >= bar if self.least else self.measured <= bar

    @property
    def verdict(self) -> Verdict:
        """`short` when it misses what it must be, `hoped` when it is what was hoped for, else `reached`."""
        if not self.meets(self.must):
            return "short"
        return "hoped" if self.meets(self.hoped) else "reached"
