"""Feishu helpdesk tickets in our words: statuses, tickets from answers and from events. No I/O.

Protocol: https://open.feishu.cn/document/server-docs/helpdesk-v1/ticket-management/ticket/get
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from tools.feishu_values import as_dict, as_list, as_number, as_text, moment
from tools.ticket_system import ExternalTicket, NewTicket, TicketLine, TicketState

#: `customized_info` of start_service takes this much; bytes, to be on the safe side.
INFO_LIMIT = 1024

_STATES = {
    1: TicketState.OPEN,
    2: TicketState.PROCESSING,
    3: TicketState.OPEN,
    4: TicketState.PROCESSING,
    5: TicketState.WAITING_CUSTOMER,
    50: TicketState.CLOSED,
    51: TicketState.CLOSED,
    52: TicketState.CLOSED,
}
_STATUSES = {
    TicketState.OPEN: 1,
    TicketState.PROCESSING: 2,
    TicketState.WAITING_CUSTOMER: 5,
    TicketState.RESOLVED: 51,
    TicketState.CLOSED: 51,
}
_SOLVED = {1: False, 2: True}
_MARK = re.compile(r"【[\w-]+】")


def state_of(status: object, solve: object = None) -> TicketState:
    """The state behind a status number; a closed ticket that the guest called solved is resolved."""
    state = _STATES.get(as_number(status), TicketState.OPEN)
    return TicketState.RESOLVED if state is TicketState.CLOSED and as_number(solve) == 2 else state


def status_of(state: TicketState) -> int:
    """The status number that an update may set for a state."""
    return _STATUSES[state]


def to_ticket(item: dict[str, Any], chat_id: str = "") -> ExternalTicket:
    """A ticket from an answer or an event, whose ids, times and numbers differ in form."""
    solve = item.get("solve", item.get("solved"))
    return ExternalTicket(
        ticket_id=as_text(item.get("ticket_id")),
        state=state_of(item.get("status"), solve),
        chat_id=as_text(item.get("chat_id")) or chat_id,
        agents=tuple(as_text(as_dict(agent).get("name")) for agent in as_list(item.get("agents"))),
        solved=_SOLVED.get(as_number(solve)),
        created_at=moment(item.get("created_at")),
        updated_at=moment(item.get("updated_at")),
        closed_at=moment(item.get("closed_at")),
    )


def to_line(item: dict[str, Any]) -> TicketLine:
    """A message of a ticket; the content of a text comes bare or as `{"text": …}`."""
    return TicketLine(
        message_id=as_text(item.get("message_id")) or as_text(item.get("id")),
        text=_words(as_text(item.get("content"))),
        author_id=as_text(item.get("user_id")),
        author_name=as_text(item.get("user_name")),
        at=moment(item.get("created_at")) or 0.0,
    )


def marker(number: str) -> str:
    """How the first message of a twin names our ticket; `create` recognises an earlier attempt by it."""
    return f"【{number}】"


def is_marked(text: str) -> bool:
    """Whether a message names a ticket of ours, whichever."""
    return _MARK.match(text) is not None


def opening_words(ticket: NewTicket) -> str:
    """The first message in a twin: which ticket of ours it is and what the matter is."""
    head = f"{marker(ticket.number)}{'［紧急］' if ticket.urgent else ''}{ticket.title}"
    return "\n".join(part for part in (head, ticket.summary, ticket.link) if part)


def customized_info(ticket: NewTicket) -> str:
    """What travels with the ticket for the agent's side bar: our number, the source, the link; the title if it fits."""
    info = {"ticket": ticket.number, "source": ticket.source, "link": ticket.link}
    room = INFO_LIMIT - len(orjson.dumps(info | {"title": ""}))
    title = ticket.title.encode()[: max(0, room)].decode("utf-8", "ignore")
    full = orjson.dumps(info | {"title": title})
    # A title full of quotes grows when it is escaped; then it goes, the link stays.
    return (full if len(full) <= INFO_LIMIT else orjson.dumps({"ticket": ticket.number})).decode()


def _words(content: str) -> str:
    if not content.startswith("{"):
        return content
    try:
        inner = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
    return as_text(as_dict(inner).get("text")) or content
