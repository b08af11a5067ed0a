"""From closed windows to the next policy version."""

import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import planning
from bot.core import policy, pooling
from bot.core.facts import Sensitivity, Tone
from bot.core.lessons import FIRST_SENDS
from bot.core.policy import Matured
from bot.errors import RefusedError
from bot.store import ledger
from bot.store.tables import PolicyRow, WorldRow
from bot.wording import Wording


def matured(session: Session, wording: Wording, now: datetime) -> list[Matured]:
    """Every delivered message and every lottery's hold whose window is closed."""
    window = wording.rules.window
    sensitivities: dict[str, Sensitivity] = {}
    found = []
    for rows in ledger.closed_decisions(session, now - window):
        answers = ledger.answers_to(session, [row.message for row in rows if row.message is not None])
        new = ledger.by_id(session, WorldRow, {row.world for row in rows} - sensitivities.keys())
        sensitivities |= {key: Sensitivity(world.record["card"]["sensitivity"]) for key, world in new.items()}
        for row in rows:
            closes_at = (row.sent_at or row.decided_at) + window
            if closes_at > now:
                continue
            sent = row.message is not None
            found.append(
                Matured(
                    decision=row.id,
                    decided_at=row.decided_at,
                    closes_at=closes_at,
                    # The same few names stand in all of them.
                    context={sys.intern(name): number for name, number in (row.context or {}).items()},
                    sensitivity=sensitivities[row.world],
                    sent=sent,
                    tone=Tone(row.tone) if row.tone and sent else None,
                    p_send=row.p_send,
                    randomised_send=row.randomised_send,
                    randomised_tone=row.randomised_tone,
                    tone_forced=row.tone_forced,
                    outcome=policy.outcome(answers.get(row.message, ()) if row.message else (), by=closes_at),
                )
            )
    return found


def learn(sessions: sessionmaker[Session], wording: Wording, now: datetime) -> str:
    """Store the policy version that all closed windows make of the prior; return its hash.

    Nobody waits while it learns. When another version was stored meanwhile, that one stands, and its hash is returned.
    """
    with sessions.begin() as session:
        planning.current_policy(session, wording, now)  # the prior is stored before anything follows from it
    with ledger.reading(sessions) as session:
        ledger.unhurried(session)
        parent = planning.current_policy(session, wording, now)
        rows = matured(session, wording, now)
        belief = policy.learn(rows, parent, wording.values, cutoff=now, others=wording.others)
    with sessions.begin() as session:
        # Of two who learned from the same parent one waits here, and then sees what the other stored.
        session.get(PolicyRow, parent.version, with_for_update=True)
        newest = planning.current_policy(session, wording, now)
        if newest.version != parent.version:
            return newest.version
        planning.keep_policy(session, belief, now, rows_used=len(rows))
    return belief.version


def write_statistics(
    sessions: sessionmaker[Session], wording: Wording, file: Path, *, by: str, now: datetime
) -> dict[str, Any]:
    """Write what this town may tell others of its rows to a new JSON file; the deed is in the audit trail.

    Returns what was written. Raises RefusedError for a file that is there already or cannot be made, and while fewer
    than FIRST_SENDS messages have closed.
    """
    if not by.strip():
        raise RefusedError("Say who takes the statistics; it goes into the audit trail.")
    with ledger.reading(sessions) as session:
        ledger.unhurried(session)
        people = ledger.people_of_decisions(session)  # first: who is erased meanwhile has no rows then
        rows = matured(session, wording, now)
    made = pooling.statistics(
        rows,
        people,
        wording.values,
        at=now,
        window=wording.rules.window,
        algorithm=policy.ALGORITHM,
        municipality=wording.municipality.name,
    )
    if made["sends"] < FIRST_SENDS:
        raise RefusedError(
            "Messages of which it is known what came back: {sends}. From {least} on this can be told to others.",
            sends=made["sends"],
            least=FIRST_SENDS,
        )
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    try:
        opened = file.open("x", encoding="utf-8")
    except OSError as error:
        raise RefusedError("{file} cannot be made: {why}.", file=file, why=error.strerror) from None
    try:
        with opened, sessions.begin() as session:
            kept = {"sends": made["sends"], "left_out": sum(made["left_out"].values()), "sha256": digest}
            ledger.audit(session, now, by.strip(), "policy.statistics", file.name, **kept)
            opened.write(text)
            opened.flush()
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return made
