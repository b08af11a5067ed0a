"""Finding campaigns among many."""

from collections.abc import Collection, Sequence

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from bot.campaigns.life import State
from bot.errors import RefusedError
from bot.store.tables import CampaignRow

#: What runs comes first, then what waits for somebody, then what is over.
ORDER = (State.RUNNING, State.PAUSED, State.APPROVED, State.DRAFT, State.FINISHED, State.STOPPED)


def known(session: Session, campaign: str) -> CampaignRow:
    """The campaign with this id. Raises RefusedError when there is none."""
    row = session.get(CampaignRow, campaign)
    if row is None:
        raise RefusedError("There is no campaign {campaign}.", campaign=campaign)
    return row


def titles(session: Session, ids: Collection[str] | None = None) -> dict[str, str]:
    """The titles of those of `ids` that are campaigns; None: of all."""
    title = col(CampaignRow.definition)["title"].as_string()
    asked = select(col(CampaignRow.id), title)
    rows = session.exec(asked if ids is None else asked.where(col(CampaignRow.id).in_(ids)))
    return dict(iter(rows))


def search(
    session: Session, *, text: str = "", state: str = "", limit: int, offset: int = 0
) -> tuple[Sequence[CampaignRow], int]:
    """Campaigns with `text` in title, id or card and in `state` (empty: any), in `ORDER`, newest start first.

    Also how many there are in all.
    """
    asked = select(CampaignRow)
    if state in set(State):
        asked = asked.where(col(CampaignRow.state) == state)
    if text:
        title = col(CampaignRow.definition)["title"].as_string()
        columns = (title, col(CampaignRow.id), col(CampaignRow.card))
        found = columns[0].icontains(text, autoescape=True)
        for column in columns[1:]:
            found |= column.icontains(text, autoescape=True)
        asked = asked.where(found)
    count = session.exec(select(func.count()).select_from(asked.subquery())).one()
    order = case({known: place for place, known in enumerate(ORDER)}, value=col(CampaignRow.state))
    chosen = asked.order_by(order, col(CampaignRow.starts_at).desc(), col(CampaignRow.id))
    return session.exec(chosen.offset(offset).limit(limit)).all(), count
