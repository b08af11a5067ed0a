"""The routes and the wrapping that each answer gets."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Scope, Send
from starlette.types import Receive as Listen

from bot.api.cards import add_cards
from bot.api.document import document
from bot.api.door import HEADERS, USUAL, Door, Limits, problem
from bot.api.intake import Intake, Receive
from bot.api.keyring import Keyring
from bot.api.offers import Offer, read_offer
from bot.signals import Refusal, Source, from_cloudevent, known_types
from bot.wording import Wording

log = logging.getLogger(__name__)

_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def build(
    *,
    receive: Receive,
    offer: Offer,
    sources: Callable[[str], Source | None],
    wording: Callable[[], Wording],
    clock: Callable[[], datetime],
    ready: Callable[[], str | None] = lambda: None,
    refused: Callable[[str, Refusal], None] = lambda *_: None,
    limits: Limits = USUAL,
) -> FastAPI:
    """The application. All of these may block but `wording` and `clock`; they run in threads.

    `sources` gives the owner of a key (`signals.find_source`); `offer` takes in what a professional offers
    (`offers.offer`); `ready` says in a sentence what is missing, or None; `refused` keeps why a source's signals were
    not taken in.
    """
    app = FastAPI(title="Handreiking", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    intake = Intake(receive)
    door = Door(Keyring(sources, clock), limits, clock)

    async def hand_in(request: Request) -> Response:
        let = await door.let_in(request)
        if isinstance(let, Response):
            return let
        source, body = let
        said = wording()
        known = said.once(("known_types",), lambda: known_types(card.facts() for card in said.cards.values()))
        zone = ZoneInfo(said.municipality.zone)
        read = from_cloudevent(request.headers, body, source, known, cards=said.cards, zone=zone, now=clock())
        if isinstance(read, Refusal):
            log.info("signals refused", extra={"source": source.name, "status": read.status})
            await asyncio.to_thread(refused, source.name, read)
            return problem(read)
        receipts = await intake.hand_in(read)
        log.info("signals", extra={"source": source.name, "count": len(read)})
        told = [
            {"event": signal.external_id, "id": receipt.id, "fresh": receipt.fresh}
            for signal, receipt in zip(read, receipts, strict=True)
        ]
        return JSONResponse({"receipts": told}, status_code=202)

    async def hand_in_offer(request: Request) -> Response:
        let = await door.let_in(request)
        if isinstance(let, Response):
            return let
        source, body = let
        said = read_offer(request.headers.get("content-type", ""), body)
        taken = said if isinstance(said, Refusal) else await asyncio.to_thread(offer, source, said)
        if isinstance(taken, Refusal):
            log.info("offer refused", extra={"source": source.name, "status": taken.status})
            return problem(taken)
        log.info("offer", extra={"source": source.name})
        receipt = {"event": taken.event, "id": taken.id, "fresh": taken.fresh}
        return JSONResponse({"receipts": [receipt]}, status_code=202)

    # Routes of Starlette: there is nothing for FastAPI to read or check, and that costs more than all of ours.
    app.add_route("/v1/signals", hand_in, methods=["POST"])
    app.add_route("/v1/offers", hand_in_offer, methods=["POST"])
    add_cards(app, wording, lambda: clock().astimezone(ZoneInfo(wording().municipality.zone)).date())

    @app.get("/health/live")
    async def live() -> Response:
        return JSONResponse({"status": "live"})

    @app.get("/health/ready")
    async def is_ready() -> Response:
        missing = await asyncio.to_thread(ready)
        if missing is not None:
            return problem(Refusal(503, "Not ready yet", detail=missing))
        return JSONResponse({"status": "ready"})

    described = document(body=limits.body, per_minute=limits.per_minute)

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(described, headers={"Access-Control-Allow-Origin": "*"})

    app.openapi = lambda: described  # type: ignore[method-assign]  # FastAPI's own way to a document of one's own
    app.add_exception_handler(HTTPException, _not_here)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(500, _our_fault)
    app.add_middleware(_Wrapped)
    return app


class _Wrapped:
    """Gives every answer the headers that it must have, those of errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Listen, send: Send) -> None:
        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [pair for pair in _HEADERS if pair[0] not in given]
            await send(message)

        await self._app(scope, receive, wrapped)


def _not_here(_: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    return problem(Refusal(status, HTTPStatus(status).phrase), headers)


def _database_away(_: Request, __: Exception) -> Response:
    log.warning("database away")
    detail = "Nothing is certain to be stored. Hand it in again: the same event has its effect once."
    return problem(Refusal(503, "The database cannot be reached", detail=detail), {"Retry-After": "30"})


def _hung_up(_: Request, __: Exception) -> Response:
    return problem(Refusal(400, "The connection was closed before the body was whole"))


def _our_fault(_: Request, __: Exception) -> Response:
    detail = "The fault is ours and is in our log. Hand it in again later: the same event has its effect once."
    return problem(Refusal(500, "Something went wrong", detail=detail))
