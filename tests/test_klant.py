"""Requests for contact in Open Klant and as events: told once it is sure, and what became of them there."""

import asyncio
import base64
import json
import os
import re
import sys
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

import bot.operating
from bot import cli, contacts, klant, mydata, settings
from bot.cli import fitness
from bot.contacts import Signature
from bot.core.talk import AskContact
from bot.errors import SettingsError
from bot.klant import Target, What, payloads
from bot.klant.checkup import wrong
from bot.klant.events import signed
from bot.klant.outbox import GIVES_UP, growing
from bot.klant.places import EventsAt, OpenKlantAt, keys_of
from bot.klant.wire import retry_after
from bot.klant.worker import Teller
from bot.operating import doctor
from bot.roles import Role
from bot.service import Service
from bot.store.keys import write_keys
from bot.store.tables import AuditRow, CitizenRow, ContactRequestRow, KlantTaskRow, OutgoingRow
from tests.open_klant import ACTOR, ROOT, TOKEN, Fault, OpenKlant, faults, served
from tests.world import TUESDAY_TEN, World

ANNA, BRAM = "111", "222"
PHONE = "+31612345678"
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes, for the tests.").decode()
OLDER = "whsec_" + base64.b64encode(b"thirty-two bytes, of last year..").decode()
PAYLOADS = Path(__file__).parents[2] / "shared" / "data" / "payloads"


@pytest.fixture
def town(sessions, wording, vault):
    world = World(sessions, wording, vault)
    for chat in (ANNA, BRAM):
        world.say(chat, "/start")
    return world


@pytest.fixture
async def there():
    """Open Klant, and where it is."""
    stand_in = OpenKlant()
    async with served(stand_in.app()) as address:
        stand_in.at = OpenKlantAt(root=f"{address}{ROOT}", token=TOKEN, actor=ACTOR)
        yield stand_in
        stand_in.released.set()


class Receiver:
    """Whoever takes our events. `answers` come first, one for each call; then 204."""

    def __init__(self):
        self.got, self.answers = [], []

    def app(self):
        app = web.Application()
        app.router.add_post("/hook", self.take)
        return app

    async def take(self, request):
        self.got.append((dict(request.headers), await request.read()))
        return self.answers.pop(0) if self.answers else web.Response(status=204)

    @property
    def events(self):
        return [json.loads(body) for _, body in self.got]

    @property
    def kinds(self):
        return [event["type"].removeprefix("nl.proactieve-diensten.contactverzoek-") for event in self.events]


@pytest.fixture
async def receiver():
    taker = Receiver()
    async with served(taker.app()) as address:
        taker.at = EventsAt(url=f"{address}/hook?key=hidden", keys=keys_of(SECRET), source="urn:test:handreiking")
        yield taker


def telling(town, *, open_klant=None, events=None, owner="teller", close=None, patience_s=5.0):
    journey = town.journey
    return Teller(
        sessions=town.sessions, wording=lambda: town.wording, vault=town.vault, clock=lambda: town.now, owner=owner,
        close=close or partial(journey.close_elsewhere, by=klant.THEIR_STAFF), open_klant=open_klant, events=events,
        patience_s=patience_s,
    )  # fmt: skip


def asks(town, chat, how, daypart, phone=None):
    """As the end of the talk has it."""
    who = town.citizen(chat).id
    with town.sessions.begin() as session:
        citizen = session.get(CitizenRow, who)
        day = contacts.promise(session, town.wording, town.now.date())
        asked = AskContact(message=None, how=how, daypart=daypart, phone=phone, promised_by=day)
        contacts.ask(session, town.vault, citizen, asked, update=next(town.updates), now=town.now)


def asks_to_be_called(town, chat=ANNA):
    asks(town, chat, "phone", "morning", PHONE)


def asks_in_the_chat(town, chat=BRAM):
    asks(town, chat, "chat", "any")


def request_of(town, chat=ANNA):
    with town.sessions() as session:
        who = col(ContactRequestRow.citizen_id) == town.citizen(chat).id
        return session.exec(select(ContactRequestRow).where(who).order_by(col(ContactRequestRow.id).desc())).first()


def outgoing(town, *columns):
    with town.sessions() as session:
        rows = session.exec(select(OutgoingRow).order_by(col(OutgoingRow.id))).all()
        return [tuple(getattr(row, name) for name in columns or ("target", "what", "state")) for row in rows]


def task_of(town, chat=ANNA):
    with town.sessions() as session:
        return session.get(KlantTaskRow, request_of(town, chat).id)


def standing(town):
    with town.sessions() as session:
        return {one.target: one for one in klant.standing(session)}


def close_here(town, chat=ANNA):
    request = request_of(town, chat).id
    with town.sessions.begin() as session:
        contacts.done(session, town.wording, request, by="mei", now=town.now)


# Open Klant.


async def test_who_asks_to_be_called_is_a_contact_a_number_and_a_task_there(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    assert outgoing(town) == [("open_klant", "asked", "due")]

    assert await teller.round() == 1

    (contact,), (party,) = there.contacts.values(), there.parties.values()
    (address,), (task,) = there.addresses.values(), there.tasks.values()
    reference = klant.reference(town.vault, request_of(town).id)
    promised = request_of(town).promised_by.isoformat()
    assert contact["taal"] == "nld"
    assert contact["vertrouwelijk"] is True
    assert contact["metadata"]["kenmerk"] == contact["referentienummer"] == reference
    assert reference in task["toelichting"]
    assert f"uiterlijk {promised}" in task["toelichting"]
    assert address["adres"] == PHONE
    assert address["verstrektDoorBetrokkene"] == {"uuid": party["uuid"]}
    assert task["aanleidinggevendKlantcontact"] == {"uuid": contact["uuid"]}
    assert task["toegewezenAanActoren"] == [{"uuid": ACTOR}]
    assert task["status"] == "te_verwerken"
    kept = task_of(town)
    assert (kept.contact, kept.party, kept.address, kept.task) == (
        contact["uuid"], party["uuid"], address["uuid"], task["uuid"],
    )  # fmt: skip
    assert outgoing(town) == [("open_klant", "asked", "done")]
    assert standing(town)[Target.OPEN_KLANT].last_success == town.now
    assert await teller.round() == 0
    assert len(there.contacts) == 1


async def test_nothing_of_who_asked_or_what_was_typed_goes_along(town, there, receiver):
    teller = telling(town, open_klant=there.at, events=receiver.at)
    await teller.begin()
    town.joins(BRAM, "money")
    town.say(BRAM, "Ik heb een vraag over geld")
    town.choose(BRAM, "ask")
    town.choose(BRAM, "chat")
    town.choose(BRAM, "chat.any")
    town.say(BRAM, "Het gaat over mijn wanhoopsbrief")
    await teller.round()

    told = json.dumps([*there.contacts.values(), *there.parties.values(), *there.tasks.values(), *receiver.events])
    assert "verzoek" in told
    told = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", told)  # a number of theirs may hold any digits
    for hidden in (BRAM, "wanhoopsbrief", "vraag over geld", town.citizen(BRAM).id, str(request_of(town, BRAM).id)):
        assert hidden not in told
    assert there.addresses == {}
    assert "in Handreiking" in next(iter(there.tasks.values()))["toelichting"]


async def test_closed_there_is_closed_here_whoever_has_claimed_it(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()
    request = request_of(town).id
    with town.sessions.begin() as session:
        contacts.claim(session, town.wording, request, by="mei", now=town.now)
    there.staff_close(task_of(town).task)

    town.later(minutes=6)
    await teller.round()

    assert request_of(town).state == "done"
    assert request_of(town).phone_sealed is None
    assert task_of(town).closed_at == town.now
    with town.sessions() as session:
        done = session.exec(select(AuditRow).where(AuditRow.action == "contact.done")).one()
    assert done.who == "Open Klant"
    assert [said.text for said in town.deliver()] == [town.wording.say("talk.closed", "nl")]
    await teller.round()
    assert there.addresses == {}, "the number was given for this only"
    assert outgoing(town) == [("open_klant", "asked", "done"), ("open_klant", "closed", "done")]
    assert ("PATCH", "internetaken") not in there.calls


async def test_a_task_that_is_open_there_is_looked_at_once_in_five_minutes_and_changes_nothing(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()
    there.calls.clear()

    for _ in range(3):
        town.later(minutes=2)
        await teller.round()

    assert [call for call in there.calls if call[1] == "internetaken"] == [("GET", "internetaken")]
    assert request_of(town).state == "open"


async def test_a_task_that_was_taken_away_there_leaves_the_request_open_here(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()
    there.tasks.clear()

    town.later(minutes=6)
    await teller.round()

    assert request_of(town).state == "open"
    close_here(town)
    await teller.round()
    assert outgoing(town)[-1] == ("open_klant", "closed", "done")


async def test_closed_here_is_closed_there_and_the_number_is_taken_away(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()
    close_here(town)

    await teller.round()

    (task,) = there.tasks.values()
    assert task["status"] == "verwerkt"
    assert task["toelichting"].startswith("Bel uiterlijk")
    assert there.addresses == {}
    assert task_of(town).address is None


async def test_whoever_takes_a_request_back_before_it_was_told_is_not_told_of(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    town.joins(ANNA, "money")
    town.say(ANNA, "kunt u mij helpen?")
    town.choose(ANNA, "ask")
    town.choose(ANNA, "phone")
    town.say(ANNA, PHONE)
    town.choose(ANNA, "phone.morning")
    assert outgoing(town) == [("open_klant", "asked", "due")]
    town.choose(ANNA, "cancel")

    await teller.round()

    assert there.contacts == {}
    assert [state for _, _, state in outgoing(town)] == ["dropped", "dropped"]


async def test_of_who_was_erased_nothing_more_is_sent_and_what_can_be_taken_back_is(town, there, receiver):
    teller = telling(town, open_klant=there.at, events=receiver.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()
    receiver.got.clear()
    anna = town.citizen(ANNA).id
    with town.sessions.begin() as session:
        mydata.erase(session, session.get(CitizenRow, anna), town.now, by="citizen")

    await teller.round()

    assert there.addresses == {}
    assert [task["status"] for task in there.tasks.values()] == ["verwerkt"]
    reference = klant.reference(town.vault, request_of(town).id)
    assert receiver.kinds == ["afgesloten.v1"]
    assert receiver.events[0]["data"] == {"kenmerk": reference, "uitkomst": "erased"}
    assert len(there.contacts) == 1, "that there was a contact stays there, by Open Klant's own rules"


async def test_a_person_can_see_who_was_told(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()

    request_id = request_of(town).citizen_id
    with town.sessions.begin() as session:
        citizen = session.exec(select(CitizenRow).where(CitizenRow.id == request_id)).one()
        shown = mydata.collect(session, town.wording, town.vault, citizen, town.now)

    (request,) = shown["contact_requests"]
    assert request["passed_on"] == [{"to": "open_klant", "what": "asked", "at": town.now}]


# What goes wrong.

UNSURE = (
    Fault(path="maak-klantcontact", after=True, status=None),
    Fault(path="maak-klantcontact", after=True, status=500),
    Fault(path="maak-klantcontact", after=True, status=200, body={"a proxy": "says"}),
    Fault(path="digitaleadressen", after=True, status=None),
    Fault(path="digitaleadressen", after=True, status=503),
    Fault(path="internetaken", after=True, status=None),
    Fault(path="internetaken", after=True, status=500),
    Fault(path="maak-klantcontact", status=None),
    Fault(path="maak-klantcontact", status=500),
    Fault(path="digitaleadressen", status=502),
    Fault(path="internetaken", status=None),
    Fault(method="GET", path="klantcontacten", status=500),
)


@pytest.mark.parametrize("fault", UNSURE, ids=lambda fault: f"{fault.path}-{fault.status}-{fault.after}")
@pytest.mark.parametrize("knows_references", [True, False])
async def test_whatever_call_fails_and_whether_it_arrived_or_not_there_is_one_of_each_in_the_end(
    town, there, fault, knows_references
):
    there.knows_references = knows_references
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    there.faults.append(fault)

    for _ in range(3):
        await teller.round()
        with town.sessions.begin() as session:
            klant.again(session, by="ada", now=town.now)

    assert [len(rows) for rows in (there.contacts, there.parties, there.addresses, there.tasks)] == [1, 1, 1, 1]
    assert outgoing(town) == [("open_klant", "asked", "done")]
    kept = task_of(town)
    assert {kept.contact, kept.address, kept.task} == {*there.contacts, *there.addresses, *there.tasks}


async def test_a_kill_after_any_call_is_gone_on_from_by_another_process(town, there):
    """A kill is an error that nobody catches, at each write of what came back."""

    class KilledError(BaseException):
        pass

    class Dying(Teller):
        left: int = 0

        async def _keep(self, item, **values):
            if self.left == 0:
                raise KilledError
            self.left -= 1
            await super()._keep(item, **values)

        async def _done(self, work, *args, **kwargs):
            if self.left == 0 and getattr(work, "__name__", "") == "_settled":
                raise KilledError
            return await super()._done(work, *args, **kwargs)

    first = telling(town, open_klant=there.at)
    await first.begin()
    asks_to_be_called(town)
    for survives in (0, 1, 1, 0):
        dying = Dying(**{name: getattr(first, name) for name in first.__dataclass_fields__})
        dying.left = survives
        with pytest.raises(KilledError):
            await dying.round()
        assert await telling(town, open_klant=there.at, owner="other").round() == 0, "somebody has it in hand"
        town.later(minutes=11)

    assert await telling(town, open_klant=there.at, owner="other").round() == 1
    assert [len(rows) for rows in (there.contacts, there.addresses, there.tasks)] == [1, 1, 1]


async def test_two_processes_at_once_tell_each_thing_once(town, there):
    one, two = (telling(town, open_klant=there.at, owner=name) for name in ("one", "two"))
    await one.begin()
    asks_to_be_called(town)
    asks_in_the_chat(town)

    await asyncio.gather(one.round(), two.round())
    await one.round()

    assert len(there.contacts) == len(there.tasks) == 2
    assert [state for _, _, state in outgoing(town)] == ["done", "done"]


async def test_a_restored_copy_that_knows_nothing_of_what_was_told_finds_it_again(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()
    with town.sessions.begin() as session:
        for row in (*session.exec(select(OutgoingRow)), *session.exec(select(KlantTaskRow))):
            session.delete(row)

    await teller.round()

    assert [len(rows) for rows in (there.contacts, there.addresses, there.tasks)] == [1, 1, 1]
    assert task_of(town).task in there.tasks


async def test_a_number_that_somebody_else_has_is_left_out(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    reference = klant.reference(town.vault, request_of(town).id)
    there.contacts["theirs"] = {
        "uuid": "095be615-a8ad-4c33-8e9c-c7612fbf6c9f", "referentienummer": reference, "kanaal": "balie",
        "plaatsgevondenOp": "2026-01-01T00:00:00Z",
    }  # fmt: skip

    assert await teller.round() == 1

    ours = there.contacts[task_of(town).contact]
    assert "referentienummer" not in ours
    assert ours["metadata"]["kenmerk"] == reference


async def test_a_refusal_stops_and_is_shown_and_the_others_go_on(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    asks_in_the_chat(town)
    invalid = [{"name": "klantcontact.kanaal", "code": "invalid", "reason": f"“{PHONE}” is fout"}]
    there.faults.append(Fault(path="maak-klantcontact", status=400, body={"invalidParams": invalid}))

    assert await teller.round() == 1

    now = standing(town)[Target.OPEN_KLANT]
    assert [str(failed.why) for failed in now.failed] == ["It refused this (400): klantcontact.kanaal invalid."]
    assert now.failed[0].request == request_of(town).id
    assert now.waiting == 0
    assert now.stands_still is None
    town.later(days=30)
    assert await teller.round() == 0
    with town.sessions.begin() as session:
        assert klant.again(session, by="ada", now=town.now) == 1
    assert await teller.round() == 1
    assert standing(town)[Target.OPEN_KLANT].failed == []


@pytest.mark.parametrize(
    ("fault", "says", "wait"),
    [
        (Fault(path="maak", status=429, headers={"Retry-After": "3600"}), "wants us to wait", timedelta(hours=1)),
        (Fault(path="maak", status=503), "is away (503)", timedelta(seconds=30)),
        (Fault(path="maak", status=None), "cannot be reached", timedelta(seconds=30)),
        (Fault(path="maak", hangs=True), "gave no answer in time", timedelta(seconds=30)),
        (Fault(path="maak", status=401), "does not let us in (401)", timedelta(minutes=15)),
        (Fault(path="maak", status=404), "does not take this at that address (404)", timedelta(minutes=15)),
        (Fault(path="maak", status=307, headers={"Location": "/x"}), "sends us on", timedelta(minutes=15)),
    ],
    ids=lambda value: getattr(value, "status", None),
)
async def test_what_concerns_everything_makes_all_stand_still_and_wait(town, there, fault, says, wait):
    teller = telling(town, open_klant=there.at, patience_s=0.2 if fault.hangs else 5.0)
    await teller.begin()
    asks_to_be_called(town)
    asks_in_the_chat(town)
    there.faults.append(fault)

    assert await teller.round() == 0

    assert there.calls.count(("POST", "maak-klantcontact")) == 1, "the second one would fare the same"
    now = standing(town)[Target.OPEN_KLANT]
    assert says in str(now.stands_still)
    assert now.tries_again == town.now + wait
    assert (now.waiting, now.failed) == (2, [])
    town.now += wait - timedelta(seconds=1)
    assert await teller.round() == 0
    town.later(seconds=1)
    assert await teller.round() == 2
    assert standing(town)[Target.OPEN_KLANT].stands_still is None


async def test_it_is_tried_for_a_week_ever_more_seldom_and_then_waits_for_somebody(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    began, tries = town.now, 0
    while outgoing(town)[0][2] == "due":
        there.faults.append(Fault(path="maak-klantcontact", status=500))
        await teller.round()
        tries += 1
        town.now = max(outgoing(town, "next_at")[0][0], town.now)

    assert GIVES_UP <= town.now - began < GIVES_UP + timedelta(days=1)
    assert 25 < tries < 80
    (failed,) = standing(town)[Target.OPEN_KLANT].failed
    assert (str(failed.why), failed.given_up) == ("It failed (500).", True)
    assert request_of(town).state == "open"


async def test_when_it_was_refused_halfway_closing_it_takes_back_what_was_made(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    there.faults.append(Fault(path="internetaken", status=400))
    await teller.round()
    assert len(there.addresses) == 1
    assert there.tasks == {}

    close_here(town)
    await teller.round()

    assert there.addresses == {}


@pytest.mark.parametrize("path", ["digitaleadressen", "internetaken"])
async def test_what_arrived_there_unheard_is_taken_back_when_the_person_is_erased_before_it_is_tried_again(
    town, there, path
):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    there.faults.append(Fault(path=path, status=None, after=True))
    await teller.round()
    assert len(there.addresses) == 1
    with town.sessions.begin() as session:
        mydata.erase(session, session.get(CitizenRow, town.citizen(ANNA).id), town.now, by="ada")

    town.later(hours=1)
    await teller.round()

    assert there.addresses == {}
    assert [task["status"] for task in there.tasks.values()] == ["verwerkt"] * (path == "internetaken")


# Who listens.


async def test_without_open_klant_and_events_nothing_is_written_and_the_own_inbox_serves(town):
    teller = telling(town)
    await teller.begin()
    asks_to_be_called(town)
    await teller.round()

    assert outgoing(town) == []
    with town.sessions() as session:
        assert klant.standing(session) == []
    close_here(town)
    assert outgoing(town) == []
    assert request_of(town).state == "done"


async def test_who_begins_to_listen_hears_of_what_is_open_already(town, there):
    asks_to_be_called(town)
    asks_in_the_chat(town)
    close_here(town, BRAM)
    teller = telling(town, open_klant=there.at)
    await teller.begin()

    assert await teller.round() == 1

    assert len(there.contacts) == 1


async def test_who_does_not_listen_any_more_is_told_nothing_until_they_do_again(town, there):
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    off = telling(town)
    await off.begin()
    await off.round()
    asks_in_the_chat(town)

    now = standing(town)[Target.OPEN_KLANT]
    assert (now.listens, now.waiting, there.contacts) == (False, 1, {})
    await teller.begin()
    assert await teller.round() == 2


async def test_what_is_to_be_told_is_written_with_what_happened_or_not_at_all(town, there):
    await telling(town, open_klant=there.at).begin()

    asks_to_be_called(town)
    before = outgoing(town)
    request = request_of(town).id
    with town.sessions() as session:
        contacts.done(session, town.wording, request, by="mei", now=town.now)
        session.flush()
        assert len(session.exec(select(OutgoingRow)).all()) == len(before) + 1
    assert outgoing(town) == before
    assert request_of(town).state == "open"


# Events.


async def test_each_thing_that_happens_is_one_event_in_its_order(town, receiver):
    teller = telling(town, events=receiver.at)
    await teller.begin()
    asks_in_the_chat(town)
    request = request_of(town, BRAM).id
    with town.sessions.begin() as session:
        contacts.claim(session, town.wording, request, by="mei", now=town.now)
    signature = Signature(name="Mei", team=None, by="mei")
    with town.sessions.begin() as session:
        contacts.reply(session, town.wording, town.vault, request, "Dag!", signed=signature, now=town.now)
    close_here(town, BRAM)

    assert await teller.round() == 4

    assert receiver.kinds == ["ingediend.v1", "opgepakt.v1", "beantwoord.v1", "afgesloten.v1"]
    first = receiver.events[0]
    assert first["source"] == "urn:test:handreiking"
    assert first["time"].endswith("Z")
    assert first["data"] == {
        "kenmerk": klant.reference(town.vault, request), "kaart": None, "thema": None, "taal": "nl", "wijze": "chat",
        "dagdeel": "any", "toegezegdVoor": request_of(town, BRAM).promised_by.isoformat(),
    }  # fmt: skip
    assert receiver.events[-1]["data"]["uitkomst"] == "done"
    assert "Mei" not in json.dumps(receiver.events)
    assert "Dag!" not in json.dumps(receiver.events)
    for headers, body in receiver.got:
        read = from_http_event(HTTPMessage(headers=headers, body=body), JSONFormat())
        assert read.get_specversion() == "1.0"


async def test_a_promise_that_moves_is_an_event_with_the_new_day(town, receiver):
    teller = telling(town, events=receiver.at)
    await teller.begin()
    asks_in_the_chat(town)
    town.later(days=4)
    town.tick()
    await teller.round()

    assert receiver.kinds == ["ingediend.v1", "verplaatst.v1"]
    was, is_ = (date.fromisoformat(event["data"]["toegezegdVoor"]) for event in receiver.events)
    assert was < is_ == request_of(town, BRAM).promised_by


def verified(headers, body, secret, now):
    """The recipe of the operator's page, word for word, at another time."""
    page = (Path(bot.operating.__file__).parent / "README.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    made = {"now": now.timestamp()}
    exec(recipe.replace("time.time()", "now"), made)
    return made["is_ours"](headers, body, secret)


async def test_whoever_takes_events_can_tell_ours_from_others(town, receiver):
    both = EventsAt(url=receiver.at.url, keys=keys_of(f"{SECRET} {OLDER}"))
    teller = telling(town, events=both)
    await teller.begin()
    asks_in_the_chat(town)
    await teller.round()

    ((headers, body),) = receiver.got
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    headers = {name.lower(): value for name, value in headers.items()}
    assert verified(headers, body, SECRET, town.now)
    assert verified(headers, body, OLDER, town.now)
    assert not verified(headers, body + b" ", SECRET, town.now)
    assert not verified(headers, body, SECRET, town.now + timedelta(minutes=6))
    assert not verified({**headers, "webhook-id": "msg_other"}, body, SECRET, town.now)
    assert not verified(headers, body, "whsec_" + base64.b64encode(b"x" * 32).decode(), town.now)


def test_the_signature_is_that_of_standard_webhooks():
    """The example of its own libraries."""
    keys = keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)

    told = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', keys)

    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert told["webhook-timestamp"] == "1614265330"


async def test_an_event_that_is_tried_again_has_the_same_id_and_a_new_time(town, receiver):
    teller = telling(town, events=receiver.at)
    await teller.begin()
    asks_in_the_chat(town)
    receiver.answers = [web.Response(status=500)]
    await teller.round()
    town.later(minutes=1)
    assert await teller.round() == 1

    (one, first), (two, second) = receiver.got
    assert first == second
    assert one["webhook-id"] == two["webhook-id"] == receiver.events[0]["id"]
    assert one["webhook-timestamp"] != two["webhook-timestamp"]
    assert one["webhook-signature"] != two["webhook-signature"]


async def test_a_later_event_of_the_same_request_waits_for_the_earlier_one_and_others_do_not(town, receiver):
    teller = telling(town, events=receiver.at)
    await teller.begin()
    asks_in_the_chat(town)
    close_here(town, BRAM)
    asks_to_be_called(town)
    receiver.answers = [web.Response(status=500)]

    await teller.round()
    assert receiver.kinds == ["ingediend.v1", "ingediend.v1"]
    assert receiver.events[0]["data"]["kenmerk"] != receiver.events[1]["data"]["kenmerk"]

    town.later(minutes=1)
    await teller.round()
    assert receiver.kinds[2:] == ["ingediend.v1", "opgepakt.v1", "afgesloten.v1"]


async def test_one_who_is_away_does_not_hold_up_the_other(town, there, receiver):
    teller = telling(town, open_klant=there.at, events=receiver.at)
    await teller.begin()
    asks_to_be_called(town)
    there.faults.append(Fault(method="GET", path="klantcontacten", status=503))

    assert await teller.round() == 1

    assert receiver.kinds == ["ingediend.v1"]
    assert there.contacts == {}


# What is told.


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the example payloads are not beside the repository")
def test_what_we_send_has_the_fields_of_the_examples_and_they_are_of_the_published_shape():
    example = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in PAYLOADS.glob("ki_*.json")}
    assert faults("maak-klantcontact", example["ki_maak_klantcontact"]) == []
    assert faults("digitaleadressen", example["ki_digitaaladres"]) == []
    assert faults("internetaken", example["ki_internetaak"]) == []
    request = a_request()
    made = payloads.maak_klantcontact(request, "telegram")
    for part, fields in example["ki_maak_klantcontact"].items():
        assert fields.keys() <= made[part].keys(), part
    assert payloads.digitaal_adres(PHONE, "x").keys() == example["ki_digitaaladres"].keys()
    assert payloads.interne_taak(request, "x", "y").keys() == example["ki_internetaak"].keys()


def a_request(**changes):
    given_ = {
        "reference": "1234567890", "asked_at": datetime(2026, 6, 16, 18, 3, tzinfo=UTC), "how": "phone",
        "promised_by": date(2026, 6, 18), "daypart": "afternoon", "language": "nl", "card": "geldzaken-gesprek",
        "card_name": "Gesprek over geldzaken", "card_version": 3, "theme": "money", "phone": PHONE,
    }  # fmt: skip
    return payloads.Request(**(given_ | changes))


@given(
    name=st.none() | st.text(min_size=1, max_size=400),
    language=st.sampled_from(["nl", "en", "ar", "tr", "pl", "uk", "ti", "fa", "so", "xx", "zh-Hant"]),
    how=st.sampled_from(["chat", "phone", "desk"]),
    daypart=st.sampled_from(["morning", "afternoon", "any"]),
    version=st.none() | st.integers(1, 10**6),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - Hypothesis adds the zone
)
def test_whatever_is_asked_what_we_send_is_of_the_published_shape(name, language, how, daypart, version, at):
    card = None if name is None else "x" * 60
    request = a_request(
        card=card, card_name=name, language=language, how=how, daypart=daypart, card_version=version,
        asked_at=at.replace(tzinfo=UTC),
    )  # fmt: skip
    uuid = "095be615-a8ad-4c33-8e9c-c7612fbf6c9f"

    assert faults("maak-klantcontact", payloads.maak_klantcontact(request, "telegram")) == []
    assert faults("internetaken", payloads.interne_taak(request, uuid, ACTOR)) == []
    assert faults("digitaleadressen", payloads.digitaal_adres(PHONE, uuid)) == []


def test_a_number_that_open_klant_does_not_take_is_left_out_and_said_so():
    assert payloads.PHONE.fullmatch("0800123") is None
    assert "nummer staat in Handreiking" in payloads.interne_taak(a_request(phone="0800123"), "x", "y")["toelichting"]


def test_a_reference_is_ten_digits_and_tells_nothing_of_the_request(vault):
    told = {klant.reference(vault, number) for number in range(1, 500)}

    assert len(told) == 499
    assert all(len(one) == 10 and one.isdigit() and one[0] != "0" for one in told)
    assert klant.reference(vault, 7) == klant.reference(vault, 7)


@given(tries=st.integers(1, 1000), draw=st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_their_most_and_are_never_nothing(tries, draw):
    most = timedelta(hours=6)

    assert timedelta(seconds=15) <= growing(tries, most, draw) <= most
    assert growing(tries, most, draw) <= growing(tries + 1, most, draw)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(seconds=1)),
        ("999999999", timedelta(days=1)),
        ("Tue, 24 Nov 2026 09:05:00 GMT", timedelta(minutes=5)),
        ("Tue, 24 Nov 2026 08:00:00 GMT", timedelta(seconds=1)),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(said, wait):
    assert retry_after({"retry-After": said}, datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) == wait


# Secrets, and looking from outside.


async def test_no_secret_and_nobodys_number_is_in_a_log_or_an_error_or_a_repr(town, there, receiver, caplog):
    caplog.set_level("DEBUG")
    teller = telling(town, open_klant=there.at, events=receiver.at)
    await teller.begin()
    asks_to_be_called(town)
    for status in (500, 401, 400, 302, None):
        there.faults.append(Fault(path="maak-klantcontact", status=status))
        receiver.answers.append(web.Response(status=status or 503))
        await teller.round()
        with town.sessions.begin() as session:
            klant.again(session, by="ada", now=town.now)
    await teller.round()

    with town.sessions() as session:
        kept = [repr(row) for table in (OutgoingRow, KlantTaskRow, AuditRow) for row in session.exec(select(table))]
    seen = "\n".join([caplog.text, repr(teller), *kept, *(str(vars(record)) for record in caplog.records)])
    assert "not_told" in seen
    assert "told" in seen
    for hidden in (TOKEN, SECRET, SECRET.removeprefix("whsec_"), "key=hidden", PHONE, "thirty-two bytes"):
        assert hidden not in seen


async def test_looking_from_outside_says_what_is_wrong(there, receiver, unused_tcp_port):
    def clock():
        return datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    assert await wrong(there.at, clock) is None
    assert await wrong(receiver.at, clock) is None
    assert {method for method, _ in there.calls} == {"GET"}
    assert receiver.got == []
    bad = OpenKlantAt(root=there.at.root, token="wrong", actor=ACTOR)
    assert "does not let us in (401)" in str(await wrong(bad, clock))
    nobody = OpenKlantAt(root=there.at.root, token=TOKEN, actor="00000000-0000-0000-0000-000000000000")
    assert "HANDREIKING_OPEN_KLANT_ACTOR" in str(await wrong(nobody, clock))
    there.actors[ACTOR]["indicatieActief"] = False
    assert "not active" in str(await wrong(there.at, clock))
    away = f"http://127.0.0.1:{unused_tcp_port}"
    assert "cannot be reached" in str(await wrong(OpenKlantAt(root=away, token=TOKEN, actor=ACTOR), clock))
    assert "cannot be reached" in str(await wrong(EventsAt(url=away, keys=keys_of(SECRET)), clock))


def test_every_event_of_a_request_has_a_name():
    assert {What(what) for what in payloads._TYPES} == set(What)


# As the program runs it.


async def test_the_process_that_ticks_tells_and_who_runs_without_it_writes_nothing_down(town, there, engine):
    stop, ready = asyncio.Event(), asyncio.Event()
    service = Service(
        journey=town.journey, engine=engine, token=None, owner="test", time=time.monotonic, roles=[Role.SCHEDULER],
        plan_every_s=0.02, teller=telling(town, open_klant=there.at),
    )  # fmt: skip
    running = asyncio.create_task(service.run(stop, ready=lambda _: ready.set()))
    async with asyncio.timeout(30):
        await ready.wait()
        await asyncio.to_thread(asks_to_be_called, town)
        await there.made_a_task.wait()
        stop.set()
        await running

    assert len(there.tasks) == 1


@pytest.fixture
def environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("HANDREIKING_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return lambda **given_: [monkeypatch.setenv(f"HANDREIKING_{name}", str(value)) for name, value in given_.items()]


def test_settings_for_both_come_from_variables_or_files(environment, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "secret").write_text(f"{SECRET} {OLDER}\n")
    environment(
        OPEN_KLANT_URL="https://open.example/klantinteracties/api/v1/", OPEN_KLANT_TOKEN_FILE=tmp_path / "token",
        OPEN_KLANT_ACTOR=ACTOR, OPEN_KLANT_CHANNEL="chat", EVENTS_URL="http://localhost:9/x?key=hidden",
        EVENTS_SECRET_FILE=tmp_path / "secret",
    )  # fmt: skip

    known = settings.read()

    root = "https://open.example/klantinteracties/api/v1"
    assert known.open_klant() == OpenKlantAt(root=root, token=TOKEN, actor=ACTOR, channel="chat")
    assert known.events() == EventsAt(url="http://localhost:9/x?key=hidden", keys=keys_of(f"{SECRET} {OLDER}"))
    for hidden in (TOKEN, "key=hidden", "whsec_", "thirty-two"):
        assert hidden not in f"{known!r}{known.open_klant()!r}{known.events()!r}"


def test_without_settings_there_is_nobody_to_tell(environment):
    environment()

    assert settings.read().open_klant() is None
    assert settings.read().events() is None


@pytest.mark.parametrize(
    ("given_", "faults"),
    [
        ({"OPEN_KLANT_URL": "https://x.example/api"}, ["OPEN_KLANT_TOKEN, ", "OPEN_KLANT_ACTOR is not set"]),
        ({"OPEN_KLANT_TOKEN": TOKEN}, ["OPEN_KLANT_URL is not set"]),
        (
            {"OPEN_KLANT_URL": "http://x.example/api", "OPEN_KLANT_TOKEN": TOKEN, "OPEN_KLANT_ACTOR": ACTOR},
            ["OPEN_KLANT_URL has to begin with https://"],
        ),
        ({"EVENTS_URL": "https://x.example", "EVENTS_SECRET": "geheim"}, ["EVENTS_SECRET: a secret is whsec_"]),
        ({"EVENTS_URL": "https://x.example"}, ["EVENTS_SECRET, "]),
        ({"EVENTS_SECRET": SECRET}, ["EVENTS_URL is not set"]),
        ({"EVENTS_URL": "https://x.example", "EVENTS_SECRET_FILE": "/none/such"}, ["/none/such cannot be read"]),
    ],
)
def test_settings_that_do_not_fit_together_are_told_without_the_secret(environment, given_, faults):
    environment(**given_)
    known = settings.read()

    found = []
    for read in (known.open_klant, known.events):
        try:
            read()
        except SettingsError as error:
            found += error.faults

    assert len(found) == len(faults)
    for fault, part in zip(found, faults, strict=True):
        assert part in fault
        assert "geheim" not in fault
        assert TOKEN not in fault
    assert sorted(fitness.faults(TUESDAY_TEN)["settings"]) == sorted(found)


async def test_an_operator_sees_what_waits_and_was_refused_and_has_it_told_again(
    town, there, environment, database_url, capsys, monkeypatch, tmp_path
):
    write_keys(tmp_path / "keys.toml", b"x" * 32)
    environment(DATABASE_URL=database_url, KEYS_FILE=tmp_path / "keys.toml")

    def handreiking(*arguments):
        monkeypatch.setattr(sys, "argv", ["handreiking", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return capsys.readouterr().out

    assert handreiking("outgoing", "status") == "Nobody is told of requests for contact.\n"
    teller = telling(town, open_klant=there.at)
    await teller.begin()
    asks_to_be_called(town)
    there.faults.append(Fault(path="internetaken", status=400))
    await teller.round()
    asks_in_the_chat(town)
    there.faults.append(Fault(path="maak", status=503))
    await teller.round()

    said = handreiking("outgoing", "status")
    assert "Open Klant: 1 wait, the oldest since 2026-11-24 09:00 UTC." in said
    assert "It is away (503). Tried again at 09:00:30 UTC." in said
    assert f"{request_of(town).id}  " in said
    assert "It refused this (400)" in said
    assert json.loads(handreiking("outgoing", "status", "--json"))[0]["waiting"] == 1
    with town.sessions() as session:
        found = {finding.check: finding.what for finding in doctor.of_listeners(klant.standing(session))}
    assert found["refused"] == "Things about requests for contact that were not taken by Open Klant: 1."
    assert found["told"].startswith(
        "Nothing gets through to Open Klant. Things about requests for contact that wait: 1."
    )

    assert handreiking("outgoing", "again", "--by", "ada").startswith("1 are told again.")
    town.now = datetime.now(UTC) + timedelta(minutes=1)  # noqa: TID251 - the command has the real clock
    assert await teller.round() == 2
    assert len(there.tasks) == 2
