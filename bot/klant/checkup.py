"""Whether somebody who is to be told can be reached and lets us in; nothing is told."""

from collections.abc import Callable
from datetime import datetime

import aiohttp

from bot.klant.events import Events
from bot.klant.open_klant import OpenKlant
from bot.klant.places import EventsAt, OpenKlantAt
from bot.klant.why import TellingError, Why


async def wrong(at: OpenKlantAt | EventsAt, clock: Callable[[], datetime]) -> Why | None:
    """What is the matter; None when nothing is."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        try:
            if isinstance(at, OpenKlantAt):
                return await OpenKlant(at, client, clock).look()
            await Events(at, client, clock).look()
        except TellingError as error:
            return error.why
    return None
