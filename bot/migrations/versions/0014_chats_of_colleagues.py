"""The codes by which staff tie a chat of their own to their account."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "staff_chat_code",
        sa.Column("staff_id", sa.String(), nullable=False),
        sa.Column("first", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_chat_code_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_chat_code")),
        sa.UniqueConstraint("first", name=op.f("uq_staff_chat_code_first")),
    )


def downgrade() -> None:
    op.drop_table("staff_chat_code")
