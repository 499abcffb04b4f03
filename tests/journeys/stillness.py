"""Whether anything still waits in the database."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from store.schema import inbox, outbox, timers


def nothing_waits(connection: Connection, now: float) -> bool:
    """True when no message waits for a turn, nothing waits to be sent, and no timer is due."""
    waiting = [
        select(func.count()).select_from(inbox).where(inbox.c.status == "waiting"),
        select(func.count()).select_from(outbox).where(outbox.c.status.in_(("queued", "sending"))),
        select(func.count()).select_from(timers).where(timers.c.status == "waiting", timers.c.due_at <= now),
    ]
    return all(connection.execute(query).scalar_one() == 0 for query in waiting)
