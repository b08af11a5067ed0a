"""What leaves for research: every decision point of who agreed, what came of it, and nobody."""

from bot.research.export.frames import frames
from bot.research.export.writing import File, Manifest, Tier, write

__all__ = ["File", "Manifest", "Tier", "frames", "write"]
