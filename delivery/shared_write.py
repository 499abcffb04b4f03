"""Group commit: what arrives while one write is running shares the next one. Used by the inbox and the send worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from conversation.errors import RetryLater
from delivery.guard import caught

Item = TypeVar("Item")
Result = TypeVar("Result")


class SharedWrite(Generic[Item, Result]):
    """Gathers items for `write`, which takes a batch and gives one result per item, in order.

    A batch that fails for a reason of its own is written again item by item, so that a bad item fails alone; a
    database that is gone fails all of them at once.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, limit: int = 256) -> None:
        self._write = write
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Gives the item's own result once the batch it went with is durable; raises what its write raised."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_batches())
        return await done

    async def close(self) -> None:
        """Waits until everything that was added is written."""
        while (writer := self._writer) is not None:
            await asyncio.wait([writer])

    async def _write_batches(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._settle(batch)
        finally:
            self._writer = None

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        outcome = await caught(self._write([item for item, _ in batch]))
        if not isinstance(outcome, Exception):
            for (_, done), result in zip(batch, outcome, strict=True):
                if not done.done():
                    done.set_result(result)
        elif len(batch) == 1 or isinstance(outcome, RetryLater):
            for _, done in batch:
                if not done.done():
                    done.set_exception(outcome)
        else:
            for one in batch:
                await self._settle([one])
