"""What customers were told will happen, and until when."""

from __future__ import annotations

from sqlalchemy import Connection, insert, update

from store.schema import promises

_NEW = insert(promises)


def record(
    connection: Connection,
    *,
    turn_id: str,
    conversation_id: str,
    text: str,
    due_at: float | None,
    ticket_number: str = "",
    now: float,
) -> None:
    """Keeps a promise made in a turn. `due_at` is in Unix seconds, None when no time was named."""
    row = {
        "turn_id": turn_id,
        "conversation_id": conversation_id,
        "text": text,
        "due_at": due_at,
        "ticket_number": ticket_number,
        "made_at": now,
    }
    connection.execute(_NEW, row)


def break_overdue(connection: Connection, turn_id: str, now: float) -> list[str]:
    """Marks what this turn promised and nobody kept in time as broken; gives the promised words."""
    overdue = (promises.c.turn_id == turn_id) & (promises.c.status == "open") & (promises.c.due_at <= now)
    broken = update(promises).where(overdue).values(status="broken").returning(promises.c.text)
    return list(connection.execute(broken).scalars())
