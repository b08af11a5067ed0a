"""People as decisions see them: consents, contacts, and who they are to us."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from bot.core.facts import (
    Citizen,
    ConsentState,
    Contact,
    Origin,
    Sensitivity,
    Tone,
)
from bot.core.talk import Standing
from bot.store.ledger.messages import COUNTS, NUDGE, answers_to, recall
from bot.store.tables import (
    CitizenRow,
    ConsentRow,
    LinkRow,
    MessageRow,
    SignalRow,
)


def citizen_by_chat(session: Session, chat_hash: str, *, locked: bool = False) -> CitizenRow | None:
    """The person of this chat. `locked`: nobody else changes them until the transaction ends."""
    statement = select(CitizenRow).where(col(CitizenRow.chat_hash) == chat_hash)
    # Not FOR UPDATE: whoever queues a message for this person meanwhile need not wait, and nobody waits in a circle.
    statement = statement.with_for_update(key_share=True) if locked else statement
    return session.execute(statement).scalar_one_or_none()


def consents(session: Session, ids: Collection[str]) -> dict[str, dict[str, ConsentRow]]:
    """For each person the newest answered consent of each theme; *asked* alone is no answer."""
    newest = (
        select(func.max(ConsentRow.id))
        .where(col(ConsentRow.citizen_id).in_(ids), col(ConsentRow.state) != ConsentState.ASKED)
        .group_by(col(ConsentRow.citizen_id), col(ConsentRow.theme))
    )
    found: dict[str, dict[str, ConsentRow]] = defaultdict(dict)
    for row in session.execute(select(ConsentRow).where(col(ConsentRow.id).in_(newest))).scalars():
        found[row.citizen_id][row.theme] = row
    return found


def asked(session: Session, citizen: str, theme: str, *, on: int | None = None) -> ConsentRow | None:
    """The record of this theme being asked in the message `on`, the channel's number; else the newest one.

    It holds the text that was shown.
    """
    statement = (
        select(ConsentRow)
        .where(
            col(ConsentRow.citizen_id) == citizen,
            col(ConsentRow.theme) == theme,
            col(ConsentRow.state) == ConsentState.ASKED,
        )
        .order_by(col(ConsentRow.id).desc())
    )
    rows = session.execute(statement).scalars().all()
    if on is not None and len(rows) > 1:
        shown = select(MessageRow.key).where(  # type: ignore[call-overload]
            col(MessageRow.citizen_id) == citizen, col(MessageRow.channel_id) == on
        )
        updates = {key.split(":")[1] for key in session.execute(shown).scalars() if key.startswith("update:")}
        rows = [row for row in rows if str(row.update_id) in updates] or rows
    return rows[0] if rows else None


def contacts(session: Session, ids: Collection[str], *, but: int | None = None) -> dict[str, list[Contact]]:
    """The nudges that count as contacts, by person, oldest first, with their answers. `but` leaves one message out.

    All of them, however old: "too often" holds until the person says otherwise.
    """
    statement = (
        select(MessageRow)
        .where(
            col(MessageRow.citizen_id).in_(ids),
            col(MessageRow.purpose) == NUDGE,
            col(MessageRow.state).in_(COUNTS),
        )
        .order_by(col(MessageRow.id))
    )
    rows = [row for row in session.execute(statement).scalars() if row.id != but]
    answers = answers_to(session, [row.id for row in rows if row.id is not None])
    found: dict[str, list[Contact]] = defaultdict(list)
    for row in rows:
        assert row.id is not None
        assert row.card and row.tone and row.sensitivity  # noqa: PT018 - a nudge has all three
        found[row.citizen_id].append(
            Contact(
                nudge=str(row.id),
                card=row.card,
                at=row.closed_at or row.due_at,
                tone=Tone(row.tone),
                sensitivity=Sensitivity(row.sensitivity),
                answers=tuple(answers.get(row.id, ())),
            )
        )
    for listed in found.values():
        listed.sort(key=lambda contact: contact.at)
    return found


def citizens(session: Session, rows: Sequence[CitizenRow], *, but: int | None = None) -> dict[str, Citizen]:
    """These people as decisions see them, by id."""
    ids = [row.id for row in rows]
    given = consents(session, ids)
    contacted = contacts(session, ids, but=but)
    linked = set(session.execute(select(LinkRow.citizen_id).where(col(LinkRow.citizen_id).in_(ids))).scalars())  # type: ignore[call-overload]
    return {
        row.id: Citizen(
            id=row.id,
            language=row.language,
            zone=row.zone,
            active=row.standing == Standing.ACTIVE,
            consents={
                theme: consent.valid_until
                for theme, consent in given.get(row.id, {}).items()
                if consent.state == ConsentState.GIVEN and consent.valid_until is not None
            },
            paused_until=row.paused_until,
            linked=row.id in linked,
            tone=Tone(row.tone) if row.tone else None,
            quiet=None if row.quiet_from is None or row.quiet_until is None else (row.quiet_from, row.quiet_until),
            rest_days=row.rest_days,
            rested_anew=row.rested_anew,
            holdout=row.holdout,
            contacts=tuple(contacted.get(row.id, ())),
        )
        for row in rows
    }


def withdraw(session: Session, citizen: CitizenRow, now: datetime, *, update_id: int | None, reason: str) -> None:
    """All consents withdrawn, each with its own record, and nothing that waits for this person leaves any more."""
    for theme, consent in consents(session, [citizen.id]).get(citizen.id, {}).items():
        if consent.state == ConsentState.GIVEN:
            session.add(
                ConsentRow(
                    citizen_id=citizen.id,
                    theme=theme,
                    state=ConsentState.WITHDRAWN,
                    at=now,
                    text=consent.text,
                    wording=consent.wording,
                    language=consent.language,
                    update_id=update_id,
                )
            )
    recall(session, now, reason, citizen_id=citizen.id)


def person_of(session: Session, reference_hash: str) -> str | None:
    row = session.get(LinkRow, reference_hash)
    return None if row is None else row.citizen_id


def told(session: Session, citizen: str) -> dict[str, datetime]:
    """The types of signal that this person gave in their own words, each with when it was last."""
    statement = (
        select(col(SignalRow.type), func.max(col(SignalRow.occurred_at)))
        .where(col(SignalRow.citizen_id) == citizen, col(SignalRow.origin) == Origin.SELF)
        .group_by(col(SignalRow.type))
    )
    return dict(iter(session.execute(statement)))
