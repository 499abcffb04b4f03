"""Commands to gateways."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bridge_commands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("command_id", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Text(), server_default="", nullable=False),
        sa.Column("conversation_id", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="{}", nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("offered_until", sa.Float(), nullable=True),
        sa.Column("gateway_message_id", sa.Text(), server_default="", nullable=False),
        sa.Column("error_code", sa.Text(), server_default="", nullable=False),
        sa.Column("retry_after_s", sa.Float(), nullable=True),
        sa.Column("settled_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bridge_commands")),
        sa.UniqueConstraint("command_id", name=op.f("uq_bridge_commands_command_id")),
    )
    op.create_index(
        "ix_bridge_commands_account_status_id", "bridge_commands", ["account", "status", "id"], unique=False
    )
    op.create_index(
        "ix_bridge_commands_account_gateway_message_id",
        "bridge_commands",
        ["account", "gateway_message_id"],
        unique=False,
    )
    op.create_index(op.f("ix_bridge_commands_created_at"), "bridge_commands", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_table("bridge_commands")
