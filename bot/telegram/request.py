"""The Bot API over aiohttp, with python-telegram-bot's mapping of errors.

Its own client, on httpx, needs eight times the CPU and folds what never left together with what may have arrived.
"""

import asyncio
import json
from typing import Any

import aiohttp
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

# A connection that the server is about to close swallows the request; a fresh one costs a few milliseconds.
KEEP_ALIVE_S = 5.0

_CONNECTING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)
_JSON = {"Content-Type": "application/json"}


class NeverLeftError(Exception):
    """The cause of a NetworkError or TimedOut whose request was not sent: it had no effect and may be repeated."""


class AiohttpRequest(BaseRequest):
    """A client for one event loop, without retries.

    A failure before the request left has a `NeverLeftError` as its cause; after any other failure the call may have
    had its effect. No error carries the URL, because the token stands in it.
    """

    __slots__ = (
        "_connect",
        "_connections",
        "_loop",
        "_media_write",
        "_pool",
        "_read",
        "_session",
        "_trust_env",
        "_write",
    )

    def __init__(
        self,
        *,
        connections: int = 256,
        read_timeout: float | None = 5.0,
        write_timeout: float | None = 5.0,
        connect_timeout: float | None = 5.0,
        pool_timeout: float | None = 1.0,
        media_write_timeout: float | None = 20.0,
        trust_env: bool = False,
    ) -> None:
        """Times are in seconds, None waits for ever. With `trust_env` the proxy comes from HTTPS_PROXY and the like."""
        self._connections = connections
        self._read = read_timeout
        self._write = write_timeout
        self._connect = connect_timeout
        self._pool = pool_timeout
        self._media_write = media_write_timeout
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def read_timeout(self) -> float | None:
        return self._read

    async def initialize(self) -> None:
        """Open the session in the running event loop. Doing it twice does nothing."""
        loop = asyncio.get_running_loop()
        if self._session is not None and not self._session.closed and self._loop is loop:
            return
        self._loop = loop
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.USER_AGENT},
            trust_env=self._trust_env,
        )

    async def shutdown(self) -> None:
        """Close the session. Calls in flight fail."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # The timeouts are `Any` because their type, `ODVInput`, is not public.
    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """The status and the body of the answer. Raises TimedOut or NetworkError."""
        if self._session is None or self._session.closed:
            raise NetworkError("The client is not open") from NeverLeftError("initialize() was not called")
        body, headers = _body(request_data)
        files = not isinstance(body, bytes)
        read = _chosen(read_timeout, self._read)
        write = _chosen(write_timeout, self._media_write if files else self._write)
        connect = _chosen(connect_timeout, self._connect)
        reach = _sum(_chosen(pool_timeout, self._pool), connect)
        # aiohttp has no limit for writing alone; the total holds it.
        timeout = aiohttp.ClientTimeout(
            total=_sum(reach, _sum(write, read)), connect=reach, sock_connect=connect, sock_read=read
        )
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, OSError) as error:
            never_left = NeverLeftError(type(error).__name__) if isinstance(error, _CONNECTING) else None
            raise _translated(error) from never_left

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer as an object.

        Raises TelegramError for anything else, such as the page of a proxy. The body is not logged, as PTB does,
        because a citizen's words may stand in it.
        """
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not (
            "result" in answer or "description" in answer or answer.get("ok") is False
        ):
            raise TelegramError("Invalid server response")
        return answer


def _body(request_data: RequestData | None) -> tuple[bytes | aiohttp.FormData, dict[str, str] | None]:
    if request_data is None:
        return b"", None
    if not request_data.contains_files:
        asked = request_data.parameters
        return (json.dumps(asked).encode(), _JSON) if asked else (b"", None)
    parts = aiohttp.FormData(default_to_multipart=True)
    for name, value in request_data.json_parameters.items():
        parts.add_field(name, value)
    for name, (filename, content, mime) in request_data.multipart_data.items():
        parts.add_field(name, content, filename=filename, content_type=mime)
    return parts, None


def _chosen(given: Any, usual: float | None) -> float | None:
    if given is None or isinstance(given, (int, float)):
        return given
    return usual


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _translated(error: aiohttp.ClientError | OSError) -> NetworkError:
    name = f"aiohttp.{type(error).__name__}"
    match error:
        case aiohttp.ConnectionTimeoutError():
            return TimedOut("No connection in time. Request was *not* sent to Telegram.")
        case TimeoutError():
            return TimedOut()
        case aiohttp.ClientConnectorError():
            return NetworkError(f"{name}: {error.os_error.strerror or type(error.os_error).__name__}")
        case _:
            return NetworkError(name)
