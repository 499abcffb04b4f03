"""Conversations as lists show them: who, where, whose turn it is, the last line, the mood, how long somebody waits.

Read by the inbox page and by the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from console.people import shown_name
from conversation.codec import from_json
from conversation.findings import Emotion
from conversation.identity import Person, Room
from store.dialects import AnyRow
from store.schema import conversations, handoffs, messages


@dataclass(frozen=True, slots=True)
class LastLine:
    """The newest line of a conversation."""

    line_id: int
    spoken_by: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation in a list. Times are Unix seconds; `waiting_since` is None unless it waits for staff."""

    id: str
    room: Room
    person: Person
    name: str
    status: str
    owner: str
    owner_name: str
    opened_at: float
    last_message_at: float
    resolved_at: float | None
    mood: Emotion | None
    waiting_since: float | None
    reason: str
    urgency: str
    last: LastLine | None

    @property
    def person_id(self) -> str:
        """The platform's id of the customer."""
        return self.person.person_id


_OPEN_HANDOFF = and_(handoffs.c.conversation_id == conversations.c.id, handoffs.c.status.in_(("waiting", "taken")))
_WAITS = conversations.c.status == "waiting"
#: Who waits for a person is on top, the urgent and the longest first; then what people have in hand; then the newest.
URGENT_FIRST: tuple[ColumnElement[Any], ...] = (
    case((_WAITS, 0), (conversations.c.status == "with_staff", 1), else_=2),
    case((_WAITS & (handoffs.c.urgency == "high"), 0), else_=1),
    case((_WAITS, func.coalesce(handoffs.c.created_at, conversations.c.last_message_at)), else_=0.0),
    conversations.c.last_message_at.desc(),
    conversations.c.id,
)
#: Newest first by when they were opened: an order that does not change while one pages through it.
NEWEST_FIRST: tuple[ColumnElement[Any], ...] = (conversations.c.id.desc(),)


def listed(
    connection: Connection,
    *,
    order: tuple[ColumnElement[Any], ...],
    status: str = "",
    after: str = "",
    offset: int = 0,
    limit: int,
) -> list[ConversationRow]:
    """Conversations in `order`; only those of `status`, and only those opened before the conversation `after`."""
    query = _query().order_by(*order).offset(offset).limit(limit)
    if status:
        query = query.where(conversations.c.status == status)
    if after:
        query = query.where(conversations.c.id < after)
    return _rows(connection, connection.execute(query).all())


def found(connection: Connection, conversation_id: str) -> ConversationRow | None:
    """One conversation."""
    rows = _rows(connection, connection.execute(_query().where(conversations.c.id == conversation_id)).all())
    return rows[0] if rows else None


def count_by_status(connection: Connection) -> dict[str, int]:
    """How many conversations are in each state."""
    query = select(conversations.c.status, func.count()).group_by(conversations.c.status)
    return {row[0]: row[1] for row in connection.execute(query)}


def _query() -> Select[Any]:
    last_id = select(func.max(messages.c.id)).where(messages.c.conversation_id == conversations.c.id).scalar_subquery()
    columns = (handoffs.c.created_at.label("asked_at"), handoffs.c.reason, handoffs.c.urgency)
    return select(conversations, *columns, last_id.label("last_id")).join(handoffs, _OPEN_HANDOFF, isouter=True)


def _rows(connection: Connection, rows: Sequence[AnyRow]) -> list[ConversationRow]:
    newest = messages.c.id.in_([row.last_id for row in rows if row.last_id is not None])
    lines = connection.execute(
        select(messages.c.id, messages.c.spoken_by, messages.c.kind, messages.c.text).where(newest)
    )
    last = {line.id: LastLine(line.id, line.spoken_by, line.kind, line.text) for line in lines}
    # Two open handoffs of one conversation are a fault elsewhere; a list must not show the conversation twice for it.
    unique = {row.id: row for row in reversed(rows)}
    return [_row(row, last.get(row.last_id)) for row in reversed(unique.values())]


def _row(row: AnyRow, last: LastLine | None) -> ConversationRow:
    room, person = from_json(Room, row.room), from_json(Person, row.person)
    moods = from_json(tuple[Emotion, ...], row.moods)
    return ConversationRow(
        id=row.id,
        room=room,
        person=person,
        name=shown_name(person, room),
        status=row.status,
        owner=row.owner,
        owner_name=row.owner_name,
        opened_at=row.opened_at,
        last_message_at=row.last_message_at,
        resolved_at=row.resolved_at,
        mood=moods[-1] if moods else None,
        waiting_since=(row.asked_at or row.last_message_at) if row.status == "waiting" else None,
        reason=row.reason or "",
        urgency=row.urgency or "normal",
        last=last,
    )
