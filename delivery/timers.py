"""Does what was scheduled for later: at least once, under a lease, and given up after enough failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from conversation.errors import RetryLater
from delivery.guard import caught
from delivery.retry_policy import backoff
from delivery.terms import DeliveryTerms
from delivery.wakeup import CHANGES, SENDS, TIMERS, Wakeup
from store.database import Database
from store.timer_rows import TimerRow, next_due, settle, start_due

logger = structlog.get_logger(__name__)

PAUSE_S = 1.0
FIRST_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class TimerCall:
    """A timer whose time has come. `attempt` counts from 1; `due_at` is when it was to be done (Unix seconds)."""

    kind: str
    key: str
    payload: Mapping[str, Any]
    due_at: float
    attempt: int


#: Does what a timer asks for. It may run more than once for the same key, so it writes by that key.
TimerAction = Callable[[TimerCall], Awaitable[None]]


class TimerWorker:
    """One per process. Kinds without an action here stay waiting for a process that has one."""

    def __init__(
        self,
        database: Database,
        actions: Mapping[str, TimerAction],
        wakeup: Wakeup,
        terms: DeliveryTerms,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._actions = actions
        self._wakeup = wakeup
        self._terms = terms
        self._clock = clock
        self._chance = chance
        self._running: set[asyncio.Task[None]] = set()
        self._slot_free = asyncio.Event()
        self._slot_free.set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Starts nothing more."""
        self._stopping.set()
        self._slot_free.set()
        self._wakeup.wake(TIMERS)

    async def run(self) -> None:
        """Works until stopped; then waits a while for the actions that run. The others are done again later."""
        try:
            while not self._stopping.is_set():
                failure = await caught(self._step())
                if isinstance(failure, Exception):
                    logger.error("timers.step_failed", error=repr(failure))
                    await asyncio.sleep(PAUSE_S)
            if self._running:
                await asyncio.wait(self._running, timeout=self._terms.drain_s)
        finally:
            for task in self._running:
                task.cancel()

    async def _step(self) -> None:
        await self._slot_free.wait()
        if self._stopping.is_set():
            return
        now, wanted = self._clock(), self._terms.timer_slots - len(self._running)
        until, kinds = now + self._terms.timer_lease_s, list(self._actions)
        due = await self._database.write(
            lambda connection: start_due(connection, kinds, now=now, until=until, wanted=wanted)
        )
        for row in due:
            task = asyncio.create_task(self._do(row))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(self._running) >= self._terms.timer_slots:
            self._slot_free.clear()
        elif not due:
            await self._wait(now)

    async def _wait(self, now: float) -> None:
        following = await self._database.read(lambda connection: next_due(connection, now))
        due_in = self._terms.poll_s if following is None else following - self._clock()
        await self._wakeup.wait(TIMERS, max(0.0, min(due_in, self._terms.poll_s)))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._slot_free.set()

    async def _do(self, row: TimerRow) -> None:
        if row.attempts > self._terms.timer_tries:
            await self._settle(row, RuntimeError("its worker died each time"))
            return
        call = TimerCall(row.kind, row.key, orjson.loads(row.payload), row.due_at, row.attempts)
        failure = await caught(asyncio.wait_for(self._actions[row.kind](call), self._terms.timer_limit_s))
        await self._settle(row, failure)

    def _wait_after(self, row: TimerRow, failure: Exception) -> float:
        asked = failure.after_s if isinstance(failure, RetryLater) else None
        return max(asked or 0.0, backoff(row.attempts, self._chance(), first_s=FIRST_WAIT_S))

    async def _settle(self, row: TimerRow, failure: Exception | None) -> None:
        status, later, error = "done", None, ""
        if failure is not None:
            dead = row.attempts >= self._terms.timer_tries
            status, error = ("dead" if dead else "waiting"), repr(failure)
            later = None if dead else self._clock() + self._wait_after(row, failure)
            logger.error("timer.failed", kind=row.kind, key=row.key, attempt=row.attempts, dead=dead, error=error)
        outcome = await caught(
            self._database.write(lambda connection: settle(connection, row, status=status, later=later, error=error))
        )
        if isinstance(outcome, Exception):
            logger.error("timer.not_settled", kind=row.kind, key=row.key, error=repr(outcome))
        self._wakeup.wake(SENDS)
        self._wakeup.wake(CHANGES)
