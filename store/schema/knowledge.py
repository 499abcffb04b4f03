"""What is known: entries and their versions, the questions nobody could answer, and the state of the index."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, Table, Text, UniqueConstraint

from store.schema.columns import METADATA, count, json_text, row_number, text_id, when, words

#: status: live | retired. `source` and `source_key` say where an imported entry came from (a re-import finds it again).
entries = Table(
    "entries",
    METADATA,
    text_id(),
    words("status", "live"),
    words("category"),
    words("source"),
    words("source_key"),
    words("content_hash"),
    count("current_version", 1),
    when("valid_from"),
    when("valid_until"),
    when("created_at", nullable=False),
    when("updated_at", nullable=False),
    UniqueConstraint("source", "source_key"),
)

entry_versions = Table(
    "entry_versions",
    METADATA,
    Column("entry_id", Text, ForeignKey("entries.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    words("question"),
    json_text("similar", "[]"),
    words("answer"),
    words("author"),
    when("created_at", nullable=False),
)

#: Questions the base could not answer, one row per turn.
gaps = Table(
    "gaps",
    METADATA,
    row_number(),
    words("turn_id", unique=True),
    words("conversation_id"),
    words("question"),
    Column("answerable", Float, nullable=False, server_default="0"),
    words("status", "open"),
    when("asked_at", nullable=False),
)

#: One row, id 'base': `revision` grows with every change of a live entry; the indexes say which one they hold.
knowledge_state = Table("knowledge_state", METADATA, text_id(), count("revision"), when("changed_at"))
