"""The outbox: what has to leave, in order per room. What became of each try is in `store.send_rows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, or_, select, update

from conversation.codec import to_json
from conversation.messages import OutgoingMessage
from store.dialects import insert_new
from store.schema import conversations, outbox

BOT, STAFF, SYSTEM = "bot", "staff", "system"
UNSETTLED = ("queued", "sending")


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


def outbox_row(
    message: OutgoingMessage,
    *,
    key: str,
    now: float,
    conversation_id: str = "",
    author: str = BOT,
    owner_epoch: int = 0,
    kind: str = "reply",
) -> dict[str, Any]:
    """A message as a queued row under its idempotency key."""
    return {
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


def queue_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Queues rows made by `outbox_row`, each once."""
    if rows:
        connection.execute(_NEW.on(connection), rows)


def put_in_outbox(connection: Connection, message: OutgoingMessage, *, key: str, now: float, **about: Any) -> bool:
    """Queues a message under its idempotency key, once; False when the key is there already.

    `about` may name conversation_id, author, owner_epoch and kind, as in `outbox_row`.
    """
    row = outbox_row(message, key=key, now=now, **about)
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
