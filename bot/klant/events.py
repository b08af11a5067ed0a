"""Events for whoever has something else than Open Klant: CloudEvents, signed as Standard Webhooks has it."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import aiohttp

from bot.klant.places import EventsAt
from bot.klant.wire import PATIENCE_S, Wire

TYPE: Final = "application/cloudevents+json; charset=utf-8"


class Events:
    """Each try has the event's own id, by which the receiver knows it again, and a time and signature of its own."""

    def __init__(
        self,
        at: EventsAt,
        client: aiohttp.ClientSession,
        clock: Callable[[], datetime],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._at, self._clock = at, clock
        self._wire = Wire(client, patience_s=patience_s)

    async def send(self, event: Mapping[str, Any]) -> None:
        """Raises LaterError, NeverError."""
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        now = self._clock()
        headers = {"Content-Type": TYPE, **signed(event["id"], now, body, self._at.keys)}
        await self._wire.call("POST", self._at.url, now=now, body=body, headers=headers)

    async def look(self) -> None:
        """Whether anybody is there; what they answer to OPTIONS says nothing else. Raises LaterError."""
        everything = range(100, 600)
        await self._wire.call("OPTIONS", self._at.url, now=self._clock(), fine=everything)


def signed(id_: str, at: datetime, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each key."""
    seconds = str(int(at.timestamp()))
    content = b".".join((id_.encode(), seconds.encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id_,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
