"""The helpdesk/v1 calls of the Feishu double, over its `FeishuHelpdesk`.

Protocol: https://open.feishu.cn/document/server-docs/helpdesk-v1/ticket-management/ticket/start_service and on
"""

from __future__ import annotations

from typing import TypeVar

from starlette.requests import Request
from starlette.routing import Route

from playground.feishu_content import json_object
from playground.feishu_gateway import Answer, ApiRefusal, Call, FeishuGateway
from playground.feishu_helpdesk_double import FeishuHelpdesk
from playground.feishu_rooms import FeishuRooms
from playground.feishu_tickets import Ticket, selected

Row = TypeVar("Row")

INFO_LIMIT = 1024
PAGE_LIMIT = 200
UPDATABLE_STATUS = (1, 2, 3, 4, 5, 50, 51)


class FeishuHelpdeskApi:
    """Endpoints; each wants the second credential in X-Lark-Helpdesk-Authorization."""

    def __init__(self, desk: FeishuHelpdesk, rooms: FeishuRooms) -> None:
        self._desk = desk
        self._rooms = rooms

    def routes(self, gateway: FeishuGateway) -> list[Route]:
        """Give the routes of these calls."""
        ticket = "tickets/{ticket_id}"
        calls = [
            ("start_service", "POST", "start_service", self._start_service),
            ("ticket_list", "GET", "tickets", self._list),
            ("ticket_get", "GET", ticket, self._get),
            ("ticket_update", "PUT", ticket, self._update),
            ("ticket_message_create", "POST", f"{ticket}/messages", self._create_message),
            ("ticket_message_list", "GET", f"{ticket}/messages", self._list_messages),
            ("customized_fields", "GET", "customized_fields", self._customized_fields),
            ("ticket_customized_fields", "GET", "ticket_customized_fields", self._ticket_fields),
            ("categories", "GET", "categories", self._categories),
            ("event_subscribe", "POST", "events/subscribe", self._subscribe),
        ]
        return [
            gateway.route(
                name, method, f"helpdesk/v1/{path}", call, "user" if name == "ticket_update" else "tenant", self._guard
            )
            for name, method, path, call in calls
        ]

    def _guard(self, request: Request) -> None:
        if self._desk.secret is None or request.headers.get("x-lark-helpdesk-authorization") != self._desk.secret:
            raise ApiRefusal(154001, "Unauthorized, please check you have the correct access", 401)

    async def _start_service(self, call: Call) -> Answer:
        body = call.body
        if not body.get("open_id"):
            raise _bad("open_id is required")
        if len(str(body.get("customized_info") or "")) > INFO_LIMIT:
            raise _bad("customized_info is too long")
        human = body.get("human_service") is True
        agents = [self._rooms.person(open_id) for open_id in body.get("appointed_agents") or []]
        ticket = self._desk.open(self._rooms.person(body["open_id"]), human, agents)
        ticket.customized_info = str(body.get("customized_info") or "")
        # A bot ticket exists, but its id is told only for human service.
        return {"data": {"chat_id": ticket.chat_id} | ({"ticket_id": ticket.ticket_id} if human else {})}

    async def _list(self, call: Call) -> Answer:
        try:
            found = selected(list(self._desk.tickets.values()), call.request.query_params)
        except ValueError as broken:
            raise _bad(str(broken)) from broken
        page = _page(call, found)
        return {"data": {"total": len(found), "tickets": [ticket.as_item() for ticket in page]}}

    async def _get(self, call: Call) -> Answer:
        return {"data": {"ticket": self._ticket(call).as_item()}}

    async def _update(self, call: Call) -> Answer:
        ticket, body = self._ticket(call), call.body
        status = body.get("status", ticket.status)
        if status not in UPDATABLE_STATUS and status != ticket.status:
            raise _bad("status is not one of 1, 2, 3, 4, 5, 50, 51")
        ticket.tags = list(body.get("tag_names", ticket.tags))
        ticket.comment = str(body.get("comment", ticket.comment))
        ticket.ticket_type = int(body.get("ticket_type", ticket.ticket_type))
        ticket.solve = int(body.get("solved", ticket.solve))
        known = {field["id"]: field for field in ticket.customized_fields}
        known |= {field["id"]: field for field in body.get("customized_fields", [])}
        ticket.customized_fields = list(known.values())
        self._desk.touch(ticket, status)
        return {"data": {}}

    async def _create_message(self, call: Call) -> Answer:
        ticket, content = self._ticket(call), call.body.get("content")
        content = content if isinstance(content, dict) else json_object(content)
        if call.body.get("msg_type") not in ("text", "post") or content is None:
            raise _bad("msg_type is text or post, content its JSON")
        row = self._desk.write(ticket, self._rooms.bot, str(call.body["msg_type"]), content, "bot")
        return {"data": {"message_id": row["message_id"]}}

    async def _list_messages(self, call: Call) -> Answer:
        start, end = _whole(call, "time_start", 0), _whole(call, "time_end", 2**40)
        rows = [row for row in self._ticket(call).messages if start <= int(row["created_at"]) // 1000 <= end]
        return {"data": {"messages": _page(call, rows), "total": len(rows)}}

    async def _customized_fields(self, call: Call) -> Answer:
        return {"data": {"user_customized_fields": [], "ticket_customized_fields": self._desk.ticket_fields}}

    async def _ticket_fields(self, call: Call) -> Answer:
        return {"data": {"has_more": False, "next_page_token": "", "items": self._desk.ticket_fields}}

    async def _categories(self, call: Call) -> Answer:
        return {"data": {"categories": self._desk.categories}}

    async def _subscribe(self, call: Call) -> Answer:
        self._desk.subscribed.extend(call.body.get("events", []))
        return {"data": {}}

    def _ticket(self, call: Call) -> Ticket:
        try:
            return self._desk.tickets[call.path["ticket_id"]]
        except KeyError as unknown:
            raise ApiRefusal(154004, "ticket not found", 404) from unknown


def _bad(why: str) -> ApiRefusal:
    return ApiRefusal(154000, f"Bad request: {why}")


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal():
        raise _bad(f"{name} is a number")
    return int(text)


def _page(call: Call, rows: list[Row]) -> list[Row]:
    size = _whole(call, "page_size", 20)
    if not 0 < size <= PAGE_LIMIT:
        raise _bad("page_size is 1 to 200")
    first = (_whole(call, "page", 1) - 1) * size
    return rows[first : first + size]
