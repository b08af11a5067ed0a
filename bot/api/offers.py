"""An offer as it comes in over HTTP: a small JSON object, read before anybody judges it."""

import json
from collections.abc import Callable, Mapping

from bot.offers import Offered
from bot.signals import Fault, Refusal, Source
from bot.signals.desk import is_json, shown

Offer = Callable[[Source, Mapping[str, object]], Offered | Refusal]


def read_offer(content_type: str, body: bytes) -> Mapping[str, object] | Refusal:
    """What the offer says; a refusal for what is no JSON object."""
    if not is_json(content_type):
        return Refusal(415, "This is not JSON", (Fault("content-type", shown(content_type), "write application/json"),))
    try:
        said = json.loads(body.decode())
    except (ValueError, RecursionError):
        return Refusal(400, "The body cannot be read", detail="This is not the JSON that was announced.")
    if not isinstance(said, dict):
        return Refusal(422, "The offer is not fit to be taken in", (Fault("body", "…", "give one JSON object"),))
    return said
