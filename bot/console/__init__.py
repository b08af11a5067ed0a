"""The staff's pages: campaigns, contact and administration in a browser.

An edge like the others: it decides nothing, and what it shows comes from the same functions that send.
"""

from bot.console.app import build
from bot.console.desk import Desk, Setting
from bot.console.pages import Pages
from bot.console.provider import Provider
from bot.console.theme import theme_of

__all__ = ["Desk", "Pages", "Provider", "Setting", "build", "theme_of"]
