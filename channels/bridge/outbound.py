"""From our words to commands for a gateway; pure.

Protocol: docs/channels/bridge.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels.bridge.account import BridgeSettings
from channels.text_parts import plain_of, split_text
from conversation.errors import GiveUp
from conversation.identity import RoomKind
from conversation.messages import Attachment, OutgoingMessage

SEND, OFFER = "message.send", "message.offer"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing for the gateway to do. `command_id` is the idempotency key; `content` is all but the expiry."""

    command_id: str
    conversation_id: str
    content: Mapping[str, Any]

    def body(self, expires_at: float) -> dict[str, Any]:
        """The command as it travels; `expires_at` is Unix seconds."""
        until = datetime.fromtimestamp(int(expires_at), UTC).isoformat().replace("+00:00", "Z")
        return {**self.content, "expires_at": until}


def to_commands(message: OutgoingMessage, key: str, settings: BridgeSettings) -> list[Command]:
    """The commands that say a message, in order: its words in parts that fit, then its files.

    None where there is nothing to say. Raises `GiveUp` for a file that the gateway could not fetch.
    """
    words = message.card.as_text() if message.card else plain_of(message.text)
    parts = [{"type": "text", "text": part} for part in split_text(words, settings.max_text_bytes)]
    contents: list[dict[str, Any]] = [*parts, *(_file(one) for one in message.attachments)]
    if contents and parts and message.at and message.room.kind is RoomKind.GROUP:
        contents[0]["mentions"] = [{"id": message.at.person_id, "display_name": message.at.name}]
    return [
        _command(message, content, _part_key(key, place), place, settings) for place, content in enumerate(contents)
    ]


def _command(
    message: OutgoingMessage, content: Mapping[str, Any], command_id: str, place: int, settings: BridgeSettings
) -> Command:
    told = {
        "schema": "bridge.command.v1",
        "command_id": command_id,
        "command": OFFER if settings.tap else SEND,
        "conversation_id": message.room.chat_id,
        "conversation_type": message.room.kind.value,
        "reply_to": (message.reply_to or None) if place == 0 else None,
        "message": content,
    }
    return Command(command_id, message.room.chat_id, told)


def _part_key(key: str, place: int) -> str:
    return f"{key}:{place + 1}" if place else key


def _file(one: Attachment) -> dict[str, Any]:
    if not one.reference.startswith(("http://", "https://")):
        raise GiveUp("a gateway fetches files by address alone, and this one has none: send it by hand")
    return {"type": one.kind.value, "url": one.reference.partition("#")[0], "name": one.name}
