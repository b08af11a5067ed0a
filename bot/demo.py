"""The demo: the whole bot against the sandbox, on a clock that can be moved on, in a directory of its own."""

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot import campaigns, console, contacts, links, register, sandbox, signals, staff, upkeep
from bot.contacts import working_days_after
from bot.core.facts import Origin
from bot.errors import InTheWayError
from bot.journey import Journey
from bot.leader import only_process
from bot.library import Shelf
from bot.neighbours import NEIGHBOURS, Street, at_work
from bot.operating.findings import Finding
from bot.operating.glance import at_a_glance
from bot.sandbox import Example, MovableClock
from bot.service import Service, listen
from bot.settings import read_keys, write_keys
from bot.store import ledger, schema
from bot.store.tables import CampaignRow, LinkRow, MessageRow, OfferRow, SourceRow
from bot.wording import Municipality, Wording, data

TOKEN = "100:demo-only-not-a-secret"  # nosec B105  # noqa: S105 - opens only the sandbox here
SOURCE = "urn:handreiking-demo:gemeente"
OPENS = time(10)
SHOWN = 6
EDITOR, APPROVER, CONTACT = "eva", "sam", "mei"
#: The example municipality's staff, one for each role.
PEOPLE = {
    EDITOR: ("Eva de Vries", "editor"),
    APPROVER: ("Sam Bakker", "approver"),
    CONTACT: ("Mei Lin", "contact"),
    "rik": ("Rik Jansen", "researcher"),
    "ada": ("Ada Smit", "administrator"),
    "otto": ("Otto Visser", "auditor"),
}


@dataclass(kw_only=True)
class Demo:
    """What a person in the demo can see working. `say` prints a line; `tick` and `now` are the real clock.

    `inhabited`: colleagues and neighbours were there before, so that the staff's pages have something to show.
    `program` is what an export names as what decided here.
    """

    directory: Path
    port: int
    say: Callable[[str], None]
    now: Callable[[], datetime]
    tick: Callable[[], float]
    program: str
    inhabited: bool = False

    async def run(self, stop: asyncio.Event, *, reset: bool = False) -> None:
        """Run until `stop` is set. Raises InTheWayError for a second start or a port that is taken."""
        self.directory.mkdir(parents=True, exist_ok=True)
        mend = "Stop that one, or give this one its own directory with --dir."
        with only_process(self.directory / "lock", f"a demo is running in {self.directory} already", mend):
            self.say("Making it ready, a moment please.")
            if reset:
                empty(self.directory)
            vault = read_keys(self._keys())
            engine = schema.open_engine(f"sqlite:///{self.directory / 'handreiking.db'}")
            schema.migrate(engine)
            sessions = sessionmaker(engine, class_=Session, expire_on_commit=False)
            shelf = Shelf()
            with sessions() as session:
                wording = shelf.fresh(session)
            journal = self.directory / "sandbox.jsonl"
            clock = MovableClock(self.starts(wording, sandbox.latest_moment(journal)), self.tick)
            journey = Journey(
                sessions=sessions,
                wording=wording,
                vault=vault,
                clock=clock.now,
                new_id=lambda: secrets.token_hex(8),
                chat_gap=timedelta(milliseconds=300),
                shelf=shelf,
            )
            with sessions.begin() as session:
                start_campaigns(session, wording, clock.now())
                describe_the_algorithm(session, wording, clock.now())
                key = demo_key(session, wording, clock.now())
                upkeep.note_program(session, self.program, clock.now())
            listen("127.0.0.1", self.port + 1).close()
            town = Town(journey=journey, key=key, url=f"http://127.0.0.1:{self.port + 1}/v1/signals")
            stand_in = sandbox.Sandbox(token=TOKEN, clock=clock, journal=journal, municipality=town)
            try:
                running = await sandbox.start(stand_in, port=self.port)
            except OSError as error:
                other = f"Try `handreiking demo --port {self.port + 10}`."
                raise InTheWayError(f"port {self.port} cannot be used: {error.strerror}. {other}") from None
            street: asyncio.Task[None] | None = None
            try:
                service = Service(
                    journey=journey,
                    engine=engine,
                    token=TOKEN,
                    owner=f"demo-{os.getpid()}",
                    time=self.tick,
                    api_root=running.url,
                    port=self.port + 1,
                    pages=self._pages(journey),
                    pages_port=self.port + 2,
                    plan_every_s=0.5,
                )
                self._colleagues(journey)
                street = self._street(stand_in, journey, running.url)
                await service.run(stop, ready=lambda _: self._welcome(running.url, clock.now(), wording))
            finally:
                if street is not None:
                    street.cancel()
                await running.stop()
                engine.dispose()

    def _street(self, stand_in: sandbox.Sandbox, journey: Journey, url: str) -> asyncio.Task[None] | None:
        """Neighbours who begin to live, at the first start of a demo that has them."""
        with journey.sessions.begin() as session:
            if not self.inhabited or not at_work(session, journey, editor=EDITOR, now=journey.clock()):
                return None
        answers = contacts.Signature(name="Mei", team=None, by=CONTACT)
        return asyncio.create_task(self._live(Street(sandbox=stand_in, journey=journey, answers=answers), url))

    async def _live(self, street: Street, url: str) -> None:
        await street.live()
        for one in NEIGHBOURS:
            self.say(f"  {one.name} asked for contact: {url}/chat?user={one.user}&lang={one.language}&name={one.name}")

    def _colleagues(self, journey: Journey) -> None:
        """One person for each role."""
        with journey.sessions.begin() as session:
            for login, (name, role) in PEOPLE.items():
                if login not in {row["login"] for row in staff.listing(session)}:
                    new = staff.NewStaff(login=login, name=name, roles=[role])
                    staff.add(session, new, staff_id=login, by=EDITOR, now=journey.clock())

    def _pages(self, journey: Journey) -> FastAPI:
        """The staff's pages, where anybody may step into each of the colleagues."""
        new_token = partial(secrets.token_urlsafe, 32)
        zone = ZoneInfo(journey.wording.municipality.zone)

        def look() -> Sequence[Finding]:
            now = journey.clock()
            return at_a_glance(journey.sessions, journey.wording, now, now.astimezone(zone).date())

        return console.build(console.Desk(journey=journey, new_token=new_token, people=tuple(PEOPLE), look=look))

    def _keys(self) -> Path:
        path = self.directory / "keys.toml"
        if not path.exists():
            write_keys(path, secrets.token_bytes(32))
        return path

    def starts(self, wording: Wording, latest: datetime | None) -> datetime:
        """Ten o'clock on the next working day, or where an earlier demo in this directory had got to."""
        return max(working_morning(self.now(), wording.municipality), latest or datetime.min.replace(tzinfo=UTC))

    def _welcome(self, url: str, now: datetime, wording: Wording) -> None:
        local = now.astimezone(ZoneInfo(wording.municipality.zone))
        self.say("Handreiking, a demo. This is not Telegram, and nobody is written to.")
        self.say(f"  Chat page   {url}/chat?user=111&lang=nl&name=Anna")
        self.say(f"  In English  {url}/chat?user=222&lang=en&name=John")
        self.say(f"  Arabic      {url}/chat?user=333&lang=ar&name=Amina")
        self.say(f"  For staff   http://localhost:{self.port + 2}/")
        self.say(f"  Signals in  http://127.0.0.1:{self.port + 1}/v1/signals")
        self.say(f"  Kept in     {self.directory}")
        self.say(f"  Cards       {cards_told(wording, local.date())}")
        self.say(f"  The demo's clock says {local:%A %d %B %Y, %H:%M}. Ctrl-C stops; --reset starts over.")


def cards_told(wording: Wording, today: date) -> str:
    """How many cards there are, and how many of them are examples."""
    cards = len(wording.cards)
    examples = sum(bool(card.not_for_citizens(today)) for card in wording.cards.values())
    if not examples:
        return str(cards)
    return (
        f"{cards}, {'all' if examples == cards else examples} of them only for trying: `handreiking run` refuses those"
    )


def empty(directory: Path) -> None:
    """Throw away what an earlier demo kept: only files that a demo makes."""
    database = [f"handreiking.db{ending}" for ending in ("", "-wal", "-shm", ".witness")]
    for name in (*database, "sandbox.jsonl", "keys.toml"):
        (directory / name).unlink(missing_ok=True)


def working_morning(now: datetime, town: Municipality) -> datetime:
    """Ten o'clock on the first working day from `now` on, as UTC."""
    zone = ZoneInfo(town.zone)
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    day = working_days_after(yesterday, 1, town)
    return datetime.combine(day, OPENS, zone).astimezone(UTC)


def start_campaigns(session: Session, wording: Wording, now: datetime) -> None:
    """The example campaigns, written by one and approved by another, running."""
    for path in sorted(data("messages").joinpath("campaigns").iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".toml"):
            continue
        file = campaigns.read(path.read_text(encoding="utf-8"), wording)
        row = campaigns.add(session, file, wording, by=EDITOR, now=now)
        editors = ledger.editors(session, [file.id])[file.id]
        if campaigns.facts_of(row, wording, max(now, row.starts_at), editors=editors).running:
            continue
        if row.state in {campaigns.State.DRAFT, campaigns.State.RUNNING}:
            campaigns.approve(session, file.id, wording, by=APPROVER, now=now)
        if row.state in {campaigns.State.APPROVED, campaigns.State.PAUSED}:
            campaigns.start(session, file.id, wording, by=APPROVER, now=now)


def describe_the_algorithm(session: Session, wording: Wording, now: datetime) -> None:
    """The example municipality's own entry of the algorithm register, so that what is learned is used."""
    if register.standing(session, wording) is not register.Standing.SAME:
        register.publish(session, wording, by=APPROVER, now=now)


def demo_key(session: Session, wording: Wording, now: datetime) -> str:
    """A key of the example municipality for every type that its cards answer; a new one at each start."""
    row = session.get(SourceRow, SOURCE)
    if row is not None and row.revoked_at is None:
        signals.revoke_key(session, SOURCE, by=EDITOR, now=now)
    types = signals.known_types(whole.facts() for whole in wording.cards.values())
    return signals.new_key(session, SOURCE, types, by=EDITOR, now=now)


@dataclass(kw_only=True)
class Town:
    """The municipality's side of the chat page. Signals go the way that real ones go: over HTTP, with a key."""

    journey: Journey
    key: str = field(repr=False)
    url: str
    _sent: int = 0

    def examples(self, language: str) -> Sequence[Example]:
        """One example for each kind of signal that a running campaign answers."""
        return [
            Example(
                id=f"{campaign}/{kind}",
                title=self._say(f"card.{card}.name", language),
                detail=self._detail(card, origin, language),
            )
            for campaign, card, kind, origin in self._kinds()
        ]

    async def send_example(self, example_id: str, user_id: int, language: str) -> str:
        """Hand in a signal as another system of the municipality would."""
        event = self.event(example_id, user_id, language)
        if event is None:
            return self._say("demo.unknown", language)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/cloudevents+json"}
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.url, data=json.dumps(event), headers=headers) as answer,
        ):
            if answer.status == 202:
                return self._say("demo.sent", language)
            return f"{answer.status}: {await answer.text()}"

    def event(self, example_id: str, user_id: int, language: str) -> dict[str, object] | None:
        """The CloudEvent of an example; None when no running campaign answers it any more."""
        campaign, _, kind = example_id.partition("/")
        found = [
            (card, origin)
            for known, card, known_kind, origin in self._kinds()
            if (known, known_kind) == (campaign, kind)
        ]
        if not found:
            return None
        card, origin = found[0]
        now = self.journey.clock()
        self._sent += 1
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": f"{now:%Y%m%dT%H%M%S%f}-{self._sent}",
            "source": SOURCE,
            "type": kind,
            "time": now.isoformat(),
            "datacontenttype": "application/json",
        }
        content: dict[str, object] = {"kaart": card}
        if origin is not Origin.CALENDAR:
            content["deelnemer"] = reference(user_id)
        if origin is Origin.PROFESSIONAL:
            # Marks for the direction of writing belong to a text, not to a name.
            team = "".join(filter(str.isprintable, self._say("municipality.team", language)))
            content |= {"team": team, "instemming": True}
        rule = next(rule for rule in self.journey.wording.cards[card].facts().signals if rule.type == kind)
        # Such that today lies a third into the window that the card gives this signal.
        day = (now - timedelta(days=rule.earliest_day + (rule.latest_day - rule.earliest_day) // 3)).date()
        content["uiterlijk" if rule.latest_day < 0 else "gebeurtenisOp"] = day.isoformat()
        return {**event, "data": content}

    async def status(self, user_id: int, language: str) -> Sequence[str]:
        """What was decided about this person, newest first, in words."""
        return await asyncio.to_thread(self._status, user_id, language)

    def start_payload(self, user_id: int) -> str | None:
        """A one-time code, as it would stand on a letter, until this person is linked."""
        vault, now = self.journey.vault, self.journey.clock()
        with self.journey.sessions.begin() as session:
            if session.get(LinkRow, links.reference_hash(vault, reference(user_id))) is not None:
                return None
            return links.new_code(session, vault, reference(user_id), now=now, pick=secrets.choice).code

    def _say(self, key: str, language: str) -> str:
        return self.journey.wording.say(key, language)

    def _detail(self, card: str, origin: Origin, language: str) -> str:
        """What kind of signal it is, and whether its card is only an example."""
        said = [self._say(f"demo.origin.{origin}", language)]
        if self.journey.wording.cards[card].not_for_citizens(self.journey.clock().date()):
            said.append(self._say("demo.example", language))
        return " · ".join(said)

    def _kinds(self) -> list[tuple[str, str, str, Origin]]:
        """(campaign, card, signal type, origin) of what running campaigns answer, less what people tell themselves."""
        with self.journey.sessions() as session:
            rows = session.execute(
                select(CampaignRow).where(col(CampaignRow.state) == campaigns.State.RUNNING)
            ).scalars()
            return [
                (row.id, row.card, rule.type, rule.origin)
                for row in rows
                for rule in self.journey.wording.cards[row.card].facts().signals
                if rule.enabled
                and rule.origin in {Origin.CALENDAR, Origin.PROFESSIONAL}
                and rule.type in row.definition["trigger"]["signals"]
            ]

    def _status(self, user_id: int, language: str) -> list[str]:
        wording, vault = self.journey.wording, self.journey.vault
        with self.journey.sessions() as session:
            citizen = ledger.citizen_by_chat(session, vault.fingerprint(f"chat:{user_id}"))
            if citizen is None:
                return []
            statement = (
                select(OfferRow, col(CampaignRow.card), col(MessageRow.due_at))
                .join(CampaignRow, col(CampaignRow.id) == col(OfferRow.campaign_id))
                .outerjoin(
                    MessageRow, (col(MessageRow.offer_id) == col(OfferRow.id)) & (col(MessageRow.state) == "due")
                )
                .where(col(OfferRow.citizen_id) == citizen.id)
                .order_by(col(OfferRow.created_at).desc())
                .limit(SHOWN)
            )
            return [
                outcome_words(wording, offer, card, due_at, language, ZoneInfo(citizen.zone))
                for offer, card, due_at in session.execute(statement)
            ]


def outcome_words(
    wording: Wording, offer: OfferRow, card: str, due_at: datetime | None, language: str, zone: ZoneInfo
) -> str:
    """Where an offer stands, in words. `due_at`: when its message may leave, if one waits."""
    name = wording.say(f"card.{card}.name", language)
    if due_at is not None:
        local = due_at.astimezone(zone)
        said = wording.say("outcome.queued", language, {"date": local.date(), "time": f"{local:%H:%M}"})
    else:
        said = wording.say(f"outcome.{offer.outcome or 'open'}", language)
    if offer.state == "open" and offer.outcome:
        day = offer.look_at.astimezone(zone).date()
        said = f"{said} {wording.say('outcome.until', language, {'date': day})}"
    return f"{name}: {said}"


def reference(user_id: int) -> str:
    """How the example municipality refers to a person of the chat page."""
    return f"{user_id}-demo"
