"""What somebody said, taken to heart: the scene is set, the dialogue answers, and what follows is written down.

All of it happens in the transaction that marks the update as done, so it takes effect once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from sqlmodel import Session

from bot import contacts, mydata, outbox, saying, upkeep
from bot.core import dialogue
from bot.core.facts import Choice, ConsentState, Origin, Phrase, Reason
from bot.core.talk import (
    Answered,
    AskContact,
    Blocked,
    CancelContact,
    Consent,
    Effect,
    Erase,
    Heard,
    Join,
    KeepText,
    Leave,
    LinkResult,
    Opinion,
    PauseUntil,
    Press,
    RemindContact,
    Say,
    SetLanguage,
    SetQuiet,
    SetRest,
    SetTone,
    Standing,
    Step,
    Surveyed,
    TakeBackSituation,
    TellSituation,
)
from bot.scene import FLOW, Setting
from bot.signals import Incoming
from bot.store import conversation, ledger
from bot.store.tables import AnswerRow, CitizenRow, ConsentRow, ContactRequestRow, InboxRow, MessageRow, OpinionRow
from bot.store.vault import Vault
from bot.wording import Wording

#: A consent given by an update that Telegram numbered before the one that withdrew cannot undo the withdrawal. Numbers
#: begin anew after a week of silence, so after that the order of arrival counts.
NUMBERS_HOLD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who is heard. `language_code` is the app's own (IETF), good for a first suggestion only."""

    chat: str = field(repr=False)
    language_code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """One update being taken to heart."""

    session: Session
    wording: Wording
    vault: Vault
    now: datetime
    inbox: InboxRow
    citizen: CitizenRow
    heard: Heard
    receive: Callable[[Session, Incoming], object]

    @property
    def update(self) -> int:
        return self.inbox.update_id

    def take_effect(self, link: LinkResult | None) -> str | None:
        """Do and say what follows; return the line that answers a press."""
        setting = Setting(
            session=self.session,
            wording=self.wording,
            vault=self.vault,
            now=self.now,
            citizen=self.citizen,
            heard=self.heard,
            update=self.update,
        )
        turn = dialogue.respond(setting.scene(link), self.heard)
        if any(self._overtaken(effect) for effect in turn.effects):
            return self._words(Phrase("old.notice"))
        for effect in turn.effects:
            self._do(effect)
        on = self.heard.on if isinstance(self.heard, Press) else None
        if not isinstance(self.heard, Blocked):
            for number, say in enumerate(turn.says):
                self._say(say, number, on)
        return None if turn.notice is None else self._words(turn.notice)

    def _words(self, phrase: Phrase) -> str:
        return self.wording.say(phrase.key, self.citizen.language, phrase.params)

    def _withdrawn_later(self) -> bool:
        """Whether an update that Telegram numbered after this one has withdrawn already: of the two, that one wins."""
        citizen = self.citizen
        if citizen.withdrawn_update is None or citizen.stopped_at is None:
            return False
        return self.update < citizen.withdrawn_update and self.inbox.received_at - citizen.stopped_at < NUMBERS_HOLD

    def _overtaken(self, effect: Effect) -> bool:
        """Whether a later update has said something else already; then this one changes nothing, and says so."""
        match effect:
            case Join():
                return self._withdrawn_later()
            case Consent(theme, state):
                known = ledger.consents(self.session, [self.citizen.id]).get(self.citizen.id, {}).get(theme)
                answered = known is not None and (known.update_id or 0) > self.update
                recently = known is not None and self.now - known.at < NUMBERS_HOLD
                return (answered and recently) or (state is ConsentState.GIVEN and self._withdrawn_later())
            case _:
                return False

    def _do(self, effect: Effect) -> None:
        citizen, now = self.citizen, self.now
        match effect:
            case SetLanguage(language):
                citizen.language = language
            case Join():
                # Whatever stood before: who comes in chooses anew.
                ledger.withdraw(self.session, citizen, now, update_id=self.update, reason=Reason.STOPPED)
                citizen.standing = Standing.ACTIVE
                citizen.joined_at, citizen.paused_until = now, None
                citizen.privacy_told = upkeep.privacy_hash(self.wording)
            case Consent():
                self._consent(effect)
            case Leave(standing):
                self._leave(standing)
            case Answered():
                self._answer(effect)
            case Step(flow):
                sealed = None if flow is None else self.vault.seal(FLOW.dump_json(flow).decode())
                citizen.flow_sealed = sealed
            case AskContact() | CancelContact() | RemindContact() | KeepText():
                self._contact(effect)
            case TellSituation(code):
                self._tell(code)
            case TakeBackSituation(code):
                conversation.take_back(self.session, now, citizen.id, self.wording.situations[code].signal)
            case PauseUntil() | SetTone() | SetQuiet() | SetRest():
                self._set(effect)
            case Erase():
                mydata.erase(self.session, citizen, now, by="citizen", update_id=self.update)
            case Surveyed():
                citizen.surveyed_at = now
                citizen.surveys += 1
            case Opinion():
                self.session.add(
                    OpinionRow(
                        message_id=effect.message,
                        citizen_id=citizen.id,
                        dimension=effect.dimension,
                        answer=effect.answer,
                        at=now,
                    )
                )
            case _:
                assert_never(effect)

    def _leave(self, standing: Standing) -> None:
        """Blocked says more than stopped. A stop counts for the message that came last, as its own button would."""
        newest = next(iter(ledger.nudges_of(self.session, self.citizen.id, 1)), None)
        if newest is not None and newest.id is not None and newest.closed_at is not None:
            timely = self.now <= newest.closed_at + self.wording.rules.window
            if timely and ledger.answer(self.session, newest.id, Choice.STOP) is None:
                self._answer(Answered(newest.id, Choice.STOP), pressed=False)
        blocked = self.citizen.standing == Standing.BLOCKED
        outbox.leave(
            self.session, self.citizen, Standing.BLOCKED if blocked else standing, self.now, update_id=self.update
        )

    def _set(self, effect: PauseUntil | SetTone | SetQuiet | SetRest) -> None:
        citizen = self.citizen
        match effect:
            case PauseUntil(moment):
                citizen.paused_until = moment
            case SetTone(tone):
                citizen.tone = tone
            case SetQuiet(quiet):
                citizen.quiet_from, citizen.quiet_until = quiet or (None, None)
            case SetRest(days):
                citizen.rest_days = days
                if days is None:
                    citizen.rested_anew = self.now

    def _contact(self, effect: AskContact | CancelContact | RemindContact | KeepText) -> None:
        if isinstance(effect, AskContact):
            contacts.ask(self.session, self.vault, self.citizen, effect, update=self.update, now=self.now)
            return
        row = self._request(effect.request)
        if row is None:
            return
        match effect:
            case CancelContact():
                contacts.cancel(self.session, row, self.now)
            case RemindContact():
                row.remind = True
            case KeepText(text=text):
                contacts.heard(self.session, self.wording, self.vault, row, text, self.now)

    def _request(self, request: int) -> ContactRequestRow | None:
        row = self.session.get(ContactRequestRow, request)
        theirs = row is not None and row.citizen_id == self.citizen.id and row.state in {"open", "talking"}
        return row if theirs else None

    def _consent(self, effect: Consent) -> None:
        on = self.heard.on if isinstance(self.heard, Press) else None
        asked = ledger.asked(self.session, self.citizen.id, effect.theme, on=on)
        if asked is None:
            return  # nobody was shown a text, so there is nothing to agree to
        self.session.add(
            ConsentRow(
                citizen_id=self.citizen.id,
                theme=effect.theme,
                state=effect.state,
                at=self.now,
                text=asked.text,
                wording=asked.wording,
                language=asked.language,
                update_id=self.update,
                valid_until=years_after(self.now, self.wording.rules.consent_years)
                if effect.state is ConsentState.GIVEN
                else None,
            )
        )
        cards = [card for card, whole in self.wording.cards.items() if whole.facts().theme == effect.theme]
        if effect.state is ConsentState.GIVEN:
            ledger.reopen(self.session, self.citizen.id, Reason.NO_CONSENT, cards, self.now)
        if effect.state is ConsentState.WITHDRAWN:
            ledger.recall(self.session, self.now, "no_consent", citizen_id=self.citizen.id, theme_cards=cards)

    def _answer(self, effect: Answered, *, pressed: bool = True) -> None:
        row = ledger.answer(self.session, effect.message, effect.choice)
        if row is None:
            given = {
                "message_id": effect.message,
                "citizen_id": self.citizen.id,
                "choice": effect.choice,
                "at": self.now,
                "until": effect.until,
                "update_id": self.update,
            }
            ledger.add_all(self.session, AnswerRow, [given])
        elif effect.until is not None:
            row.until = effect.until
        message = self.session.get(MessageRow, effect.message)
        assert message is not None
        if pressed:
            outbox.proven(self.session, message, self.now)
        if effect.choice is Choice.NO:
            ledger.recall(
                self.session, self.now, "card_declined", citizen_id=self.citizen.id, theme_cards=[message.card or ""]
            )
        if effect.choice is Choice.OTHER_SENDER:
            ledger.audit(self.session, self.now, "citizen", "other_sender", message.campaign_id or "")
        if effect.choice is Choice.UNWELCOME and message.variant is not None:
            self.session.flush()
            upkeep.watch(self.session, message.variant, self.now)

    def _tell(self, code: str) -> None:
        self.receive(
            self.session,
            Incoming(
                source="urn:handreiking:citizen",
                external_id=str(self.update),
                origin=Origin.SELF,
                type=self.wording.situations[code].signal,
                occurred_at=self.now,
                reference=None,
                citizen=self.citizen.id,
                card=None,
                data={},
                said_by=None,
            ),
        )

    def _say(self, say: Say, number: int, on: int | None) -> None:
        language = self.citizen.language
        body = saying.body_of(self.wording, language, say)
        if say.asks_consent is not None:
            key = say.words[0].key
            self.session.add(
                ConsentRow(
                    citizen_id=self.citizen.id,
                    theme=say.asks_consent,
                    state=ConsentState.ASKED,
                    at=self.now,
                    text=body["text"],
                    wording=f"{key}@{self.wording.wording_hash(key, language)}",
                    language=language,
                    update_id=self.update,
                )
            )
        if say.with_data:
            file = mydata.as_file(self.session, self.wording, self.vault, self.citizen, self.now)
            body["document"] = {"name": mydata.FILE, "sealed": self.vault.seal(file)}
        if self.citizen.standing == Standing.ERASED:
            body[outbox.FAREWELL] = True
        key = f"update:{self.update}:{number}"
        outbox.queue_reply(self.session, self.citizen, key, body, self.now, edits=on if say.replaces else None)


def years_after(moment: datetime, years: int) -> datetime:
    """The same day `years` later; 28 February for a leap day."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)
