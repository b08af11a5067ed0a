"""A first plain export: every decision and every answer of who agreed, as CSV, with a codebook and a manifest.

People are numbered anew in each export, by a keyed hash whose key is given and not kept. Moments are weeks. Free text,
languages, chat addresses and references stay behind.
"""

import csv
import hashlib
import hmac
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col

from bot.core.facts import Tone
from bot.core.talk import RESEARCH
from bot.errors import RefusedError
from bot.store import conversation, ledger
from bot.store.tables import AnswerRow, DecisionRow, MessageRow

DAYS: Final = 86_400.0

#: The columns of decisions.csv and what stands in them.
DECISIONS: Final = {
    "decision": "The decision's number in this export.",
    "citizen": "The person's number in this export; another in every export.",
    "week": "ISO week of the decision in UTC, such as 2026-W48.",
    "campaign": "The campaign's id.",
    "card": "The service card's id.",
    "card_version": "The card's version.",
    "plan": "send, hold or skip.",
    "reason": "Why not now, or not at all; empty for send.",
    "available": "1: there was something to decide; 0: the gate refused, so nothing was drawn.",
    "p_send": "Probability of sending, as it was when drawn; empty when nothing was drawn.",
    "randomised_send": "1: sending or holding was drawn with p_send; 0: it was settled.",
    **{
        f"p_{tone}": f"Probability of the tone {tone}; empty when nothing was drawn or it was no choice."
        for tone in Tone
    },
    "p_variant": "Probability of the wording that was chosen, among all wordings of all tones.",
    "randomised_tone": "1: the tone was drawn; 0: it was settled.",
    "tone_forced": "1: the person chose the tone, or only one was left.",
    "tone": "The tone that was chosen.",
    "variant": "The wording's id.",
    "draw_send": "The number in [0, 1) that decided about sending.",
    "draw_tone": "The number in [0, 1) that decided about the tone.",
    "policy": "The policy version that gave the probabilities, by its content's hash.",
    "fallback": "Which simpler rule stood in when the policy could not be used.",
    "delivered": "What became of the message: due, sent, failed, uncertain, withdrawn, expired; empty: none was made.",
}
#: The columns of answers.csv and what stands in them.
ANSWERS: Final = {
    "decision": "The decision in decisions.csv that led to the message.",
    "choice": "What was answered: a button under the message, or an answer to the question after it.",
    "days": "Whole days between sending and the answer, rounded down; empty when it is unknown whether it was sent.",
}


@dataclass(frozen=True, slots=True)
class File:
    """`rows` without the header; None: it is not a table."""

    name: str
    sha256: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    written_at: datetime
    written_by: str
    files: tuple[File, ...]

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {
            "written_at": self.written_at.isoformat(),
            "files": [asdict(file) for file in self.files],
        }


def write(sessions: sessionmaker[Session], folder: Path, *, key: bytes, now: datetime, by: str) -> Manifest:
    """Write the export and note it in the audit trail. It only looks, so a running bot need not wait for it.

    `key` are 32 fresh random bytes that nobody keeps: with them a number could be led back to a person. Raises
    RefusedError when the folder holds anything already.
    """
    if not by.strip():
        raise RefusedError("Say who takes the export; it goes into the audit trail.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"{folder} cannot be made: {error.strerror}.") from None
    if any(folder.iterdir()):
        raise RefusedError(f"{folder} is not empty. Name a new folder, so that exports do not get mixed.")
    numbers = _Numbers(key)
    with ledger.reading(sessions) as session:
        files = [
            _table(folder / "decisions.csv", list(DECISIONS), _decisions(session, numbers, now)),
            _table(folder / "answers.csv", list(ANSWERS), _answers(session, numbers, now)),
            _text(folder / "codebook.md", _codebook()),
        ]
    manifest = Manifest(written_at=now, written_by=by.strip(), files=tuple(files))
    _text(folder / "manifest.json", json.dumps(manifest.as_record(), indent=2) + "\n")
    with sessions.begin() as session:
        kept = [asdict(file) for file in files]
        ledger.audit(session, now, manifest.written_by, "export", "decisions and answers", files=kept)
    return manifest


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Opaque numbers for one export: HMAC-SHA256, cut to 64 bits."""

    key: bytes

    def of(self, kind: str, name: str) -> str:
        return hmac.new(self.key, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()[:16]


def _decisions(session: Session, numbers: _Numbers, now: datetime) -> Iterator[list[object]]:
    statement = (
        select(DecisionRow, col(MessageRow.state))
        .outerjoin(MessageRow, col(MessageRow.decision_id) == col(DecisionRow.id))
        .where(col(DecisionRow.citizen_id).in_(conversation.agreed_to(RESEARCH, now)))
        .order_by(col(DecisionRow.id))
    )
    for row, state in session.execute(statement.execution_options(yield_per=1000)):
        year, week, _ = row.decided_at.astimezone(UTC).isocalendar()
        odds = row.tone_probs or {}
        yield [
            numbers.of("decision", row.id), numbers.of("citizen", row.citizen_id), f"{year}-W{week:02}",
            row.campaign_id, row.card, row.card_version, row.plan, row.reason, row.available, row.p_send,
            row.randomised_send, *(_of_tone(odds, tone) for tone in Tone), odds.get(row.variant or ""),
            row.randomised_tone, row.tone_forced, row.tone, row.variant, row.draw_send, row.draw_tone, row.policy,
            row.fallback, state,
        ]  # fmt: skip


def _of_tone(odds: Mapping[str, float], tone: Tone) -> float | None:
    """The wordings of a tone together; a wording's id ends in `<tone>.<number>`."""
    found = [chance for variant, chance in odds.items() if variant.split(".")[-2] == tone]
    return math.fsum(found) if found else None


def _answers(session: Session, numbers: _Numbers, now: datetime) -> Iterator[list[object]]:
    statement = (
        select(
            col(AnswerRow.choice),
            col(AnswerRow.at),
            col(MessageRow.decision_id),
            col(MessageRow.closed_at),
            col(MessageRow.state),
        )
        .join(MessageRow, col(MessageRow.id) == col(AnswerRow.message_id))
        .where(
            col(MessageRow.decision_id).is_not(None),
            col(AnswerRow.citizen_id).in_(conversation.agreed_to(RESEARCH, now)),
        )
        .order_by(col(MessageRow.decision_id), col(AnswerRow.id))
    )
    for choice, at, decision, closed_at, state in session.execute(statement.execution_options(yield_per=1000)):
        known = state == "sent" and closed_at is not None
        days = int((at - closed_at).total_seconds() // DAYS) if known else None
        yield [numbers.of("decision", decision), choice, days]


def _table(path: Path, columns: Sequence[str], rows: Iterable[list[object]]) -> File:
    """RFC 4180: commas, CRLF, a header; empty for unknown, 1 and 0 for yes and no, floats to the last bit."""
    count = 0
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(value) for value in row])
            count += 1
    return File(path.name, _digest(path), count)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case float():
            return repr(value)
        case _:
            return str(value)


def _text(path: Path, text: str) -> File:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return File(path.name, _digest(path), None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _codebook() -> str:
    parts = [
        "# Codebook\n",
        "Tables are CSV by RFC 4180 in UTF-8. An empty cell: unknown, or it does not apply. Numbers are exact.\n",
    ]
    for name, columns in (("decisions.csv", DECISIONS), ("answers.csv", ANSWERS)):
        parts.append(f"\n## {name}\n\n| column | what stands in it |\n|---|---|\n")
        parts += [f"| {column} | {meaning} |\n" for column, meaning in columns.items()]
    return "".join(parts)
