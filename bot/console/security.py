"""What every answer carries and which requests are refused before any page sees them. Pure ASGI."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX: Final = 1024 * 1024
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guarded:
    """Refuses what another site makes a browser send, and bodies that are too large; adds the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in SAFE and comes_from_elsewhere(headers):
            await PlainTextResponse("This came from another site.", status_code=403)(scope, receive, wrapped)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # PostgreSQL takes no such text, and we have none
            await PlainTextResponse("There is no such address.", status_code=400)(scope, receive, wrapped)
            return
        if int(headers.get("content-length") or 0) > BODY_MAX:
            await PlainTextResponse("This is too much at once.", status_code=413)(scope, receive, wrapped)
            return
        await self._app(scope, _bounded(receive), wrapped)


def comes_from_elsewhere(headers: Headers) -> bool:
    """Whether a browser was made to send this by a page of another origin: its own word first, then the origin.

    Without either it is no browser that could have been tricked (the rules of Go's CrossOriginProtection).
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _bounded(receive: Receive) -> Receive:
    """A body without an announced length ends, for the page, where it becomes too large."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > BODY_MAX else message

    return counted
