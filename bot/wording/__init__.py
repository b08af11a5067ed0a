"""messages/ and locale/ turned into text, and their check."""

from bot.wording.book import Wording
from bot.wording.cards import ServiceCard
from bot.wording.files import data
from bot.wording.load import load
from bot.wording.municipal import Municipality, Situation, Theme
from bot.wording.own import OwnWording, with_own

__all__ = ["Municipality", "OwnWording", "ServiceCard", "Situation", "Theme", "Wording", "data", "load", "with_own"]
