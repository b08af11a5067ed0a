"""What leaves for research: decisions and answers, without who they were about."""

from bot.research.export import File, Manifest, write

__all__ = ["File", "Manifest", "write"]
