"""What watches over sending and learning, beside the rules: it pauses and tells staff, and a person lets it go on.

`look` reads what is new and says what is wrong, `settle` writes it down: so nothing waits while it counts. A campaign
or a wording with clearly more stops than people signed for is paused; when chances are not kept, adaptive campaigns
draw evenly; when a language or a theme does clearly worse than the others, staff are told and nothing else happens.
"""

from bot.guarding.acting import go_on, settle
from bot.guarding.fairness import Group, fairness
from bot.guarding.looking import Alarm, Seen, look
from bot.guarding.standing import Learned, Watched, learned, standing

__all__ = [
    "Alarm",
    "Group",
    "Learned",
    "Seen",
    "Watched",
    "fairness",
    "go_on",
    "learned",
    "look",
    "settle",
    "standing",
]
