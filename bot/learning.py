"""From closed windows to the next policy version."""

import sys
from datetime import datetime

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import planning
from bot.core import policy
from bot.core.facts import Sensitivity, Tone
from bot.core.policy import Matured
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
        belief = policy.learn(rows, parent, wording.values, cutoff=now)
    with sessions.begin() as session:
        # Of two who learned from the same parent one waits here, and then sees what the other stored.
        session.get(PolicyRow, parent.version, with_for_update=True)
        newest = planning.current_policy(session, wording, now)
        if newest.version != parent.version:
            return newest.version
        planning.keep_policy(session, belief, now, rows_used=len(rows))
    return belief.version
