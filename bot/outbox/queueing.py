"""Answers and notices put in line, and a nudge as the talk about it knows it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlmodel import Session

from bot import planning
from bot.core import outreach
from bot.core.answers import fresh_buttons
from bot.core.facts import Card, Level, Origin, Phrase, Purpose
from bot.core.talk import Button, Nudge, Press, write_press
from bot.outbox.parts import Label
from bot.store import ledger
from bot.store.tables import CitizenRow, DecisionRow, MessageRow
from bot.wording import Wording

REPLY_LIFE = timedelta(hours=24)
FAREWELL = "farewell"
#: In the body of a message that somebody of the staff sent to their own chat, and what its buttons say.
TEST = "test"
TEST_PRESS = Press("x", 0, "test")


def queue_reply(
    session: Session, citizen: CitizenRow, key: str, body: dict[str, Any], now: datetime, *, edits: int | None = None
) -> None:
    """Queue an answer; nothing holds it back. `edits`: the channel's number of the message that it takes over."""
    row = _queued(citizen, Purpose.REPLY, key, body, now)
    row |= {"due_at": now, "expires_at": now + REPLY_LIFE, "edits": edits}
    ledger.add_all(session, MessageRow, [row])


def queue_notice(
    session: Session,
    citizen: CitizenRow,
    key: str,
    body: dict[str, Any],
    now: datetime,
    *,
    due_at: datetime,
    expires_at: datetime,
) -> None:
    """Queue what nobody asked for just now; it leaves at `due_at` or after, unless the person stops before."""
    row = _queued(citizen, Purpose.CONFIRMATION, key, body, now)
    row |= {"due_at": due_at, "expires_at": expires_at}
    ledger.add_all(session, MessageRow, [row])


def _queued(citizen: CitizenRow, purpose: Purpose, key: str, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "key": key,
        "citizen_id": citizen.id,
        "purpose": purpose,
        "state": "due",
        "created_at": now,
        "body": body,
        "language": citizen.language,
    }


def labels(wording: Wording, language: str, buttons: Sequence[Button]) -> tuple[Label, ...]:
    return tuple(
        Label(
            wording.say(button.label.key, language, button.label.params),
            None if button.press is None else write_press(button.press),
            button.url,
        )
        for button in buttons
    )


def phrased(wording: Wording, variant: str, language: str, card: Card, message: int) -> tuple[str, tuple[Label, ...]]:
    """A nudge as it leaves: its text and the buttons under it. `message` is what a press on them will name."""
    said = wording.once(("phrased", variant, language, card.level), lambda: _phrased(wording, variant, language, card))
    text, pattern = said
    return text, tuple(Label(label, write_press(Press(press.kind, message, press.choice))) for label, press in pattern)


def _phrased(wording: Wording, variant: str, language: str, card: Card) -> tuple[str, tuple[tuple[str, Press], ...]]:
    """What does not change from one person to the next."""
    pattern = [
        (wording.say(button.label.key, language, button.label.params), button.press)
        for button in fresh_buttons(0, card)
        if button.press is not None
    ]
    return wording.say(variant, language), tuple(pattern)


def nudge_of(session: Session, wording: Wording, row: MessageRow, zone: str, now: datetime) -> Nudge | None:
    """A nudge with its origin, for the talk about it: everything that "why did I get this?" may say.

    None when its card or its wording is no longer there.
    """
    assert row.id is not None
    if row.card is None or row.card not in wording.cards or not wording.has(row.variant or ""):
        return None
    cause = ledger.cause_of(session, row.id)
    card = wording.cards[row.card].facts()
    rule = outreach.rule_for(planning.signal_for(cause, None), card)
    told = next((code for code, situation in wording.situations.items() if situation.signal == cause.type), None)
    answers = ledger.answers_to(session, [row.id]).get(row.id, [])
    return Nudge(
        message=row.id,
        card=card,
        words=Phrase(row.variant or ""),
        chance=round(100 * cause.p_send) if cause.randomised_send and cause.p_send is not None else None,
        words_by_lot=cause.randomised_tone,
        sent_at=row.closed_at or now,
        origin=Origin(cause.origin),
        # A professional proposed it when it came in; what it is about may lie elsewhere.
        signal_at=(cause.received_at if cause.origin == Origin.PROFESSIONAL else cause.occurred_at).astimezone(
            ZoneInfo(zone)
        ),
        said_by=cause.said_by,
        situation=Phrase(f"situation.{told}") if told is not None else None,
        data_used=rule.data_used if rule else (),
        legal_basis=rule.legal_basis if rule else "",
        choices=frozenset(answer.choice for answer in answers),
        asks_contact=card.level is Level.INFORM_AND_OFFER_CONTACT,
        told=_told(session, wording, cause),
    )


def _told(session: Session, wording: Wording, cause: Row[Any]) -> tuple[Phrase, ...]:
    """What the decision found that this person had told, in the days that counted; but for the signal itself."""
    if not cause.inputs.get("citizen", {}).get("told"):
        return ()
    world, inputs = planning.recorded(session, session.get_one(DecisionRow, cause.decision))
    campaign = world.campaign
    counted = {
        kind
        for kind in campaign.situations
        if kind != cause.type
        and outreach.told_from(world.card, replace(campaign, situations=(kind,)), inputs.citizen, inputs.now)
        <= inputs.now
    }
    return tuple(Phrase(f"situation.{code}") for code, known in wording.situations.items() if known.signal in counted)
