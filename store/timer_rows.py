"""Things to do later, once: durable timers. `schedule` is called inside whatever transaction decides on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, or_, select, update

from store.dialects import insert_new
from store.schema import timers


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer whose time has come. `attempts` counts the tries, this one included; `payload` is JSON."""

    id: int
    kind: str
    key: str
    payload: str
    due_at: float
    attempts: int


_NEW = insert_new(timers)
_DUE = (
    select(timers.c.id)
    .where(
        timers.c.status == "waiting",
        timers.c.due_at <= bindparam("now"),
        timers.c.kind.in_(bindparam("kinds", expanding=True)),
        or_(timers.c.lease_until.is_(None), timers.c.lease_until <= bindparam("now")),
    )
    .order_by(timers.c.due_at, timers.c.id)
    .limit(bindparam("wanted"))
    .with_for_update(skip_locked=True)
)
_START = (
    update(timers)
    .where(timers.c.id.in_(bindparam("ids", expanding=True)))
    .values(attempts=timers.c.attempts + 1, lease_until=bindparam("until"))
    .returning(timers.c.id, timers.c.kind, timers.c.key, timers.c.payload, timers.c.due_at, timers.c.attempts)
)
_SETTLE = (
    update(timers)
    .where(timers.c.id == bindparam("row"), timers.c.attempts == bindparam("try"), timers.c.status == "waiting")
    .values(
        status=bindparam("new_status"),
        due_at=func.coalesce(bindparam("later"), timers.c.due_at),
        error=bindparam("why"),
        lease_until=None,
    )
)
_NEXT_DUE = select(func.min(timers.c.due_at)).where(timers.c.status == "waiting", timers.c.due_at > bindparam("now"))


def schedule(connection: Connection, kind: str, key: str, payload: Mapping[str, Any], due_at: float) -> bool:
    """Keeps that `kind` is to be done at `due_at` (Unix seconds), once per `key`; False when the key is known."""
    row = {"kind": kind, "key": key, "payload": orjson.dumps(payload).decode(), "due_at": due_at}
    return connection.execute(_NEW.on(connection), row).rowcount == 1


def start_due(connection: Connection, kinds: Sequence[str], *, now: float, until: float, wanted: int) -> list[TimerRow]:
    """Leases the timers of these kinds whose time has come, longest due first."""
    ids = list(connection.execute(_DUE, {"now": now, "kinds": list(kinds), "wanted": wanted}).scalars())
    if not ids:
        return []
    started = [TimerRow(*tuple(row)) for row in connection.execute(_START, {"ids": ids, "until": until})]
    return sorted(started, key=lambda row: (row.due_at, row.id))


def settle(connection: Connection, row: TimerRow, *, status: str, later: float | None = None, error: str = "") -> bool:
    """Ends a try as `done` or `dead`, or leaves the timer `waiting` for `later`; False when it is no longer ours."""
    asked = {"row": row.id, "try": row.attempts, "new_status": status, "later": later, "why": error[:500]}
    return connection.execute(_SETTLE, asked).rowcount == 1


def next_due(connection: Connection, now: float) -> float | None:
    """When the next timer becomes due that is not due yet."""
    return connection.execute(_NEXT_DUE, {"now": now}).scalar()
