"""What an approval is about, word for word, and what was approved before: so that an approver sees what is new."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from bot.campaigns.file import CampaignFile, days, file_of, signals_of_situations
from bot.store.tables import CampaignApprovalRow, CampaignRow
from bot.wording import Wording, with_own


def content(file: CampaignFile, wording: Wording) -> dict[str, Any]:
    """What `content_hash` is made of, as JSON, with the texts themselves instead of their hashes."""
    wording = with_own(wording, file.wordings)
    card = wording.cards.get(file.card)
    keys = [*file.variants, *(f"card.{file.card}.{part}" for part in ("name", "plain", "body"))]
    kept = {
        "campaign": file.definition(),
        "card": None if card is None else card.model_dump(mode="json"),
        "texts": {
            key: {language: _text(wording, key, language) for language in file.languages}
            for key in keys
            if wording.has(key)
        },
        "days": [] if file.trigger.has_own_days else [day.isoformat() for day in days(file, wording)],
    }
    if file.audience.situations:
        kept["situations"] = signals_of_situations(file, wording)
    return kept


def keep(session: Session, row: CampaignRow, wording: Wording) -> None:
    """Keep what was just approved."""
    assert row.approved_at is not None
    assert row.approved_by is not None
    assert row.approved_hash is not None
    session.add(
        CampaignApprovalRow(
            campaign_id=row.id,
            at=row.approved_at,
            by=row.approved_by,
            content_hash=row.approved_hash,
            content=content(file_of(row), wording),
        )
    )


def last_approval(session: Session, campaign: str) -> CampaignApprovalRow | None:
    """The newest one that was kept, voided or not; None: none, or a program that kept none made it."""
    rows = select(CampaignApprovalRow).where(col(CampaignApprovalRow.campaign_id) == campaign)
    return session.exec(rows.order_by(col(CampaignApprovalRow.id).desc()).limit(1)).first()


def texts_of(kept: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The texts of a `content`, by key and language."""
    return {(key, language): text for key, texts in kept["texts"].items() for language, text in texts.items()}


def _text(wording: Wording, key: str, language: str) -> str:
    """As it stands in messages/ or in the catalogue, unfilled; in Dutch when it is not translated."""
    forms = wording.forms(key, language) or wording.sources[key].texts
    return "\n".join(form.strip() for form in forms)
