"""Plans of analysis and the algorithm register, which stay as they were frozen, and notes of what changed."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STAYS = ("plan", "register_entry")


def upgrade() -> None:
    op.create_table(
        "plan_draft",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_plan_draft_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_plan_draft")),
    )
    op.create_table(
        "plan",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("frozen_by", sa.String(), nullable=False),
        sa.Column("frozen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_plan_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("campaign_id", "version", name=op.f("uq_plan_campaign_id_version")),
        sa.UniqueConstraint("hash", name=op.f("uq_plan_hash")),
    )
    op.create_table(
        "register_entry",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_entry")),
    )
    op.create_index(op.f("ix_register_entry_fingerprint"), "register_entry", ["fingerprint"])
    op.create_index(op.f("ix_register_entry_published_at"), "register_entry", ["published_at"])
    op.create_table(
        "note",
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("additions", sa.JSON(), nullable=False),
        sa.Column("written_by", sa.JSON(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("offered_by", sa.String(), nullable=True),
        sa.Column("offered_at", MOMENT, nullable=True),
        sa.Column("agreed_by", sa.String(), nullable=True),
        sa.Column("agreed_at", MOMENT, nullable=True),
        sa.Column("agreed_hash", sa.String(), nullable=True),
        sa.Column("told", sa.JSON(), nullable=True),
        sa.Column("reached", sa.String(), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("why_not", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_note")),
    )
    _shut()


def _shut() -> None:
    """What was frozen or published stays as it is, whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION public_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'what was frozen cannot be changed'; END $$"
        )
    for table in _STAYS:
        for what in ("update", "delete"):
            name = f"CREATE TRIGGER {table}_no_{what} BEFORE {what.upper()} ON {table}"
            if op.get_bind().dialect.name == "postgresql":
                op.execute(f"{name} FOR EACH ROW EXECUTE FUNCTION public_stays()")
            else:
                op.execute(f"{name} BEGIN SELECT RAISE(ABORT, 'what was frozen cannot be changed'); END")


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in _STAYS:
        for what in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{what}{f' ON {table}' if postgresql else ''}")
    if postgresql:
        op.execute("DROP FUNCTION public_stays()")
    for table in ("note", "register_entry", "plan", "plan_draft"):
        op.drop_table(table)
