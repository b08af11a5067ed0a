"""What a demo begins with: colleagues who were at work already, and neighbours who asked for contact."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, select

from bot import campaigns, contacts, library, preview
from bot.campaigns import drafts
from bot.core.talk import read_press
from bot.journey import Journey
from bot.sandbox import Sandbox
from bot.store import conversation, ledger
from bot.store.tables import CampaignRow, ContactLineRow
from bot.wording import data

#: A campaign that waits for somebody's approval, and the example that it is made from.
WAITING, LIKE = "stadspas-voorjaar", "stadspas"
HELLO: Final = "Hallo, kan iemand mij helpen?"
EVERY_S: Final = 0.2


@dataclass(frozen=True)
class Neighbour:
    """Somebody in the sandbox, and what they ask; with a `reply`, a colleague took it and wrote that back."""

    user: int
    name: str
    language: str
    asks: str
    reply: str | None = None


NEIGHBOURS: Final = (
    Neighbour(444, "Fatma", "nl", "Ik kreeg een brief over de zorgtoeslag. Klopt het dat ik iets moet doorgeven?",
              "Dag Fatma, dank u voor uw bericht. Welke datum staat er boven aan de brief?"),
    Neighbour(555, "Piet", "nl", "Kunt u mij uitleggen wat er in de brief staat? Ik lees niet zo goed."),
)  # fmt: skip


def at_work(session: Session, journey: Journey, *, editor: str, now: datetime) -> bool:
    """A campaign handed over, another begun and a text proposed, all by the editor; False when that was done before."""
    if session.get(CampaignRow, WAITING) is not None:
        return False
    wording, files = journey.wording, journey.shelf.files
    text = (data("messages") / "campaigns" / f"{LIKE}.toml").read_text(encoding="utf-8")
    example = campaigns.read(text, wording)
    file = example.model_copy(
        update={"id": WAITING, "title": example.title.replace("Stadspas", "Stadspas, voorjaar", 1)}
    )
    campaigns.add(session, file, wording, by=editor, now=now)
    asked = preview.question(session, wording, journey.vault, WAITING, now)
    counted = preview.preview(session, asked)
    campaigns.funnel.freeze(session, WAITING, wording, counted, kind=asked.signal.type, by=editor, now=now)
    drafts.begin(session, "Zorgtoeslag, nieuw jaar", "zorgtoeslag", wording, by=editor, now=now)
    rules = library.in_force(session, files)["rules.toml"]
    fresh = {"rules.toml": library.with_values(rules, {"min_gap_days": 21})}
    library.propose(session, files, fresh, why="Mensen vonden het te vaak.", by=editor, now=now)
    return True


@dataclass(frozen=True, kw_only=True)
class Street:
    """The neighbours at their phones. They go the way that everybody goes, so nothing stands there that could not."""

    sandbox: Sandbox
    journey: Journey
    answers: contacts.Signature
    themes: Collection[str] = ("money",)

    async def live(self) -> None:
        for one in NEIGHBOURS:
            self.sandbox.start(one.user, first_name=one.name, language=one.language)
        await asyncio.gather(*(self._asks(one) for one in NEIGHBOURS))

    async def _asks(self, one: Neighbour) -> None:
        await self._press(one, one.language)
        await self._press(one, "yes")
        for theme in self.journey.wording.themes:
            await self._press(one, f"{'yes' if theme in self.themes else 'no'}.{theme}")
        self.sandbox.message(one.user, HELLO)
        for choice in ("ask", "chat", "chat.any"):
            await self._press(one, choice)
        await self._until(lambda: self._request(one) is not None)
        self.sandbox.message(one.user, one.asks)
        if one.reply is not None:
            await self._until(lambda: self._is_heard(one))
            await asyncio.to_thread(self._reply, one)

    async def _press(self, one: Neighbour, choice: str) -> None:
        """Press the newest button for this choice, once it is there."""
        await self._until(lambda: self._button(one, choice) is not None)
        self.sandbox.press(one.user, self._button(one, choice) or "")

    def _button(self, one: Neighbour, choice: str) -> str | None:
        shown = (button.data for message in reversed(self.sandbox.messages(one.user)) for button in message.buttons)
        pressed = ((data, read_press(data)) for data in shown if data)
        return next((data for data, press in pressed if press is not None and press.choice == choice), None)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(EVERY_S)

    def _request(self, one: Neighbour) -> int | None:
        with ledger.reading(self.journey.sessions) as session:
            citizen = ledger.citizen_by_chat(session, self.journey.vault.fingerprint(f"chat:{one.user}"))
            rows = conversation.open_requests(session)
            return next((row.id for row in rows if citizen is not None and row.citizen_id == citizen.id), None)

    def _is_heard(self, one: Neighbour) -> bool:
        with ledger.reading(self.journey.sessions) as session:
            said = select(ContactLineRow).where(ContactLineRow.request_id == self._request(one))
            return session.exec(said).first() is not None

    def _reply(self, one: Neighbour) -> None:
        journey, by, now = self.journey, self.answers.by, self.journey.clock()
        request = self._request(one)
        assert request is not None
        assert one.reply is not None
        with journey.sessions.begin() as session:
            contacts.claim(session, journey.wording, request, by=by, now=now)
            contacts.reply(session, journey.wording, journey.vault, request, one.reply, signed=self.answers, now=now)
