"""The steps of a nudge, in order, in short transactions. Read this first.

A signal arrives (`receive`), it is seen who it concerns (`plan`) and decided whether and how to write to them
(`decide`); what is due is set aside (`lease`) and leaves with its intent committed (`depart`); what a citizen says is
stored before it is acknowledged (`take_in`) and takes effect once (`hear`); what closed windows teach becomes a policy
version (`learn`). Every method but `learn` is one transaction, and none is open while the network is called.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import (
    campaigns,
    contacts,
    guarding,
    hearing,
    learning,
    library,
    links,
    outbox,
    planning,
    rehearsal,
    restoring,
    signals,
    upkeep,
)
from bot.core.facts import Onward, Origin, Purpose
from bot.core.talk import Blocked, Command, Heard, LinkResult, Press, Standing
from bot.errors import RefusedError, UnreadableError, WordingError
from bot.hearing import Speaker
from bot.outbox import Delivered, Label, Leased, Outgoing, Result, Undelivered
from bot.signals import Incoming
from bot.store import conversation, ledger, provenance
from bot.store.tables import CitizenRow, InboxRow
from bot.store.vault import Vault
from bot.watch import Watch, step
from bot.wording import Wording

__all__ = [
    "Channel",
    "Delivered",
    "Journey",
    "Label",
    "Leased",
    "Outgoing",
    "Purpose",
    "Receipt",
    "Result",
    "Speaker",
    "Undelivered",
    "Update",
]

log = logging.getLogger(__name__)

TRIES = 5
RETRY_AFTER = timedelta(seconds=5)  # doubled with each try
QUIET_AFTER_DEAD = timedelta(days=14)
KEEP_UPDATES = timedelta(days=14)  # Telegram delivers an update again for a day at most
HOLDOUT_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a signal that was handed in. `fresh` False: it was known already, and nothing happened."""

    id: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Update:
    update_id: int
    body: str = field(repr=False)
    tries: int = 0


class Channel(Protocol):
    """What the journey needs of a messaging service."""

    async def send(self, outgoing: Outgoing) -> int:
        """Send or edit; return the channel's number of the message. Raises DeliveryError."""
        ...


@dataclass(kw_only=True)
class Journey:
    """`clock` gives an aware moment; `new_id` a fresh opaque id, `new_key` 32 random bytes.

    `on_queued` is called after something was queued.

    `wording` is what is said now; `take_up` puts a newer one in its place, so ask for it anew each time. `shelf` is
    where that comes from.

    `state_dir` is where the witness of a SQLite database lies (see `store.provenance`); None: beside the database.
    """

    sessions: sessionmaker[Session]
    wording: Wording
    vault: Vault
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    chat_gap: timedelta = timedelta(seconds=1)
    state_dir: Path | None = None
    new_key: planning.NewKey = planning.new_key
    shelf: library.Shelf = field(default_factory=library.Shelf)
    on_queued: Callable[[], None] = field(default=lambda: None)
    watch: Watch = field(default_factory=Watch)
    _taking_up: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _texts: str | None = field(default=None, init=False, repr=False)  # the version that was looked at last

    # What is said.

    @step("take_up")
    def take_up(self) -> bool:
        """Say what people approved since, in this process or in another; return whether anything did change.

        What cannot be read stays on the shelf, and what was said before goes on being said.
        """
        with self._taking_up:  # of two at once the slower one would put the older texts over the newer
            newer = None
            with ledger.reading(self.sessions) as session:
                texts = library.texts_version(session)
                try:
                    newer = self.shelf.newer(session)
                except WordingError as error:
                    log.error("texts_unfit", extra={"of": len(error.faults)})  # noqa: TRY400 - an event word, no traceback
            if newer is not None:
                self.wording = newer
                log.info("texts_taken_up")
            self._texts = texts
        return newer is not None

    def _is_behind(self, session: Session) -> bool:
        """Whether texts count that this process did not look at yet: by those other campaigns may be approved."""
        return self._texts is not None and self._texts != library.texts_version(session)

    # A signal arrives.

    @step("receive")
    def receive(self, incoming: Sequence[Incoming]) -> list[Receipt]:
        """Store signals, each once per (source, id), in one transaction; one receipt for each, in their order."""
        if not incoming:
            return []
        with self.sessions.begin() as session:
            receipts = self._store(session, incoming)
            signals.note_taken(session, incoming, [receipt.fresh for receipt in receipts], self.clock())
        log.info("receive", extra={"fresh": sum(receipt.fresh for receipt in receipts), "of": len(receipts)})
        return receipts

    def refuse(self, source: str, refusal: signals.Refusal) -> None:
        """Keep what was wrong with what a source handed in, for whoever looks after it."""
        with self.sessions.begin() as session:
            signals.note_refused(session, source, signals.mends_of(refusal), self.clock())

    def _store(self, session: Session, incoming: Sequence[Incoming]) -> list[Receipt]:
        now = self.clock()
        references = {signal.reference for signal in incoming if signal.reference is not None}
        hashes = {reference: links.reference_hash(self.vault, reference) for reference in references}
        people = ledger.people_of(session, hashes.values())
        ids = [_signal_id(signal.source, signal.external_id) for signal in incoming]
        rows = [
            ledger.NewSignal(
                id=known,
                source=signal.source,
                external_id=signal.external_id,
                type=signal.type,
                origin=signal.origin,
                occurred_at=signal.occurred_at,
                received_at=now,
                citizen_id=signal.citizen if signal.reference is None else people.get(hashes[signal.reference]),
                addressed=signal.addressed,
                card=signal.card,
                data=signal.data,
                said_by=signal.said_by,
            )
            for known, signal in zip(ids, incoming, strict=True)
        ]
        fresh = ledger.add_signals(session, rows)
        receipts = []
        for known in ids:
            receipts.append(Receipt(known, known in fresh))
            fresh.discard(known)
        return receipts

    # Who it concerns, whether we may, whether now, in which words.

    @step("call_dates")
    def call_dates(self) -> int:
        """Make the signals of campaigns whose date has come; return how many were new."""
        now = self.clock()
        with self.sessions.begin() as session:
            days = [
                Incoming(
                    source=day.source,
                    external_id=day.external_id,
                    type=day.type,
                    origin=Origin.CALENDAR,
                    occurred_at=day.occurred_at,
                    card=day.card,
                )
                for day in campaigns.due(session, self.wording, now)
            ]
            return sum(receipt.fresh for receipt in self._store(session, days)) if days else 0

    @step("plan")
    def plan(self, limit: int = 500) -> int:
        """Turn unplanned signals into offers, or into the reason why there is none; return how many signals."""
        with self.sessions.begin() as session:
            return planning.plan_signals(session, self.wording, self.clock(), limit)

    @step("decide")
    def decide(self, limit: int = 200) -> int:
        """Decide about the offers that are due a look; return how many. None while other texts wait to be taken up."""
        with self.sessions.begin() as session:
            if self._is_behind(session):
                return 0
            looked = planning.decide_due(session, self.wording, self.vault, self.clock(), limit, self.new_key)
        if looked:
            log.info("decide", extra={"offers": looked})
            self.on_queued()
        return looked

    def backlog(self, most: int) -> tuple[int, int]:
        """How many signals wait for `plan`, and how many offers for `decide`; each counted to `most` only."""
        with ledger.reading(self.sessions) as session:
            return ledger.backlog(session, self.clock(), most)

    # What is due leaves.

    @step("lease")
    def lease(self, owner: str, limit: int, *, purposes: Collection[Purpose] = tuple(Purpose)) -> list[Leased]:
        """Set due messages aside for `owner`, replies first; none while all has to pause or another one sends."""
        now = self.clock()
        with self.sessions.begin() as session:
            if not outbox.is_sender(session, now, owner) or self._pause(session) is not None:
                return []
            said = provenance.marks(session)
            may = restoring.guard(session, said, self.state_dir, now)
            leased = outbox.lease(session, now, owner, [purpose for purpose in purposes if purpose in may], limit)
            witness = provenance.beat(session, said, self.state_dir, now) if leased else None
        self._witness(witness)
        return leased

    @step("depart", of="messages")
    def depart(self, owner: str, messages: Collection[int], results: Sequence[Result] = ()) -> list[Outgoing]:
        """Write down what became of earlier messages, and let those of `messages` go that still may, in one commit.

        None of them go when `owner` is not the one who sends any more; the results are written down all the same.
        """
        now = self.clock()
        lost: list[tuple[int, Purpose]] = []
        with self.sessions.begin() as session:
            sends = bool(messages) and outbox.is_sender(session, now, owner)
            outbox.settle(session, now, results, self.chat_gap)
            session.flush()
            behind = sends and self._is_behind(session)  # asked before the wording is taken in hand
            leaving = (
                outbox.let_go(
                    session,
                    self.wording,
                    self.vault,
                    now,
                    owner,
                    messages,
                    behind=behind,
                    unreadable=lambda message, purpose: lost.append((message, purpose)),
                )
                if sends
                else []
            )
        for result in results:
            outcome = "sent" if isinstance(result, Delivered) else type(result.error).__name__
            log.info("deliver", extra={"nudge": result.message, "outcome": outcome})
        for message, purpose in lost:
            log.error("unreadable", extra={"nudge": message})
            self.watch.sent(purpose.name.lower(), "unreadable")
        return leaving

    def resign(self, owner: str) -> None:
        """`owner` sends no more: what it had set aside may leave by somebody else's hand at once."""
        with self.sessions.begin() as session:
            outbox.resign(session, owner)

    @step("sweep")
    def sweep(self) -> int:
        """Take up what a dead sender left; return how many messages became uncertain."""
        with self.sessions.begin() as session:
            lost = outbox.sweep(session, self.clock())
        if lost:
            log.warning("uncertain", extra={"messages": lost})
        return lost

    def paused_until(self) -> datetime | None:
        """Until when nothing at all may leave (a 429), or None."""
        with ledger.reading(self.sessions) as session:
            return self._pause(session)

    def _pause(self, session: Session) -> datetime | None:
        pause = ledger.mark(session, outbox.PAUSE_ALL)
        until = None if pause is None else datetime.fromisoformat(pause["until"])
        return until if until is not None and until > self.clock() else None

    def pause_nudges(self, reason: str, *, who: str = "breaker") -> None:
        """No nudge leaves any more until `resume_nudges`; answers to citizens still do."""
        now = self.clock()
        with self.sessions.begin() as session:
            ledger.set_mark(session, outbox.PAUSE_NUDGES, {"because": reason, "who": who}, now)
            ledger.audit(session, now, who, "pause_nudges", "all", reason=reason)

    def resume_nudges(self, *, who: str) -> None:
        """Nudges leave again. Raises RefusedError after a restore: `go_on_after_restore` does it then."""
        now = self.clock()
        with self.sessions.begin() as session:
            if (told := restoring.look(session)) is not None:
                raise RefusedError(told)
            ledger.clear_mark(session, outbox.PAUSE_NUDGES)
            ledger.audit(session, now, who, "resume_nudges", "all")
        self.on_queued()

    def held_after_restore(self) -> str | None:
        """Look whether this database is an old copy; what there is to decide then, in words. None: it is none.

        Raises RefusedError when it must not be used at all, InTheWayError when its witness cannot be written.
        """
        with self.sessions.begin() as session:
            said = provenance.marks(session)
            if (why := provenance.unusable(said, here="this database")) is not None:
                raise RefusedError(why)
            restoring.guard(session, said, self.state_dir, self.clock())
            return restoring.look(session)

    def go_on_after_restore(self, onward: Onward, *, who: str) -> dict[str, int]:
        """Do what a person decided; return the counts. Raises RefusedError when nothing waits for that."""
        if onward is not Onward.SEND:
            # A date that came meanwhile has made its signal already, in what was lost.
            self.call_dates()
            while self.plan():
                pass
        with self.sessions.begin() as session:
            ledger.stop_planning(session)
            if onward is not Onward.SEND:
                # What another planner held a moment ago and gave back.
                while planning.plan_signals(session, self.wording, self.clock(), 500):
                    pass
            counts = restoring.go_on(session, onward, self.state_dir, self.clock(), who=who)
        log.info("after_restore", extra={"onward": onward, "count": sum(counts.values())})
        self.on_queued()
        return counts

    def _witness(self, witness: provenance.Witness | None) -> None:
        """What it says may lag behind; that it cannot be written is no reason to leave people without an answer."""
        if witness is None:
            return
        try:
            witness.write()
        except OSError as error:
            log.error("witness", extra={"error": type(error).__name__})  # noqa: TRY400 - an event word, no traceback

    # A citizen says something.

    @step("take_in", of="updates")
    def take_in(self, updates: Sequence[tuple[int, str]], whose: Mapping[int, str] = MappingProxyType({})) -> None:
        """Store updates as they came, sealed; those that were delivered before are left as they are.

        `whose` is the chat by number: no nudge leaves for it until the update is heard. One that is nobody's we know of
        holds up everybody's after a while.
        """
        sealed = [
            (number, None if (chat := whose.get(number)) is None else self._chat_hash(chat), self.vault.seal(body))
            for number, body in updates
        ]
        with self.sessions.begin() as session:
            ledger.add_updates(session, self.clock(), sealed)

    @step("unheard")
    def unheard(self, limit: int = 100) -> list[Update]:
        """Updates that took no effect yet and are due for a try, in Telegram's order.

        One that no key opens has an empty body, which fails like any other that cannot be understood.
        """
        with ledger.reading(self.sessions) as session:
            return [
                Update(row.update_id, self._opened(row.body_sealed), row.tries)
                for row in ledger.unheard(session, self.clock(), limit)
                if row.body_sealed is not None
            ]

    def _opened(self, sealed: str) -> str:
        try:
            return self.vault.open(sealed)
        except UnreadableError:
            return ""

    @step("hear", of="update_id")
    def hear(self, update_id: int, speaker: Speaker, heard: Heard) -> str | None:
        """Take an update to heart, once; return the line that answers a press, also when it was heard before."""
        now = self.clock()
        with self.sessions.begin() as session:
            inbox = session.get(InboxRow, update_id, with_for_update=True)
            if inbox is None:
                inbox = InboxRow(update_id=update_id, received_at=now, state="new")
                session.add(inbox)
            if inbox.state != "new":
                return inbox.notice
            citizen = self._speaker(session, speaker, heard, now)
            code = rehearsal.code_in(heard)
            if citizen is not None and code is not None:
                key = f"update:{update_id}:0"
                rehearsal.link(session, self.wording, self.vault, citizen, code, now, key)
            elif citizen is not None:
                link = self._link(session, heard, citizen, now)
                inbox.notice = hearing.Hearing(
                    session=session,
                    wording=self.wording,
                    vault=self.vault,
                    now=now,
                    inbox=inbox,
                    citizen=citizen,
                    heard=heard,
                    receive=lambda session, incoming: self._store(session, [incoming]),
                ).take_effect(link)
            _done(inbox, now)
            notice, waited = inbox.notice, now - inbox.received_at
        self.watch.heard(waited.total_seconds())
        log.info("hear", extra={"update": update_id, "heard": type(heard).__name__})
        self.on_queued()
        return notice

    def let_pass(self, update_id: int) -> None:
        """There is nothing for us in this update."""
        with self.sessions.begin() as session:
            inbox = session.get(InboxRow, update_id)
            if inbox is not None and inbox.state == "new":
                _done(inbox, self.clock())

    @step("fail", of="update_id")
    def fail(self, update_id: int, error: str, chat: str | None = None) -> None:
        """It was tried and failed: again later, and after five tries it is a dead letter that staff see.

        Whoever spoke, if we know them (`chat`), is told once that it went wrong on our side, and hears no more from us
        for two weeks: it may have been a stop.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            inbox = session.get(InboxRow, update_id)
            if inbox is None or inbox.state != "new":
                return
            inbox.tries += 1
            inbox.error = error[:200]
            inbox.retry_at = now + RETRY_AFTER * 2 ** (inbox.tries - 1)
            if inbox.tries >= TRIES:
                inbox.state = "dead"
                citizen = None if chat is None else ledger.citizen_by_chat(session, self._chat_hash(chat), locked=True)
                if citizen is not None and citizen.chat_sealed is not None:
                    citizen.paused_until = max(citizen.paused_until or now, now + QUIET_AFTER_DEAD)
                    text = self.wording.say("error", citizen.language)
                    outbox.queue_reply(session, citizen, f"update:{update_id}:error", {"text": text}, now)
        log.error("update_failed", extra={"update": update_id, "error": error[:60]})

    def _speaker(self, session: Session, speaker: Speaker, heard: Heard, now: datetime) -> CitizenRow | None:
        """The person who speaks; somebody new unless all we hear is a goodbye or an old button."""
        chat_hash = self._chat_hash(speaker.chat)
        citizen = ledger.citizen_by_chat(session, chat_hash, locked=True)
        if citizen is not None:
            if citizen.chat_sealed is None and not isinstance(heard, Blocked):
                citizen.chat_sealed, citizen.standing = self.vault.seal(speaker.chat), _newcomer(heard)
            return citizen
        if isinstance(heard, Blocked | Press):
            return None
        code = (speaker.language_code or "").split("-")[0].lower()
        known = self.new_id()
        citizen = CitizenRow(
            id=known,
            chat_hash=chat_hash,
            chat_sealed=self.vault.seal(speaker.chat),
            language=code if code in self.wording.languages else self.wording.languages[0],
            zone=self.wording.municipality.zone,
            standing=_newcomer(heard),
            created_at=now,
            holdout=self.vault.draw("holdout", known) < HOLDOUT_SHARE,
        )
        session.add(citizen)
        session.flush()
        return citizen

    def _chat_hash(self, chat: str) -> str:
        return self.vault.fingerprint(f"chat:{chat}")

    def _link(self, session: Session, heard: Heard, citizen: CitizenRow, now: datetime) -> LinkResult | None:
        if isinstance(heard, Command) and heard.name == "start" and heard.argument:
            found = links.use_code(session, self.vault, heard.argument, citizen.id, now)
            if found is LinkResult.LINKED and citizen.standing == ledger.COLLEAGUE:
                citizen.standing = Standing.JOINING  # with a letter somebody comes as a citizen
            return found
        return None

    def close_elsewhere(self, request: int, by: str) -> bool:
        """Close a request that was handled in another system; False when it is closed already."""
        try:
            with self.sessions.begin() as session:
                contacts.done(session, self.wording, request, by=by, now=self.clock(), whosever=True)
        except contacts.ClosedError:
            return False
        log.info("closed_elsewhere", extra={"part": by})
        self.on_queued()
        return True

    # What closed windows teach, and what may be forgotten.

    @step("learn")
    def learn(self) -> str:
        """Make a policy version of all decisions whose window closed; return its content's hash."""
        version = learning.learn(self.sessions, self.wording, self.clock())
        log.info("learn", extra={"policy": version})
        return version

    @step("learn_if_older_than")
    def learn_if_older_than(self, age: timedelta) -> str | None:
        """Learn when the newest policy version is older than `age`, or there is none; return the new one's hash."""
        with ledger.reading(self.sessions) as session:
            newest = ledger.policy_row(session)
            if newest is not None and self.clock() - newest.created_at < age:
                return None
        return self.learn()

    @step("guard")
    def guard(self) -> int:
        """Look after the keys of draws, and whether people stop more than they should; return how many alarms are new.

        What is alarming is paused in the same transaction that writes it down; a person lets it go on.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            planning.look_after(session, self.vault, now, self.new_key)
        with ledger.reading(self.sessions) as session:
            ledger.unhurried(session)
            seen = guarding.look(session, self.wording, now)
        with self.sessions.begin() as session:
            alarms = guarding.settle(session, seen)
        for alarm in alarms:
            log.warning("guard", extra={"watched": alarm.watched})
        return len(alarms)

    @step("upkeep")
    def upkeep(self) -> int:
        """Keep what was promised to people, or tell them; ask again for consents that end; return how many messages."""
        now = self.clock()
        with self.sessions.begin() as session:
            upkeep.lapse(session, self.wording, now)
            said = contacts.keep_promises(session, self.wording, now)
            said += upkeep.renew(session, self.wording, now)
            said += upkeep.tell_privacy(session, self.wording, now)
        if said:
            log.info("upkeep", extra={"messages": said})
            self.on_queued()
        return said

    @step("tidy")
    def tidy(self) -> None:
        """Close what time has closed and forget what need not be kept."""
        now = self.clock()
        with self.sessions.begin() as session:
            ledger.forget_updates(session, now - KEEP_UPDATES)
            conversation.forget_addresses(session)
            campaigns.finish(session, now)
            signals.tidy(session, now, ZoneInfo(self.wording.municipality.zone))

    def replay(self, decision: str) -> planning.Replay | None:
        """Make a decision again from what it was made from; None when there is no such decision."""
        with ledger.reading(self.sessions) as session:
            return planning.replay(session, self.vault, decision)


def _newcomer(heard: Heard) -> str:
    """What somebody is who was not there a moment ago: on the way in, or a chat for tests only."""
    return Standing.JOINING if rehearsal.code_in(heard) is None else ledger.COLLEAGUE


def _signal_id(source: str, external_id: str) -> str:
    return hashlib.sha256(f"{source}\x1f{external_id}".encode()).hexdigest()[:16]


def _done(inbox: InboxRow, now: datetime) -> None:
    inbox.state, inbox.done_at, inbox.body_sealed = "done", now, None
