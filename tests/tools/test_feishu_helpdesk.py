"""Tickets' twins in the Feishu helpdesk, against the platform's double and its documented samples."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.errors import FateUnknown, GiveUp, RetryLater
from tests.channels.feishu.stage import Stage, sample, staged
from tools.feishu_errors import FeishuRefused
from tools.feishu_helpdesk import FeishuHelpdesk, HelpdeskSettings
from tools.feishu_tickets import INFO_LIMIT, customized_info, state_of, status_of, to_line, to_ticket
from tools.ticket_system import ExternalTicket, NewTicket, TicketState, TicketSystem

DESK = HelpdeskSettings("6626260912531570952", "ht-made-up-token", domain="http://feishu.test")


@dataclass
class Bench:
    stage: Stage
    desk: TicketSystem
    adapter: FeishuHelpdesk
    client: httpx.AsyncClient

    @property
    def tickets(self) -> list[Any]:
        return list(self.stage.double.helpdesk.tickets.values())

    def new(self, number: str = "T-20261120-0001", **changed: Any) -> NewTicket:
        ticket = NewTicket(
            number,
            title="退款",
            summary="客户要求退款，订单 12345",
            opened_at=self.stage.clock.now,
            guest_id="ou_lisi",
            source="wecom_kf",
            link="https://huiying.example/console/conversations/cv_1",
        )
        return replace(ticket, **changed)

    def with_user_token(self) -> FeishuHelpdesk:
        async def token() -> str:
            return "u-agent"

        tokens, clock = self.stage.channel.tokens, self.stage.clock
        return FeishuHelpdesk(DESK, self.client, tokens, clock=clock, user_tokens=token)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with staged() as stage, httpx.AsyncClient(transport=httpx.ASGITransport(app=stage.double.app)) as client:
        adapter = FeishuHelpdesk(DESK, client, stage.channel.tokens, clock=stage.clock)
        yield Bench(stage, adapter, adapter, client)


async def test_a_ticket_gets_a_twin_that_names_it_and_leads_back(bench: Bench) -> None:
    twin = await bench.desk.create(bench.new())
    (ticket,) = bench.tickets
    assert (twin.ticket_id, twin.chat_id, twin.state) == (ticket.ticket_id, ticket.chat_id, TicketState.OPEN)
    assert json.loads(ticket.customized_info) == {
        "ticket": "T-20261120-0001",
        "source": "wecom_kf",
        "link": "https://huiying.example/console/conversations/cv_1",
        "title": "退款",
    }
    (line,) = await bench.desk.messages(twin.ticket_id)
    assert line.text.startswith("【T-20261120-0001】退款\n客户要求退款，订单 12345\nhttps://")
    body = next(call.body for call in bench.stage.calls("start_service"))
    assert set(body) <= set(sample("feishu_helpdesk/start_service_request"))
    assert body["human_service"] is True


async def test_opening_the_same_ticket_again_gives_the_same_twin(bench: Bench) -> None:
    first = await bench.desk.create(bench.new())
    other = await bench.desk.create(bench.new("T-20261120-0002"))
    again = await bench.desk.create(bench.new())
    assert again.ticket_id == first.ticket_id != other.ticket_id
    assert len(bench.tickets) == 2
    assert len(await bench.desk.messages(first.ticket_id)) == 1


async def test_a_twin_whose_answer_was_lost_is_found_again_and_marked(bench: Bench) -> None:
    bench.stage.double.faults.next("start_service", drop=True)
    ticket = bench.new()
    with pytest.raises(FateUnknown):
        await bench.desk.create(ticket)
    with pytest.raises(RetryLater) as later:
        await bench.desk.create(ticket)
    assert later.value.after_s == 60.0
    bench.stage.clock.now += 61
    twin = await bench.desk.create(ticket)
    assert [one.ticket_id for one in bench.tickets] == [twin.ticket_id]
    assert (await bench.desk.messages(twin.ticket_id))[0].text.startswith("【T-20261120-0001】")


async def test_a_lost_answer_to_the_opening_message_doubles_nothing(bench: Bench) -> None:
    bench.stage.double.faults.next("ticket_message_create", drop=True)
    with pytest.raises(FateUnknown):
        await bench.desk.create(bench.new())
    twin = await bench.desk.create(bench.new())
    assert len(bench.tickets) == 1
    assert len(await bench.desk.messages(twin.ticket_id)) == 1


async def test_tickets_that_others_opened_for_the_guest_are_left_alone(bench: Bench) -> None:
    await bench.stage.double.helpdesk.ticket_created(guest_open_id="ou_lisi", guest_name="李四")
    bench.tickets[0].channel = 13
    await bench.desk.create(bench.new())
    assert len(bench.tickets) == 2


async def test_a_customer_outside_feishu_needs_a_stand_in(bench: Bench) -> None:
    with pytest.raises(GiveUp, match="guest_open_id"):
        await bench.desk.create(bench.new(guest_id=""))
    settings = replace(DESK, guest_open_id="ou_desk", agents=("ou_wang",))
    desk = FeishuHelpdesk(settings, bench.client, bench.stage.channel.tokens, clock=bench.stage.clock)
    await desk.create(bench.new(guest_id=""))
    assert bench.tickets[0].guest.open_id == "ou_desk"
    assert bench.tickets[0].agents[0].open_id == "ou_wang"


async def test_a_chat_with_the_desks_bot_is_no_ticket(bench: Bench) -> None:
    bench.stage.double.faults.next("start_service", http=200, code=0)
    with pytest.raises(GiveUp, match="human service"):
        await bench.desk.create(bench.new())


async def test_words_reach_the_twin_and_come_back_in_order(bench: Bench) -> None:
    twin = await bench.desk.create(bench.new())
    bench.stage.clock.now += 10
    assert (await bench.desk.add_message(twin.ticket_id, "您好，退款已提交")).startswith("om_")
    bench.stage.clock.now += 10
    await bench.stage.double.helpdesk.ticket_message_created(
        twin.ticket_id, "收到", sender_type=3, sender_open_id="ou_wang", sender_name="客服小王"
    )
    lines = await bench.desk.messages(twin.ticket_id)
    assert [line.text for line in lines[1:]] == ["您好，退款已提交", "收到"]
    assert (lines[2].author_id, lines[2].author_name) == ("ou_wang", "客服小王")
    recent = await bench.desk.messages(twin.ticket_id, since=bench.stage.clock.now - 5)
    assert [line.text for line in recent] == ["收到"]


async def test_without_an_agents_grant_a_status_is_announced_in_words(bench: Bench) -> None:
    twin = await bench.desk.create(bench.new())
    assert await bench.desk.set_status(twin.ticket_id, TicketState.RESOLVED, "已退款") is False
    assert (await bench.desk.messages(twin.ticket_id))[-1].text == "工单状态：已解决\n已退款"
    assert (await bench.desk.fetch(twin.ticket_id)).state is TicketState.OPEN


async def test_with_an_agents_grant_a_status_is_set(bench: Bench) -> None:
    twin = await bench.desk.create(bench.new())
    desk = bench.with_user_token()
    assert await desk.set_status(twin.ticket_id, TicketState.RESOLVED, "已退款") is True
    found = await desk.fetch(twin.ticket_id)
    assert (found.state, found.solved) == (TicketState.RESOLVED, True)
    assert found.closed_at == bench.stage.clock.now
    await desk.set_status(twin.ticket_id, TicketState.WAITING_CUSTOMER)
    assert (await desk.fetch(twin.ticket_id)).state is TicketState.WAITING_CUSTOMER
    assert set(bench.stage.calls("ticket_update")[0].body) <= set(sample("feishu_helpdesk/ticket_update_request"))


async def test_what_changed_since_is_listed_page_by_page(bench: Bench) -> None:
    desk = bench.with_user_token()
    twins = [await desk.create(bench.new(f"T-{number}", guest_id=f"ou_{number}")) for number in range(3)]
    bench.stage.clock.now += 100
    since = bench.stage.clock.now
    for twin in twins[:2]:
        await desk.set_status(twin.ticket_id, TicketState.PROCESSING)
    changed = await desk.list_updated(since, since + 1)
    assert {one.ticket_id for one in changed} == {twin.ticket_id for twin in twins[:2]}
    for number in range(230):
        await bench.stage.double.helpdesk.ticket_created(guest_open_id=f"ou_g{number}", guest_name="客户")
    for ticket in bench.tickets:
        ticket.updated_ms = int((since + 50) * 1000)
    assert len(await desk.list_updated(since + 40, since + 60)) == 233


async def test_fields_categories_and_the_subscription_of_events(bench: Bench) -> None:
    assert [one["key_name"] for one in await bench.adapter.customized_fields()] == ["category"]
    assert [one["name"] for one in await bench.adapter.categories()] == ["售后"]
    await bench.adapter.subscribe()
    wanted = sample("feishu_helpdesk/event_subscribe_request")["events"]
    assert sorted(one["subtype"] for one in bench.stage.double.helpdesk.subscribed) == sorted(
        one["subtype"] for one in wanted
    )


async def test_the_second_header_is_the_documented_one(bench: Bench) -> None:
    example = sample("feishu_helpdesk/header_example")
    desk = HelpdeskSettings(example["helpdesk_id"], example["helpdesk_token"])
    adapter = FeishuHelpdesk(desk, bench.client, bench.stage.channel.tokens, clock=bench.stage.clock)
    assert adapter._headers == {example["header"]: example["value"]}


async def test_wrong_credentials_unknown_tickets_and_expired_tokens(bench: Bench) -> None:
    wrong = FeishuHelpdesk(
        replace(DESK, token="ht-guess"), bench.client, bench.stage.channel.tokens, clock=bench.stage.clock
    )
    with pytest.raises(FeishuRefused, match="check helpdesk id"):
        await wrong.fetch("1")
    with pytest.raises(FeishuRefused, match="does not know this ticket") as unknown:
        await bench.desk.fetch("66268")
    assert unknown.value.code == 154004
    twin = await bench.desk.create(bench.new())
    bench.stage.double.faults.next("ticket_get", expired_token=True)
    assert (await bench.desk.fetch(twin.ticket_id)).ticket_id == twin.ticket_id


@pytest.mark.parametrize(
    ("status", "state", "over"),
    [
        (1, TicketState.OPEN, False),
        (2, TicketState.PROCESSING, False),
        (3, TicketState.OPEN, False),
        (4, TicketState.PROCESSING, False),
        ("5", TicketState.WAITING_CUSTOMER, False),
        (50, TicketState.CLOSED, True),
        ("51", TicketState.CLOSED, True),
        (52, TicketState.CLOSED, True),
        (99, TicketState.OPEN, False),
        (None, TicketState.OPEN, False),
    ],
)
def test_statuses_have_a_state(status: object, state: TicketState, over: bool) -> None:
    assert state_of(status) is state
    assert state.is_over is over


@pytest.mark.parametrize("state", list(TicketState))
def test_every_state_can_be_set_and_is_read_back(state: TicketState) -> None:
    assert status_of(state) in (1, 2, 3, 4, 5, 50, 51)
    assert state_of(status_of(state), 2 if state is TicketState.RESOLVED else 0) is state


def test_the_documented_answers_and_events_are_read_alike() -> None:
    answer = to_ticket(sample("feishu_helpdesk/ticket_get_response")["data"]["ticket"])
    assert answer == ExternalTicket(
        "6626871355780366331",
        TicketState.PROCESSING,
        agents=("客服小王",),
        solved=False,
        created_at=1_760_000_000.0,
        updated_at=1_760_000_000.0,
    )
    event = to_ticket(sample("feishu_helpdesk/event_ticket_updated")["event"]["object"])
    assert (event.state, event.closed_at, event.chat_id) == (
        TicketState.CLOSED,
        1_760_000_060.0,
        "oc_5ce6d572455d361153b7cb51madeup",
    )
    line = to_line(sample("feishu_helpdesk/ticket_message_list_response")["data"]["messages"][0])
    assert (line.text, line.author_name, line.at) == ("您好", "李四", 1_760_000_000.0)
    assert to_line({"content": '{"text": "您好"}'}).text == "您好"
    assert to_line({"content": "{不是 JSON"}).text == "{不是 JSON"


@given(title=st.text(), number=st.text(min_size=1, max_size=20), link=st.text(max_size=1500))
def test_the_extra_information_always_fits_and_names_the_ticket(title: str, number: str, link: str) -> None:
    info = customized_info(NewTicket(number, title, "", 0.0, link=link))
    assert len(info.encode()) <= INFO_LIMIT
    assert json.loads(info)["ticket"] == number
