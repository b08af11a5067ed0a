"""python-telegram-bot's own webhook (tornado): each update is read and queued in memory, and nothing is stored.

Prints the port, the path and the secret. Telegram's side is answered here, so that nothing goes over the network.
"""

import asyncio
import json
import socket
from contextlib import suppress

from telegram.ext import ApplicationBuilder
from telegram.request import BaseRequest

SECRET = "not-a-real-secret"
ANSWERS = {
    "getMe": {"id": 4242, "is_bot": True, "first_name": "Hand", "username": "hand_bot"},
    "setWebhook": True,
    "deleteWebhook": True,
}


class Answered(BaseRequest):
    """Telegram as far as starting a webhook needs it."""

    @property
    def read_timeout(self) -> float:
        return 1.0

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(self, url, method, *args, **kwargs) -> tuple[int, bytes]:
        return 200, json.dumps({"ok": True, "result": ANSWERS[url.rpartition("/")[2]]}).encode()


async def main() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    application = ApplicationBuilder().token("4242:no").request(Answered()).get_updates_request(Answered()).build()
    async with application:
        await application.updater.start_webhook(
            listen="127.0.0.1", port=port, url_path="updates", secret_token=SECRET, webhook_url="https://bot.example"
        )
        print(json.dumps({"port": port, "path": "/updates", "secret": SECRET}), flush=True)  # noqa: T201
        try:
            while True:
                await application.update_queue.get()
        finally:
            await application.updater.stop()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
