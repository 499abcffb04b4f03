from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from playground import FeishuDouble
from tests.playground.stages import ENCRYPT_KEY, HELPDESK, VERIFICATION, FeishuStage, caller

DESK = "/open-apis/helpdesk/v1"
SECOND = {"X-Lark-Helpdesk-Authorization": base64.b64encode(":".join(HELPDESK).encode()).decode()}


async def call(stage: FeishuStage, method: str, path: str, user: bool = False, **request: Any) -> dict[str, Any]:
    bearer = {"Authorization": "Bearer u-agent"} if user else await stage.login()
    answer = await stage.api.request(method, f"{DESK}/{path}", headers={**SECOND, **bearer}, **request)
    found: dict[str, Any] = answer.json()
    return found


async def opened(stage: FeishuStage) -> str:
    body = {"human_service": True, "open_id": "ou_li", "appointed_agents": ["ou_agent"], "customized_info": "TK-1"}
    return str((await call(stage, "POST", "start_service", json=body))["data"]["ticket_id"])


async def test_only_human_service_tells_the_ticket_id(feishu: FeishuStage) -> None:
    bot = await call(feishu, "POST", "start_service", json={"human_service": False, "open_id": "ou_li"})
    assert set(bot["data"]) == {"chat_id"}
    ticket_id = await opened(feishu)
    ticket = (await call(feishu, "GET", f"tickets/{ticket_id}"))["data"]["ticket"]
    assert (ticket["guest"]["id"], ticket["ticket_type"], ticket["status"]) == ("ou_li", 2, 2)
    assert (ticket["agents"][0]["id"], ticket["closed_at"]) == ("ou_agent", -1)
    listed = (await call(feishu, "GET", "tickets", params={"status_list": [2], "page_size": 1}))["data"]
    assert (listed["total"], listed["tickets"]) == (1, [ticket])
    assert (await call(feishu, "POST", "start_service", json={"human_service": True}))["code"] == 154000


async def test_the_second_credential_is_needed(feishu: FeishuStage) -> None:
    for header in ({}, {"X-Lark-Helpdesk-Authorization": "d3Jvbmc="}):
        answer = await feishu.api.get(f"{DESK}/tickets", headers={**await feishu.login(), **header})
        assert (answer.status_code, answer.json()["code"]) == (401, 154001)
    async with httpx.AsyncClient() as client:
        keys = ("cli_a", "s3cret", ENCRYPT_KEY, VERIFICATION, "ou_bot", "小汇")
        bare = FeishuDouble(*keys, callback_url="http://bot.test/hook", client=client)
        async with caller(bare.app) as api:
            stage = FeishuStage(bare, feishu.bot, api, feishu.clock)
            assert (await call(stage, "GET", "tickets"))["code"] == 154001


async def test_changing_a_ticket_needs_a_persons_token(feishu: FeishuStage) -> None:
    ticket_id = await opened(feishu)
    done = {"status": 51, "tag_names": ["退款"], "solved": 2, "customized_fields": [{"id": "1", "value": "refund"}]}
    assert (await call(feishu, "PUT", f"tickets/{ticket_id}", json=done))["code"] == 99991668
    assert (await call(feishu, "PUT", f"tickets/{ticket_id}", user=True, json={"status": 52}))["code"] == 154000
    assert (await call(feishu, "PUT", f"tickets/{ticket_id}", user=True, json=done))["code"] == 0
    ticket = feishu.double.helpdesk.tickets[ticket_id]
    assert (ticket.status, ticket.solve, ticket.tags) == (51, 2, ["退款"])
    assert ticket.closed_ms == int(feishu.clock.now * 1000)
    assert feishu.bot.heard == [], "an API call posts no event by itself"


@pytest.mark.parametrize("content", [json.dumps({"text": "您好"}), {"text": "您好"}])
async def test_ticket_messages_are_taken_as_string_or_object_and_listed(feishu: FeishuStage, content: Any) -> None:
    ticket_id = await opened(feishu)
    body = {"msg_type": "text", "content": content}
    assert (await call(feishu, "POST", f"tickets/{ticket_id}/messages", json=body))["data"]["message_id"]
    await feishu.double.helpdesk.ticket_message_created(ticket_id, "什么时候到账")
    listed = (await call(feishu, "GET", f"tickets/{ticket_id}/messages", params={"page_size": 1, "page": 2}))["data"]
    assert (listed["total"], [one["content"] for one in listed["messages"]]) == (2, ["什么时候到账"])
    ticket = feishu.double.helpdesk.tickets[ticket_id]
    assert [one.sender_role for one in feishu.double.ledger.of(ticket.chat_id)] == ["bot", "customer"]
    assert (await call(feishu, "GET", "tickets/404"))["code"] == 154004


async def test_guests_and_agents_are_heard_as_events(feishu: FeishuStage) -> None:
    desk = feishu.double.helpdesk
    ticket_id = await desk.ticket_created(guest_open_id="ou_li", guest_name="李四")
    await desk.ticket_message_created(ticket_id, "已退款", sender_type=3, sender_open_id="ou_a", sender_name="客服小王")
    await desk.ticket_updated(ticket_id, status=51, agent=("ou_a", "客服小王"), solve=2)
    created, message, updated = [one["event"] for one in feishu.bot.heard]
    assert (created["guest"]["id"]["open_id"], created["status"], created["closed_at"]) == ("ou_li", 1, "-1")
    assert (message["sender_type"], message["ticket"]["ticket_id"]) == (3, ticket_id)
    assert "helpdesk_id" not in message["ticket"]
    assert (updated["object"]["status"], updated["old_object"]["status"]) == (51, 1)
    assert [one["header"]["event_type"].split(".", 1)[1] for one in feishu.bot.heard] == [
        "ticket.created_v1",
        "ticket_message.created_v1",
        "ticket.updated_v1",
    ]


async def test_fields_categories_and_subscriptions_answer(feishu: FeishuStage) -> None:
    fields = (await call(feishu, "GET", "customized_fields"))["data"]["ticket_customized_fields"]
    assert fields[0]["key_name"] == "category"
    assert (await call(feishu, "GET", "categories"))["data"]["categories"][0]["helpdesk_id"] == HELPDESK[0]
    wanted = {"type": "helpdesk.ticket", "subtype": "ticket.created_v1"}
    await call(feishu, "POST", "events/subscribe", json={"events": [wanted]})
    assert feishu.double.helpdesk.subscribed == [wanted]
