"""The whole bot, as it runs, against the sandbox over HTTP: a citizen joins, is nudged, asks why, declines, stops."""

import asyncio
import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from sqlmodel import col, select

from bot import rehearsal, sandbox, signals, staff
from bot.errors import InTheWayError
from bot.journey import Journey
from bot.sandbox import MovableClock, Sandbox
from bot.service import Service
from bot.store.tables import ConsentRow, ContactRequestRow, OfferRow, StaffRow
from tests.botapi_spec import Spec, watching
from tests.world import World

TOKEN = "123:end-to-end"
SOURCE = "urn:nld:gemeente-voorbeeldstad:systeem:test"
ANNA, AMINA = 111, 333


@dataclass
class Stage:
    sandbox: Sandbox
    clock: MovableClock
    journey: Journey
    signals_url: str
    key: str
    changed: asyncio.Event

    async def until(self, holds):
        """Wait for something to be true, looking again at each call that the bot makes, and now and then besides."""
        async with asyncio.timeout(60):
            while not holds():
                self.changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.1)

    def texts(self, user):
        return [shown.text for shown in self.sandbox.messages(user)]

    def labels(self, user):
        return [button.label for shown in self.sandbox.messages(user) for button in shown.buttons]

    async def says(self, user, key, language="nl", **params):
        text = self.journey.wording.say(key, language, params)
        await self.until(lambda: any(text in said for said in self.texts(user)))

    async def press(self, user, key, language="nl"):
        label = self.journey.wording.say(f"button.{key}", language)
        await self.until(lambda: label in self.labels(user))
        self.sandbox.press(user, label)

    async def signal(self, kind, **content):
        event = {
            "specversion": "1.0", "id": f"e2e-{time.monotonic_ns()}", "source": SOURCE, "type": kind,
            "time": self.clock.now().isoformat(), "data": content,
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/cloudevents+json"}
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.signals_url, data=json.dumps(event), headers=headers) as answer,
        ):
            assert answer.status == 202, await answer.text()

    async def joins(self, user, *themes, language="nl"):
        self.sandbox.start(user, first_name="Test", language=language)
        await self.press(user, f"l.{language}", language)
        await self.press(user, "w.yes", language)
        wording = self.journey.wording
        for theme in wording.themes:
            about = wording.say(f"theme.{theme}", language)
            await self.until(lambda about=about: any(about in text for text in self.texts(user)[-1:]))
            await self.press(user, "t.yes" if theme in themes else "t.no", language)
        await self.press(user, "s.menu", language)


@pytest.fixture(params=["polling", "webhook"])
async def stage(request, sessions, engine, wording, vault, unused_tcp_port):
    """The service running against the sandbox; every call and update is checked against the published specification."""
    clock = MovableClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC), time.monotonic)
    changed = asyncio.Event()
    violations = []
    spec = Spec.load()
    watch = watching(spec, violations) if spec is not None else None

    def observe(method, params, answer):
        if watch is not None:
            watch(method, params, answer)
        changed.set()

    stand_in = Sandbox(token=TOKEN, clock=clock, observer=observe)
    running = await sandbox.start(stand_in)
    World(sessions, wording, vault).campaign()
    World(sessions, wording, vault).campaign("mantelzorg-verhaal")
    with sessions.begin() as session:
        types = signals.known_types(whole.facts() for whole in wording.cards.values())
        key = signals.new_key(session, SOURCE, types, by="test", now=clock.now())
    journey = Journey(
        sessions=sessions, wording=wording, vault=vault, clock=clock.now,
        new_id=lambda: f"{time.monotonic_ns():016x}"[-16:], chat_gap=timedelta(0),
    )  # fmt: skip
    service = Service(
        journey=journey, engine=engine, token=TOKEN, owner="test", time=time.monotonic, api_root=running.url,
        port=unused_tcp_port, plan_every_s=0.05,
        public_url=f"http://127.0.0.1:{unused_tcp_port}" if request.param == "webhook" else None,
    )  # fmt: skip
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(service.run(stop, ready=lambda _: ready.set()))
    async with asyncio.timeout(60):
        await asyncio.wait([task, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
    url = f"http://127.0.0.1:{unused_tcp_port}/v1/signals"
    yield Stage(stand_in, clock, journey, url, key, changed)
    stop.set()
    async with asyncio.timeout(60):
        await task
    await running.stop()
    assert violations == []


async def test_a_citizen_opts_in_is_nudged_asks_why_and_declines(stage):
    await stage.joins(ANNA, "money")
    await stage.signal("nl.kalenders.aanvraagtermijn-nadert.v1", kaart="zorgtoeslag", uiterlijk="2026-12-31")
    await stage.press(ANNA, "more")
    await stage.says(ANNA, "card.zorgtoeslag.body")
    await stage.press(ANNA, "why")
    await stage.until(lambda: any(stage.journey.wording.say("theme.money", "nl") in text for text in stage.texts(ANNA)))
    await stage.press(ANNA, "no")
    await stage.press(ANNA, "not_about_me")
    await stage.press(ANNA, "q.welcome")
    await stage.press(ANNA, "q.expected")
    await stage.says(ANNA, "survey.done")

    silent = [shown for shown in stage.sandbox.messages(ANNA) if shown.silent]
    assert len(silent) == 1
    with stage.journey.sessions() as session:
        assert list(session.exec(select(OfferRow.outcome))) == ["sent"]


async def test_a_citizen_asks_to_be_called_and_stops(stage):
    await stage.joins(ANNA, "money")
    await stage.signal("nl.kalenders.aanvraagtermijn-nadert.v1", kaart="zorgtoeslag", uiterlijk="2026-12-31")
    await stage.press(ANNA, "contact")
    await stage.press(ANNA, "c.phone")
    await stage.says(ANNA, "contact.number")
    stage.sandbox.contact(ANNA, "31206241111")
    await stage.press(ANNA, "c.morning")
    await stage.press(ANNA, "r.cancel")
    stage.sandbox.message(ANNA, "/stop")
    await stage.says(ANNA, "stop.done")

    with stage.journey.sessions() as session:
        [request] = session.exec(select(ContactRequestRow))
        assert (request.state, request.how, request.daypart) == ("cancelled", "phone", "morning")
        last = session.exec(select(ConsentRow).order_by(col(ConsentRow.id).desc())).first()
        assert last.state == "withdrawn"
    await stage.signal("nl.kalenders.aanvraagtermijn-nadert.v1", kaart="zorgtoeslag", uiterlijk="2026-12-31")


async def test_a_colleague_links_a_chat_and_tries_a_text_in_it(stage):
    journey = stage.journey
    with journey.sessions.begin() as session:
        eva = staff.NewStaff(login="eva", name="Eva", roles=["editor"])
        staff.add(session, eva, staff_id="eva", by="setup", now=stage.clock.now())
        code = rehearsal.new_code(session, journey.vault, "eva", now=stage.clock.now(), pick=secrets.choice).code
    stage.sandbox.start(ANNA, code, first_name="Eva", language="nl")
    await stage.says(ANNA, "test.linked")
    with journey.sessions.begin() as session:
        rehearsal.send(
            session, journey.wording, "eva", "zorgtoeslag.warm.1", "ar", key="one", now=stage.clock.now()
        )  # fmt: skip
    journey.on_queued()
    await stage.says(ANNA, "test.mark", "ar")

    [shown] = [shown for shown in stage.sandbox.messages(ANNA) if shown.buttons]
    assert shown.text.endswith(journey.wording.say("zorgtoeslag.warm.1", "ar"))
    stage.sandbox.press(ANNA, journey.wording.say("button.stop", "ar"))
    notice = journey.wording.say("test.notice", "nl")
    await stage.until(
        lambda: any(
            call.method == "answerCallbackQuery" and call.params.get("text") == notice for call in stage.sandbox.calls()
        )
    )
    with journey.sessions() as session:
        assert session.get(StaffRow, "eva").chat_citizen is not None
        assert list(session.exec(select(OfferRow))) == []


async def test_a_sensitive_subject_in_arabic_opens_after_a_tap(stage):
    await stage.joins(AMINA, "care", language="ar")
    stage.sandbox.message(AMINA, "/situation")
    label = stage.journey.wording.say("situation.looks-after", "ar")
    await stage.until(lambda: label in stage.labels(AMINA))
    stage.sandbox.press(AMINA, label)
    rule = next(
        rule
        for rule in stage.journey.wording.cards["mantelzorg"].facts().signals
        if rule.type == "nl.inwonersituaties.zorgt-voor-iemand-gemeld.v1"
    )
    stage.clock.move_to(datetime(2026, 11, 24, 10, tzinfo=UTC) + timedelta(days=max(rule.earliest_day, 0)))
    await stage.press(AMINA, "more", "ar")
    await stage.says(AMINA, "card.mantelzorg.body", "ar")


async def test_blocking_withdraws_and_nothing_more_is_sent(stage):
    await stage.joins(ANNA, "money")
    stage.sandbox.block(ANNA)

    def withdrawn():
        with stage.journey.sessions() as session:
            return "withdrawn" in set(session.exec(select(ConsentRow.state)))

    await stage.until(withdrawn)
    before = len(stage.sandbox.messages(ANNA))
    await stage.signal("nl.kalenders.aanvraagtermijn-nadert.v1", kaart="zorgtoeslag", uiterlijk="2026-12-31")
    await asyncio.to_thread(stage.journey.plan)
    await asyncio.to_thread(stage.journey.decide)
    assert len(stage.sandbox.messages(ANNA)) == before


async def test_an_update_that_comes_twice_is_answered_once(stage):
    stage.sandbox.duplicate(1)
    stage.sandbox.start(ANNA, first_name="Anna", language="nl")
    await stage.press(ANNA, "l.nl")
    await stage.press(ANNA, "w.yes")
    await stage.until(lambda: stage.journey.wording.say("button.t.yes", "nl") in stage.labels(ANNA))

    asked = [text for text in stage.texts(ANNA) if "English" in text]
    assert len(asked) <= 1


async def test_a_port_that_is_taken_is_named(sessions, engine, wording, vault, unused_tcp_port):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", unused_tcp_port)
    journey = Journey(
        sessions=sessions, wording=wording, vault=vault, clock=lambda: datetime(2026, 11, 24, tzinfo=UTC), new_id=str
    )
    service = Service(
        journey=journey, engine=engine, token=TOKEN, owner="test", time=time.monotonic, port=unused_tcp_port
    )
    with pytest.raises(InTheWayError, match=str(unused_tcp_port)):
        await service.run(asyncio.Event(), ready=lambda _: None)
    server.close()
    await server.wait_closed()
