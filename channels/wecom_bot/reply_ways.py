"""Which way an answer takes: into the lane's open bubble, else by the newest response_url; at most one of them.

Plain functions over a connection, beside `streams`. Protocol: https://developer.work.weixin.qq.com/document/path/101138.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from channels.wecom_bot.inbound import RESPONSE_LIFE_S
from channels.wecom_bot.streams import OPEN_S, UNREACHABLE_S
from store.dialects import insert_new
from store.schema import streams

#: A response_url is not used in its last seconds: it could die on the way.
_USABLE_S = RESPONSE_LIFE_S - 10
#: A message and its stream row are written side by side; a reply that is quicker than the row waits for it.
_ROW_LAG_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be shown. `key` is the send's idempotency key; `elsewhere` goes into further bubbles of the lane."""

    key: str
    content: str
    card: str
    elsewhere: str


@dataclass(frozen=True, slots=True)
class InBubble:
    """The answer stands in this stream; the platform's next refresh shows it."""

    stream_id: str


@dataclass(frozen=True, slots=True)
class ByUrl:
    """This row's response_url is taken for the answer; `again` when an earlier try may have used it already."""

    stream_id: str
    url: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class RowsMissing:
    """The messages are so new that their rows are not written yet."""


@dataclass(frozen=True, slots=True)
class NoWay:
    """No bubble is open and no response_url is left."""


Way = InBubble | ByUrl | RowsMissing | NoWay


def take_way(connection: Connection, handles: Sequence[Mapping[str, str]], answer: Answer, now: float) -> Way:
    """Chooses and takes the way for `answer` to the messages of `handles`; the same key finds its way again."""
    handles = [one for one in handles if one.get("stream_id")]
    rows = _rows(connection, [one["stream_id"] for one in handles])
    missing = [one for one in handles if one["stream_id"] not in {row.stream_id for row in rows}]
    if any(now - _received_at(one) < _ROW_LAG_S for one in missing):
        return RowsMissing()
    if missing:
        _adopt(connection, missing)
        rows = _rows(connection, [one["stream_id"] for one in handles])
    if not rows:
        return NoWay()
    lanes = {row.conversation_key for row in rows if row.conversation_key}
    involved = _involved(connection, lanes, answer.key)
    return (
        _taken_before(rows, involved, answer.key)
        or _into_bubble(connection, rows, involved, answer, now)
        or claim_url(connection, rows, answer.key, now)
        or NoWay()
    )


def claim_url(connection: Connection, rows: Iterable[Row[Any]], key: str, now: float) -> ByUrl | None:
    """Takes the newest usable response_url among the rows for the send `key`."""
    usable = [row for row in rows if row.response_url and now - row.opened_at < _USABLE_S]
    for row in sorted(usable, key=lambda row: row.opened_at, reverse=True):
        mine = (streams.c.stream_id == row.stream_id) & streams.c.response_used_at.is_(None)
        if connection.execute(update(streams).where(mine).values(response_used_at=now, response_key=key)).rowcount:
            return ByUrl(row.stream_id, row.response_url)
    return None


def release_url(connection: Connection, stream_id: str) -> None:
    """Gives a response_url back that was taken but surely not used."""
    given_back = {"response_used_at": None, "response_key": ""}
    connection.execute(update(streams).where(streams.c.stream_id == stream_id).values(given_back))


def spend_url(connection: Connection, stream_id: str) -> None:
    """Leaves a response_url used without effect, so that the same send may take another one."""
    connection.execute(update(streams).where(streams.c.stream_id == stream_id).values(response_key=""))


@dataclass(frozen=True, slots=True)
class Rescue:
    """A finished text that the platform never asked for, and the response_url taken for it (None: none is left)."""

    stream_id: str
    content: str
    card: str
    way: ByUrl | None


def take_rescues(connection: Connection, now: float, limit: int) -> list[Rescue]:
    """Takes the response_urls for texts that no refresh picked up while the platform was asking."""
    lost = (
        select(streams)
        .where(
            streams.c.finished,
            streams.c.picked_up_at.is_(None),
            streams.c.opened_at <= now - UNREACHABLE_S,
        )
        .order_by(streams.c.opened_at)
        .limit(limit)
    )
    rescues = []
    for row in connection.execute(lost).all():
        mine = update(streams).where(streams.c.stream_id == row.stream_id, streams.c.picked_up_at.is_(None))
        if connection.execute(mine.values(picked_up_at=now)).rowcount:
            lane = select(streams).where(streams.c.conversation_key == row.conversation_key)
            key = f"rescue:{row.stream_id}"
            way = claim_url(connection, [row], key, now) or claim_url(connection, connection.execute(lane), key, now)
            rescues.append(Rescue(row.stream_id, row.content, row.card, way))
    return rescues


def postpone_rescue(connection: Connection, rescue: Rescue) -> None:
    """Puts a rescue back that surely did not happen: the next round finds it again."""
    if rescue.way:
        release_url(connection, rescue.way.stream_id)
    connection.execute(update(streams).where(streams.c.stream_id == rescue.stream_id).values(picked_up_at=None))


def _rows(connection: Connection, stream_ids: Sequence[str]) -> Sequence[Row[Any]]:
    return connection.execute(select(streams).where(streams.c.stream_id.in_(stream_ids))).all()


def _involved(connection: Connection, lanes: set[str], key: str) -> Sequence[Row[Any]]:
    wanted = or_(~streams.c.finished, streams.c.answer_key == key, streams.c.response_key == key)
    return connection.execute(select(streams).where(streams.c.conversation_key.in_(lanes), wanted)).all()


def _taken_before(rows: Sequence[Row[Any]], involved: Sequence[Row[Any]], key: str) -> Way | None:
    for row in (*rows, *involved):
        if row.answer_key == key:
            return InBubble(row.stream_id)
        if row.response_key == key:
            return ByUrl(row.stream_id, row.response_url, again=True)
    return None


def _into_bubble(
    connection: Connection, rows: Sequence[Row[Any]], involved: Sequence[Row[Any]], answer: Answer, now: float
) -> InBubble | None:
    """Finishes the newest bubble that is open and not younger than the messages answered."""
    newest = max(row.opened_at for row in rows)
    bubbles = [row for row in involved if not row.finished and now - OPEN_S < row.opened_at <= newest]
    filled = ""
    for row in sorted(bubbles, key=lambda row: row.opened_at, reverse=True):
        shown: dict[str, Any] = {"content": answer.content, "card": answer.card, "answer_key": answer.key}
        if filled:
            # Nobody misses these words: they need no rescue when the platform never asks for them.
            shown = {"content": answer.elsewhere, "picked_up_at": now}
        mine = update(streams).where(streams.c.stream_id == row.stream_id, ~streams.c.finished)
        if connection.execute(mine.values(finished=True, **shown)).rowcount and not filled:
            filled = row.stream_id
    return InBubble(filled) if filled else None


def _adopt(connection: Connection, handles: Sequence[Mapping[str, str]]) -> None:
    """Rows for messages whose own were lost, so that their response_urls still count once."""
    rows = [
        {
            "stream_id": one["stream_id"],
            "finished": True,
            "opened_at": _received_at(one),
            "picked_up_at": _received_at(one),
            "response_url": one.get("response_url", ""),
        }
        for one in handles
    ]
    connection.execute(insert_new(streams).on(connection), rows)


def _received_at(handle: Mapping[str, str]) -> float:
    try:
        return float(handle.get("response_expires", "")) - RESPONSE_LIFE_S
    except ValueError:
        return 0.0
