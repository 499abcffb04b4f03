"""Commands to gateways: what a gateway has to do, whether it took it, and what it said became of it."""

from __future__ import annotations

from sqlalchemy import Index, Table

from store.schema.columns import METADATA, json_text, row_number, when, words

#: status: waiting | taken | delivered | failed. `offered_until`: a gateway that fetched it has until then to take it.
#: `retry_after_s` is what a failed receipt asks for; null where trying again cannot help.
bridge_commands = Table(
    "bridge_commands",
    METADATA,
    row_number(),
    words("command_id", unique=True),
    words("account"),
    words("conversation_id"),
    json_text("body"),
    words("status", "waiting"),
    when("created_at", nullable=False, index=True),
    when("expires_at", nullable=False),
    when("offered_until"),
    words("gateway_message_id"),
    words("error_code"),
    when("retry_after_s"),
    when("settled_at"),
)
Index("ix_bridge_commands_account_status_id", bridge_commands.c.account, bridge_commands.c.status, bridge_commands.c.id)
Index("ix_bridge_commands_account_gateway_message_id", bridge_commands.c.account, bridge_commands.c.gateway_message_id)
