"""What a finished turn leaves behind: the turn itself, the lines said, the state of the conversation, the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from store.dialects import AnyRow, insert_new, upsert
from store.schema import conversations, gaps, messages, ticket_events, turns

_TURN = upsert(turns, lambda insert: insert.on_conflict_do_nothing().returning(turns.c.id))
_GAP, _EVENT = insert_new(gaps), insert_new(ticket_events)
_LINES = insert(messages)


def record_turns(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Writes turns and gives the ids of the new ones; what was written before is whole already."""
    return set(connection.execute(_TURN.on(connection), rows).scalars()) if rows else set()


def record_gaps(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes questions that the knowledge base could not answer, once per turn."""
    if rows:
        connection.execute(_GAP.on(connection), rows)


def record_event(connection: Connection, event: Mapping[str, Any]) -> bool:
    """Writes what somebody did, once per key; False for a repeat."""
    return connection.execute(_EVENT.on(connection), event).rowcount == 1


def add_lines(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Adds lines to conversations, in their order. PostgreSQL keeps no NUL in a text, so none is written."""
    if lines:
        connection.execute(_LINES, [{**line, "text": line["text"].replace("\x00", "")} for line in lines])


_OWNERS = (
    select(conversations.c.id, conversations.c.owner_epoch)
    .where(conversations.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_STATE = (
    conversations.c.room,
    conversations.c.person,
    conversations.c.moods,
    conversations.c.unknown_count,
    conversations.c.last_handles,
    conversations.c.last_message_at,
)
_ADVANCE = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values({column: bindparam(f"new_{column.name}") for column in _STATE})
)


def owner_epochs(connection: Connection, conversation_ids: Sequence[str]) -> dict[str, int]:
    """The owner epoch of each conversation; its owner cannot change until this transaction ends."""
    return {row.id: row.owner_epoch for row in connection.execute(_OWNERS, {"ids": sorted(conversation_ids)})}


def advance(connection: Connection, states: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes what turns changed about their conversations.

    Each state has room, person, moods and last_handles as JSON, unknown_count and last_message_at.
    """
    asked = [
        {"conversation": one, **{f"new_{name}": value for name, value in state.items()}}
        for one, state in states.items()
    ]
    if asked:
        connection.execute(_ADVANCE, asked)


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
