"""All tables, by aggregate. `METADATA` is what the migrations must amount to."""

from __future__ import annotations

from store.schema.bridge import bridge_commands
from store.schema.columns import METADATA
from store.schema.conversations import conversations, customers, handoffs, identities, messages, rooms, turns
from store.schema.desk import audit, promises, ticket_events, tickets, timers
from store.schema.knowledge import entries, entry_versions, gaps, knowledge_state
from store.schema.mail import attempts, inbox, leases, ledger, outbox, streams
from store.schema.people import (
    customer_consents,
    customer_merges,
    customer_moves,
    customer_notes,
    customer_profiles,
    identity_evidence,
    link_codes,
    link_suggestions,
    link_tries,
    merged_customers,
)
from store.schema.pulling import part_sends, pulls
from store.schema.widget import widget_lines, widget_pictures, widget_visitors

__all__ = [
    "METADATA",
    "attempts",
    "audit",
    "bridge_commands",
    "conversations",
    "customer_consents",
    "customer_merges",
    "customer_moves",
    "customer_notes",
    "customer_profiles",
    "customers",
    "entries",
    "entry_versions",
    "gaps",
    "handoffs",
    "identities",
    "identity_evidence",
    "inbox",
    "knowledge_state",
    "leases",
    "ledger",
    "link_codes",
    "link_suggestions",
    "link_tries",
    "merged_customers",
    "messages",
    "outbox",
    "part_sends",
    "promises",
    "pulls",
    "rooms",
    "streams",
    "ticket_events",
    "tickets",
    "timers",
    "turns",
    "widget_lines",
    "widget_pictures",
    "widget_visitors",
]
