"""Who would have got a campaign when it was handed over for approval: kept, so that an approver sees the drift."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlmodel import Session, col, select

from bot.campaigns.file import hash_of
from bot.campaigns.life import hand_over
from bot.core.facts import Reason
from bot.store.tables import CampaignFunnelRow
from bot.wording import Wording


class Counted(Protocol):
    """What `bot.preview.preview` answers."""

    @property
    def people(self) -> int: ...
    @property
    def reached(self) -> int: ...
    @property
    def reasons(self) -> Mapping[Reason, int]: ...


def freeze(
    session: Session, campaign: str, wording: Wording, counted: Counted, *, kind: str, by: str, now: datetime
) -> CampaignFunnelRow:
    """Hand it over (`life.hand_over`) with these numbers. `kind`: the type of signal that was asked about.

    Raises RefusedError when there is nothing to approve.
    """
    handed_over = hand_over(session, campaign, wording, by=by, now=now)
    row = CampaignFunnelRow(
        campaign_id=campaign,
        content_hash=hash_of(handed_over, wording),
        at=now,
        by=by,
        kind=kind,
        people=counted.people,
        reached=counted.reached,
        reasons={str(reason): count for reason, count in counted.reasons.items()},
    )
    session.add(row)
    return row


def frozen(session: Session, campaign: str) -> CampaignFunnelRow | None:
    """The newest numbers that were kept; None: it was never handed over.

    Where its `content_hash` is not that of the campaign any more, they are about an earlier version of it.
    """
    rows = select(CampaignFunnelRow).where(col(CampaignFunnelRow.campaign_id) == campaign)
    return session.exec(rows.order_by(col(CampaignFunnelRow.id).desc()).limit(1)).first()
