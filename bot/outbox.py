"""The outgoing messages: leased, let go with their intent committed, closed with what became of them.

A message is handed out for sending once in its life. What is in flight when the process dies is *uncertain* and is
never sent again; what had not begun to leave goes back to *due*.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import Session, col

from bot import planning
from bot.core import outreach
from bot.core.dialogue import nudge_buttons
from bot.core.facts import Level, Objection, Origin, Phrase, Purpose, Reason
from bot.core.talk import Button, Nudge, Standing, write_press
from bot.errors import DelayedError, DeliveryError, RejectedError, UncertainError, UnreachableError
from bot.store import conversation, ledger
from bot.store.tables import CampaignRow, CitizenRow, DecisionRow, FrozenRow, MessageRow, OfferRow, SignalRow
from bot.store.vault import Vault
from bot.wording import Wording

LEASE = timedelta(seconds=20)
#: A message that has begun to leave is given up as uncertain after this; no request lasts that long.
FLIGHT = timedelta(seconds=60)
REPLY_LIFE = timedelta(hours=24)
#: An update is taken to heart within this, or nudges wait for it: a stop counts from when it is stored.
HEARD_WITHIN = timedelta(seconds=2)
SENDER = "sender"  # the one process that sends, and until when
SENDS_FOR = timedelta(seconds=15)
#: What is in a message's body only until it has left.
SEALED = frozenset({"sealed", "document"})
FAREWELL = "farewell"
PAUSE_ALL = "pause"  # a 429: nothing leaves until then
PAUSE_NUDGES = "pause_nudges"  # the breaker, or staff: no nudge leaves until somebody says so


@dataclass(frozen=True, slots=True)
class Label:
    text: str = field(repr=False)
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """A message whose intent is committed: it may leave now, once."""

    id: int
    chat: str = field(repr=False)
    text: str = field(repr=False)
    buttons: tuple[Label, ...] = ()
    edits: int | None = None  # the channel's number of the message whose text this one takes over
    silent: bool = False
    keyboard: Literal["none", "ask_phone", "remove"] = "none"
    keyboard_label: str | None = None
    purpose: Purpose = Purpose.REPLY
    document: Document | None = None  # goes along as a file, with the text as its caption


@dataclass(frozen=True, slots=True)
class Delivered:
    message: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    message: int
    error: DeliveryError


Result = Delivered | Undelivered


@dataclass(frozen=True, slots=True)
class Leased:
    message: int
    purpose: Purpose


def is_sender(session: Session, now: datetime, owner: str) -> bool:
    """Whether `owner` is the one who sends. Whoever does keeps the part by asking; a silent one loses it."""
    row = ledger.mark(session, SENDER, locked=True)
    held = row is not None and datetime.fromisoformat(row["until"]) > now
    if row is not None and held and row["owner"] != owner:
        return False
    if row is None or not held or datetime.fromisoformat(row["until"]) - now < SENDS_FOR / 2:
        ledger.set_mark(session, SENDER, {"owner": owner, "until": (now + SENDS_FOR).isoformat()}, now)
    return True


def lease(session: Session, now: datetime, owner: str, purposes: Collection[Purpose], limit: int) -> list[Leased]:
    """Due messages set aside for `owner`. Losing a lease loses nothing."""
    if _nudges_wait(session, now):
        purposes = [purpose for purpose in purposes if purpose is not Purpose.NUDGE]
    rows = ledger.leasable(session, now, purposes, limit)
    for row in rows:
        row.state, row.owner, row.leased_until = "leased", owner, now + LEASE
    return [Leased(row.id, Purpose(row.purpose)) for row in rows if row.id is not None]


def let_go(
    session: Session, wording: Wording, vault: Vault, now: datetime, owner: str, messages: Collection[int]
) -> list[Outgoing]:
    """Those of `messages` that may leave now, each marked as sending; the gate is asked again about every nudge."""
    rows = [row for row in ledger.locked(session, messages).values() if row.state == "leased" and row.owner == owner]
    halted = any(row.purpose == Purpose.NUDGE for row in rows) and _nudges_wait(session, now)
    people = ledger.by_id(session, CitizenRow, (row.citizen_id for row in rows))
    leaving: list[Outgoing] = []
    worlds: dict[str, planning.World] = {}
    for row in sorted(rows, key=lambda row: (row.purpose, row.id)):
        citizen = people[row.citizen_id]
        if citizen.chat_sealed is None:
            close(row, "withdrawn", now, error=Standing.ERASED)
            close_offer(session, row, Reason.STOPPED, now)
        elif halted and row.purpose == Purpose.NUDGE:
            row.state, row.owner, row.leased_until = "due", None, None
        elif row.expires_at is not None and now > row.expires_at:
            _expire(session, row, now)
        elif row.purpose == Purpose.CONFIRMATION and not _notice_may_leave(session, wording, row, citizen, now):
            continue
        elif row.purpose != Purpose.NUDGE or _may_leave(session, wording, row, citizen, now, worlds):
            chat = vault.open(citizen.chat_sealed)
            nudge = row.purpose == Purpose.NUDGE
            leaving.append(_nudge(session, wording, row, citizen, chat, now) if nudge else _reply(row, chat, vault))
            row.state, row.leased_until = "sending", now + FLIGHT
    return leaving


def _nudges_wait(session: Session, now: datetime) -> bool:
    """Whether no nudge may leave: somebody paused them, or what people said was not taken to heart yet."""
    return ledger.mark(session, PAUSE_NUDGES) is not None or ledger.is_behind(session, now - HEARD_WITHIN)


def _may_leave(
    session: Session,
    wording: Wording,
    row: MessageRow,
    citizen: CitizenRow,
    now: datetime,
    worlds: dict[str, planning.World],
) -> bool:
    """The gate again, on today's facts. What it refuses for good is closed; what must wait goes back to be decided."""
    offer, campaign = session.get(OfferRow, row.offer_id), session.get(CampaignRow, row.campaign_id)
    assert offer is not None
    assert campaign is not None
    signal = session.get(SignalRow, offer.signal_id)
    assert signal is not None
    if campaign.card not in wording.cards:
        close(row, "withdrawn", now, error=Reason.CARD_NOT_IN_FORCE)
        close_offer(session, row, Reason.CARD_NOT_IN_FORCE, now)
        return False
    world = worlds.get(campaign.id) or planning.world_of(session, campaign, wording, now)
    worlds[campaign.id] = world
    person = ledger.citizens(session, [citizen], but=row.id)[citizen.id]
    asked = planning.signal_for(signal, offer.citizen_id)
    objection = outreach.objection(asked, world.card, world.campaign, person, world.rules, now)
    variant = next((known for known in world.variants if known.id == row.variant), None)
    if objection is None and (variant is None or person.language not in variant.languages):
        # The person chose another language since, or the wording was retired: another one may do.
        objection = Objection(reason=Reason.NO_WORDING, until=now)
    if objection is None and _reworded(session, wording, row, person.language):
        objection = Objection(reason=Reason.NO_WORDING)
    if objection is not None:
        waits = objection.until is not None and objection.until <= offer.window_end
        close(row, "withdrawn", now, error=objection.reason)
        offer.outcome = objection.reason
        if waits:
            assert objection.until is not None
            offer.state, offer.look_at = "open", objection.until
        else:
            offer.state, offer.closed_at = "closed", now
        return False
    later = outreach.next_civil_moment(citizen.zone, outreach.own_rules(person, world.rules), now)
    if later == now:
        later = _hourly(session, campaign, now)
    if later > now:
        row.state, row.owner, row.leased_until, row.due_at = "due", None, None, later
        return False
    return True


def _notice_may_leave(session: Session, wording: Wording, row: MessageRow, citizen: CitizenRow, now: datetime) -> bool:
    """What nobody asked for just now is for who takes part, in civil hours only."""
    if citizen.standing != Standing.ACTIVE:
        close(row, "withdrawn", now, error=Reason.STOPPED)
        return False
    person = ledger.citizens(session, [citizen])[citizen.id]
    later = outreach.next_civil_moment(citizen.zone, outreach.own_rules(person, wording.rules), now)
    if later > now:
        row.state, row.owner, row.leased_until, row.due_at = "due", None, None, later
    return later <= now


def _reworded(session: Session, wording: Wording, row: MessageRow, language: str) -> bool:
    """Whether the words changed since this variant first left in this language: one arm would silently become two."""
    known = session.get(FrozenRow, (row.variant, language))
    return known is not None and known.wording_hash != wording.wording_hash(known.variant, language)


def _hourly(session: Session, campaign: CampaignRow, now: datetime) -> datetime:
    most = campaign.definition.get("hourly_maximum")
    hour = timedelta(hours=1)
    if most is None or ledger.departed_since(session, campaign.id, now - hour) < most:
        return now
    return now + hour / int(most)


def _nudge(
    session: Session, wording: Wording, row: MessageRow, citizen: CitizenRow, chat: str, now: datetime
) -> Outgoing:
    assert row.id is not None
    assert row.variant is not None
    language = citizen.language
    row.language, row.wording_hash = language, wording.wording_hash(row.variant, language)
    frozen = {"variant": row.variant, "language": language, "wording_hash": row.wording_hash, "first_sent_at": now}
    ledger.add_new(session, FrozenRow, [frozen])
    nudge = nudge_of(session, wording, row, citizen.zone, now)
    assert nudge is not None
    return Outgoing(
        id=row.id,
        chat=chat,
        text=wording.say(row.variant, language),
        buttons=labels(wording, language, nudge_buttons(nudge)),
        silent=True,
        purpose=Purpose.NUDGE,
    )


def queue_reply(
    session: Session, citizen: CitizenRow, key: str, body: dict[str, Any], now: datetime, *, edits: int | None = None
) -> None:
    """Queue an answer; nothing holds it back. `edits`: the channel's number of the message that it takes over."""
    row = _queued(citizen, Purpose.REPLY, key, body, now)
    row.due_at, row.expires_at, row.edits = now, now + REPLY_LIFE, edits
    session.add(row)


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
    row.due_at, row.expires_at = due_at, expires_at
    session.add(row)


def _queued(citizen: CitizenRow, purpose: Purpose, key: str, body: dict[str, Any], now: datetime) -> MessageRow:
    return MessageRow(
        key=key,
        citizen_id=citizen.id,
        purpose=purpose,
        state="due",
        due_at=now,
        created_at=now,
        body=body,
        language=citizen.language,
    )


def labels(wording: Wording, language: str, buttons: Sequence[Button]) -> tuple[Label, ...]:
    return tuple(
        Label(
            wording.say(button.label.key, language, button.label.params),
            None if button.press is None else write_press(button.press),
            button.url,
        )
        for button in buttons
    )


def nudge_of(session: Session, wording: Wording, row: MessageRow, zone: str, now: datetime) -> Nudge | None:
    """A nudge with its origin, for the talk about it: everything that "why did I get this?" may say.

    None when its card or its wording is no longer there.
    """
    assert row.id is not None
    if row.card is None or row.card not in wording.cards or not wording.has(row.variant or ""):
        return None
    offer, decision = session.get(OfferRow, row.offer_id), session.get(DecisionRow, row.decision_id)
    assert offer is not None
    assert decision is not None
    signal = session.get(SignalRow, offer.signal_id)
    assert signal is not None
    card = wording.cards[row.card].facts()
    rule = outreach.rule_for(planning.signal_for(signal, None), card)
    told = next((code for code, situation in wording.situations.items() if situation.signal == signal.type), None)
    answers = ledger.answers_to(session, [row.id]).get(row.id, [])
    return Nudge(
        message=row.id,
        card=card,
        words=Phrase(row.variant or ""),
        chance=round(100 * decision.p_send) if decision.randomised_send and decision.p_send is not None else None,
        words_by_lot=decision.randomised_tone,
        sent_at=row.closed_at or now,
        origin=Origin(signal.origin),
        # A professional proposed it when it came in; what it is about may lie elsewhere.
        signal_at=(signal.received_at if signal.origin == Origin.PROFESSIONAL else signal.occurred_at).astimezone(
            ZoneInfo(zone)
        ),
        said_by=signal.said_by,
        situation=Phrase(f"situation.{told}") if told is not None else None,
        data_used=rule.data_used if rule else (),
        legal_basis=rule.legal_basis if rule else "",
        choices=frozenset(answer.choice for answer in answers),
        asks_contact=card.level is Level.INFORM_AND_OFFER_CONTACT,
    )


def _reply(row: MessageRow, chat: str, vault: Vault) -> Outgoing:
    assert row.id is not None
    body: dict[str, Any] = row.body or {}
    file = body.get("document")
    return Outgoing(
        id=row.id,
        chat=chat,
        text=vault.open(body["sealed"]) if "sealed" in body else body["text"],
        buttons=tuple(Label(**label) for label in body.get("buttons", ())),
        edits=row.edits,
        keyboard=body.get("keyboard", "none"),
        keyboard_label=body.get("keyboard_label"),
        purpose=Purpose(row.purpose),
        document=None if file is None else Document(file["name"], vault.open(file["sealed"]).encode()),
    )


def settle(session: Session, now: datetime, results: Sequence[Result], chat_gap: timedelta) -> None:
    """Write down what became of messages that were let go. One that was closed meanwhile stays as it is."""
    rows = ledger.locked(session, (result.message for result in results), people=True)
    for result in results:
        row = rows[result.message]
        if row.state != "sending":  # given up as uncertain in the meantime; only a delivery still tells something
            if row.state == "uncertain" and isinstance(result, Delivered):
                _arrived(session, row, now, result.channel_id, chat_gap)
            continue
        match result:
            case Delivered():
                _arrived(session, row, now, result.channel_id, chat_gap)
            case Undelivered():
                _failed(session, row, now, result.error)
            case _:
                assert_never(result)
        _forget(session, row)


def _forget(session: Session, row: MessageRow) -> None:
    """After the last message to somebody who was erased, nothing that could reach them is left."""
    if not (row.body or {}).get(FAREWELL) or row.state in ledger.ON_THE_WAY:
        return
    citizen = session.get(CitizenRow, row.citizen_id)
    row.body = None
    if citizen is not None and citizen.standing == Standing.ERASED:
        citizen.chat_sealed = None


def _arrived(session: Session, row: MessageRow, now: datetime, channel_id: int, chat_gap: timedelta) -> None:
    close(row, "sent", now)
    row.channel_id = channel_id
    session.execute(update(CitizenRow).where(col(CitizenRow.id) == row.citizen_id).values(next_ok_at=now + chat_gap))
    close_offer(session, row, "sent", now)


def _failed(session: Session, row: MessageRow, now: datetime, error: DeliveryError) -> None:
    match error:
        case DelayedError():
            row.state, row.owner, row.leased_until = "due", None, None
            row.due_at = now + timedelta(seconds=error.seconds)
            if error.everybody:
                pause = ledger.mark(session, PAUSE_ALL)
                until = max(row.due_at, datetime.fromisoformat(pause["until"])) if pause else row.due_at
                ledger.set_mark(session, PAUSE_ALL, {"until": until.isoformat()}, now)
        case UnreachableError():
            close(row, "failed", now, error="unreachable")
            close_offer(session, row, "unreachable", now)
            citizen = session.get(CitizenRow, row.citizen_id)
            assert citizen is not None
            leave(session, citizen, Standing.BLOCKED, now, update_id=None)
        case RejectedError():
            close(row, "failed", now, error=f"rejected: {error}"[:200])
            close_offer(session, row, "rejected", now)
        case UncertainError():
            close(row, "uncertain", now)
            close_offer(session, row, "uncertain", now)
        case _:
            raise error


def leave(session: Session, citizen: CitizenRow, standing: Standing, now: datetime, *, update_id: int | None) -> None:
    """Off at once and altogether: consents withdrawn, what waits and what was promised taken back, a talk forgotten."""
    citizen.standing, citizen.stopped_at, citizen.flow_sealed = standing, now, None
    if update_id is not None:
        citizen.withdrawn_update = max(update_id, citizen.withdrawn_update or 0)
    ledger.withdraw(session, citizen, now, update_id=update_id, reason=Reason.STOPPED)
    requests = conversation.open_requests(session, citizen.id)
    conversation.forget_contact(session, requests)
    for request in requests:
        request.state, request.closed_at = "cancelled", now


def close(row: MessageRow, state: str, now: datetime, *, error: str | None = None) -> None:
    row.state, row.closed_at, row.owner, row.leased_until, row.error = state, now, None, None, error
    if row.body is not None and row.body.keys() & SEALED:
        row.body = {name: value for name, value in row.body.items() if name not in SEALED}


def close_offer(session: Session, row: MessageRow, outcome: str, now: datetime) -> None:
    if row.offer_id is None:
        return
    offer = session.get(OfferRow, row.offer_id)
    assert offer is not None
    offer.state, offer.outcome, offer.closed_at = "closed", outcome, now


def _expire(session: Session, row: MessageRow, now: datetime) -> None:
    close(row, "expired", now)
    close_offer(session, row, Reason.SIGNAL_EXPIRED, now)


def sweep(session: Session, now: datetime) -> int:
    """Take up what a dead sender left: leases end, what was in flight becomes uncertain. Return how many of those."""
    ended = col(MessageRow.leased_until) <= now
    session.execute(
        update(MessageRow)
        .where(col(MessageRow.state) == "leased", ended)
        .values(state="due", owner=None, leased_until=None)
    )
    lost = ledger.in_flight_until(session, now)
    for row in lost:
        close(row, "uncertain", now)
        close_offer(session, row, "uncertain", now)
    return len(lost)
