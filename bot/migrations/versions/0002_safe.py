"""A source's key before its present one, for as long as it still opens."""

import sqlalchemy as sa
from alembic import op

revision = "0002_safe"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("source", sa.Column("old_key_hash", sa.String(), nullable=True))
    op.add_column("source", sa.Column("old_key_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_source_old_key_hash"), "source", ["old_key_hash"])
