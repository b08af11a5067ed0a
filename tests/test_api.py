import asyncio
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from bot import api, offers, signals, wording
from bot.api.pace import neighbourhood
from bot.journey import Journey
from bot.signals.cloudevent import BATCH, STRUCTURED
from bot.store.tables import SignalRow

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
CALENDAR = "nl.kalenders.aanvraagtermijn-nadert.v1"
OFFER = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
NAME = "urn:nld:oin:00000001234567890000:systeem:kalender"
SHIPPED = wording.load()
CARDS = frozenset(SHIPPED.cards)
KNOWN = signals.known_types(card.facts() for card in SHIPPED.cards.values())


class Tap:
    """The way into a real journey, with a record of what went through. `holding`: calls wait until it is set."""

    def __init__(self, sessions, shipped, vault, clock):
        self.sessions = sessions
        self.journey = Journey(
            sessions=sessions, wording=shipped, vault=vault, clock=clock, new_id=map("id-{}".format, count()).__next__
        )
        self.calls = []
        self.failing = lambda incoming: None
        self.holding = threading.Event()
        self.holding.set()

    def receive(self, incoming):
        self.calls.append([signal.external_id for signal in incoming])
        self.holding.wait(30)
        if error := self.failing(incoming):
            raise error
        return self.journey.receive(incoming)

    def kept(self):
        with self.sessions() as session:
            return sorted(session.exec(select(SignalRow.external_id)))


class World:
    def __init__(self, sessions, tap):
        self.now = NOW
        self.sessions = sessions
        self.tap = tap
        self.missing = None
        self.key = self.new_key(NAME, {CALENDAR, OFFER})
        self.serve()

    def serve(self, **limits):
        self.app = api.build(
            receive=self.tap.receive,
            sources=self.find,
            offer=partial(offers.offer, self.tap.journey),
            wording=lambda: SHIPPED,
            clock=lambda: self.now,
            ready=lambda: self.missing,
            limits=api.Limits(**limits),
        )

    def find(self, key):
        with self.sessions() as session:
            source = signals.find_source(session, key, now=self.now)
            session.commit()
            return source

    def new_key(self, name, types):
        with self.sessions() as session:
            key = signals.new_key(session, name, types, by="Anna", now=self.now)
            session.commit()
            return key

    def client(self):
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://bot.example")

    async def post(self, body, *, media_type=STRUCTURED, key=None, headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {key or self.key}", "Content-Type": media_type} | (headers or {})
        async with self.client() as client:
            return await client.post("/v1/signals", content=content, headers=sent)

    async def get(self, path):
        async with self.client() as client:
            return await client.get(path)


@pytest.fixture
def tap(sessions, vault):
    return Tap(sessions, SHIPPED, vault, lambda: NOW)


@pytest.fixture
def world(sessions, tap):
    return World(sessions, tap)


def event(number="e-1", **attributes):
    whole = {"specversion": "1.0", "id": number, "source": NAME, "type": CALENDAR, "time": "2026-06-15T07:00:00Z"}
    return whole | {"data": {"kaart": "zorgtoeslag", "uiterlijk": "2026-09-01"}} | attributes


def assert_problem(response, status):
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    return problem


async def test_a_signal_is_taken_in_and_acknowledged(world):
    response = await world.post(event())

    assert response.status_code == 202
    [receipt] = response.json()["receipts"]
    assert (receipt["event"], receipt["fresh"]) == ("e-1", True)
    with world.sessions() as session:
        kept = session.get(SignalRow, receipt["id"])
        assert (kept.external_id, kept.card, kept.outcome) == ("e-1", "zorgtoeslag", None)
        assert kept.occurred_at == datetime(2026, 9, 1, tzinfo=ZONE)


async def test_a_signal_in_binary_mode_has_its_attributes_in_headers(world):
    headers = {"ce-specversion": "1.0", "ce-id": "e%2D1", "ce-source": NAME, "ce-type": CALENDAR}

    response = await world.post({"kaart": "zorgtoeslag"}, media_type="application/json", headers=headers)

    assert response.status_code == 202
    assert world.tap.kept() == ["e-1"]


async def test_a_batch_has_its_receipts_in_order(world):
    response = await world.post([event("2"), event("1"), event("2")], media_type=BATCH)

    assert [(told["event"], told["fresh"]) for told in response.json()["receipts"]] == [
        ("2", True),
        ("1", True),
        ("2", False),
    ]


async def test_a_signal_has_its_effect_once_however_often_it_is_posted_at_once(world):
    responses = await asyncio.gather(*(world.post(event()) for _ in range(20)))

    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["receipts"][0]["id"] for response in responses}) == 1
    assert sum(response.json()["receipts"][0]["fresh"] for response in responses) == 1
    assert world.tap.kept() == ["e-1"]


async def test_the_same_signal_from_requests_that_wait_together_is_fresh_for_the_first_only(tap):
    intake = api.Intake(tap.receive)

    taken = await asyncio.gather(*(intake.hand_in([_signal("e-1"), _signal(f"own-{n}")]) for n in range(3)))

    assert tap.calls == [["e-1", "own-0", "own-1", "own-2"]]
    assert [[receipt.fresh for receipt in receipts] for receipts in taken] == [
        [True, True],
        [False, True],
        [False, True],
    ]


async def test_one_request_does_not_fail_because_of_another_that_waits_with_it(tap):
    tap.failing = lambda incoming: ValueError() if any(s.external_id == "bad" for s in incoming) else None
    tap.holding.clear()
    intake = api.Intake(tap.receive)
    taken = [asyncio.create_task(intake.hand_in([_signal(number)])) for number in ("1", "bad", "2")]
    await asyncio.sleep(0)
    tap.holding.set()

    answers = await asyncio.gather(*taken, return_exceptions=True)

    assert [type(answer).__name__ for answer in answers] == ["list", "ValueError", "list"]
    assert tap.kept() == ["1", "2"]


async def test_waiting_requests_are_stored_in_one_call_and_no_call_is_too_large(tap):
    intake = api.Intake(tap.receive, most=3)

    taken = await asyncio.gather(*(intake.hand_in([_signal(f"{number}")]) for number in range(7)))

    assert [[receipt.fresh for receipt in receipts] for receipts in taken] == [[True]] * 7
    assert tap.calls == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


async def test_a_request_larger_than_a_call_goes_whole(tap):
    intake = api.Intake(tap.receive, most=3)

    receipts = await intake.hand_in([_signal(f"{number}") for number in range(5)])

    assert len(receipts) == 5
    assert tap.calls == [["0", "1", "2", "3", "4"]]


async def test_a_request_that_hung_up_is_stored_all_the_same(tap):
    tap.holding.clear()
    intake = api.Intake(tap.receive)
    gone = asyncio.create_task(intake.hand_in([_signal("gone")]))
    await asyncio.sleep(0)
    stays = asyncio.create_task(intake.hand_in([_signal("stays")]))
    await asyncio.sleep(0)
    gone.cancel()
    tap.holding.set()

    assert [receipt.fresh for receipt in await stays] == [True]
    assert tap.kept() == ["gone", "stays"]


def _signal(number):
    return signals.Incoming(
        source=NAME, external_id=number, type=CALENDAR, origin=KNOWN[CALENDAR], occurred_at=NOW, card="zorgtoeslag"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer hr_guess"},
        {"Authorization": "Basic abc"},
        {"Authorization": "", "X-API-Key": "hr_guess"},
        {"Authorization": b"Bearer \xff\xfe"},
    ],
)
async def test_without_a_key_that_works_nothing_is_taken(world, headers):
    response = await world.post(event(), headers=headers)

    assert_problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert world.tap.calls == []


async def test_the_key_may_come_in_a_header_of_its_own(world):
    response = await world.post(event(), headers={"Authorization": "", "X-API-Key": world.key})

    assert response.status_code == 202


async def test_a_revoked_key_is_refused_within_a_second(world):
    assert (await world.post(event("1"))).status_code == 202
    with world.sessions() as session:
        signals.revoke_key(session, NAME, by="Anna", now=world.now)
        session.commit()
    world.now += timedelta(seconds=1)

    assert_problem(await world.post(event("2")), 401)
    assert world.tap.kept() == ["1"]


async def test_a_key_cannot_speak_for_another_source_or_of_another_type(world):
    other = world.new_key("urn:nld:gemeente-x.wijkteam", {OFFER})

    foreign = assert_problem(await world.post(event(), key=other), 403)

    assert {fault["attribute"] for fault in foreign["faults"]} == {"source", "type"}
    assert world.tap.calls == []


async def test_a_refusal_names_each_attribute_and_takes_nothing(world):
    problem = assert_problem(
        await world.post([event("good"), event("bad", time="gisteren", subject="x")], media_type=BATCH), 422
    )

    assert {fault["attribute"] for fault in problem["faults"]} == {"[1].time", "[1].subject"}
    assert all(fault["mend"] for fault in problem["faults"])
    assert world.tap.calls == []


async def test_hundreds_of_faults_are_counted_and_the_first_are_told(world):
    problem = assert_problem(await world.post([event(time="x")] * 300, media_type=BATCH), 422)

    assert len(problem["faults"]) == 100
    assert problem["detail"].startswith("300 to mend")


async def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(world):
    async def piecemeal():
        for _ in range(300):
            yield b" " * 1024

    async with world.client() as client:
        headers = {"Authorization": f"Bearer {world.key}", "Content-Type": STRUCTURED}
        announced = await client.post("/v1/signals", content=b" " * (256 * 1024 + 1), headers=headers)
        unannounced = await client.post("/v1/signals", content=piecemeal(), headers=headers)

    assert_problem(announced, 413)
    assert_problem(unannounced, 413)


async def test_a_body_may_be_as_large_as_the_limit(world):
    whole = json.dumps(event()).encode()

    assert (await world.post(whole + b" " * (256 * 1024 - len(whole)))).status_code == 202


async def test_a_key_that_knocks_too_often_is_told_when_to_come_back_and_others_are_not(world):
    world.serve(per_minute=3)
    other_name = "urn:nld:gemeente-x.ander"
    other = world.new_key(other_name, {CALENDAR})

    statuses = [(await world.post(event(f"{number}"))).status_code for number in range(3)]
    world.now += timedelta(seconds=22.5)
    refused = await world.post(event("4"))

    assert statuses == [202] * 3
    assert_problem(refused, 429)
    assert int(refused.headers["retry-after"]) == 38
    assert (await world.post(event("5", source=other_name), key=other)).status_code == 202
    assert "4" not in world.tap.kept()
    world.now += timedelta(seconds=38)
    assert (await world.post(event("6"))).status_code == 202


async def test_a_clock_that_was_set_back_shuts_nobody_out(world):
    world.serve(per_minute=1)
    assert (await world.post(event("1"))).status_code == 202
    world.now -= timedelta(hours=3)

    assert (await world.post(event("2"))).status_code == 202


async def test_who_guesses_keys_is_not_even_looked_up_any_more_and_a_key_that_works_goes_on(world):
    looked, look = [], world.find
    world.find = lambda key: looked.append(key) or look(key)
    world.serve(wrong_per_minute=3)
    assert (await world.post(event("1"))).status_code == 202
    guesses = [await world.post(event(), key=f"hr_guess{number}") for number in range(5)]
    world.now += timedelta(seconds=2)  # the answers of a second ago are not trusted any more
    known = await world.post(event("2"))

    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429, 429]
    assert guesses[-1].headers["retry-after"] == "60"
    assert known.status_code == 202
    assert looked == [world.key, "hr_guess0", "hr_guess1", "hr_guess2", world.key]
    world.now += timedelta(seconds=60)
    assert (await world.post(event(), key="hr_guess9")).status_code == 401


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        (None, "testclient", True),
    ],
)
def test_an_address_is_counted_with_those_that_one_subscriber_has(one, other, together):
    assert (neighbourhood(one) == neighbourhood(other)) is together


async def test_a_database_that_is_away_is_said_to_be(world):
    world.tap.failing = lambda _: OperationalError("INSERT", {}, ConnectionError("secret-host"))

    responses = await asyncio.gather(*(world.post(event(f"{number}")) for number in range(5)))

    for response in responses:
        assert_problem(response, 503)
        assert response.headers["retry-after"]
        assert "secret-host" not in response.text
    world.tap.failing = lambda _: None
    assert (await world.post(event("0"))).status_code == 202


async def test_a_fault_of_ours_shows_nothing_of_our_insides(world):
    world.tap.failing = lambda _: RuntimeError("secret-path")

    response = await world.post(event())

    assert_problem(response, 500)
    assert "secret-path" not in response.text
    assert "Traceback" not in response.text
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("POST", "/v1/signals/", 404), ("GET", "/v1/signals", 405), ("GET", "/docs", 404)],
)
async def test_what_is_not_there_is_a_problem_too(world, method, path, status):
    async with world.client() as client:
        response = await client.request(method, path)

    assert_problem(response, status)


@pytest.mark.parametrize("path", ["/v1/signals", "/health/live", "/openapi.json", "/nowhere"])
async def test_every_answer_has_its_version_and_is_kept_out_of_caches(world, path):
    response = await world.get(path)

    assert response.headers["api-version"] == "1.0.0"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["strict-transport-security"]


async def test_it_says_whether_it_lives_and_whether_it_is_ready(world):
    assert (await world.get("/health/live")).json() == {"status": "live"}
    assert (await world.get("/health/ready")).json() == {"status": "ready"}

    world.missing = "The database has an older shape; run handreiking migrate."

    assert assert_problem(await world.get("/health/ready"), 503)["detail"] == world.missing
    assert (await world.get("/health/live")).status_code == 200


async def test_logs_name_no_person_and_no_key(world, caplog):
    caplog.set_level(logging.DEBUG)
    data = {"deelnemer": "p_7Qk2mVn4xZ", "team": "Wijkteam Noord", "instemming": True}

    await world.post(event(type=OFFER, data=data))
    await world.post(event(type=OFFER, data=data | {"naam": "J. Jansen"}))

    told = " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("bot"))
    assert told
    for secret in ("p_7Qk2mVn4xZ", "Wijkteam Noord", "Jansen", world.key):
        assert secret not in told


_junk = st.binary(max_size=120) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_broken = st.dictionaries(
    st.sampled_from(["id", "source", "type", "specversion", "time", "data", "datacontenttype", "subject"]),
    st.none()
    | st.integers()
    | st.text(max_size=8)
    | st.dictionaries(st.text(min_size=1, max_size=5), st.text(), max_size=2),
    max_size=3,
).map(lambda odd: event() | odd)


def test_nothing_that_is_posted_is_a_fault_of_ours_or_has_an_effect_when_it_is_refused(world):
    world.serve(per_minute=10_000)
    media_types = st.sampled_from([STRUCTURED, BATCH, "application/json", "text/plain", "application/cloudevents+xml"])

    with asyncio.Runner() as runner:

        @settings(max_examples=150)
        @given(body=_junk | _broken | st.lists(_broken, max_size=3), media_type=media_types, numbered=st.booleans())
        def holds(body, media_type, numbered):
            headers = {"ce-id": "é", "ce-time": "%FF", "ce-": "x"} if numbered else {}
            headers = {name: value.encode() for name, value in headers.items()}
            before = world.tap.kept()

            response = runner.run(world.post(body, media_type=media_type, headers=headers))

            if response.status_code == 202:
                assert {told["event"] for told in response.json()["receipts"]} <= set(world.tap.kept())
            else:
                assert_problem(response, response.status_code)
                assert 400 <= response.status_code < 500
                assert world.tap.kept() == before

        holds()
