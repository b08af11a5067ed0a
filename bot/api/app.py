"""The routes and the wrapping that each answer gets."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.exc import OperationalError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Scope, Send
from starlette.types import Receive as Listen

from bot.api.document import API_VERSION, document
from bot.api.intake import Intake, Receive
from bot.api.keyring import Keyring
from bot.core.facts import Origin
from bot.signals import Refusal, Source, from_cloudevent

log = logging.getLogger(__name__)

_HEADERS: Final = {
    "API-Version": API_VERSION,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much one request may bring (`body`, in bytes) and how often one key may knock."""

    body: int = 256 * 1024
    per_minute: int = 600


def build(
    *,
    receive: Receive,
    sources: Callable[[str], Source | None],
    known: Mapping[str, Origin],
    cards: Collection[str],
    zone: tzinfo,
    clock: Callable[[], datetime],
    ready: Callable[[], str | None] = lambda: None,
    limits: Limits = Limits(),
) -> FastAPI:
    """The application. `receive`, `sources` and `ready` may block; they run in threads.

    `sources` gives the owner of a key (`signals.find_source`), `known` and `cards` what the service cards answer,
    `zone` the municipality's zone; `ready` says in a sentence what is missing, or None.
    """
    app = FastAPI(title="Handreiking", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    intake = Intake(receive)
    keyring = Keyring(sources, clock)
    knocks = MovingWindowRateLimiter(MemoryStorage())
    allowed = RateLimitItemPerMinute(limits.per_minute)

    @app.post("/v1/signals")
    async def hand_in(request: Request) -> Response:
        key = _key(request)
        source = await keyring.owner(key) if key else None
        if source is None:
            detail = "Give the key of your source in Authorization: Bearer …, or in X-API-Key."
            refused = Refusal(401, "The key is missing, unknown or revoked", detail=detail)
            return _problem(refused, {"WWW-Authenticate": "Bearer"})
        if not knocks.hit(allowed, source.name):
            detail = f"At most {limits.per_minute} requests a minute with one key; put several events in a batch."
            refused = Refusal(429, "Too many requests", detail=detail)
            return _problem(refused, {"Retry-After": str(allowed.get_expiry())})
        body = await _body(request, limits.body)
        if body is None:
            detail = f"At most {limits.body} bytes in one request; hand in fewer events at a time."
            return _problem(Refusal(413, "The body is too large", detail=detail))
        read = from_cloudevent(request.headers, body, source, known, cards=cards, zone=zone, now=clock())
        if isinstance(read, Refusal):
            log.info("signals refused", extra={"source": source.name, "status": read.status})
            return _problem(read)
        receipts = await intake.hand_in(read)
        log.info("signals", extra={"source": source.name, "count": len(read)})
        told = [
            {"event": signal.external_id, "id": receipt.id, "fresh": receipt.fresh}
            for signal, receipt in zip(read, receipts, strict=True)
        ]
        return JSONResponse({"receipts": told}, status_code=202)

    @app.get("/health/live")
    async def live() -> Response:
        return JSONResponse({"status": "live"})

    @app.get("/health/ready")
    async def is_ready() -> Response:
        missing = await asyncio.to_thread(ready)
        if missing is not None:
            return _problem(Refusal(503, "Not ready yet", detail=missing))
        return JSONResponse({"status": "ready"})

    described = document(body=limits.body, per_minute=limits.per_minute)

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(described, headers={"Access-Control-Allow-Origin": "*"})

    app.openapi = lambda: described  # type: ignore[method-assign]  # FastAPI's own way to a document of one's own
    app.add_exception_handler(HTTPException, _not_here)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(500, _our_fault)
    app.add_middleware(_Wrapped)
    return app


class _Wrapped:
    """Gives every answer the headers that it must have, those of errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Listen, send: Send) -> None:
        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, wrapped)


def _key(request: Request) -> str | None:
    """The key as it was given; the scheme's name is not case-sensitive (RFC 9110)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("x-api-key") or None


async def _body(request: Request, most: int) -> bytes | None:
    """The body; None as soon as it is, or says that it will be, larger than `most` bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > most:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            return None
    return bytes(body)


def _problem(refused: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        refused.problem(),
        status_code=refused.status,
        headers=_HEADERS | dict(headers or {}),
        media_type="application/problem+json",
    )


def _not_here(_: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    return _problem(Refusal(status, HTTPStatus(status).phrase), headers)


def _database_away(_: Request, __: Exception) -> Response:
    log.warning("database away")
    detail = "Nothing is certain to be stored. Hand it in again: the same event has its effect once."
    return _problem(Refusal(503, "The database cannot be reached", detail=detail), {"Retry-After": "30"})


def _hung_up(_: Request, __: Exception) -> Response:
    return _problem(Refusal(400, "The connection was closed before the body was whole"))


def _our_fault(_: Request, __: Exception) -> Response:
    detail = "The fault is ours and is in our log. Hand it in again later: the same event has its effect once."
    return _problem(Refusal(500, "Something went wrong", detail=detail))
