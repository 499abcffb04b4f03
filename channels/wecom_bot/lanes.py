"""Takes in what the long connection says: many lanes at once, each in the order in which it was said."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

logger = structlog.get_logger(__name__)

#: So much may wait while the database is away; more would only fill the memory.
WAITING_LIMIT = 10_000


class Lanes:
    """Work in order by lane. Work of the empty lane waits for nothing."""

    def __init__(self, limit: int = WAITING_LIMIT) -> None:
        self._limit = limit
        self._last: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add(self, lane: str, work: Coroutine[Any, Any, None]) -> bool:
        """Does the work after what its lane has before it; False when too much waits: then it is not done."""
        if len(self._running) >= self._limit:
            work.close()
            return False
        task = asyncio.create_task(self._after(self._last.get(lane) if lane else None, work))
        self._running.add(task)
        if lane:
            self._last[lane] = task
        task.add_done_callback(lambda done: self._ended(lane, done))
        return True

    async def drain(self, within_s: float) -> int:
        """Waits for the work that is under way and drops what is left then; gives how much that was."""
        if not self._running:
            return 0
        _, left = await asyncio.wait(set(self._running), timeout=within_s)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)

    async def _after(self, before: asyncio.Task[None] | None, work: Coroutine[Any, Any, None]) -> None:
        try:
            if before is not None:
                await asyncio.wait({before})
        except asyncio.CancelledError:
            work.close()
            raise
        await work

    def _ended(self, lane: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._last.get(lane) is task:
            del self._last[lane]
        if not task.cancelled() and (fault := task.exception()) is not None:
            logger.error("wecom_bot.fault", error=repr(fault))
