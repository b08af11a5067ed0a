"""Changes of texts: proposed by one, approved by another, and whole files only."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel import Session, col, select

from bot import campaigns
from bot.errors import FaultsError, RefusedError
from bot.library.bounds import needs_two
from bot.library.checking import SOMEBODY, checked, misplaced
from bot.library.files import Files, place, wording_of
from bot.library.merging import merged
from bot.library.shelf import MARK, bodies_of, body_hash, in_force
from bot.store import ledger
from bot.store.tables import CampaignRow, TextBodyRow, TextChangeRow, TextInForceRow, TextProposalRow
from bot.wording import Wording

CHANGED: Final = "somebody else's change of it was approved meanwhile; look at it again and put yours into it"


class State(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A proposal against what is in force now. `before` and `after` are the texts of the files that it changes.

    `after` has what was approved meanwhile in it too, and the signatures that go with it. `faults`: why it cannot be
    approved as it is. `voids`: the campaigns whose approval it voids, by id.
    """

    row: TextProposalRow
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    faults: tuple[str, ...]
    wording: Wording | None
    voids: tuple[str, ...]

    @property
    def seal(self) -> str:
        """Another one whenever the texts below this proposal are others, and with them what it would change."""
        return body_hash(json.dumps(self.before, sort_keys=True))


def propose(
    session: Session,
    files: Files,
    texts: Mapping[str, str | None],
    *,
    why: str,
    by: str,
    now: datetime,
    readers: Mapping[str, str] | None = None,
    made_from: Files | None = None,
) -> TextProposalRow:
    """Propose whole texts by path; None takes a file away. `readers`: who read a translation, by language.

    `made_from`: what was in force when the texts were written; where that is another one by now they are refused, since
    they would undo what somebody else changed. Raises FaultsError with everything that would be wrong once in force.
    """
    ledger.unhurried(session)
    if made_from is not None:
        there = in_force(session, files)
        if moved := sorted(place(path) for path in texts if made_from.get(path) != there.get(path)):
            raise FaultsError(f"{file}: {CHANGED}" for file in moved)
    row, fresh, _ = _proposed(session, files, texts, why=why, by=by, now=now, readers=readers)
    ledger.audit(session, now, row.proposed_by, "texts.propose", str(row.id), paths=sorted(fresh), why=row.why)
    return row


def record(
    session: Session, files: Files, texts: Mapping[str, str | None], *, why: str, by: str, now: datetime
) -> TextProposalRow:
    """Put texts in force at once that need nobody else (`needs_two`), and keep campaigns approved whose page it was.

    Raises FaultsError as `propose` does, RefusedError when somebody else has to agree.
    """
    ledger.unhurried(session)
    hold(session, now, f"record by {by}")
    before = wording_of(in_force(session, files))
    row, fresh, after = _proposed(session, files, texts, why=why, by=by, now=now, readers=None)
    if needs_two(before, after):
        raise RefusedError("This takes somebody else's approval too. Propose it.")
    _enact(session, files, row, fresh, by=row.proposed_by, now=now)
    kept = _keep_approvals(session, before, after)
    ledger.audit(
        session, now, row.proposed_by, "texts.record", str(row.id), paths=sorted(fresh), why=row.why, kept=kept
    )
    return row


def rehearse(
    session: Session,
    files: Files,
    texts: Mapping[str, str | None],
    *,
    by: str,
    now: datetime,
    readers: Mapping[str, str] | None = None,
) -> None:
    """Do the reading and checking of `propose` ahead, in a session for looking: what was found is kept.

    Checking every text takes seconds, and on SQLite nobody else can write while somebody proposes.
    """
    ledger.unhurried(session)
    there = in_force(session, files)
    fresh = {path: text for path, text in texts.items() if text != there.get(path)}
    if fresh and not list(misplaced(fresh)):
        checked(session, there, fresh, proposer=by.strip(), approver=SOMEBODY, readers=_told(readers), now=now)


def judge(session: Session, files: Files, proposal: int, *, now: datetime, approver: str = SOMEBODY) -> Judged:
    """What a proposal would change now, and what stands in its way. Raises RefusedError when there is no such one."""
    ledger.unhurried(session)
    row = known(session, proposal)
    changes = changes_of(session, proposal)
    texts = in_force(session, files)
    bodies = bodies_of(session, [one for change in changes for one in (change.base, change.body) if one is not None])
    after: dict[str, str | None] = {}
    faults = []
    for change in changes:
        base, body = bodies.get(change.base or ""), bodies.get(change.body or "")
        there = texts.get(change.path)
        if there in {base, body}:
            after[change.path] = body
        elif base is None or body is None or there is None or (both := merged(base, there, body)) is None:
            faults.append(f"{place(change.path)}: changed after this was proposed, in the same lines; propose it anew")
            after[change.path] = body
        else:
            after[change.path] = both
    wording = None
    if not faults:
        after, wording, faults = checked(
            session, texts, after, proposer=row.proposed_by, approver=approver, readers=row.readers, now=now
        )
    before = {path: texts.get(path) for path in after}
    return Judged(
        row=row,
        before=before,
        after=after,
        faults=tuple(faults),
        wording=wording,
        voids=() if wording is None else tuple(_voids(session, wording_of(texts), wording)),
    )


def approve(
    session: Session, files: Files, proposal: int, *, by: str, now: datetime, seen: str | None = None
) -> TextProposalRow:
    """Let it count from now. `seen` is the seal of what the approver looked at.

    Raises RefusedError for who proposed it and for who saw something else, FaultsError when it does not fit any more.
    """
    name = named(by)
    hold(session, now, f"{proposal} by {name}")
    row = _open(session, proposal)
    if campaigns.among(name, [row.proposed_by]):
        raise RefusedError("{name} proposed this. Somebody else must approve it.", name=name)
    judged = judge(session, files, proposal, now=now, approver=name)
    if judged.faults:
        raise FaultsError(judged.faults)
    if seen is not None and seen != judged.seal:
        raise RefusedError("Another change was approved while you looked. Look at this one again.")
    _enact(session, files, row, judged.after, by=name, now=now)
    ledger.audit(
        session, now, name, "texts.approve", str(proposal), paths=sorted(judged.after), voids=list(judged.voids)
    )
    return row


def send_back(session: Session, proposal: int, reason: str, *, by: str, now: datetime) -> TextProposalRow:
    """Not like this. Raises RefusedError without a reason, and from who proposed it."""
    name, row = named(by), _open(session, proposal)
    if campaigns.among(name, [row.proposed_by]):
        raise RefusedError("You proposed this yourself. Withdraw it instead.")
    if not reason.strip():
        raise RefusedError("Say why, so that it can be mended.")
    _decide(row, State.RETURNED, name, now, reason.strip())
    ledger.audit(session, now, name, "texts.return", str(proposal), reason=row.reason)
    return row


def withdraw(session: Session, proposal: int, *, by: str, now: datetime) -> TextProposalRow:
    """Whoever proposed it takes it back. Raises RefusedError for anybody else."""
    name, row = named(by), _open(session, proposal)
    if not campaigns.among(name, [row.proposed_by]):
        raise RefusedError("{by} proposed this, and nobody else can withdraw it.", by=row.proposed_by)
    _decide(row, State.WITHDRAWN, name, now, None)
    ledger.audit(session, now, name, "texts.withdraw", str(proposal))
    return row


def known(session: Session, proposal: int, *, locked: bool = False) -> TextProposalRow:
    """The proposal with this number. Raises RefusedError when there is none."""
    row = session.get(TextProposalRow, proposal, with_for_update=locked)
    if row is None:
        raise RefusedError("There is no proposal {proposal}.", proposal=proposal)
    return row


def changes_of(session: Session, proposal: int) -> list[TextChangeRow]:
    """The files that a proposal changes, by path."""
    asked = select(TextChangeRow).where(col(TextChangeRow.proposal_id) == proposal)
    return list(session.exec(asked.order_by(col(TextChangeRow.path))))


def changed_by(session: Session, proposal: int) -> list[tuple[str, str | None, str | None]]:
    """Path, text it was made from and text proposed, of each file of a proposal."""
    changes = changes_of(session, proposal)
    bodies = bodies_of(session, [one for change in changes for one in (change.base, change.body) if one is not None])
    return [(change.path, bodies.get(change.base or ""), bodies.get(change.body or "")) for change in changes]


def listing(session: Session, *, state: str = "", limit: int = 100) -> list[tuple[TextProposalRow, list[str]]]:
    """Proposals with the files that they change, the newest first; in `state`, or all."""
    asked = select(TextProposalRow).order_by(col(TextProposalRow.id).desc()).limit(limit)
    if state:
        asked = asked.where(col(TextProposalRow.state) == state)
    rows = session.exec(asked).all()
    paths: dict[int, list[str]] = {}
    ids = [row.id for row in rows]
    found = select(TextChangeRow.proposal_id, TextChangeRow.path).where(col(TextChangeRow.proposal_id).in_(ids))
    for proposal, path in session.exec(found.order_by(col(TextChangeRow.path))):
        paths.setdefault(proposal, []).append(path)
    return [(row, paths.get(row.id or 0, [])) for row in rows]


def _proposed(
    session: Session,
    files: Files,
    texts: Mapping[str, str | None],
    *,
    why: str,
    by: str,
    now: datetime,
    readers: Mapping[str, str] | None,
) -> tuple[TextProposalRow, dict[str, str | None], Wording]:
    ledger.unhurried(session)
    name, told = named(by), _told(readers)
    there = in_force(session, files)
    fresh = {path: text for path, text in texts.items() if text != there.get(path)}
    faults = [] if why.strip() else ["why: say in a sentence why this changes, for whoever approves it"]
    faults += misplaced(fresh)
    if not fresh:
        faults.append("nothing is different from what is in force; change something first")
    wording = None
    if fresh and not any(fault for fault in faults if not fault.startswith("why:")):
        _, wording, found = checked(session, there, fresh, proposer=name, approver=SOMEBODY, readers=told, now=now)
        faults += found
    if faults or wording is None:
        raise FaultsError(faults)
    row = TextProposalRow(why=why.strip(), proposed_by=name, proposed_at=now, readers=told, state=State.PROPOSED)
    session.add(row)
    session.flush()
    assert row.id is not None
    for path, text in sorted(fresh.items()):
        base, body = stored(session, there.get(path)), stored(session, text)
        session.add(TextChangeRow(proposal_id=row.id, path=path, base=base, body=body))
    session.flush()
    return row, fresh, wording


def _told(readers: Mapping[str, str] | None) -> dict[str, str]:
    return {language: who.strip() for language, who in (readers or {}).items() if who.strip()}


def _voids(session: Session, before: Wording, after: Wording) -> Iterator[str]:
    """Campaigns that are approved as things are and would not be any more."""
    for row in _approved(session):
        if row.approved_hash == _hash(row, before) != _hash(row, after):
            yield row.id


def _keep_approvals(session: Session, before: Wording, after: Wording) -> list[str]:
    """What approvers judged is the same, so that a page that was looked at stops no campaign; return those kept.

    A card that was suspended holds its campaigns itself.
    """
    kept = []
    for row in _approved(session):
        card = after.cards.get(row.card)
        was = before.cards.get(row.card)
        if card is None or was is None or card.status != was.status or row.approved_hash is None:
            continue
        if row.approved_hash == _hash(row, before) != _hash(row, after):
            row.approved_hash = _hash(row, after)
            session.add(row)
            kept.append(row.id)
    return kept


def _hash(row: CampaignRow, wording: Wording) -> str:
    return campaigns.content_hash(campaigns.file_of(row), wording)


def _approved(session: Session) -> list[CampaignRow]:
    asked = select(CampaignRow).where(
        col(CampaignRow.approved_hash).is_not(None), col(CampaignRow.state).not_in(campaigns.OVER)
    )
    return list(session.exec(asked.order_by(col(CampaignRow.id))))


def _enact(
    session: Session,
    files: Files,
    row: TextProposalRow,
    texts: Mapping[str, str | None],
    *,
    by: str,
    now: datetime,
) -> None:
    assert row.id is not None
    for path, text in texts.items():
        counted = session.get(TextInForceRow, path)
        if text == files.get(path):
            if counted is not None:
                session.delete(counted)
            continue
        body, on_disk = stored(session, text), stored(session, files.get(path))
        if counted is None:
            counted = TextInForceRow(path=path, proposal_id=row.id, since=now)
        counted.body, counted.shipped, counted.proposal_id, counted.since = body, on_disk, row.id, now
        session.add(counted)
    _decide(row, State.APPROVED, by, now, None)
    session.flush()


def stored(session: Session, text: str | None) -> str | None:
    """Keep a text, once; return its hash. None: there is none."""
    if text is None:
        return None
    known_as = body_hash(text)
    ledger.add_new(session, TextBodyRow, [{"hash": known_as, "text": text}])
    return known_as


def hold(session: Session, now: datetime, what: str) -> None:
    """Say that the texts change, and let nobody else change them before this is committed."""
    ledger.set_mark(session, MARK, {"version": f"{what} {now.isoformat()}"}, now)


def _open(session: Session, proposal: int) -> TextProposalRow:
    row = known(session, proposal, locked=True)
    if row.state != State.PROPOSED:
        raise RefusedError("Somebody decided about this proposal already.")
    return row


def _decide(row: TextProposalRow, state: State, by: str, now: datetime, reason: str | None) -> None:
    row.state, row.decided_by, row.decided_at, row.reason = state, by, now, reason


def named(by: str) -> str:
    """Who does this. Raises RefusedError when nobody is said to."""
    if not by.strip():
        raise RefusedError("Say who does this.")
    return by.strip()
