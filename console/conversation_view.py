"""One conversation as its page shows it: lines with the turns they led to, and what hangs on it. Pure but for reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from console.conversation_rows import ConversationRow, found
from console.trace import TurnTrace, turns_of
from conversation.findings import Emotion
from store.dialects import AnyRow
from store.schema import handoffs, messages, outbox, promises, tickets

PAGE_LINES = 100
#: Lines of one speaker within this time stand together under one name.
JOINED_S = 180.0


@dataclass(frozen=True, slots=True)
class LineView:
    """One line. `joins` is True where the line before is by the same speaker; `problem` is why it did not arrive.

    `new_day` is True on the first line of a day. `trace` is the turn that this line ended, if it is its last line.
    """

    line_id: int
    speaker: str
    name: str
    kind: str
    text: str
    status: str
    at: float
    joins: bool
    new_day: bool
    problem: str
    trace: TurnTrace | None


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation and what hangs on it. `earlier` is the id to page back from, 0 at the beginning."""

    row: ConversationRow
    lines: Sequence[LineView]
    earlier: int
    moods: Sequence[tuple[TurnTrace, Emotion]]
    tickets: Sequence[AnyRow]
    promises: Sequence[AnyRow]
    handoffs: Sequence[AnyRow]
    seen: str


def view(connection: Connection, conversation_id: str, *, before: int = 0) -> ConversationView | None:
    """The newest lines of a conversation, or those older than the line `before`; None where there is none."""
    row = found(connection, conversation_id)
    if row is None:
        return None
    rows = _newest_lines(connection, conversation_id, before)
    shown = rows[-PAGE_LINES:]
    traces = turns_of(connection, conversation_id, sorted({line.turn_id for line in shown if line.turn_id}))
    lines = lines_of(shown, traces, _problems(connection, conversation_id), row.name)
    hanging = [
        connection.execute(
            select(table).where(table.c.conversation_id == conversation_id).order_by(table.c.id.desc()).limit(20)
        ).all()
        for table in (tickets, promises, handoffs)
    ]
    state = repr([row, [(line.line_id, line.status, line.problem) for line in lines], hanging])
    return ConversationView(
        row=row,
        lines=lines,
        earlier=shown[0].id if len(rows) > PAGE_LINES else 0,
        moods=[(one, one.findings.emotion) for one in traces.values()],
        tickets=hanging[0],
        promises=hanging[1],
        handoffs=hanging[2],
        seen=hashlib.sha256(state.encode()).hexdigest()[:12],
    )


def lines_of(
    rows: Sequence[AnyRow], traces: dict[str, TurnTrace], problems: dict[str, str], customer: str
) -> list[LineView]:
    """Rows of messages, oldest first, as lines."""
    last_of_turn = {row.turn_id: row.id for row in rows if row.turn_id}
    shown: list[LineView] = []
    for row in rows:
        before = shown[-1] if shown else None
        new_day = before is None or _day(before.at) != _day(row.at)
        name = row.sender_name or (customer if row.spoken_by == "customer" else "")
        joins = before is not None and (before.speaker, before.name) == (row.spoken_by, name)
        joins = joins and not new_day and before is not None and before.trace is None and row.at - before.at < JOINED_S
        line = LineView(
            line_id=row.id,
            speaker=row.spoken_by,
            name=name,
            kind=row.kind,
            text=row.text,
            status=row.status,
            at=row.at,
            joins=joins,
            new_day=new_day,
            problem=problems.get(row.idempotency_key, "") if row.idempotency_key else "",
            trace=traces.get(row.turn_id) if last_of_turn.get(row.turn_id) == row.id else None,
        )
        shown.append(line)
    return shown


def _newest_lines(connection: Connection, conversation_id: str, before: int) -> list[AnyRow]:
    """One line more than a page, so that the page knows whether there is an earlier one."""
    query = select(messages).where(messages.c.conversation_id == conversation_id)
    if before > 0:
        query = query.where(messages.c.id < before)
    return list(reversed(connection.execute(query.order_by(messages.c.id.desc()).limit(PAGE_LINES + 1)).all()))


def _problems(connection: Connection, conversation_id: str) -> dict[str, str]:
    """Why messages did not arrive, by their idempotency key."""
    query = select(outbox.c.idempotency_key, outbox.c.error).where(
        outbox.c.conversation_id == conversation_id, outbox.c.status.in_(("buried", "unknown"))
    )
    return {row.idempotency_key: row.error for row in connection.execute(query)}


def _day(at: float) -> tuple[int, int]:
    local = datetime.fromtimestamp(at).astimezone()
    return local.year, local.timetuple().tm_yday
