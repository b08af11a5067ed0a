"""What stops a trial before its end, and at which levels."""

from typing import Any

from bot import upkeep
from bot.core import guardrails as levels
from bot.core.facts import Rules


def guardrails(rules: Rules) -> dict[str, Any]:
    """The guardrails that are watched while the trial runs, with the levels at which they act."""
    return {
        "stops": {
            "most_per_thousand": rules.stops_per_thousand,
            "e_process_alarm_at": levels.ALARM,
            "alpha": 1 / levels.ALARM,
            "acts_on": "campaign and wording",
        },
        "stops_in_a_row": {"stops": levels.STOPS, "among_messages": levels.IN_A_ROW, "acts_on": "campaign and wording"},
        "chances_that_are_kept": {
            "e_process_alarm_at": levels.BROKEN,
            "alpha": 1 / levels.BROKEN,
            "acts_on": "everything that is learned",
        },
        "unpleasant": {"answers": upkeep.UNPLEASANT, "among_sends": upkeep.AMONG, "acts_on": "wording"},
    }
