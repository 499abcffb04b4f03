"""Finds lanes in which something waits and has them answered, a fixed number at once per process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection

import structlog
from sqlalchemy import Connection

from conversation.identity import new_id
from delivery.guard import caught
from delivery.terms import DeliveryTerms
from delivery.turn_loading import LoadedLane, TurnLoader
from delivery.turn_worker import LaneRun, TurnWorker
from delivery.wakeup import CHANGES, SENDS, TIMERS, TURNS, Wakeup
from store.database import Database
from store.lane_rows import claim, renew, waiting_lanes

logger = structlog.get_logger(__name__)

#: How many lanes one sweep names; they are then claimed a few at a time.
SWEEP = 256
#: How many lanes are remembered between claims; a sweep finds the rest.
HINTS = 10_000
#: Wake-ups from elsewhere cause at most one sweep in this time.
SWEEP_GAP_S = 0.05
#: Lanes named for each free slot: those that others hold are passed over.
NAMED_PER_SLOT = 4
PAUSE_S = 1.0


class TurnDispatcher:
    """One per process. `run` ends after `stop`, once the running turns are finished or given back."""

    def __init__(
        self,
        database: Database,
        loader: TurnLoader,
        worker: TurnWorker,
        wakeup: Wakeup,
        terms: DeliveryTerms,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._loader = loader
        self._worker = worker
        self._wakeup = wakeup
        self._terms = terms
        self._clock = clock
        self._holder = new_id("wk")
        self._running: dict[str, LaneRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hints: OrderedDict[str, None] = OrderedDict()
        self._next_sweep = self._last_sweep = 0.0
        self._slot_free = asyncio.Event()
        self._slot_free.set()
        self._stopping = asyncio.Event()

    def arrived(self, lanes: Collection[str]) -> None:
        """New rows were put in these lanes by this process."""
        for lane in lanes:
            if run := self._running.get(lane):
                run.newer_words()
            elif len(self._hints) < HINTS:
                self._hints[lane] = None

    def stop(self) -> None:
        """Claims nothing any more."""
        self._stopping.set()
        self._slot_free.set()
        self._wakeup.wake(TURNS)

    async def run(self) -> None:
        """Answers until stopped; then waits for the running turns, and gives back those that take too long."""
        renewing = asyncio.create_task(self._keep_leases())
        try:
            while not self._stopping.is_set():
                failure = await caught(self._step())
                if isinstance(failure, Exception):
                    logger.error("dispatcher.step_failed", error=repr(failure))
                    await asyncio.sleep(PAUSE_S)
            await self._drain()
        finally:
            renewing.cancel()
            for task in self._tasks.values():
                task.cancel()

    async def _step(self) -> None:
        await self._slot_free.wait()
        if self._stopping.is_set():
            return
        if self._hints:
            await self._claim_hinted()
        elif (wait := self._next_sweep - time.monotonic()) <= 0:
            await self._sweep()
        elif await self._wakeup.wait(TURNS, wait):
            self._next_sweep = min(self._next_sweep, self._last_sweep + SWEEP_GAP_S)

    async def _sweep(self) -> None:
        now = self._clock()
        lanes = await self._database.read(lambda connection: waiting_lanes(connection, now=now, wanted=SWEEP))
        self._last_sweep = time.monotonic()
        self._next_sweep = self._last_sweep + self._terms.poll_s
        for lane in lanes:
            if lane not in self._running:
                self._hints[lane] = None

    async def _claim_hinted(self) -> None:
        wanted = self._terms.turn_slots - len(self._running)
        named = self._take_hints(wanted * NAMED_PER_SLOT)
        if not named:
            return
        loaded = await self._database.write(lambda connection: self._claim(connection, named, wanted))
        for one in loaded:
            self._start(one)
        if len(loaded) == wanted:
            # The slots ran out, not the work. Had slots stayed free, what was not claimed could not be claimed now.
            self._remember_first([lane for lane in named if lane not in self._running])

    def _take_hints(self, most: int) -> list[str]:
        """The oldest hints, taken out before the claim: one that comes meanwhile is news and stays."""
        named: list[str] = []
        while self._hints and len(named) < most:
            lane, _ = self._hints.popitem(last=False)
            # What waits in a lane that is being answered is seen when its turn is written.
            if lane not in self._running:
                named.append(lane)
        return named

    def _remember_first(self, lanes: list[str]) -> None:
        for lane in reversed(lanes):
            self._hints[lane] = None
            self._hints.move_to_end(lane, last=False)

    def _claim(self, connection: Connection, lanes: list[str], wanted: int) -> list[LoadedLane]:
        now = self._clock()
        until = now + self._terms.lease_s
        epochs = claim(connection, lanes, holder=self._holder, now=now, until=until, wanted=wanted)
        return self._loader.load(connection, epochs, now, count_try=True) if epochs else []

    def _start(self, loaded: LoadedLane) -> None:
        run = self._worker.start(loaded)
        self._running[loaded.lane] = run
        self._tasks[loaded.lane] = asyncio.create_task(self._answer(run))
        if len(self._running) >= self._terms.turn_slots:
            self._slot_free.clear()

    async def _answer(self, run: LaneRun) -> None:
        lane = run.loaded.lane
        try:
            done = await self._worker.answer(run)
        finally:
            del self._running[lane], self._tasks[lane]
            self._slot_free.set()
        if done.more or run.newer:
            self._hints[lane] = None
            self._wakeup.wake(TURNS)
        for topic, wanted in ((SENDS, done.said), (TIMERS, done.scheduled), (CHANGES, True)):
            if wanted:
                self._wakeup.wake(topic)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._terms.renew_s)
            failure = await caught(self._renew())
            if isinstance(failure, Exception):
                logger.error("dispatcher.renewal_failed", error=repr(failure))

    async def _renew(self) -> None:
        held = {lane: run.loaded.epoch for lane, run in self._running.items()}
        if not held:
            return
        until = self._clock() + self._terms.lease_s
        lost = await self._database.write(lambda connection: renew(connection, held, holder=self._holder, until=until))
        for lane in lost:
            # A turn that is being committed has given its lease back already and ends by itself.
            if (task := self._tasks.get(lane)) and (run := self._running.get(lane)) and run.thinking:
                logger.warning("turn.lease_lost", lane=lane)
                task.cancel()

    async def _drain(self) -> None:
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=self._terms.drain_s)
        unfinished, stopped = dict(self._running), list(self._tasks.values())
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)
        for lane, run in unfinished.items():
            logger.info("turn.given_back", lane=lane)
            failure = await caught(self._worker.give_back(run.loaded))
            if isinstance(failure, Exception):
                logger.error("turn.not_given_back", lane=lane, error=repr(failure))
