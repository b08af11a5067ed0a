"""What campaigns wrote for themselves, among what everybody says."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from bot.campaigns.file import file_of
from bot.campaigns.life import OWN_WORDINGS
from bot.store import ledger
from bot.store.tables import CampaignRow
from bot.wording import OwnWording, Wording, with_own


def own_wordings(session: Session) -> list[OwnWording]:
    """What campaigns wrote for themselves, those that are over included: people can still ask for what they got."""
    has_own = col(CampaignRow.definition)["wordings"].as_string().is_not(None)
    found = session.exec(select(CampaignRow).where(has_own).order_by(col(CampaignRow.id))).all()
    return [own for row in found for own in file_of(row).wordings]


def own_version(session: Session) -> str:
    """Changes whenever `own_wordings` may give something else."""
    mark = ledger.mark(session, OWN_WORDINGS)
    return "" if mark is None else str(mark["version"])


def with_its_words(wording: Wording, rows: Iterable[CampaignRow]) -> Wording:
    """A wording that can say what these campaigns wrote for themselves; `wording` itself if it can already."""
    return with_own(wording, [own for row in rows if "wordings" in row.definition for own in file_of(row).wordings])
