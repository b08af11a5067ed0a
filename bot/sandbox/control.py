"""The chat page and the control API: a person, or a test, plays the citizens and what goes wrong.

Without a login, so for loopback only. A page of another origin that reaches for it is refused.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox import about
from bot.sandbox.clock import AMSTERDAM, MovableClock, Preset, preset_moment
from bot.sandbox.core import BOT_ID
from bot.sandbox.faults import Drop, Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.sandbox.core import Post
    from bot.sandbox.sandbox import Sandbox
    from bot.sandbox.wire import Json

_STATIC = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "kit.js": "text/javascript",
    "text.js": "text/javascript",
    "words.json": "application/json",
}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SHOWN_MAX = 200  # The page shows the latest messages only.
_HEARTBEAT_S = 15.0


def add_page(app: web.Application) -> None:
    """The chat page at `/` and `/chat`, and the files that it needs."""
    folder = resources.files("bot.sandbox")
    contents = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in _STATIC}

    def serving(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        headers = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}

        async def serve(_request: web.Request) -> web.Response:
            return web.Response(text=contents[name], content_type=_STATIC[name], charset="utf-8", headers=headers)

        return serve

    for name in _STATIC:
        app.router.add_get(f"/{name}", serving(name))
    for path in ("/", "/chat"):
        app.router.add_get(path, serving("page.html"))


def control_api(sandbox: Sandbox) -> web.Application:
    """Everything below `/control/`, in JSON. A wish that cannot be granted is a 400 or 404 with `error`."""
    app = web.Application(middlewares=[_guard])
    control = _Control(sandbox)
    app.router.add_get("/chat", control.chat)
    app.router.add_get("/events", control.events)
    app.router.add_get("/file/{file_id}", control.file)
    app.router.add_get("/calls", control.calls)
    app.router.add_get("/messages", control.messages)
    app.router.add_get("/transcript", control.transcript)
    app.router.add_get("/clock", control.clock)
    app.router.add_post("/clock", control.move_clock)
    app.router.add_get("/municipality", control.municipality)
    app.router.add_post("/example", control.example)
    deeds = ("start", "message", "press", "late_press", "contact", "block", "unblock", "delete_chat", "duplicate",
             "reorder", "fault", "raw_update", "reset")  # fmt: skip
    for deed in deeds:
        app.router.add_post(f"/{deed}", control.deed(deed))
    app.on_shutdown.append(control.close)
    return app


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    origin = request.headers.get("Origin")
    own = request.headers.get("Sec-Fetch-Site") in {"same-origin", "none"}  # Behind a proxy the host may differ.
    if origin and not own and urlsplit(origin).netloc != request.host:
        return web.json_response({"error": "another site may not steer the sandbox"}, status=403)
    try:
        return await handler(request)
    except LookupError as error:
        return web.json_response({"error": str(error.args[0] if error.args else error)}, status=404)
    except (ValueError, TypeError) as error:
        return web.json_response({"error": str(error)}, status=400)


class _Control:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._pages: dict[asyncio.Queue[Json | None], int] = {}
        sandbox.world.told.append(self._tell)

    def deed(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A route for the method of the sandbox with this name; the body holds its arguments by name."""

        async def perform(request: web.Request) -> web.Response:
            args = await _body(request)
            match name:
                case "fault":
                    drop = args.pop("drop", None)
                    self._sandbox.fault(Fault(**args, drop=Drop(drop) if drop else None))
                    return web.json_response({"ok": True})
                case "raw_update":
                    return web.json_response({"result": self._sandbox.raw_update(args)})
                case _:
                    return web.json_response({"result": getattr(self._sandbox, name)(**args)})

        return perform

    async def chat(self, request: web.Request) -> web.Response:
        """All that the page shows of one citizen's chat."""
        user_id = _user(request)
        language = request.query.get("lang", "")
        world = self._sandbox.world
        chat = world.chats.get(user_id)
        posts = [post for post in chat.posts.values() if post.seen] if chat else []
        return web.json_response(
            {
                "bot": {"name": about.words(world, "name", language), "username": world.bot["username"]},
                "description": about.words(world, "description", language),
                "commands": about.commands(world, language),
                "messages": [_shown(post) for post in posts[-_SHOWN_MAX:]],
                "keyboard": chat.keyboard if chat else None,
                "blocked": bool(chat and chat.blocked),
                "pressing": world.pressing(user_id),
                "now": world.clock.now().isoformat(),
                "citizens": [
                    {"id": c.form["id"], "name": c.form["first_name"], "language": c.language}
                    for c in world.chats.values()
                    if c.form["type"] == "private"
                ],
            }
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A stream of what happens in one chat, until the page or the sandbox goes."""
        user_id = _user(request)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._pages[queue] = user_id
        try:
            await stream.write(b"retry: 1000\n\n")
            while True:
                try:
                    async with asyncio.timeout(_HEARTBEAT_S):
                        event = await queue.get()
                except TimeoutError:
                    await stream.write(b": still here\n\n")
                    continue
                if event is None:
                    return stream
                await stream.write(f"data: {json.dumps(event)}\n\n".encode())
        except ConnectionResetError:
            return stream
        finally:
            self._pages.pop(queue, None)

    async def file(self, request: web.Request) -> web.Response:
        """A picture or document, for the page."""
        stored = self._sandbox.world.files[request.match_info["file_id"]]
        # Only pictures may open in the page's own origin; anything else is saved.
        inline = stored.mime in {"image/png", "image/jpeg"}
        headers = {"X-Content-Type-Options": "nosniff"} | ({} if inline else {"Content-Disposition": "attachment"})
        kind = stored.mime if inline else "application/octet-stream"
        return web.Response(body=stored.content, content_type=kind, headers=headers)

    async def calls(self, request: web.Request) -> web.Response:
        """Every call of the bot, or those of `?method=`."""
        calls = self._sandbox.calls(request.query.get("method"))
        return web.json_response([asdict(call) | {"at": call.at.isoformat()} for call in calls])

    async def messages(self, request: web.Request) -> web.Response:
        """The chat of `?user=`; `?unseen=1` also shows what a deleted chat held."""
        shown = self._sandbox.messages(_user(request), unseen="unseen" in request.query)
        return web.json_response([asdict(message) | {"at": message.at.isoformat()} for message in shown])

    async def transcript(self, request: web.Request) -> web.Response:
        """The chat of `?user=` as plain text."""
        return web.Response(text=self._sandbox.transcript(_user(request)))

    async def clock(self, _request: web.Request) -> web.Response:
        """The moment, whether it can be moved, and where the presets lead."""
        clock = self._sandbox.world.clock
        now = clock.now()
        movable = isinstance(clock, MovableClock)
        presets = {preset: preset_moment(preset, now).isoformat() for preset in Preset} if movable else {}
        return web.json_response(
            {
                "now": now.isoformat(),
                "zone": AMSTERDAM.key,
                "movable": movable,
                "presets": presets,
            }
        )

    async def move_clock(self, request: web.Request) -> web.Response:
        """Move the clock on to `to` (ISO 8601 with a zone) or to a `preset`."""
        clock = self._sandbox.world.clock
        if not isinstance(clock, MovableClock):
            raise TypeError("this sandbox runs on the real clock, which cannot be moved")
        match await _body(request):
            case {"preset": preset}:
                clock.move_to(preset_moment(Preset(preset), clock.now()))
            case {"to": str(moment)}:
                clock.move_to(datetime.fromisoformat(moment))
            case _:
                raise ValueError("say where the clock goes: a preset, or a moment in `to`")
        self._sandbox.world.tell(None, {"kind": "change"})
        return await self.clock(request)

    async def municipality(self, request: web.Request) -> web.Response:
        """The municipality's side about `?user=` in `?lang=`; null when the sandbox has none."""
        side = self._sandbox.municipality
        if side is None:
            return web.json_response(None)
        user_id, language = _user(request), request.query.get("lang", "en")
        return web.json_response(
            {
                "examples": [asdict(example) for example in side.examples(language)],
                "status": list(await side.status(user_id, language)),
                "start_payload": side.start_payload(user_id),
            }
        )

    async def example(self, request: web.Request) -> web.Response:
        """Send an example signal: `id`, `user_id`, `language`."""
        side = self._sandbox.municipality
        body = await _body(request)
        if side is None:
            raise LookupError("this sandbox has no municipality")
        said = await side.send_example(body["id"], body["user_id"], body["language"])
        self._tell(body["user_id"], {"kind": "change"})
        return web.json_response({"said": said})

    async def close(self, _app: web.Application) -> None:
        """End the streams, so that the server can stop."""
        for queue in self._pages:
            queue.put_nowait(None)

    def _tell(self, chat: int | None, event: Json) -> None:
        for queue, user_id in self._pages.items():
            # A page that has not drawn the last change yet needs no second word of it.
            if chat in {None, user_id} and (event["kind"] != "change" or queue.empty()):
                queue.put_nowait(event)


def _user(request: web.Request) -> int:
    return int(request.query.get("user", ""))


async def _body(request: web.Request) -> Json:
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise TypeError("the body should be a JSON object")
    return body


def _shown(post: Post) -> Json:
    message = post.message
    content = ("text", "entities", "caption", "caption_entities", "contact", "photo", "document", "edit_date")
    shown: Json = {name: message[name] for name in content if name in message}
    shown |= {"id": message["message_id"], "date": message["date"], "mine": message["from"]["id"] != BOT_ID}
    shown["rows"] = message.get("reply_markup", {}).get("inline_keyboard", [])
    shown["silent"], shown["reaction"] = post.silent, post.reaction
    if "forward_origin" in message:
        shown["forwarded_from"] = message["forward_origin"]["sender_user"]["first_name"]
    return shown
