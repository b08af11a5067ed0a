"""Changes of texts that people propose and approve, and the approved texts that count instead of files."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "text_body",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_text_body")),
    )
    op.create_table(
        "text_proposal",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("readers", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_proposal")),
    )
    op.create_index(op.f("ix_text_proposal_state"), "text_proposal", ["state"])
    op.create_table(
        "text_change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("proposal_id", NUMBER, nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["proposal_id"], ["text_proposal.id"], name=op.f("fk_text_change_proposal_id")),
        sa.ForeignKeyConstraint(["base"], ["text_body.hash"], name=op.f("fk_text_change_base")),
        sa.ForeignKeyConstraint(["body"], ["text_body.hash"], name=op.f("fk_text_change_body")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_change")),
        sa.UniqueConstraint("proposal_id", "path", name=op.f("uq_text_change_proposal_id_path")),
    )
    op.create_index(op.f("ix_text_change_proposal_id"), "text_change", ["proposal_id"])
    op.create_table(
        "text_in_force",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("shipped", sa.String(), nullable=True),
        sa.Column("proposal_id", NUMBER, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["body"], ["text_body.hash"], name=op.f("fk_text_in_force_body")),
        sa.ForeignKeyConstraint(["shipped"], ["text_body.hash"], name=op.f("fk_text_in_force_shipped")),
        sa.ForeignKeyConstraint(["proposal_id"], ["text_proposal.id"], name=op.f("fk_text_in_force_proposal_id")),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_text_in_force")),
    )


def downgrade() -> None:
    for table in ("text_in_force", "text_change", "text_proposal", "text_body"):
        op.drop_table(table)
