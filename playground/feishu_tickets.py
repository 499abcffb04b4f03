"""Tickets of the helpdesk double and how the API and the events show them. No I/O.

Protocol: https://open.feishu.cn/document/server-docs/helpdesk-v1/ticket-management/ticket/get, …/ticket/list
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams

from playground.feishu_content import Person

CLOSED = (50, 51, 52)  # by bot, by agent, by user


@dataclass(slots=True)
class Ticket:
    """One ticket. `ticket_type`: 1 bot, 2 human (events say stage); times in ms, -1 = never; `solve`: 1 no, 2 yes."""

    ticket_id: str
    helpdesk_id: str
    chat_id: str
    guest: Person
    ticket_type: int
    created_ms: int
    agents: list[Person]
    status: int = 1
    updated_ms: int = -1
    closed_ms: int = -1
    score: int = 0
    solve: int = 0
    channel: int = 9
    comment: str = ""
    customized_info: str = ""
    tags: list[str] = field(default_factory=list)
    customized_fields: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def as_item(self) -> dict[str, Any]:
        """Give the ticket as API answers show it: plain ids, numbers for times."""
        return {
            "ticket_id": self.ticket_id,
            "helpdesk_id": self.helpdesk_id,
            "guest": {"id": self.guest.open_id, "avatar_url": "", "name": self.guest.name, "email": ""},
            "ticket_type": self.ticket_type,
            "status": self.status,
            "score": self.score,
            "created_at": self.created_ms,
            "updated_at": self.updated_ms,
            "closed_at": self.closed_ms,
            "agents": [{"id": agent.open_id, "name": agent.name} for agent in self.agents],
            "channel": self.channel,
            "solve": self.solve,
            "customized_fields": self.customized_fields,
            "tags": [{"name": tag} for tag in self.tags],
        }

    def as_event(self, brief: bool = False) -> dict[str, Any]:
        """Give the ticket as events show it: id triples, strings for times. `brief`: as inside a message event."""
        event = {
            "ticket_id": self.ticket_id,
            "guest": _seen(self.guest),
            "stage": self.ticket_type,
            "status": self.status,
            "created_at": str(self.created_ms),
            "updated_at": str(self.updated_ms),
            "closed_at": str(self.closed_ms),
            "channel": self.channel,
        }
        if brief:
            return event
        more = {"helpdesk_id": self.helpdesk_id, "score": self.score, "solve": self.solve, "chat_id": self.chat_id}
        agents = {"agents": [_seen(agent) for agent in self.agents]} if self.agents else {}
        return event | more | {"customized_fields": self.customized_fields} | agents


def selected(tickets: Sequence[Ticket], query: QueryParams) -> list[Ticket]:
    """Give the tickets that fit every filter of the list call, newest first."""
    wanted: dict[str, Callable[[Ticket, str], bool]] = {
        "ticket_id": lambda ticket, value: ticket.ticket_id == value,
        "guest_id": lambda ticket, value: ticket.guest.open_id == value,
        "guest_name": lambda ticket, value: value in ticket.guest.name,
        "agent_id": lambda ticket, value: value in [agent.open_id for agent in ticket.agents],
        "type": lambda ticket, value: ticket.ticket_type == int(value),
        "channel": lambda ticket, value: ticket.channel == int(value),
        "solved": lambda ticket, value: ticket.solve == int(value),
        "score": lambda ticket, value: ticket.score == int(value),
        "create_time_start": lambda ticket, value: ticket.created_ms >= int(value),
        "create_time_end": lambda ticket, value: ticket.created_ms <= int(value),
        "update_time_start": lambda ticket, value: ticket.updated_ms >= int(value),
        "update_time_end": lambda ticket, value: ticket.updated_ms <= int(value),
    }
    statuses = [int(value) for value in query.getlist("status_list")]
    found = [
        ticket
        for ticket in tickets
        if (not statuses or ticket.status in statuses)
        and all(fits(ticket, query[name]) for name, fits in wanted.items() if query.get(name))
    ]
    return found[::-1]


def default_categories(helpdesk_id: str) -> list[dict[str, Any]]:
    """Give FAQ categories to start with."""
    category = {"category_id": "6948728206392295444", "id": "6948728206392295444", "name": "售后", "parent_id": "0"}
    return [{**category, "helpdesk_id": helpdesk_id, "language": "zh_cn"}]


def default_fields(helpdesk_id: str) -> list[dict[str, Any]]:
    """Give ticket fields to start with."""
    options = [{"tag": "option-refund", "display_name": "退款"}, {"tag": "option-repair", "display_name": "维修"}]
    return [
        {
            "ticket_customized_field_id": "6948728206392295445",
            "helpdesk_id": helpdesk_id,
            "key_name": "category",
            "display_name": "问题分类",
            "position": "1",
            "field_type": "dropdown",
            "description": "",
            "visible": True,
            "editable": True,
            "required": False,
            "created_at": "1760000000000",
            "updated_at": "1760000000000",
            "dropdown_options": {"children": options},
            "dropdown_allow_multiple": False,
        }
    ]


def _seen(person: Person) -> dict[str, Any]:
    return {"id": person.ids(), "name": person.name}
