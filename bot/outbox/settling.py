"""What became of messages, written down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.core.facts import Reason
from bot.core.talk import Standing
from bot.errors import DelayedError, DeliveryError, RejectedError, UncertainError, UnreachableError
from bot.outbox.leasing import PAUSE_ALL
from bot.outbox.parts import Delivered, Result, Undelivered
from bot.outbox.queueing import FAREWELL
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, MessageRow, OfferRow


def settle(session: Session, now: datetime, results: Sequence[Result], chat_gap: timedelta) -> None:
    """Write down what became of messages that were let go. One that was closed meanwhile stays as it is.

    Whoever sent them, and whether they still send: what happened, happened.
    """
    if not results:
        return
    rows = ledger.locked(session, {result.message for result in results})
    # One that was given up as uncertain in the meantime is told something by a delivery only.
    arrived = [
        (rows[result.message], result.channel_id)
        for result in results
        if isinstance(result, Delivered) and rows[result.message].state in {"sending", "uncertain"}
    ]
    failed = [
        (rows[result.message], result.error)
        for result in results
        if isinstance(result, Undelivered) and rows[result.message].state == "sending"
    ]
    _arrive(session, arrived, now, chat_gap)
    closed = [row for row, _ in arrived] + [row for row, error in failed if _fails(session, row, error, now)]
    ledger.unseal(session, closed)
    for row in closed:
        if (row.body or {}).get(FAREWELL):
            _forget(session, row)
    for row, error in failed:
        if isinstance(error, UnreachableError):
            citizen = session.get(CitizenRow, row.citizen_id)
            assert citizen is not None
            if citizen.standing != Standing.ERASED:  # who is forgotten stays so
                leave(session, citizen, Standing.BLOCKED, now, update_id=None)


def proven(session: Session, message: MessageRow, now: datetime) -> None:
    """Somebody pressed on it: whoever presses on a message has it."""
    if message.state not in {"uncertain", "sending"}:
        return
    message.state, message.closed_at = "sent", message.closed_at or now
    message.owner = message.leased_until = message.error = None
    offer = None if message.offer_id is None else session.get(OfferRow, message.offer_id)
    if offer is not None:
        offer.state, offer.outcome, offer.closed_at = "closed", "sent", now


def leave(session: Session, citizen: CitizenRow, standing: Standing, now: datetime, *, update_id: int | None) -> None:
    """Off at once and altogether: consents withdrawn, what waits and what was promised taken back, a talk forgotten."""
    for login in ledger.untie_chat(session, citizen.id):
        ledger.audit(session, now, "the chat", "staff.chat_unlink", login)
    citizen.flow_sealed = None
    if citizen.standing == ledger.COLLEAGUE:
        return  # it never took part in anything; its address goes at the next tidy
    citizen.standing, citizen.stopped_at = standing, now
    if update_id is not None:
        citizen.withdrawn_update = max(update_id, citizen.withdrawn_update or 0)
    ledger.withdraw(session, citizen, now, update_id=update_id, reason=Reason.STOPPED)
    requests = conversation.open_requests(session, citizen.id)
    conversation.forget_contact(session, requests)
    for request in requests:
        request.state, request.closed_at = "cancelled", now


def _arrive(session: Session, arrived: Sequence[tuple[Row[Any], int]], now: datetime, chat_gap: timedelta) -> None:
    done = {"state": "sent", "closed_at": now, "owner": None, "leased_until": None, "error": None}
    ledger.change_messages(session, [{"id": row.id, "channel_id": number, **done} for row, number in arrived])
    ledger.not_before(session, {row.citizen_id for row, _ in arrived}, now + chat_gap)
    ledger.close_offers(session, [row.offer_id for row, _ in arrived if row.offer_id is not None], "sent", now)


def _fails(session: Session, row: Row[Any], error: DeliveryError, now: datetime) -> bool:
    """Whether that is its end; a message that never left is due again."""
    match error:
        case DelayedError():
            due = now + timedelta(seconds=error.seconds)
            ledger.change_messages(session, [{"id": row.id, "due_at": due, **ledger.DUE_AGAIN}])
            if error.everybody:
                pause = ledger.mark(session, PAUSE_ALL)
                until = max(due, datetime.fromisoformat(pause["until"])) if pause else due
                ledger.set_mark(session, PAUSE_ALL, {"until": until.isoformat()}, now)
            return False
        case UnreachableError():
            outcome, change = "unreachable", {"state": "failed", "error": f"unreachable: {error}"[:200]}
        case RejectedError():
            outcome, change = "rejected", {"state": "failed", "error": f"rejected: {error}"[:200]}
        case UncertainError():
            outcome, change = "uncertain", {"state": "uncertain"}
        case _:
            raise error
    ledger.change_messages(session, [{"id": row.id, "closed_at": now, "owner": None, "leased_until": None, **change}])
    ledger.close_offers(session, [row.offer_id] if row.offer_id is not None else [], outcome, now)
    return True


def _forget(session: Session, row: Row[Any]) -> None:
    """After the last message to somebody who was erased, nothing that could reach them is left."""
    ledger.change_messages(session, [{"id": row.id, "body": None}])
    citizen = session.get(CitizenRow, row.citizen_id)
    if citizen is not None and citizen.standing == Standing.ERASED:
        citizen.chat_sealed = None
