"""The way between the bot and the sandbox's core, without a network: what leaves, what arrives, what gets lost."""

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit

from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest

from bot.sandbox import Sandbox
from bot.sandbox.wire import Params, RefusedError, Upload, typed
from bot.telegram.request import AiohttpRequest, NeverLeftError
from tests.simulation.faults import UNCLEAR, Faults, Killed, Life

TOKEN = "100:simulation"
SENDS = frozenset({"sendmessage", "senddocument", "editmessagetext"})
ANSWER_S = 5.0


class InProcess(BaseRequest):
    """A client whose calls reach the sandbox's core in this process, with faults on the way.

    `arrived(method, params, result)` hears of each call that had its effect in a chat, `unclear(chat)` of each call
    for a message whose end the bot cannot know.
    """

    def __init__(self, sandbox: Sandbox, faults: Faults, life: Life, arrived, unclear) -> None:
        self._sandbox, self._faults, self._life = sandbox, faults, life
        self._arrived, self._unclear = arrived, unclear

    @property
    def read_timeout(self):
        return ANSWER_S

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass

    parse_json_payload = staticmethod(AiohttpRequest.parse_json_payload)

    async def do_request(self, url, method, request_data=None, *_timeouts, **_more):
        parts = urlsplit(url)
        name = parts.path.rsplit("/", 1)[1].lower()
        self._faults.moment(self._life)
        fault = self._faults.call(name)
        params = _params(parts.query, request_data)
        if fault in UNCLEAR and name in SENDS:
            self._unclear(int(params.values["chat_id"]))
        await self._before(fault)
        status, body = await self._perform(name, params, fault)
        self._faults.moment(self._life)
        if fault == "timeout_after":
            await asyncio.sleep(ANSWER_S)
            raise TimedOut
        if fault == "drop_after":
            raise NetworkError("aiohttp.ServerDisconnectedError")
        return status, body

    async def _before(self, fault) -> None:
        match fault:
            case "never_left":
                raise NetworkError("no connection") from NeverLeftError("ConnectionRefusedError")
            case "timeout_before":
                await asyncio.sleep(ANSWER_S)
                raise TimedOut
            case "drop_before":
                raise NetworkError("aiohttp.ClientOSError")

    async def _perform(self, name, params, fault):
        refused = {
            "flood": RefusedError(429, "Too Many Requests: retry after 20", retry_after=20),
            "forbidden": RefusedError(403, "Forbidden: bot was blocked by the user"),
            "bad_request": RefusedError(400, "Bad Request: chat not found"),
            "server_error": RefusedError(500, "Internal Server Error"),
        }.get(fault)
        if fault == "bad_gateway":
            return 502, b"<html>502 Bad Gateway</html>"
        try:
            if refused is not None:
                raise refused
            result = await self._sandbox.perform(name, params, lambda: not self._life.dead)
        except RefusedError as refusal:
            if refusal.code == 403:
                self._arrived("refused", params.values, None)
            return refusal.code, json.dumps(refusal.body()).encode()
        if self._life.dead:
            raise Killed
        if name in SENDS:
            self._arrived(name, params.values, result)
        return 200, json.dumps({"ok": True, "result": result}).encode()


def _params(query: str, data) -> Params:
    values = {name: typed(name, value) for name, value in parse_qsl(query, keep_blank_values=True)}
    uploads = {}
    if data is not None:
        values |= {name: typed(name, value) for name, value in data.json_parameters.items()}
        for name, (filename, content, mime) in (data.multipart_data or {}).items():
            uploads[name] = Upload(filename, mime, content)
        values |= {name: f"attach://{name}" for name in uploads if f"attach://{name}" not in values.values()}
    return Params(values, uploads)
