"""The program's own HTTP, served by uvicorn: `python -m tests.benchmarks.stands.taking DATABASE_URL [alone]`.

Prints the port, a key for signals, and the path and the secret for Telegram's updates. With `alone` each request's
signals are stored in a session of their own, which is what is usually done; all else is the same.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from secrets import token_hex

import uvicorn
from cryptography.fernet import Fernet
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import bot.api.app
import bot.wording
from bot import api, signals
from bot.api.door import Limits
from bot.journey import Journey, Receipt
from bot.service import WEBHOOK_PATH, listen
from bot.signals import Incoming
from bot.store import schema
from bot.store.vault import Vault
from bot.telegram.inbox import webhook_route

SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:kalender"
TYPE = "nl.kalenders.aanvraagtermijn-nadert.v1"


class Alone:
    """In the place of `Intake`: a session, and so a commit, for each request."""

    def __init__(self, receive) -> None:
        self._receive = receive

    async def hand_in(self, incoming: Sequence[Incoming]) -> Sequence[Receipt]:
        return await asyncio.to_thread(self._receive, incoming)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a benchmark runs on the machine's clock


def journey(url: str) -> Journey:
    """A journey on a migrated database, with keys of its own."""
    sessions = sessionmaker(schema.open_engine(url), class_=Session, expire_on_commit=False)
    vault = Vault([Fernet.generate_key()], os.urandom(32))
    return Journey(sessions=sessions, wording=bot.wording.load(), vault=vault, clock=now, new_id=lambda: token_hex(8))


async def serve(app, hello: dict) -> None:
    listening = listen("127.0.0.1", 0)
    print(json.dumps({"port": listening.getsockname()[1], **hello}), flush=True)  # noqa: T201
    await uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)).serve([listening])


def main(url: str, alone: str = "") -> None:
    whole = journey(url)
    with whole.sessions.begin() as session:
        key = signals.new_key(session, SOURCE, [TYPE], by="bench", now=now())

    def source(key: str) -> signals.Source | None:
        with whole.sessions.begin() as session:
            return signals.find_source(session, key, now=now())

    if alone:
        bot.api.app.Intake = Alone
    app = api.build(
        receive=whole.receive,
        offer=lambda source, said: signals.Refusal(503, "not here"),
        sources=source,
        wording=lambda: whole.wording,
        clock=now,
        limits=Limits(per_minute=10_000_000),
    )
    secret = whole.vault.fingerprint("webhook secret")
    app.router.routes.insert(0, webhook_route(WEBHOOK_PATH, secret, whole.take_in))
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(app, {"key": key, "path": WEBHOOK_PATH, "secret": secret}))


if __name__ == "__main__":
    main(*sys.argv[1:])
