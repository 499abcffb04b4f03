"""Tells those who wait inside this process that a row changed. What happens in other processes is found by looking."""

from __future__ import annotations

import asyncio


class News:
    """Take `next` before you look: news that come while you look are not missed then."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Is set at the next news."""
        return self._event

    def tell(self) -> None:
        """Wakes everybody who waits."""
        # Waiters hold the old event: replacing it wakes each of them once and needs no lock.
        event, self._event = self._event, asyncio.Event()
        event.set()


async def came(event: asyncio.Event, within_s: float) -> bool:
    """True once the event is set, False after `within_s` seconds."""
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False
