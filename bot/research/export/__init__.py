"""What leaves for research: every decision point of who agreed, what came of it, and nobody."""

from bot.research.export.frames import frames

__all__ = ["frames"]
