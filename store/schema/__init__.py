"""All tables, by aggregate. `METADATA` is what the migrations must amount to."""

from __future__ import annotations

from store.schema.columns import METADATA
from store.schema.conversations import conversations, customers, handoffs, identities, messages, rooms, turns
from store.schema.desk import audit, promises, ticket_events, tickets, timers
from store.schema.knowledge import entries, entry_versions, gaps, knowledge_state
from store.schema.mail import attempts, inbox, leases, ledger, outbox, streams

__all__ = [
    "METADATA",
    "attempts",
    "audit",
    "conversations",
    "customers",
    "entries",
    "entry_versions",
    "gaps",
    "handoffs",
    "identities",
    "inbox",
    "knowledge_state",
    "leases",
    "ledger",
    "messages",
    "outbox",
    "promises",
    "rooms",
    "streams",
    "ticket_events",
    "tickets",
    "timers",
    "turns",
]
