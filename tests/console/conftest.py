"""The console's pages and API over a real database, asked in process; a stage whose webhooks go nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, insert
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from console.api import build_api
from console.pages import build_console
from console.screens import Screens, load_templates
from conversation.codec import to_json
from conversation.findings import Citation, Emotion, Findings, Passage, Retrieval, Triage
from conversation.identity import Person, Room, RoomKind
from playground.stage import Stage
from store.database import Database
from store.schema import (
    conversations,
    customers,
    gaps,
    handoffs,
    messages,
    outbox,
    rooms,
    ticket_events,
    tickets,
    turns,
)
from tests.conftest import FakeClock

ROOM = Room("feishu", "main", "oc_1", RoomKind.DIRECT)
ADDRESS = "http://127.0.0.1:8000"
Ask = Callable[[Screens], httpx.AsyncClient]


def found(question: str = "满多少包邮？", entry_id: str = "kb1") -> Findings:
    """Findings of a turn that knew the answer."""
    passages = (Passage(entry_id, 2, question, "满 79 元包邮", 2.5), Passage("kb2", 1, "运费多少？", "8 元", 0.5))
    return Findings(
        triage=Triage("price_promo", "presale", 0.9),
        emotion=Emotion("angry", {"angry": 0.8}, 2.0, -0.7),
        retrieval=Retrieval(passages, 0.97, 0.99),
    )


class Archive:
    """Writes rows as the rest of the product would."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def conversation(self, number: int, *, name: str = "陈晨", status: str = "open", **columns: Any) -> str:
        """A conversation opened at second `number`; gives its id."""
        conversation_id = f"cv_{number:04d}"
        room = replace(ROOM, chat_id=f"oc_{number}")
        row = {
            "id": conversation_id,
            "room_id": room.room_id,
            "customer_id": f"cu_{number:04d}",
            "room": to_json(room),
            "person": to_json(Person(f"ou_{number}", name)),
            "status": status,
            "opened_at": float(number),
            "last_message_at": float(number),
            **columns,
        }

        def work(connection: Connection) -> None:
            place = {"id": room.room_id, "platform": "feishu", "account": "main", "chat_id": room.chat_id}
            connection.execute(insert(rooms).values(**place, created_at=0))
            connection.execute(insert(customers).values(id=f"cu_{number:04d}", created_at=0))
            connection.execute(insert(conversations).values(row))

        await self._database.write(work)
        return conversation_id

    async def line(self, conversation_id: str, text: str, by: str = "customer", **columns: Any) -> None:
        """A line of a conversation."""
        row = {"conversation_id": conversation_id, "text": text, "spoken_by": by, "at": 1000.0, **columns}
        await self._put(messages, row)

    async def turn(self, conversation_id: str, turn_id: str, **columns: Any) -> None:
        """A finished turn that answered from the knowledge base."""
        row = {
            "id": turn_id,
            "conversation_id": conversation_id,
            "outcome": "Answered",
            "reason": "faq",
            "findings": to_json(found()),
            "citations": to_json((Citation("kb1", 2, "满 79 元包邮"),), tuple[Citation, ...]),
            "duration_ms": 16,
            "at": 1001.0,
            **columns,
        }
        await self._put(turns, row)

    async def handoff(self, conversation_id: str, *, at: float, urgency: str = "normal", reason: str = "upset") -> None:
        """An escalation that waits since `at`."""
        key = f"ho_{conversation_id}"
        row = {"id": key, "turn_id": key, "conversation_id": conversation_id, "reason": reason, "created_at": at}
        await self._put(handoffs, {**row, "urgency": urgency})

    async def ticket(self, conversation_id: str, number: str, **columns: Any) -> None:
        """A ticket with its first event."""
        customer = conversation_id.replace("cv_", "cu_")
        row = {"number": number, "turn_id": number, "conversation_id": conversation_id, "customer_id": customer}
        times = {"opened_at": 5.0, "updated_at": 5.0}
        await self._put(tickets, {**row, **times, "title": "杯子碎了", **columns})
        event = {"event_key": number, "number": number, "kind": "opened", "actor": "bot", "text": "杯子碎了", "at": 5.0}
        await self._put(ticket_events, event)

    async def gap(self, number: int, question: str) -> None:
        """A question without an answer."""
        await self._put(gaps, {"turn_id": f"tn_{number}", "question": question, "asked_at": float(number)})

    async def buried(self, conversation_id: str, key: str, why: str) -> None:
        """A message that could not be sent."""
        row = {"idempotency_key": key, "conversation_id": conversation_id, "status": "buried", "error": why}
        await self._put(outbox, {**row, "next_at": 0.0, "created_at": 0.0})

    async def _put(self, table: Any, row: dict[str, Any]) -> None:
        await self._database.write(lambda connection: connection.execute(insert(table).values(row)))


@pytest.fixture
def archive(sqlite_database: Database) -> Archive:
    return Archive(sqlite_database)


@pytest.fixture
def screens(sqlite_database: Database, clock: FakeClock) -> Screens:
    return Screens(sqlite_database, clock, None, load_templates())


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Both doubles; a service that acknowledges everything and answers nothing stands behind them."""

    async def acknowledge(_: Any) -> JSONResponse:
        return JSONResponse({})

    nowhere = Starlette(routes=[Route("/{rest:path}", acknowledge, methods=["GET", "POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(nowhere)) as client:
        built = Stage(ADDRESS, client)
        yield built
        await built.aclose()


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    """Makes a client of the pages and the API."""
    clients: list[httpx.AsyncClient] = []

    def make(screens: Screens) -> httpx.AsyncClient:
        app = FastAPI(openapi_url="/api/v1/openapi.json")
        app.include_router(build_api(screens))
        app.include_router(build_console(screens))
        clients.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ADDRESS))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(ask: Ask, screens: Screens) -> httpx.AsyncClient:
    return ask(screens)
