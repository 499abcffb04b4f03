"""What a finished turn leaves behind: the turn itself, the lines said, the state of the conversation, the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from store.dialects import AnyRow, insert_new
from store.schema import conversations, gaps, messages, ticket_events, turns

_TURN, _GAP, _EVENT = insert_new(turns), insert_new(gaps), insert_new(ticket_events)
_LINES = insert(messages)


def record_turn(connection: Connection, turn: Mapping[str, Any]) -> bool:
    """Writes the turn. False when it was written before: then everything else of it was, too."""
    return connection.execute(_TURN.on(connection), turn).rowcount == 1


def record_gap(connection: Connection, gap: Mapping[str, Any]) -> None:
    """Writes a question that the base could not answer, once per turn."""
    connection.execute(_GAP.on(connection), gap)


def record_event(connection: Connection, event: Mapping[str, Any]) -> bool:
    """Writes what somebody did, once per key; False for a repeat."""
    return connection.execute(_EVENT.on(connection), event).rowcount == 1


def add_lines(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Adds lines to conversations, in their order. PostgreSQL keeps no NUL in a text, so none is written."""
    connection.execute(_LINES, [{**line, "text": line["text"].replace("\x00", "")} for line in lines])


_ADVANCE = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"), conversations.c.owner_epoch == bindparam("seen_epoch"))
    .values(
        {
            column: bindparam(f"new_{column.name}")
            for column in (
                conversations.c.room,
                conversations.c.person,
                conversations.c.moods,
                conversations.c.unknown_count,
                conversations.c.last_handles,
                conversations.c.last_message_at,
            )
        }
    )
)


def advance(connection: Connection, conversation_id: str, epoch: int, state: Mapping[str, Any]) -> bool:
    """Writes what the turn changed about the conversation. False when its owner has changed since it was loaded.

    `state` has room, person, moods and last_handles as JSON, unknown_count and last_message_at.
    """
    asked = {f"new_{name}": value for name, value in state.items()}
    return connection.execute(_ADVANCE, {"conversation": conversation_id, "seen_epoch": epoch, **asked}).rowcount == 1


_RECALL = (
    update(messages)
    .where(
        messages.c.platform_message_id == bindparam("message"),
        messages.c.conversation_id.in_(select(conversations.c.id).where(conversations.c.room_id == bindparam("room"))),
    )
    .values(status="recalled")
)
_ABOUT = (
    select(messages.c.turn_id, messages.c.conversation_id)
    .where(
        or_(messages.c.platform_message_id == bindparam("message"), messages.c.idempotency_key == bindparam("message")),
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)


def recall(connection: Connection, room_id: str, message_id: str) -> bool:
    """Marks a line as taken back by who said it; False when no such line was kept."""
    return connection.execute(_RECALL, {"room": room_id, "message": message_id}).rowcount > 0


def line_of(connection: Connection, message_id: str) -> AnyRow | None:
    """The turn and conversation of the line that the platform knows by this id, if we said or kept it."""
    return connection.execute(_ABOUT, {"message": message_id}).first() if message_id else None
