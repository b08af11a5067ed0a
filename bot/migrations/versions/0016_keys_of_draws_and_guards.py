"""The key that each quarter's draws are made with, which decision was drawn with which, and what the guards count."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "draw_epoch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("key_sealed", sa.Text(), nullable=False),
        sa.Column("revealed", sa.String(), nullable=True),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_epoch")),
    )
    op.create_table(
        "guard",
        sa.Column("watched", sa.String(), nullable=False),
        sa.Column("counted_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("alarm", sa.String(), nullable=True),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("watched", name=op.f("pk_guard")),
    )
    op.add_column("decision", sa.Column("epoch", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("decision", "epoch")
    op.drop_table("guard")
    op.drop_table("draw_epoch")
