"""However often a platform delivers a message, it is answered once."""

from __future__ import annotations

import asyncio

from playground import stage as scene
from tests.journeys.conftest import DM, Play


async def test_a_repeat_on_feishu_is_acknowledged_and_not_answered_again(play: Play) -> None:
    asked = await play.in_feishu("满多少包邮")
    await asyncio.gather(*(play.stage.feishu.redeliver(asked) for _ in range(5)))
    await play.answer(DM)
    await play.stage.feishu.redeliver(asked)
    await play.quiet()
    assert len(play.bot_lines(DM)) == 1


async def test_a_repeat_on_wecom_gets_the_same_bubble(play: Play) -> None:
    asked = await play.in_group("怎么申请退款")
    await asyncio.gather(*(play.stage.wecom.redeliver(asked) for _ in range(3)))
    await play.answer(scene.WECOM_GROUP)
    await play.quiet()
    assert len(play.bot_lines(scene.WECOM_GROUP)) == 1


async def test_a_burst_of_fragments_gets_one_answer(play: Play) -> None:
    for fragment in ("你好", "我想问一下", "满多少可以包邮呀"):
        await play.in_feishu(fragment)
    answer = await play.answer(DM, containing="79")
    await play.quiet()
    assert play.bot_lines(DM) == [answer.text]


async def test_a_lost_answer_of_the_platform_doubles_nothing(play: Play) -> None:
    play.stage.feishu.faults.next("reply", drop=True)
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    await play.quiet()
    assert len(play.bot_lines(DM)) == 1


async def test_a_busy_platform_gets_the_answer_later(play: Play) -> None:
    play.stage.feishu.faults.next("reply", rate_limited=True)
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    await play.quiet()
    assert len(play.bot_lines(DM)) == 1
