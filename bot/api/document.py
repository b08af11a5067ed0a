"""What the interface looks like, as OpenAPI 3.1. Its words are Dutch, as the API Design Rules want (domain.md 4.5)."""

from typing import Any, Final

from bot.api import opened
from bot.api.schemas import header, ref, schemas
from bot.signals.cloudevent import BATCH, LARGEST_BATCH, STRUCTURED

API_VERSION: Final = "1.0.0"

_SOURCE = "urn:nld:oin:00000001234567890000:systeem:kalender"
_DESK = "urn:nld:oin:00000001234567890000:systeem:wijkteam"
_OFFER = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
_CALENDAR: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "f3dce042-cd6e-4977-844d-05be8dce7cea",
    "source": _SOURCE,
    "type": "nl.kalenders.aanvraagtermijn-nadert.v1",
    "time": "2026-06-15T07:00:00Z",
    "datacontenttype": "application/json",
    "data": {"kaart": "zorgtoeslag", "uiterlijk": "2026-09-01"},
}
_PROPOSED: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "0b6a2c0e-7a57-4f0e-9a4f-2f0c6f6a2a10",
    "source": _DESK,
    "type": _OFFER,
    "time": "2026-06-15T09:12:00Z",
    "datacontenttype": "application/json",
    "data": {
        "deelnemer": "p_7Qk2mVn4xZ",
        "kaart": "stadspas",
        "team": "Wijkteam Noord",
        "instemming": True,
    },
}
_RECEIPTS: Final[dict[str, Any]] = {
    "receipts": [
        {"event": "f3dce042-cd6e-4977-844d-05be8dce7cea", "id": "0198c1f2b7c47d3e9a10", "fresh": True},
    ]
}


def document(*, body: int, per_minute: int) -> dict[str, Any]:
    """The whole document. `body` is the most bytes in a request, `per_minute` the most requests of one key."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Handreiking",
            "version": API_VERSION,
            "description": (
                "Signalen aanleveren aan Handreiking: berichten over hulp en regelingen, aan inwoners die daarom "
                "hebben gevraagd. Een signaal zegt dat iets is gebeurd waardoor een regeling voor iemand van belang "
                "kan zijn. Het zegt niets over recht op die regeling.\n\n"
                "Signalen volgen CloudEvents 1.0 met het NL GOV-profiel 1.1. Hetzelfde signaal (dezelfde `source` en "
                "`id`) heeft één keer gevolg, hoe vaak het ook wordt aangeleverd. Lever dus gerust opnieuw aan als "
                "een antwoord uitblijft.\n\n"
                "Lever nooit een BSN, naam, geboortedatum, bedrag of schuld aan: die velden worden geweigerd."
            ),
            "contact": {"name": "De beheerder van Handreiking bij uw gemeente"},
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": "/", "description": "De server die dit document geeft"}],
        "tags": [
            {"name": "Signalen", "description": "Signalen aanleveren"},
            {"name": "Dienstkaarten", "description": "De kaarten, voor iedereen"},
            {"name": "Gezondheid", "description": "Voor wie de dienst draaiend houdt"},
            {"name": "Beschrijving", "description": "Dit document"},
        ],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": {
            "/v1/signals": {"post": _hand_in(body, per_minute)},
            **opened.paths(_REFUSED),
            "/health/live": {"get": _health("isLive", "Leeft het proces?", "Het proces leeft.", "live", ready=False)},
            "/health/ready": {
                "get": _health(
                    "isReady", "Kan er worden aangeleverd?", "Er kan worden aangeleverd.", "ready", ready=True
                )
            },
            "/openapi.json": {"get": _itself()},
        },
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "De sleutel van uw bron. U krijgt hem één keer te zien.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "Dezelfde sleutel, voor wie geen Authorization-kop kan sturen.",
                },
            },
            "schemas": schemas() | opened.schemas(),
            "responses": _refusals(),
            "headers": _headers() | opened.headers(),
        },
    }


def _hand_in(body: int, per_minute: int) -> dict[str, Any]:
    examples = {
        "kalender": {"summary": "Een termijn nadert, voor iedereen die het thema koos", "value": _CALENDAR},
        "professional": {"summary": "Een professional stelt iets voor, na overleg", "value": _PROPOSED},
    }
    return {
        "tags": ["Signalen"],
        "operationId": "handInSignals",
        "summary": "Lever één of meer signalen aan",
        "description": (
            f"Drie vormen: gestructureerd (`{STRUCTURED}`), in een bundel (`{BATCH}`, hoogstens {LARGEST_BATCH} "
            "signalen) en binair (`application/json` met de attributen in `ce-`-koppen). Een bundel wordt in zijn "
            "geheel aangenomen of in zijn geheel geweigerd; bij weigering staan alle fouten in het antwoord. "
            f"Een verzoek is hoogstens {body} bytes groot, en een sleutel doet hoogstens {per_minute} verzoeken per "
            "minuut. Het attribuut `subject` is niet toegestaan: zet de verwijzing naar een persoon in "
            "`data.deelnemer`."
        ),
        "parameters": [
            header("ce-specversion", "Alleen bij de binaire vorm.", {"type": "string", "const": "1.0"}, "1.0"),
            header("ce-id", "Alleen bij de binaire vorm.", ref("EventId"), _CALENDAR["id"]),
            header("ce-source", "Alleen bij de binaire vorm.", ref("EventSource"), _SOURCE),
            header("ce-type", "Alleen bij de binaire vorm.", ref("EventType"), _CALENDAR["type"]),
            header("ce-time", "Alleen bij de binaire vorm.", ref("EventTime"), _CALENDAR["time"]),
        ],
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": ref("Signal"), "examples": examples},
                BATCH: {
                    "schema": ref("SignalBatch"),
                    "examples": {"bundel": {"summary": "Twee signalen tegelijk", "value": [_CALENDAR, _PROPOSED]}},
                },
                "application/json": {
                    "schema": ref("SignalData"),
                    "examples": {"binair": {"summary": "De gegevens bij de binaire vorm", "value": _CALENDAR["data"]}},
                },
            },
        },
        "responses": {
            "202": {
                "description": "Aangenomen en duurzaam vastgelegd. De ontvangstbewijzen staan op volgorde.",
                "headers": {"API-Version": {"$ref": "#/components/headers/API-Version"}},
                "content": {"application/json": {"schema": ref("Receipts"), "example": _RECEIPTS}},
            },
            **{status: {"$ref": f"#/components/responses/{name}"} for status, name in _REFUSED.items()},
        },
    }


_REFUSED: Final = {
    "400": "Unreadable",
    "401": "NoKey",
    "403": "NotAllowed",
    "413": "TooLarge",
    "415": "NotACloudEvent",
    "422": "NotFit",
    "429": "TooMany",
    "500": "OurFault",
    "503": "Away",
}


def _refusals() -> dict[str, Any]:
    faults = [{"attribute": "data.bedrag", "value": "…", "mend": "leave it out; we keep only: deelnemer, kaart, …"}]
    scope = [{"attribute": "type", "value": _OFFER, "mend": f"with this key use one of: {_CALENDAR['type']}"}]
    shape = [{"attribute": "content-type", "value": "text/csv", "mend": f"write {STRUCTURED}, {BATCH}, or …"}]
    retry = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return {
        "Unreadable": _refused(400, "De inhoud is geen leesbare JSON.", "The body cannot be read"),
        "NoKey": _refused(
            401,
            "De sleutel ontbreekt, is onbekend of is ingetrokken.",
            "The key is missing, unknown or revoked",
            headers={"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}},
        ),
        "NotAllowed": _refused(
            403,
            "Deze sleutel mag dit signaal niet aanleveren: een andere bron, een ander type, of een signaal uit een "
            "registratie zonder vastgelegde grondslag en DPIA.",
            "This key may not hand in this signal",
            faults=scope,
        ),
        "TooLarge": _refused(413, "Het verzoek of de bundel is te groot.", "The body is too large"),
        "NotACloudEvent": _refused(
            415, "Dit is geen CloudEvent in een van de drie vormen.", "This is not a CloudEvent", faults=shape
        ),
        "NotFit": _refused(
            422,
            "Het signaal past niet. Alle fouten staan erbij, elk met het attribuut en wat eraan te doen is; in een "
            "bundel staat het volgnummer ervoor, vanaf [0].",
            "The signal is not fit to be taken in",
            faults=faults,
        ),
        "TooMany": _refused(429, "Te veel verzoeken met deze sleutel.", "Too many requests", headers=retry),
        "OurFault": _refused(500, "Een fout aan onze kant. Opnieuw aanleveren mag.", "Something went wrong"),
        "Away": _refused(
            503, "De database is even niet bereikbaar. Opnieuw aanleveren mag.", "The database cannot be reached",
            headers=retry,
        ),
    }  # fmt: skip


def _refused(
    status: int,
    description: str,
    title: str,
    *,
    faults: list[dict[str, str]] | None = None,
    headers: dict[str, Any] | None = None,
) -> dict[str, Any]:
    example: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if faults:
        example |= {"detail": f"1 to mend: {faults[0]['attribute']}", "faults": faults}
    return {
        "description": description,
        "headers": {"API-Version": {"$ref": "#/components/headers/API-Version"}, **(headers or {})},
        "content": {"application/problem+json": {"schema": ref("Problem"), "example": example}},
    }


def _headers() -> dict[str, Any]:
    return {
        "API-Version": {
            "description": "De volledige versie van deze interface.",
            "schema": {"type": "string", "examples": [API_VERSION]},
        },
        "Retry-After": {
            "description": "Na hoeveel seconden het weer kan.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "WWW-Authenticate": {
            "description": "Hoe u zich bekend maakt.",
            "schema": {"type": "string", "examples": ["Bearer"]},
        },
    }


def _health(operation: str, summary: str, description: str, status: str, *, ready: bool) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {
            "description": description,
            "headers": {"API-Version": {"$ref": "#/components/headers/API-Version"}},
            "content": {"application/json": {"schema": ref("Health"), "example": {"status": status}}},
        }
    }
    if ready:
        responses["503"] = _refused(503, "Er ontbreekt nog iets; `detail` zegt wat.", "Not ready yet")
    return {
        "tags": ["Gezondheid"],
        "operationId": operation,
        "summary": summary,
        "description": f"{summary} Zonder sleutel op te vragen.",
        "security": [],
        "responses": responses,
    }


def _itself() -> dict[str, Any]:
    return {
        "tags": ["Beschrijving"],
        "operationId": "describe",
        "summary": "Dit document",
        "description": "De beschrijving van deze interface. Zonder sleutel op te vragen.",
        "security": [],
        "responses": {
            "200": {
                "description": "OpenAPI 3.1.",
                "headers": {"API-Version": {"$ref": "#/components/headers/API-Version"}},
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    }
