"""CloudEvents 1.0 over HTTP, in its three shapes: structured, batch and binary."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, tzinfo
from typing import Final
from urllib.parse import unquote

from cloudevents.core.bindings.http import CE_PREFIX
from cloudevents.core.formats.json import JSONFormat

from bot.core.facts import Origin
from bot.signals.desk import Desk, Fault, Incoming, Source, is_json, shown
from bot.signals.problem import Refusal, refusal

STRUCTURED: Final = JSONFormat.CONTENT_TYPE
BATCH: Final = "application/cloudevents-batch+json"
LARGEST_BATCH: Final = 500


def from_cloudevent(
    headers: Mapping[str, str],
    body: bytes,
    source: Source,
    known: Mapping[str, Origin],
    *,
    cards: Collection[str],
    zone: tzinfo,
    now: datetime,
) -> list[Incoming] | Refusal:
    """The signals of one request, or why none of them is taken: a batch is taken whole or not at all.

    `known` and `cards` are what the service cards answer (`known_types`); `zone` is the municipality's, for dates.
    """
    desk = Desk(source=source, known=known, cards=cards, zone=zone, now=now)
    names = {name.lower(): value for name, value in headers.items()}
    content_type = names.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == BATCH:
        return _batch(body, desk)
    if media_type == STRUCTURED:
        return _structured(body, desk)
    if any(name.startswith(CE_PREFIX) for name in names):
        return _binary(names, content_type, body, desk)
    mend = f"write {STRUCTURED}, {BATCH}, or application/json with the attributes in {CE_PREFIX} headers"
    return Refusal(415, "This is not a CloudEvent", (Fault("content-type", shown(content_type), mend),))


def _structured(body: bytes, desk: Desk) -> list[Incoming] | Refusal:
    try:
        event = _read(body)
    except ValueError as error:
        return _unreadable(error)
    return _judge([event], desk, numbered=False)


def _batch(body: bytes, desk: Desk) -> list[Incoming] | Refusal:
    try:
        events = _read(body)
    except ValueError as error:
        return _unreadable(error)
    if not isinstance(events, list):
        return Refusal(400, "This is not a batch", detail="The body is not a JSON array of events.")
    if len(events) > LARGEST_BATCH:
        detail = f"{len(events)} events in one batch; hand in at most {LARGEST_BATCH} at a time."
        return Refusal(413, "The batch is too large", detail=detail)
    return _judge(events, desk, numbered=True)


def _binary(names: Mapping[str, str], content_type: str, body: bytes, desk: Desk) -> list[Incoming] | Refusal:
    attributes: dict[str, object] = {
        name.removeprefix(CE_PREFIX): unquote(value) for name, value in names.items() if name.startswith(CE_PREFIX)
    }
    data: object = None
    if body:
        if not is_json(content_type):
            fault = Fault("content-type", shown(content_type), "give the data as application/json")
            return Refusal(415, "The data is not JSON", (fault,))
        try:
            data = _read(body)
        except ValueError as error:
            return _unreadable(error)
    return _judge([attributes | {"data": data}], desk, numbered=False)


def _judge(events: list[object], desk: Desk, *, numbered: bool) -> list[Incoming] | Refusal:
    taken: list[Incoming] = []
    faults: list[Fault] = []
    for number, event in enumerate(events):
        place = f"[{number}]" if numbered else ""
        if not isinstance(event, dict):
            faults.append(Fault(place or "body", "…", "give each event as a JSON object"))
            continue
        judged = desk.judge({name: value for name, value in event.items() if name != "data"}, event.get("data"))
        if isinstance(judged, Incoming):
            taken.append(judged)
        else:
            within = f"{place}." if numbered else ""
            faults += [Fault(within + f.attribute, f.value, f.mend, forbidden=f.forbidden) for f in judged]
    return refusal(faults) if faults else taken


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice in one object")
    return members


def _never(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON number")


_JSON: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_never)


def _read(body: bytes) -> object:
    """The JSON value in `body`. Raises ValueError for what is not JSON, names a member twice or is nested too deep."""
    try:
        return _JSON.decode(body.decode())
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _unreadable(error: ValueError) -> Refusal:
    # The decoder's own words name a place, never the text: UnicodeDecodeError's would quote the body.
    why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
    return Refusal(400, "The body cannot be read", detail=f"This is not the JSON that was announced: {why}.")
