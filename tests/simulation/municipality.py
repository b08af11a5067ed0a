"""What the municipality does: campaigns written, approved, paused and stopped; signals; cards; codes; staff's words."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from bot import campaigns, contacts, links
from bot.core.facts import Origin
from bot.errors import RefusedError
from bot.signals import Incoming
from bot.wording import data
from tests.simulation.model import Campaign
from tests.simulation.witness import TEAM
from tests.world import registered

PROFESSIONAL = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
DESK = {
    "pauses": 4, "resumes": 5, "edits": 3, "approves": 5, "stops": 1, "answers": 6, "closes_requests": 3, "halts": 2,
    "retires_a_card": 1, "brings_a_card_back": 3, "adds": 2,
}  # fmt: skip
PEOPLE = ("eva", "sam", "noor")


class Municipality:
    def __init__(self, town) -> None:
        self.town, self.rng, self.model = town, town.rng, town.model
        self.receipts: list[str] = []
        self.references: dict[str, int] = {}
        self._codes = self._numbers = 0
        # A story that ends with every campaign is no story: those of one's own words stay with the town's choice.
        names = sorted(path.name.removesuffix(".toml") for path in (data("messages") / "campaigns").iterdir())
        always = ["zorgtoeslag-deadline", "stadspas"]
        others = [name for name in names if name not in always]
        self.names = always + self.rng.sample(others, min(len(others), max(0, town.kind.campaigns - 2)))
        self.retired: set[str] = set()
        self.files: dict[str, campaigns.CampaignFile] = {}

    def opens(self) -> None:
        self._does(registered, self.town.wording)
        for name in self.names:
            source = (data("messages") / "campaigns" / f"{name}.toml").read_text(encoding="utf-8")
            file = campaigns.read(source, self.town.wording)
            learning = self.rng.choice(["fixed", "fixed", "trial", "adaptive"])
            self.files[name] = file.model_copy(update={"learning": type(file.learning)(learning)})
            self._write(name, by="eva")
            self._approve(name, by="sam")
            self._start(name)

    def closes(self) -> None:
        """Whoever paused nudges lets them go on; what is paused may stay so to the end."""
        if self.model.paused:
            self.goes_on()

    # Campaigns. The model hears of what succeeded only.

    def _does(self, what, *arguments, **named) -> bool:
        machine = self.town.machine
        try:
            with machine.sessions.begin() as session:
                what(session, *arguments, now=self.town.clock.now(), **named)
        except RefusedError:
            return False
        return True

    def _write(self, name: str, *, by: str) -> None:
        if self._does(campaigns.add, self.files[name], self.town.wording, by=by):
            known = self.model.campaigns.setdefault(name, Campaign(self.files[name].card))
            known.editors.add(by)
            known.version += 1
            known.approved, known.runs = None, False

    def _approve(self, name: str, *, by: str) -> None:
        if self._does(campaigns.approve, name, self.town.wording, by=by):
            known = self.model.campaigns[name]
            known.approved = (by, known.version, self.model.files[known.card])

    def _start(self, name: str) -> None:
        if self._does(campaigns.start, name, self.town.wording, by="eva"):
            self.model.campaigns[name].runs = True

    def desk(self) -> None:
        what = self.rng.choices(list(DESK), weights=list(DESK.values()))[0]
        with self.town.undisturbed():
            self.town.counts[f"desk: {what}"] += 1
            getattr(self, f"_{what}")()

    def _pauses(self) -> None:
        """For some days, until whoever looks after it lets it go on."""
        name = self.rng.choice(self.names)
        if self._does(campaigns.pause, name, "a look at the texts", by="sam"):
            self.model.campaigns[name].runs = False
            self.town.tell(f"sam pauses {name}")

    def _resumes(self) -> None:
        for name in self.names:
            self._start(name)
        self.town.tell("eva starts what may start")

    def _edits(self) -> None:
        name = self.rng.choice(self.names)
        file = self.files[name]
        self.files[name] = file.model_copy(update={"hourly_maximum": self.rng.choice([5, 20, 60, 500])})
        if self.files[name] != file:
            self._write(name, by=self.rng.choice(PEOPLE[:2]))
            self.town.tell(f"{name} is edited")

    def _approves(self) -> None:
        for name in self.names:
            by = self.rng.choice(PEOPLE)
            self._approve(name, by=by)
            self._start(name)
        self.town.tell("approvals are looked at")

    def _stops(self) -> None:
        name = self.rng.choice(self.names)
        if name != "zorgtoeslag-deadline" and self._does(campaigns.stop, name, by="sam"):
            self.model.campaigns[name].stopped = True
            self.town.tell(f"sam stops {name} for good")

    def _adds(self) -> None:
        """The same campaign once more, under a name of its own: two that answer one signal."""
        name = self.rng.choice(self.names[:2])
        again = f"{name}-{len(self.names)}"
        self.files[again] = self.files[name].model_copy(update={"id": again})
        if len(self.names) < 2 * self.town.kind.campaigns:
            self.names.append(again)
            self._write(again, by="sam")
            self._approve(again, by="noor")
            self._start(again)
            self.town.tell(f"{again} begins")

    def _halts(self) -> None:
        self.town.later("goes_on", days=self.rng.random() * 6)
        self.town.machine.journey.pause_nudges("a look at the texts", who="sam")
        self.model.paused = True
        self.town.tell("nudges are halted")

    def goes_on(self) -> None:
        self.town.machine.journey.resume_nudges(who="sam")
        self.model.paused = False
        self.town.tell("nudges go on")

    # Cards are files: a change takes a new start of the process.

    def _retires_a_card(self) -> None:
        card = self.rng.choice(sorted({file.card for file in self.files.values()}))
        self._republish(card, "suspended")

    def _brings_a_card_back(self) -> None:
        for card in sorted(self.retired):
            self._republish(card, "published")

    def _republish(self, card: str, status: str) -> None:
        wording = self.town.wording
        known = wording.cards[card]
        if known.status == status:
            return
        changed = known.model_copy(update={"status": type(known.status)(status), "version": known.version + 1})
        self.town.wording = replace(wording, cards={**wording.cards, card: changed})
        self.model.cards[card].published = status == "published"
        self.model.files[card] += 1
        self.retired = (self.retired | {card}) if status != "published" else self.retired - {card}
        self.town.tell(f"the card {card} is {status}")
        self.town.restart()

    # People who asked for contact.

    def _open_requests(self) -> list[int]:
        with self.town.witness.engine.connect() as connection:
            waiting = "SELECT id FROM contact_request WHERE state IN ('open', 'talking') ORDER BY id"
            rows = connection.execute(text(waiting))
            return [row[0] for row in rows]

    def _answers(self) -> None:
        for request in self._open_requests()[:3]:
            signed = contacts.Signature(name="Noor", team=None, by="noor")
            self._does(contacts.reply, self.town.wording, self.town.vault, request, "Ik bel u morgen.", signed=signed)
        self.town.serve()

    def _closes_requests(self) -> None:
        for request in self._open_requests()[:5]:
            self._does(contacts.done, self.town.wording, request, by="noor")
        self.town.serve()

    # Signals and codes.

    def code_for(self, chat: int) -> str:
        """A code on a letter; some are read wrong."""
        self._codes += 1
        reference = f"ref-{chat}"
        self.references[reference] = chat
        with self.town.undisturbed(), self.town.machine.sessions.begin() as session:
            code = links.new_code(
                session, self.town.vault, reference, now=self.town.clock.now(), pick=self.rng.choice
            ).code
        return code[:-1] + "A" if self.rng.random() < 0.1 else code

    def signal(self) -> None:
        self._numbers += 1
        now = self.town.clock.now()
        incoming = self._drawn(now)
        self.town.tell(f"signal {incoming.type} {incoming.reference or ''}")
        again = self.rng.random() < 0.2
        for _ in range(1 + again):
            receipts = self.town.receives([incoming])
            self.receipts += [receipt.id for receipt in receipts]
        if self.rng.random() < 0.5:
            self.town.does("tick")

    def _drawn(self, now) -> Incoming:
        kind = self.rng.random()
        number = f"s{self._numbers}"
        if kind < 0.4 and self.references:
            reference = self.rng.choice(sorted(self.references))
            return Incoming(source="urn:desk", external_id=number, type=PROFESSIONAL, origin=Origin.PROFESSIONAL,
                            occurred_at=now, reference=reference, said_by=TEAM)  # fmt: skip
        if kind < 0.5:
            return Incoming(source="urn:desk", external_id=number, type=PROFESSIONAL, origin=Origin.PROFESSIONAL,
                            occurred_at=now, reference="somebody unknown", said_by=TEAM)  # fmt: skip
        if kind < 0.55:
            return Incoming(source="urn:x", external_id=number, type="nl.onbekend.iets.v1", origin=Origin.CALENDAR,
                            occurred_at=now, reference=None)  # fmt: skip
        days = timedelta(days=self.rng.choice([3, 8, 20, 40, 59, 75]))
        calendar = self.rng.choice(["nl.kalenders.aanvraagtermijn-nadert.v1", "nl.kalenders.pasjaar-begint.v1",
                                    "nl.belastingen.aanslagen-verstuurd.v1"])  # fmt: skip
        return Incoming(source="urn:calendar", external_id=number, type=calendar, origin=Origin.CALENDAR,
                        occurred_at=now + days, reference=None)  # fmt: skip
