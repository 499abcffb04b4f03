"""With a Feishu helpdesk configured, a ticket of ours is worked on there, and its news reach the customer."""

from __future__ import annotations

from sqlalchemy import select

from store.schema import tickets
from tests.journeys.conftest import DM, Open, Play

HELPDESK = {"helpdesk": {"id": "6626", "token": "ht-made-up", "guest_open_id": "ou_desk_guest"}}
FAULT = "我的账号登录不上去了，一直报错，麻烦报个故障登记一下"


async def twin_of_a_new_ticket(play: Play) -> tuple[str, str]:
    await play.in_feishu(FAULT)
    await play.answer(DM)
    await play.quiet()
    row = await play.service.database.read(lambda c: c.execute(select(tickets)).one())
    return row.number, row.external_id


async def test_a_ticket_is_opened_there_once(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    number, twin = await twin_of_a_new_ticket(play)
    assert list(play.stage.feishu.helpdesk.tickets) == [twin]
    assert number in play.stage.ledger.transcript()
    assert play.stage.ledger.violations == []


async def test_what_an_agent_writes_there_reaches_the_customer_once(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    _, twin = await twin_of_a_new_ticket(play)
    mark = play.mark
    message = await play.stage.feishu.helpdesk.ticket_message_created(
        twin, "您好，账号已经解锁，请再试一次", sender_type=3, sender_open_id="ou_agent", sender_name="工程师"
    )
    await play.stage.feishu.redeliver(message)
    await play.answer(DM, mark, containing="账号已经解锁")
    await play.quiet()
    assert sum("账号已经解锁" in line for line in play.bot_lines(DM)) == 1


async def test_a_solved_ticket_is_told(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    number, twin = await twin_of_a_new_ticket(play)
    mark = play.mark
    await play.stage.feishu.helpdesk.ticket_updated(twin, status=51, solve=2, agent=("ou_agent", "工程师"))
    told = await play.answer(DM, mark, containing=number)
    assert "已解决" in told.text or "已关闭" in told.text


async def test_a_helpdesk_that_is_down_delays_the_twin_and_loses_nothing(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    play.stage.feishu.faults.next("*start_service*", http=500)
    await play.in_feishu(FAULT)
    told = await play.answer(DM)
    await play.stage.ledger.until(lambda one: one.extra.get("ticket_id") is not None, timeout_s=40)
    row = await play.service.database.read(lambda c: c.execute(select(tickets)).one())
    assert row.number in told.text
    assert len(play.stage.feishu.helpdesk.tickets) == 1


async def test_what_the_customer_adds_is_told_there(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    number, _ = await twin_of_a_new_ticket(play)
    mark = play.mark
    await play.in_feishu(f"帮我催一下工单 {number}，急用")
    await play.answer(DM, mark, containing=number)
    told = await play.stage.ledger.until(lambda one: one.seq > mark and one.chat_id != DM and "急用" in one.text)
    assert told.extra["ticket_id"]
