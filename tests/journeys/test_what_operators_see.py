"""The figures move when the thing happens, and a start does what an operator would forget."""

from __future__ import annotations

import asyncio

import httpx
import structlog

from channels.feishu.channel import FeishuChannel
from commands.asking import NUMBER_PLACE, ask_once
from playground import stage as scene
from tests.journeys.conftest import DM, ModelEndpoint, Open, Play
from tools.feishu_helpdesk import FeishuHelpdesk, HelpdeskSettings
from wiring_desk import subscribe_events

QUICK = {"quiet_s": 0, "cap_s": 0}
HELPDESK = {"helpdesk": {"id": "6626", "token": "ht-made-up", "guest_open_id": "ou_desk_guest"}}
FAULT = "我的账号登录不上去了，一直报错，麻烦报个故障登记一下"


async def figures(play: Play) -> dict[str, float]:
    """What `/metrics` shows, by name with labels."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{play.service.settings.port}/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def test_turns_and_sends_are_counted(play: Play) -> None:
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    await play.quiet()
    seen = await figures(play)
    turns = {name: value for name, value in seen.items() if name.startswith("huiying_turns_total")}
    assert list(turns.values()) == [1]
    assert 'outcome="Answered"' in next(iter(turns))
    assert seen["huiying_turn_seconds_count"] == 1
    assert seen['huiying_sends_total{channel="feishu",result="sent"}'] == 1
    assert seen['huiying_sends_total{channel="feishu",result="unknown"}'] == 0
    assert seen["huiying_model_calls_total"] == 0


async def test_a_send_that_feishu_puts_off_is_counted_as_such(play: Play) -> None:
    play.stage.feishu.faults.next("reply", rate_limited=True)
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    await play.quiet()
    seen = await figures(play)
    assert seen['huiying_sends_total{channel="feishu",result="retry"}'] == 1
    assert seen['huiying_sends_total{channel="feishu",result="sent"}'] == 1


async def test_the_models_calls_and_tokens_are_counted(open_stage: Open, model: ModelEndpoint) -> None:
    play = await open_stage(llm={**model.settings, "use_for_tickets": True}, delivery=QUICK)
    await play.in_feishu(FAULT)
    await play.answer(DM)
    await play.quiet()
    seen = await figures(play)
    assert seen["huiying_model_calls_total"] >= 1
    assert seen['huiying_model_tokens_total{direction="prompt"}'] > 0
    assert seen['huiying_model_tokens_total{direction="completion"}'] > 0


async def test_a_start_subscribes_the_helpdesks_events(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    async with asyncio.timeout(10):
        while len(play.stage.feishu.helpdesk.subscribed) < 3:
            await asyncio.sleep(0.02)
    assert play.stage.ledger.violations == []


async def test_a_helpdesk_that_refuses_is_a_log_line_that_says_what_to_do(open_stage: Open) -> None:
    play = await open_stage(desk=HELPDESK)
    feishu = play.service.channels["feishu", scene.ACCOUNT]
    assert isinstance(feishu, FeishuChannel)
    wrong = HelpdeskSettings("6626", "not its token", domain=play.stage.feishu_base)
    stranger = FeishuHelpdesk(wrong, play.service.client, feishu.tokens, clock=play.service.clock)
    with structlog.testing.capture_logs() as logs:
        await subscribe_events(stranger)
    (line,) = (one for one in logs if one["event"] == "helpdesk.not_subscribed")
    assert "huiying doctor" in line["cure"]
    assert "not its token" not in str(line)


async def test_asking_opens_no_ticket_and_says_where_its_number_would_stand(play: Play) -> None:
    answer = await ask_once(play.service, FAULT, room=None, customer=None)
    assert answer["outcome"] == "TicketOpened"
    assert NUMBER_PLACE in answer["reply"]
    assert "{" not in answer["reply"]
