"""Who may hand something in, how often and how much; and how a refusal looks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.api.document import API_VERSION
from bot.api.keyring import Keyring
from bot.api.pace import Pace, neighbourhood
from bot.signals import Refusal, Source

HEADERS: Final = {
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
    """How much one request may bring (`body`, in bytes), how often one key may knock, and one address with wrong keys.

    The counts are of one process: with several behind one address, each lets as much in.
    """

    body: int = 256 * 1024
    per_minute: int = 600
    wrong_per_minute: int = 30


#: What one key may bring when nobody says otherwise.
USUAL: Final = Limits()


class Door:
    """Lets in who has a key, within `limits`."""

    def __init__(self, keyring: Keyring, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._keyring = keyring
        self._limits = limits
        self._knocks = Pace(limits.per_minute, clock)
        self._guesses = Pace(limits.wrong_per_minute, clock)

    async def let_in(self, request: Request) -> tuple[Source, bytes] | Response:
        """Who hands something in and what; or the answer to who may not, or brings too much."""
        source = await self._owner(request)
        if isinstance(source, Response):
            return source
        if not self._knocks.knock(source.name):
            detail = f"At most {self._limits.per_minute} requests a minute with one key; put several events in a batch."
            return _too_many(detail, self._knocks.wait_s(source.name))
        body = await _body(request, self._limits.body)
        if body is None:
            detail = f"At most {self._limits.body} bytes in one request; hand in fewer events at a time."
            return problem(Refusal(413, "The body is too large", detail=detail))
        return source, body

    async def _owner(self, request: Request) -> Source | Response:
        key = _key(request)
        address = neighbourhood(request.client and request.client.host)
        # Whoever guesses is no longer looked up; a key that opened before still does, so that a guesser who shares an
        # address with a source (a proxy's) does not shut it out.
        if (wait_s := self._guesses.wait_s(address)) and not (key and self._keyring.opened(key)):
            return _too_many("Too many wrong keys came from this address.", wait_s)
        source = await self._keyring.owner(key) if key else None
        if source is None:
            self._guesses.knock(address)
            detail = "Give the key of your source in Authorization: Bearer …, or in X-API-Key."
            refused = Refusal(401, "The key is missing, unknown or revoked", detail=detail)
            return problem(refused, {"WWW-Authenticate": "Bearer"})
        return source


def _too_many(detail: str, wait_s: int) -> Response:
    return problem(Refusal(429, "Too many requests", detail=detail), {"Retry-After": str(wait_s)})


def problem(refused: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """The refusal as problem+json (RFC 9457)."""
    return JSONResponse(
        refused.problem(),
        status_code=refused.status,
        headers=HEADERS | dict(headers or {}),
        media_type="application/problem+json",
    )


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
