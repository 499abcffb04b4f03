"""Opens the streams of messages that arrive together in one write: a webhook's acknowledgement must stay cheap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from channels.wecom_bot.streams import Opening, Stream, open_streams
from store.database import Database

BATCH_LIMIT = 256


@dataclass(slots=True, eq=False)
class _Batch:
    openings: list[Opening] = field(default_factory=list)
    written: asyncio.Task[list[Stream]] | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Openings:
    """Openings that arrive while a write is running share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one_write = asyncio.Lock()
        self._gathering: _Batch | None = None

    async def open(self, opening: Opening) -> Stream:
        """Gives the opening's row once it is durable. Raises `RetryLater` when the database is gone."""
        batch = self._gathering
        if batch is None or len(batch.openings) >= BATCH_LIMIT:
            batch = self._gathering = _Batch()
            batch.written = asyncio.create_task(self._write(batch))
            batch.written.add_done_callback(lambda _, done=batch.done: done.set())  # type: ignore[misc]
        place = len(batch.openings)
        batch.openings.append(opening)
        # Waiting for the event, not for the task: a caller that hangs up must not take the others' write with it.
        await batch.done.wait()
        assert batch.written is not None
        return batch.written.result()[place]

    async def _write(self, batch: _Batch) -> list[Stream]:
        async with self._one_write:
            if self._gathering is batch:
                self._gathering = None
            return await self._database.write(lambda connection: open_streams(connection, batch.openings))
