"""Conversations, the people in them and their last lines, loaded and opened for many lanes at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, bindparam, insert, select, union_all, update

from conversation.codec import to_json
from conversation.identity import Person, Room, Speaker, identity_id, new_id
from conversation.turn import Line, SendRight
from store.dialects import AnyRow, insert_new
from store.schema import conversations, customers, identities, messages, rooms

HISTORY = 20
#: Lines that the customer never saw are no part of what was said.
UNSEEN = ("cancelled", "failed", "observed", "draft", "recalled")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who writes in a lane that has no open conversation. `send_right` is for a room never seen before."""

    lane: str
    room: Room
    person: Person
    send_right: SendRight


_OPEN = (
    select(
        conversations.c.key,
        conversations.c.id,
        conversations.c.customer_id,
        conversations.c.status,
        conversations.c.owner,
        conversations.c.owner_epoch,
        conversations.c.summary,
        conversations.c.moods,
        conversations.c.unknown_count,
        conversations.c.last_message_at,
        rooms.c.send_right,
        rooms.c.title,
        customers.c.tier,
    )
    .join(rooms, rooms.c.id == conversations.c.room_id)
    .join(customers, customers.c.id == conversations.c.customer_id)
    .where(conversations.c.key.in_(bindparam("lanes", expanding=True)), conversations.c.status != "resolved")
    .order_by(conversations.c.opened_at, conversations.c.id)
)


def open_conversations(connection: Connection, lanes: Sequence[str]) -> dict[str, AnyRow]:
    """The newest unresolved conversation of each lane that has one."""
    return {row.key: row for row in connection.execute(_OPEN, {"lanes": list(lanes)})}


_NEW_ROOM, _NEW_CUSTOMER, _NEW_IDENTITY = insert_new(rooms), insert_new(customers), insert_new(identities)
_NEW_CONVERSATION = insert(conversations)
_CUSTOMERS = select(identities.c.id, identities.c.customer_id).where(
    identities.c.id.in_(bindparam("people", expanding=True))
)


def customer_of(identity: str) -> str:
    """The id that a person's customer gets when they are first seen; the same whoever sees them first."""
    return f"cu_{hashlib.sha256(identity.encode()).hexdigest()[:24]}"


def open_new(connection: Connection, newcomers: Sequence[Newcomer], now: float) -> None:
    """Opens a conversation for each newcomer, and makes the room and the customer known where they are not."""
    if not newcomers:
        return
    seen_rooms = {one.room.room_id: one for one in newcomers}
    people = {identity_id(one.room, one.person): one for one in newcomers}
    in_order = sorted(people)
    connection.execute(_NEW_ROOM.on(connection), [_room_row(seen_rooms[key], now) for key in sorted(seen_rooms)])
    connection.execute(_NEW_CUSTOMER.on(connection), [_customer_row(key, people[key], now) for key in in_order])
    connection.execute(_NEW_IDENTITY.on(connection), [_identity_row(key, people[key]) for key in in_order])
    known = {row.id: row.customer_id for row in connection.execute(_CUSTOMERS, {"people": in_order})}
    connection.execute(_NEW_CONVERSATION, [_conversation_row(one, known, now) for one in newcomers])


def _room_row(one: Newcomer, now: float) -> dict[str, Any]:
    room = one.room
    return {
        "id": room.room_id,
        "platform": room.platform,
        "account": room.account,
        "chat_id": room.chat_id,
        "kind": room.kind.value,
        "title": room.title,
        "send_right": one.send_right.value,
        "created_at": now,
    }


def _customer_row(identity: str, one: Newcomer, now: float) -> dict[str, Any]:
    return {"id": customer_of(identity), "name": one.person.name, "created_at": now}


def _identity_row(identity: str, one: Newcomer) -> dict[str, Any]:
    return {
        "id": identity,
        "customer_id": customer_of(identity),
        "platform": one.room.platform,
        "account": one.room.account,
        "person_id": one.person.person_id,
        "name": one.person.name,
    }


def _conversation_row(one: Newcomer, known: Mapping[str, str], now: float) -> dict[str, Any]:
    return {
        "id": new_id("cv"),
        "key": one.lane,
        "room_id": one.room.room_id,
        "customer_id": known[identity_id(one.room, one.person)],
        "room": to_json(one.room),
        "person": to_json(one.person),
        "opened_at": now,
        "last_message_at": now,
    }


_CLOSE = (
    update(conversations)
    .where(conversations.c.id.in_(bindparam("ids", expanding=True)))
    .values(status="resolved", resolved_at=bindparam("now"))
)
_RETITLE = update(rooms).where(rooms.c.id == bindparam("room")).values(title=bindparam("new_title"))


def close_idle(connection: Connection, ids: Iterable[str], now: float) -> None:
    """Resolves conversations that the customer left long ago: what they write now is a new matter."""
    if listed := list(ids):
        connection.execute(_CLOSE, {"ids": listed, "now": now})


def retitle(connection: Connection, room: Room) -> None:
    """Keeps the new name of a room."""
    connection.execute(_RETITLE, {"room": room.room_id, "new_title": room.title})


@cache
def _last_lines(how_many: int) -> CompoundSelect[Any]:
    """Twenty lines for each of several conversations in one statement, each read from the end of the index."""
    each = [
        select(
            messages.c.conversation_id,
            messages.c.id,
            messages.c.spoken_by,
            messages.c.sender_name,
            messages.c.text,
            messages.c.kind,
            messages.c.at,
        )
        .where(messages.c.conversation_id == bindparam(f"c{number}"), messages.c.status.not_in(UNSEEN))
        .order_by(messages.c.id.desc())
        .limit(HISTORY)
        .subquery(f"lines{number}")
        for number in range(how_many)
    ]
    return union_all(*(select(one) for one in each))


def last_lines(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Line, ...]]:
    """The last 20 lines of each conversation, oldest first."""
    if not ids:
        return {}
    found: dict[str, list[AnyRow]] = {one: [] for one in ids}
    for row in connection.execute(_last_lines(len(ids)), {f"c{number}": one for number, one in enumerate(ids)}):
        found[row.conversation_id].append(row)
    return {one: tuple(map(_line, sorted(rows, key=lambda row: row.id))) for one, rows in found.items()}


def _line(row: AnyRow) -> Line:
    return Line(Speaker(row.spoken_by), row.text or f"[{row.kind}]", row.at, row.sender_name)
