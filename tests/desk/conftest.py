"""A conversation at the desk, with a bot line that waits to be sent."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from conversation.codec import to_json
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import OutgoingMessage
from store.outbox_rows import put_in_outbox
from store.schema import conversations, customers, handoffs, messages, rooms

ROOM = Room("feishu", "main", "oc_customer", RoomKind.DIRECT)
STAFF_ROOM = "feishu:main:oc_staff"
LI = Person("ou_li", "小李", Speaker.STAFF)
ZHOU = Person("ou_zhou", "小周", Speaker.STAFF)
CONVERSATION = "cv_1"


def open_conversation(connection: Connection, conversation_id: str = CONVERSATION, room: Room = ROOM) -> None:
    now = 1_800_000_000.0
    connection.execute(
        insert(rooms).values(
            id=room.room_id + conversation_id, platform=room.platform, account="main", kind="direct", created_at=now
        )
    )
    connection.execute(insert(customers).values(id=f"cu_{conversation_id}", name="陈晨", created_at=now))
    connection.execute(
        insert(conversations).values(
            id=conversation_id,
            key=room.room_id,
            room_id=room.room_id + conversation_id,
            customer_id=f"cu_{conversation_id}",
            room=to_json(room),
            person=to_json(Person("ou_chen", "陈晨")),
            last_handles='[{"stream_id":"s1"}]',
            opened_at=now,
            last_message_at=now,
        )
    )


def queue_bot_line(connection: Connection, key: str, conversation_id: str = CONVERSATION, epoch: int = 0) -> None:
    put_in_outbox(
        connection,
        OutgoingMessage(ROOM, text="机器人的话"),
        key=key,
        now=1_800_000_000.0,
        conversation_id=conversation_id,
        owner_epoch=epoch,
    )
    connection.execute(
        insert(messages).values(
            conversation_id=conversation_id,
            spoken_by="bot",
            text="机器人的话",
            idempotency_key=key,
            status="queued",
            at=1_800_000_000.0,
        )
    )


def open_case(connection: Connection, *, card: str = "om_card", handoff_id: str = "ho_1") -> None:
    connection.execute(
        insert(handoffs).values(
            id=handoff_id,
            turn_id=f"tn_{handoff_id}",
            conversation_id=CONVERSATION,
            reason="customer_asked",
            card_room_id=STAFF_ROOM,
            card_message_id=card,
            created_at=1_800_000_000.0,
        )
    )
