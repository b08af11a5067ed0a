"""messages/ and locale/ turned into text, and their check."""

from bot.wording.book import Wording
from bot.wording.cards import ServiceCard
from bot.wording.files import data
from bot.wording.load import load
from bot.wording.municipal import Municipality, Situation, Theme

__all__ = ["Municipality", "ServiceCard", "Situation", "Theme", "Wording", "data", "load"]
