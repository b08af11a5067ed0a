"""What `handreiking doctor` has to say: what is wrong, since when, why it matters and what to do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any


class Urgency(IntEnum):
    """The lower is told first."""

    NOW = 1  # people are not answered, or may be harmed
    SOON = 2  # today, in office hours
    KNOW = 3  # nothing is wrong; somebody should know


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """`since` None: it is not known since when, or it does not matter. `todo` is a command where there is one."""

    check: str
    urgency: Urgency
    what: str
    why: str
    todo: str
    since: datetime | None = None

    def as_record(self) -> dict[str, Any]:
        since = None if self.since is None else self.since.isoformat()
        return {
            "check": self.check,
            "urgency": self.urgency.name.lower(),
            "what": self.what,
            "since": since,
            "why": self.why,
            "todo": self.todo,
        }


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The most urgent first."""
    return sorted(findings, key=lambda finding: (finding.urgency, finding.check))


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings for a person at a terminal."""
    last = None
    for finding in in_order(findings):
        if finding.urgency is not last:
            last = finding.urgency
            yield f"{last.name}:"
        since = "" if finding.since is None else f" Since {finding.since:%Y-%m-%d %H:%M} UTC."
        yield f"  {finding.what}{since}"
        yield f"    Why it matters: {finding.why}"
        yield f"    What to do:     {finding.todo}"
