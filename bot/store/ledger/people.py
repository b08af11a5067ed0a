"""People as decisions see them: consents, contacts, and who they are to us."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, bindparam, func, select
from sqlmodel import Session, col

from bot.core.facts import (
    Answer,
    Choice,
    Citizen,
    ConsentState,
    Contact,
    Origin,
    Sensitivity,
    Tone,
)
from bot.core.talk import Standing
from bot.store.ledger.common import one_of, table_of
from bot.store.ledger.messages import CITIZEN, COUNTS, MESSAGE, NUDGE, recall
from bot.store.tables import (
    AnswerRow,
    CitizenRow,
    ConsentRow,
    LinkRow,
    MessageRow,
    Moment,
    SignalRow,
    StaffRow,
)

#: The standing of a chat that only somebody of the staff has, for tests: no citizen, and never counted as one.
COLLEAGUE: Final = "colleague"


_BY_CHAT = select(CitizenRow).where(col(CitizenRow.chat_hash) == bindparam("of_chat"))
# Not FOR UPDATE: whoever queues a message for this person meanwhile need not wait, and nobody waits in a circle.
_LOCKED_BY_CHAT = _BY_CHAT.with_for_update(key_share=True)


def citizen_by_chat(session: Session, chat_hash: str, *, locked: bool = False) -> CitizenRow | None:
    """The person of this chat. `locked`: nobody else changes them until the transaction ends."""
    return session.execute(_LOCKED_BY_CHAT if locked else _BY_CHAT, {"of_chat": chat_hash}).scalar_one_or_none()


_CONSENT = table_of(ConsentRow)
_NEWEST = (
    select(func.max(_CONSENT.c.id))
    .where(one_of(_CONSENT.c.citizen_id, "ids"), _CONSENT.c.state != ConsentState.ASKED)
    .group_by(_CONSENT.c.citizen_id, _CONSENT.c.theme)
)
_CONSENTS = select(ConsentRow).where(col(ConsentRow.id).in_(_NEWEST))


def consents(session: Session, ids: Collection[str]) -> dict[str, dict[str, ConsentRow]]:
    """For each person the newest answered consent of each theme; *asked* alone is no answer."""
    found: dict[str, dict[str, ConsentRow]] = defaultdict(dict)
    for row in session.execute(_CONSENTS, {"ids": list(ids)}).scalars():
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


#: Asking an enumeration for its member takes longer than all else that is done with a column.
_CHOICES = {choice.value: choice for choice in Choice}
_TONES = {tone.value: tone for tone in Tone}
_SENSITIVITIES = {sensitivity.value: sensitivity for sensitivity in Sensitivity}


class Person(NamedTuple):
    """What decisions need of a person's own row."""

    id: str
    language: str
    zone: str
    standing: str
    paused_until: datetime | None
    tone: str | None
    quiet_from: time | None
    quiet_until: time | None
    rest_days: int | None
    rested_anew: datetime | None
    holdout: bool


_PEOPLE = select(*(CITIZEN.c[name] for name in Person._fields)).where(one_of(CITIZEN.c.id, "ids"))
_ADDRESSEES = _PEOPLE.add_columns(CITIZEN.c.chat_sealed)


def people(session: Session, ids: Collection[str]) -> list[Person]:
    """These people's own rows, without what decisions do not look at."""
    return [Person._make(row) for row in session.execute(_PEOPLE, {"ids": list(ids)})]


def addressees(session: Session, ids: Collection[str]) -> dict[str, Row[Any]]:
    """The same with their sealed chat, by id."""
    return {row.id: row for row in session.execute(_ADDRESSEES, {"ids": list(ids)})}


_THEIRS = (one_of(MESSAGE.c.citizen_id, "ids"), MESSAGE.c.purpose == NUDGE, MESSAGE.c.state.in_(COUNTS))
_CONTACTS = (
    select(
        MESSAGE.c.id, MESSAGE.c.citizen_id, MESSAGE.c.card,
        func.coalesce(MESSAGE.c.closed_at, MESSAGE.c.due_at, type_=Moment()),
        MESSAGE.c.tone, MESSAGE.c.sensitivity,
    )
    .where(*_THEIRS)
    .order_by(MESSAGE.c.id)
)  # fmt: skip
_ANSWER = table_of(AnswerRow)
_ANSWERED = (
    select(_ANSWER.c.message_id, _ANSWER.c.choice, _ANSWER.c.at, _ANSWER.c.until)
    .join(MESSAGE, MESSAGE.c.id == _ANSWER.c.message_id)
    .where(*_THEIRS)
    .order_by(_ANSWER.c.id)
)


def contacts(session: Session, ids: Collection[str], *, but: int | None = None) -> dict[str, list[Contact]]:
    """The nudges that count as contacts, by person, oldest first, with their answers. `but` leaves one message out.

    All of them, however old: "too often" holds until the person says otherwise.
    """
    theirs = {"ids": list(ids)}
    given: dict[int, list[Answer]] = defaultdict(list)
    for number, choice, moment, until in session.execute(_ANSWERED, theirs):
        given[number].append(Answer(choice=_CHOICES[choice], at=moment, until=until))
    found: dict[str, list[Contact]] = defaultdict(list)
    for number, citizen, card, moment, tone, sensitivity in session.execute(_CONTACTS, theirs):
        if number == but:
            continue
        found[citizen].append(
            Contact(
                nudge=str(number),
                card=card,
                at=moment,
                tone=_TONES[tone],
                sensitivity=_SENSITIVITIES[sensitivity],
                answers=tuple(given.get(number, ())),
            )
        )
    for listed in found.values():
        listed.sort(key=lambda contact: contact.at)
    return found


_LINKED = select(col(LinkRow.citizen_id)).where(one_of(col(LinkRow.citizen_id), "ids"))


def citizens(
    session: Session,
    rows: Sequence[CitizenRow] | Sequence[Person],
    *,
    but: int | None = None,
    situations: Collection[str] = (),
) -> dict[str, Citizen]:
    """These people as decisions see them, by id. Of what they told us only `situations`, types of signal."""
    ids = [row.id for row in rows]
    told = told_of(session, ids, situations)
    consented = _given(session, ids)
    contacted = contacts(session, ids, but=but)
    linked = set(session.execute(_LINKED, {"ids": ids}).scalars())
    return {
        row.id: citizen(
            row,
            consented.get(row.id, {}),
            contacted.get(row.id, ()),
            linked=row.id in linked,
            told=told.get(row.id, {}),
        )
        for row in rows
    }


def citizen(
    row: CitizenRow | Person,
    consents: Mapping[str, datetime],
    contacts: Iterable[Contact],
    *,
    linked: bool,
    told: Mapping[str, datetime] = MappingProxyType({}),
) -> Citizen:
    """A person as decisions see them."""
    return Citizen(
        id=row.id,
        language=row.language,
        zone=row.zone,
        active=row.standing == Standing.ACTIVE,
        consents=consents,
        paused_until=row.paused_until,
        linked=linked,
        tone=Tone(row.tone) if row.tone else None,
        quiet=None if row.quiet_from is None or row.quiet_until is None else (row.quiet_from, row.quiet_until),
        rest_days=row.rest_days,
        rested_anew=row.rested_anew,
        holdout=row.holdout,
        contacts=tuple(contacts),
        told=told,
    )


_GIVEN = (
    select(_CONSENT.c.citizen_id, _CONSENT.c.theme, _CONSENT.c.valid_until)
    .where(_CONSENT.c.id.in_(_NEWEST), _CONSENT.c.state == ConsentState.GIVEN, _CONSENT.c.valid_until.is_not(None))
    .order_by(_CONSENT.c.id)
)


def _given(session: Session, ids: Collection[str]) -> dict[str, dict[str, datetime]]:
    """For each person the themes that they consent to, and until when."""
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for person, theme, until in session.execute(_GIVEN, {"ids": list(ids)}):
        found[person][theme] = until
    return found


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


def test_chats(session: Session, ids: Collection[str]) -> set[str]:
    """Those of these chats to which somebody of the staff may send a test."""
    tied = select(col(StaffRow.chat_citizen)).where(
        col(StaffRow.chat_citizen).in_(ids), col(StaffRow.disabled_at).is_(None)
    )
    return {known for known in session.execute(tied).scalars() if known is not None}


def untie_chat(session: Session, citizen: str) -> list[str]:
    """This chat is nobody's of the staff any more; return the logins of those whose it was."""
    rows = session.execute(select(StaffRow).where(col(StaffRow.chat_citizen) == citizen)).scalars().all()
    for row in rows:
        row.chat_citizen = None
    return [row.login for row in rows]


def person_of(session: Session, reference_hash: str) -> str | None:
    row = session.get(LinkRow, reference_hash)
    return None if row is None else row.citizen_id


_TOLD = (
    select(col(SignalRow.type), func.max(col(SignalRow.occurred_at)))
    .where(col(SignalRow.citizen_id) == bindparam("person"), col(SignalRow.origin) == Origin.SELF)
    .group_by(col(SignalRow.type))
)


def told(session: Session, citizen: str) -> dict[str, datetime]:
    """The types of signal that this person gave in their own words, each with when it was last."""
    return dict(iter(session.execute(_TOLD, {"person": citizen})))


def told_of(session: Session, ids: Collection[str], types: Collection[str]) -> dict[str, dict[str, datetime]]:
    """Who of these people told us something of these types of signal, and when last."""
    if not types:
        return {}
    statement = (
        select(col(SignalRow.citizen_id), col(SignalRow.type), func.max(col(SignalRow.occurred_at)))
        .where(col(SignalRow.citizen_id).in_(ids), col(SignalRow.origin) == Origin.SELF, col(SignalRow.type).in_(types))
        .group_by(col(SignalRow.citizen_id), col(SignalRow.type))
    )
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for person, kind, at in session.execute(statement):
        found[person][kind] = at
    return found
