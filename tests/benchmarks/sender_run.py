"""The real sender on the real journey and store, in a process of its own, against a Bot API at an address.

`python -m tests.benchmarks.sender_run JSON` sends what is queued and prints what that cost, as JSON.
"""

import asyncio
import contextlib
import itertools
import json
import os
import resource
import socket
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import uvicorn
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from starlette.applications import Starlette

from bot import campaigns, wording
from bot.journey import Journey, Label, Outgoing
from bot.store import schema
from bot.store.tables import (
    AnswerRow,
    CitizenRow,
    ConsentRow,
    DecisionRow,
    MessageRow,
    OfferRow,
    SignalRow,
    WorldRow,
)
from bot.store.vault import Vault
from bot.telegram.application import build_application, new_builder
from bot.telegram.channel import TelegramChannel
from bot.telegram.inbox import webhook_route, work
from bot.telegram.sender import Sender

TUESDAY_TEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SEALING, FINDING = b"c2Vuc2VsZXNzIGJ1dCB0aGlydHktdHdvIGJ5dGVzISE=", b"the benchmark's own finding key!"
TOKEN = "123456789:AAsecretsecretsecretsecretsecretsecre"
CHAT_FROM = 1_000_000
SECRET = "webhook-secret"
BATCH = 5_000
LANES = 60
TEXT = "U hebt misschien recht op zorgtoeslag. " * 6


def new_vault() -> Vault:
    return Vault([SEALING], FINDING)


def fill(url: str, people: int) -> None:
    """`people` citizens who chose money, each with a nudge that is due; a third were written to before and answered.

    The rows are those that planning and deciding make; planning has benchmarks of its own.
    """
    engine = schema.open_engine(url)
    schema.migrate(engine)
    sessions = sessionmaker(engine, class_=Session)
    words, vault, now = wording.load(), new_vault(), TUESDAY_TEN
    path = wording.data("messages") / "campaigns" / "zorgtoeslag-deadline.toml"
    read = campaigns.read(path.read_text(encoding="utf-8"), words)
    file = read.model_copy(update={"hourly_maximum": 100_000})
    card = words.cards[file.card]
    with sessions.begin() as session:
        campaigns.add(session, file, words, by="eva", now=now)
        campaigns.approve(session, file.id, words, by="sam", now=now)
        campaigns.start(session, file.id, words, by="eva", now=now)
    tables = (CitizenRow, ConsentRow, OfferRow, DecisionRow, MessageRow, AnswerRow)
    with sessions.begin() as session:
        session.execute(insert(WorldRow).values(hash="w", record={}))
        for name, ago in (("now", 0), ("before", 100)):
            session.execute(
                insert(SignalRow).values(
                    id=name, source="urn:bench", external_id=name, type="nl.kalenders.aanvraagtermijn-nadert.v1",
                    origin="calendar", occurred_at=now + timedelta(days=30 - ago),
                    received_at=now - timedelta(days=ago), addressed=False, data={}, outcome="planned",
                )
            )  # fmt: skip
    for first in range(0, people, BATCH):
        rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in tables}
        for number in range(first, min(first + BATCH, people)):
            _person(rows, number, file.id, card, file.variants[number % len(file.variants)], words, vault, now)
        with sessions.begin() as session:
            for table in tables:
                session.execute(insert(table), rows[table])
    with sessions.begin() as session:
        session.execute(text("ANALYZE"))
    engine.dispose()


def _person(rows: dict[Any, list[dict[str, Any]]], number: int, campaign: str, card: Any, variant: str, words: Any,
            vault: Vault, now: datetime) -> None:  # fmt: skip
    citizen, chat = f"c{number:07d}", str(CHAT_FROM + number)
    rows[CitizenRow].append(
        {
            "id": citizen, "chat_hash": vault.fingerprint(f"chat:{chat}"), "chat_sealed": vault.seal(chat),
            "language": "nl", "zone": "Europe/Amsterdam", "standing": "active", "created_at": now - timedelta(days=200),
            "joined_at": now - timedelta(days=200), "holdout": False, "surveys": 0,
        }
    )  # fmt: skip
    for theme in ("money", "children"):
        rows[ConsentRow].append(
            {
                "citizen_id": citizen, "theme": theme, "state": "given", "at": now - timedelta(days=200),
                "valid_until": now + timedelta(days=300), "text": "Mag dat?", "wording": "door.theme", "language": "nl",
            }
        )  # fmt: skip
    sends = [("now", now, "due")] + ([("before", now - timedelta(days=100), "sent")] if number % 3 == 0 else [])
    for signal, at, state in reversed(sends):
        offer, decision, sent = f"o{signal}{number}", f"d{signal}{number}", state == "sent"
        rows[OfferRow].append(
            {
                "id": offer, "signal_id": signal, "campaign_id": campaign, "citizen_id": citizen,
                "state": "closed" if sent else "queued", "look_at": at, "window_end": at + timedelta(days=20),
                "outcome": "sent" if sent else None, "decisions": 1, "created_at": at,
                "closed_at": at if sent else None,
            }
        )  # fmt: skip
        rows[DecisionRow].append(
            {
                "id": decision, "offer_id": offer, "number": 1, "citizen_id": citizen, "campaign_id": campaign,
                "card": card.id, "card_version": card.version, "decided_at": at, "plan": "send", "available": True,
                "variant": variant, "tone": words.variants[variant].tone, "inputs": {}, "world": "w",
                "randomised_send": False, "randomised_tone": False, "tone_forced": False,
            }
        )  # fmt: skip
        rows[MessageRow].append(
            {
                "id": 10 * number + (1 if sent else 2), "key": f"nudge:{decision}", "citizen_id": citizen, "purpose": 2,
                "state": state, "due_at": at, "expires_at": at + timedelta(days=20), "created_at": at,
                "closed_at": at if sent else None, "channel_id": number if sent else None, "decision_id": decision,
                "offer_id": offer, "campaign_id": campaign, "card": card.id, "variant": variant,
                "tone": words.variants[variant].tone, "sensitivity": card.sensitivity,
                "language": "nl" if sent else None,
                "wording_hash": words.wording_hash(variant, "nl") if sent else None,
            }
        )  # fmt: skip
        if sent:
            rows[AnswerRow].append(
                {"message_id": 10 * number + 1, "citizen_id": citizen, "choice": "more", "at": at + timedelta(hours=1)}
            )


@dataclass
class Pulse:
    """Beats every few milliseconds and keeps how late it was: the longest stall of the loop."""

    every_s: float = 0.005
    longest_s: float = 0.0
    memory_mb: float = 0.0

    async def beat(self) -> None:
        loop, beats = asyncio.get_running_loop(), 0
        while True:
            before = loop.time()
            await asyncio.sleep(self.every_s)
            self.longest_s = max(self.longest_s, loop.time() - before - self.every_s)
            beats += 1
            if beats % 20 == 0:
                self.memory_mb = max(self.memory_mb, memory_mb())


def memory_mb() -> float:
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - read often
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


async def bare(asked: dict[str, Any]) -> dict[str, Any]:
    """The bot and its client alone: no store, no pace, no record."""
    bot = new_builder(TOKEN, root=asked["root"]).build().bot
    buttons = tuple(Label(f"Een knop {number}", f"v1|n|1234567|choice{number}") for number in range(6))
    chats = itertools.count()
    sent, ends = 0, time.monotonic() + asked["warm_up_s"] + asked["seconds"]
    async with bot:
        channel = TelegramChannel(bot)

        async def lane(number: int) -> None:
            nonlocal sent
            while time.monotonic() < ends:
                chat = str(CHAT_FROM + next(chats))
                await channel.send(Outgoing(id=1, chat=chat, text=TEXT, buttons=buttons, silent=True))
                sent += 1

        lanes = [asyncio.create_task(lane(number)) for number in range(LANES)]
        await asyncio.sleep(asked["warm_up_s"])
        before, used = sent, time.process_time()
        await asyncio.gather(*lanes)
        cpu_s = time.process_time() - used
    return {"messages": sent - before, "cpu_s": cpu_s, "stall_s": 0.0, "memory_mb": memory_mb()}


async def go(asked: dict[str, Any]) -> dict[str, Any]:
    engine = schema.open_engine(asked["database"])
    words, vault = wording.load(), new_vault()
    began = time.monotonic()
    journey = Journey(
        sessions=sessionmaker(engine, class_=Session, expire_on_commit=False),
        wording=words,
        vault=vault,
        clock=lambda: TUESDAY_TEN + timedelta(seconds=time.monotonic() - began),
        new_id=lambda: os.urandom(8).hex(),
    )
    application = build_application(new_builder(TOKEN, root=asked["root"]), journey)
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        await application.initialize()
        stack.push_async_callback(application.shutdown)
        sender = Sender(
            journey, TelegramChannel(application.bot), rate_per_s=asked["rate"], owner="bench", time=loop.time
        )
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        sending = asyncio.create_task(sender.run())
        said: dict[str, Any] = {}
        if asked["warm_up_s"]:
            await asyncio.sleep(asked["warm_up_s"])
        pulse.longest_s = 0.0
        left, used = _departed(engine), time.process_time()
        if asked.get("presses_per_s"):
            said |= await _presses(asked, journey, application)
        else:
            await asyncio.sleep(asked["seconds"])
        said |= {
            "messages": _departed(engine) - left,
            "cpu_s": time.process_time() - used,
            "stall_s": pulse.longest_s,
            "memory_mb": pulse.memory_mb,
        }
        sender.stop()
        await sending
        beating.cancel()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT state, count(*) FROM message WHERE id % 10 = 2 GROUP BY state"))
        said["states"] = dict(iter(rows))
    engine.dispose()
    return said


async def _presses(asked: dict[str, Any], journey: Journey, application: Any) -> dict[str, Any]:
    news = asyncio.Event()
    app = Starlette(routes=[webhook_route("/hook", SECRET, journey.take_in, news=news)])
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    working = asyncio.create_task(work(journey, application, news=news))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    order = {"url": url, "secret": SECRET, "per_s": asked["presses_per_s"], "seconds": asked["seconds"]}
    async with aiohttp.ClientSession() as session, session.post(f"{asked['root']}/press", json=order) as answer:
        said = await answer.json()
    working.cancel()
    server.should_exit = True
    await serving
    return dict(said)


def _departed(engine: Any) -> int:
    with engine.connect() as connection:
        gone = select(func.count()).select_from(MessageRow).where(MessageRow.state == "sent")
        return int(connection.execute(gone).scalar_one())


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    if order.get("core") is not None:
        os.sched_setaffinity(0, {order["core"]})
    told = asyncio.run(go(order) if order["database"] else bare(order))
    sys.stdout.write(json.dumps(told))
