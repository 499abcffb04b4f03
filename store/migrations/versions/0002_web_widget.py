"""The website widget: visitors, their lines, their pictures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "widget_visitors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), server_default="", nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_widget_visitors")),
    )
    op.create_index(op.f("ix_widget_visitors_seen_at"), "widget_visitors", ["seen_at"], unique=False)
    op.create_table(
        "widget_lines",
        sa.Column("visitor_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_id", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="text", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("card", sa.Text(), server_default="{}", nullable=False),
        sa.Column("picture", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="bot", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["widget_visitors.id"], name=op.f("fk_widget_lines_visitor_id_widget_visitors")
        ),
        sa.PrimaryKeyConstraint("visitor_id", "seq", name=op.f("pk_widget_lines")),
        sa.UniqueConstraint("visitor_id", "line_id", name=op.f("uq_widget_lines_visitor_id_line_id")),
    )
    op.create_index(op.f("ix_widget_lines_at"), "widget_lines", ["at"], unique=False)
    op.create_table(
        "widget_pictures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("visitor_id", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_widget_pictures")),
    )
    op.create_index(op.f("ix_widget_pictures_visitor_id"), "widget_pictures", ["visitor_id"], unique=False)
    op.create_index(op.f("ix_widget_pictures_at"), "widget_pictures", ["at"], unique=False)


def downgrade() -> None:
    op.drop_table("widget_pictures")
    op.drop_table("widget_lines")
    op.drop_table("widget_visitors")
