"""Feishu 服务台 events into our words: a ticket's twin was opened, changed, or an agent wrote in it. Pure.

Protocol: https://open.feishu.cn/document/server-docs/helpdesk-v1/ticket-management/ticket/events/created
"""

from __future__ import annotations

from typing import Any

from channels.feishu.envelope import Event
from channels.feishu.translation import Ignored, Terms, moment_of, must
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import EventKind, RoomEvent
from tools.feishu_tickets import state_of
from tools.feishu_values import as_dict, as_list, as_number, as_text

AGENT = 3  # sender_type; 1 is the desk's bot (ourselves too), 2 the guest


def ticket_event(event: Event, terms: Terms) -> RoomEvent | Ignored:
    """A ticket was opened or changed: `detail` has change (created | updated), status, and who did it."""
    ticket = as_dict(event.body.get("object")) or event.body
    change = "updated" if "object" in event.body else "created"
    actor = _actor(ticket)
    detail = {
        "change": change,
        "status": state_of(ticket.get("status"), ticket.get("solve")).value,
        "sender": actor.person_id,
        "sender_name": actor.name,
    }
    return RoomEvent(
        room=_room(ticket, must(ticket, "ticket_id"), terms),
        sender=actor,
        event_id=must({"event_id": event.event_id}, "event_id"),
        kind=EventKind.TICKET_CHANGED,
        at=moment_of(event, terms),
        subject=must(ticket, "ticket_id"),
        detail=detail,
    )


def ticket_message_event(event: Event, terms: Terms) -> RoomEvent | Ignored:
    """An agent wrote in a ticket: `detail` has change (message), text, sender, and image keys parted by blanks.

    What the desk's bot says is ours, or an echo of it; what the guest says stays between guest and desk.
    """
    body = event.body
    if as_number(body.get("sender_type")) != AGENT:
        return Ignored("not written by an agent")
    ticket, content = as_dict(body.get("ticket")), as_dict(body.get("content"))
    ticket_id, agent_id = must(ticket, "ticket_id"), as_text(as_dict(body.get("sender_id")).get("open_id"))
    detail = {
        "change": "message",
        "status": state_of(ticket.get("status"), ticket.get("solve")).value,
        "text": as_text(body.get("text")) or as_text(content.get("content")),
        "sender": agent_id,
        "images": " ".join(as_text(key) for key in as_list(content.get("image_keys"))),
        "external_message_id": as_text(body.get("message_id")),
    }
    return RoomEvent(
        room=_room(body, ticket_id, terms),
        sender=Person(agent_id, speaker=Speaker.STAFF),
        # A ticket's message keeps this id in every redelivery, and over several event subscriptions.
        event_id=must(body, "ticket_message_id"),
        kind=EventKind.TICKET_CHANGED,
        at=moment_of(event, terms),
        subject=ticket_id,
        detail=detail,
    )


def _actor(ticket: dict[str, Any]) -> Person:
    """Who changed a ticket, as far as it tells: who closed it, its agent, or the guest who opened it."""
    agents = as_list(ticket.get("agents"))
    for who, speaker in (
        (ticket.get("closed_by"), Speaker.STAFF),
        (agents[0] if agents else None, Speaker.STAFF),
        (ticket.get("guest"), Speaker.CUSTOMER),
    ):
        open_id = as_text(as_dict(as_dict(who).get("id")).get("open_id"))
        if open_id:
            return Person(open_id, as_text(as_dict(who).get("name")), speaker)
    return Person("")


def _room(part: dict[str, Any], ticket_id: str, terms: Terms) -> Room:
    return terms.room(as_text(part.get("chat_id")) or f"ticket:{ticket_id}", RoomKind.DIRECT)
