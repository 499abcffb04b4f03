"""One answer, one way: in the response of the held callback, or by a call; also when two processes share the work."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.mp_held import LOOK_S
from conversation.messages import OutgoingMessage
from store.database import Database
from tests.channels.mp_stage import MpStage, RunningClock, build, staged
from tests.channels.official_account.stage import FOLDER, with_settings

LONG = "请您先检查电源，再长按开机键十秒。" * 60


async def until_kept(stage: MpStage, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while len(stage.intake.messages) < count:
            await asyncio.sleep(0.005)


async def asking(stage: MpStage, text: str = "怎么退款") -> asyncio.Task[str]:
    """A customer's message whose callback is being held."""
    before = len(stage.intake.messages)
    task = asyncio.create_task(stage.double.say("alice", text))
    await until_kept(stage, before + 1)
    return task


async def timed(work: Awaitable[Any]) -> float:
    start = asyncio.get_running_loop().time()
    await work
    return asyncio.get_running_loop().time() - start


def sent_fields(stage: MpStage) -> dict[str, Any]:
    """What the platform posted last."""
    return next(reversed(stage.double._sent.values()))[1]


@asynccontextmanager
async def sending_elsewhere(stage: MpStage) -> AsyncIterator[Any]:
    """Another process: it shares nothing with the one that holds the callbacks but the database and the platform."""
    other = build(
        stage.settings, intake=stage.intake, database=stage.database, client=stage.platform_http, clock=stage.clock
    )
    try:
        yield other
    finally:
        await other.close()


async def test_an_answer_in_time_leaves_in_the_response(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.send(holding.reply("三天内到账"), "k1")
    await question
    assert holding.ways("alice") == [("passive", "三天内到账")]
    assert not [call for call in holding.double.ledger.calls if call.call == "custom_send"]
    assert holding.double.violations == []


async def test_sending_again_under_the_same_key_changes_nothing(holding: MpStage) -> None:
    question = await asking(holding)
    for _ in range(3):
        await holding.channel.send(holding.reply("三天内到账"), "k1")
    await question
    assert holding.ways("alice") == [("passive", "三天内到账")]


async def test_a_second_answer_goes_by_a_call(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.send(holding.reply("三天内到账"), "k1")
    await holding.channel.send(holding.reply("周末顺延"), "k2")
    await question
    assert sorted(holding.ways("alice")) == [("custom", "周末顺延"), ("passive", "三天内到账")]


async def test_an_answer_that_is_late_goes_by_a_call(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    assert stage.ways("alice") == [("custom", "三天内到账")]
    assert stage.double.violations == []


async def test_a_text_of_several_parts_goes_by_calls_and_lets_the_callback_go(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.send(holding.reply(LONG), "k1")
    assert await timed(question) < 1.0
    assert [way for way, _ in holding.ways("alice")] == ["custom", "custom"]
    assert "".join(holding.double.shown("alice")) == LONG


async def test_a_burst_is_answered_in_the_newest_response_and_the_others_are_let_go(holding: MpStage) -> None:
    questions = [await asking(holding, text) for text in ("你好", "我的订单", "怎么还没到")]
    await holding.channel.send(holding.reply("明天到", *holding.intake.messages), "k1")
    assert await timed(asyncio.gather(*questions)) < 1.0
    assert holding.ways("alice") == [("passive", "明天到")]
    assert holding.double.ledger.of("alice", "bot")[0].extra["answers"] == await questions[-1]


async def test_a_turn_that_stays_silent_lets_the_callback_go(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.send(holding.reply(""), "k1")
    assert await timed(question) < 1.0
    assert holding.double.shown("alice") == []
    assert holding.double.violations == []


async def test_an_answer_without_a_handle_goes_by_a_call(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.send(OutgoingMessage(holding.room("alice"), text="您好，我是坐席小李"), "k1")
    assert holding.ways("alice") == [("custom", "您好，我是坐席小李")]
    await holding.channel.send(holding.reply("三天内到账"), "k2")
    await question
    assert holding.ways("alice")[1:] == [("passive", "三天内到账")]


async def test_an_answer_of_another_process_leaves_in_the_response_that_we_hold(holding: MpStage) -> None:
    question = await asking(holding)
    async with sending_elsewhere(holding) as other:
        await other.send(holding.reply("三天内到账"), "k1")
        await question
        await other.send(holding.reply("三天内到账"), "k1")
    assert holding.ways("alice") == [("passive", "三天内到账")]


async def test_a_callback_whose_process_died_is_not_waited_for_longer_than_it_was_held(database: Database) -> None:
    async with staged(with_settings(hold_s=0.8), database, folder=FOLDER) as stage:
        stage.double.follow("alice")
        stage.double.windows.acted("alice", "message")
        fields = stage.double.head("alice", "text") | {"Content": "怎么退款", "MsgId": 1}
        held = asyncio.create_task(stage.post(fields))
        await until_kept(stage)
        held.cancel()  # the holder is gone: nobody will pick anything up
        await asyncio.gather(held, return_exceptions=True)
        async with sending_elsewhere(stage) as other:
            assert await timed(other.send(stage.reply("三天内到账"), "k1")) < 2.0
        assert stage.ways("alice") == [("custom", "三天内到账")]


async def test_a_response_that_got_lost_is_given_again_to_the_redelivery(holding: MpStage) -> None:
    holding.double.faults.next("webhook", drop=True)
    question = await asking(holding)
    await holding.channel.send(holding.reply("三天内到账"), "k1")
    await question
    assert holding.ways("alice") == [("passive", "三天内到账")]
    assert [one.outcome for one in holding.double.ledger.deliveries] == ["late", "answered"]
    assert len(holding.intake.messages) == 1


async def test_a_redelivery_while_the_first_is_held_gets_the_same_answer(holding: MpStage) -> None:
    question = await asking(holding)
    again = asyncio.create_task(holding.double.deliver_raw(*holding.double.sealed(sent_fields(holding))))
    await asyncio.sleep(0.05)
    await holding.channel.send(holding.reply("三天内到账"), "k1")
    await question
    assert (await again).text != "success"
    assert holding.ways("alice") == [("passive", "三天内到账")]


async def test_a_redelivery_of_what_went_by_a_call_is_only_acknowledged(stage: MpStage) -> None:
    number = await stage.double.say("alice", "怎么退款")
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    await stage.double.redeliver(number)
    assert stage.ways("alice") == [("custom", "三天内到账")]


async def test_callbacks_that_nobody_answers_end_in_time(database: Database) -> None:
    async with staged(with_settings(hold_s=0.3), database, folder=FOLDER, answer_s=1.0) as stage:
        assert 0.25 < await timed(stage.double.say("alice", "怎么退款")) < 1.0
        assert [one.outcome for one in stage.double.ledger.deliveries] == ["answered"]


@pytest.mark.parametrize("round_", range(3))
async def test_answers_around_the_last_moment_arrive_once_each(database: Database, round_: int) -> None:
    """Forty customers, answers of two processes that come before, at and after the end of the hold."""
    hold_s, chance = 1.0, random.Random(round_)
    clock = RunningClock()
    async with staged(with_settings(hold_s=hold_s), database, folder=FOLDER, clock=clock) as stage:
        async with sending_elsewhere(stage) as other:

            async def one(number: int) -> None:
                openid = f"customer{number}"
                asked = asyncio.create_task(stage.double.say(openid, "怎么退款"))
                while not (mine := [m for m in stage.intake.messages if m.sender.person_id == openid]):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(chance.uniform(0.3, 1.1) * hold_s)
                sender = chance.choice([stage.channel, other])
                await sender.send(stage.reply("三天内到账", *mine), f"k{number}")
                await asked

            await asyncio.gather(*(one(number) for number in range(40)))
            for number in range(40):
                assert stage.double.shown(f"customer{number}") == ["三天内到账"], stage.ways(f"customer{number}")
        assert stage.double.violations == []


async def test_closing_lets_everybody_go(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.close()
    assert await timed(question) < 1.0 + LOOK_S


async def test_old_claims_are_forgotten_and_young_ones_are_not(holding: MpStage) -> None:
    question = await asking(holding)
    await holding.channel.send(holding.reply("三天内到账"), "k1")
    await question
    assert await holding.channel.tidy(holding.clock()) == 0
    assert await holding.channel.tidy(holding.clock() + 7300) == 1
