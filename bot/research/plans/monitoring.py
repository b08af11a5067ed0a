"""What stops a trial before its end, and at which levels."""

from typing import Any

from bot import upkeep


def guardrails() -> dict[str, Any]:
    """The guardrails that are watched while the trial runs, with the levels at which they act."""
    return {
        "unpleasant": {"answers": upkeep.UNPLEASANT, "among_sends": upkeep.AMONG, "acts_on": "wording"},
    }
