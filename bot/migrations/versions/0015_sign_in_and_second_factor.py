"""How somebody is signed in, a second factor that is being set up, and the codes for when it is lost."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("staff", sa.Column("totp_offered_sealed", sa.Text(), nullable=True))
    op.add_column("staff", sa.Column("recovery", sa.JSON(), nullable=True))
    op.add_column("staff_session", sa.Column("means", sa.String(), nullable=True))
    op.add_column("staff_session", sa.Column("id_token_sealed", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("staff_session", "id_token_sealed")
    op.drop_column("staff_session", "means")
    op.drop_column("staff", "recovery")
    op.drop_column("staff", "totp_offered_sealed")
