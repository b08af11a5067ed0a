"""What other systems are told, in their own words: no name, no chat, nothing that somebody typed.

The shapes are those of the Klantinteracties API 0.9 and of CloudEvents 1.0 in the NL GOV profile.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from bot.klant.outbox import What
from bot.store.vault import Vault

#: What the API takes for a telephone number.
PHONE: Final = re.compile(r"(0[1-9][0-9]{8}|\+[0-9]{9,15}|00[0-9]{7,13})")
#: What Open Klant wants for a language, as its own examples have it: ISO 639-2, the terminological code.
LANGUAGES: Final = {
    "ar": "ara", "bg": "bul", "de": "deu", "en": "eng", "es": "spa", "fa": "fas", "fr": "fra", "nl": "nld",
    "pap": "pap", "pl": "pol", "ro": "ron", "ru": "rus", "so": "som", "ti": "tir", "tr": "tur", "uk": "ukr",
}  # fmt: skip
UNDETERMINED: Final = "und"
#: What KISS, the desk on top of Open Klant, looks for.
HANDLING: Final = "Contact opnemen met betrokkene"
ONLY_FOR_THIS: Final = "Alleen voor dit terugbelverzoek"
REGISTER: Final = "handreiking"
TO_DO: Final = "te_verwerken"
DONE: Final = "verwerkt"
_DAYPARTS: Final = {"morning": "'s ochtends", "afternoon": "'s middags", "any": "op elk moment van de dag"}
_WAYS: Final = {"phone": "bellen", "chat": "een bericht in de chat", "desk": "aan de balie"}
_TYPES: Final = {
    What.ASKED: "contactverzoek-ingediend",
    What.CLAIMED: "contactverzoek-opgepakt",
    What.REPLIED: "contactverzoek-beantwoord",
    What.MOVED: "contactverzoek-verplaatst",
    What.CLOSED: "contactverzoek-afgesloten",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What may be told of a request for contact. `phone`: only when the person gave it to be called for this."""

    reference: str
    asked_at: datetime
    promised_by: date
    how: str
    daypart: str
    language: str
    card: str | None
    card_name: str | None
    card_version: int | None
    theme: str | None
    phone: str | None = field(repr=False, default=None)


def reference(vault: Vault, request: int) -> str:
    """The number under which other systems know a request: ten digits, always the same, that tell nothing."""
    return str(10**9 + int(vault.fingerprint(f"request:{request}")[:16], 16) % (9 * 10**9))


def maak_klantcontact(request: Request, channel: str, *, numbered: bool = True) -> dict[str, Any]:
    """The body of `POST /maak-klantcontact`. `numbered` False: without a `referentienummer` of ours."""
    card = request.card_name or "geen regeling"
    metadata = {"kenmerk": request.reference}
    if request.card is not None:
        metadata["kaart"] = request.card
    if request.card_version is not None:
        metadata["kaartVersie"] = str(request.card_version)
    contact = {
        "kanaal": channel,
        "onderwerp": f"Contactverzoek: {card}"[:200],
        "inhoud": f"Inwoner vraagt om contact via de berichtendienst. {_about(request)} {_wish(request)}"[:1000],
        "indicatieContactGelukt": True,
        "taal": LANGUAGES.get(request.language, UNDETERMINED),
        "vertrouwelijk": True,
        "plaatsgevondenOp": moment(request.asked_at),
        "verdereActieOndernomen": True,
        "metadata": metadata,
    }
    if numbered:
        contact["referentienummer"] = request.reference
    body: dict[str, Any] = {
        "klantcontact": contact,
        "betrokkene": {
            "rol": "klant",
            "initiator": True,
            "organisatienaam": "",
            "contactnaam": None,  # we do not know it
            "wasPartij": None,
            "bezoekadres": None,
            "correspondentieadres": None,
        },
    }
    if request.card is not None:
        body["onderwerpobject"] = {
            "onderwerpobjectidentificator": {
                "objectId": request.card,
                "codeObjecttype": "dienstkaart",
                "codeRegister": REGISTER,
                "codeSoortObjectId": "slug",
            }
        }
    return body


def digitaal_adres(phone: str, party: str) -> dict[str, Any]:
    """The body of `POST /digitaleadressen`: the number to call, and for what it was given."""
    return {
        "verstrektDoorBetrokkene": {"uuid": party},
        "verstrektDoorPartij": None,
        "adres": phone,
        "soortDigitaalAdres": "telefoonnummer",
        "omschrijving": ONLY_FOR_THIS,
    }


def interne_taak(request: Request, contact: str, actor: str) -> dict[str, Any]:
    """The body of `POST /internetaken`: who is asked to do what, by when."""
    day = f"uiterlijk {request.promised_by.isoformat()}"
    if request.how == "phone":
        todo = f"Bel {day}, liefst {_daypart(request)}."
        if request.phone is None or PHONE.fullmatch(request.phone) is None:
            todo += " Het nummer staat in Handreiking."
    elif request.how == "chat":
        todo = f"Antwoord {day} in Handreiking: de inwoner wil een bericht in de chat."
    else:
        todo = f"Spreek {day} af: de inwoner wil aan de balie komen, liefst {_daypart(request)}."
    return {
        "gevraagdeHandeling": HANDLING,
        "aanleidinggevendKlantcontact": {"uuid": contact},
        "toegewezenAanActoren": [{"uuid": actor}],
        "toelichting": f"{todo} Dat is de inwoner toegezegd. Kenmerk in Handreiking: {request.reference}."[:1000],
        "status": TO_DO,
    }


def event(
    request: Request, what: str, detail: Mapping[str, Any], at: datetime, *, id_: str, source: str, erased: bool
) -> dict[str, Any]:
    """One CloudEvent. Of somebody who was `erased` it holds our reference and that it is over, and nothing else."""
    kind = What(what.partition(":")[0])
    data: dict[str, Any] = {"kenmerk": request.reference}
    if not erased:
        data |= {"kaart": request.card, "thema": request.theme, "taal": request.language}
        data |= {"wijze": request.how, "dagdeel": request.daypart}
        data["toegezegdVoor"] = detail.get("promised_by", request.promised_by.isoformat())
    if kind is What.CLOSED:
        data["uitkomst"] = detail["outcome"]
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": f"nl.proactieve-diensten.{_TYPES[kind]}.v1",
        "time": moment(at),
        "datacontenttype": "application/json",
        "data": data,
    }


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, to the second, so that a search for it finds the same again."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _about(request: Request) -> str:
    return "Geen kaart." if request.card is None else f"Kaart: {request.card}."


def _wish(request: Request) -> str:
    return (
        f"Voorkeur: {_WAYS.get(request.how, request.how)}, {_daypart(request)}. "
        f"Toegezegd: uiterlijk {request.promised_by.isoformat()}."
    )


def _daypart(request: Request) -> str:
    return _DAYPARTS.get(request.daypart, request.daypart)
