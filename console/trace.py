"""What the bot thought: finished turns as the console shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from console.people import shown_name
from conversation.codec import from_json
from conversation.findings import Citation, Findings
from conversation.identity import Person, Room
from store.dialects import AnyRow
from store.schema import conversations, messages, rooms, turns


@dataclass(frozen=True, slots=True)
class TurnTrace:
    """One finished turn: what was asked, what came out, why, and what was found on the way."""

    turn_id: str
    conversation_id: str
    name: str
    asked: str
    outcome: str
    reason: str
    route: str
    reply: str
    findings: Findings
    citations: tuple[Citation, ...]
    llm_calls: int
    tokens: int
    duration_ms: int
    at: float

    @property
    def used(self) -> frozenset[str]:
        """The entries that the answer stands on."""
        return frozenset(citation.entry_id for citation in self.citations)


def latest_turns(connection: Connection, *, account: str, limit: int = 8) -> list[TurnTrace]:
    """The newest turns in the rooms of one account, newest first."""
    query = _query().join(rooms, rooms.c.id == conversations.c.room_id).where(rooms.c.account == account)
    return _read(connection, query.order_by(turns.c.at.desc(), turns.c.id.desc()).limit(limit))


def turns_of(connection: Connection, conversation_id: str, turn_ids: Sequence[str]) -> dict[str, TurnTrace]:
    """The named turns of a conversation by turn id."""
    mine = turns.c.conversation_id == conversation_id, turns.c.id.in_(turn_ids)
    return {trace.turn_id: trace for trace in _read(connection, _query().where(*mine).order_by(turns.c.at))}


def _query() -> Select[Any]:
    return select(turns, conversations.c.room, conversations.c.person).join(
        conversations, conversations.c.id == turns.c.conversation_id
    )


def _read(connection: Connection, query: Select[Any]) -> list[TurnTrace]:
    rows = connection.execute(query).all()
    asked = _asked(connection, rows)
    return [_trace(row, "\n".join(asked.get(row.id, []))) for row in rows]


def _asked(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, list[str]]:
    """The customer's words of each turn. The conversation is named too: messages are indexed by it, not by turn."""
    query = select(messages.c.turn_id, messages.c.text, messages.c.kind).where(
        messages.c.conversation_id.in_({row.conversation_id for row in rows}),
        messages.c.turn_id.in_([row.id for row in rows]),
        messages.c.spoken_by == "customer",
    )
    asked: dict[str, list[str]] = {}
    for line in connection.execute(query.order_by(messages.c.id)):
        asked.setdefault(line.turn_id, []).append(line.text or f"［{line.kind}］")
    return asked


def _trace(row: AnyRow, asked: str) -> TurnTrace:
    return TurnTrace(
        turn_id=row.id,
        conversation_id=row.conversation_id,
        name=shown_name(from_json(Person, row.person), from_json(Room, row.room)),
        asked=asked,
        outcome=row.outcome,
        reason=row.reason,
        route=row.route,
        reply=row.reply,
        findings=from_json(Findings, row.findings),
        citations=from_json(tuple[Citation, ...], row.citations),
        llm_calls=row.llm_calls,
        tokens=row.prompt_tokens + row.completion_tokens,
        duration_ms=row.duration_ms,
        at=row.at,
    )
