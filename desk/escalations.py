"""Escalations: one open handoff per conversation, and the brief that goes to staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from conversation.identity import new_id
from conversation.outcomes import Urgency
from store.schema import conversations, handoffs

OPEN = ("waiting", "taken")


@dataclass(frozen=True, slots=True)
class Handoff:
    """An escalation as staff see it. `status`: waiting | taken | returned | resolved."""

    handoff_id: str
    turn_id: str
    conversation_id: str
    reason: str
    urgency: str
    status: str
    staff_id: str
    staff_name: str
    brief: str
    card_room_id: str
    card_message_id: str
    created_at: float


_KNOWN = select(handoffs.c.id).where(
    (handoffs.c.turn_id == bindparam("turn"))
    | ((handoffs.c.conversation_id == bindparam("conversation")) & handoffs.c.status.in_(OPEN))
)
_NEW = insert(handoffs)
_WAITS = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"), conversations.c.status == "open")
    .values(status="waiting")
)
_LATEST = select(handoffs).order_by(handoffs.c.created_at.desc()).limit(1)
_BY_ID = _LATEST.where(handoffs.c.id == bindparam("it"))
_BY_CARD = _LATEST.where(handoffs.c.card_message_id == bindparam("it"))
_OPEN_OF = _LATEST.where(handoffs.c.conversation_id == bindparam("it"), handoffs.c.status.in_(OPEN))
_CARD = (
    update(handoffs)
    .where(handoffs.c.id == bindparam("handoff"))
    .values(card_room_id=bindparam("room"), card_message_id=bindparam("message"))
)
_BRIEF = update(handoffs).where(handoffs.c.id == bindparam("handoff")).values(brief=bindparam("words"))


def open_handoff(
    connection: Connection, *, turn_id: str, conversation_id: str, reason: str, urgency: Urgency, now: float
) -> str:
    """Opens an escalation and marks the conversation as waiting for staff.

    Gives the id of the one already open, if there is one; the same turn never opens two.
    """
    asked = {"turn": turn_id, "conversation": conversation_id}
    known = connection.execute(_KNOWN, asked).scalar()
    if known is not None:
        return str(known)
    row = {
        "id": new_id("ho"),
        "turn_id": turn_id,
        "conversation_id": conversation_id,
        "reason": reason,
        "urgency": urgency,
        "created_at": now,
    }
    connection.execute(_NEW, row)
    connection.execute(_WAITS, {"conversation": conversation_id})
    return str(row["id"])


def find_handoff(connection: Connection, handoff_id: str) -> Handoff | None:
    """The escalation with this id."""
    return _one(connection, _BY_ID, handoff_id)


def handoff_of_card(connection: Connection, card_message_id: str) -> Handoff | None:
    """The escalation whose card roots the thread `card_message_id`."""
    return _one(connection, _BY_CARD, card_message_id) if card_message_id else None


def open_handoff_of(connection: Connection, conversation_id: str) -> Handoff | None:
    """The escalation of a conversation that is waiting or taken."""
    return _one(connection, _OPEN_OF, conversation_id)


def remember_card(connection: Connection, handoff_id: str, room_id: str, message_id: str) -> None:
    """Keeps where the card went: replies in its thread belong to the escalation."""
    connection.execute(_CARD, {"handoff": handoff_id, "room": room_id, "message": message_id})


def keep_brief(connection: Connection, handoff_id: str, brief: str) -> None:
    """Keeps the brief (JSON) with the escalation."""
    connection.execute(_BRIEF, {"handoff": handoff_id, "words": brief})


def _one(connection: Connection, query: Select[Any], it: str) -> Handoff | None:
    row = connection.execute(query, {"it": it}).first()
    return _from_row(row) if row is not None else None


def _from_row(row: Row[Any]) -> Handoff:
    return Handoff(
        handoff_id=row.id,
        turn_id=row.turn_id,
        conversation_id=row.conversation_id,
        reason=row.reason,
        urgency=row.urgency,
        status=row.status,
        staff_id=row.staff_id,
        staff_name=row.staff_name,
        brief=row.brief,
        card_room_id=row.card_room_id,
        card_message_id=row.card_message_id,
        created_at=row.created_at,
    )
