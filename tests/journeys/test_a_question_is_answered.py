"""A customer asks what the knowledge base knows, and has the answer once."""

from __future__ import annotations

from sqlalchemy import select

from playground import stage as scene
from store.schema import turns
from tests.journeys.conftest import DM, LILI, Play


async def test_in_a_wecom_group_the_answer_fills_one_bubble(play: Play) -> None:
    await play.in_group("怎么申请退款")
    answer = await play.answer(scene.WECOM_GROUP)
    await play.quiet()

    assert "退款" in answer.text
    assert answer.extra["finish"] is True
    assert len(play.bot_lines(scene.WECOM_GROUP)) == 1
    assert play.stage.ledger.violations == []


async def test_in_a_feishu_chat_the_answer_is_a_reply_to_the_question(play: Play) -> None:
    asked = await play.in_feishu("满多少包邮")
    answer = await play.answer(DM)
    await play.quiet()

    assert "79" in answer.text
    assert answer.reply_to == asked
    assert len(play.bot_lines(DM)) == 1


async def test_no_model_is_called_for_a_known_question(play: Play) -> None:
    await play.in_feishu("怎么开发票")
    await play.answer(DM)
    await play.quiet()
    rows = await play.service.database.read(lambda c: c.execute(select(turns.c.outcome, turns.c.llm_calls)).all())
    assert [tuple(row) for row in rows] == [("Answered", 0)]


async def test_talk_among_members_is_not_interrupted(play: Play) -> None:
    await play.in_group("今天好热啊", mention=False)
    await play.in_group("是啊，晚上吃火锅吗", LILI, mention=False)
    await play.quiet()
    assert play.bot_lines(scene.WECOM_GROUP) == []


async def test_thanks_get_no_essay(play: Play) -> None:
    await play.in_feishu("谢谢")
    answer = await play.answer(DM)
    assert len(answer.text) <= 20
    mark = play.mark
    await play.in_feishu("好的")
    await play.quiet()
    assert [one.text for one in play.stage.ledger.of(DM, role="bot") if one.seq > mark] == []


async def test_where_a_bubble_waits_silence_closes_it_with_the_least_sign(play: Play) -> None:
    await play.in_single("好的")
    await play.quiet()
    shown = play.stage.ledger.of("aming", role="bot")
    assert [one.extra["finish"] for one in shown] == [True]
    assert len(shown[0].text) <= 4


async def test_two_questions_in_one_message_are_both_answered(play: Play) -> None:
    await play.in_feishu("满多少包邮？另外怎么开发票")
    answer = await play.answer(DM)
    await play.quiet()

    assert "79" in answer.text
    assert "发票" in answer.text.replace("怎么开发票", "")
    assert len(play.bot_lines(DM)) == 1
