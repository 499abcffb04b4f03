"""People on several channels, with what they wrote: the stage for the tests of one customer."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from conversation.codec import to_json
from conversation.identity import Person, Room, RoomKind, conversation_key, identity_id
from desk.customers.evidence import customer_with, make_known
from store.schema import conversations, messages, promises, rooms, tickets

NOW = 1_800_000_000.0
KEY = b"sixteen bytes at the very least"

KF = Room("wecom_kf", "main", "wm_chen", RoomKind.DIRECT)
OA = Room("official_account", "main", "oXchen", RoomKind.DIRECT)
FEISHU = Room("feishu", "main", "oc_chen", RoomKind.DIRECT)
CHEN_KF = Person("wm_chen", "陈晨")
CHEN_OA = Person("oXchen")
CHEN_FEISHU = Person("ou_chen", "陈晨")


def open_matter(
    connection: Connection, conversation_id: str, room: Room, person: Person, *, at: float = NOW, summary: str = ""
) -> str:
    """A conversation as the turn worker opens it; gives its customer."""
    identity = make_known(connection, room, person, at)
    if connection.execute(select(rooms.c.id).where(rooms.c.id == room.room_id)).first() is None:
        connection.execute(
            insert(rooms).values(
                id=room.room_id,
                platform=room.platform,
                account=room.account,
                chat_id=room.chat_id,
                kind=room.kind.value,
                title=room.title,
                created_at=at,
            )
        )
    customer = customer_with(connection, identity)
    connection.execute(
        insert(conversations).values(
            id=conversation_id,
            key=conversation_key(room, person),
            room_id=room.room_id,
            customer_id=customer,
            room=to_json(room),
            person=to_json(person),
            summary=summary,
            opened_at=at,
            last_message_at=at,
        )
    )
    return customer


def say(connection: Connection, conversation_id: str, text: str, *, at: float, by: str = "customer") -> None:
    status = "received" if by == "customer" else "sent"
    connection.execute(
        insert(messages).values(conversation_id=conversation_id, spoken_by=by, text=text, status=status, at=at)
    )


def open_ticket(connection: Connection, number: str, conversation_id: str, customer_id: str, at: float = NOW) -> None:
    row = {"number": number, "turn_id": f"tn_{number}", "conversation_id": conversation_id, "customer_id": customer_id}
    connection.execute(insert(tickets).values(**row, opened_at=at, updated_at=at))
    connection.execute(
        insert(promises).values(turn_id=f"tn_{number}", conversation_id=conversation_id, text="会回电", made_at=at)
    )


def customer_of_person(connection: Connection, room: Room, person: Person) -> str:
    return customer_with(connection, identity_id(room, person))
