"""Mail: the ledger of what was seen, the inbox, the leases, the outbox, and WeCom's open streams."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, false

from store.schema.columns import METADATA, count, json_text, row_number, text_id, when, words

#: Every platform message id ever accepted, kept apart from the inbox so that finishing a message never forgets it.
ledger = Table("ledger", METADATA, text_id("dedup_key"), when("seen_at", nullable=False, index=True))

#: Messages and events that wait for a turn. status: waiting | done | dead. kind: message | event.
inbox = Table(
    "inbox",
    METADATA,
    row_number(),
    words("dedup_key", unique=True),
    words("conversation_key"),
    words("kind", "message"),
    json_text("payload"),
    when("received_at", nullable=False),
    words("status", "waiting"),
    count("attempts"),
    when("not_before"),
    words("turn_id"),
    words("error"),
)
Index("ix_inbox_status_conversation_key_id", inbox.c.status, inbox.c.conversation_key, inbox.c.id)

#: Who may think about a conversation now. `epoch` grows with each claim, so a zombie's commit is refused.
leases = Table(
    "leases",
    METADATA,
    text_id("conversation_key"),
    count("epoch"),
    words("holder"),
    when("expires_at", nullable=False),
)

#: What has to leave. status: queued | sending | sent | cancelled | buried | unknown. author: bot | staff | system.
outbox = Table(
    "outbox",
    METADATA,
    row_number(),
    words("idempotency_key", unique=True),
    words("conversation_id"),
    words("room_id"),
    words("author", "bot"),
    count("owner_epoch"),
    words("kind", "reply"),
    json_text("payload"),
    words("status", "queued"),
    count("attempts"),
    when("next_at", nullable=False),
    when("lease_until"),
    words("holder"),
    words("platform_message_id"),
    words("error"),
    when("created_at", nullable=False),
    when("sent_at"),
)
Index("ix_outbox_status_next_at", outbox.c.status, outbox.c.next_at)
Index("ix_outbox_room_id_status_id", outbox.c.room_id, outbox.c.status, outbox.c.id)
Index("ix_outbox_conversation_id_status", outbox.c.conversation_id, outbox.c.status)

#: One row per try to send: what happened is never overwritten.
attempts = Table(
    "attempts",
    METADATA,
    row_number(),
    Column("outbox_id", outbox.c.id.type, nullable=False, index=True),
    count("attempt"),
    when("at", nullable=False),
    words("status"),
    words("error"),
)

#: A WeCom stream: the bubble that the platform polls until `finished`. `response_url` is a secret, used at most once.
#: `answer_key` and `response_key` are the idempotency keys of the sends that finished the bubble and used the URL.
streams = Table(
    "streams",
    METADATA,
    text_id("stream_id"),
    words("account"),
    words("conversation_key", index=True),
    words("content"),
    Column("finished", Boolean, nullable=False, server_default=false()),
    words("feedback_id"),
    when("opened_at", nullable=False),
    when("picked_up_at"),
    words("response_url"),
    when("response_used_at"),
    words("card"),
    words("answer_key"),
    words("response_key"),
)
