"""What operators see of a running process, and what it says aloud when it falls silent."""

from bot.operating.lookout import Lookout

__all__ = ["Lookout"]
