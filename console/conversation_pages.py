"""The conversations: a list, and one conversation with every turn's reasons under the line it led to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection, func, select
from starlette.requests import Request
from starlette.responses import HTMLResponse

from console.screens import Screens
from console.trace import TurnTrace, turns_of
from conversation.codec import from_json
from conversation.identity import Person, Room
from store.schema import conversations, handoffs, messages, tickets

LIST_LIMIT = 100


def build(screens: Screens) -> APIRouter:
    """The list at /console/ and one page per conversation."""
    router = APIRouter(prefix="/console", include_in_schema=False)

    @router.get("/")
    async def inbox(request: Request) -> HTMLResponse:
        rows = await screens.database.read(_list)
        context = {"rows": rows, "playground": screens.stage is not None}
        return screens.templates.TemplateResponse(request, "inbox.html", context)

    @router.get("/conversations/{conversation_id}")
    async def one(request: Request, conversation_id: str) -> HTMLResponse:
        found = await screens.database.read(lambda connection: _one(connection, conversation_id))
        if found is None:
            return screens.templates.TemplateResponse(request, "missing.html", {}, status_code=404)
        return screens.templates.TemplateResponse(request, "conversation.html", found)

    return router


def _list(connection: Connection) -> list[dict[str, Any]]:
    last = (
        select(messages.c.text)
        .where(messages.c.conversation_id == conversations.c.id)
        .order_by(messages.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(conversations, last.label("last_text")).order_by(conversations.c.last_message_at.desc())
    return [
        {
            "id": row.id,
            "room": from_json(Room, row.room),
            "person": from_json(Person, row.person),
            "status": row.status,
            "owner": row.owner,
            "owner_name": row.owner_name,
            "last_text": row.last_text or "",
            "at": _clock(row.last_message_at),
        }
        for row in connection.execute(query.limit(LIST_LIMIT))
    ]


def _one(connection: Connection, conversation_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).first()
    if row is None:
        return None
    lines = connection.execute(
        select(messages).where(messages.c.conversation_id == conversation_id).order_by(messages.c.id)
    )
    traces = turns_of(connection, conversation_id)
    return {
        "room": from_json(Room, row.room),
        "person": from_json(Person, row.person),
        "status": row.status,
        "owner": row.owner,
        "owner_name": row.owner_name,
        "lines": [_line(line, traces) for line in lines],
        "tickets": connection.execute(
            select(tickets).where(tickets.c.conversation_id == conversation_id).order_by(tickets.c.id)
        ).all(),
        "handoffs": connection.execute(
            select(func.count()).select_from(handoffs).where(handoffs.c.conversation_id == conversation_id)
        ).scalar_one(),
    }


def _line(line: Any, traces: dict[str, TurnTrace]) -> dict[str, Any]:
    return {
        "speaker": line.spoken_by,
        "name": line.sender_name,
        "text": line.text,
        "kind": line.kind,
        "status": line.status,
        "at": _clock(line.at),
        "trace": traces.get(line.turn_id) if line.spoken_by == "bot" else None,
    }


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%m-%d %H:%M:%S")
