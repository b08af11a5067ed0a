"""Telling what is to be told, and asking what became of it: between two transactions, never within one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiohttp
from sqlalchemy import or_, select
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot.core.talk import Standing
from bot.errors import UnreadableError
from bot.klant import outbox, payloads
from bot.klant.events import Events
from bot.klant.open_klant import OpenKlant
from bot.klant.outbox import Target, What
from bot.klant.payloads import Request
from bot.klant.places import EventsAt, OpenKlantAt
from bot.klant.why import LaterError, TellingError, Why
from bot.klant.wire import PATIENCE_S
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, ContactRequestRow, KlantTaskRow, OutgoingRow
from bot.store.vault import Vault
from bot.wording import Wording

#: So much is told in one round, so that a stop in good order does not wait long.
MOST: Final = 50
#: How old what we know of a task in Open Klant may get.
LOOK_EVERY: Final = timedelta(minutes=5)
OVER: Final = Why("It was over before it could be told.")

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    """One row of the outbox with all that telling it takes; no session is open while it is told."""

    id: int
    what: str
    at: datetime
    detail: dict[str, Any]
    event_id: str
    request: Request = field(repr=False)
    is_open: bool
    erased: bool
    contact: str | None
    party: str | None
    address: str | None
    task: str | None
    task_is_closed: bool


@dataclass(kw_only=True)
class Teller:
    """Tells `open_klant` and `events`, as far as there are such.

    `close` closes a request here whose task was closed there; False when it is closed already. `owner` names the
    process; `vault` opens the number to call.
    """

    sessions: sessionmaker[Session]
    wording: Callable[[], Wording]
    vault: Vault
    clock: Callable[[], datetime]
    owner: str
    close: Callable[[int], bool]
    open_klant: OpenKlantAt | None = None
    events: EventsAt | None = None
    patience_s: float = PATIENCE_S

    @property
    def targets(self) -> Sequence[Target]:
        there = {Target.OPEN_KLANT: self.open_klant, Target.EVENTS: self.events}
        return [target for target, at in there.items() if at is not None]

    async def begin(self) -> None:
        """From now on what happens is written down for those who are told here, and for nobody else."""
        await self._done(outbox.listen, self.targets, self.clock())

    async def round(self, stop: asyncio.Event | None = None) -> int:
        """Tell what is due and look at what is open, until `stop` is set; return how much was told."""
        if not self.targets:
            return 0
        await self._done(outbox.catch_up)
        told = 0
        async with self._connected() as (open_klant, events):
            for target in self.targets:
                while told < MOST and not (stop is not None and stop.is_set()):
                    item = await self._done(self._take, target)
                    if item is None:
                        break
                    told += await self._tell(target, item, open_klant, events)
            if open_klant is not None:
                await self._look(open_klant, stop)
        return told

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[OpenKlant | None, Events | None]]:
        # No cookies: a token is shown with each call, and nothing else is to be remembered of us.
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            there, taker, wait = self.open_klant, self.events, self.patience_s
            yield (
                None if there is None else OpenKlant(there, client, self.clock, patience_s=wait),
                None if taker is None else Events(taker, client, self.clock, patience_s=wait),
            )

    def _take(self, session: Session, target: Target) -> _Item | None:
        """The next thing to tell; what is not to be told any more is dropped on the way."""
        while (row := outbox.take(session, target, self.owner, self.clock())) is not None:
            item, why = self._item(session, row)
            if why is None:
                return item
            outbox.dropped(row, why, self.clock())
            session.flush()
        return None

    def _item(self, session: Session, row: OutgoingRow) -> tuple[_Item, Why | None]:
        """What there is to tell, and why it is not told after all."""
        assert row.id is not None
        request = session.get_one(ContactRequestRow, row.request_id)
        citizen = session.get_one(CitizenRow, request.citizen_id)
        task = session.get(KlantTaskRow, row.request_id)
        card = None if request.card is None else self.wording().cards.get(request.card)
        item = _Item(
            id=row.id,
            what=row.what,
            at=row.at,
            detail=row.detail,
            # Without what Standard Webhooks takes apart by: no full stop.
            event_id=f"msg_{self.vault.fingerprint(f'event:{row.request_id}:{row.what}')[:32]}",
            request=Request(
                reference=payloads.reference(self.vault, row.request_id),
                asked_at=request.asked_at,
                promised_by=request.promised_by,
                how=request.how,
                daypart=request.daypart,
                language=request.language,
                card=request.card,
                card_name=None if card is None else card.name,
                card_version=None if card is None else card.version,
                theme=None if card is None else card.theme,
                phone=self._phone(request) if row.target == Target.OPEN_KLANT else None,
            ),
            is_open=request.state in conversation.OPEN,
            erased=citizen.standing == Standing.ERASED,
            contact=None if task is None else task.contact,
            party=None if task is None else task.party,
            address=None if task is None else task.address,
            task=None if task is None else task.task,
            task_is_closed=task is not None and task.closed_at is not None,
        )
        return item, _pointless(Target(row.target), item)

    def _phone(self, request: ContactRequestRow) -> str | None:
        """The number to call; None when there is none or it cannot be opened: then it is left out, and not the rest."""
        if request.how != "phone" or request.phone_sealed is None:
            return None
        try:
            return self.vault.open(request.phone_sealed)
        except UnreadableError:
            log.error("unreadable", extra={"part": Target.OPEN_KLANT})  # noqa: TRY400 - its words are a person's
            return None

    async def _tell(self, target: Target, item: _Item, open_klant: OpenKlant | None, events: Events | None) -> bool:
        """Whether it got there."""
        try:
            if open_klant is not None and target is Target.OPEN_KLANT:
                await self._tell_open_klant(open_klant, item)
            elif events is not None:
                await events.send(self._event(item))
        except TellingError as error:
            await self._done(self._not_told, target, item, error)
            return False
        await self._done(self._settled, item)
        log.info("told", extra={"part": target, "outcome": item.what.partition(":")[0]})
        return True

    def _event(self, item: _Item) -> dict[str, Any]:
        assert self.events is not None
        source = self.events.source
        return payloads.event(
            item.request, item.what, item.detail, item.at, id_=item.event_id, source=source, erased=item.erased
        )

    async def _tell_open_klant(self, api: OpenKlant, item: _Item) -> None:
        """Each uuid is kept as soon as it comes, so that whoever goes on after a kill goes on from there."""
        if item.what == What.CLOSED:
            await self._take_back(api, item)
            await self._keep(item, address=None, closed_at=self.clock())
            return
        contact, party = item.contact, item.party
        if contact is None:
            contact, party = await api.make_contact(item.request)
            await self._keep(item, contact=contact, party=party)
        phone = item.request.phone
        callable_there = phone is not None and payloads.PHONE.fullmatch(phone) is not None
        if phone is not None and callable_there and party is not None and item.address is None:
            await self._keep(item, address=await api.make_address(phone, party))
        if item.task is None:
            await self._keep(item, task=await api.make_task(item.request, contact))

    async def _take_back(self, api: OpenKlant, item: _Item) -> None:
        """The task and the number, also those that came there without our hearing so: nobody tries again to make them.

        Without a contact that we know of there is neither.
        """
        if not item.task_is_closed and item.contact is not None:
            task = item.task or await api.task_of(item.contact)
            if task is not None:
                await api.close_task(task)
        numbers = [] if item.address is None else [item.address]
        if not numbers and item.party is not None and item.request.how == "phone":
            numbers = await api.addresses_of(item.party)
        for number in numbers:
            await api.remove_address(number)

    async def _keep(self, item: _Item, **values: Any) -> None:
        def keep(session: Session) -> None:
            row = session.get(OutgoingRow, item.id)
            assert row is not None
            task = session.get(KlantTaskRow, row.request_id)
            if task is None:
                session.add(KlantTaskRow(request_id=row.request_id, **values))
            else:
                for name, value in values.items():
                    setattr(task, name, value)

        await self._done(keep)

    def _settled(self, session: Session, item: _Item) -> None:
        if (row := outbox.held(session, item.id, self.owner)) is not None:
            outbox.told(session, row, self.clock())

    def _not_told(self, session: Session, target: Target, item: _Item, error: TellingError) -> None:
        now, row = self.clock(), outbox.held(session, item.id, self.owner)
        outcome = "later" if isinstance(error, LaterError) else "refused"
        log.warning("not_told", extra={"part": target, "outcome": outcome, "error": str(error)})
        if isinstance(error, LaterError) and error.everything:
            outbox.stand_still(session, target, error.why, now, wait=error.wait)
        if row is None:
            return
        if isinstance(error, LaterError):
            draw = self.vault.draw("tell", str(row.id), str(row.tries))
            # While all stands still nothing is tried; after that this is the first to show whether it goes again.
            wait = timedelta(0) if error.everything else error.wait
            outbox.put_off(row, error.why, now, wait=wait, draw=draw)
        else:
            outbox.failed(row, error.why, now)

    async def _look(self, api: OpenKlant, stop: asyncio.Event | None) -> None:
        """Close here what was closed there."""
        for request, task in await self._done(self._to_look_at):
            if stop is not None and stop.is_set():
                return
            try:
                done = await api.is_done(task)
            except TellingError as error:
                log.warning("not_looked", extra={"part": Target.OPEN_KLANT, "error": str(error)})
                if isinstance(error, LaterError) and error.everything:
                    await self._done(self._stand_still, error)
                    return
                continue
            if done:
                # First here: a kill in between is made good by looking once more.
                await asyncio.to_thread(self.close, request)
            await self._done(self._looked, request, done=done)

    def _stand_still(self, session: Session, error: LaterError) -> None:
        outbox.stand_still(session, Target.OPEN_KLANT, error.why, self.clock(), wait=error.wait)

    def _to_look_at(self, session: Session) -> Sequence[tuple[int, str]]:
        """Open requests with a task there that was not looked at for a while, the longest ago first."""
        now = self.clock()
        if outbox.stands_still(session, Target.OPEN_KLANT, now):
            return []
        old = or_(col(KlantTaskRow.looked_at).is_(None), col(KlantTaskRow.looked_at) <= now - LOOK_EVERY)
        statement = (
            select(col(KlantTaskRow.request_id), col(KlantTaskRow.task))
            .join(ContactRequestRow, col(ContactRequestRow.id) == col(KlantTaskRow.request_id))
            .where(col(KlantTaskRow.closed_at).is_(None), col(KlantTaskRow.task).is_not(None), old)
            .where(col(ContactRequestRow.state).in_(conversation.OPEN))
            .order_by(col(KlantTaskRow.looked_at).nulls_first(), col(KlantTaskRow.request_id))
            .limit(MOST)
        )
        return [(request, task) for request, task in session.execute(statement) if task is not None]

    def _looked(self, session: Session, request: int, *, done: bool | None) -> None:
        """`done` None: it was taken away there. Our own request stays open then; somebody asked for help."""
        now = self.clock()
        task = session.get_one(KlantTaskRow, request)
        task.looked_at = now
        if done is None:
            task.task, task.closed_at = None, now
            ledger.audit(session, now, outbox.THEIR_STAFF, "contact.task_gone", str(request))
        elif done:
            task.closed_at = now
        outbox.went_well(session, Target.OPEN_KLANT, now)

    async def _done(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One transaction, in a thread."""

        def whole() -> T:
            with self.sessions.begin() as session:
                return work(session, *args, **kwargs)

        return await asyncio.to_thread(whole)


def _pointless(target: Target, item: _Item) -> Why | None:
    """Why there is nothing to tell any more."""
    if target is Target.OPEN_KLANT:
        if item.what == What.ASKED:
            return None if item.is_open else OVER
        return Why("Nothing was made for it there.") if item.contact is None else None
    # Of who was erased only that it is over, so that the receiver can forget them too.
    return Why("The person was erased.") if item.erased and item.what != What.CLOSED else None
