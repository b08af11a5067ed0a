"""One call over HTTP, and what its answer means. No error's words hold an address, a secret or anything of anybody."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from bot.klant.why import LaterError, NeverError

PATIENCE_S: Final = 20.0
LARGEST: Final = 1_000_000
#: Somebody has to mend something first.
MENDING: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(days=1)
_NAME: Final = re.compile(r"[\w.\-]{1,80}")


class Wire:
    """Calls to one place; an answer may take `patience_s` seconds."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        headers: Mapping[str, str] | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._client, self._headers = client, dict(headers or {})
        self._timeout = aiohttp.ClientTimeout(total=patience_s)

    async def call(
        self,
        method: str,
        url: str,
        *,
        now: datetime,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        fine: Collection[int] = (),
    ) -> tuple[int, Mapping[str, str], bytes]:
        """The answer's status, headers and body: a 2xx, or one of `fine`. Raises LaterError, NeverError."""
        try:
            async with self._client.request(
                method,
                url,
                data=body,
                params=params,
                headers={**self._headers, **(headers or {})},
                allow_redirects=False,  # who is sent elsewhere would take the secret along
                timeout=self._timeout,
            ) as answer:
                told = await answer.content.read(LARGEST)
                status, known = answer.status, dict(answer.headers)
        except TimeoutError:
            raise LaterError("It gave no answer in time.", everything=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            kind = type(error).__name__
            raise LaterError("It cannot be reached ({error}).", everything=True, error=kind) from None
        if 200 <= status < 300 or status in fine:
            return status, known, told
        raise _fault(method, status, known, told, now)


def _fault(method: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> LaterError | NeverError:
    wait = retry_after(headers, now)
    if status in {401, 403}:
        return LaterError(
            "It does not let us in ({status}): the secret is wrong, or may not do this.",
            status=status,
            wait=wait or MENDING,
            everything=True,
        )
    if status == 429:
        return LaterError("It wants us to wait ({status}).", status=status, wait=wait, everything=True)
    if status in {502, 503, 504}:
        return LaterError("It is away ({status}).", status=status, wait=wait, everything=True)
    if status >= 500 or status in {408, 425}:
        return LaterError("It failed ({status}).", status=status, wait=wait)
    if 300 <= status < 400:
        return LaterError(
            "It sends us on to another address ({status}). Set that one.", status=status, wait=MENDING, everything=True
        )
    if status == 410 or (status in {404, 405} and method == "POST"):
        return LaterError(
            "It does not take this at that address ({status}).", status=status, wait=wait or MENDING, everything=True
        )
    if wrong := _wrong(body):
        return NeverError("It refused this ({status}): {fields}.", status=status, fields=", ".join(wrong), wrong=wrong)
    return NeverError("It refused this ({status}).", status=status)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long we are asked to wait, in seconds or until a date; a day at most. None: nothing was said."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if said.isascii() and said.isdigit():
        wait = timedelta(seconds=min(int(said[:9]), LONGEST_WAIT.total_seconds()))
    else:
        try:
            until = parsedate_to_datetime(said)
        except ValueError:
            return None
        wait = min((until if until.tzinfo else until.replace(tzinfo=UTC)) - now, LONGEST_WAIT)
    return max(wait, timedelta(seconds=1))


def record(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises LaterError: a page of some proxy says nothing about what happened behind it."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LaterError("It answered with something that is no JSON object.")
    return found


def _wrong(body: bytes) -> list[str]:
    """The names and codes of what was wrong, as the Dutch API standard has them; never the reasons, which may quote."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    wrong = found.get("invalidParams") if isinstance(found, dict) else None
    told = []
    for one in wrong if isinstance(wrong, list) else []:
        said = [one.get("name"), one.get("code")] if isinstance(one, dict) else []
        words = [word for word in said if isinstance(word, str) and _NAME.fullmatch(word)]
        if words:
            told.append(" ".join(words))
    return told[:5]
