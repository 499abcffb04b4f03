"""Words between customer and staff: a line in an escalation's thread goes to the customer, and the other way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, func, select

from conversation.codec import from_json
from conversation.identity import Person, Room, RoomKind, dedup_key
from conversation.messages import IncomingMessage, OutgoingMessage
from conversation.turn import BOT
from desk import ownership
from desk.escalations import Handoff, handoff_of_card, open_handoff_of
from store.dialects import AnyRow
from store.outbox_rows import STAFF, SYSTEM, put_in_outbox
from store.schema import conversations, messages


@dataclass(frozen=True, slots=True)
class StaffLine:
    """A staff line on its way to the customer, under the key it is sent with."""

    conversation_id: str
    idempotency_key: str


def staff_line(connection: Connection, message: IncomingMessage, now: float) -> StaffLine | None:
    """Sends what staff wrote in an escalation's thread to its customer. None: the line belongs to no escalation.

    Writing counts as taking over when nobody has the conversation; the colleague who has it may be helped by others.
    """
    handoff = handoff_of_card(connection, message.thread_id)
    if handoff is None or not (message.text.strip() or message.attachments):
        return None
    if handoff.status == "waiting" or handoff.status in ("returned", "resolved"):
        ownership.take_over(connection, handoff.conversation_id, message.sender, now)
    row = _conversation(connection, handoff.conversation_id)
    key = f"staff:{message.key}"
    outgoing = OutgoingMessage(
        room=from_json(Room, row.room),
        text=message.text,
        at=_asker(row),
        handles=handles_of(row.last_handles),
        attachments=message.attachments,
    )
    if not _queue(connection, row, outgoing, key=key, author=STAFF, kind="relay", now=now):
        return StaffLine(row.id, key)
    connection.execute(
        messages.insert().values(
            conversation_id=row.id,
            spoken_by="staff",
            sender_id=message.sender.person_id,
            sender_name=message.sender.name,
            kind=message.kind,
            text=message.text,
            idempotency_key=key,
            status="queued",
            at=now,
        )
    )
    return StaffLine(row.id, key)


def to_staff(connection: Connection, conversation_id: str, burst: Sequence[IncomingMessage], now: float) -> int:
    """Puts the customer's new lines into the thread of the open escalation. Gives how many went."""
    handoff = open_handoff_of(connection, conversation_id)
    if handoff is None or not handoff.card_message_id:
        return 0
    row = _conversation(connection, conversation_id)
    for message in burst:
        words = message.text.strip() or f"［{message.kind}］"
        outgoing = in_thread(handoff, f"客户：{words}")
        _queue(connection, row, outgoing, key=f"to_staff:{message.key}", author=SYSTEM, kind="relay", now=now)
    return len(burst)


def catch_up(connection: Connection, handoff: Handoff, now: float) -> int:
    """Puts into the thread what the customer wrote after the escalation and before its card was there."""
    row = _conversation(connection, handoff.conversation_id)
    room = from_json(Room, row.room)
    escalated = select(func.max(messages.c.id)).where(messages.c.turn_id == handoff.turn_id).scalar_subquery()
    later = connection.execute(
        select(messages.c.platform_message_id, messages.c.text, messages.c.kind)
        .where(
            messages.c.conversation_id == handoff.conversation_id,
            messages.c.spoken_by == "customer",
            messages.c.id > escalated,
        )
        .order_by(messages.c.id)
    ).all()
    for line in later:
        words = line.text.strip() or f"［{line.kind}］"
        key = f"to_staff:{dedup_key(room.platform, room.account, line.platform_message_id)}"
        _queue(connection, row, in_thread(handoff, f"客户：{words}"), key=key, author=SYSTEM, kind="relay", now=now)
    return len(later)


def tell_customer(connection: Connection, conversation_id: str, text: str, *, key: str, now: float) -> None:
    """Queues a line of the house itself (not of the bot, so that no change of owner cancels it)."""
    row = _conversation(connection, conversation_id)
    outgoing = OutgoingMessage(
        room=from_json(Room, row.room), text=text, at=_asker(row), handles=handles_of(row.last_handles)
    )
    if not _queue(connection, row, outgoing, key=key, author=SYSTEM, kind="notice", now=now):
        return
    connection.execute(
        messages.insert().values(
            conversation_id=conversation_id, spoken_by=BOT, text=text, idempotency_key=key, status="queued", at=now
        )
    )


def tell_staff(connection: Connection, handoff: Handoff, text: str, *, key: str, now: float) -> None:
    """Queues a line for the thread of an escalation."""
    row = _conversation(connection, handoff.conversation_id)
    _queue(connection, row, in_thread(handoff, text), key=key, author=SYSTEM, kind="notice", now=now)


def in_thread(handoff: Handoff, text: str) -> OutgoingMessage:
    """`text` as a reply in the thread that the escalation's card roots."""
    platform, account, chat_id = handoff.card_room_id.split(":", 2)
    room = Room(platform, account, chat_id, RoomKind.GROUP)
    return OutgoingMessage(room=room, text=text, reply_to=handoff.card_message_id, in_thread=True)


def handles_of(last_handles: str) -> tuple[Mapping[str, str], ...]:
    """The reply handles of the customer's latest messages, oldest first."""
    return tuple(orjson.loads(last_handles))


def _queue(
    connection: Connection, row: AnyRow, outgoing: OutgoingMessage, *, key: str, author: str, kind: str, now: float
) -> bool:
    return put_in_outbox(
        connection,
        outgoing,
        key=key,
        now=now,
        conversation_id=row.id,
        author=author,
        owner_epoch=row.owner_epoch,
        kind=kind,
    )


def _asker(row: AnyRow) -> Person | None:
    """The person to @ when the conversation lives in a group."""
    room = from_json(Room, row.room)
    return from_json(Person, row.person) if room.kind is RoomKind.GROUP else None


def _conversation(connection: Connection, conversation_id: str) -> AnyRow:
    return connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()


def platform_of(connection: Connection, conversation_id: str) -> str:
    """The platform on which the customer of a conversation writes."""
    return from_json(Room, _conversation(connection, conversation_id).room).platform
