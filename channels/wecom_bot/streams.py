"""The rows behind the bubbles: opened when a message is acknowledged, finished once, read by the platform's refreshes.

Plain functions over a connection. Every message has a row; it carries a bubble of its own unless its lane had an open
one. Protocol: https://developer.work.weixin.qq.com/document/path/101031.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from store.dialects import two_texts
from store.schema import streams

#: A further message of the same lane gets no bubble of its own while one is younger than this.
LANE_S = 300.0
#: The platform stops asking six minutes after the message; half a minute before, the bubble says that it is late.
OPEN_S = 330.0
#: From then on nobody asks any more, with a few seconds for clocks that differ.
UNREACHABLE_S = 365.0

_ALIVE = ~streams.c.finished


@dataclass(frozen=True, slots=True)
class Opening:
    """A message to be acknowledged. `at` is Unix seconds; `bubble` says whether it may have one at all."""

    stream_id: str
    account: str
    lane: str
    response_url: str
    at: float
    bubble: bool = True


@dataclass(frozen=True, slots=True)
class Stream:
    """A row as the platform may see it. `picked_up` is True once a refresh carried the finished text."""

    stream_id: str
    opened_at: float
    finished: bool = False
    content: str = ""
    card: str = ""
    picked_up: bool = False

    @property
    def is_bubble(self) -> bool:
        """False for a message whose lane had an open bubble: finished from the start, without words."""
        return not self.finished or bool(self.content)

    def needs_write(self, now: float) -> bool:
        """Whether a refresh changes the row: it carries the finished text for the first time, or comes too late."""
        return not self.picked_up if self.finished else now - self.opened_at >= OPEN_S


#: The lists travel as one JSON parameter each, so that a batch of any size is the same, compiled statement.
_SEEN_ROWS = (
    "SELECT stream_id, conversation_key, content, card, finished, opened_at, picked_up_at FROM streams"
    " WHERE stream_id IN (SELECT value FROM {each}(:ids))"
    " OR (NOT finished AND conversation_key IN (SELECT value FROM {each}(:lanes)))"
)
_SEEN = two_texts(
    _SEEN_ROWS.format(each="json_each"),
    _SEEN_ROWS.replace(":ids", "CAST(:ids AS json)")
    .replace(":lanes", "CAST(:lanes AS json)")
    .format(each="json_array_elements_text"),
)
_OPEN = two_texts(
    "INSERT INTO streams"
    " (stream_id, account, conversation_key, finished, feedback_id, opened_at, picked_up_at, response_url)"
    " SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7"
    " FROM json_each(:rows) WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO streams"
    " (stream_id, account, conversation_key, finished, feedback_id, opened_at, picked_up_at, response_url)"
    " SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS boolean), value ->> 4,"
    " CAST(value ->> 5 AS double precision), CAST(value ->> 6 AS double precision), value ->> 7"
    " FROM json_array_elements(CAST(:rows AS json)) ON CONFLICT DO NOTHING",
)
_ONE = select(streams).where(streams.c.stream_id == bindparam("wanted"))
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended("wecom_bot.streams", 0)))


def open_streams(connection: Connection, openings: Sequence[Opening]) -> list[Stream]:
    """Writes a row per opening that has none yet, and gives the rows, in order: one open bubble per lane at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)  # two processes would each open a bubble in the same lane
    ids, lanes = [one.stream_id for one in openings], list({one.lane for one in openings})
    asked = {"ids": orjson.dumps(ids).decode(), "lanes": orjson.dumps(lanes).decode()}
    known: dict[str, Stream] = {}
    busy: dict[str, float] = {}
    for row in connection.execute(_SEEN.on(connection), asked):
        known[row.stream_id] = _stream(row)
        if not row.finished:
            busy[row.conversation_key] = max(row.opened_at, busy.get(row.conversation_key, row.opened_at))
    fresh = []
    for one in openings:
        if one.stream_id in known:
            continue
        bubble = one.bubble and one.at - busy.get(one.lane, one.at - LANE_S) >= LANE_S
        if bubble:
            busy[one.lane] = one.at
        known[one.stream_id] = Stream(one.stream_id, one.at, finished=not bubble, picked_up=not bubble)
        fresh.append(_row(one, bubble))
    if fresh:
        connection.execute(_OPEN.on(connection), {"rows": orjson.dumps(fresh).decode()})
    return [known[one.stream_id] for one in openings]


def find(connection: Connection, stream_id: str) -> Stream | None:
    """The row, or None for a stream that is not ours."""
    row = connection.execute(_ONE, {"wanted": stream_id}).one_or_none()
    return _stream(row) if row else None


def settle(connection: Connection, stream_id: str, *, late: str, now: float) -> Stream | None:
    """The row as a refresh is to see it: finished with the words `late` when it is too old, marked as picked up."""
    mine = streams.c.stream_id == stream_id
    too_old = mine & _ALIVE & (streams.c.opened_at <= now - OPEN_S)
    connection.execute(update(streams).where(too_old).values(finished=True, content=late, picked_up_at=now))
    connection.execute(
        update(streams).where(mine, streams.c.finished, streams.c.picked_up_at.is_(None)).values(picked_up_at=now)
    )
    return find(connection, stream_id)


def hush(connection: Connection, stream_ids: Sequence[str], *, words: str, now: float) -> int:
    """Finishes the open bubbles of messages that get no answer, and of their lanes; gives how many."""
    theirs = streams.c.stream_id.in_(stream_ids)
    lanes = select(streams.c.conversation_key).where(theirs, streams.c.conversation_key != "")
    newest = select(func.max(streams.c.opened_at)).where(theirs).scalar_subquery()
    silent = _ALIVE & streams.c.conversation_key.in_(lanes) & (streams.c.opened_at <= newest)
    # Nobody misses these words: they need no rescue when the platform never asks for them.
    done = connection.execute(update(streams).where(silent).values(finished=True, content=words, picked_up_at=now))
    return done.rowcount


def close_abandoned(connection: Connection, *, late: str, now: float) -> int:
    """Finishes bubbles that the platform no longer asks about and that never got an answer; gives how many."""
    abandoned = _ALIVE & (streams.c.opened_at <= now - UNREACHABLE_S)
    done = connection.execute(update(streams).where(abandoned).values(finished=True, content=late, picked_up_at=now))
    return done.rowcount


def forget(connection: Connection, *, before: float) -> int:
    """Forgets the rows of messages older than a moment (Unix seconds), with their secrets; gives how many."""
    return connection.execute(delete(streams).where(streams.c.opened_at < before)).rowcount


def _row(one: Opening, bubble: bool) -> tuple[Any, ...]:
    """The values of `_OPEN`, in its order."""
    feedback_id, picked_up_at = (one.stream_id, None) if bubble else ("", one.at)
    return one.stream_id, one.account, one.lane, not bubble, feedback_id, one.at, picked_up_at, one.response_url


def _stream(row: Row[Any]) -> Stream:
    return Stream(
        row.stream_id, row.opened_at, bool(row.finished), row.content, row.card, picked_up=row.picked_up_at is not None
    )
