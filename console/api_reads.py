"""The API's queries: plain functions over a connection. Pages go by keys: rows that come in between shift nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from console.api_shapes import (
    ConversationDetail,
    ConversationShape,
    GapShape,
    LineShape,
    PageOf,
    TicketDetail,
    TicketEventShape,
    TicketShape,
    TurnShape,
)
from console.conversation_rows import NEWEST_FIRST, ConversationRow, found, listed
from console.trace import turns_of
from store.dialects import AnyRow
from store.schema import gaps, messages, ticket_events, tickets


def conversation_page(connection: Connection, *, status: str, after: str, limit: int) -> PageOf[ConversationShape]:
    """Conversations, newest first by when they were opened."""
    rows = listed(connection, order=NEWEST_FIRST, status=status, after=after, limit=limit + 1)
    shown = [_conversation(row) for row in rows[:limit]]
    return PageOf[ConversationShape](items=shown, next=shown[-1].id if len(rows) > limit else None)


def conversation_detail(
    connection: Connection, conversation_id: str, *, after: int, limit: int
) -> ConversationDetail | None:
    """One conversation with its lines after the line `after`; None where there is none."""
    row = found(connection, conversation_id)
    if row is None:
        return None
    mine = messages.c.conversation_id == conversation_id
    query = select(messages).where(mine, messages.c.id > after).order_by(messages.c.id).limit(limit + 1)
    lines = connection.execute(query).all()
    shown = lines[:limit]
    turns = turns_of(connection, conversation_id, sorted({line.turn_id for line in shown if line.turn_id}))
    return ConversationDetail(
        conversation=_conversation(row),
        lines=[LineShape.model_validate(line) for line in shown],
        turns=[TurnShape.model_validate(turn) for turn in turns.values()],
        next=shown[-1].id if len(lines) > limit else None,
    )


def ticket_page(connection: Connection, *, status: str, after: str, limit: int) -> PageOf[TicketShape]:
    """Tickets, newest first."""
    place = select(tickets.c.id).where(tickets.c.number == after).scalar_subquery()
    rows = _newest(connection, tickets, {"status": status}, tickets.c.id < place if after else None, limit)
    shown = [TicketShape.model_validate(row) for row in rows[:limit]]
    return PageOf[TicketShape](items=shown, next=shown[-1].number if len(rows) > limit else None)


def ticket_detail(connection: Connection, number: str) -> TicketDetail | None:
    """One ticket with what happened to it; None where there is none."""
    row = connection.execute(select(tickets).where(tickets.c.number == number)).first()
    if row is None:
        return None
    events = connection.execute(
        select(ticket_events).where(ticket_events.c.number == number).order_by(ticket_events.c.id)
    )
    return TicketDetail(
        ticket=TicketShape.model_validate(row), events=[TicketEventShape.model_validate(event) for event in events]
    )


def gap_page(connection: Connection, *, status: str, after: int, limit: int) -> PageOf[GapShape]:
    """Questions without an answer, newest first."""
    rows = _newest(connection, gaps, {"status": status}, gaps.c.id < after if after else None, limit)
    shown = [GapShape.model_validate(row) for row in rows[:limit]]
    return PageOf[GapShape](items=shown, next=str(shown[-1].id) if len(rows) > limit else None)


def _newest(connection: Connection, table: Table, wanted: dict[str, str], older: Any, limit: int) -> Sequence[AnyRow]:
    """One row more than asked for, so that the page knows whether another follows."""
    query = select(table).order_by(table.c.id.desc()).limit(limit + 1)
    for column, value in wanted.items():
        if value:
            query = query.where(table.c[column] == value)
    return connection.execute(query if older is None else query.where(older)).all()


def _conversation(row: ConversationRow) -> ConversationShape:
    return ConversationShape.model_validate(row)
