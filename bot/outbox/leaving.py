"""Messages let go: the gate asked once more about each nudge, and the intent written down.

It is done for many at once: what the gate asks is read with one statement for each table, and what follows is written
with one for each kind of change. Letting the same messages go one at a time would give the same.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot import campaigns, planning
from bot.core import notes, outreach
from bot.core.facts import Citizen, Objection, Purpose, Reason, Rules
from bot.core.talk import Standing
from bot.errors import UnreadableError
from bot.outbox.leasing import FLIGHT, UNCALLED, nudges_wait
from bot.outbox.parts import Document, Label, Outgoing
from bot.outbox.queueing import TEST, phrased
from bot.store import ledger
from bot.store.ledger import SEALED
from bot.store.tables import CampaignRow, FrozenRow
from bot.store.vault import Vault
from bot.wording import Wording

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=1)
_GONE = {"owner": None, "leased_until": None}


def let_go(
    session: Session,
    wording: Wording,
    vault: Vault,
    now: datetime,
    owner: str,
    messages: Collection[int],
    *,
    behind: bool = False,
    unreadable: Callable[[int, Purpose], None] = lambda _message, _purpose: None,
) -> list[Outgoing]:
    """Those of `messages` that may leave now, each marked as sending; the gate is asked again about every nudge.

    `behind`: other texts than those of `wording` count by now, and no nudge leaves. One that no key opens ends as
    failed, and `unreadable` is told.
    """
    rows = ledger.departing(session, owner, messages) if messages else []
    if not rows:
        return []
    door = _Door(session, wording, vault, now, rows, unreadable, behind)
    leaving = [outgoing for row in rows if (outgoing := door.passes(row)) is not None]
    door.write_down()
    return leaving


@dataclass
class _Door:
    """What is known of these messages and whom they are for, and what became of them so far."""

    session: Session
    wording: Wording
    vault: Vault
    now: datetime
    rows: Collection[Row[Any]]
    unreadable: Callable[[int, Purpose], None]
    behind: bool
    changes: list[dict[str, Any]] = field(default_factory=list)
    offers: list[dict[str, Any]] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)  # nudges that are contacts no more
    first_sent: list[dict[str, Any]] = field(default_factory=list)
    departed: dict[str, int] = field(default_factory=dict)  # by campaign, within the hour

    def __post_init__(self) -> None:
        """Read all that will be asked."""
        session, rows = self.session, self.rows
        nudges = [row for row in rows if row.purpose == Purpose.NUDGE]
        asked = {row.citizen_id for row in rows if row.purpose != Purpose.REPLY}
        notes_for = {row.citizen_id for row in rows if row.purpose == Purpose.NOTE}
        self.people = ledger.addressees(session, {row.citizen_id for row in rows})
        self.halted = any(row.purpose in UNCALLED for row in rows) and nudges_wait(session, self.now)
        self.noted = ledger.noted(session, notes_for) if notes_for else {}
        self.offered: dict[str, Row[Any]] = {}
        self.campaigns: dict[str, CampaignRow] = {}
        self.worlds: dict[str, planning.World] = {}
        self.frozen: dict[tuple[str, str], str] = {}
        self.unheard = ledger.spoke(session, asked) if asked else set()
        if nudges and not self.halted:
            self.offered = ledger.offered(session, {row.offer_id for row in nudges})
            self.campaigns = ledger.by_id(session, CampaignRow, {row.campaign_id for row in nudges})
            self.wording = campaigns.with_its_words(self.wording, self.campaigns.values())
            self.worlds = planning.worlds_of(session, self.campaigns.values(), self.wording, self.now)
            self.frozen = ledger.frozen(session, {row.variant for row in nudges})
        facts: Any = [self.people[known] for known in asked]
        told = planning.situations_of(self.worlds.values())
        tests = {chat for row in rows if (chat := _tested(row)) is not None}
        self.test_chats = ledger.test_chats(session, tests) if tests else set()
        self.persons: dict[str, Citizen] = ledger.citizens(session, facts, situations=told) if facts else {}

    def passes(self, row: Row[Any]) -> Outgoing | None:
        """The message, when it may leave; what becomes of it is noted."""
        citizen = self.people[row.citizen_id]
        if citizen.chat_sealed is None:
            self._ends(row, "withdrawn", Standing.ERASED, Reason.STOPPED)
        elif row.purpose == Purpose.NUDGE and self.behind:
            self._waits(row, self.now + SOON)
        elif row.purpose in UNCALLED and self.halted:
            self._waits(row)
        elif row.purpose != Purpose.REPLY and row.citizen_id in self.unheard:
            self._waits(row, self.now + SOON)  # it may be a stop
        elif row.expires_at is not None and self.now > row.expires_at:
            self._ends(row, "expired", None, Reason.SIGNAL_EXPIRED)
        elif self._may_leave(row, citizen):
            try:
                return self._nudge(row, citizen) if row.purpose == Purpose.NUDGE else self._reply(row, citizen)
            except UnreadableError:
                self._ends(row, "failed", "unreadable", "rejected")
                self.unreadable(row.id, Purpose(row.purpose))
        return None

    def write_down(self) -> None:
        ledger.add_new(self.session, FrozenRow, self.first_sent)
        for write, changes in ((ledger.change_messages, self.changes), (ledger.change_offers, self.offers)):
            for _, alike in groupby(sorted(changes, key=_columns), key=_columns):
                write(self.session, list(alike))

    def _may_leave(self, row: Row[Any], citizen: Row[Any]) -> bool:
        match Purpose(row.purpose):
            case Purpose.REPLY:
                return True
            case Purpose.CONFIRMATION:
                return self._may_be_told(row, citizen)
            case Purpose.NUDGE:
                return self._may_be_nudged(row, citizen)
            case Purpose.NOTE:
                return self._may_be_noted(row, citizen)

    def _may_be_noted(self, row: Row[Any], citizen: Row[Any]) -> bool:
        """Who asked for it still wants it, and it follows close upon nothing else."""
        person = self._person(row)
        objection = notes.objection(person, self.now, noted=self.noted.get(row.citizen_id))
        if objection is None:
            return self._is_civil(row, citizen, person, self.wording.rules)
        if objection.until is None or (row.expires_at is not None and objection.until > row.expires_at):
            self._ends(row, "withdrawn", objection.reason, None)
        else:
            self._waits(row, objection.until)
        return False

    def _may_be_told(self, row: Row[Any], citizen: Row[Any]) -> bool:
        """What nobody asked for just now is for who takes part, in civil hours only; a test is for whose chat it is."""
        if _tested(row) is not None:
            if row.citizen_id not in self.test_chats:
                self._ends(row, "withdrawn", Reason.STOPPED, None)
            return row.citizen_id in self.test_chats
        if citizen.standing != Standing.ACTIVE:
            self._ends(row, "withdrawn", Reason.STOPPED, None)
            return False
        return self._is_civil(row, citizen, self.persons[row.citizen_id], self.wording.rules)

    def _may_be_nudged(self, row: Row[Any], citizen: Row[Any]) -> bool:
        """The gate again, on today's facts. What it refuses for good is closed; what must wait is decided anew."""
        offer = self.offered[row.offer_id]
        if offer.state != "queued":  # it was closed while this nudge was being made
            self._ends(row, "withdrawn", offer.outcome, None)
            return False
        campaign = self.campaigns[row.campaign_id]
        world = self.worlds.get(campaign.id)
        if world is None:
            self._ends(row, "withdrawn", Reason.CARD_NOT_IN_FORCE, Reason.CARD_NOT_IN_FORCE)
            return False
        person = planning.before(world.campaign, self._person(row), self.vault)
        signal = planning.signal_for(offer, offer.person)
        objection = outreach.objection(signal, world.card, world.campaign, person, world.rules, self.now)
        objection = objection or self._misworded(row, person.language, world)
        if objection is not None:
            self._objected(row, objection, offer.window_end)
            return False
        if not self._is_civil(row, citizen, person, world.rules):
            return False
        later = self._hourly(campaign)
        if later > self.now:
            self._waits(row, later)
            return False
        return True

    def _is_civil(self, row: Row[Any], citizen: Row[Any], person: Citizen, rules: Rules) -> bool:
        later = outreach.next_civil_moment(citizen.zone, outreach.own_rules(person, rules), self.now)
        if later > self.now:
            self._waits(row, later)
        return later <= self.now

    def _person(self, row: Row[Any]) -> Citizen:
        """Whom it is for, without this very nudge and what was withdrawn a moment ago among their contacts."""
        person = self.persons[row.citizen_id]
        left_out = {str(row.id), *self.withdrawn}
        return replace(person, contacts=tuple(known for known in person.contacts if known.nudge not in left_out))

    def _misworded(self, row: Row[Any], language: str, world: planning.World) -> Objection | None:
        variant = next((known for known in world.variants if known.id == row.variant), None)
        if variant is None or language not in variant.languages:
            # The person chose another language since, or the wording was retired: another one may do.
            return Objection(reason=Reason.NO_WORDING, until=self.now)
        # Words that changed since this variant first left in this language would make two arms of one.
        first = self.frozen.get((row.variant, language))
        reworded = first is not None and first != self.wording.wording_hash(row.variant, language)
        return Objection(reason=Reason.NO_WORDING) if reworded else None

    def _objected(self, row: Row[Any], objection: Objection, window_end: datetime) -> None:
        self._ends(row, "withdrawn", objection.reason, None)
        if objection.until is not None and objection.until <= window_end:
            change = {"state": "open", "outcome": objection.reason, "look_at": objection.until}
        else:
            change = {"state": "closed", "outcome": objection.reason, "closed_at": self.now}
        self.offers.append({"id": row.offer_id, **change})

    def _hourly(self, campaign: CampaignRow) -> datetime:
        """When the campaign's hourly maximum has room; those that this transaction lets go count."""
        most = campaign.definition.get("hourly_maximum")
        if most is None:
            return self.now
        if campaign.id not in self.departed:
            self.departed[campaign.id] = ledger.departed_since(self.session, campaign.id, self.now - HOUR)
        if self.departed[campaign.id] >= most:
            return self.now + HOUR / int(most)
        self.departed[campaign.id] += 1
        return self.now

    def _nudge(self, row: Row[Any], citizen: Row[Any]) -> Outgoing:
        chat = self.vault.open(citizen.chat_sealed)  # before anything is noted: it may not open
        language, variant = citizen.language, row.variant
        hashed = self.wording.wording_hash(variant, language)
        if (variant, language) not in self.frozen:
            self.frozen[variant, language] = hashed
            self.first_sent.append(
                {"variant": variant, "language": language, "wording_hash": hashed, "first_sent_at": self.now}
            )
        self._leaves(row, language=language, wording_hash=hashed)
        text, buttons = phrased(self.wording, variant, language, self.worlds[row.campaign_id].card, row.id)
        return Outgoing(
            id=row.id,
            chat=chat,
            text=text,
            buttons=buttons,
            silent=True,
            purpose=Purpose.NUDGE,
        )

    def _reply(self, row: Row[Any], citizen: Row[Any]) -> Outgoing:
        body: dict[str, Any] = row.body or {}
        file = body.get("document")
        opened = self.vault.open
        outgoing = Outgoing(
            id=row.id,
            chat=opened(citizen.chat_sealed),
            text=opened(body["sealed"]) if "sealed" in body else body["text"],
            buttons=tuple(Label(**label) for label in body.get("buttons", ())),
            edits=row.edits,
            silent=row.purpose == Purpose.NOTE,
            keyboard=body.get("keyboard", "none"),
            keyboard_label=body.get("keyboard_label"),
            purpose=Purpose(row.purpose),
            document=None if file is None else Document(file["name"], opened(file["sealed"]).encode()),
        )
        self._leaves(row)
        return outgoing

    def _leaves(self, row: Row[Any], **more: str) -> None:
        self.changes.append({"id": row.id, "state": "sending", "leased_until": self.now + FLIGHT, **more})

    def _waits(self, row: Row[Any], until: datetime | None = None) -> None:
        due = {} if until is None else {"due_at": until}
        self.changes.append({"id": row.id, "state": "due", **_GONE, **due})

    def _ends(self, row: Row[Any], state: str, error: str | None, outcome: str | None) -> None:
        change = {"id": row.id, "state": state, "closed_at": self.now, "error": error, **_GONE}
        if row.body is not None and row.body.keys() & SEALED:
            change["body"] = {name: value for name, value in row.body.items() if name not in SEALED}
        self.changes.append(change)
        self.withdrawn.add(str(row.id))
        if row.offer_id is not None and outcome is not None:
            self.offers.append({"id": row.offer_id, "state": "closed", "outcome": outcome, "closed_at": self.now})


def _tested(row: Row[Any]) -> str | None:
    """Whose chat a test is for; None: it is no test."""
    return row.citizen_id if row.purpose == Purpose.CONFIRMATION and (row.body or {}).get(TEST) else None


def _columns(change: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(change))
