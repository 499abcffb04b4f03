"""A visitor's lines as server-sent events, from the last one seen on; and the wait of a page that cannot stream.

Protocol: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson

from channels.web_widget.bell import Bell
from channels.web_widget.mailbox import Line, News, news
from channels.web_widget.refusal import WidgetRefusal
from conversation.errors import RetryLater
from store.database import Database

#: A comment this often keeps proxies from closing a silent stream, and finds out who is gone.
HEARTBEAT_S = 15.0
#: No stream lives longer: the page comes back with the number of its last line, and nothing is lost.
STREAM_LIFE_S = 600.0
STREAMS_A_VISITOR, STREAMS_IN_ALL = 6, 5000


class Events:
    """Reads mailboxes for pages."""

    def __init__(self, database: Database, bell: Bell, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._database = database
        self._bell = bell
        self._heartbeat_s = heartbeat_s

    def admit(self, visitor_id: str) -> None:
        """Raises `WidgetRefusal` where a further page would be too many."""
        if self._bell.count(visitor_id) >= STREAMS_A_VISITOR:
            raise WidgetRefusal("crowded", "a visitor with too many open pages", 429, self._heartbeat_s)
        if self._bell.total >= STREAMS_IN_ALL:
            raise WidgetRefusal("crowded", "too many visitors wait at once", 503, self._heartbeat_s)

    async def follow(self, visitor_id: str, after: int) -> AsyncIterator[bytes]:
        """Everything after a line, for as long as the stream lives. The end of a stream is never the end of news."""
        ends_at = _now() + STREAM_LIFE_S
        with self._bell.listening(visitor_id) as listener:
            found = await self._news(visitor_id, after)
            if found is None:
                return
            yield b"retry: 1000\nevent: ready\ndata: " + orjson.dumps({"last": found.last_seq}) + b"\n\n"
            while found is not None and _now() < ends_at:
                for line in found.lines:
                    yield event_of(line)
                    after = line.seq
                listener.seen = after = after if found.more else found.last_seq
                if not found.more and not await listener.wait(self._heartbeat_s):
                    yield b":\n\n"
                if self._bell.leaving:
                    return
                listener.calm()
                found = await self._news(visitor_id, after)

    async def next_news(self, visitor_id: str, after: int, wait_s: float) -> News:
        """What came after a line; when nothing did, what comes within `wait_s` seconds."""
        with self._bell.listening(visitor_id) as listener:
            found = await self._database.read(lambda connection: news(connection, visitor_id, after))
            if found.lines or wait_s <= 0:
                return found
            listener.seen = found.last_seq
            await listener.wait(wait_s)
        return await self._database.read(lambda connection: news(connection, visitor_id, after))

    async def _news(self, visitor_id: str, after: int) -> News | None:
        """None while the database is gone: the page tries again."""
        try:
            return await self._database.read(lambda connection: news(connection, visitor_id, after))
        except RetryLater:
            return None


def event_of(line: Line) -> bytes:
    """One line as an event; its id is where a page that was cut off goes on."""
    return f"id: {line.seq}\nevent: line\ndata: ".encode() + orjson.dumps(shown(line)) + b"\n\n"


def shown(line: Line) -> dict[str, Any]:
    """A line as the script reads it."""
    parts: dict[str, Any] = {
        "seq": line.seq,
        "id": line.line_id,
        "by": line.by,
        "kind": line.kind,
        "at": line.at,
        "text": line.text,
        "owner": line.owner,
        "name": line.name,
    }
    if line.kind == "card":
        parts["card"] = orjson.loads(line.card)
    if line.picture:
        parts["picture"] = line.picture
    return parts


def _now() -> float:
    return asyncio.get_running_loop().time()
