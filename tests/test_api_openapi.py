import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import validate

from bot import api, offers, signals, wording
from bot.signals import Source
from bot.signals.cloudevent import BATCH, STRUCTURED

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
SHIPPED = wording.load()
CARDS = frozenset(SHIPPED.cards)
KNOWN = signals.known_types(card.facts() for card in SHIPPED.cards.values())
METHODS = {"get", "post", "put", "patch", "delete"}


def built():
    return api.build(
        receive=lambda incoming: [],
        sources=lambda key: Source(name=key, types=frozenset(KNOWN)),
        offer=lambda source, said: offers.Offered("e", "i", True),
        wording=lambda: SHIPPED,
        clock=lambda: NOW,
    )


@pytest.fixture
async def document():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(built()), base_url="http://bot.example") as client:
        response = await client.get("/openapi.json")
    assert response.headers["access-control-allow-origin"] == "*"
    return response.json()


def operations(document):
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def resolved(document, part):
    while "$ref" in part:
        found = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def follows(document, schema, value):
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_the_document_is_openapi(document):
    validate(document)


def test_the_document_describes_every_route_and_no_other(document):
    routes = {(route.path, method.lower()) for route in built().routes for method in route.methods - {"HEAD"}}

    assert {(path, method) for path, method, _ in operations(document)} == routes


def test_every_operation_says_in_dutch_what_it_is(document):
    for _, _, operation in operations(document):
        assert operation["operationId"]
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
    assert "Signalen" in document["info"]["description"]


def test_every_example_follows_its_schema(document):
    checked = 0
    for _, _, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *(resolved(document, r) for r in operation["responses"].values())]
        for body in bodies:
            for content in body.get("content", {}).values():
                values = [example["value"] for example in content.get("examples", {}).values()]
                values += [content["example"]] if "example" in content else []
                for value in values:
                    follows(document, content["schema"], value)
                    checked += 1
        for parameter in operation.get("parameters", []):
            follows(document, parameter["schema"], parameter["example"])
    assert checked >= 15


@pytest.mark.parametrize("media_type", [STRUCTURED, BATCH, "application/json"])
def test_every_example_of_a_request_is_taken_by_the_border(document, media_type):
    content = document["paths"]["/v1/signals"]["post"]["requestBody"]["content"][media_type]
    for example in content["examples"].values():
        whole = example["value"]
        events = whole if isinstance(whole, list) else [whole]
        headers = {"content-type": media_type}
        if media_type == "application/json":
            parameters = document["paths"]["/v1/signals"]["post"]["parameters"]
            headers |= {parameter["name"]: parameter["example"] for parameter in parameters}
            sources = {headers["ce-source"]}
        else:
            sources = {event["source"] for event in events}
        for source in sources:
            ours = [event for event in events if event.get("source", source) == source]
            body = json.dumps(ours if media_type == BATCH else whole).encode()

            taken = signals.from_cloudevent(
                headers,
                body,
                Source(name=source, types=frozenset(KNOWN)),
                KNOWN,
                cards=CARDS,
                zone=ZoneInfo("Europe/Amsterdam"),
                now=NOW,
            )

            assert isinstance(taken, list), taken.problem()


@pytest.mark.parametrize(
    "data", [{"naam": "x"}, {"deelnemer": "a b"}, {"instemming": False}, {"team": ""}, {"kaart": "X"}]
)
def test_what_the_border_refuses_the_schema_refuses_too(document, data):
    with pytest.raises(ValidationError):
        follows(document, document["components"]["schemas"]["SignalData"], data)


def test_every_refusal_that_signals_can_get_is_a_problem_in_the_document(document):
    responses = document["paths"]["/v1/signals"]["post"]["responses"]
    refused = {status: resolved(document, response) for status, response in responses.items() if status != "202"}

    assert set(refused) == {"400", "401", "403", "413", "415", "422", "429", "500", "503"}
    for status, response in refused.items():
        [(media_type, content)] = response["content"].items()
        assert media_type == "application/problem+json"
        assert content["example"]["status"] == int(status)
    assert "Retry-After" in refused["429"]["headers"]


def test_only_who_hands_something_in_needs_a_key(document):
    assert document["security"] == [{"bearer": []}, {"apiKey": []}]
    free = {path for path, _, operation in operations(document) if operation.get("security") == []}
    assert free == {"/health/live", "/health/ready", "/openapi.json", "/v1/cards", "/v1/cards/{card}"}
