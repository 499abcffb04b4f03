"""Wake-ups between parts: a hint that there is work, never the work itself. Sweeps find what a lost hint forgot."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Protocol

#: Inbox rows wait for a turn; outbox rows wait to be sent; timers are due soon; something that screens show changed.
TURNS, SENDS, TIMERS, CHANGES = "turns", "sends", "timers", "changes"


class Wakeup(Protocol):
    """Who tells sleeping workers, here and in other processes, that there is something to do."""

    def wake(self, topic: str) -> None:
        """Hints that `topic` has work. Never blocks and never fails; the hint may be lost on the way elsewhere."""
        ...

    async def wait(self, topic: str, timeout_s: float) -> bool:
        """Returns True at the next hint, or at once for a hint given while nobody waited; False after `timeout_s`."""
        ...

    async def problem(self) -> str:
        """Why hints do not reach other processes, in words; empty when they do, or need not."""
        ...

    async def close(self) -> None:
        """Stops listening; nobody waits any more."""
        ...


class LocalWakeup:
    """Wake-ups inside one process.

    All who wait for a topic are woken together. A hint that meets nobody is kept for the next one who waits, so a
    worker that is busy when the hint comes does not miss it; only the first of several waiters gets a kept hint.
    """

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._kept: set[str] = set()

    def wake(self, topic: str) -> None:
        """See `Wakeup.wake`."""
        waiters = self._waiters.pop(topic, None)
        if not waiters:
            self._kept.add(topic)
            return
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, topic: str, timeout_s: float) -> bool:
        """See `Wakeup.wait`."""
        if topic in self._kept:
            self._kept.discard(topic)
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[topic].add(waiter)
        try:
            done, _ = await asyncio.wait([waiter], timeout=timeout_s)
        finally:
            self._waiters[topic].discard(waiter)
        return bool(done)

    async def problem(self) -> str:
        """See `Wakeup.problem`."""
        return ""

    async def close(self) -> None:
        """See `Wakeup.close`."""
        for topic in list(self._waiters):
            self.wake(topic)
