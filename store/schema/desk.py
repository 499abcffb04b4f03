"""The desk's tables: tickets, promises, timers, audit."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from store.schema.columns import METADATA, count, json_text, row_number, when, words

#: status: open | processing | waiting_customer | resolved | closed. `external_*` name the twin in another system.
tickets = Table(
    "tickets",
    METADATA,
    row_number(),
    words("number", unique=True),
    words("turn_id", unique=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False, index=True),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    words("kind"),
    words("title"),
    words("summary"),
    words("urgency", "normal"),
    words("status", "open"),
    json_text("tags", "[]"),
    json_text("excerpt", "[]"),
    words("external_system"),
    words("external_id"),
    words("external_chat_id"),
    when("opened_at", nullable=False),
    when("updated_at", nullable=False),
    when("closed_at"),
)
Index("ix_tickets_external_id", tickets.c.external_id)

#: What happened to a ticket, append-only. `event_key` makes each event count once.
ticket_events = Table(
    "ticket_events",
    METADATA,
    row_number(),
    words("event_key", unique=True),
    words("number", index=True),
    words("kind"),
    words("actor"),
    words("text"),
    when("at", nullable=False),
)

#: What a customer was told will happen. status: open | kept | broken.
promises = Table(
    "promises",
    METADATA,
    row_number(),
    words("turn_id", index=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False, index=True),
    words("text"),
    words("ticket_number"),
    words("status", "open"),
    when("due_at"),
    when("made_at", nullable=False),
)

#: Things to do later, once. status: waiting | done | dead.
timers = Table(
    "timers",
    METADATA,
    row_number(),
    words("kind"),
    words("key", unique=True),
    json_text("payload"),
    when("due_at", nullable=False),
    words("status", "waiting"),
    count("attempts"),
    when("lease_until"),
    words("error"),
)
Index("ix_timers_status_due_at", timers.c.status, timers.c.due_at)

#: Who did what. Append-only; `hash` covers the row and `previous`, so a change anywhere breaks the chain.
audit = Table(
    "audit",
    METADATA,
    row_number(),
    when("at", nullable=False),
    words("actor"),
    words("action"),
    words("subject"),
    json_text("detail"),
    words("previous"),
    words("hash", unique=True),
)
