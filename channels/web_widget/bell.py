"""Wakes the pages that wait for a visitor's news: at once for lines of this process, soon for those of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from channels.web_widget.mailbox import last_seqs
from conversation.errors import RetryLater
from store.database import Database

#: Seconds between looks at what other processes wrote.
LOOK_S = 0.5
_ASKED_AT_ONCE = 500


class Listener:
    """One waiting page. `seen` is the newest number that it has read."""

    def __init__(self, leaving: asyncio.Event) -> None:
        self.seen = 0
        self._leaving = leaving
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is news, or the end."""
        self._rung.set()

    def calm(self) -> None:
        """To be called before reading: news that arrive during the reading ring again."""
        self._rung.clear()

    async def wait(self, limit_s: float) -> bool:
        """True when there is news, False after `limit_s` seconds without any, or when the process leaves."""
        if self._leaving.is_set():
            return False
        try:
            async with asyncio.timeout(limit_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        return not self._leaving.is_set()


class Bell:
    """One per channel. `leaving` is set when the process is asked to stop."""

    def __init__(self, database: Database, leaving: asyncio.Event, *, look_s: float = LOOK_S) -> None:
        self._database = database
        self._leaving = leaving
        self._look_s = look_s
        self._listeners: dict[str, set[Listener]] = {}
        self._looking: asyncio.Task[None] | None = None

    def count(self, visitor_id: str) -> int:
        """How many pages of a visitor wait."""
        return len(self._listeners.get(visitor_id, ()))

    @property
    def leaving(self) -> bool:
        """Whether streams should end."""
        return self._leaving.is_set()

    @property
    def total(self) -> int:
        """How many visitors wait."""
        return len(self._listeners)

    @contextmanager
    def listening(self, visitor_id: str) -> Iterator[Listener]:
        """A listener for as long as the block runs."""
        listener = Listener(self._leaving)
        self._listeners.setdefault(visitor_id, set()).add(listener)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_around())
        try:
            yield listener
        finally:
            own = self._listeners[visitor_id]
            own.discard(listener)
            if not own:
                del self._listeners[visitor_id]

    def ring(self, visitor_id: str) -> None:
        """Wakes a visitor's pages."""
        for listener in self._listeners.get(visitor_id, ()):
            listener.ring()

    async def close(self) -> None:
        """Ends all waiting."""
        self._leaving.set()
        if self._looking is not None:
            await self._looking

    async def _look_around(self) -> None:
        """Looks for as long as anybody waits."""
        while self._listeners:
            try:
                async with asyncio.timeout(self._look_s):
                    await self._leaving.wait()
                break
            except TimeoutError:
                await self._look()
        for visitor_id in list(self._listeners):
            self.ring(visitor_id)

    async def _look(self) -> None:
        waiting = iter(list(self._listeners))
        while some := list(islice(waiting, _ASKED_AT_ONCE)):
            newest = await self._newest(some)
            for visitor_id, seq in newest.items():
                for listener in self._listeners.get(visitor_id, ()):
                    if seq > listener.seen:
                        listener.ring()

    async def _newest(self, visitor_ids: Sequence[str]) -> dict[str, int]:
        """Nothing while the database is gone: the next look finds it."""
        asked = list(visitor_ids)
        try:
            return await self._database.read(lambda connection: last_seqs(connection, asked))
        except RetryLater:
            return {}
