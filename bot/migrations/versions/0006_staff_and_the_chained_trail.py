"""Accounts of staff, and an audit trail that is chained and cannot be changed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
holds_writes = {"ix_audit_place": "a few rows for each deed of the staff: built at once"}

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("totp_used", NUMBER, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", MOMENT, nullable=True),
        sa.Column("chat_citizen", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=True),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["chat_citizen"], ["citizen.id"], name=op.f("fk_staff_chat_citizen")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_login")),
        sa.UniqueConstraint("subject", name=op.f("uq_staff_subject")),
    )
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("staff_id", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_session_staff_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_session")),
    )
    op.create_index(op.f("ix_staff_session_staff_id"), "staff_session", ["staff_id"])
    op.create_index(op.f("ix_staff_session_ends_at"), "staff_session", ["ends_at"])
    op.add_column("audit", sa.Column("place", NUMBER, nullable=True))
    op.add_column("audit", sa.Column("chain", sa.String(), nullable=True))
    op.create_index(op.f("ix_audit_place"), "audit", ["place"])
    _shut()


def _shut() -> None:
    """From here on a row of the trail stays as it is; one without a place, in the transaction that wrote it, gets one."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'the audit trail cannot be changed'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW WHEN (OLD.chain IS NOT NULL) "
            "EXECUTE FUNCTION audit_stays()"
        )
        op.execute("CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays()")
        return
    for what, when in (("update", "WHEN OLD.chain IS NOT NULL "), ("delete", "")):
        op.execute(
            f"CREATE TRIGGER audit_no_{what} BEFORE {what.upper()} ON audit {when}"
            "BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END"
        )


def downgrade() -> None:
    for what in ("update", "delete"):
        on = " ON audit" if op.get_bind().dialect.name == "postgresql" else ""
        op.execute(f"DROP TRIGGER audit_no_{what}{on}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_stays()")
    op.drop_index(op.f("ix_audit_place"), table_name="audit")
    op.drop_column("audit", "chain")
    op.drop_column("audit", "place")
    op.drop_table("staff_session")
    op.drop_table("staff")
