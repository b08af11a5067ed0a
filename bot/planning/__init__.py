"""From a stored signal to a decision with its reasons: who it concerns, whether we may, whether now, in which words.

Set-wise: what the rows of a batch have in common is worked out once, and each table is read and written once.
"""

from bot.planning.beliefs import LEARNING, current_policy, doubt, keep_policy, newest_policy
from bot.planning.deciding import decide_due
from bot.planning.epochs import Checked, NewKey, all_epochs, check, epoch_at, look_after, new_key
from bot.planning.offering import plan_signals
from bot.planning.replay import Replay, replay
from bot.planning.world import (
    Inputs,
    World,
    before,
    decide,
    lot,
    recorded,
    signal_for,
    situations_of,
    world_of,
    worlds_of,
)

__all__ = [
    "LEARNING",
    "Checked",
    "Inputs",
    "NewKey",
    "Replay",
    "World",
    "all_epochs",
    "before",
    "check",
    "current_policy",
    "decide",
    "decide_due",
    "doubt",
    "epoch_at",
    "keep_policy",
    "look_after",
    "lot",
    "new_key",
    "newest_policy",
    "plan_signals",
    "recorded",
    "replay",
    "signal_for",
    "situations_of",
    "world_of",
    "worlds_of",
]
