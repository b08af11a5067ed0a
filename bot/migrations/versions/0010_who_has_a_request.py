"""Who answers a request for contact and until when, what came of it, and notes for colleagues."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
holds_writes = {"ix_contact_request_closed_at": "one row for each person who asked for contact: built at once"}

MOMENT = sa.DateTime(timezone=True)
REQUEST: dict[str, sa.types.TypeEngine[Any]] = {
    "claimed_by": sa.String(),
    "claimed_at": MOMENT,
    "claim_until": MOMENT,
    "handed_by": sa.String(),
    "waiting_since": MOMENT,
    "answer_by": sa.Date(),
    "outcome": sa.String(),
    "referred_to": sa.String(),
}
LINE = ("kind", "message_key")


def upgrade() -> None:
    for name, kind in REQUEST.items():
        op.add_column("contact_request", sa.Column(name, kind, nullable=True))
    op.create_index(op.f("ix_contact_request_closed_at"), "contact_request", ["closed_at"])
    for name in LINE:
        op.add_column("contact_line", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    for name in reversed(LINE):
        op.drop_column("contact_line", name)
    op.drop_index(op.f("ix_contact_request_closed_at"), table_name="contact_request")
    for name in reversed(REQUEST):
        op.drop_column("contact_request", name)
