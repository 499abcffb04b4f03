"""The read API under /api/v1/: conversations with their turns, tickets, gaps, and a search of the knowledge base."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.responses import JSONResponse, Response

from console import api_reads as reads
from console.api_shapes import (
    ConversationDetail,
    ConversationShape,
    GapShape,
    PageOf,
    Problem,
    RetrievalShape,
    TicketDetail,
    TicketShape,
)
from console.calm_route import calm_route
from console.screens import Screens

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
After = Annotated[str, Query(max_length=200, description="Where to go on: next of the page before.")]
AfterId = Annotated[int, Query(ge=0, le=2**62, description="Where to go on: next of the page before.")]
Status = Annotated[str, Query(max_length=40, description="Only those in this state.")]
ConversationId = Annotated[str, Path(max_length=200, description="As listed, e.g. cv_0199….")]
TicketNumber = Annotated[str, Path(max_length=200, description="As listed, e.g. T-20261120-0001.")]
Question = Annotated[str, Query(min_length=1, max_length=500, description="The question, as a customer would put it.")]
Passages = Annotated[int, Query(ge=1, le=20, description="How many passages at most.")]

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "There is none by that name."}}
AWAY: dict[int | str, dict[str, Any]] = {503: {"model": Problem, "description": "Cannot be searched now; try again."}}


def build_api(screens: Screens) -> APIRouter:
    """All calls as one router. Who may call is for `LocalOnly` to say."""
    router = APIRouter(prefix="/api/v1", route_class=calm_route(_away))
    _add_conversations(router, screens)
    _add_tickets(router, screens)
    _add_knowledge(router, screens)
    return router


def _add_conversations(router: APIRouter, screens: Screens) -> None:
    @router.get("/conversations", tags=["conversations"])
    async def conversations(status: Status = "", after: After = "", limit: Limit = 50) -> PageOf[ConversationShape]:
        """Conversations, newest first by when they were opened."""
        return await screens.database.read(
            lambda connection: reads.conversation_page(connection, status=status, after=after, limit=limit)
        )

    @router.get("/conversations/{conversation_id}", tags=["conversations"], responses=MISSING)
    async def conversation(
        conversation_id: ConversationId, after: AfterId = 0, limit: Limit = 100
    ) -> ConversationDetail:
        """One conversation: its lines, oldest first, and the turns they belong to with everything they found."""
        found = await screens.database.read(
            lambda connection: reads.conversation_detail(connection, conversation_id, after=after, limit=limit)
        )
        if found is None:
            raise HTTPException(404, f"there is no conversation {conversation_id}")
        return found


def _add_tickets(router: APIRouter, screens: Screens) -> None:
    @router.get("/tickets", tags=["tickets"])
    async def tickets(status: Status = "", after: After = "", limit: Limit = 50) -> PageOf[TicketShape]:
        """Tickets, newest first."""
        return await screens.database.read(
            lambda connection: reads.ticket_page(connection, status=status, after=after, limit=limit)
        )

    @router.get("/tickets/{number}", tags=["tickets"], responses=MISSING)
    async def ticket(number: TicketNumber) -> TicketDetail:
        """One ticket and what happened to it."""
        found = await screens.database.read(lambda connection: reads.ticket_detail(connection, number))
        if found is None:
            raise HTTPException(404, f"there is no ticket {number}")
        return found


def _add_knowledge(router: APIRouter, screens: Screens) -> None:
    @router.get("/knowledge/search", tags=["knowledge"], responses=AWAY)
    async def search(q: Question, k: Passages = 5) -> RetrievalShape:
        """What the knowledge base holds on a question, as the bot itself would find it."""
        if screens.search is None:
            raise HTTPException(503, "this process has no knowledge base at hand")
        return RetrievalShape.model_validate(await screens.search(q, k))

    @router.get("/gaps", tags=["knowledge"])
    async def gaps(status: Status = "", after: AfterId = 0, limit: Limit = 50) -> PageOf[GapShape]:
        """Questions that the knowledge base could not answer, newest first."""
        return await screens.database.read(
            lambda connection: reads.gap_page(connection, status=status, after=after, limit=limit)
        )


def _away(_: Request) -> Response:
    return JSONResponse({"detail": "the database does not answer; try again"}, 503, {"Retry-After": "5"})
