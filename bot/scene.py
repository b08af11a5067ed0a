"""The scene of a talk: all that the dialogue may know of a person when it answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlmodel import Session

from bot import campaigns, contacts, mydata, notes, outbox, upkeep
from bot.core import outreach, policy, rhythm
from bot.core.facts import Card, ConsentState, Sensitivity, Tone
from bot.core.talk import (
    Flow,
    Handover,
    Heard,
    LinkResult,
    Nudge,
    OpenRequest,
    Press,
    Referral,
    Scene,
    Service,
    Standing,
)
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, ConsentRow, MessageRow
from bot.store.vault import Vault
from bot.wording import Wording
from bot.wording.cards import Role

FLOW = TypeAdapter(Flow)
#: So many services beside the one of a nudge are named at most.
MOST_RELATED = 2
#: So many nudges before the newest one can be asked about.
MOST_EARLIER = 4


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a scene comes from: one person who is heard now, in update number `update`."""

    session: Session
    wording: Wording
    vault: Vault
    now: datetime
    citizen: CitizenRow
    heard: Heard
    update: int

    def scene(self, link: LinkResult | None) -> Scene:
        citizen, wording, now = self.citizen, self.wording, self.now
        zone = ZoneInfo(citizen.zone)
        today = now.astimezone(zone).date()
        consents = ledger.consents(self.session, [citizen.id]).get(citizen.id, {})
        since_survey = None if citizen.surveyed_at is None else now - citizen.surveyed_at
        newest = ledger.nudges_of(self.session, citizen.id, MOST_EARLIER)
        nudge = self._nudge(newest[0] if newest else None)
        quiet = (citizen.quiet_from, citizen.quiet_until)
        return Scene(
            update=self.update,
            now=now,
            today=today,
            # Whoever has a chat for tests only is new to everything else.
            standing=Standing.JOINING if citizen.standing == ledger.COLLEAGUE else Standing(citizen.standing),
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
                OpenRequest(
                    id=row.id,
                    how=row.how,
                    promised_by=row.promised_by,
                    message=row.message_id,
                    talking=row.state == "talking",
                    reminded=row.remind,
                )
                for row in conversation.open_requests(self.session, citizen.id)
            ),
            survey_due=(since_survey is None or since_survey >= wording.rules.survey_gap)
            and not (nudge is not None and nudge.card.sensitivity is Sensitivity.S3),
            link=link,
            promise=contacts.promise(self.session, wording, today),
            stop_words=stop_words(wording),
            country=wording.rules.holidays_of,
            joined=None if citizen.joined_at is None else citizen.joined_at.astimezone(zone).date(),
            told=self._told(),
            rest_days={code: known.rest_days for code, known in wording.situations.items() if known.rest_days},
            received=ledger.received(self.session, citizen.id),
            earlier=tuple(
                (row.id, (row.closed_at or now).astimezone(zone).date()) for row in newest[1:] if row.id is not None
            ),
            tone=None if citizen.tone is None else Tone(citizen.tone),
            quiet=None if quiet[0] is None or quiet[1] is None else (quiet[0], quiet[1]),
            quiet_rules=(wording.rules.quiet_from, wording.rules.quiet_until),
            own_rest=citizen.rest_days,
            renewable=frozenset(
                theme
                for theme, row in consents.items()
                if row.state == ConsentState.EXPIRED
                or (
                    row.state == ConsentState.GIVEN
                    and row.valid_until is not None
                    and row.valid_until <= now + upkeep.RENEW_BEFORE
                )
            ),
            survey_turn=citizen.surveys + 2 * int(8 * self.vault.draw("survey", citizen.id)),
            person_code=mydata.code_of(self.vault, citizen.id),
            emergencies=wording.emergencies,
            note=notes.newest_told(self.session, citizen.language) if self._asks_for("notes") else (),
            pause_days=self._pause_days() if self._asks_for("often") else None,
        )

    def _asks_for(self, screen: str) -> bool:
        return isinstance(self.heard, Press) and (self.heard.kind, self.heard.choice) == ("s", screen)

    def _pause_days(self) -> int:
        person = ledger.citizens(self.session, [self.citizen])[self.citizen.id]
        asked = timedelta(days=rhythm.interval_days(person, self.wording.rules, self.now))
        pause = max(asked, self.wording.rules.min_gap)
        # A fixed campaign knows no hold-out, so one of those is enough for the shorter pause.
        alive = [campaign for _, campaign in campaigns.alive(self.session, self.wording, self.now)]
        theirs = [campaign for campaign in alive if campaign.theme in person.consents]
        if theirs and all(policy.held_out(person, campaign) for campaign in theirs):
            pause = max(pause, policy.HOLDOUT_GAP)
        return math.ceil(pause / timedelta(days=1))

    def _nudge(self, newest: MessageRow | None) -> Nudge | None:
        """The nudge that a press is about, if it is this person's; for anything else the newest one."""
        row = newest
        if isinstance(self.heard, Press):
            row = self.session.get(MessageRow, self.heard.ref) if self.heard.ref else None
            theirs = row is not None and row.citizen_id == self.citizen.id and row.purpose == ledger.NUDGE
            if not theirs or row is None or row.state not in {"sent", "uncertain", "sending"}:
                return None
        if row is None or row.id is None:
            return None
        nudge = outbox.nudge_of(self.session, self.wording, row, self.citizen.zone, self.now)
        if nudge is None:
            return None
        today = self.now.astimezone(ZoneInfo(self.citizen.zone)).date()
        return replace(
            nudge,
            opinions=conversation.opinions(self.session, row.id),
            referral=referral(self.wording, nudge.card.id),
            related=related(
                self.wording, nudge.card, conversation.declined_cards(self.session, self.citizen.id), today
            ),
        )

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
        flow = FLOW.validate_json(self.vault.open(self.citizen.flow_sealed))
        return flow if flow.ends_at > self.now else None


def _state(row: ConsentRow, now: datetime) -> ConsentState:
    """What the record says today: a yes ends with its term."""
    state = ConsentState(row.state)
    ended = row.valid_until is not None and row.valid_until <= now
    return ConsentState.EXPIRED if state is ConsentState.GIVEN and ended else state


def referral(wording: Wording, card: str) -> Referral | None:
    """The other organisation that delivers this service; None: the municipality does."""
    for provider in wording.cards[card].providers:
        if provider.role is Role.DELIVERS and not provider.name.casefold().startswith("gemeente"):
            return Referral(organisation=provider.name, handover=Handover(provider.personal_data))
    return None


def related(wording: Wording, card: Card, declined: frozenset[str], today: date) -> tuple[Service, ...]:
    """Services that go with this one and may be named beside it: in force, not declined, and not more tender than it.

    Illness and debt are never named unasked.
    """
    known = [
        wording.cards[other.card].facts()
        for other in wording.cards[card.id].related
        if other.card in wording.cards and other.card not in declined
    ]
    fit = [
        other
        for other in known
        if other.sensitivity <= max(card.sensitivity, Sensitivity.S1)
        and other.sensitivity is not Sensitivity.S3
        and outreach.in_force(other, today)
    ]
    return tuple(Service(card=other.id, referral=referral(wording, other.id)) for other in fit[:MOST_RELATED])


def themes_of_situations(wording: Wording) -> Mapping[str, tuple[str, ...]]:
    """For each situation the themes of the cards that answer it."""
    return wording.once(("themes_of_situations",), lambda: _themes_of_situations(wording))


def _themes_of_situations(wording: Wording) -> Mapping[str, tuple[str, ...]]:
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
    rules = (rule for whole in wording.cards.values() for rule in whole.facts().signals if rule.type == kind)
    return wording.once(("latest_day", kind), lambda: max((rule.latest_day for rule in rules), default=30))


def stop_words(wording: Wording) -> frozenset[str]:
    """Every word that means stop, in every language: nobody has to find the right one."""
    return wording.once(
        ("stop_words",),
        lambda: frozenset(
            word.strip(" \u2068\u2069").casefold()
            for language in wording.languages
            for word in wording.say("stop.words", language).replace("،", ",").split(",")
        ),
    )
