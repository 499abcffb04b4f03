"""What is scheduled is done, at least once, and given up loudly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from conversation.errors import RetryLater
from delivery.timers import TimerAction, TimerCall, TimerWorker
from store.schema import timers
from store.timer_rows import schedule, start_due
from tests.conftest import FakeClock
from tests.delivery.stage import Stage, until


@asynccontextmanager
async def working(stage: Stage, actions: Mapping[str, TimerAction]) -> AsyncIterator[TimerWorker]:
    worker = TimerWorker(stage.database, actions, stage.wakeup, stage.terms, clock=stage.clock, chance=lambda: 0.5)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await running


class Diary:
    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls: list[TimerCall] = []

    async def __call__(self, call: TimerCall) -> None:
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)


async def plan(stage: Stage, key: str, due_in: float = 0, kind: str = "brief") -> bool:
    due = stage.clock.now + due_in
    return await stage.database.write(lambda connection: schedule(connection, kind, key, {"id": key}, due))


async def status_is(stage: Stage, *wanted: str) -> None:
    async with asyncio.timeout(20):
        while await stage.column(timers, "status") != list(wanted):
            await asyncio.sleep(0.005)


async def test_a_timer_fires_once_when_its_time_has_come(stage: Stage, clock: FakeClock) -> None:
    diary = Diary()
    await plan(stage, "soon", 10)
    async with working(stage, {"brief": diary}):
        await asyncio.sleep(0.1)
        assert diary.calls == []
        clock.advance(11)
        await status_is(stage, "done")
        await asyncio.sleep(0.1)
    [call] = diary.calls
    assert (call.key, call.payload, call.attempt) == ("soon", {"id": "soon"}, 1)


async def test_a_key_is_scheduled_once_even_after_it_was_done(stage: Stage) -> None:
    diary = Diary()
    assert await plan(stage, "k")
    assert not await plan(stage, "k")
    async with working(stage, {"brief": diary}):
        await status_is(stage, "done")
        assert not await plan(stage, "k")
    assert len(diary.calls) == 1


async def test_a_failed_action_is_tried_again_later(stage: Stage, clock: FakeClock) -> None:
    diary = Diary(KeyError("first"), RetryLater("busy", after_s=500))
    await plan(stage, "k")
    async with working(stage, {"brief": diary}):
        for number, wait in enumerate((20, 500), start=1):
            await until(lambda number=number: len(diary.calls) == number)
            async with asyncio.timeout(20):
                while (await stage.column(timers, "due_at"))[0] != clock.now + wait:
                    await asyncio.sleep(0.005)
            clock.advance(wait)
        await status_is(stage, "done")
    assert [call.attempt for call in diary.calls] == [1, 2, 3]


async def test_an_action_that_fails_five_times_is_dead(stage: Stage, clock: FakeClock) -> None:
    diary = Diary(*[ValueError("never")] * 9)
    await plan(stage, "k")
    async with working(stage, {"brief": diary}):
        for number in range(1, 6):
            await until(lambda number=number: len(diary.calls) == number)
            async with asyncio.timeout(20):
                while (await stage.column(timers, "lease_until"))[0] is not None:
                    await asyncio.sleep(0.005)
            clock.advance(1000)
        await status_is(stage, "dead")
    assert "never" in (await stage.column(timers, "error"))[0]


async def test_a_timer_whose_worker_died_is_done_by_another(stage: Stage, clock: FakeClock) -> None:
    diary = Diary()
    await plan(stage, "k")
    until_then = clock.now + 120
    taken = await stage.database.write(
        lambda connection: start_due(connection, ["brief"], now=clock.now, until=until_then, wanted=9)
    )
    assert len(taken) == 1
    async with working(stage, {"brief": diary}):
        await asyncio.sleep(0.1)
        assert diary.calls == []
        clock.advance(121)
        await status_is(stage, "done")
    assert diary.calls[0].attempt == 2


async def test_a_kind_that_nobody_knows_here_waits_for_somebody_who_does(stage: Stage) -> None:
    known, unknown = Diary(), Diary()
    await plan(stage, "a", kind="unknown")
    await plan(stage, "b", kind="brief")
    async with working(stage, {"brief": known}):
        await status_is(stage, "waiting", "done")
    async with working(stage, {"unknown": unknown}):
        await status_is(stage, "done", "done")


async def test_two_workers_do_each_timer_once(stage: Stage) -> None:
    diary = Diary()
    for number in range(40):
        await plan(stage, f"{number}")
    async with working(stage, {"brief": diary}), working(stage, {"brief": diary}):
        await status_is(stage, *["done"] * 40)
    assert sorted(int(call.key) for call in diary.calls) == list(range(40))


async def test_an_action_that_hangs_is_cut_off(stage: Stage) -> None:
    async def forever(_call: TimerCall) -> None:
        await asyncio.Event().wait()

    stage.terms = stage.terms.__class__(poll_s=0.02, timer_limit_s=0.05)
    await plan(stage, "k")
    async with working(stage, {"brief": forever}):
        async with asyncio.timeout(20):
            while "TimeoutError" not in (await stage.column(timers, "error"))[0]:
                await asyncio.sleep(0.005)


async def test_without_any_action_nothing_is_taken(stage: Stage) -> None:
    await plan(stage, "k")
    async with working(stage, {}):
        await asyncio.sleep(0.1)
    assert await stage.column(timers, "attempts") == [0]
