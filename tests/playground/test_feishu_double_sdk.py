"""The vendor's SDK is the judge: its dispatcher takes our webhooks, its client understands our answers."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response

from playground import FeishuDouble
from tests.playground.stages import ENCRYPT_KEY, HELPDESK, VERIFICATION, served, service

HEADERS = ("X-Lark-Request-Timestamp", "X-Lark-Request-Nonce", "X-Lark-Signature", "X-Request-Id")


async def test_the_vendors_sdk_takes_our_events_and_our_answers() -> None:
    import lark_oapi as lark
    from lark_oapi.api.helpdesk.v1 import StartServiceTicketRequest, StartServiceTicketRequestBody
    from lark_oapi.api.im.v1 import ReplyMessageRequest, ReplyMessageRequestBody
    from lark_oapi.core.model import RawRequest
    from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse

    heard: list[Any] = []

    def pressed(event: Any) -> Any:
        heard.append(event)
        return P2CardActionTriggerResponse({"toast": {"type": "info", "content": "已接手"}})

    dispatcher = (
        lark.EventDispatcherHandler.builder(ENCRYPT_KEY, VERIFICATION)
        .register_p2_im_message_receive_v1(heard.append)
        .register_p2_im_message_recalled_v1(heard.append)
        .register_p2_im_message_reaction_created_v1(heard.append)
        .register_p2_im_chat_member_bot_added_v1(heard.append)
        .register_p2_helpdesk_ticket_created_v1(heard.append)
        .register_p2_helpdesk_ticket_message_created_v1(heard.append)
        .register_p2_helpdesk_ticket_updated_v1(heard.append)
        .register_p2_card_action_trigger(pressed)
        .build()
    )

    async def hook(request: Request) -> Response:
        raw = RawRequest()
        raw.uri, raw.body = "/hook", await request.body()
        raw.headers = {name: request.headers[name] for name in HEADERS}
        answer = dispatcher.do(raw)
        return Response(answer.content, answer.status_code)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service(hook))) as client:
        double = FeishuDouble(
            *("cli_sdk", "s3cret", ENCRYPT_KEY, VERIFICATION, "ou_bot", "小汇"),
            callback_url="http://bot.test/hook",
            client=client,
            helpdesk=HELPDESK,
        )
        assert await double.verify_url()
        said = await double.say(
            chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="订单什么时候发货", mention_bot=True
        )
        await double.react(said, "THUMBSUP", "ou_li")
        await double.recall(said)
        await double.bot_added("oc_room", "售后群", "ou_li")
        ticket_id = await double.helpdesk.ticket_created(guest_open_id="ou_li", guest_name="李四")
        await double.helpdesk.ticket_message_created(ticket_id, "什么时候到账")
        await double.helpdesk.ticket_updated(ticket_id, status=51)
        assert (await double.press(said, "ou_wang", "王五", {"act": "take"}))["toast"]["content"] == "已接手"
        assert [one.outcome for one in double.ledger.deliveries] == ["answered"] * 9
        assert double.pending_redeliveries == []
        message, *_, card = heard
        assert json.loads(message.event.message.content)["text"] == "@_user_1 订单什么时候发货"
        assert message.event.message.mentions[0].id.open_id == "ou_bot"
        assert (card.event.action.value, card.event.operator.open_id) == ({"act": "take"}, "ou_wang")

        asked = await double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
        async with served(double.app) as origin:
            sdk = lark.Client.builder().app_id("cli_sdk").app_secret("s3cret").domain(origin).timeout(5).build()
            body = ReplyMessageRequestBody.builder().msg_type("text").content('{"text":"在的"}').uuid("r-1").build()
            request = ReplyMessageRequest.builder().message_id(asked).request_body(body).build()
            replies = [await asyncio.to_thread(sdk.im.v1.message.reply, request) for _ in range(2)]
            assert all(reply.success() for reply in replies)
            assert len({reply.data.message_id for reply in replies}) == 1
            second = {"X-Lark-Helpdesk-Authorization": base64.b64encode(":".join(HELPDESK).encode()).decode()}
            option = lark.RequestOption.builder().headers(second).build()
            start = StartServiceTicketRequestBody.builder().human_service(True).open_id("ou_li").build()
            wanted = StartServiceTicketRequest.builder().request_body(start).build()
            ticket = await asyncio.to_thread(sdk.helpdesk.v1.ticket.start_service, wanted, option)
            assert ticket.success() and ticket.data.ticket_id in double.helpdesk.tickets
        assert double.ledger.texts("oc_room", "bot") == ["在的"]
        await double.aclose()
