"""What became of each try to send: on the outbox row, on the line of the conversation, and as a record of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from store.dialects import AnyRow
from store.outbox_rows import OutboxRow
from store.schema import attempts, messages, outbox

#: What the line in the conversation becomes when its outbox row ends in a status.
LINE_STATUS = {"sent": "sent", "buried": "failed", "unknown": "unknown", "cancelled": "cancelled"}

_OURS = (
    select(outbox.c.id, outbox.c.attempts, outbox.c.holder, outbox.c.status)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_SETTLE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(
        status=bindparam("new_status"),
        next_at=func.coalesce(bindparam("later", type_=outbox.c.next_at.type), outbox.c.next_at),
        platform_message_id=bindparam("message"),
        error=bindparam("why"),
        sent_at=bindparam("left_at"),
        lease_until=None,
    )
)
_END = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(status=bindparam("new_status"), error=bindparam("why"), lease_until=None)
)
_LINE = (
    update(messages)
    .where(messages.c.idempotency_key == bindparam("key"))
    .values(
        status=bindparam("new_status"),
        platform_message_id=func.coalesce(bindparam("message"), messages.c.platform_message_id),
    )
)
_TRIES = insert(attempts)


@dataclass(frozen=True, slots=True)
class SettledSend:
    """The end of a try: `sent`, `buried`, `unknown`, or `queued` again for `later`."""

    row: OutboxRow
    status: str
    later: float | None = None
    message_id: str = ""
    error: str = ""
    sent_at: float | None = None


def settle(connection: Connection, sends: Sequence[SettledSend], *, holder: str) -> list[bool]:
    """Ends tries. False for a row that is no longer ours: another sender found the lease expired.

    Late news are good news: a row that was given up as unknown may turn out to have been sent after all.
    """
    asked = {"ids": sorted(one.row.id for one in sends)}
    rows = {row.id: row for row in connection.execute(_OURS, asked)}
    ours = [_is_ours(rows.get(one.row.id), one, holder) for one in sends]
    settled = [_settled(one) for one, owned in zip(sends, ours, strict=True) if owned]
    if settled:
        connection.execute(_SETTLE, settled)
    return ours


def _is_ours(row: AnyRow | None, one: SettledSend, holder: str) -> bool:
    if row is None or row.holder != holder or row.attempts != one.row.attempts:
        return False
    return bool(row.status == "sending" or (row.status == "unknown" and one.status == "sent"))


def _settled(one: SettledSend) -> dict[str, Any]:
    return {
        "row": one.row.id,
        "new_status": one.status,
        "later": one.later,
        "message": one.message_id,
        "why": one.error[:500],
        "left_at": one.sent_at,
    }


def end(connection: Connection, row: OutboxRow, *, status: str, error: str) -> None:
    """Ends a row that is not being sent: `cancelled`, or `unknown` after its sender died. Its line follows."""
    connection.execute(_END, {"row": row.id, "new_status": status, "why": error[:500]})
    mark_lines(connection, [(row.idempotency_key, status, None)])


def mark_lines(connection: Connection, ended: Sequence[tuple[str, str, str | None]]) -> None:
    """Lets the lines of conversations follow their outbox rows; each item is key, outbox status, platform id."""
    lines = [{"key": key, "new_status": LINE_STATUS[status], "message": message} for key, status, message in ended]
    if lines:
        connection.execute(_LINE, lines)


def record_tries(connection: Connection, tries: Sequence[Mapping[str, Any]]) -> None:
    """Writes what became of tries: outbox_id, attempt, at, status, error."""
    if tries:
        connection.execute(_TRIES, list(tries))
