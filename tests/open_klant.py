"""A stand-in for Open Klant: the parts of the Klantinteracties API that we use, over real HTTP.

It takes in what the published shapes take in (`klantinteracties.json` says of which version) and refuses the rest as
the Dutch API standard has it, keeps what it was given, and fails when a test says so.
"""

import asyncio
import json
import uuid
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import jsonschema
from aiohttp import web

PUBLISHED = json.loads((Path(__file__).parent / "klantinteracties.json").read_text(encoding="utf-8"))
ROOT = "/klantinteracties/api/v1"
TOKEN = "a-token-that-must-not-be-seen"
ACTOR = "1c6bee0a-92e3-4d4c-8d64-6ea2aef8b4a7"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one call. `after`: it has its effect first. `status` None: the connection goes without an answer.

    `hangs`: nothing comes at all, until the stand-in is released.
    """

    method: str = "POST"
    path: str = ""
    status: int | None = 500
    hangs: bool = False
    headers: dict = field(default_factory=dict)
    after: bool = False
    body: dict = field(default_factory=dict)


class OpenKlant:
    """`calls` came in, as (method, path). `knows_references` False: an older version, without referentienummer."""

    def __init__(self, *, knows_references=True):
        self.contacts, self.parties, self.addresses, self.tasks = {}, {}, {}, {}
        self.actors = {ACTOR: {"uuid": ACTOR, "soortActor": "organisatorische_eenheid", "indicatieActief": True}}
        self.knows_references = knows_references
        self.faults, self.calls = deque(), []
        self.released, self.made_a_task = asyncio.Event(), asyncio.Event()

    def staff_close(self, task):
        """Somebody of Open Klant's own staff has done it."""
        self.tasks[task]["status"] = "verwerkt"

    def app(self):
        app = web.Application(middlewares=[self._guard])
        app.router.add_post(f"{ROOT}/maak-klantcontact", self._make_contact)
        for name, rows, make in (
            ("klantcontacten", self.contacts, None),
            ("digitaleadressen", self.addresses, self._make_address),
            ("internetaken", self.tasks, self._make_task),
            ("actoren", self.actors, None),
        ):
            app.router.add_get(f"{ROOT}/{name}", self._listing(name, rows))
            app.router.add_get(f"{ROOT}/{name}/{{uuid}}", self._one(rows))
            if make is not None:
                app.router.add_post(f"{ROOT}/{name}", make)
                app.router.add_patch(f"{ROOT}/{name}/{{uuid}}", self._patch(name, rows))
                app.router.add_delete(f"{ROOT}/{name}/{{uuid}}", self._delete(rows))
        return app

    @web.middleware
    async def _guard(self, request, handler):
        path = request.path.removeprefix(ROOT).strip("/")
        self.calls.append((request.method, path.partition("/")[0]))
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return refusal(401, "not_authenticated")
        fault = next((f for f in self.faults if f.method == request.method and path.startswith(f.path)), None)
        if fault is not None:
            self.faults.remove(fault)
        if fault is None or fault.after:
            answer = await handler(request)
        if fault is None:
            return answer
        if fault.hangs:
            await self.released.wait()
        if fault.status is None:
            request.transport.close()
            raise web.HTTPInternalServerError
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    async def _make_contact(self, request):
        body, wrong = await taken("maak-klantcontact", request)
        contact = body.get("klantcontact", {})
        if self.knows_references:
            number = contact.get("referentienummer")
            if number is not None and any(number == one.get("referentienummer") for one in self.contacts.values()):
                wrong.append({"name": "klantcontact.referentienummer", "code": "unique", "reason": f"{number} exists"})
        else:
            contact.pop("referentienummer", None)
        if wrong:
            return refusal(400, "invalid", wrong)
        party = new(body.get("betrokkene") or {})
        made = new(contact) | {
            "hadBetrokkenen": [{"uuid": party["uuid"], "url": f"https://x/{party['uuid']}"}],
            "onderwerpobject": body.get("onderwerpobject"),
        }
        self.contacts[made["uuid"]], self.parties[party["uuid"]] = made, party
        answer = {"klantcontact": made, "betrokkene": party, "onderwerpobject": body.get("onderwerpobject")}
        return web.json_response(answer, status=201)

    async def _make_address(self, request):
        body, wrong = await taken("digitaleadressen", request)
        party = (body.get("verstrektDoorBetrokkene") or {}).get("uuid")
        if party not in self.parties:
            wrong.append({"name": "verstrektDoorBetrokkene.uuid", "code": "does-not-exist", "reason": "-"})
        return refusal(400, "invalid", wrong) if wrong else self._made(self.addresses, body)

    async def _make_task(self, request):
        body, wrong = await taken("internetaken", request)
        if (body.get("aanleidinggevendKlantcontact") or {}).get("uuid") not in self.contacts:
            wrong.append({"name": "aanleidinggevendKlantcontact.uuid", "code": "does-not-exist", "reason": "-"})
        actors = body.get("toegewezenAanActoren") or [{}]
        if any(actor.get("uuid") not in self.actors for actor in actors):
            wrong.append({"name": "toegewezenAanActoren.0.uuid", "code": "does-not-exist", "reason": "-"})
        if wrong:
            return refusal(400, "invalid", wrong)
        self.made_a_task.set()
        return self._made(self.tasks, body)

    def _made(self, rows, body):
        made = new(body)
        rows[made["uuid"]] = made
        return web.json_response(made, status=201)

    def _one(self, rows):
        async def handle(request):
            row = rows.get(request.match_info["uuid"])
            return refusal(404, "not_found") if row is None else web.json_response(row)

        return handle

    def _listing(self, name, rows):
        async def handle(request):
            if unknown := set(request.query) - set(PUBLISHED["asked"][name]):
                wrong = [{"name": one, "code": "unknown-parameters", "reason": "-"} for one in unknown]
                return refusal(400, "unknown-parameters", wrong)
            found = [row for row in rows.values() if matches(row, request.query)]
            size, page = int(request.query.get("pageSize", 100)), int(request.query.get("page", 1))
            more = len(found) > size * page
            return web.json_response(
                {
                    "count": len(found),
                    "next": "https://elsewhere.example/?page=2" if more else None,
                    "previous": None,
                    "results": found[size * (page - 1) : size * page],
                }
            )

        return handle

    def _patch(self, name, rows):
        async def handle(request):
            row = rows.get(request.match_info["uuid"])
            if row is None:
                return refusal(404, "not_found")
            body, wrong = await taken(name, request, partial=True)
            if wrong:
                return refusal(400, "invalid", wrong)
            row.update(body)
            return web.json_response(row)

        return handle

    def _delete(self, rows):
        async def handle(request):
            gone = rows.pop(request.match_info["uuid"], None)
            return refusal(404, "not_found") if gone is None else web.Response(status=204)

        return handle


def matches(row, query):
    for name, value in query.items():
        match name:
            case "kanaal" | "status" | "adres":
                if row.get(name) != value:
                    return False
            case "plaatsgevondenOp":
                if datetime.fromisoformat(row[name]) != datetime.fromisoformat(value):
                    return False
            case "aanleidinggevendKlantcontact__uuid" | "verstrektDoorBetrokkene__uuid":
                if (row.get(name.partition("__")[0]) or {}).get("uuid") != value:
                    return False
    return True


async def taken(name, request, *, partial=False):
    """The body, and what of it is not of the published shape."""
    if request.content_type != "application/json":
        return {}, [{"name": "Content-Type", "code": "unsupported", "reason": request.content_type}]
    body = await request.json()
    return body, faults(name, body, partial=partial)


def faults(name, body, *, partial=False):
    schema = PUBLISHED["taken"][name] | {"$defs": PUBLISHED["$defs"]}
    if partial:
        schema = {key: value for key, value in schema.items() if key != "required"}
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return [
        {"name": ".".join(map(str, error.absolute_path)), "code": error.validator, "reason": error.message}
        for error in checker.iter_errors(body)
    ]


def refusal(status, code, wrong=()):
    body = {
        "type": "about:blank",
        "code": code,
        "title": code,
        "status": status,
        "invalidParams": list(wrong),
    }
    return web.json_response(body, status=status, content_type="application/problem+json")


def new(body):
    made = str(uuid.uuid4())
    return {"uuid": made, "url": f"https://openklant.example/{made}", **body}


@asynccontextmanager
async def served(app):
    """The address of an app that answers as long as the block lasts."""
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()
