"""Who talks, about what, and what was said and thought."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from store.schema.columns import METADATA, count, json_text, row_number, text_id, when, words

rooms = Table(
    "rooms",
    METADATA,
    text_id(),
    words("platform"),
    words("account"),
    words("chat_id"),
    words("kind"),
    words("title"),
    words("send_right"),
    when("created_at", nullable=False),
)

customers = Table(
    "customers",
    METADATA,
    text_id(),
    words("name"),
    words("tier", "normal"),
    json_text("tags", "[]"),
    when("created_at", nullable=False),
)

#: A person on a platform; several identities may be one customer.
identities = Table(
    "identities",
    METADATA,
    text_id(),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    words("platform"),
    words("account"),
    words("person_id"),
    words("name"),
)

#: status: open | waiting (for staff) | with_staff | resolved. owner: 'bot' or a staff id; owner_epoch counts changes.
conversations = Table(
    "conversations",
    METADATA,
    text_id(),
    words("key"),
    Column("room_id", Text, ForeignKey("rooms.id"), nullable=False),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False, index=True),
    json_text("room"),
    json_text("person"),
    words("status", "open"),
    words("owner", "bot"),
    words("owner_name"),
    count("owner_epoch"),
    words("summary"),
    json_text("moods", "[]"),
    count("unknown_count"),
    json_text("last_handles", "[]"),
    when("opened_at", nullable=False),
    when("last_message_at", nullable=False),
    when("resolved_at"),
)
Index("ix_conversations_key_opened_at", conversations.c.key, conversations.c.opened_at)

#: Every line, in the order it was written. status: received | queued | sent | failed | cancelled | recalled.
messages = Table(
    "messages",
    METADATA,
    row_number(),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False),
    words("spoken_by"),
    words("sender_id"),
    words("sender_name"),
    words("kind", "text"),
    words("text"),
    json_text("attachments", "[]"),
    words("platform_message_id"),
    words("turn_id"),
    words("idempotency_key", index=True),
    words("status", "received"),
    when("at", nullable=False),
)
Index("ix_messages_conversation_id_id", messages.c.conversation_id, messages.c.id)
Index("ix_messages_platform_message_id", messages.c.platform_message_id)

#: One row per finished turn: the outcome, why, and everything that was concluded on the way.
turns = Table(
    "turns",
    METADATA,
    text_id(),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False, index=True),
    words("outcome"),
    words("reason"),
    words("route"),
    words("reply"),
    json_text("findings"),
    json_text("citations", "[]"),
    json_text("prompt_versions", "[]"),
    count("llm_calls"),
    count("prompt_tokens"),
    count("completion_tokens"),
    count("duration_ms"),
    when("at", nullable=False, index=True),
)

#: An escalation. status: waiting | taken | returned | resolved. `card_message_id` roots the thread staff answer in.
handoffs = Table(
    "handoffs",
    METADATA,
    text_id(),
    words("turn_id", unique=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False, index=True),
    words("reason"),
    words("urgency", "normal"),
    words("status", "waiting"),
    words("staff_id"),
    words("staff_name"),
    json_text("brief"),
    words("card_room_id"),
    words("card_message_id"),
    when("created_at", nullable=False),
    when("taken_at"),
    when("closed_at"),
)
Index("ix_handoffs_card_message_id", handoffs.c.card_message_id)
Index("ix_handoffs_status", handoffs.c.status)
