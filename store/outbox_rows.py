"""The outbox: what has to leave, in order per room, and what became of each try. Used by the send worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, insert, or_, select, update

from conversation.codec import to_json
from conversation.messages import OutgoingMessage
from store.dialects import insert_new
from store.schema import attempts, conversations, messages, outbox

BOT, STAFF, SYSTEM = "bot", "staff", "system"
UNSETTLED = ("queued", "sending")
#: What the line in the conversation becomes when its outbox row ends in a status.
LINE_STATUS = {"sent": "sent", "buried": "failed", "unknown": "unknown", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row on its way out. `attempts` counts the tries, the running one included.

    `current_epoch` is the conversation's owner epoch now, None where the row belongs to no conversation.
    """

    id: int
    idempotency_key: str
    conversation_id: str
    room_id: str
    author: str
    owner_epoch: int
    kind: str
    payload: str
    status: str
    attempts: int
    created_at: float
    current_epoch: int | None

    @property
    def overtaken(self) -> bool:
        """True for a line of the bot that was thought before the conversation changed hands."""
        return self.author == BOT and self.current_epoch is not None and self.current_epoch != self.owner_epoch


_NEW = insert_new(outbox)


def put_in_outbox(
    connection: Connection,
    message: OutgoingMessage,
    *,
    key: str,
    now: float,
    conversation_id: str = "",
    author: str = BOT,
    owner_epoch: int = 0,
    kind: str = "reply",
) -> bool:
    """Queues a message under its idempotency key, once; False when the key is there already."""
    row = {
        "idempotency_key": key,
        "conversation_id": conversation_id,
        "room_id": message.room.room_id,
        "author": author,
        "owner_epoch": owner_epoch,
        "kind": kind,
        "payload": to_json(message),
        "next_at": now,
        "created_at": now,
    }
    return connection.execute(_NEW.on(connection), row).rowcount == 1


_earlier = outbox.alias("earlier")
_HEADS = (
    select(
        outbox.c.id,
        outbox.c.idempotency_key,
        outbox.c.conversation_id,
        outbox.c.room_id,
        outbox.c.author,
        outbox.c.owner_epoch,
        outbox.c.kind,
        outbox.c.payload,
        outbox.c.status,
        outbox.c.attempts,
        outbox.c.created_at,
        conversations.c.owner_epoch.label("current_epoch"),
    )
    .select_from(outbox.outerjoin(conversations, conversations.c.id == outbox.c.conversation_id))
    .where(
        or_(
            and_(outbox.c.status == "queued", outbox.c.next_at <= bindparam("now")),
            and_(outbox.c.status == "sending", outbox.c.lease_until <= bindparam("now")),
        ),
        ~exists(
            select(1).where(
                _earlier.c.room_id == outbox.c.room_id,
                _earlier.c.status.in_(UNSETTLED),
                _earlier.c.id < outbox.c.id,
            )
        ),
    )
    .order_by(outbox.c.id)
    .limit(bindparam("wanted"))
    .with_for_update(of=outbox, skip_locked=True)
)


def heads(connection: Connection, *, now: float, wanted: int) -> list[OutboxRow]:
    """The first unsettled row of each room, where it is due or its sender died; at most `wanted`, oldest first."""
    found = connection.execute(_HEADS, {"now": now, "wanted": wanted})
    return [OutboxRow(*tuple(row)) for row in found]


_START = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .values(status="sending", holder=bindparam("me"), lease_until=bindparam("until"), attempts=outbox.c.attempts + 1)
)
_POSTPONE = update(outbox).where(outbox.c.id == bindparam("row")).values(next_at=bindparam("later"))
_RECENT = (
    select(outbox.c.sent_at)
    .where(outbox.c.room_id == bindparam("room"), outbox.c.status == "sent")
    .order_by(outbox.c.id.desc())
    .limit(bindparam("last"))
)
_WAITS = (
    select(outbox.c.id)
    .where(outbox.c.room_id.in_(bindparam("rooms", expanding=True)), outbox.c.status == "queued")
    .limit(1)
)


def start_sending(connection: Connection, ids: Sequence[int], *, holder: str, until: float) -> None:
    """Leases rows for one try."""
    if ids:
        connection.execute(_START, {"ids": list(ids), "me": holder, "until": until})


def postpone(connection: Connection, row_id: int, until: float) -> None:
    """Puts a row off that may not be sent yet; no try is counted."""
    connection.execute(_POSTPONE, {"row": row_id, "later": until})


def recent_sends(connection: Connection, room_id: str, last: int) -> list[float]:
    """When the last messages left to a room, newest first."""
    return [float(at) for at in connection.execute(_RECENT, {"room": room_id, "last": last}).scalars()]


def waits_in(connection: Connection, rooms: Sequence[str]) -> bool:
    """True when something is queued for one of the rooms."""
    return connection.execute(_WAITS, {"rooms": list(rooms)}).first() is not None


_SETTLE = (
    update(outbox)
    .where(
        outbox.c.id == bindparam("row"),
        outbox.c.attempts == bindparam("try"),
        outbox.c.holder == bindparam("me"),
        # Late news: a row that was given up as unknown turns out to have been sent after all.
        or_(outbox.c.status == "sending", and_(outbox.c.status == "unknown", bindparam("new_status") == "sent")),
    )
    .values(
        status=bindparam("new_status"),
        next_at=func.coalesce(bindparam("later"), outbox.c.next_at),
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


def settle(
    connection: Connection,
    row: OutboxRow,
    *,
    holder: str,
    status: str,
    later: float | None = None,
    message_id: str = "",
    error: str = "",
    sent_at: float | None = None,
) -> bool:
    """Ends a try as `sent`, `buried` or `unknown`, or queues the row again for `later`.

    False when the row is no longer ours: another sender found the lease expired.
    """
    asked = {"row": row.id, "try": row.attempts, "me": holder, "new_status": status, "later": later}
    asked |= {"message": message_id, "why": error[:500], "left_at": sent_at}
    return connection.execute(_SETTLE, asked).rowcount == 1


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
