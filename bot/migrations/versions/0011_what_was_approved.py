"""What was approved, word for word; campaigns handed over or sent back; and how one goes, counted from an index."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

#: Nudges wait meanwhile, and what people say waits in the queue: some ten seconds for ten million rows.
holds_writes = {
    "ix_message_standing": "built in seconds, and nothing is lost by waiting",
    "ix_offer_standing": "built in seconds, and nothing is lost by waiting",
    "ix_campaign_state": "the table is small: one row for each campaign",
    "ix_campaign_handed_over": "the table is small: one row for each campaign",
    "ix_campaign_returned": "the table is small: one row for each campaign",
}
STANDING = (("message", "error"), ("offer", "outcome"))

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "campaign_approval",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_approval_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_approval")),
    )
    op.create_index(op.f("ix_campaign_approval_campaign_id"), "campaign_approval", ["campaign_id"])
    for name in ("handed_over_by", "returned_by", "returned_because"):
        op.add_column("campaign", sa.Column(name, sa.String(), nullable=True))
    for name in ("handed_over_at", "returned_at"):
        op.add_column("campaign", sa.Column(name, MOMENT, nullable=True))
    op.create_index("ix_campaign_state", "campaign", ["state", "starts_at"])
    for name in ("handed_over", "returned"):
        some = sa.text(f"{name}_at IS NOT NULL")
        op.create_index(f"ix_campaign_{name}", "campaign", [f"{name}_at"], sqlite_where=some, postgresql_where=some)
    for table, end in STANDING:
        nudges = sa.text("campaign_id IS NOT NULL") if table == "message" else None
        op.create_index(
            f"ix_{table}_standing", table, ["campaign_id", "state", end], sqlite_where=nudges, postgresql_where=nudges
        )


def downgrade() -> None:
    for table, _ in STANDING:
        op.drop_index(f"ix_{table}_standing", table)
    for name in ("returned", "handed_over", "state"):
        op.drop_index(f"ix_campaign_{name}", "campaign")
    for name in ("returned_at", "handed_over_at", "returned_because", "returned_by", "handed_over_by"):
        op.drop_column("campaign", name)
    op.drop_table("campaign_approval")
