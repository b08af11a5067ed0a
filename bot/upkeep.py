"""What is looked after as time goes by: consents that end, a new privacy text, wordings that people dislike."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import saying
from bot.core import door
from bot.core.facts import ConsentState, Reason
from bot.errors import RefusedError
from bot.store import conversation, ledger
from bot.store.tables import CitizenRow, ConsentRow, InboxRow
from bot.wording import Wording

#: A consent is asked again when it has less than this to go.
RENEW_BEFORE = timedelta(days=30)
#: So many unpleasant answers among so many sends pause a wording (domain.md 6.1).
UNPLEASANT, AMONG = 3, 100
#: Between two such questions to one person; six themes fit into the time that there is.
ASK_GAP = timedelta(days=5)


def lapse(session: Session, wording: Wording, now: datetime, limit: int = 500) -> int:
    """End the consents that ran out, each with a record of its own. Return how many."""
    ended = conversation.given_until(session, now, limit)
    for consent in ended:
        _record(session, consent, ConsentState.EXPIRED, now)
        cards = [card for card, whole in wording.cards.items() if whole.facts().theme == consent.theme]
        ledger.recall(session, now, Reason.NO_CONSENT, citizen_id=consent.citizen_id, theme_cards=cards)
    return len(ended)


def renew(session: Session, wording: Wording, now: datetime, limit: int = 200) -> int:
    """Ask once, before a consent ends, whether it may go on. Return how many people were asked.

    One theme at a time; without an answer the consent ends by itself. After a restore the same is asked about those
    that were ended then.
    """
    asked: set[str] = set()
    ended = _ended_by_restore(session, wording, now, limit)
    ending = conversation.to_renew(
        session, now + RENEW_BEFORE, wording.themes.keys(), limit, unasked_since=now - ASK_GAP
    )
    for consent in (*ended, *ending):
        citizen = session.get(CitizenRow, consent.citizen_id)
        assert citizen is not None
        if citizen.id in asked:
            continue
        asked.add(citizen.id)
        ends = (consent.valid_until or consent.at).astimezone(ZoneInfo(citizen.zone)).date()
        say = door.ask_renewal(consent.theme, ends)
        text = saying.text_of(wording, citizen.language, say)
        wording_id = f"theme.renew@{wording.wording_hash('theme.renew', citizen.language)}"
        _record(session, consent, ConsentState.ASKED, now, text=text, wording=wording_id, language=citizen.language)
        saying.notify(session, wording, citizen, f"renew:{consent.id}", say, now)
    return len(asked)


def _ended_by_restore(session: Session, wording: Wording, now: datetime, limit: int) -> Sequence[ConsentRow]:
    """What ended after a restore and can be asked again now; once nobody is left to ask, that is over."""
    restored = ledger.mark(session, conversation.ENDED_BY_RESTORE)
    if restored is None:
        return ()
    at, themes = datetime.fromisoformat(restored["at"]), wording.themes.keys()
    ended = conversation.ended_unasked(session, at, themes, limit, unasked_since=now - ASK_GAP)
    if not ended and not conversation.ended_unasked(session, at, themes, 1, unasked_since=now):
        ledger.clear_mark(session, conversation.ENDED_BY_RESTORE)
    return ended


def tell_privacy(session: Session, wording: Wording, now: datetime, limit: int = 200) -> int:
    """Tell everybody who takes part that the privacy text changed since they saw it. Return how many were told."""
    current = privacy_hash(wording)
    people = conversation.not_told(session, current, limit)
    for citizen in people:
        citizen.privacy_told = current
        saying.notify(session, wording, citizen, f"privacy:{citizen.id}:{current}", door.privacy_changed(), now)
    return len(people)


def watch(session: Session, variant: str, now: datetime) -> None:
    """Pause a wording that too many people found unpleasant, and tell staff; until somebody resumes it."""
    name = f"{conversation.VARIANT}{variant}"
    known = ledger.mark(session, name) or {}
    if known.get("paused"):
        return
    since = known.get("resumed_at")
    count = conversation.disliked(
        session, variant, last=AMONG, since=None if since is None else datetime.fromisoformat(since)
    )
    if count >= UNPLEASANT:
        because = f"{count} of the last {AMONG} messages at most were called unpleasant"
        pause(session, variant, because, by="clock", now=now)


def pause(session: Session, variant: str, because: str, *, by: str, now: datetime) -> None:
    """Let a wording be planned no more until somebody resumes it."""
    value = {"paused": True, "at": now.isoformat(), "because": because}
    ledger.set_mark(session, f"{conversation.VARIANT}{variant}", value, now)
    ledger.audit(session, now, by, "variant.pause", variant, because=because)


def resume(session: Session, variant: str, *, by: str, now: datetime) -> None:
    """Let a paused wording be planned again; the count begins anew. Raises RefusedError when it is not paused."""
    if variant not in conversation.paused_variants(session):
        raise RefusedError("{variant} is not paused.", variant=variant)
    name = f"{conversation.VARIANT}{variant}"
    ledger.set_mark(session, name, {"paused": False, "resumed_at": now.isoformat(), "by": by}, now)
    ledger.count_from_now(session, f"{ledger.WATCHED_VARIANT}{variant}", now)
    ledger.audit(session, now, by, "variant.resume", variant)


def try_again(session: Session, update_id: int, *, by: str, now: datetime) -> None:
    """Let an update that was given up be heard once more: it may be somebody's stop. Raises RefusedError."""
    row = _given_up(session, update_id)
    row.state, row.tries, row.retry_at, row.error = "new", 0, None, None
    session.add(row)
    ledger.audit(session, now, by, "update.retry", str(update_id))


def give_up(session: Session, update_id: int, *, by: str, now: datetime) -> None:
    """Forget an update that was given up; whoever said it was told that it went wrong. Raises RefusedError."""
    row = _given_up(session, update_id)
    row.state, row.done_at, row.body_sealed = "done", now, None
    session.add(row)
    ledger.audit(session, now, by, "update.forget", str(update_id))


def _given_up(session: Session, update_id: int) -> InboxRow:
    row = session.get(InboxRow, update_id, with_for_update=True)
    if row is None or row.state != "dead":
        raise RefusedError("That is not there any more; perhaps a colleague was earlier.")
    return row


def privacy_hash(wording: Wording) -> str:
    """Which privacy text holds: that of the Dutch one, whatever language it is read in."""
    return wording.wording_hash("privacy", wording.languages[0])[:16]


def _record(
    session: Session,
    consent: ConsentRow,
    state: ConsentState,
    now: datetime,
    *,
    text: str | None = None,
    wording: str | None = None,
    language: str | None = None,
) -> None:
    session.add(
        ConsentRow(
            citizen_id=consent.citizen_id,
            theme=consent.theme,
            state=state,
            at=now,
            text=text or consent.text,
            wording=wording or consent.wording,
            language=language or consent.language,
        )
    )
