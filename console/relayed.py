"""Which messages carry a person's words: staff answer in Feishu, and the customer reads it from the bot's account."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from channels.feishu.outbound import to_uuid
from store.schema import conversations, messages, rooms, streams


def staff_sayings(connection: Connection, account: str) -> dict[str, str]:
    """Who wrote what the bot sent in the rooms of `account`, by what the platform knows the message by.

    That is Feishu's uuid, which is made of our idempotency key, or the feedback id of a WeCom bubble or response.
    """
    query = (
        select(messages.c.idempotency_key, messages.c.sender_name)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .join(rooms, rooms.c.id == conversations.c.room_id)
        .where(messages.c.spoken_by == "staff", rooms.c.account == account)
    )
    names = {row.idempotency_key: row.sender_name or "坐席" for row in connection.execute(query)}
    said = {to_uuid(key): name for key, name in names.items()}
    keys = streams.c.answer_key, streams.c.response_key
    bubbles = select(streams.c.stream_id, *keys).where(
        streams.c.account == account, or_(*(key.in_(list(names)) for key in keys))
    )
    for row in connection.execute(bubbles):
        said[row.stream_id] = names.get(row.answer_key) or names.get(row.response_key) or "坐席"
    return said
