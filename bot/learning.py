"""From closed windows to the next policy version."""

from datetime import datetime

from sqlmodel import Session

from bot import planning
from bot.core import policy
from bot.core.facts import Sensitivity, Tone
from bot.core.policy import Matured
from bot.store import ledger
from bot.store.tables import WorldRow
from bot.wording import Wording


def matured(session: Session, wording: Wording, now: datetime) -> list[Matured]:
    """Every delivered message and every lottery's hold whose window is closed.

    What failed, is uncertain or was taken back is missing, not silent.
    """
    window = wording.rules.window
    rows = [
        (decision, message)
        for decision, message in ledger.closed_decisions(session, now - window)
        if decision.p_send is not None
        and (decision.plan == "hold" or (message is not None and message.state == "sent" and message.closed_at))
    ]
    answers = ledger.answers_to(session, [message.id for _, message in rows if message is not None and message.id])
    worlds = ledger.by_id(session, WorldRow, (decision.world for decision, _ in rows))
    found = []
    for decision, message in rows:
        sent_at = message.closed_at if message is not None else None
        closes_at = (sent_at or decision.decided_at) + window
        if closes_at > now:
            continue
        given = answers.get(message.id, []) if message is not None and message.id is not None else []
        found.append(
            Matured(
                decision=decision.id,
                decided_at=decision.decided_at,
                closes_at=closes_at,
                context=decision.context or {},
                sensitivity=Sensitivity(worlds[decision.world].record["card"]["sensitivity"]),
                sent=message is not None,
                tone=Tone(decision.tone) if decision.tone and message is not None else None,
                p_send=decision.p_send or 0.0,
                randomised_send=decision.randomised_send,
                randomised_tone=decision.randomised_tone,
                tone_forced=decision.tone_forced,
                outcome=policy.outcome(given, by=closes_at),
            )
        )
    return found


def learn(session: Session, wording: Wording, now: datetime) -> str:
    """Store the policy version that all closed windows make of the prior; return its hash."""
    rows = matured(session, wording, now)
    parent = planning.current_policy(session, wording, now)
    belief = policy.learn(rows, parent, wording.values, cutoff=now)
    planning.keep_policy(session, belief, now, rows_used=len(rows))
    return belief.version
