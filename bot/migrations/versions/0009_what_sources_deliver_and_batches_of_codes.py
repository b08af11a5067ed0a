"""What sources delivered and what of it was refused, link codes in batches, and an audit trail that is quick to search."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
holds_writes = {
    "ix_audit_at": "a few rows for each deed of the staff: built at once",
    "ix_audit_who": "a few rows for each deed of the staff: built at once",
    "ix_audit_who_action": "a few rows for each deed of the staff: built at once",
    "ix_audit_action": "a few rows for each deed of the staff: built at once",
    "ix_audit_subject": "a few rows for each deed of the staff: built at once",
    "ix_link_code_batch": "one row for each letter; writes are made by staff and by who types a code",
}

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_index(op.f("ix_audit_at"), "audit", ["at", "id"])
    for name in ("who", "action", "subject"):
        op.create_index(op.f(f"ix_audit_{name}"), "audit", [name, "at", "id"])
    op.create_index(op.f("ix_audit_who_action"), "audit", ["who", "action", "at", "id"])
    op.create_table(
        "delivery",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_source"), "delivery", ["source", "at"])
    op.create_index(op.f("ix_delivery_at"), "delivery", ["at"])
    op.create_table(
        "refused",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mend", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused")),
    )
    op.create_index(op.f("ix_refused_source"), "refused", ["source", "id"])
    op.create_index(op.f("ix_refused_at"), "refused", ["at"])
    op.create_table(
        "link_batch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_batch")),
    )
    op.create_index(op.f("ix_link_batch_made_at"), "link_batch", ["made_at"])
    op.add_column("link_code", sa.Column("batch", sa.String(), nullable=True))
    op.create_index(op.f("ix_link_code_batch"), "link_code", ["batch"])


def downgrade() -> None:
    op.drop_index(op.f("ix_link_code_batch"), table_name="link_code")
    op.drop_column("link_code", "batch")
    for name in ("link_batch", "refused", "delivery"):
        op.drop_table(name)
    for name in ("subject", "action", "who_action", "who", "at"):
        op.drop_index(op.f(f"ix_audit_{name}"), table_name="audit")
