"""Open Klant, by the Klantinteracties API: what we make there, find again, close and take away."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import aiohttp

from bot.klant import payloads
from bot.klant.payloads import Request
from bot.klant.places import OpenKlantAt
from bot.klant.why import NeverError, Why
from bot.klant.wire import PATIENCE_S, Wire, record

PAGES: Final = 10
GONE: Final = (404,)


class OpenKlant:
    """Each `make_…` looks first whether it is there: an earlier call may have arrived without our hearing so."""

    def __init__(
        self,
        at: OpenKlantAt,
        client: aiohttp.ClientSession,
        clock: Callable[[], datetime],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._at, self._clock = at, clock
        headers = {"Authorization": f"Token {at.token}", "Accept": "application/json"}
        self._wire = Wire(client, headers, patience_s=patience_s)

    async def make_contact(self, request: Request) -> tuple[str, str | None]:
        """The uuids of the klantcontact and of its betrokkene."""
        if (found := await self._contact(request)) is not None:
            return found
        try:
            made = await self._post("maak-klantcontact", payloads.maak_klantcontact(request, self._at.channel))
        except NeverError as error:
            if not any("referentienummer" in field for field in error.wrong):
                raise
            # It is taken: by ourselves, in a call that was slower than our search; or by somebody else.
            if (found := await self._contact(request)) is not None:
                return found
            body = payloads.maak_klantcontact(request, self._at.channel, numbered=False)
            made = await self._post("maak-klantcontact", body)
        party = made.get("betrokkene")
        return _uuid(made.get("klantcontact")), None if party is None else _uuid(party)

    async def make_address(self, phone: str, party: str) -> str:
        """The uuid of the number to call."""
        async for known in self._all("digitaleadressen", {"verstrektDoorBetrokkene__uuid": party}):
            if known.get("adres") == phone:
                return _uuid(known)
        return _uuid(await self._post("digitaleadressen", payloads.digitaal_adres(phone, party)))

    async def make_task(self, request: Request, contact: str) -> str:
        """The uuid of the task."""
        if (known := await self.task_of(contact)) is not None:
            return known
        return _uuid(await self._post("internetaken", payloads.interne_taak(request, contact, self._at.actor)))

    async def task_of(self, contact: str) -> str | None:
        """The uuid of the task that was made for this contact; None: there is none."""
        async for known in self._all("internetaken", {"aanleidinggevendKlantcontact__uuid": contact}):
            return _uuid(known)
        return None

    async def addresses_of(self, party: str) -> list[str]:
        """The uuids of the numbers to call that were made for this betrokkene."""
        return [_uuid(known) async for known in self._all("digitaleadressen", {"verstrektDoorBetrokkene__uuid": party})]

    async def is_done(self, task: str) -> bool | None:
        """Whether its staff closed it; None when it is not there any more."""
        status, _, body = await self._call("GET", f"internetaken/{task}", fine=GONE)
        return None if status in GONE else record(body).get("status") == payloads.DONE

    async def close_task(self, task: str) -> None:
        """Nobody has to do it any more. One that is not there needs no closing."""
        await self._call("PATCH", f"internetaken/{task}", {"status": payloads.DONE}, fine=GONE)

    async def remove_address(self, address: str) -> None:
        """Take the number away again, for it was given for this only."""
        await self._call("DELETE", f"digitaleadressen/{address}", fine=GONE)

    async def look(self) -> Why | None:
        """Whether we may come in and the actor is there; return what is wrong. Raises LaterError, NeverError."""
        await self._call("GET", "internetaken", params={"pageSize": "1"})
        status, _, body = await self._call("GET", f"actoren/{self._at.actor}", fine=GONE)
        if status in GONE:
            return Why("It knows no such actor as HANDREIKING_OPEN_KLANT_ACTOR says.")
        if record(body).get("indicatieActief") is False:
            return Why("The actor that HANDREIKING_OPEN_KLANT_ACTOR names is not active there.")
        return None

    async def _contact(self, request: Request) -> tuple[str, str | None] | None:
        """What we made for this request before. The API finds no metadata, so we search by moment and channel."""
        params = {"plaatsgevondenOp": payloads.moment(request.asked_at), "kanaal": self._at.channel}
        async for known in self._all("klantcontacten", params):
            metadata = known.get("metadata")
            marked = metadata.get("kenmerk") if isinstance(metadata, Mapping) else None
            if request.reference in {marked, known.get("referentienummer")}:
                parties = known.get("hadBetrokkenen") or []
                return _uuid(known), _uuid(parties[0]) if parties else None
        return None

    async def _all(self, path: str, params: Mapping[str, str]) -> Any:
        for page in range(1, PAGES + 1):
            asked = dict(params) if page == 1 else {**params, "page": str(page)}
            _, _, body = await self._call("GET", path, params=asked)
            found = record(body)
            for one in found.get("results", ()):
                yield one
            if not found.get("next"):
                return

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        _, _, answer = await self._call("POST", path, body)
        return record(answer)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        fine: tuple[int, ...] = (),
    ) -> tuple[int, Mapping[str, str], bytes]:
        return await self._wire.call(
            method,
            f"{self._at.root.rstrip('/')}/{path}",
            now=self._clock(),
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            headers=None if body is None else {"Content-Type": "application/json"},
            params=params,
            fine=fine,
        )


def _uuid(made: Any) -> str:
    """As it stands in an answer. Raises NeverError for an answer of another shape."""
    try:
        return str(uuid.UUID(made["uuid"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NeverError("It answered without a uuid.") from None
