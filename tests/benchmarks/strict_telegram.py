"""A Bot API of the benchmarks' own: strict about the cap, as far away as told, and it presses buttons.

Runs in a process of its own: `python -m tests.benchmarks.strict_telegram CAP LATENCY_S`, prints its port, and answers
`GET /stats` with what it saw.
"""

import asyncio
import json
import os
import sys
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

ME = {"id": 1, "is_bot": True, "first_name": "Bench", "username": "bench_bot", "can_join_groups": False}


@dataclass
class Telegram:
    """More than `cap` messages within any second, from the first to the last of them, are refused with a 429."""

    cap: int
    latency_s: float
    arrived: list[float] = field(default_factory=list)
    window: deque[float] = field(default_factory=deque)
    refused: int = 0
    edits: int = 0
    chats: set[int] = field(default_factory=set)
    twice: int = 0
    pressed: dict[str, float] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)
    can_press: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=500))
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    updates: "count[int]" = field(default_factory=lambda: count(1))

    async def call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"].lower()  # Telegram takes the names of methods in any case
        params = await request.json() if request.content_type == "application/json" else await request.post()
        now = asyncio.get_running_loop().time()
        result: Any = True
        if method == "answercallbackquery":
            self.answered.append(now - self.pressed.pop(str(params["callback_query_id"])))
        elif method == "getme":
            result = ME
        elif method in {"sendmessage", "editmessagetext"}:
            while self.window and now - self.window[0] >= 1.0:
                self.window.popleft()
            if len(self.window) >= self.cap:
                self.refused += 1
                await asyncio.sleep(self.latency_s)
                flood = {"ok": False, "error_code": 429, "description": "Too Many", "parameters": {"retry_after": 1}}
                return web.json_response(flood, status=429)
            self.window.append(now)
            self.arrived.append(now)
            chat = int(str(params["chat_id"]))
            if method == "sendmessage":
                self.twice += chat in self.chats
                self.chats.add(chat)
                number = next(self.numbers)
                markup = params.get("reply_markup") or {"inline_keyboard": []}
                buttons = (json.loads(markup) if isinstance(markup, str) else markup)["inline_keyboard"]
                more = [b["callback_data"] for row in buttons for b in row if b["callback_data"].endswith("|more")]
                self.can_press.extend((chat, number, data) for data in more)
            else:
                self.edits += 1
                number = int(str(params["message_id"]))
            result = _message(chat, number, str(params["text"]))
        await asyncio.sleep(self.latency_s)
        return web.json_response({"ok": True, "result": result})

    async def press(self, request: web.Request) -> web.Response:
        """Press buttons of what was delivered, `per_s` a second for `seconds`, by webhook at `url`."""
        asked = await request.json()
        loop = asyncio.get_running_loop()
        headers = {"X-Telegram-Bot-Api-Secret-Token": asked["secret"]}
        posts = []
        async with aiohttp.ClientSession() as session:

            async def post(update: dict[str, Any]) -> None:
                async with session.post(asked["url"], json=update, headers=headers) as answer:
                    assert answer.status == 200, answer.status

            ends = loop.time() + asked["seconds"]
            while loop.time() < ends:
                await asyncio.sleep(1 / asked["per_s"])
                if not self.can_press:
                    continue
                chat, number, data = self.can_press.popleft()
                update_id = next(self.updates)
                query = f"q{update_id}"
                who = {"id": chat, "is_bot": False, "first_name": "A", "language_code": "nl"}
                update = {
                    "update_id": update_id,
                    "callback_query": {
                        "id": query,
                        "from": who,
                        "chat_instance": "1",
                        "data": data,
                        "message": _message(chat, number, "Dag"),
                    },
                }
                self.pressed[query] = loop.time()
                posts.append(asyncio.create_task(post(update)))
            await asyncio.gather(*posts)
        await asyncio.sleep(1.0)
        return web.json_response({"pressed": len(posts), "unanswered": len(self.pressed)})

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "arrived": self.arrived,
                "refused": self.refused,
                "twice": self.twice,
                "edits": self.edits,
                "answered": self.answered,
            }
        )


def _message(chat: int, number: int, text: str) -> dict[str, Any]:
    return {
        "message_id": number,
        "date": 1_790_000_000,
        "chat": {"id": chat, "type": "private", "first_name": "A"},
        "from": ME,
        "text": text,
    }


async def _serve(cap: int, latency_s: float) -> None:
    telegram = Telegram(cap, latency_s)
    app = web.Application()
    app.router.add_post("/press", telegram.press)
    app.router.add_get("/stats", telegram.stats)
    app.router.add_route("*", "/{token:bot[^/]+}/{method}", telegram.call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    if len(cores := os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, cores - {0})  # the sender is pinned to the first, and Telegram is elsewhere
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
