"""One customer over many channels: why identities belong together, what was merged, and what is known of a person."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Table, Text, UniqueConstraint, false

from store.schema.columns import METADATA, ROW_NUMBER, count, json_text, row_number, text_id, when, words

#: What speaks for who an identity is. kind: unionid | phone | order | code | staff. `value` is hashed for phones and
#: orders; `verified_at` is null for what somebody merely said. `source` names the channel or call it came from.
identity_evidence = Table(
    "identity_evidence",
    METADATA,
    row_number(),
    Column("identity_id", Text, ForeignKey("identities.id"), nullable=False),
    words("kind"),
    words("value"),
    words("source"),
    when("verified_at"),
    when("seen_at", nullable=False),
    UniqueConstraint("identity_id", "kind", "value"),
)
Index("ix_identity_evidence_kind_value", identity_evidence.c.kind, identity_evidence.c.value)

#: Merges and their undoing, append-only. kind: merge | unmerge; an unmerge names what it undoes in `undoes`, once.
#: reason: unionid | phone | code | staff. `evidence` says what it rests on: ids of evidence, codes, suggestions.
customer_merges = Table(
    "customer_merges",
    METADATA,
    row_number(),
    words("kind", "merge"),
    words("survivor_id", index=True),
    words("absorbed_id", index=True),
    words("reason"),
    json_text("evidence"),
    words("actor"),
    Column("undoes", ROW_NUMBER, ForeignKey("customer_merges.id"), unique=True),
    when("at", nullable=False),
)

#: Which rows a merge or its undoing moved, append-only. `home` is the customer that a row belongs to when nothing is
#: merged. A row that stayed where it was is listed only where its home could not be told from its identity.
customer_moves = Table(
    "customer_moves",
    METADATA,
    row_number(),
    Column("merge_id", ROW_NUMBER, ForeignKey("customer_merges.id"), nullable=False, index=True),
    words("table_name"),
    words("row_key"),
    words("from_customer"),
    words("to_customer"),
    words("home"),
)
Index("ix_customer_moves_table_name_row_key", customer_moves.c.table_name, customer_moves.c.row_key)

#: Who is part of whom now: what `customer_merges` amounts to. Customers listed here own no rows.
merged_customers = Table(
    "merged_customers",
    METADATA,
    Column("customer_id", Text, ForeignKey("customers.id"), primary_key=True),
    Column("into_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    Column("merge_id", ROW_NUMBER, ForeignKey("customer_merges.id"), nullable=False),
)

#: A customer's own name, tier, tags and language, apart from what merging adds to them. `shown` is what was last
#: written to `customers`: a difference means that somebody wrote there since, and that is the customer's own.
customer_profiles = Table(
    "customer_profiles",
    METADATA,
    Column("customer_id", Text, ForeignKey("customers.id"), primary_key=True),
    words("name"),
    words("tier", "normal"),
    Column("tier_at", Float),
    json_text("tags", "[]"),
    json_text("shown"),
    words("language"),
    when("language_at"),
)

customer_notes = Table(
    "customer_notes",
    METADATA,
    text_id(),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    words("conversation_id"),
    words("text"),
    words("author"),
    when("at", nullable=False),
    when("removed_at"),
)

#: What a customer agreed to or refused, append-only; the newest row of a purpose counts. `source`: where they said so.
customer_consents = Table(
    "customer_consents",
    METADATA,
    row_number(),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    words("identity_id"),
    words("purpose"),
    Column("granted", Boolean, nullable=False, server_default=false()),
    words("source"),
    when("at", nullable=False),
)

#: One-time codes that tie a second channel to a customer. `code` is hashed. status: live | used | withdrawn | burnt.
#: With a `claimant` only that identity can use it; `identity_id` is whom the code was shown to.
link_codes = Table(
    "link_codes",
    METADATA,
    text_id(),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    words("identity_id"),
    words("claimant", index=True),
    words("code", index=True),
    words("status", "live"),
    count("wrong_tries"),
    when("issued_at", nullable=False),
    when("expires_at", nullable=False),
    words("used_by"),
    when("used_at"),
)
Index("ix_link_codes_status_expires_at", link_codes.c.status, link_codes.c.expires_at)

#: Wrong codes, by who typed them: guessing is counted per person and per account.
link_tries = Table(
    "link_tries",
    METADATA,
    row_number(),
    words("identity_id"),
    words("account_key"),
    when("at", nullable=False),
)
Index("ix_link_tries_identity_id_at", link_tries.c.identity_id, link_tries.c.at)
Index("ix_link_tries_account_key_at", link_tries.c.account_key, link_tries.c.at)

#: Two identities that may be one person, for staff to decide. status: open | dismissed | accepted.
link_suggestions = Table(
    "link_suggestions",
    METADATA,
    text_id(),
    Column("first_id", Text, ForeignKey("identities.id"), nullable=False),
    Column("second_id", Text, ForeignKey("identities.id"), nullable=False, index=True),
    Column("likelihood", Float, nullable=False),
    json_text("reasons", "[]"),
    words("status", "open"),
    when("found_at", nullable=False),
    words("decided_by"),
    when("decided_at"),
    UniqueConstraint("first_id", "second_id"),
)
Index("ix_link_suggestions_status_likelihood", link_suggestions.c.status, link_suggestions.c.likelihood)
