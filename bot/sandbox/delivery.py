"""How updates reach the bot: held-open polls, or posts to its webhook."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp

from bot.sandbox.core import Bell
from bot.sandbox.wire import OTHER_POLLER, WEBHOOK_ACTIVE, RefusedError, bad_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.core import World
    from bot.sandbox.wire import Json, Params

POLL_MAX_S = 50
BATCH_MAX = 100
RETRY_MAX_S = 60.0
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # nosec B105  # noqa: S105 - the name of a header


class Delivery:
    """Hands the queue to one poller or to the webhook. Updates go one by one to a webhook, in order."""

    def __init__(self, world: World, *, retry_s: float) -> None:
        """`retry_s` is the first pause after a webhook failed; it doubles up to a minute."""
        self._world = world
        self._retry_s = retry_s
        self._poll = 0
        self._closing = False
        self.holding = Bell()
        """Rings whenever a poll finds nothing and is held open."""

    def open(self) -> None:
        """Let polls wait."""
        self._closing = False

    def close(self) -> None:
        """Answer every waiting poll now."""
        self._closing = True
        self._world.bell.ring()

    async def get_updates(self, params: Params, alive: Callable[[], bool]) -> list[Json]:
        """What waits; held open for up to `timeout` seconds while nothing does.

        A second poll ends the first with 409. `alive` says whether the asker is still there: a poll that a killed bot
        left behind takes nothing.
        """
        world = self._world
        if world.webhook:
            raise RefusedError(409, WEBHOOK_ACTIVE)
        self._poll += 1
        mine = self._poll
        world.bell.ring()
        self._allow(params)
        if offset := params.whole("offset", 0):
            world.confirm(offset)
        limit = params.whole("limit", BATCH_MAX)
        limit = limit if 1 <= limit <= BATCH_MAX else BATCH_MAX
        loop = asyncio.get_running_loop()
        until = loop.time() + min(max(0, params.whole("timeout", 0)), POLL_MAX_S)
        while True:
            if mine != self._poll:
                raise RefusedError(409, OTHER_POLLER)
            if world.webhook:
                raise RefusedError(409, WEBHOOK_ACTIVE)
            if not alive():
                return []
            world.expire()
            batch = world.updates.batch(limit)
            left = until - loop.time()
            if batch or self._closing or left <= 0:
                return batch
            self.holding.ring()
            await world.bell.wait(left)

    def set_webhook(self, params: Params) -> bool:
        """Send updates to a URL from now on; an empty one ends that. Plain http is allowed, unlike at Telegram."""
        url = params.text("url")
        if not url:
            return self.delete_webhook(params)
        if not re.match(r"https?://[^\s/]+", url):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        secret = params.text("secret_token")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad_request("secret token contains unallowed characters")
        connections = min(max(1, params.whole("max_connections", 40)), 100)
        self._allow(params)
        self._drop(params)
        self._world.webhook_error = {}
        webhook = {"url": url, "secret": secret, "max_connections": connections}
        self._world.record({"do": "webhook", "webhook": webhook})
        return True

    def delete_webhook(self, params: Params) -> bool:
        """Go back to polling. What waits is kept unless `drop_pending_updates`."""
        self._drop(params)
        if self._world.webhook:
            self._world.record({"do": "webhook", "webhook": None})
        return True

    async def push(self) -> None:
        """Post updates to the webhook for as long as the sandbox runs."""
        world = self._world
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            while True:
                world.expire()
                batch = world.updates.batch(1) if world.webhook else []
                for update in batch:
                    await self._post(session, update)
                if not batch:
                    await world.bell.wait(None)

    async def _post(self, session: aiohttp.ClientSession, update: Json) -> None:
        """Until the webhook takes it, the update's life ends, or the webhook is another one."""
        world, number = self._world, update["update_id"]
        hook, held, pause = world.webhook, number in world.updates, self._retry_s
        loop = asyncio.get_running_loop()
        while hook is not None and world.webhook is hook:
            headers = {SECRET_HEADER: hook["secret"]} if hook["secret"] else {}
            try:
                async with session.post(hook["url"], json=update, headers=headers, allow_redirects=False) as answer:
                    taken, wish = answer.status // 100 == 2, answer.headers.get("Retry-After", "")
                    fault = f"Wrong response from the webhook: {answer.status} {answer.reason}"
            except (aiohttp.ClientError, TimeoutError) as error:
                taken, wish, fault = False, "", f"Connection failed: {type(error).__name__}"
            if taken:
                if number in world.updates:
                    world.record({"do": "confirm", "ids": [number]})
                return
            world.webhook_error = {"last_error_date": int(world.stamp()), "last_error_message": fault}
            until = loop.time() + max(pause, float(wish) if wish.isdecimal() else 0.0)
            pause = min(pause * 2, RETRY_MAX_S)
            while (left := until - loop.time()) > 0 and world.webhook is hook:
                await world.bell.wait(left)
            world.expire()
            if held and number not in world.updates:
                return

    def _allow(self, params: Params) -> None:
        wanted = params.nested("allowed_updates", "can't parse allowed_updates")
        if not isinstance(wanted, list):
            return  # The previous setting stays.
        types = sorted(set(wanted)) or None
        if types != (sorted(self._world.updates.allowed) if self._world.updates.allowed else None):
            self._world.record({"do": "allowed", "types": types})

    def _drop(self, params: Params) -> None:
        if params.flag("drop_pending_updates") and (ids := self._world.updates.below(2**62)):
            self._world.record({"do": "confirm", "ids": ids})
