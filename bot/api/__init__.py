"""HTTP for machines: signals and offers in, cards out, health, and what the interface looks like."""

from bot.api.app import build
from bot.api.door import Limits
from bot.api.intake import Intake

__all__ = ["Intake", "Limits", "build"]
