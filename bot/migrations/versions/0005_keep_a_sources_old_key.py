"""A source's key before its present one, for as long as it still opens."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
holds_writes = {"ix_source_old_key_hash": "one row for each source: a handful"}


def upgrade() -> None:
    op.add_column("source", sa.Column("old_key_hash", sa.String(), nullable=True))
    op.add_column("source", sa.Column("old_key_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_source_old_key_hash"), "source", ["old_key_hash"])
