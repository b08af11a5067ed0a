"""The channel: updates in, messages out, errors understood. No decision is taken here."""

import logging
import os

# Without it python-telegram-bot warns each time a flood limit is met; it is read at each call.
os.environ.setdefault("PTB_TIMEDELTA", "1")


def quiet_http() -> None:
    """Silence the loggers that write the token or what citizens say. Call it first, before any bot is made."""
    for name in ("httpx", "httpcore", "aiohttp", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)
