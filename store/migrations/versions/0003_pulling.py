"""Sources whose news must be fetched, and sends in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "part_sends",
        sa.Column("send_key", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("uncertain", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("send_key", name=op.f("pk_part_sends")),
    )
    op.create_index(op.f("ix_part_sends_at"), "part_sends", ["at"], unique=False)
    op.create_table(
        "pulls",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), server_default="", nullable=False),
        sa.Column("token_at", sa.Float(), nullable=True),
        sa.Column("wanted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("holder", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("pulled_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_pulls")),
    )


def downgrade() -> None:
    op.drop_table("pulls")
    op.drop_index(op.f("ix_part_sends_at"), table_name="part_sends")
    op.drop_table("part_sends")
