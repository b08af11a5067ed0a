"""HTTP for machines: signals in, health, and what the interface looks like."""

from bot.api.app import Limits, build
from bot.api.intake import Intake

__all__ = ["Intake", "Limits", "build"]
