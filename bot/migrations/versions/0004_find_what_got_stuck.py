"""What an operator's figures are read from: what got stuck, found without reading all that did not."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

STUCK = (("message", "uncertain", "closed_at"), ("inbox", "dead", "received_at"))
holds_writes = {
    "ix_message_uncertain": "few rows are in it, so it is built in the time of one look at the table",
    "ix_inbox_dead": "the inbox holds two weeks only, and few rows are in the index",
}


def upgrade() -> None:
    for table, state, column in STUCK:
        where = sa.text(f"state = '{state}'")
        op.create_index(f"ix_{table}_{state}", table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table, state, _ in STUCK:
        op.drop_index(f"ix_{table}_{state}", table)
