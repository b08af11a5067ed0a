"""Consents that end soon are found without reading them all."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
holds_writes = {"ix_consent_ends": "built in seconds, and nothing is lost by waiting"}


def upgrade() -> None:
    given = sa.text("state = 'given'")
    op.create_index(
        "ix_consent_ends", "consent", ["valid_until"], unique=False, sqlite_where=given, postgresql_where=given
    )


def downgrade() -> None:
    op.drop_index("ix_consent_ends", "consent")
