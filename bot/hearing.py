"""What somebody said, taken to heart: the scene is set, the dialogue answers, and what follows is written down.

All of it happens in the transaction that marks the update as done, so it takes effect once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

import holidays
from pydantic import TypeAdapter
from sqlmodel import Session

from bot import outbox
from bot.core import dialogue
from bot.core.facts import Choice, ConsentState, Origin, Phrase, Reason, Sensitivity
from bot.core.talk import (
    Answered,
    AskContact,
    Blocked,
    CancelContact,
    Consent,
    Effect,
    Flow,
    Heard,
    Join,
    Leave,
    LinkResult,
    Nudge,
    OpenRequest,
    PauseUntil,
    Press,
    Say,
    Scene,
    SetLanguage,
    Standing,
    Step,
    Surveyed,
    TellSituation,
)
from bot.signals import Incoming
from bot.store import ledger
from bot.store.tables import AnswerRow, CitizenRow, ConsentRow, ContactRequestRow, InboxRow, MessageRow
from bot.store.vault import Vault
from bot.wording import Wording

#: A consent given by an update that Telegram numbered before the one that withdrew cannot undo the withdrawal. Numbers
#: begin anew after a week of silence, so after that the order of arrival counts.
NUMBERS_HOLD = timedelta(days=7)
_FLOW = TypeAdapter(Flow)


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
        turn = dialogue.respond(self._scene(link), self.heard)
        for effect in turn.effects:
            self._do(effect)
        on = self.heard.on if isinstance(self.heard, Press) else None
        if not isinstance(self.heard, Blocked):
            for number, say in enumerate(turn.says):
                self._say(say, number, on)
        return None if turn.notice is None else self._words(turn.notice)

    def _words(self, phrase: Phrase) -> str:
        return self.wording.say(phrase.key, self.citizen.language, phrase.params)

    def _scene(self, link: LinkResult | None) -> Scene:
        citizen, wording, now = self.citizen, self.wording, self.now
        zone = ZoneInfo(citizen.zone)
        today = now.astimezone(zone).date()
        consents = ledger.consents(self.session, [citizen.id]).get(citizen.id, {})
        since_survey = None if citizen.surveyed_at is None else now - citizen.surveyed_at
        nudge = self._nudge()
        return Scene(
            update=self.update,
            now=now,
            today=today,
            standing=Standing(citizen.standing),
            language=citizen.language,
            languages=wording.languages,
            suggested_language=citizen.language,
            themes=tuple(wording.themes),
            consents={theme: _state(row, now) for theme, row in consents.items()},
            situations=tuple(wording.situations),
            themes_of_situations=themes_of_situations(wording),
            paused_until=None if citizen.paused_until is None else citizen.paused_until.astimezone(zone),
            nudge=nudge,
            flow=self._flow(),
            requests=tuple(
                OpenRequest(id=row.id, how=row.how, promised_by=row.promised_by, message=row.message_id)
                for row in ledger.open_requests(self.session, citizen.id)
            ),
            survey_due=(since_survey is None or since_survey >= wording.rules.survey_gap)
            and not (nudge is not None and nudge.card.sensitivity is Sensitivity.S3),
            link=link,
            promise=working_days_after(today, wording.rules.promise_working_days, wording.rules.holidays_of),
            stop_words=stop_words(wording),
            country=wording.rules.holidays_of,
            joined=None if citizen.joined_at is None else citizen.joined_at.astimezone(zone).date(),
            told=self._told(),
            received=ledger.received(self.session, citizen.id),
        )

    def _nudge(self) -> Nudge | None:
        """The nudge that a press is about, if it is this person's; for anything else the newest one."""
        row: MessageRow | None
        if isinstance(self.heard, Press):
            row = self.session.get(MessageRow, self.heard.ref) if self.heard.ref else None
            theirs = row is not None and row.citizen_id == self.citizen.id and row.purpose == ledger.NUDGE
            if not theirs or row is None or row.state not in {"sent", "uncertain", "sending"}:
                return None
        else:
            row = ledger.newest_nudge(self.session, self.citizen.id)
        return None if row is None else outbox.nudge_of(self.session, self.wording, row, self.citizen.zone, self.now)

    def _told(self) -> frozenset[str]:
        """What this person told us and may still hear something about."""
        told = ledger.told(self.session, self.citizen.id)
        return frozenset(
            code
            for code, situation in self.wording.situations.items()
            if situation.signal in told
            and self.now <= told[situation.signal] + timedelta(days=_latest_day(self.wording, situation.signal))
        )

    def _flow(self) -> Flow | None:
        if self.citizen.flow_sealed is None:
            return None
        flow = _FLOW.validate_json(self.vault.open(self.citizen.flow_sealed))
        return flow if flow.ends_at > self.now else None

    def _withdrawn_later(self) -> bool:
        """Whether an update that Telegram numbered after this one has withdrawn already: of the two, that one wins."""
        citizen = self.citizen
        if citizen.withdrawn_update is None or citizen.stopped_at is None:
            return False
        return self.update < citizen.withdrawn_update and self.inbox.received_at - citizen.stopped_at < NUMBERS_HOLD

    def _do(self, effect: Effect) -> None:
        citizen, now = self.citizen, self.now
        match effect:
            case SetLanguage(language):
                citizen.language = language
            case Join():
                if not self._withdrawn_later():
                    # Whatever stood before: who comes in chooses anew.
                    ledger.withdraw(self.session, citizen, now, update_id=self.update, reason=Reason.STOPPED)
                    citizen.standing = Standing.ACTIVE
                    citizen.joined_at, citizen.paused_until = now, None
            case Consent():
                self._consent(effect)
            case Leave(standing):
                self._leave(standing)
            case Answered():
                self._answer(effect)
            case PauseUntil(moment):
                citizen.paused_until = moment
            case Step(flow):
                sealed = None if flow is None else self.vault.seal(_FLOW.dump_json(flow).decode())
                citizen.flow_sealed = sealed
            case AskContact():
                self._ask_contact(effect)
            case CancelContact(request):
                row = self.session.get(ContactRequestRow, request)
                if row is not None and row.citizen_id == citizen.id and row.state == "open":
                    row.state, row.phone_sealed = "cancelled", None
            case TellSituation(code):
                self._tell(code)
            case Surveyed():
                citizen.surveyed_at = now
            case _:
                assert_never(effect)

    def _leave(self, standing: Standing) -> None:
        """Blocked says more than stopped. A stop counts for the message that came last, as its own button would."""
        newest = ledger.newest_nudge(self.session, self.citizen.id)
        if newest is not None and newest.id is not None and newest.closed_at is not None:
            timely = self.now <= newest.closed_at + self.wording.rules.window
            if timely and ledger.answer(self.session, newest.id, Choice.STOP) is None:
                self._answer(Answered(newest.id, Choice.STOP))
        blocked = self.citizen.standing == Standing.BLOCKED
        outbox.leave(
            self.session, self.citizen, Standing.BLOCKED if blocked else standing, self.now, update_id=self.update
        )

    def _consent(self, effect: Consent) -> None:
        if effect.state is ConsentState.GIVEN and (self._withdrawn_later() or self.citizen.standing != Standing.ACTIVE):
            return
        known = ledger.consents(self.session, [self.citizen.id]).get(self.citizen.id, {}).get(effect.theme)
        if known is not None and (known.update_id or 0) > self.update and self.now - known.at < NUMBERS_HOLD:
            return  # answered again since, by an update that overtook this one
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

    def _answer(self, effect: Answered) -> None:
        row = ledger.answer(self.session, effect.message, effect.choice)
        if row is None:
            row = AnswerRow(
                message_id=effect.message,
                citizen_id=self.citizen.id,
                choice=effect.choice,
                at=self.now,
                until=effect.until,
                update_id=self.update,
            )
            self.session.add(row)
        elif effect.until is not None:
            row.until = effect.until
        message = self.session.get(MessageRow, effect.message)
        assert message is not None
        if message.state in {"uncertain", "sending"}:  # whoever presses on it has it
            outbox.close(message, "sent", message.closed_at or self.now)
            outbox.close_offer(self.session, message, "sent", self.now)
        if effect.choice is Choice.NO:
            ledger.recall(
                self.session, self.now, "card_declined", citizen_id=self.citizen.id, theme_cards=[message.card or ""]
            )

    def _ask_contact(self, effect: AskContact) -> None:
        about = None if effect.message is None else self.session.get(MessageRow, effect.message)
        theirs = about is not None and about.citizen_id == self.citizen.id
        self.session.add(
            ContactRequestRow(
                id=self.update,
                citizen_id=self.citizen.id,
                message_id=about.id if about and theirs else None,
                card=about.card if about and theirs else None,
                how=effect.how,
                daypart=effect.daypart,
                phone_sealed=None if effect.phone is None else self.vault.seal(effect.phone),
                language=self.citizen.language,
                asked_at=self.now,
                promised_by=effect.promised_by,
                state="open",
            )
        )

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
        text = "\n\n".join(self._words(phrase) for phrase in say.words)
        if say.asks_consent is not None:
            key = say.words[0].key
            self.session.add(
                ConsentRow(
                    citizen_id=self.citizen.id,
                    theme=say.asks_consent,
                    state=ConsentState.ASKED,
                    at=self.now,
                    text=text,
                    wording=f"{key}@{self.wording.wording_hash(key, language)}",
                    language=language,
                    update_id=self.update,
                )
            )
        body = {
            "text": text,
            "buttons": [
                {"text": label.text, "data": label.data, "url": label.url}
                for label in outbox.labels(self.wording, language, say.buttons)
            ],
            "keyboard": say.keyboard,
            "keyboard_label": self.wording.say("button.share_phone", language) if say.keyboard == "ask_phone" else None,
        }
        key = f"update:{self.update}:{number}"
        outbox.queue_reply(self.session, self.citizen, key, body, self.now, edits=on if say.replaces else None)


def _state(row: ConsentRow, now: datetime) -> ConsentState:
    """What the record says today: a yes ends with its term."""
    state = ConsentState(row.state)
    ended = row.valid_until is not None and row.valid_until <= now
    return ConsentState.EXPIRED if state is ConsentState.GIVEN and ended else state


def themes_of_situations(wording: Wording) -> Mapping[str, tuple[str, ...]]:
    """For each situation the themes of the cards that answer it."""
    cards = [whole.facts() for whole in wording.cards.values()]
    return {
        code: tuple(
            dict.fromkeys(
                card.theme
                for card in cards
                if any(rule.type == situation.signal and rule.enabled for rule in card.signals)
            )
        )
        for code, situation in wording.situations.items()
    }


def _latest_day(wording: Wording, kind: str) -> int:
    """Until how many days after it was told a card may answer this; a month when none does."""
    days = [rule.latest_day for whole in wording.cards.values() for rule in whole.facts().signals if rule.type == kind]
    return max(days, default=30)


def stop_words(wording: Wording) -> frozenset[str]:
    """Every word that means stop, in every language: nobody has to find the right one."""
    return frozenset(
        word.strip(" \u2068\u2069").casefold()
        for language in wording.languages
        for word in wording.say("stop.words", language).replace("،", ",").split(",")
    )


def working_days_after(day: date, count: int, country: str) -> date:
    """The `count`-th working day after `day`: no weekend and no public holiday of `country`."""
    free = holidays.country_holidays(country)
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in free:
            count -= 1
    return day


def years_after(moment: datetime, years: int) -> datetime:
    """The same day `years` later; 28 February for a leap day."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)
