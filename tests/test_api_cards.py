"""Cards for anybody over HTTP, and offers by professionals."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import httpx
import pytest
from jsonschema import Draft202012Validator
from sqlmodel import select

from bot import api, cards, offers, signals, wording
from bot.api.cards import best_language
from bot.core.facts import CardStatus, Origin
from bot.store.tables import AuditRow, LinkCodeRow, SignalRow
from tests.world import World

SHIPPED = wording.load()
OFFER = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
DESK = "urn:nld:oin:00000001234567890000:systeem:wijkteam"


def changed(said=SHIPPED, card="stadspas", **changes):
    return replace(said, cards={**said.cards, card: said.cards[card].model_copy(update=changes)})


class Server:
    """The interface over a small town; `wording` can be another one."""

    def __init__(self, world, said):
        self.world = world
        world.journey.wording = said
        self.app = api.build(
            receive=world.journey.receive,
            offer=partial(offers.offer, world.journey),
            sources=self.find,
            wording=lambda: said,
            clock=lambda: world.now,
        )

    def find(self, key):
        with self.world.sessions.begin() as session:
            return signals.find_source(session, key, now=self.world.now)

    def key(self, *types):
        with self.world.sessions.begin() as session:
            return signals.new_key(session, DESK, types or [OFFER], by="Anna", now=self.world.now)

    def client(self):
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://bot.example")

    async def get(self, path, **headers):
        async with self.client() as client:
            return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def offer(self, key, media_type="application/json", **said):
        content = said.get("raw") or json.dumps(OFFERED | said).encode()
        sent = {"X-API-Key": key, "Content-Type": media_type}
        async with self.client() as client:
            return await client.post("/v1/offers", content=content, headers=sent)


OFFERED = {"kaart": "stadspas", "deelnemer": "ref-0001", "door": "F. de Boer, Wijkteam Noord", "instemming": True}


@pytest.fixture
def world(sessions, vault):
    return World(sessions, SHIPPED, vault)


@pytest.fixture
def serve(world):
    return lambda said=SHIPPED: Server(world, said)


# Cards.


async def test_anybody_may_read_the_cards_without_a_key(serve):
    answer = await serve().get("/v1/cards")

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"].startswith("public")
    assert [card["id"] for card in answer.json()["cards"]] == sorted(SHIPPED.cards)
    assert {card["example"] for card in answer.json()["cards"]} == {True}


async def test_a_card_tells_what_it_is_for_whom_how_to_recognise_it_and_whom_to_call(serve):
    card = (await serve().get("/v1/cards/stadspas")).json()

    assert card["name"] == "Stadspas"
    assert "{" not in card["body"]
    assert card["whom"] == [SHIPPED.say("card.stadspas.whom", "nl")]
    assert card["signs"] == [SHIPPED.say("card.stadspas.signs", "nl")]
    assert SHIPPED.say("situation.moved", "nl") in card["said"]
    assert card["contact"]["phone"] == SHIPPED.municipality.phone
    assert {one["card"] for one in card["related"]} == {one.card for one in SHIPPED.cards["stadspas"].related}
    assert all(card[part] for part in ("wanted", "signals", "providers", "reuse", "weighing"))


@pytest.mark.parametrize("name", sorted(SHIPPED.cards))
async def test_no_name_of_staff_is_in_a_card(serve, name):
    card = SHIPPED.cards[name]
    text = (await serve().get(f"/v1/cards/{name}")).text

    for person in (*card.approved_by, card.weighing.decided_by, card.owner, "decided_by", "approved_by"):
        assert person not in text


@pytest.mark.parametrize("language", SHIPPED.languages)
async def test_a_card_comes_in_the_language_that_is_asked_for(serve, language):
    answer = await serve().get("/v1/cards/zorgtoeslag", accept_language=f"{language}, nl;q=0.2")

    assert answer.headers["content-language"] == answer.json()["language"] == language
    assert "Accept-Language" in answer.headers["vary"]
    assert answer.json()["plain"] == SHIPPED.say("card.zorgtoeslag.plain", language)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "nl"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("fr, ar-EG;q=0.8, en;q=0.5", "ar"),
        ("fr", "nl"),
        ("*", "nl"),
        ("en;q=0, *;q=0.5", "nl"),
        ("nl;q=0, en;q=0.1", "en"),
        ("nl;q=0", "nl"),
        ("en;q=2, ar", "ar"),
        (";;,q=1,\x00", "nl"),
    ],
)
def test_the_language_is_the_one_that_is_wanted_most(header, language):
    assert best_language(header, ("nl", "en", "ar")) == language


async def test_who_has_the_answer_already_gets_no_second_one(serve):
    server = serve()
    first = await server.get("/v1/cards/stadspas")
    tag = first.headers["etag"]

    again = await server.get("/v1/cards/stadspas", if_none_match=f'"other", W/{tag}')
    english = await server.get("/v1/cards/stadspas", if_none_match=tag, accept_language="en")
    newer = await serve(changed(version=2)).get("/v1/cards/stadspas", if_none_match=tag)

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert english.status_code == newer.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"status": CardStatus.DRAFT},
        {"status": CardStatus.SUSPENDED},
        {"status": CardStatus.EXPIRED},
        {"valid_until": date(2026, 11, 23)},
        {"valid_from": date(2026, 11, 25)},
    ],
)
async def test_only_cards_that_are_published_and_in_date_are_on_show(serve, changes):
    server = serve(changed(**changes))

    assert "stadspas" not in {card["id"] for card in (await server.get("/v1/cards")).json()["cards"]}
    assert (await server.get("/v1/cards/stadspas")).status_code == 404


@pytest.mark.parametrize("name", ["geen", "STADSPAS", "a" * 3000])
async def test_a_card_that_is_not_there_is_a_problem_that_says_which_there_are(serve, name):
    answer = await serve().get(f"/v1/cards/{name}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("name", sorted(SHIPPED.cards))
async def test_what_comes_follows_the_document(serve, name):
    server = serve()
    document = (await server.get("/openapi.json")).json()

    for path, schema in (("/v1/cards", "CardList"), (f"/v1/cards/{name}", "Card")):
        content = (await server.get(path)).json()
        whole = {"components": document["components"], "$ref": f"#/components/schemas/{schema}"}
        Draft202012Validator(whole).validate(content)


def test_the_policy_officer_sees_the_same_card_and_more():
    card = SHIPPED.cards["stadspas"]
    shown = cards.view(card, SHIPPED, "nl")

    assert shown["wanted"]["groups"] == cards.whole(card)["wanted"]["groups"]
    assert cards.whole(card)["approved_by"] == card.approved_by


# Offers.


def trail(world):
    with world.sessions() as session:
        return [row for row in session.exec(select(AuditRow)) if row.action == "offer"]


async def test_an_offer_with_agreement_becomes_a_signal_and_stands_in_the_audit_trail(serve, world):
    server = serve()
    answer = await server.offer(server.key())

    [signal] = world.signals()
    [receipt] = answer.json()["receipts"]
    assert answer.status_code == 202
    assert receipt == {"event": signal.external_id, "id": signal.id, "fresh": True}
    assert (signal.type, signal.origin, signal.card) == (OFFER, Origin.PROFESSIONAL, "stadspas")
    assert (signal.said_by, signal.data["instemming"]) == ("F. de Boer, Wijkteam Noord", True)
    [row] = trail(world)
    assert (row.who, row.subject) == ("F. de Boer, Wijkteam Noord", "stadspas")
    assert row.detail == {"event": signal.external_id, "source": DESK, "agreed": True}
    assert "ref-0001" not in json.dumps(row.detail)


async def test_an_offer_reaches_the_person_whose_code_it_names(serve, world):
    server = serve()
    world.campaign("stadspas")
    code = world.code_for("ref-0001")
    world.joins("7", "free-time", code=code)

    answer = await server.offer(server.key(), deelnemer=code.lower())
    [nudge] = world.tick()
    world.choose("7", "why")

    assert answer.status_code == 202
    assert nudge.chat == "7"
    assert "F. de Boer, Wijkteam Noord" in world.phones["7"].last.text


@pytest.mark.parametrize(
    ("said", "attribute"),
    [
        ({"instemming": False}, "instemming"),
        ({"instemming": None}, "instemming"),
        ({"instemming": "ja"}, "instemming"),
        ({"kaart": "geen"}, "kaart"),
        ({"kaart": None}, "kaart"),
        ({"kaart": ["stadspas"]}, "kaart"),
        ({"door": "F. de Boer"}, "door"),
        ({"door": ", Wijkteam Noord"}, "door"),
        ({"door": "x" * 50 + ", " + "y" * 50}, "door"),
        ({"deelnemer": None}, "deelnemer"),
        ({"deelnemer": "111222333"}, "deelnemer"),
        ({"deelnemer": "a b"}, "deelnemer"),
        ({"bedrag": 100}, "bedrag"),
    ],
)
async def test_an_offer_that_is_not_whole_is_refused_with_what_to_mend(serve, world, said, attribute):
    server = serve()
    answer = await server.offer(server.key(), **said)

    assert answer.status_code == 422
    assert [fault["attribute"] for fault in answer.json()["faults"]] == [attribute]
    assert world.signals() == trail(world) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"professional_discretion": False},
        {"status": CardStatus.SUSPENDED},
        {"signals": [one for one in SHIPPED.cards["stadspas"].signals if one.origin is not Origin.PROFESSIONAL]},
    ],
)
async def test_a_card_that_leaves_nothing_to_professionals_cannot_be_offered(serve, world, changes):
    server = serve(changed(**changes))
    answer = await server.offer(server.key())

    assert answer.status_code == 422
    assert [fault["attribute"] for fault in answer.json()["faults"]] == ["kaart"]
    assert world.signals() == []


async def test_the_same_offer_on_one_day_has_its_effect_once(serve, world):
    server = serve()
    key = server.key()
    first = (await server.offer(key)).json()["receipts"][0]
    again = (await server.offer(key)).json()["receipts"][0]
    world.later(days=1)
    tomorrow = (await server.offer(key)).json()["receipts"][0]

    assert (first["fresh"], again["fresh"], tomorrow["fresh"]) == (True, False, True)
    assert first["id"] == again["id"] != tomorrow["id"]


async def test_whether_somebody_stands_behind_a_reference_is_not_told(serve, world):
    server = serve()
    key = server.key()
    world.joins("7", "free-time", code=world.code_for("ref-0001"))

    known, unknown = await server.offer(key), await server.offer(key, deelnemer="ref-0002")

    assert known.status_code == unknown.status_code == 202
    assert known.json()["receipts"][0].keys() == unknown.json()["receipts"][0].keys()


async def test_a_code_that_does_not_fit_is_refused_and_five_misses_close_it(serve, world):
    server = serve()
    key, code = server.key(), world.code_for("ref-0001")
    wrong = f"{code[:5]}{'A' * 8}" if not code.endswith("A" * 8) else f"{code[:5]}{'B' * 8}"

    answers = [await server.offer(key, deelnemer=wrong) for _ in range(5)]
    right = await server.offer(key, deelnemer=code)

    assert {answer.status_code for answer in answers} == {422}
    assert right.status_code == 422
    with world.sessions() as session:
        assert session.exec(select(LinkCodeRow.tries)).one() == 5
        assert session.exec(select(SignalRow)).all() == []


async def test_an_offer_needs_the_key_of_a_source_that_may_make_it(serve, world):
    server = serve()
    key = server.key("nl.kalenders.aanvraagtermijn-nadert.v1")

    assert (await server.offer("hr_unknown")).status_code == 401
    refused = await server.offer(key)

    assert refused.status_code == 403
    assert world.signals() == []


@pytest.mark.parametrize(
    ("raw", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * 300_000 + b'"', "application/json", 413),
    ],
)
async def test_what_is_no_offer_is_a_problem(serve, raw, media_type, status):
    server = serve()
    answer = await server.offer(server.key(), media_type=media_type, raw=raw)

    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_nobody_can_have_a_key_in_the_name_of_the_desk(sessions):
    with sessions() as session, pytest.raises(Exception, match="no name for a source"):
        signals.new_key(session, offers.DESK, [OFFER], by="Anna", now=datetime(2026, 11, 24, tzinfo=UTC))
