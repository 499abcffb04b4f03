"""Which way an answer takes on the long connection: into an open bubble, else by an active send; never by both.

Plain functions over a connection, beside `streams`. A way is written down before anything is sent; a row's
`picked_up_at` says that the platform confirmed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from channels.wecom_bot import streams
from channels.wecom_bot.bubbles import OPEN_S
from channels.wecom_bot.streams import LastText
from store.schema import streams as table


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message offers to its answer: the bubble it opened or joined, and the req_id to write in it."""

    stream_id: str
    opened_at: float
    req_id: str


@dataclass(frozen=True, slots=True)
class IntoBubble:
    """The answer goes into the first of `bubbles`, the others end with a hint.

    `again`: an earlier try took the same way; `confirmed`: the platform said that it did.
    """

    bubbles: tuple[Asked, ...]
    again: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class BySend:
    """The answer goes out as a message of its own; `again` and `confirmed` as for `IntoBubble`."""

    row_id: str
    again: bool = False
    confirmed: bool = False


Way = IntoBubble | BySend


def read_asked(handle: Mapping[str, str]) -> Asked:
    """The handle of a message that came by the long connection; anything else offers nothing."""
    stream_id, req_id = handle.get("stream_id", ""), handle.get("req_id", "")
    try:
        opened_at = float(handle.get("opened_at", ""))
    except ValueError:
        opened_at = 0.0
    return Asked(stream_id, opened_at, req_id) if stream_id and req_id else Asked("", 0.0, "")


def take(
    connection: Connection, asked: Sequence[Asked], text: LastText, *, elsewhere: str, account: str, now: float
) -> Way:
    """Chooses and writes down the way of `text`; the same key finds its way again.

    Further open bubbles end with the words `elsewhere`.
    """
    known = _taken_before(connection, asked, text.key)
    if known is not None:
        return known
    bubbles: list[Asked] = []
    for one in sorted(asked, key=lambda one: one.opened_at, reverse=True):
        young = one.stream_id and now - one.opened_at < OPEN_S
        shown = LastText(elsewhere, expected=False) if bubbles else text
        if young and streams.finish(
            connection, one.stream_id, shown, account=account, opened_at=one.opened_at, now=now
        ):
            bubbles.append(one)
    if bubbles:
        return IntoBubble(tuple(bubbles))
    return take_send(connection, text.key, account=account, now=now)


def take_send(connection: Connection, key: str, *, account: str, now: float, instead_of: str = "") -> BySend:
    """Writes down that `key` goes out by an active send; `instead_of` is the bubble that surely did not take it."""
    if instead_of:
        connection.execute(update(table).where(table.c.stream_id == instead_of).values(answer_key="", picked_up_at=now))
    row = {"stream_id": send_id(key), "account": account, "opened_at": now, "response_used_at": now}
    connection.execute(insert(table).values(**row, finished=True, response_key=key))
    return BySend(send_id(key))


def confirm(connection: Connection, row_id: str, now: float) -> None:
    """The platform took what the row stands for."""
    streams.pick_up(connection, row_id, now)


def release(connection: Connection, row_ids: Sequence[str]) -> None:
    """Forgets a way that surely was not gone: bubbles are open again, a send may be made anew."""
    connection.execute(delete(table).where(table.c.stream_id.in_(row_ids)))


def send_id(key: str) -> str:
    """The row of an active send."""
    return "as" + hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=15).hexdigest()


def _taken_before(connection: Connection, asked: Sequence[Asked], key: str) -> Way | None:
    by_id = {one.stream_id: one for one in asked if one.stream_id}
    for row in connection.execute(select(table).where(table.c.stream_id.in_([*by_id, send_id(key)]))):
        confirmed = row.picked_up_at is not None
        if row.stream_id == send_id(key):
            return BySend(row.stream_id, again=True, confirmed=confirmed)
        if row.answer_key == key:
            return IntoBubble((by_id[row.stream_id],), again=True, confirmed=confirmed)
    return None
