"""The sandbox over HTTP: the Bot API as a bot calls it, and the pages beside it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aiohttp import web

from bot.sandbox import control
from bot.sandbox.faults import Drop
from bot.sandbox.media import FILE_MAX
from bot.sandbox.methods import METHODS
from bot.sandbox.wire import Params, RefusedError, Upload, bad_request, typed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.sandbox import Sandbox
    from bot.sandbox.wire import Json

_WAITING = {"getupdates": "getUpdates", "setwebhook": "setWebhook", "deletewebhook": "deleteWebhook"}
SHUTDOWN_S = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that listens."""

    url: str
    """The root: the Bot API lies under `<url>/bot<token>/`, the chat page at `<url>/chat`."""
    port: int
    _runner: web.AppRunner
    _sandbox: Sandbox

    async def stop(self) -> None:
        """Answer what waits, stop listening and close the journal."""
        await self._runner.cleanup()
        self._sandbox.close()


async def start(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Listen; port 0 takes a free one. Raises OSError when the port is taken. There is no login: keep to loopback."""
    runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    bound = int(runner.addresses[0][1])
    return Running(f"http://{host}:{bound}", bound, runner, sandbox)


def application(sandbox: Sandbox) -> web.Application:
    """The whole application: Bot API, files, chat page and control API."""
    app = web.Application(client_max_size=FILE_MAX + 1024 * 1024)
    bot_api = _BotApi(sandbox)
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", bot_api.call)
    app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", bot_api.file)
    app.add_subapp("/control/", control.control_api(sandbox))
    control.add_page(app)

    async def pushing(_app: web.Application) -> AsyncIterator[None]:
        sandbox.delivery.open()
        task = asyncio.create_task(sandbox.delivery.push())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def closing(_app: web.Application) -> None:
        sandbox.delivery.close()

    app.cleanup_ctx.append(pushing)
    app.on_shutdown.append(closing)
    return app


class _BotApi:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One call of a method."""
        if request.match_info["token"] != self._sandbox.token:
            return _answer(RefusedError(401, "Unauthorized").body())
        asked = request.match_info["method"]
        method = _WAITING.get(asked.lower()) or METHODS.get(asked.lower(), (asked,))[0]
        try:
            params = await _params(request)
        except RefusedError as refusal:
            return _answer(refusal.body())
        if self._sandbox.latency_s:
            await asyncio.sleep(self._sandbox.latency_s)
        fault = self._sandbox.faults.take(method, params)
        if fault and fault.drop is Drop.BEFORE:
            return _hang_up(request)
        body = (refused.body() if fault and (refused := fault.refusal()) else None) or await self._perform(
            method, params, request
        )
        self._sandbox.note(method, params, body)
        if fault and fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault and fault.drop is Drop.AFTER:
            return _hang_up(request)
        return _answer(body)

    async def file(self, request: web.Request) -> web.Response:
        """A file that the bot sent, at the path that getFile told."""
        if request.match_info["token"] != self._sandbox.token:
            return _answer(RefusedError(401, "Unauthorized").body())
        for stored in self._sandbox.world.files.values():
            if stored.path == request.match_info["path"]:
                return web.Response(body=stored.content, content_type="application/octet-stream")
        return _answer(RefusedError(404, "Not Found").body())

    async def _perform(self, method: str, params: Params, request: web.Request) -> Json:
        def alive() -> bool:
            return request.transport is not None and not request.transport.is_closing()

        try:
            return {"ok": True, "result": await self._sandbox.perform(method, params, alive)}
        except RefusedError as refusal:
            return refusal.body()


def _answer(body: Json) -> web.Response:
    headers = {}
    if "retry_after" in body.get("parameters", {}):
        headers["Retry-After"] = str(body["parameters"]["retry_after"])
    return web.Response(
        text=json.dumps(body), status=body.get("error_code", 200), content_type="application/json", headers=headers
    )


def _hang_up(request: web.Request) -> web.Response:
    """Break the connection without an answer; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _params(request: web.Request) -> Params:
    """The parameters from the query and the body: form, multipart or JSON."""
    values: Json = {name: typed(name, value) for name, value in request.query.items()}
    uploads: dict[str, Upload] = {}
    match request.content_type if request.can_read_body else "":
        case "application/json":
            try:
                sent = json.loads(await request.read() or b"{}")
            except ValueError:
                raise bad_request("can't parse JSON object") from None
            if not isinstance(sent, dict):
                raise bad_request("object expected")
            # Telegram takes null for absent.
            values |= {name: value for name, value in sent.items() if value is not None}
        case "multipart/form-data":
            for name, part in (await request.post()).items():
                if isinstance(part, web.FileField):
                    uploads[name] = Upload(part.filename, part.content_type, part.file.read())
                elif isinstance(part, str):
                    values[name] = typed(name, part)
            # A file may stand in its own field or be pointed at; say the same in both cases.
            pointed = [f"attach://{name}" for name in uploads]
            values |= {p.removeprefix("attach://"): p for p in pointed if p not in values.values()}
        case "application/x-www-form-urlencoded":
            form = (await request.read()).decode("utf-8", "replace")
            # Not `request.post()`: this is the path of every message, and it is twice as fast.
            values |= {name: typed(name, value) for name, value in parse_qsl(form, keep_blank_values=True)}
    return Params(values, uploads)
