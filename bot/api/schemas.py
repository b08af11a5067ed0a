"""The shapes of what goes in and out, for the OpenAPI document. Its words are Dutch."""

from typing import Any

from bot.signals.cloudevent import LARGEST_BATCH
from bot.signals.desk import CARD, REFERENCE, TEAM_LENGTH, TYPE


def schemas() -> dict[str, Any]:
    """The components by name."""
    moment = {"type": "string", "format": "date-time"}
    event = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": ref("EventId"),
        "source": ref("EventSource"),
        "type": ref("EventType"),
        "time": ref("EventTime"),
        "datacontenttype": {"type": "string", "examples": ["application/json"]},
        "dataschema": {"type": "string", "format": "uri"},
        "data": ref("SignalData"),
    }
    kind: dict[str, Any] = {
        "type": "string",
        "pattern": f"^{TYPE.pattern}$",
        "description": "Wat er is gebeurd. Welke typen uw sleutel mag gebruiken, is bij uitgifte afgesproken.",
    }
    card: dict[str, Any] = {
        "type": "string",
        "pattern": f"^{CARD.pattern}$",
        "description": "De dienstkaart waarover het gaat; zonder deze gaat het over elke kaart die op het type let.",
    }
    return {
        "EventId": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "Uniek binnen de bron, bijvoorbeeld een UUID. Geen nummer van een persoon.",
        },
        "EventSource": {
            "type": "string",
            "format": "uri-reference",
            "description": "De bron die bij de sleutel hoort.",
        },
        "EventType": kind,
        "EventTime": moment | {"description": "Wanneer het signaal is vastgelegd (RFC 3339, met zone)."},
        "Signal": {
            "type": "object",
            "description": "Een CloudEvent 1.0 volgens het NL GOV-profiel.",
            "required": ["specversion", "id", "source", "type"],
            "properties": event,
            "patternProperties": {"^[a-z0-9]{1,20}$": {}},
            "additionalProperties": False,
        },
        "SignalBatch": {"type": "array", "maxItems": LARGEST_BATCH, "items": ref("Signal")},
        "SignalData": {
            "type": "object",
            "description": "Alleen deze velden; elk ander veld wordt geweigerd.",
            "additionalProperties": False,
            "properties": {
                "deelnemer": {
                    "type": "string",
                    "pattern": f"^{REFERENCE.pattern}$",
                    "description": (
                        "De verwijzing die met een code uit een brief of van de balie is gekoppeld. Betekent nergens "
                        "anders iets; een BSN wordt geweigerd. Zonder deelnemer geldt een kalendersignaal voor "
                        "iedereen die het thema koos; bij elke andere herkomst is hij verplicht."
                    ),
                },
                "kaart": card,
                "team": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": TEAM_LENGTH,
                    "description": "Welk team dit voorstelt. De inwoner leest dit bij ‘Waarom krijg ik dit?’.",
                },
                "instemming": {
                    "type": "boolean",
                    "const": True,
                    "description": "De persoon is het ermee eens. Verplicht als een professional iets voorstelt.",
                },
                "gebeurtenisOp": {
                    "type": "string",
                    "format": "date",
                    "description": (
                        "De dag van de gebeurtenis, als dat een andere is dan die van `time`. Alleen bij een "
                        "kalendersignaal mag die in de toekomst liggen."
                    ),
                },
                "uiterlijk": {
                    "type": "string",
                    "format": "date",
                    "description": "De laatste dag van een termijn. Niet samen met `gebeurtenisOp`.",
                },
            },
        },
        "Receipts": {
            "type": "object",
            "required": ["receipts"],
            "properties": {"receipts": {"type": "array", "items": ref("Receipt")}},
        },
        "Receipt": {
            "type": "object",
            "required": ["event", "id", "fresh"],
            "properties": {
                "event": {"type": "string", "description": "De `id` van het signaal, zoals aangeleverd."},
                "id": {"type": "string", "description": "Ons nummer van het signaal."},
                "fresh": {"type": "boolean", "description": "Onwaar: dit signaal was al eerder aangenomen."},
            },
        },
        "Health": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"type": "string", "enum": ["live", "ready"]}},
        },
        "Problem": {
            "type": "object",
            "description": "Een probleem volgens RFC 9457.",
            "required": ["type", "title", "status"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string"},
                "faults": {"type": "array", "items": ref("Fault")},
            },
        },
        "Fault": {
            "type": "object",
            "required": ["attribute", "value", "mend"],
            "properties": {
                "attribute": {"type": "string", "description": "Waar het zit, bijvoorbeeld `[2].data.kaart`."},
                "value": {"type": "string", "description": "Wat er stond; `…` als het over een persoon kan gaan."},
                "mend": {"type": "string", "description": "Wat eraan te doen is."},
            },
        },
    }


def header(name: str, description: str, schema: dict[str, Any], example: str) -> dict[str, Any]:
    """A header of a request that may be left out."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
        "example": example,
    }


def ref(name: str) -> dict[str, Any]:
    """A component by its name in `schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}
