"""A small town for tests: the real journey on a real database, a clock that is set by hand, and people with phones."""

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from bot import campaigns, links
from bot.core.facts import Origin
from bot.core.talk import Command, Heard, Press, Typed, read_press
from bot.errors import DeliveryError
from bot.journey import Delivered, Journey, Outgoing, Result, Speaker, Undelivered
from bot.signals import Incoming
from bot.store.tables import CitizenRow, DecisionRow, MessageRow, OfferRow, SignalRow
from bot.store.vault import Vault
from bot.wording import Wording

#: A Tuesday, ten o'clock in Amsterdam.
TUESDAY_TEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
#: What every quarter's draws are made with.
KEY = b"the tests' own finding key, 32 b"


@dataclass
class Phone:
    """What one chat shows: the newest text of each message, by the channel's number."""

    shown: dict[int, Outgoing] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.shown.values()]

    @property
    def last(self) -> Outgoing:
        return list(self.shown.values())[-1]

    def choice(self, choice: str) -> tuple[int, str]:
        """The message and data of the newest button that stands for this choice."""
        for number, message in reversed(self.shown.items()):
            for button in message.buttons:
                if button.data and button.data.endswith(f"|{choice}"):
                    return number, button.data
        raise AssertionError(
            f"no button for {choice!r} among {[b.data for m in self.shown.values() for b in m.buttons]}"
        )

    def button(self, label: str) -> tuple[int, str]:
        """The message and data of the newest button whose label is or starts with `label`."""
        for number, message in reversed(self.shown.items()):
            for button in message.buttons:
                if button.text.startswith(label) and button.data:
                    return number, button.data
        raise AssertionError(f"no button {label!r} among {[b.text for m in self.shown.values() for b in m.buttons]}")


class World:
    """`say`, `press` and `tap` are what a citizen does; `tick` and `deliver` are what the machine does by itself."""

    def __init__(self, sessions: sessionmaker[Session], wording: Wording, vault: Vault) -> None:
        self.now = TUESDAY_TEN
        self.sessions, self.wording, self.vault = sessions, wording, vault
        ids = itertools.count(1)
        self.journey = Journey(
            sessions=sessions,
            wording=wording,
            vault=vault,
            clock=lambda: self.now,
            new_id=lambda: f"c{next(ids):07d}",
            chat_gap=timedelta(0),
            new_key=lambda: KEY,
        )
        self.updates = itertools.count(1001)
        self.numbers = itertools.count(1)
        self.phones: dict[str, Phone] = defaultdict(Phone)
        self.sent: list[Outgoing] = []
        self.fails: list[DeliveryError] = []
        self.signal_ids = itertools.count(1)

    # The municipality.

    def campaign(self, name: str = "zorgtoeslag-deadline", **changes: object) -> str:
        """One of the example campaigns, changed, approved by somebody else and running."""
        from bot.wording import data

        text = (data("messages") / "campaigns" / f"{name}.toml").read_text(encoding="utf-8")
        file = campaigns.read(text, self.wording).model_copy(update=changes)
        with self.sessions.begin() as session:
            campaigns.add(session, file, self.wording, by="eva", now=self.now)
            campaigns.approve(session, file.id, self.wording, by="sam", now=self.now)
            campaigns.start(session, file.id, self.wording, by="eva", now=self.now)
        return file.id

    def signal(
        self,
        kind: str = "nl.kalenders.aanvraagtermijn-nadert.v1",
        *,
        origin: Origin = Origin.CALENDAR,
        in_days: int = 30,
        reference: str | None = None,
        team: str | None = None,
        number: str | None = None,
    ) -> str:
        """Hand in a signal about an event `in_days` from now; return its id."""
        incoming = Incoming(
            source="urn:test",
            external_id=number or f"s{next(self.signal_ids)}",
            type=kind,
            origin=origin,
            occurred_at=self.now + timedelta(days=in_days),
            reference=reference,
            said_by=team,
        )
        return self.journey.receive([incoming])[0].id

    def offer_by_professional(self, reference: str) -> str:
        kind = "nl.professionele-aanbiedingen.aanbod-voorgesteld.v1"
        return self.signal(kind, origin=Origin.PROFESSIONAL, in_days=0, reference=reference, team="Wijkteam Oost")

    def code_for(self, reference: str) -> str:
        letters = itertools.cycle(links.ALPHABET)
        for _ in range(next(self.signal_ids)):
            next(letters)
        with self.sessions.begin() as session:
            return links.new_code(session, self.vault, reference, now=self.now, pick=lambda _: next(letters)).code

    # People.

    def hear(self, chat: str, heard: Heard, *, update: int | None = None, language: str = "nl") -> str | None:
        number = next(self.updates) if update is None else update
        self.journey.take_in([(number, json.dumps({"update_id": number}))])
        notice = self.journey.hear(number, Speaker(chat, language), heard)
        self.deliver()
        return notice

    def say(self, chat: str, text: str, *, language: str = "nl", update: int | None = None) -> str | None:
        if text.startswith("/"):
            name, _, argument = text[1:].partition(" ")
            return self.hear(chat, Command(name, argument), language=language, update=update)
        return self.hear(chat, Typed(text), language=language, update=update)

    def tap(self, chat: str, label: str, *, update: int | None = None) -> str | None:
        """Press the newest button with this label."""
        number, data = self.phones[chat].button(label)
        return self.press(chat, data, on=number, update=update)

    def choose(self, chat: str, choice: str, *, update: int | None = None) -> str | None:
        """Press the newest button that stands for this choice, whatever is written on it."""
        number, data = self.phones[chat].choice(choice)
        return self.press(chat, data, on=number, update=update)

    def press(self, chat: str, data: str, *, on: int | None = None, update: int | None = None) -> str | None:
        press = read_press(data)
        assert press is not None
        return self.hear(chat, Press(press.kind, press.ref, press.choice, on), update=update)

    def joins(self, chat: str, *themes: str, language: str = "nl", code: str = "") -> None:
        """Go through the door and say yes to `themes`, no to the others."""
        self.say(chat, f"/start {code}".strip(), language=language)
        self.choose(chat, language)
        self.choose(chat, "yes")
        for theme in self.wording.themes:
            self.choose(chat, f"{'yes' if theme in themes else 'no'}.{theme}")

    # The machine.

    def deliver(self, *, owner: str = "sender") -> list[Outgoing]:
        """Send all that may leave now; `fails` are met first, one for each message."""
        left: list[Outgoing] = []
        while leased := self.journey.lease(owner, 100):
            results: list[Result] = []
            for outgoing in self.journey.depart(owner, [lease.message for lease in leased]):
                left.append(outgoing)
                if self.fails:
                    results.append(Undelivered(outgoing.id, self.fails.pop(0)))
                else:
                    results.append(Delivered(outgoing.id, self.arrives(outgoing)))
            self.journey.depart(owner, [], results)
        return left

    def arrives(self, outgoing: Outgoing) -> int:
        self.sent.append(outgoing)
        number = next(self.numbers) if outgoing.edits is None else outgoing.edits
        self.phones[outgoing.chat].shown[number] = outgoing
        return number

    def tick(self) -> list[Outgoing]:
        """Everything that the clock's ticks do: plan, decide, deliver."""
        self.journey.call_dates()
        while self.journey.plan():
            pass
        while self.journey.decide():
            pass
        self.journey.upkeep()
        return [outgoing for outgoing in self.deliver() if outgoing.silent]

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    # What the ledger says.

    def offers(self) -> list[OfferRow]:
        with self.sessions() as session:
            return list(session.exec(select(OfferRow).order_by(col(OfferRow.created_at), col(OfferRow.id))))

    def outcomes(self) -> list[str | None]:
        return [offer.outcome for offer in self.offers()]

    def decisions(self) -> list[DecisionRow]:
        with self.sessions() as session:
            return list(
                session.exec(select(DecisionRow).order_by(col(DecisionRow.decided_at), col(DecisionRow.number)))
            )

    def nudges(self) -> list[MessageRow]:
        with self.sessions() as session:
            return list(
                session.exec(select(MessageRow).where(col(MessageRow.purpose) == 2).order_by(col(MessageRow.id)))
            )

    def signals(self) -> list[SignalRow]:
        with self.sessions() as session:
            return list(session.exec(select(SignalRow)))

    def citizen(self, chat: str) -> CitizenRow:
        with self.sessions() as session:
            chat_hash = self.vault.fingerprint(f"chat:{chat}")
            return session.exec(select(CitizenRow).where(col(CitizenRow.chat_hash) == chat_hash)).one()

    def pause(self, campaign: str) -> None:
        with self.sessions.begin() as session:
            campaigns.pause(session, campaign, "a look at the texts", by="sam", now=self.now)

    def resume(self, campaign: str) -> None:
        with self.sessions.begin() as session:
            campaigns.start(session, campaign, self.wording, by="sam", now=self.now)

    def stop_campaign(self, campaign: str) -> None:
        with self.sessions.begin() as session:
            campaigns.stop(session, campaign, by="sam", now=self.now)
