"""Speaks as Feishu customers and waits for the platform call that answers: one exchange at a time per conversation."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from evals.bench.figures import Interval, clipped, covered_s
from evals.rig.platforms import STAFF_CHAT, Platforms


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message and what came back. Times are of `time.perf_counter`; without a reply `replied` is when we gave up."""

    message_id: str
    text: str
    posted: float
    replied: float
    reply: str | None
    calls: tuple[Interval, ...] = ()

    @property
    def wall_s(self) -> float:
        """From the webhook post to the platform call."""
        return self.replied - self.posted

    @property
    def calls_before_reply(self) -> list[Interval]:
        """The model calls that the customer waited for."""
        return clipped(self.calls, self.posted, self.replied)

    @property
    def overhead_s(self) -> float:
        """What of the wall time was not spent inside model calls."""
        return self.wall_s - covered_s(self.calls_before_reply)


@dataclass(slots=True)
class Driver:
    """Everybody who talks to the service."""

    platforms: Platforms
    _waiting: dict[str, asyncio.Future[tuple[float, str | None]]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def newcomer(self) -> str:
        """Somebody who never wrote before."""
        return f"ou_driver_{next(self._numbers):06}"

    async def exchange(self, text: str, who: str = "", limit_s: float = 10.0) -> Exchange:
        """Says `text` in the chat of `who` (somebody new without one) and waits for the reply."""
        person = who or self.newcomer()
        chat = f"oc_p2p_{person}"
        answer = self._waiting[chat] = asyncio.get_running_loop().create_future()
        known = len(self.platforms.llm.calls)
        posted = time.perf_counter()
        message_id = await self.platforms.feishu.say(
            chat_id=chat, user_open_id=person, user_name="顾客", text=text, chat_type="p2p"
        )
        try:
            async with asyncio.timeout(limit_s):
                replied, reply = await answer
        except TimeoutError:
            return Exchange(message_id, text, posted, time.perf_counter(), None)
        finally:
            del self._waiting[chat]
        calls = tuple((call.started, call.ended) for call in self.platforms.llm.calls[known:])
        return Exchange(message_id, text, posted, replied, reply, calls)

    def hush(self, who: str) -> None:
        """Ends the wait in the chat of `who`: no reply will come."""
        waiting = self._waiting.get(f"oc_p2p_{who}")
        if waiting is not None and not waiting.done():
            waiting.set_result((time.perf_counter(), None))

    async def listen(self) -> None:
        """Hands every bot message to whoever waits in its chat; runs until it is cancelled."""
        async for change in self.platforms.ledger.changes(self.platforms.ledger.last_seq):
            if change["change"] != "added" or change["sender_role"] != "bot" or change["chat_id"] == STAFF_CHAT:
                continue
            waiting = self._waiting.get(change["chat_id"])
            if waiting is not None and not waiting.done():
                waiting.set_result((time.perf_counter(), change["text"]))


@asynccontextmanager
async def driving(platforms: Platforms) -> AsyncIterator[Driver]:
    """A driver that listens for as long as the block runs."""
    driver = Driver(platforms)
    listening = asyncio.create_task(driver.listen())
    try:
        yield driver
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
