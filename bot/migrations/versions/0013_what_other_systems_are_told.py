"""What other systems are told of requests for contact, and what was made for them in Open Klant."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("state IN ('due', 'sending')")


def upgrade() -> None:
    op.create_table(
        "outgoing",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("request_id", NUMBER, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", MOMENT, nullable=True),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("until", MOMENT, nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["contact_request.id"], name=op.f("fk_outgoing_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("target", "request_id", "what", name=op.f("uq_outgoing_target_request_id_what")),
    )
    op.create_index(op.f("ix_outgoing_request_id"), "outgoing", ["request_id"])
    op.create_index("ix_outgoing_open", "outgoing", ["target", "next_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "klant_task",
        sa.Column("request_id", NUMBER, nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("task", sa.String(), nullable=True),
        sa.Column("looked_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["contact_request.id"], name=op.f("fk_klant_task_request_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_klant_task")),
    )


def downgrade() -> None:
    op.drop_table("klant_task")
    op.drop_table("outgoing")
