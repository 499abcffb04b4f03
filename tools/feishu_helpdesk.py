"""Our tickets' twins in a Feishu 服务台: an adapter of the `TicketSystem` port.

Protocol: https://open.feishu.cn/document/server-docs/helpdesk-v1/introduction
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from conversation.errors import GiveUp, RetryLater
from tools.feishu_api import FeishuApi, FeishuCall, TokenProvider
from tools.feishu_tickets import customized_info, is_marked, marker, opening_words, status_of, to_line, to_ticket
from tools.feishu_values import as_dict, as_list, as_number, as_text
from tools.ticket_system import ExternalTicket, NewTicket, TicketLine, TicketState

PAGE = 100
PAGES = 50
OPEN_API = 9  # the value of `channel` for tickets opened by this API
#: How far the two systems' clocks may differ when an earlier attempt is looked for.
CLOCK_SKEW_S = 60.0
#: How long another worker may take between opening a ticket and marking it.
STARTING_S = 60.0

EVENTS = (
    {"type": "helpdesk.ticket", "subtype": "ticket.created_v1"},
    {"type": "helpdesk.ticket", "subtype": "ticket.updated_v1"},
    {"type": "helpdesk.ticket_message", "subtype": "ticket_message.created_v1"},
)

STATE_WORDS = {
    TicketState.OPEN: "待处理",
    TicketState.PROCESSING: "处理中",
    TicketState.WAITING_CUSTOMER: "等待客户回复",
    TicketState.RESOLVED: "已解决",
    TicketState.CLOSED: "已关闭",
}

#: Gives a user_access_token of an agent who let us act in their name.
UserTokens = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class HelpdeskSettings:
    """One helpdesk. `token` is from 服务台后台 > 设置中心 > API 凭证.

    `guest_open_id` is the Feishu user in whose name tickets of customers outside Feishu are opened: every ticket needs
    a guest who is a Feishu user. `agents` are open_ids of agents to appoint (empty: the desk's own distribution).
    """

    helpdesk_id: str
    token: str
    guest_open_id: str = ""
    agents: tuple[str, ...] = ()
    domain: str = "https://open.feishu.cn"


class FeishuHelpdesk:
    """The twins of our tickets. Changing a status needs `user_tokens`; without them it is announced by a message.

    `create` is idempotent in two steps. The caller's row is the first: once it holds the twin's id, `create` is not
    called again. For a call that died half-way the guest's tickets since `opened_at` are searched for our number,
    which the opening message carries: the list shows no `customized_info`. A ticket opened by API that is still
    unmarked after `STARTING_S` is such an attempt that died before its message, and is taken over; a younger one may
    be another worker's in the middle of its two calls, so the answer is "later".
    """

    def __init__(
        self,
        settings: HelpdeskSettings,
        client: httpx.AsyncClient,
        tokens: TokenProvider,
        *,
        clock: Callable[[], float],
        user_tokens: UserTokens | None = None,
    ) -> None:
        self._settings = settings
        self._api = FeishuApi(client, settings.domain, tokens)
        self._clock = clock
        self._user_tokens = user_tokens
        self._creating = asyncio.Lock()
        secret = f"{settings.helpdesk_id}:{settings.token}".encode()
        self._headers = {"X-Lark-Helpdesk-Authorization": base64.b64encode(secret).decode()}

    async def create(self, ticket: NewTicket) -> ExternalTicket:
        """See `TicketSystem.create`."""
        guest_id = ticket.guest_id or self._settings.guest_open_id
        if not guest_id:
            raise GiveUp("a helpdesk ticket needs a guest: set guest_open_id for customers outside Feishu")
        async with self._creating:
            ours, unmarked = await self._earlier(ticket, guest_id)
            if ours is not None:
                return ours
            twin = unmarked or await self._start(ticket, guest_id)
            await self.add_message(twin.ticket_id, opening_words(ticket))
            return twin

    async def add_message(self, ticket_id: str, text: str) -> str:
        """See `TicketSystem.add_message`."""
        content = orjson.dumps({"text": text}).decode()
        call = FeishuCall("POST", f"{_path(ticket_id)}/messages", body={"msg_type": "text", "content": content})
        return as_text((await self._call(call)).get("message_id"))

    async def messages(self, ticket_id: str, since: float | None = None) -> Sequence[TicketLine]:
        """See `TicketSystem.messages`."""
        window = {} if since is None else {"time_start": int(since), "time_end": int(self._clock()) + 60}
        rows = await self._pages(f"{_path(ticket_id)}/messages", "messages", window)
        return sorted((to_line(row) for row in rows), key=lambda line: line.at)

    async def fetch(self, ticket_id: str) -> ExternalTicket:
        """See `TicketSystem.fetch`."""
        data = await self._call(FeishuCall("GET", _path(ticket_id)))
        return to_ticket(as_dict(data.get("ticket")))

    async def list_updated(self, since: float, until: float) -> Sequence[ExternalTicket]:
        """See `TicketSystem.list_updated`."""
        window = {"update_time_start": int(since * 1000), "update_time_end": int(until * 1000)}
        return tuple(to_ticket(row) for row in await self._pages("tickets", "tickets", window))

    async def set_status(self, ticket_id: str, state: TicketState, comment: str = "") -> bool:
        """See `TicketSystem.set_status`. Closing a ticket does not end the guest's chat page."""
        if self._user_tokens is None:
            words = f"工单状态：{STATE_WORDS[state]}"
            await self.add_message(ticket_id, f"{words}\n{comment}" if comment else words)
            return False
        body: dict[str, Any] = {"status": status_of(state)}
        if comment:
            body["comment"] = comment
        if state is TicketState.RESOLVED:
            body["solved"] = 2
        call = FeishuCall("PUT", _path(ticket_id), body=body, repeatable=True)
        await self._call(call, user_token=await self._user_tokens())
        return True

    async def customized_fields(self) -> Sequence[dict[str, Any]]:
        """The ticket fields that the desk's administrators defined, as Feishu describes them."""
        data = await self._call(FeishuCall("GET", "customized_fields"))
        return [as_dict(field) for field in as_list(data.get("ticket_customized_fields"))]

    async def categories(self) -> Sequence[dict[str, Any]]:
        """The desk's FAQ categories, as Feishu describes them."""
        data = await self._call(FeishuCall("GET", "categories"))
        return [as_dict(category) for category in as_list(data.get("categories"))]

    async def subscribe(self) -> None:
        """Subscribes the ticket events; needed once, beside the subscription in the developer console."""
        await self._call(FeishuCall("POST", "events/subscribe", body={"events": list(EVENTS)}, repeatable=True))

    async def _start(self, ticket: NewTicket, guest_id: str) -> ExternalTicket:
        body: dict[str, Any] = {
            "human_service": True,
            "open_id": guest_id,
            "customized_info": customized_info(ticket),
        }
        if self._settings.agents:
            body["appointed_agents"] = list(self._settings.agents)
        data = await self._call(FeishuCall("POST", "start_service", body=body))
        if not as_text(data.get("ticket_id")):
            raise GiveUp("the helpdesk opened a chat with its bot and no ticket: switch on its human service")
        return to_ticket(data)

    async def _earlier(self, ticket: NewTicket, guest_id: str) -> tuple[ExternalTicket | None, ExternalTicket | None]:
        """The twin that carries our number, and one that carries nobody's."""
        window = {
            "guest_id": guest_id,
            "create_time_start": int((ticket.opened_at - CLOCK_SKEW_S) * 1000),
            "create_time_end": int((self._clock() + CLOCK_SKEW_S) * 1000),
        }
        unmarked = None
        for row in await self._pages("tickets", "tickets", window):
            if as_number(row.get("channel")) != OPEN_API:
                continue
            found = to_ticket(row)
            lines = await self.messages(found.ticket_id)
            if any(line.text.startswith(marker(ticket.number)) for line in lines):
                return found, None
            if not any(is_marked(line.text) for line in lines):
                unmarked = found
        if unmarked and self._clock() - (unmarked.created_at or 0.0) < STARTING_S:
            raise RetryLater("a ticket for this guest is being opened right now", STARTING_S)
        return None, unmarked

    async def _pages(self, path: str, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for page in range(1, PAGES + 1):
            data = await self._call(FeishuCall("GET", path, params={**params, "page": page, "page_size": PAGE}))
            found = as_list(data.get(name))
            rows += [as_dict(row) for row in found]
            if len(found) < PAGE or len(rows) >= as_number(data.get("total")):
                break
        return rows

    async def _call(self, call: FeishuCall, *, user_token: str = "") -> dict[str, Any]:
        desk_call = FeishuCall(
            call.method, f"helpdesk/v1/{call.path}", call.params, call.body, repeatable=call.repeatable
        )
        return await self._api.call(desk_call, headers=self._headers, user_token=user_token)


def _path(ticket_id: str) -> str:
    return f"tickets/{quote(ticket_id, safe='')}"
