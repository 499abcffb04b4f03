"""A reply answers all the words that were there before it left; a complete question never waits for more."""

from __future__ import annotations

import asyncio

import pytest

from conversation.outcomes import TurnResult
from conversation.turn import Turn
from delivery.turn_commit import Committed
from store.schema import inbox, outbox, turns
from tests.conftest import FakeClock
from tests.delivery.doubles import Thinker, echo, message, picture
from tests.delivery.stage import Stage, until


async def test_words_that_arrive_while_thinking_are_taken_in_at_once(stage: Stage) -> None:
    stage.thinker.gate = asyncio.Event()
    async with stage.open():
        await stage.put(message(1, "我想退货？"))
        await stage.thinker.begun.wait()
        await stage.put(message(2, "订单号 123？"))
        await until(lambda: len(stage.thinker.turns) == 2)
        stage.thinker.gate.set()
        await until(lambda: stage.channel.sent)
    assert stage.channel.texts == ["答：我想退货？\n订单号 123？"]
    first, second = stage.thinker.turns
    assert first.turn_id == second.turn_id


async def test_words_put_by_another_process_are_seen_before_the_reply_is_written(stage: Stage) -> None:
    async def think(turn: Turn) -> TurnResult:
        stage.thinker.turns.append(turn)
        if len(stage.thinker.turns) == 1:
            await stage.put(message(2))
        return echo(turn)

    await stage.put(message(1))
    await stage.answer(think)
    assert [len(turn.burst) for turn in stage.thinker.turns] == [1, 2]
    assert len(await stage.rows(outbox)) == 1


async def test_after_three_restarts_the_reply_leaves_and_the_rest_is_the_next_turn(stage: Stage) -> None:
    async def think(turn: Turn) -> TurnResult:
        stage.thinker.turns.append(turn)
        await stage.put(message(len(stage.thinker.turns) + 1))
        return echo(turn)

    await stage.put(message(1))
    [done] = await stage.answer(think)
    assert done == Committed(more=True, said=True)
    assert [len(turn.burst) for turn in stage.thinker.turns] == [1, 2, 3, 4]
    assert await stage.column(inbox, "status") == ["done"] * 4 + ["waiting"]
    assert await stage.column(inbox, "attempts", status="waiting") == [0]
    await stage.answer()
    assert len(await stage.rows(turns)) == 2


async def test_a_talkative_customer_gets_answers_in_order_with_nothing_left_out(stage: Stage) -> None:
    stage.thinker = Thinker()
    async with stage.open():
        for number in range(40):
            await stage.put(message(number, f"第{number}句？"))
            if number % 3 == 0:
                await asyncio.sleep(0.005)
        await until(lambda: sum(text.count("句？") for text in stage.channel.texts) == 40)
    answered = "\n".join(text.removeprefix("答：") for text in stage.channel.texts)
    assert answered.split("\n") == [f"第{number}句？" for number in range(40)]


class Pauses:
    """Sleeps by moving the clock, and tells how long."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.clock.advance(seconds)


async def held(stage: Stage, clock: FakeClock, **terms: float) -> list[float]:
    pauses = Pauses(clock)
    worker = stage.worker(sleep=pauses, **{"quiet_s": 1.2, "cap_s": 3.0, **terms})
    for loaded in await stage.claim():
        assert (await worker.answer(worker.start(loaded))).said
    return pauses.waits


@pytest.mark.parametrize("text", ["怎么退货？", "我的订单什么时候发货", "转人工", "好的", "12345", "多少钱"])
async def test_a_complete_line_never_waits(stage: Stage, clock: FakeClock, text: str) -> None:
    await stage.put(message(1, text))
    assert await held(stage, clock) == []


@pytest.mark.parametrize("text", ["你好", "在吗", "您好，在吗？", "我想问一下：", "是这样的，", "那个", "因为"])
async def test_a_line_that_looks_unfinished_waits_for_a_quiet_moment(stage: Stage, clock: FakeClock, text: str) -> None:
    await stage.put(message(1, text))
    assert await held(stage, clock) == [1.2]


async def test_a_picture_without_words_waits(stage: Stage, clock: FakeClock) -> None:
    await stage.put(picture(1))
    assert await held(stage, clock) == [1.2]


async def test_time_spent_thinking_counts(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1, "你好"))
    clock.advance(0.9)
    assert await held(stage, clock) == [0.3]
    await stage.put(message(2, "你好"))
    clock.advance(5)
    assert await held(stage, clock) == []


async def test_a_burst_is_held_no_longer_than_the_cap(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1, "你好"))
    clock.advance(2.5)
    await stage.put(message(2, "在吗"))
    assert await held(stage, clock) == [0.5]


async def test_the_hold_can_be_switched_off(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1, "你好"))
    assert await held(stage, clock, quiet_s=0) == []


async def test_words_that_arrive_during_the_hold_are_answered_with_the_rest(stage: Stage, clock: FakeClock) -> None:
    async def pause(_seconds: float) -> None:
        await stage.put(message(2, "怎么退货？"))
        run.newer_words()
        await asyncio.sleep(60)

    await stage.put(message(1, "你好"))
    worker = stage.worker(sleep=pause, quiet_s=1.2)
    [loaded] = await stage.claim()
    run = worker.start(loaded)
    await worker.answer(run)
    assert [turn.text for turn in stage.thinker.turns] == ["你好", "你好\n怎么退货？"]
    assert len(await stage.rows(outbox)) == 1
