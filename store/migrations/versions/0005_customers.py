"""One customer over many channels: evidence, merges, what is known of them, codes, suggestions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_customers"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_merges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), server_default="merge", nullable=False),
        sa.Column("survivor_id", sa.Text(), server_default="", nullable=False),
        sa.Column("absorbed_id", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("evidence", sa.Text(), server_default="{}", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("undoes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["undoes"], ["customer_merges.id"], name=op.f("fk_customer_merges_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merges")),
        sa.UniqueConstraint("undoes", name=op.f("uq_customer_merges_undoes")),
    )
    op.create_index(op.f("ix_customer_merges_absorbed_id"), "customer_merges", ["absorbed_id"], unique=False)
    op.create_index(op.f("ix_customer_merges_survivor_id"), "customer_merges", ["survivor_id"], unique=False)
    op.create_table(
        "link_tries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("identity_id", sa.Text(), server_default="", nullable=False),
        sa.Column("account_key", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_tries")),
    )
    op.create_index("ix_link_tries_account_key_at", "link_tries", ["account_key", "at"], unique=False)
    op.create_index("ix_link_tries_identity_id_at", "link_tries", ["identity_id", "at"], unique=False)
    op.create_table(
        "customer_consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Text(), server_default="", nullable=False),
        sa.Column("purpose", sa.Text(), server_default="", nullable=False),
        sa.Column("granted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_consents_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_consents")),
    )
    op.create_index(op.f("ix_customer_consents_customer_id"), "customer_consents", ["customer_id"], unique=False)
    op.create_table(
        "customer_moves",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("merge_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("table_name", sa.Text(), server_default="", nullable=False),
        sa.Column("row_key", sa.Text(), server_default="", nullable=False),
        sa.Column("from_customer", sa.Text(), server_default="", nullable=False),
        sa.Column("to_customer", sa.Text(), server_default="", nullable=False),
        sa.Column("home", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["merge_id"], ["customer_merges.id"], name=op.f("fk_customer_moves_merge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_moves")),
    )
    op.create_index(op.f("ix_customer_moves_merge_id"), "customer_moves", ["merge_id"], unique=False)
    op.create_index("ix_customer_moves_table_name_row_key", "customer_moves", ["table_name", "row_key"], unique=False)
    op.create_table(
        "customer_notes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("removed_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_notes_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_notes")),
    )
    op.create_index(op.f("ix_customer_notes_customer_id"), "customer_notes", ["customer_id"], unique=False)
    op.create_table(
        "customer_profiles",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("tier", sa.Text(), server_default="normal", nullable=False),
        sa.Column("tier_at", sa.Float(), nullable=True),
        sa.Column("tags", sa.Text(), server_default="[]", nullable=False),
        sa.Column("shown", sa.Text(), server_default="{}", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("language_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_profiles_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_profiles")),
    )
    op.create_table(
        "link_codes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Text(), server_default="", nullable=False),
        sa.Column("claimant", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="live", nullable=False),
        sa.Column("wrong_tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("issued_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("used_by", sa.Text(), server_default="", nullable=False),
        sa.Column("used_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_link_codes_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_codes")),
    )
    op.create_index(op.f("ix_link_codes_claimant"), "link_codes", ["claimant"], unique=False)
    op.create_index(op.f("ix_link_codes_code"), "link_codes", ["code"], unique=False)
    op.create_index(op.f("ix_link_codes_customer_id"), "link_codes", ["customer_id"], unique=False)
    op.create_index("ix_link_codes_status_expires_at", "link_codes", ["status", "expires_at"], unique=False)
    op.create_table(
        "merged_customers",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("into_id", sa.Text(), nullable=False),
        sa.Column("merge_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_merged_customers_customer_id")),
        sa.ForeignKeyConstraint(["into_id"], ["customers.id"], name=op.f("fk_merged_customers_into_id")),
        sa.ForeignKeyConstraint(["merge_id"], ["customer_merges.id"], name=op.f("fk_merged_customers_merge_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_merged_customers")),
    )
    op.create_index(op.f("ix_merged_customers_into_id"), "merged_customers", ["into_id"], unique=False)
    op.create_table(
        "identity_evidence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("verified_at", sa.Float(), nullable=True),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_identity_evidence_identity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_evidence")),
        sa.UniqueConstraint("identity_id", "kind", "value", name=op.f("uq_identity_evidence_identity_id_kind_value")),
    )
    op.create_index("ix_identity_evidence_kind_value", "identity_evidence", ["kind", "value"], unique=False)
    op.create_table(
        "link_suggestions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("first_id", sa.Text(), nullable=False),
        sa.Column("second_id", sa.Text(), nullable=False),
        sa.Column("likelihood", sa.Float(), nullable=False),
        sa.Column("reasons", sa.Text(), server_default="[]", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("found_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["first_id"], ["identities.id"], name=op.f("fk_link_suggestions_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["identities.id"], name=op.f("fk_link_suggestions_second_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_suggestions")),
        sa.UniqueConstraint("first_id", "second_id", name=op.f("uq_link_suggestions_first_id_second_id")),
    )
    op.create_index(op.f("ix_link_suggestions_second_id"), "link_suggestions", ["second_id"], unique=False)
    op.create_index("ix_link_suggestions_status_likelihood", "link_suggestions", ["status", "likelihood"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_link_suggestions_status_likelihood", table_name="link_suggestions")
    op.drop_index(op.f("ix_link_suggestions_second_id"), table_name="link_suggestions")
    op.drop_table("link_suggestions")
    op.drop_index("ix_identity_evidence_kind_value", table_name="identity_evidence")
    op.drop_table("identity_evidence")
    op.drop_index(op.f("ix_merged_customers_into_id"), table_name="merged_customers")
    op.drop_table("merged_customers")
    op.drop_index("ix_link_codes_status_expires_at", table_name="link_codes")
    op.drop_index(op.f("ix_link_codes_customer_id"), table_name="link_codes")
    op.drop_index(op.f("ix_link_codes_code"), table_name="link_codes")
    op.drop_index(op.f("ix_link_codes_claimant"), table_name="link_codes")
    op.drop_table("link_codes")
    op.drop_table("customer_profiles")
    op.drop_index(op.f("ix_customer_notes_customer_id"), table_name="customer_notes")
    op.drop_table("customer_notes")
    op.drop_index("ix_customer_moves_table_name_row_key", table_name="customer_moves")
    op.drop_index(op.f("ix_customer_moves_merge_id"), table_name="customer_moves")
    op.drop_table("customer_moves")
    op.drop_index(op.f("ix_customer_consents_customer_id"), table_name="customer_consents")
    op.drop_table("customer_consents")
    op.drop_index("ix_link_tries_identity_id_at", table_name="link_tries")
    op.drop_index("ix_link_tries_account_key_at", table_name="link_tries")
    op.drop_table("link_tries")
    op.drop_index(op.f("ix_customer_merges_survivor_id"), table_name="customer_merges")
    op.drop_index(op.f("ix_customer_merges_absorbed_id"), table_name="customer_merges")
    op.drop_table("customer_merges")
