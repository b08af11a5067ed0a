"""A refusal that a machine can read: problem+json (RFC 9457)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.signals.desk import Fault

#: More faults than this help nobody; the count is told all the same.
_TOLD = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing of a request was taken in. `status` is HTTP's."""

    status: int
    title: str
    faults: tuple[Fault, ...] = ()
    detail: str = ""

    def problem(self) -> dict[str, Any]:
        """The members of an application/problem+json document."""
        detail = self.detail
        if not detail and self.faults:
            detail = "; ".join(sorted({fault.attribute for fault in self.faults[:_TOLD]}))
            detail = f"{len(self.faults)} to mend: {detail}"
        told = [{"attribute": f.attribute, "value": f.value, "mend": f.mend} for f in self.faults[:_TOLD]]
        document: dict[str, Any] = {"type": "about:blank", "title": self.title, "status": self.status}
        if detail:
            document["detail"] = detail
        if told:
            document["faults"] = told
        return document


def refusal(faults: Iterable[Fault]) -> Refusal:
    """All that is wrong as one refusal: 403 when the source may not, 422 otherwise."""
    every = tuple(faults)
    if any(fault.forbidden for fault in every):
        return Refusal(403, "This key may not hand in this signal", every)
    return Refusal(422, "The signal is not fit to be taken in", every)
