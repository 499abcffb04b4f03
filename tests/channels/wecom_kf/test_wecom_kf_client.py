"""The platform's own sample answers, read by the client that the channel uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from channels.access_token import InMemoryTokenStore
from channels.wechat_api import HumanHolds, WechatApi, WechatFile, WechatRefused, WindowClosed
from channels.wechat_token import corp_token
from channels.wecom_kf.account import Chat
from channels.wecom_kf.client import Colleague, KfCustomer, WecomKfClient
from channels.wecom_kf.reception import ColleagueUnavailable, KfState, MoveRefused, ReceptionDesk
from conversation.errors import RetryLater
from tests.channels.wecom_kf.stage import CUSTOMER, KF, SETTINGS, sample

CHAT = Chat(KF, CUSTOMER)


@asynccontextmanager
async def answering(*answers: dict[str, Any]) -> AsyncIterator[WecomKfClient]:
    """A client whose calls get these answers in turn, the last one for ever."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/gettoken"):
            return httpx.Response(200, json={"errcode": 0, "access_token": "t", "expires_in": 7200})
        return httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        token = corp_token(
            http,
            api_base=SETTINGS.api_base,
            corp_id="c",
            secret="s",
            store=InMemoryTokenStore(),
            clock=lambda: 0.0,
        )
        yield WecomKfClient(WechatApi(http, api_base=SETTINGS.api_base, token=token))


async def test_pages_are_read_as_they_are() -> None:
    async with answering(sample("sync_msg_response_empty_has_more"), sample("sync_msg_response_page2")) as client:
        empty, last = await client.sync(KF, "", ""), await client.sync(KF, "c", "")
    assert (empty.messages, empty.has_more, empty.cursor) == ((), True, "4gw7MepFLfgF2VC5npY")
    assert (len(last.messages), last.has_more, last.cursor) == (3, False, "4gw7MepFLfgF2VC5npX")


@pytest.mark.parametrize("rows", [None, "rows", {"0": {}}, [1, "row", None]])
async def test_a_page_of_another_shape_has_no_rows_and_keeps_the_place(rows: object) -> None:
    async with answering({"errcode": 0, "msg_list": rows}) as client:
        page = await client.sync(KF, "here", "")
    assert (page.messages, page.cursor, page.has_more) == ((), "here", False)


async def test_more_without_a_cursor_is_refused_for_it_would_never_end() -> None:
    async with answering({"errcode": 0, "has_more": 1, "msg_list": []}) as client:
        with pytest.raises(RetryLater):
            await client.sync(KF, "here", "")


async def test_an_invalid_callback_token_keeps_its_code() -> None:
    async with answering(sample("sync_msg_error_95007")) as client:
        with pytest.raises(WechatRefused) as refused:
            await client.sync(KF, "", "old")
    assert refused.value.code == 95007


@pytest.mark.parametrize("name", ["send_msg_response", "send_msg_on_event_response"])
async def test_a_taken_message_is_taken(name: str) -> None:
    taken, refused = sample(name), {**sample(name), "errcode": 95000}
    async with answering(taken, taken, refused) as client:
        await client.send({})
        await client.send_on_event({})
        # What is not taken is told: that nothing was raised above says that both were.
        with pytest.raises(WechatRefused):
            await client.send({})


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("send_msg_error_95001", WindowClosed),
        ("send_msg_error_95002", WindowClosed),
        ("send_msg_error_95013", WindowClosed),
        ("send_msg_error_95018", HumanHolds),
    ],
)
async def test_refusals_of_a_send_are_named_by_what_can_be_done(name: str, error: type[WechatRefused]) -> None:
    async with answering(sample(name)) as client:
        with pytest.raises(error) as refused:
            await client.send({})
    assert "made-up" not in str(refused.value)


async def test_states_and_moves_are_read_as_they_are() -> None:
    async with answering(sample("service_state_get_response"), sample("service_state_trans_response")) as client:
        desk = ReceptionDesk(client)
        now = await desk.state(CHAT)
        moved = await desk.to_person(CHAT, "lisi")
    assert (now.state, now.userid) == (KfState.PERSON, "lisi")
    assert moved.code == "MADE_UP_MSG_CODE"


async def test_refused_moves_have_names() -> None:
    async with answering(sample("service_state_trans_error_95014")) as client:
        with pytest.raises(ColleagueUnavailable):
            await ReceptionDesk(client).to_person(CHAT, "lisi", or_pool=False)
    async with answering(sample("service_state_trans_error_95016"), sample("service_state_get_response")) as client:
        with pytest.raises(MoveRefused):
            await ReceptionDesk(client).to_person(CHAT)


async def test_people_and_accounts_are_read_as_they_are() -> None:
    async with answering(sample("servicer_list_response")) as client:
        assert await client.colleagues(KF) == [Colleague("lisi", True), Colleague("wangwu", False)]
    async with answering(sample("account_list_response")) as client:
        assert await client.accounts() == {KF: "售后客服"}
    async with answering(sample("add_contact_way_response")) as client:
        assert await client.contact_link(KF) == "https://work.weixin.qq.com/kf/kfcMadeUp?enc_scene=ENCmadeup"
    async with answering(sample("customer_batchget_response")) as client:
        found = await client.customers(sample("customer_batchget_request")["external_userid_list"])
    assert found == [KfCustomer(CUSTOMER, "王先生", "oMadeUpUnionId0001", "web_help", "order%3D12345")]


@pytest.mark.parametrize("shape", [{}, {"servicer_list": None}, {"servicer_list": [None, 1, {}]}])
async def test_lists_of_another_shape_are_empty(shape: dict[str, Any]) -> None:
    async with answering({"errcode": 0, **shape}) as client:
        assert await client.colleagues(KF) == []
        assert await client.accounts() == {}
        assert await client.customers(["x"]) == []


async def test_an_upload_without_an_id_is_tried_again_later() -> None:
    async with answering({"errcode": 0}) as client:
        with pytest.raises(RetryLater):
            await client.upload("image", WechatFile(b"x", "image/png"), "x.png")
