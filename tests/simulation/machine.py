"""The bot's process: engine, journey, python-telegram-bot's application and sender, thrown away and built anew."""

import asyncio
from datetime import timedelta

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from telegram.ext import Application

from bot.journey import Delivered, Journey, Purpose
from bot.scheduler import LEARN_EVERY
from bot.store import schema
from bot.telegram.application import build_application
from bot.telegram.channel import TelegramChannel
from bot.telegram.inbox import poll, work
from bot.telegram.sender import Sender
from tests.simulation.faults import Life
from tests.simulation.wire import TOKEN, InProcess

LANES = 4
AT_ONCE_S = 0.2
DRAWN_WITH = b"the simulation's finding key, 32"


class Watched(Journey):
    """The real journey; the model hears of each commit that it makes, at the moment of that commit."""

    model = None
    witness = None

    def take_in(self, updates, whose):
        numbers = [number for number, _ in updates]
        try:
            super().take_in(updates, whose)
        except OperationalError:  # perhaps only the answer to the commit was lost
            numbers = self.witness.updates(numbers)
            raise
        finally:
            self.model.stored(numbers)

    def hear(self, update_id, speaker, heard):
        try:
            notice = super().hear(update_id, speaker, heard)
        except OperationalError:
            if self.witness.updates([update_id], done=True):
                self.model.heard(update_id)
            raise
        self.model.heard(update_id)
        return notice

    def depart(self, owner, messages, results=()):
        try:
            leaving = super().depart(owner, messages, results)
        except OperationalError:
            self.model.lost(self.witness.sending(messages))
            raise
        self.model.settled([(result.message, isinstance(result, Delivered)) for result in results])
        for outgoing in leaving:
            purpose = outgoing.purpose
            self.model.departs(
                outgoing.id, int(outgoing.chat), outgoing.text, nudge=purpose is Purpose.NUDGE,
                notice=purpose is Purpose.CONFIRMATION, note=purpose is Purpose.NOTE,
            )  # fmt: skip
        return leaving


class Machine:
    """One life of the process. `house` has what outlives it: database, clock, loop, chats, faults and the model."""

    def __init__(self, house, name: str) -> None:
        self.house, self.loop, self.life = house, house.loop, Life(house.faults)
        self.engine = schema.open_engine(house.url)
        if self.engine.dialect.name == "sqlite":
            # Nothing here has to outlive a power cut; that has tests of its own.
            event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self.life.watch(self.engine)
        self.sessions = sessionmaker(self.engine, class_=Session, expire_on_commit=False)
        self.journey = Watched(
            sessions=self.sessions,
            wording=house.wording,
            vault=house.vault,
            clock=house.clock.now,
            new_id=house.new_id,
            new_key=lambda: DRAWN_WITH,
            chat_gap=timedelta(seconds=house.chat_gap_s),
        )
        self.journey.model, self.journey.witness = house.model, house.witness
        builder = Application.builder().token(TOKEN).base_url("http://sandbox/bot").base_file_url("http://sandbox/file")
        builder = builder.request(self._client()).get_updates_request(self._client()).updater(None).job_queue(None)
        self.application = build_application(builder, self.journey)
        self.sender = Sender(
            self.journey, TelegramChannel(self.application.bot), lanes=LANES, owner=name, time=self.loop.time
        )
        self._ready = False

    def _client(self) -> InProcess:
        house = self.house
        return InProcess(house.sandbox, house.faults, self.life, house.model.arrived, house.model.unclear)

    def serve(self) -> None:
        """Fetch what citizens did, take it to heart and send all that may leave now."""
        self.loop.run(self._serve())

    async def _serve(self) -> None:
        if not self._ready:
            await self.application.initialize()
            self._ready = True
        news = asyncio.Event()
        serving = [
            asyncio.create_task(
                poll(self.application.bot, self.journey.take_in, request=self._client(), news=news, sleep=asyncio.sleep)
            ),
            asyncio.create_task(work(self.journey, self.application, news=news)),
        ]
        await asyncio.sleep(AT_ONCE_S)
        broken = [task.exception() for task in serving if task.done()]
        if broken:
            raise broken[0]
        await self.sender.deliver_due()
        for task in serving:
            task.cancel()
        ended = await asyncio.gather(*serving, return_exceptions=True)
        for outcome in ended:
            if not isinstance(outcome, asyncio.CancelledError | None):
                raise outcome

    def deliver(self) -> None:
        self.loop.run(self.sender.deliver_due())

    def tick(self) -> None:
        """What the scheduler's ticks do, each in its turn."""
        journey = self.journey
        journey.call_dates()
        while journey.plan():
            pass
        while journey.decide():
            pass
        journey.upkeep()

    def tidy(self) -> None:
        self.journey.learn_if_older_than(LEARN_EVERY)
        self.journey.tidy()

    def close(self) -> None:
        self.life.dead = True
        self.engine.dispose()
