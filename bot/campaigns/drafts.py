"""Campaigns in the making: begun, filled in by several people at once, and made into a campaign or dropped."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from bot.campaigns.file import file_of
from bot.campaigns.filled import Content, Step, content_of, gaps, made_of
from bot.campaigns.life import OVER, add, known
from bot.core.facts import Learning
from bot.errors import FaultsError, RefusedError
from bot.store import ledger
from bot.store.tables import CampaignDraftRow, CampaignEditRow, CampaignRow
from bot.wording import Wording
from bot.wording.own import shared

LONGEST_ID: Final = 40


class OvertakenError(RefusedError):
    """Somebody else saved this step in between. Nothing was saved; `theirs` is what stands there now."""

    def __init__(self, by: str, at: datetime, theirs: Mapping[str, Any], version: int) -> None:
        self.by, self.at, self.theirs, self.version = by, at, theirs, version
        super().__init__("{by} saved this step while you worked on it. What you typed is still here.", by=by)


def begin(session: Session, title: str, card: str, wording: Wording, *, by: str, now: datetime) -> CampaignDraftRow:
    """A new one about `card`, with the card's own wordings and every language to begin with. Raises RefusedError."""
    if len(title.strip()) < 3:
        raise RefusedError("Give the campaign a name of three letters or more.")
    if card not in wording.cards:
        raise RefusedError("Choose the card that it is about.")
    content: dict[str, Any] = {
        Step.CARD: {"title": title.strip(), "card": card},
        Step.AUDIENCE: {"languages": list(wording.languages), "linked_only": False, "situations": [], "signals": []},
        Step.MESSAGE: {
            "variants": [one.id for one in shared(wording, card)],
            "wordings": [],
        },
        Step.SCHEDULE: {"learning": str(Learning.FIXED)},
    }
    return _kept(session, new_id(session, title), content, by=by, now=now)


def edit(session: Session, campaign: str, *, by: str, now: datetime) -> CampaignDraftRow:
    """The draft of a campaign that is there: the one that somebody began, else a new one. Raises RefusedError."""
    draft = session.get(CampaignDraftRow, campaign, with_for_update=True)
    if draft is not None:
        return draft
    row = known(session, campaign)
    if row.state in OVER:
        raise RefusedError("{campaign} is {state}. Make a new one from it.", campaign=campaign, state=row.state)
    return _kept(session, campaign, content_of(file_of(row)), by=by, now=now, based_on=_hash(row))


def duplicate(session: Session, campaign: str, title: str, *, by: str, now: datetime) -> CampaignDraftRow:
    """A new one with everything of another, but for its days: those have to be chosen anew. Raises RefusedError.

    Whoever wrote the other one has a hand in this one too, for the words are theirs.
    """
    file = file_of(known(session, campaign))
    fresh = new_id(session, title)
    content = content_of(file)
    content[Step.CARD]["title"] = title.strip()
    content[Step.SCHEDULE] |= {"date": "", "first": "", "until": ""}
    old, new = f"{file.card}.{campaign}.", f"{file.card}.{fresh}."
    message = content[Step.MESSAGE]
    message["variants"] = [one.replace(old, new, 1) if one.startswith(old) else one for one in message["variants"]]
    message["wordings"] = [{**own, "id": own["id"].replace(old, new, 1)} for own in message["wordings"]]
    hands = sorted(ledger.editors(session, [campaign])[campaign])
    # Version 0: no save of this one, so it overtakes nobody.
    saves = [{"step": str(Step.MESSAGE), "by": hand, "at": now.isoformat(), "version": 0} for hand in hands]
    return _kept(session, fresh, content, by=by, now=now, saves=saves)


def save(
    session: Session, campaign: str, step: Step, values: Mapping[str, Any], *, seen: int, by: str, now: datetime
) -> CampaignDraftRow:
    """Keep what was filled in at a step. `seen`: the version that whoever saves had before them.

    Raises OvertakenError when somebody else saved the same step since, with other words.
    """
    row = found(session, campaign, locked=True)
    before = row.content.get(step, {})
    if before == dict(values):
        return row
    later = [one for one in row.saves if one["step"] == step and one["version"] > seen and one["by"] != by]
    if later:
        newest = later[-1]
        raise OvertakenError(newest["by"], datetime.fromisoformat(newest["at"]), before, row.version)
    row.version += 1
    row.content = {**row.content, step: dict(values)}
    row.saves = [*row.saves, {"step": str(step), "by": by, "at": now.isoformat(), "version": row.version}]
    row.title = row.content[Step.CARD]["title"] or row.title
    row.updated_by, row.updated_at = by, now
    session.add(row)
    ledger.audit(session, now, by, "campaign.draft_save", campaign, step=str(step), version=row.version)
    session.flush()
    return row


def discard(session: Session, campaign: str, *, by: str, now: datetime) -> None:
    """Throw it away. A campaign that it was made from stays as it is. Raises RefusedError when there is none."""
    row = found(session, campaign, locked=True)
    session.delete(row)
    ledger.audit(session, now, by, "campaign.draft_discard", campaign)
    session.flush()


def finish(
    session: Session, campaign: str, wording: Wording, *, by: str, now: datetime, over: bool = False
) -> CampaignRow:
    """Make it a campaign that waits for its approval. Whoever saved a step of it counts as one who wrote it.

    Raises FaultsError while something is missing, and RefusedError when the campaign itself was changed meanwhile
    (`over`: put this one over it all the same).
    """
    row = found(session, campaign, locked=True)
    there = session.get(CampaignRow, campaign, with_for_update=True)
    if there is not None and not over and _hash(there) != row.based_on:
        raise RefusedError(
            "{by} changed {campaign} itself after this was begun. Look at both, and decide which one counts.",
            by=_last_editor(session, campaign), campaign=campaign,
        )  # fmt: skip
    file = made_of(campaign, row.content, wording)
    if file is None:
        raise FaultsError(gap.misfit for gap in gaps(campaign, row.content, wording))
    hands = [save["by"] for save in row.saves]
    if row.based_on is None:
        hands.insert(0, row.started_by)
    made = add(session, file, wording, by=by, now=now, also=hands)
    session.delete(row)
    session.flush()
    return made


def changed_meanwhile(session: Session, row: CampaignDraftRow) -> str | None:
    """Who changed the campaign itself after this draft of it was begun; None: nobody."""
    there = session.get(CampaignRow, row.id)
    same = there is None or _hash(there) == row.based_on
    return None if same else _last_editor(session, row.id)


def found(session: Session, campaign: str, *, locked: bool = False) -> CampaignDraftRow:
    """The draft with this id. Raises RefusedError when there is none."""
    row = session.get(CampaignDraftRow, campaign, with_for_update=locked)
    if row is None:
        raise RefusedError("Nobody is writing {campaign} at the moment. It may have been finished or thrown away.",
                           campaign=campaign)  # fmt: skip
    return row


def listing(session: Session, *, limit: int = 100) -> Sequence[CampaignDraftRow]:
    """Those that somebody works on, the newest save first."""
    return session.exec(select(CampaignDraftRow).order_by(col(CampaignDraftRow.updated_at).desc()).limit(limit)).all()


def new_id(session: Session, title: str) -> str:
    """An id made from the title, that no campaign and no draft has: "Een pas!" gives een-pas, then een-pas-2."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: LONGEST_ID - 4].strip("-")
    stem = stem if len(stem) >= 3 else "campagne"
    taken = {
        "new",  # the address at which one is begun
        *session.exec(select(CampaignRow.id).where(col(CampaignRow.id).startswith(stem))),
        *session.exec(select(CampaignDraftRow.id).where(col(CampaignDraftRow.id).startswith(stem))),
    }
    number = 2
    name = stem
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def _kept(
    session: Session,
    campaign: str,
    content: Content,
    *,
    by: str,
    now: datetime,
    based_on: str | None = None,
    saves: Sequence[Mapping[str, Any]] = (),
) -> CampaignDraftRow:
    row = CampaignDraftRow(
        id=campaign,
        title=str(content[Step.CARD]["title"]),
        content={str(step): dict(values) for step, values in content.items()},
        saves=[dict(one) for one in saves],
        version=1,
        based_on=based_on,
        started_by=by,
        started_at=now,
        updated_by=by,
        updated_at=now,
    )
    session.add(row)
    ledger.audit(session, now, by, "campaign.draft", campaign)
    session.flush()
    return row


def _hash(row: CampaignRow) -> str:
    return hashlib.sha256(json.dumps(row.definition, sort_keys=True).encode()).hexdigest()


def _last_editor(session: Session, campaign: str) -> str:
    edits = select(CampaignEditRow.by).where(col(CampaignEditRow.campaign_id) == campaign)
    return session.exec(edits.order_by(col(CampaignEditRow.id).desc()).limit(1)).first() or ""
