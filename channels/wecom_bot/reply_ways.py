"""Which way an answer takes: into an open bubble, else by the newest response_url; at most one of them.

Plain functions over a connection, beside `streams`. Protocol: https://developer.work.weixin.qq.com/document/path/101138.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from channels.wecom_bot import streams
from channels.wecom_bot.bubbles import OPEN_S
from channels.wecom_bot.inbound import RESPONSE_LIFE_S
from channels.wecom_bot.streams import UNREACHABLE_S, LastText
from store.dialects import upsert
from store.schema import streams as table

#: A response_url is not used in its last seconds: it could die on the way.
_MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Handle:
    """What a message offers to its answer: a bubble (empty id: none) and a response_url (empty: none)."""

    stream_id: str
    opened_at: float
    url: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class InBubble:
    """The answer stands in this bubble; the platform's next refresh shows it. `closed` are all bubbles it ended."""

    stream_id: str
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByUrl:
    """This response_url is taken for the answer; `again` when an earlier try may have used it already."""

    url: str
    again: bool = False


Way = InBubble | ByUrl


def read_handle(handle: Mapping[str, str]) -> Handle:
    """The handle that `inbound` made; anything else offers nothing."""
    try:
        opened_at, expires_at = float(handle.get("opened_at", "")), float(handle.get("response_expires", ""))
    except ValueError:
        return Handle("", 0.0, "", 0.0)
    return Handle(handle.get("stream_id", ""), opened_at, handle.get("response_url", ""), expires_at)


def take_way(
    connection: Connection, handles: Sequence[Handle], text: LastText, *, elsewhere: str, account: str, now: float
) -> Way | None:
    """Chooses and takes the way for `text` to the messages of `handles`; the same key finds its way again.

    Further open bubbles among the handles end with the words `elsewhere`. None: no way is left.
    """
    taken = _taken_before(connection, handles, text.key)
    if taken:
        return taken
    young = [one for one in handles if one.stream_id and now - one.opened_at < OPEN_S]
    closed: list[str] = []
    for one in sorted(young, key=lambda one: one.opened_at, reverse=True):
        shown = LastText(elsewhere, expected=False) if closed else text
        url, opened_at = _url_of(one.stream_id, handles), one.opened_at
        if one.stream_id not in closed and streams.finish(
            connection, one.stream_id, shown, account=account, opened_at=opened_at, now=now, url=url
        ):
            closed.append(one.stream_id)
    if closed:
        return InBubble(closed[0], tuple(closed))
    alive = [one for one in handles if one.url and one.expires_at - now > _MARGIN_S]
    for one in sorted(alive, key=lambda one: one.expires_at, reverse=True):
        if take_url(connection, one.url, text.key, account=account, now=now):
            return ByUrl(one.url)
    return None


_TAKE_URL = upsert(
    table,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["stream_id"],
        set_={"response_used_at": insert.excluded.response_used_at, "response_key": insert.excluded.response_key},
        where=table.c.response_used_at.is_(None),
    ).returning(table.c.stream_id),
)


def take_url(connection: Connection, url: str, key: str, *, account: str, now: float) -> bool:
    """Takes a response_url for the send `key` unless it was taken before; gives whether it did. The URL stays out."""
    row = {
        "stream_id": url_id(url),
        "account": account,
        "finished": True,
        "opened_at": now,
        "picked_up_at": now,
        "response_used_at": now,
        "response_key": key,
    }
    return connection.execute(_TAKE_URL.on(connection), row).first() is not None


def release_url(connection: Connection, url: str) -> None:
    """Gives a response_url back that was taken but surely not used."""
    given_back = {"response_used_at": None, "response_key": ""}
    connection.execute(update(table).where(table.c.stream_id == url_id(url)).values(given_back))


def spend_url(connection: Connection, url: str) -> None:
    """Leaves a response_url used without effect, so that the same send may take another one."""
    connection.execute(update(table).where(table.c.stream_id == url_id(url)).values(response_key=""))


def url_id(url: str) -> str:
    """The row that says whether a response_url was used; also the feedback id of what was sent by it."""
    return "ur" + hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=15).hexdigest()


@dataclass(frozen=True, slots=True)
class Rescue:
    """A last text that the platform never asked for. `url` was taken for it; it is empty when none is left."""

    stream_id: str
    content: str
    card: str
    url: str


_LOST = (
    select(table)
    .where(
        table.c.account == bindparam("account"),
        table.c.picked_up_at.is_(None),
        table.c.opened_at <= bindparam("opened_before"),
    )
    .order_by(table.c.opened_at)
    .limit(bindparam("limit"))
)


def take_rescues(connection: Connection, *, account: str, now: float, limit: int) -> list[Rescue]:
    """Takes the response_urls for texts that no refresh picked up while the platform was asking."""
    rescues = []
    asked = {"account": account, "opened_before": now - UNREACHABLE_S, "limit": limit}
    for row in connection.execute(_LOST, asked).all():
        mine = (table.c.stream_id == row.stream_id) & table.c.picked_up_at.is_(None)
        if connection.execute(update(table).where(mine).values(picked_up_at=now)).rowcount:
            alive = row.response_url and now - row.opened_at < RESPONSE_LIFE_S - _MARGIN_S
            key = f"rescue:{row.stream_id}"
            taken = alive and take_url(connection, row.response_url, key, account=account, now=now)
            rescues.append(Rescue(row.stream_id, row.content, row.card, row.response_url if taken else ""))
    return rescues


def postpone_rescue(connection: Connection, rescue: Rescue) -> None:
    """Puts a rescue back that surely did not happen: the next round finds it again."""
    release_url(connection, rescue.url)
    connection.execute(update(table).where(table.c.stream_id == rescue.stream_id).values(picked_up_at=None))


def _url_of(stream_id: str, handles: Sequence[Handle]) -> str:
    """The response_url of the message that opened the bubble, or of one that shares it."""
    return next((one.url for one in handles if one.stream_id == stream_id and one.url), "")


def _taken_before(connection: Connection, handles: Sequence[Handle], key: str) -> Way | None:
    urls = {url_id(one.url): one.url for one in handles if one.url}
    ids = [*urls, *(one.stream_id for one in handles if one.stream_id)]
    for row in connection.execute(select(table).where(table.c.stream_id.in_(ids))):
        if row.answer_key == key:
            return InBubble(row.stream_id)
        if row.response_key == key:
            return ByUrl(urls[row.stream_id], again=True)
    return None
