"""A running sandbox, a clock moved by hand, and a caller that knows only HTTP."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from telegram import Bot

if TYPE_CHECKING:
    import aiohttp

    from bot.sandbox import Running, Sandbox

TOKEN = "123456789:sandbox"
AMINA = 111
JOHN = 112
MORNING = datetime(2026, 3, 4, 9, tzinfo=UTC)
YES_NO = {
    "inline_keyboard": [[{"text": "Yes, please", "callback_data": "yes"}], [{"text": "No", "callback_data": "no"}]]
}


class HandClock:
    """A clock without ticks of its own: it stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = MORNING

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class World:
    """A running sandbox, its clock, and a caller that knows only HTTP."""

    def __init__(self, sandbox: Sandbox, running: Running, clock: HandClock, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.running, self.clock, self.session = sandbox, running, clock, session

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        async with self.session.post(f"{self.running.url}/bot{TOKEN}/{method}", json=params) as answer:
            body = await answer.json()
            assert answer.status == body.get("error_code", 200)
            return body

    async def result(self, method: str, **params: Any) -> Any:
        body = await self.call(method, **params)
        assert body["ok"], body
        return body["result"]

    async def refusal(self, method: str, **params: Any) -> tuple[int, str]:
        body = await self.call(method, **params)
        assert not body["ok"], body
        return body["error_code"], body["description"]

    async def control(self, deed: str, **body: Any) -> dict[str, Any]:
        async with self.session.post(f"{self.running.url}/control/{deed}", json=body) as answer:
            return {"status": answer.status, **await answer.json()}

    async def look(self, path: str) -> Any:
        async with self.session.get(f"{self.running.url}/control/{path}") as answer:
            return await (answer.json() if answer.content_type == "application/json" else answer.text())

    async def updates(self, **params: Any) -> list[dict[str, Any]]:
        return await self.result("getUpdates", **params)

    async def confirm_all(self) -> None:
        for update in await self.updates():
            await self.updates(offset=update["update_id"] + 1)

    def bot(self) -> Bot:
        return Bot(TOKEN, base_url=f"{self.running.url}/bot", base_file_url=f"{self.running.url}/file/bot")


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\xaa" * width for _ in range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
