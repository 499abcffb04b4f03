"""The ledger and the inbox: what came in, once per key. Used by `delivery.inbox` and the housekeeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, bindparam, delete, exists, insert, select

from store.dialects import two_texts
from store.schema import inbox, ledger

MESSAGE, EVENT = "message", "event"


@dataclass(frozen=True, slots=True)
class NewRow:
    """One message or event about to be kept. `payload` is its JSON; `kind` is `message` or `event`."""

    dedup_key: str
    conversation_key: str
    kind: str
    payload: str


#: One statement for a batch of any size: the keys travel as one parameter, so the text is compiled once. The order of
#: the keys is the same in every process, so that two batches with the same keys wait for each other and never deadlock.
_REMEMBER = two_texts(
    "INSERT INTO ledger (dedup_key, seen_at) SELECT value, :now FROM json_each(:keys) WHERE true"
    " ON CONFLICT DO NOTHING RETURNING dedup_key",
    "INSERT INTO ledger (dedup_key, seen_at) SELECT value, :now FROM json_array_elements_text(CAST(:keys AS json))"
    " ON CONFLICT DO NOTHING RETURNING dedup_key",
)
_KEEP = insert(inbox)


def keep(connection: Connection, rows: Sequence[NewRow], now: float) -> set[str]:
    """Keeps the rows whose key was never seen, in their order, and gives those keys. A key may stand there twice."""
    first = {row.dedup_key: row for row in reversed(rows)}
    keys = orjson.dumps(sorted(first)).decode()
    fresh = set(connection.execute(_REMEMBER.on(connection), {"keys": keys, "now": now}).scalars())
    new_rows = [
        {
            "dedup_key": row.dedup_key,
            "conversation_key": row.conversation_key,
            "kind": row.kind,
            "payload": row.payload,
            "received_at": now,
        }
        for row in rows
        if row.dedup_key in fresh and first[row.dedup_key] is row
    ]
    if new_rows:
        connection.execute(_KEEP, new_rows)
    return fresh


_OLD_INBOX = delete(inbox).where(inbox.c.status == "done", inbox.c.received_at < bindparam("before"))
_OLD_LEDGER = delete(ledger).where(
    ledger.c.seen_at < bindparam("before"),
    ~exists(select(1).where(inbox.c.dedup_key == ledger.c.dedup_key)),
)


def forget_old(connection: Connection, *, before: float) -> int:
    """Forgets what was finished before a moment, and gives how many keys went.

    A key stays in the ledger as long as its row stays in the inbox: the ledger always knows more than the inbox.
    """
    connection.execute(_OLD_INBOX, {"before": before})
    return connection.execute(_OLD_LEDGER, {"before": before}).rowcount
