"""The part of the OpenAPI document about cards, which are for anybody, and about what professionals offer. In Dutch."""

from typing import Any, Final

from bot.api.schemas import header, ref
from bot.core.facts import Level, Origin, Sensitivity
from bot.signals.desk import CARD, TEAM_LENGTH
from bot.wording.cards import Allowed, Amount, Nature, PersonalData, Relation, Risk, Role

_SHORT: Final[dict[str, Any]] = {
    "id": "stadspas",
    "version": 1,
    "example": True,
    "theme": {"id": "free-time", "title": "Vrije tijd"},
    "name": "Stadspas",
    "plain": "Een pas om goedkoper of gratis mee te doen aan leuke dingen in de buurt.",
    "languages": ["nl", "en"],
}
_CARD: Final[dict[str, Any]] = _SHORT | {
    "language": "nl",
    "body": "Met de stadspas doet u goedkoper mee aan sport, musea en uitjes.",
    "whom": ["Voor inwoners die niet zo veel te besteden hebben."],
    "signs": ["Iemand is nieuw in de stad of laat een uitje schieten om het geld."],
    "said": ["Ik ben nieuw hier"],
    "contact": {
        "municipality": "Voorbeeldstad",
        "team": "het team Samen Verder",
        "phone": "010 000 00 00",
        "hours": "maandag tot en met vrijdag van 9.00 tot 17.00 uur",
        "website": "https://www.voorbeeldstad.example",
    },
    "official_page": {"url": "https://www.voorbeeldstad.example/stadspas", "checked_on": None},
    "sensitivity": "S1",
    "wanted": {
        "groups": ["inwoners met weinig geld"],
        "situations": ["nieuw in de stad"],
        "not_wanted": ["na een nee"],
    },
    "signals": [
        {
            "type": "nl.kalenders.pasjaar-begint.v1",
            "origin": "calendar",
            "meaning": "Het pasjaar begint",
            "data_used": [],
            "legal_basis": "Geen persoonsgegevens",
            "enabled": True,
            "window": {"earliest_day": -14, "latest_day": 60},
        }
    ],
    "related": [{"card": "kindpakket", "name": "Sport, muziek en school voor kinderen", "relation": "often_together"}],
    "providers": [
        {"name": "Bibliotheek", "role": "meets_people", "receives": ["deze kaart"], "personal_data": "never"}
    ],
    "reuse": [
        {
            "contact_item": "Nee",
            "useful_for": "Niemand",
            "allowed": "no",
            "legal": "Een weigering is geen signaal.",
            "practical": "Alleen in totalen van tien of meer.",
        }
    ],
    "weighing": {
        "need": "Veel mensen kennen de pas niet.",
        "own_responsibility": "Wie wil, vraagt de pas zelf aan.",
        "paternalism_risk": "low",
        "nature": "in_kind",
        "level": "inform",
        "because": "Iedereen mag het weten.",
    },
}
_OFFER: Final[dict[str, Any]] = {
    "kaart": "stadspas",
    "deelnemer": "p_7Qk2mVn4xZ",
    "door": "F. de Boer, Wijkteam Noord",
    "instemming": True,
}


def paths(refused: dict[str, str]) -> dict[str, Any]:
    """The paths. `refused` names, by status, the responses to who hands something in."""
    receipts = {"receipts": [{"event": "5f0c", "id": "0198c1f2b7c47d3e9a10", "fresh": True}]}
    return {
        "/v1/offers": {
            "post": {
                "tags": ["Signalen"],
                "operationId": "offer",
                "summary": "Bied als professional iets aan",
                "description": (
                    "Naar eigen inzicht van een professional, in overleg met de persoon. Alleen voor kaarten die dat "
                    "toestaan (`professional_discretion`) en alleen met instemming. Dezelfde kaart voor dezelfde "
                    "persoon heeft op één dag één keer gevolg. Het antwoord vertelt niet of er iemand achter de "
                    "verwijzing zit."
                ),
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref("Offer"), "example": _OFFER}},
                },
                "responses": {
                    "202": {
                        "description": "Aangenomen en duurzaam vastgelegd, met de instemming.",
                        "headers": {"API-Version": {"$ref": "#/components/headers/API-Version"}},
                        "content": {"application/json": {"schema": ref("Receipts"), "example": receipts}},
                    },
                    **{status: {"$ref": f"#/components/responses/{name}"} for status, name in refused.items()},
                },
            }
        },
        "/v1/cards": {
            "get": _get(
                "listCards",
                "De dienstkaarten in het kort",
                "Alle gepubliceerde kaarten. Zonder sleutel op te vragen; er staat niets over personen in.",
                ref("CardList"),
                {"language": "nl", "cards": [_SHORT]},
                [],
            )
        },
        "/v1/cards/{card}": {
            "get": _get(
                "showCard",
                "Eén dienstkaart in zijn geheel",
                "Wat het is, voor wie, hoe u het herkent en wie u kunt bellen, met wat er volgens NORA AP24 over is "
                "afgesproken. Zonder sleutel op te vragen; er staat niets over personen in.",
                ref("Card"),
                _CARD,
                [
                    {
                        "name": "card",
                        "in": "path",
                        "required": True,
                        "description": "De kaart, zoals in de lijst.",
                        "schema": {"type": "string", "pattern": f"^{CARD.pattern}$"},
                        "example": "stadspas",
                    }
                ],
            )
        },
    }


def schemas() -> dict[str, Any]:
    """The components by name."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    theme = {"type": "object", "required": ["id", "title"], "properties": {"id": text, "title": text}}
    short = {
        "id": {"type": "string", "pattern": f"^{CARD.pattern}$"},
        "version": {"type": "integer", "minimum": 1},
        "example": {"type": "boolean", "description": "Waar: een voorbeeld, geen besluit van een gemeente."},
        "theme": theme,
        "name": text,
        "plain": text | {"description": "In één zin."},
        "languages": texts | {"description": "Talen waarin de teksten voor inwoners er zijn."},
    }
    whole = short | {
        "language": text | {"description": "De taal van de teksten voor inwoners."},
        "body": text,
        "whom": texts | {"description": "Voor wie het is."},
        "signs": texts | {"description": "Hoe iemand in de buurt het herkent."},
        "said": texts | {"description": "Wat mensen er zelf over zeggen."},
        "contact": {"type": "object", "additionalProperties": text},
        "official_page": {
            "type": "object",
            "properties": {"url": text, "checked_on": {"type": ["string", "null"], "format": "date"}},
        },
        "sensitivity": {"type": "string", "enum": list(Sensitivity)},
        "amount": {"type": "string", "enum": list(Amount), "description": "Nooit een bedrag."},
        "professional_discretion": {"type": "boolean", "description": "Of een professional het zelf mag aanbieden."},
        "wanted": _object({"groups": texts, "situations": texts, "not_wanted": texts}, "AP24-1"),
        "signals": _list(
            {
                "type": text,
                "origin": {"type": "string", "enum": list(Origin)},
                "meaning": text,
                "data_used": texts,
                "legal_basis": text,
                "enabled": {"type": "boolean"},
                "window": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
            "AP24-2. Dagen tellen vanaf de gebeurtenis.",
        ),
        "related": _list(
            {"card": text, "name": text, "relation": {"type": "string", "enum": list(Relation)}}, "AP24-3"
        ),
        "providers": _list(
            {
                "name": text,
                "role": {"type": "string", "enum": list(Role)},
                "receives": texts,
                "personal_data": {"type": "string", "enum": list(PersonalData)},
            },
            "AP24-4",
        ),
        "reuse": _list(
            {
                "contact_item": text,
                "useful_for": text,
                "allowed": {"type": "string", "enum": list(Allowed)},
                "legal": text,
                "practical": text,
            },
            "AP24-5",
        ),
        "weighing": _object(
            {
                "need": text,
                "own_responsibility": text,
                "paternalism_risk": {"type": "string", "enum": list(Risk)},
                "nature": {"type": "string", "enum": list(Nature)},
                "level": {"type": "string", "enum": list(Level)},
                "because": text,
            },
            "De afweging van behoefte, eigen verantwoordelijkheid en betutteling.",
        ),
    }
    optional = {"amount", "professional_discretion"}
    return {
        "Offer": {
            "type": "object",
            "additionalProperties": False,
            "required": ["kaart", "deelnemer", "door", "instemming"],
            "properties": {
                "kaart": {"type": "string", "pattern": f"^{CARD.pattern}$"},
                "deelnemer": {
                    "type": "string",
                    "minLength": 4,
                    "maxLength": 128,
                    "description": "De verwijzing naar de persoon, of de code op een brief. Nooit een BSN.",
                },
                "door": {
                    "type": "string",
                    "pattern": "^[^,]*[^, ][^,]*,.*[^ ].*$",
                    "maxLength": TEAM_LENGTH,
                    "description": "Naam en team, met een komma ertussen. De inwoner leest dit.",
                },
                "instemming": {"type": "boolean", "const": True, "description": "De persoon is het ermee eens."},
            },
        },
        "CardSummary": {"type": "object", "required": list(short), "properties": short},
        "CardList": {
            "type": "object",
            "required": ["language", "cards"],
            "properties": {"language": text, "cards": {"type": "array", "items": ref("CardSummary")}},
        },
        "Card": {
            "type": "object",
            "required": [name for name in whole if name not in optional],
            "properties": whole,
        },
    }


def headers() -> dict[str, Any]:
    """The headers by name."""
    return {
        "ETag": {"description": "Verandert als de inhoud verandert.", "schema": {"type": "string"}},
        "Content-Language": {"description": "De taal van het antwoord.", "schema": {"type": "string"}},
        "Cache-Control": {"description": "Hoe lang het antwoord bewaard mag worden.", "schema": {"type": "string"}},
    }


def _get(
    operation: str,
    summary: str,
    description: str,
    schema: dict[str, Any],
    example: Any,
    parameters: list[dict[str, Any]],
) -> dict[str, Any]:
    sent = {name: {"$ref": f"#/components/headers/{name}"} for name in ("API-Version", *headers())}
    responses = {
        "200": {
            "description": "In de taal die het best bij `Accept-Language` past; anders in het Nederlands.",
            "headers": sent,
            "content": {"application/json": {"schema": schema, "example": example}},
        },
        "304": {"description": "Niets veranderd sinds de ETag in `If-None-Match`.", "headers": sent},
    }
    if parameters:
        responses["404"] = {
            "description": "Er is geen gepubliceerde kaart met deze naam.",
            "headers": {"API-Version": {"$ref": "#/components/headers/API-Version"}},
            "content": {
                "application/problem+json": {
                    "schema": ref("Problem"),
                    "example": {"type": "about:blank", "title": "There is no such card", "status": 404},
                }
            },
        }
    return {
        "tags": ["Dienstkaarten"],
        "operationId": operation,
        "summary": summary,
        "description": description,
        "security": [],
        "parameters": [
            *parameters,
            header("Accept-Language", "De gewenste talen (RFC 9110).", {"type": "string"}, "en, nl;q=0.8"),
            header("If-None-Match", "De ETag van een eerder antwoord.", {"type": "string"}, '"0f1e2d"'),
        ],
        "responses": responses,
    }


def _object(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "items": _object(properties, "") | {"description": "Eén ervan."},
    }
