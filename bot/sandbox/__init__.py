"""A local stand-in for the Telegram Bot API, with a page where a person plays the citizens. It is not Telegram.

It knows nothing of the bot: the bot reaches it over HTTP, by its API root. Of the 180 methods it has the 28 that an
outreach bot needs and refuses the rest; of the parse modes it has HTML and entities.
"""

from bot.sandbox.clock import Clock, MovableClock, Preset, preset_moment
from bot.sandbox.faults import Drop, Fault
from bot.sandbox.journal import latest_moment
from bot.sandbox.sandbox import Button, Call, Example, Municipality, Sandbox, Shown
from bot.sandbox.server import Running, start

__all__ = [
    "Button",
    "Call",
    "Clock",
    "Drop",
    "Example",
    "Fault",
    "MovableClock",
    "Municipality",
    "Preset",
    "Running",
    "Sandbox",
    "Shown",
    "latest_moment",
    "preset_moment",
    "start",
]
