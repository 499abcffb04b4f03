"""The rows behind finished bubbles: written once with the last text, read by the platform's refreshes of any process.

A bubble without a row is still open. Plain functions over a connection.
Protocol: https://developer.work.weixin.qq.com/document/path/101031.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from store.dialects import upsert
from store.schema import streams

#: From this age on the platform asks no more, with a few seconds for clocks that differ.
UNREACHABLE_S = 365.0


@dataclass(frozen=True, slots=True)
class LastText:
    """What a bubble ends with. `key` is the idempotency key of the send; `card` is a template card's JSON or empty.

    `expected` is False for words that nobody misses if the platform never asks for them.
    """

    content: str
    card: str = ""
    key: str = ""
    expected: bool = True


@dataclass(frozen=True, slots=True)
class Stream:
    """A finished bubble. `picked_up` is True once a refresh carried its text."""

    stream_id: str
    content: str
    card: str
    picked_up: bool


_FINISH = upsert(streams, lambda insert: insert.on_conflict_do_nothing().returning(streams.c.stream_id))
_ONE = select(streams).where(streams.c.stream_id == bindparam("wanted"))
_PICK_UP = (
    update(streams)
    .where(streams.c.stream_id == bindparam("wanted"), streams.c.picked_up_at.is_(None))
    .values(picked_up_at=bindparam("now"))
)


def finish(
    connection: Connection, stream_id: str, text: LastText, *, account: str, opened_at: float, now: float, url: str = ""
) -> bool:
    """Ends the bubble with `text` unless it has ended before; gives whether it did.

    `url` is the response_url to fall back to if the platform never asks for the text.
    """
    row = {
        "stream_id": stream_id,
        "account": account,
        "content": text.content,
        "card": text.card,
        "finished": True,
        "feedback_id": stream_id,
        "opened_at": opened_at,
        "picked_up_at": None if text.expected else now,
        "response_url": url,
        "answer_key": text.key,
    }
    return connection.execute(_FINISH.on(connection), row).first() is not None


def find(connection: Connection, stream_id: str) -> Stream | None:
    """The bubble's end, or None while it is open."""
    row = connection.execute(_ONE, {"wanted": stream_id}).one_or_none()
    return Stream(row.stream_id, row.content, row.card, row.picked_up_at is not None) if row else None


def pick_up(connection: Connection, stream_id: str, now: float) -> None:
    """Notes that a refresh carries the last text."""
    connection.execute(_PICK_UP, {"wanted": stream_id, "now": now})


def forget(connection: Connection, *, before: float) -> int:
    """Forgets the bubbles opened before a moment (Unix seconds), with their secrets; gives how many."""
    return connection.execute(delete(streams).where(streams.c.opened_at < before)).rowcount
