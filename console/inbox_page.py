"""The inbox: every conversation, those that wait for a person on top."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from console.conversation_rows import URGENT_FIRST, ConversationRow, count_by_status, listed
from console.screens import Screens
from console.words import STATES

PAGE_ROWS = 50
#: The filters in the order of how much they ask to be looked at.
SHOWN_STATES = ("waiting", "with_staff", "open", "resolved")


@dataclass(frozen=True, slots=True)
class Inbox:
    """One page of the list. `seen` changes whenever anything on it does."""

    rows: Sequence[ConversationRow]
    counts: Mapping[str, int]
    more: bool
    seen: str


def build(screens: Screens) -> APIRouter:
    """The list at /console/."""
    router = screens.router("/console")

    @router.get("/")
    async def inbox(request: Request, status: str = "", page: int = 1, seen: str = "") -> Response:
        shown_status, shown_page = status if status in STATES else "", min(max(page, 1), 10_000)
        found = await screens.database.read(lambda connection: _read(connection, shown_status, shown_page))
        if seen and seen == found.seen:
            return Response(status_code=204)
        context = {
            "inbox": found,
            "states": {state: STATES[state] for state in SHOWN_STATES},
            "status": shown_status,
            "page": shown_page,
            "playground": screens.stage is not None,
        }
        return screens.page(request, "inbox.html", context)

    return router


def _read(connection: Connection, status: str, page: int) -> Inbox:
    rows = listed(connection, order=URGENT_FIRST, status=status, offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS + 1)
    counts = count_by_status(connection)
    shown = rows[:PAGE_ROWS]
    state = repr([(one.id, one.status, one.owner, one.last and one.last.line_id) for one in shown]) + repr(counts)
    return Inbox(shown, counts, len(rows) > PAGE_ROWS, hashlib.sha256(state.encode()).hexdigest()[:12])
