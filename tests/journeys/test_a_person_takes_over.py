"""From "转人工" to a person and back: staff read a card, take it, answer in its thread, and give it back."""

from __future__ import annotations

import asyncio

from playground import stage as scene
from tests.journeys.conftest import DM, LI, ZHOU, Play


async def test_the_customer_is_told_the_truth_and_staff_get_a_card(play: Play) -> None:
    await play.in_feishu("收到的杯子是碎的，太失望了")
    await play.answer(DM)
    mark = play.mark
    await play.in_feishu("转人工")
    told = await play.answer(DM, mark)
    card = await play.card()

    assert "人工客服" in told.text
    shown = str(card.card)
    assert "陈晨" in shown
    assert "杯子" in shown
    assert next(button["text"] for button in play.stage.feishu.buttons(card.message_id)) == "接单"


async def test_staff_answer_in_the_thread_and_the_customer_has_it_on_feishu(play: Play) -> None:
    await play.in_feishu("转人工")
    card = await play.card()
    taken = await play.press(card, "接单")
    assert taken["toast"]["type"] == "success"
    mark = play.mark
    await play.staff_writes(card, "您好，我是小李，杯子马上给您补发")
    told = await play.answer(DM, mark, containing="补发")
    assert told.text == "您好，我是小李，杯子马上给您补发"


async def test_staff_answer_reaches_a_wecom_customer(play: Play) -> None:
    await play.in_single("转人工")
    card = await play.card()
    await play.press(card, "接单")
    mark = play.mark
    await play.staff_writes(card, "您好，我来帮您看看")
    told = await play.answer("aming", mark, containing="我来帮您看看")
    await play.quiet()
    assert told.sender_role == "bot"
    assert play.stage.ledger.violations == []


async def test_while_a_person_has_it_the_bot_is_silent_and_words_reach_the_thread(play: Play) -> None:
    await play.in_feishu("转人工")
    card = await play.card()
    await play.press(card, "接单")
    await play.quiet()
    mark = play.mark
    await play.in_feishu("满多少包邮")
    heard = await play.answer(scene.STAFF_CHAT, mark, containing="满多少包邮")
    await play.quiet()
    assert heard.thread_id
    assert [one.text for one in play.stage.ledger.of(DM, role="bot") if one.seq > mark] == []


async def test_after_giving_back_the_bot_answers_again(play: Play) -> None:
    await play.in_feishu("转人工")
    card = await play.card()
    await play.press(card, "接单")
    await play.press(card, "归还机器人")
    await play.quiet()
    mark = play.mark
    await play.in_feishu("满多少包邮")
    assert "79" in (await play.answer(DM, mark, containing="79")).text


async def test_of_two_who_press_at_once_one_has_it_and_the_other_learns_by_whom(play: Play) -> None:
    await play.in_feishu("转人工")
    card = await play.card()
    both = await asyncio.gather(play.press(card, "接单", LI), play.press(card, "接单", ZHOU))
    toasts = sorted(one["toast"]["content"] for one in both)
    assert any("已接单，机器人已停止发言" in toast for toast in toasts)
    assert any(toast in ("小李 已接单", "小周 已接单") for toast in toasts)


async def test_writing_in_the_thread_is_taking_over(play: Play) -> None:
    await play.in_feishu("转人工")
    card = await play.card()
    await play.staff_writes(card, "我来处理")
    await play.answer(DM, containing="我来处理")
    await play.quiet()
    mark = play.mark
    await play.in_feishu("满多少包邮")
    await play.quiet()
    assert [one.text for one in play.stage.ledger.of(DM, role="bot") if one.seq > mark] == []


async def test_a_resolved_matter_starts_anew_with_the_bot(play: Play) -> None:
    await play.in_feishu("转人工")
    card = await play.card()
    await play.press(card, "接单")
    await play.press(card, "已解决")
    await play.quiet()
    mark = play.mark
    await play.in_feishu("怎么开发票")
    assert "发票" in (await play.answer(DM, mark, containing="发票")).text


async def test_words_written_before_the_card_is_there_reach_its_thread(play: Play) -> None:
    play.stage.feishu.faults.next("create", http=500)
    await play.in_feishu("转人工")
    await play.answer(DM)
    await play.in_feishu("是订单 20260318001 的事")
    await play.in_feishu("还要等多久")
    card = await play.card()
    heard = await play.answer(scene.STAFF_CHAT, containing="还要等多久")
    await play.quiet()
    assert heard.reply_to == card.message_id or heard.thread_id
    lines = play.bot_lines(scene.STAFF_CHAT)
    assert sum("20260318001" in line for line in lines if line.startswith("客户：")) == 1
