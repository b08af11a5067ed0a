"""Whose an update is, so that a stop holds that person's nudges from the moment that it is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("inbox", sa.Column("chat_hash", sa.String(), nullable=True))
