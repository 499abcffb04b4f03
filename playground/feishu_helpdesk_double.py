"""The Feishu 服务台 of the double: tickets by API, and guests and agents who act on them by hand.

Protocol: https://open.feishu.cn/document/server-docs/helpdesk-v1/ticket-management/ticket/start_service and on
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from playground.feishu_content import Person
from playground.feishu_delivery import FeishuDelivery
from playground.feishu_rooms import FeishuRooms, new_id
from playground.feishu_tickets import CLOSED, Ticket, default_categories, default_fields
from playground.ledger import DoubleLedger, Role

SENDER_ROLE: dict[int, Role] = {1: "bot", 2: "customer", 3: "staff"}


class FeishuHelpdesk:
    """One helpdesk. Events are posted only by the `ticket_…` methods, never by an API call."""

    def __init__(
        self,
        credentials: tuple[str, str] | None,
        rooms: FeishuRooms,
        delivery: FeishuDelivery,
        ledger: DoubleLedger,
    ) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.helpdesk_id = credentials[0] if credentials else ""
        self.categories = default_categories(self.helpdesk_id)
        self.ticket_fields = default_fields(self.helpdesk_id)
        self.subscribed: list[dict[str, str]] = []
        self.secret = base64.b64encode(":".join(credentials).encode()).decode() if credentials else None
        self._rooms = rooms
        self._delivery = delivery
        self._ledger = ledger

    async def ticket_created(
        self, ticket_id: str | None = None, *, guest_open_id: str = "", guest_name: str = "", human: bool = True
    ) -> str:
        """Post helpdesk.ticket.created_v1 for a ticket there is, or for one that a guest opens now; gives its id."""
        if ticket_id is None:
            ticket_id = self.open(self._rooms.person(guest_open_id, guest_name), human, []).ticket_id
        await self._delivery.send("helpdesk.ticket.created_v1", self.tickets[ticket_id].as_event())
        return ticket_id

    async def ticket_message_created(
        self,
        ticket_id: str,
        text: str,
        *,
        sender_type: int = 2,
        sender_open_id: str | None = None,
        sender_name: str | None = None,
    ) -> str:
        """Guest (2), agent (3) or bot (1) writes into a ticket; posts the event and gives the ticket_message_id."""
        ticket = self.tickets[ticket_id]
        default = {1: self._rooms.bot.open_id, 2: ticket.guest.open_id, 3: "ou_agent"}[sender_type]
        sender = self._rooms.person(sender_open_id or default, sender_name)
        row = self.write(ticket, sender, "text", {"text": text}, SENDER_ROLE[sender_type])
        event = {
            "ticket_message_id": row["id"],
            "message_id": row["message_id"],
            "msg_type": "text",
            "position": len(ticket.messages),
            "sender_id": sender.ids(),
            "sender_type": sender_type,
            "text": text,
            "ticket": ticket.as_event(brief=True),
            "event_id": _number(),
            "chat_id": ticket.chat_id,
            "content": {"content": text, "msg_type": "text"},
        }
        await self._delivery.send("helpdesk.ticket_message.created_v1", event, row["id"])
        return str(row["id"])

    async def ticket_updated(
        self,
        ticket_id: str,
        *,
        status: int | None = None,
        stage: int | None = None,
        agent: tuple[str, str] | None = None,
        score: int | None = None,
        solve: int | None = None,
    ) -> None:
        """A person changes a ticket (an agent as (open_id, name) takes it); posts helpdesk.ticket.updated_v1."""
        ticket = self.tickets[ticket_id]
        old = {"stage": ticket.ticket_type, "status": ticket.status, "updated_at": str(ticket.updated_ms)}
        if agent is not None:
            ticket.agents = [self._rooms.person(*agent)]
        ticket.ticket_type = stage or ticket.ticket_type
        ticket.score = ticket.score if score is None else score
        ticket.solve = ticket.solve if solve is None else solve
        self.touch(ticket, status or ticket.status)
        await self._delivery.send("helpdesk.ticket.updated_v1", {"object": ticket.as_event(), "old_object": old})

    def open(self, guest: Person, human: bool, agents: list[Person]) -> Ticket:
        """Open a ticket; one guest keeps one helpdesk chat."""
        chat_id = next(
            (one.chat_id for one in self.tickets.values() if one.guest.open_id == guest.open_id), new_id("oc_")
        )
        ticket = Ticket(_number(), self.helpdesk_id, chat_id, guest, 2 if human else 1, self._rooms.now_ms(), agents)
        ticket.status = 2 if agents else 1
        self.tickets[ticket.ticket_id] = ticket
        self._ledger.note("ticket", **ticket.as_item())
        return ticket

    def touch(self, ticket: Ticket, status: int) -> None:
        """Give a ticket a status and the time of the change."""
        ticket.status = status
        ticket.updated_ms = self._rooms.now_ms()
        ticket.closed_ms = ticket.updated_ms if status in CLOSED else -1
        self._ledger.note("ticket", **ticket.as_item())

    def write(
        self, ticket: Ticket, sender: Person, msg_type: str, content: dict[str, Any], role: Role
    ) -> dict[str, Any]:
        """Put a message into a ticket's chat; gives its row in the ticket."""
        extra = {"ticket_id": ticket.ticket_id}
        message = self._rooms.add(ticket.chat_id, sender, msg_type, content, role=role, extra=extra)
        row = {
            "id": _number(),
            "message_id": message.message_id,
            "message_type": msg_type,
            "created_at": str(message.created_ms),
            "content": content["text"] if "text" in content else json.dumps(content, ensure_ascii=False),
            "user_name": sender.name,
            "avatar_url": "",
            "user_id": sender.open_id,
        }
        ticket.messages.append(row)
        return row


def _number() -> str:
    return str(6 * 10**18 + secrets.randbelow(10**18))
