"""The rows behind commands: written before a gateway sees one, read by whoever waits for its receipt, in any process.

Plain functions over a connection.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, bindparam, delete, select, update

from channels.bridge.outbound import Command
from store.dialects import insert_new, upsert
from store.schema import bridge_commands as table
from store.schema import ledger

WAITING, TAKEN, DELIVERED, FAILED = "waiting", "taken", "delivered", "failed"
#: So long an answer to our words is known to be one.
KEEP_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class CommandRow:
    """How far a command is. `retry_at` (Unix seconds) is None where trying a failed one again cannot help.

    `offered`: a gateway may have it without having said so.
    """

    status: str
    body: bytes
    expires_at: float
    gateway_message_id: str = ""
    error_code: str = ""
    retry_at: float | None = None
    offered: bool = False

    @property
    def settled(self) -> bool:
        """Whether the gateway said what became of it."""
        return self.status in (DELIVERED, FAILED)


@dataclass(frozen=True, slots=True)
class ReceiptNote:
    """What a gateway says became of a command."""

    command_id: str
    delivered: bool
    gateway_message_id: str = ""
    error_code: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of an event before it is kept: seen before; our own words come back; an answer to our words."""

    event: bool
    ours: bool
    answers_ours: bool


_NEW = insert_new(table)
_ONE = select(table).where(table.c.command_id == bindparam("wanted"))
_RENEW = (
    update(table)
    .where(
        table.c.command_id == bindparam("wanted"),
        table.c.status == FAILED,
        table.c.settled_at + table.c.retry_after_s <= bindparam("now"),
    )
    .values(
        status=WAITING,
        body=bindparam("new_body"),
        expires_at=bindparam("until"),
        offered_until=None,
        error_code="",
        retry_after_s=None,
        settled_at=None,
    )
)
_TAKE = (
    update(table)
    .where(
        table.c.account == bindparam("whose"),
        table.c.command_id.in_(bindparam("ids", expanding=True)),
        table.c.status == WAITING,
    )
    .values(status=TAKEN)
)
_OFFERED = (
    select(table.c.id, table.c.body)
    .where(
        table.c.account == bindparam("whose"),
        table.c.status == WAITING,
        table.c.expires_at > bindparam("now"),
        (table.c.offered_until.is_(None)) | (table.c.offered_until <= bindparam("now")),
    )
    .order_by(table.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_OFFER = update(table).where(table.c.id.in_(bindparam("ids", expanding=True))).values(offered_until=bindparam("until"))
_DOUBT = update(table).where(table.c.command_id == bindparam("wanted")).values(offered_until=bindparam("now"))
_SETTLE = (
    update(table)
    .where(
        table.c.account == bindparam("whose"),
        table.c.command_id == bindparam("wanted"),
        table.c.status.in_(bindparam("from_status", expanding=True)),
    )
    .values(
        status=bindparam("new_status"),
        gateway_message_id=bindparam("message"),
        error_code=bindparam("code"),
        retry_after_s=bindparam("after"),
        settled_at=bindparam("now"),
    )
)
_OURS = select(table.c.gateway_message_id).where(
    table.c.account == bindparam("whose"), table.c.gateway_message_id.in_(bindparam("ids", expanding=True))
)
_SEEN = select(ledger.c.dedup_key).where(ledger.c.dedup_key == bindparam("wanted"))
_SEE = upsert(ledger, lambda insert: insert.on_conflict_do_nothing())


def put(connection: Connection, command: Command, *, account: str, expires_s: float, now: float) -> CommandRow:
    """The row of a command, written if it is new; one whose pause is over is to be done again, with a fresh expiry."""
    until = now + expires_s
    body = orjson.dumps(command.body(until)).decode()
    row = {
        "command_id": command.command_id,
        "account": account,
        "conversation_id": command.conversation_id,
        "body": body,
        "created_at": now,
        "expires_at": until,
    }
    connection.execute(_NEW.on(connection), row)
    connection.execute(_RENEW, {"wanted": command.command_id, "new_body": body, "until": until, "now": now})
    return find(connection, command.command_id)


def find(connection: Connection, command_id: str) -> CommandRow:
    """How far a command is that was put before."""
    row = connection.execute(_ONE, {"wanted": command_id}).one()
    return CommandRow(
        row.status,
        row.body.encode(),
        row.expires_at,
        row.gateway_message_id,
        row.error_code,
        retry_at=None if row.retry_after_s is None else row.settled_at + row.retry_after_s,
        offered=row.status == TAKEN or row.offered_until is not None,
    )


def offer(connection: Connection, account: str, *, now: float, lease_s: float, limit: int) -> list[bytes]:
    """Up to `limit` commands that wait, oldest first; each is offered again unless it is taken within `lease_s`."""
    rows = connection.execute(_OFFERED, {"whose": account, "now": now, "most": limit}).all()
    if rows:
        connection.execute(_OFFER, {"ids": [row.id for row in rows], "until": now + lease_s})
    return [row.body.encode() for row in rows]


def doubt(connection: Connection, command_id: str, now: float) -> None:
    """Notes that the gateway may have a command: the answer was lost."""
    connection.execute(_DOUBT, {"wanted": command_id, "now": now})


def take(connection: Connection, account: str, command_ids: list[str]) -> int:
    """Notes that the gateway has them; gives how many it did not have before."""
    return connection.execute(_TAKE, {"whose": account, "ids": command_ids}).rowcount


def settle(connection: Connection, account: str, note: ReceiptNote, now: float) -> bool:
    """Keeps what became of a command; False for one that is unknown, or settled already.

    Delivery is the last word; a failure may still turn out as delivery.
    """
    asked = {
        "whose": account,
        "wanted": note.command_id,
        "from_status": [WAITING, TAKEN, FAILED] if note.delivered else [WAITING, TAKEN],
        "new_status": DELIVERED if note.delivered else FAILED,
        "message": note.gateway_message_id,
        "code": note.error_code,
        "after": note.retry_after_s,
        "now": now,
    }
    return connection.execute(_SETTLE, asked).rowcount > 0


def knows(connection: Connection, account: str, *, event_id: str, message_id: str, quoted_id: str) -> Known:
    """What is known of an event."""
    seen = connection.execute(_SEEN, {"wanted": _event_key(account, event_id)}).first() is not None
    ids = [one for one in (message_id, quoted_id) if one]
    ours = set(connection.execute(_OURS, {"whose": account, "ids": ids}).scalars()) if ids else set()
    return Known(seen, bool(message_id) and message_id in ours, bool(quoted_id) and quoted_id in ours)


def remember(connection: Connection, account: str, event_id: str, now: float) -> None:
    """Enters an event in the ledger; whatever it brought is kept already."""
    connection.execute(_SEE.on(connection), {"dedup_key": _event_key(account, event_id), "seen_at": now})


def forget(connection: Connection, *, before: float) -> int:
    """Forgets the commands made before a moment (Unix seconds), with their words; gives how many."""
    return connection.execute(delete(table).where(table.c.created_at < before)).rowcount


def _event_key(account: str, event_id: str) -> str:
    return f"bridge_event:{account}:{event_id}"
