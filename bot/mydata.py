"""Everything that is kept of one person: found, shown whole, and wiped."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlmodel import Session, SQLModel, col

from bot import klant, links, outbox, saying
from bot.core.facts import ConsentState
from bot.core.talk import NOTES, RESEARCH, Say, Standing
from bot.errors import RefusedError
from bot.saying import phrase
from bot.store import conversation, ledger
from bot.store.tables import (
    AnswerRow,
    CitizenRow,
    ConsentRow,
    ContactRequestRow,
    DecisionRow,
    LinkRow,
    MessageRow,
    OpinionRow,
    SignalRow,
)
from bot.store.vault import Vault
from bot.wording import Wording

FILE: Final = "handreiking.json"
#: The record of consent: ISO/IEC TS 27560:2023 in the shape of the Data Privacy Vocabulary (DPV).
RECEIPT: Final = "27560:2023; profile dpv-27560#record-eu-gdpr"
_RECEIPTS: Final = uuid.UUID("7c8a2f53-1d0c-5b6e-9a37-5d1e7b0f4c21")
_CODE: Final = re.compile(rf"[{links.ALPHABET}]{{4}}[- ]?[{links.ALPHABET}]{{4}}")
_CODES: Final = len(links.ALPHABET) ** 8
_STATES: Final = {
    ConsentState.ASKED: "requested",
    ConsentState.GIVEN: "given",
    ConsentState.REFUSED: "refused",
    ConsentState.WITHDRAWN: "withdrawn",
    ConsentState.EXPIRED: "expired",
}


def code_of(vault: Vault, citizen: str) -> str:
    """Eight letters that name a person towards the municipality. They follow from the id and the finding key."""
    number = _person_number(vault, citizen)
    letters = ""
    for _ in range(8):
        number, place = divmod(number, len(links.ALPHABET))
        letters += links.ALPHABET[place]
    return f"{letters[:4]}-{letters[4:]}"


def _person_number(vault: Vault, citizen: str) -> int:
    return int(vault.fingerprint(f"person:{citizen}")[:16], 16)


def _number_of(letters: str) -> int:
    """The number whose letters these are, the last one counting most."""
    number = 0
    for letter in reversed(letters):
        number = number * len(links.ALPHABET) + links.ALPHABET.index(letter)
    return number


def find(session: Session, vault: Vault, *, code: str | None = None, reference: str | None = None) -> str:
    """The id of whom a code from /mydata or a reference of the municipality's names. Raises RefusedError.

    For a code it looks through everybody: in a session for looking only, so that nobody waits for it.
    """
    if (code is None) == (reference is None):
        raise RefusedError("Name the person by the code that /mydata shows, or by your own reference.")
    found: str | None = None
    if reference is not None:
        found = ledger.person_of(session, links.reference_hash(vault, reference))
    elif code is not None and _CODE.fullmatch(wanted := code.strip().upper()):
        number = _number_of(re.sub(r"[- ]", "", wanted))
        ids = session.execute(select(col(CitizenRow.id))).scalars()
        found = next((known for known in ids if _person_number(vault, known) % _CODES == number), None)
    return person(session, found).id


def person(session: Session, citizen: str | None) -> CitizenRow:
    """Whom an id that was found names. Raises RefusedError when it names nobody any more."""
    found = None if citizen is None else session.get(CitizenRow, citizen)
    if found is None or found.standing == Standing.ERASED:
        raise RefusedError("We keep nothing of such a person.")
    return found


def as_file(
    session: Session, wording: Wording, vault: Vault, citizen: CitizenRow, now: datetime, *, talks: bool = True
) -> str:
    """`collect` as JSON, indented, in UTF-8."""
    collected = collect(session, wording, vault, citizen, now, talks=talks)
    return json.dumps(collected, ensure_ascii=False, indent=2, default=_plain)


def collect(
    session: Session, wording: Wording, vault: Vault, citizen: CitizenRow, now: datetime, *, talks: bool = True
) -> dict[str, Any]:
    """Everything that is kept of this person, opened: it is theirs. `talks`: also the words of a talk that goes on."""
    messages = _of(session, MessageRow, citizen)
    nudges = [row for row in messages if row.purpose == ledger.NUDGE]
    return {
        "made_at": now,
        "municipality": wording.municipality.name,
        "person": {
            "code": code_of(vault, citizen.id),
            "id": citizen.id,
            "telegram_chat": None if citizen.chat_sealed is None else vault.open(citizen.chat_sealed),
            **_fields(
                citizen,
                "language zone standing created_at joined_at stopped_at paused_until tone quiet_from quiet_until "
                "rest_days surveyed_at surveys holdout privacy_told",
            ),
            "linked_references": len(_of(session, LinkRow, citizen)),
        },
        "consent_receipts": receipts(wording, vault, citizen, _of(session, ConsentRow, citizen)),
        "signals": [
            _fields(row, "type origin source occurred_at received_at card said_by data outcome")
            for row in _of(session, SignalRow, citizen)
        ],
        "decisions": [
            _fields(
                row,
                "decided_at campaign_id card card_version plan reason until variant p_send randomised_send tone_probs "
                "randomised_tone tone_forced policy context inputs",
            )
            for row in _of(session, DecisionRow, citizen)
        ],
        "messages": [
            _fields(row, "id created_at closed_at state card variant tone language")
            | {"text": _text(wording, row, citizen)}
            for row in nudges
        ],
        "other_messages": {
            "count": len(messages) - len(nudges),
            "texts": [row.body["text"] for row in messages if row.body and row.body.get("text")],
        },
        "answers": [_fields(row, "message_id choice at until") for row in _of(session, AnswerRow, citizen)],
        "opinions": [_fields(row, "message_id dimension answer at") for row in _of(session, OpinionRow, citizen)],
        "contact_requests": [
            _fields(row, "id how daypart card language asked_at promised_by state remind closed_at outcome referred_to")
            | {
                "phone": None if row.phone_sealed is None else vault.open(row.phone_sealed),
                "said": [
                    {"at": line.at, "by": line.by, "kind": line.kind or "said"}
                    | ({"text": vault.open(line.text_sealed)} if talks else {"text_in": "/mydata"})
                    for line in conversation.contact_lines(session, row.id)
                ],
                "passed_on": klant.passed_on(session, row.id),
            }
            for row in _of(session, ContactRequestRow, citizen)
        ],
    }


def receipts(wording: Wording, vault: Vault, citizen: CitizenRow, rows: Sequence[ConsentRow]) -> list[dict[str, Any]]:
    """One consent record for each theme that was ever asked, with everything that became of it, oldest first."""
    themes = dict.fromkeys(row.theme for row in rows)
    return [_receipt(wording, vault, citizen, theme, [row for row in rows if row.theme == theme]) for theme in themes]


#: What people consent to that is no theme.
PURPOSES: Final = {
    RESEARCH: "Research into welcome service",
    NOTES: "A message, at most once a month, of what was done with people's answers",
}


def _receipt(
    wording: Wording, vault: Vault, citizen: CitizenRow, theme: str, rows: Sequence[ConsentRow]
) -> dict[str, Any]:
    town, person = wording.municipality, code_of(vault, citizen.id)
    controller = str(town.website).rstrip("/")
    newest = rows[-1]
    title = wording.say(f"theme.{theme}", "nl") if wording.has(f"theme.{theme}") else theme
    duration = f"P{wording.rules.consent_years}Y"
    research = theme == RESEARCH
    return {
        "header": {
            "schema_version": RECEIPT,
            "record_id": f"urn:uuid:{uuid.uuid5(_RECEIPTS, f'{person}:{theme}')}",
            "pii_principal_id": person,
        },
        "processing": [
            {
                "privacy_notice": str(town.privacy_page),
                "language": newest.language,
                "notice_text": newest.text,
                "notice_version": newest.wording,
                "purpose": PURPOSES.get(theme, f"Messages about the chosen theme '{title}'"),
                "purpose_type": "dpv:ResearchAndDevelopment" if research else "dpv:ServiceProvision",
                "lawful_basis": "GDPR 6(1)(a)",
                "pii_information": [
                    {"pii_type": "chat address (the chat's number at Telegram)", "mandatory": not research},
                    {"pii_type": "chosen themes, language, quiet hours", "mandatory": not research},
                    {"pii_type": "answers to messages", "mandatory": True},
                ],
                "collection_method": "by the person, in the chat",
                "processing_method": "automated; staff see no single answers",
                "storage_locations": [town.holidays_of],
                "retention_period": f"{duration}, or until withdrawn; the proof of it stays, without a chat address",
                "processing_locations": [town.holidays_of, "Telegram: possibly outside the EEA"],
                "jurisdiction": town.holidays_of,
                "recipient_third_parties": [] if research else ["Telegram (carrier)"],
                "withdrawal_method": f"/settings or /stop in the chat, or call {town.phone}",
                "privacy_rights": str(town.privacy_page),
            }
        ],
        "parties": [
            {
                "party_id": controller,
                "party_role": "controller",
                "party_name": f"Gemeente {town.name}",
                "party_address": town.desk,
                "party_contact": town.phone,
                "party_type": "municipality",
            },
            {
                "party_id": "ap",
                "party_role": "authority",
                "party_name": "Autoriteit Persoonsgegevens",
                "party_address": "Den Haag",
                "party_contact": "autoriteitpersoonsgegevens.nl",
                "party_type": "supervisory authority",
            },
        ],
        "events": [
            {
                "event_time": row.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "event_type": "explicit",
                "event_state": _STATES[ConsentState(row.state)],
                "entity_id": controller if row.state in {ConsentState.ASKED, ConsentState.EXPIRED} else person,
                "validity_duration": duration,
            }
            for row in rows
        ],
    }


def erase(session: Session, citizen: CitizenRow, now: datetime, *, by: str, update_id: int | None = None) -> None:
    """Remove what identifies this person. The hash that keeps us from writing to them stays, and the counts.

    The sealed address goes with the last message that is on its way to them (`outbox.FAREWELL`), or at the next tidy.
    """
    outbox.leave(session, citizen, Standing.ERASED, now, update_id=update_id)
    conversation.forget_contact(session, _of(session, ContactRequestRow, citizen))
    links.forget(session, citizen.id)
    ledger.forget_given_up(session, citizen.chat_hash, now)
    session.execute(
        update(SignalRow).where(col(SignalRow.citizen_id) == citizen.id).values(citizen_id=None, data={}, said_by=None)
    )
    ledger.shut_offers(session, citizen.id)
    for row in _of(session, MessageRow, citizen):
        if row.state not in ledger.ON_THE_WAY:
            row.body = None
    citizen.joined_at = citizen.paused_until = citizen.surveyed_at = citizen.rested_anew = None
    citizen.tone = citizen.quiet_from = citizen.quiet_until = citizen.rest_days = citizen.privacy_told = None
    ledger.audit(session, now, by, "person.erase", citizen.id)


def erase_on_request(session: Session, wording: Wording, citizen: CitizenRow, now: datetime, *, by: str) -> None:
    """Erase whom the municipality was asked to, and tell them so in the chat, as the last thing that they hear."""
    erase(session, citizen, now, by=by)
    if citizen.chat_sealed is not None:
        told = saying.body_of(wording, citizen.language, Say(words=(phrase("erase.done.letter"),)))
        outbox.queue_reply(
            session, citizen, f"erased:{citizen.id}:{now.isoformat()}", {**told, outbox.FAREWELL: True}, now
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What staff see of a person who asked for it: enough to answer them. Talks and inputs are in their file only."""

    code: str
    citizen: CitizenRow
    themes: Mapping[str, ConsentRow]
    messages: Sequence[tuple[MessageRow, str | None]]
    answers: Mapping[int, Sequence[AnswerRow]]
    requests: Sequence[ContactRequestRow]
    signals: Sequence[SignalRow]
    others: int
    decisions: int
    opinions: int
    links: int


def show(session: Session, wording: Wording, vault: Vault, citizen: CitizenRow, now: datetime, *, by: str) -> Shown:
    """What is kept of this person, for somebody of the staff; looking is audited."""
    ledger.audit(session, now, by, "person.show", citizen.id)
    messages = _of(session, MessageRow, citizen)
    answers: dict[int, list[AnswerRow]] = {}
    for answer in _of(session, AnswerRow, citizen):
        answers.setdefault(answer.message_id, []).append(answer)
    return Shown(
        code=code_of(vault, citizen.id),
        citizen=citizen,
        themes={row.theme: row for row in _of(session, ConsentRow, citizen)},
        messages=[(row, _text(wording, row, citizen)) for row in messages if row.purpose == ledger.NUDGE],
        answers=answers,
        requests=_of(session, ContactRequestRow, citizen),
        signals=_of(session, SignalRow, citizen),
        others=sum(row.purpose != ledger.NUDGE for row in messages),
        decisions=_count(session, DecisionRow, citizen),
        opinions=_count(session, OpinionRow, citizen),
        links=_count(session, LinkRow, citizen),
    )


def hand_over(session: Session, wording: Wording, vault: Vault, citizen: CitizenRow, now: datetime, *, by: str) -> str:
    """`as_file`, to be given to the person; taking it is audited.

    Without the words of a talk that goes on: those are read by whoever helps, and by nobody else of the staff. Who has
    such a talk has the chat, and with it /mydata, where they stand.
    """
    ledger.audit(session, now, by, "person.export", citizen.id)
    return as_file(session, wording, vault, citizen, now, talks=False)


def _count(session: Session, table: type[SQLModel], citizen: CitizenRow) -> int:
    columns = table.__table__.columns  # type: ignore[attr-defined]
    return int(session.execute(select(func.count()).where(columns["citizen_id"] == citizen.id)).scalar_one())


def _of(session: Session, table: type[ledger.Row], citizen: CitizenRow) -> Sequence[ledger.Row]:
    """This person's rows of a table, oldest first."""
    columns = table.__table__.columns  # type: ignore[attr-defined]
    key = next(iter(table.__table__.primary_key.columns))  # type: ignore[attr-defined]
    return session.execute(select(table).where(columns["citizen_id"] == citizen.id).order_by(key)).scalars().all()


def _text(wording: Wording, row: MessageRow, citizen: CitizenRow) -> str | None:
    """The words of a nudge; None when its wording is not there any more."""
    if row.variant is None or row.variant not in wording.variants:
        return None
    return wording.say(row.variant, row.language or citizen.language)


def _fields(row: SQLModel, names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names.split()}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case Mapping():
            return dict(value)
    return str(value)
