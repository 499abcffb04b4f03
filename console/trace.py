"""What the bot thought: finished turns as the console shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from conversation.codec import from_json
from conversation.findings import Findings
from conversation.identity import Person, Room
from store.schema import conversations, turns


@dataclass(frozen=True, slots=True)
class TurnTrace:
    """One finished turn: what came out, why, and what was found on the way."""

    turn_id: str
    conversation_id: str
    room: Room
    person: Person
    outcome: str
    reason: str
    reply: str
    findings: Findings
    llm_calls: int
    tokens: int
    duration_ms: int
    at: float


def latest_turns(connection: Connection, *, limit: int = 8) -> list[TurnTrace]:
    """The newest turns of all conversations, newest first."""
    return _read(connection, _query().order_by(turns.c.at.desc()).limit(limit))


def turns_of(connection: Connection, conversation_id: str) -> dict[str, TurnTrace]:
    """All turns of a conversation by turn id."""
    found = _read(connection, _query().where(turns.c.conversation_id == conversation_id).order_by(turns.c.at))
    return {trace.turn_id: trace for trace in found}


def _query() -> Select[Any]:
    return select(turns, conversations.c.room, conversations.c.person).join(
        conversations, conversations.c.id == turns.c.conversation_id
    )


def _read(connection: Connection, query: Select[Any]) -> list[TurnTrace]:
    return [
        TurnTrace(
            turn_id=row.id,
            conversation_id=row.conversation_id,
            room=from_json(Room, row.room),
            person=from_json(Person, row.person),
            outcome=row.outcome,
            reason=row.reason,
            reply=row.reply,
            findings=from_json(Findings, row.findings),
            llm_calls=row.llm_calls,
            tokens=row.prompt_tokens + row.completion_tokens,
            duration_ms=row.duration_ms,
            at=row.at,
        )
        for row in connection.execute(query)
    ]
