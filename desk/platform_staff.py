"""People who take a chat at the platform's own desk (微信客服's 接待人员): the bot is silent while they have it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from conversation.messages import EventKind, RoomEvent
from desk.ownership import Ownership, give_back, take_over
from store.schema import conversations


def changed_hands(connection: Connection, event: RoomEvent, now: float) -> Ownership | None:
    """Gives the room's open conversation to who joined at the platform, or back to the bot when they left.

    None where no conversation is open there, or the event is of another kind. Somebody of ours who has the
    conversation keeps it. `now` is in Unix seconds.
    """
    if event.kind not in (EventKind.STAFF_JOINED, EventKind.STAFF_LEFT):
        return None
    open_ones = select(conversations.c.id).where(
        conversations.c.key == event.lane, conversations.c.status != "resolved"
    )
    conversation_id = connection.execute(open_ones.order_by(conversations.c.opened_at.desc())).scalar()
    if conversation_id is None:
        return None
    change = take_over if event.kind is EventKind.STAFF_JOINED else give_back
    return change(connection, conversation_id, event.sender, now)
