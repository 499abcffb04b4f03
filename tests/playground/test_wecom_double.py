from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import Response

from playground.wecom_envelope import WecomEnvelope
from tests.playground.stages import AES_KEY, TOKEN, Clock, WecomStage

CARD = {
    "card_type": "button_interaction",
    "main_title": {"title": "需要人工协助吗？"},
    "task_id": "task_1",
    "button_list": [{"text": "转人工", "key": "handoff"}, {"text": "已解决", "key": "resolved"}],
}


def stream(content: str, finish: bool = True, stream_id: str = "s1", **more: Any) -> dict[str, Any]:
    return {"msgtype": "stream", "stream": {"id": stream_id, "finish": finish, "content": content, **more}}


def in_turn(*answers: Any) -> Callable[[dict[str, Any]], Any]:
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


async def say(stage: WecomStage, text: str = "你好", user_id: str = "zhang", chat_id: str | None = None) -> str:
    return await stage.double.say(chat_id=chat_id, user_id=user_id, text=text, mention_bot=chat_id is not None)


async def test_a_group_mention_reaches_the_bot_as_the_platform_writes_it(wecom: WecomStage) -> None:
    msgid = await say(wecom, "订单什么时候发货", chat_id="wr1")
    heard = wecom.bot.heard[0]
    assert heard.pop("response_url").startswith("http://platform.test/cgi-bin/aibot/response?response_code=")
    assert heard == {
        "msgid": msgid,
        "aibotid": "aib1",
        "chatid": "wr1",
        "chattype": "group",
        "from": {"userid": "zhang"},
        "msgtype": "text",
        "text": {"content": "@小汇 订单什么时候发货"},
    }
    assert wecom.double.violations == []


async def test_a_group_line_without_the_bots_own_name_is_shown_but_not_delivered(wecom: WecomStage) -> None:
    for text in ("大家好", "@小汇汇 在吗"):
        msgid = await wecom.double.say(chat_id="wr1", user_id="zhang", text=text, mention_bot=False)
        assert wecom.double.ledger.message(msgid).extra["undelivered"]
    assert wecom.bot.heard == []
    wecom.double.hears_all = True
    await wecom.double.say(chat_id="wr1", user_id="zhang", text="大家好", mention_bot=False)
    assert len(wecom.bot.heard) == 1


async def test_a_stream_is_refreshed_until_it_is_finished_and_its_text_is_replaced(wecom: WecomStage) -> None:
    wecom.bot.answer = in_turn(
        stream("<think>正在查", False, feedback={"id": "fb1"}),
        stream("<think>正在查询</think>您的订单", False),
        stream("<think>正在查询</think>您的订单明天发货。"),
    )
    msgid = await say(wecom, chat_id="wr1")
    await wecom.double.settled()
    bubbles = wecom.double.ledger.of("wr1", "bot")
    assert [(one.kind, one.text, one.reply_to) for one in bubbles] == [("stream", "您的订单明天发货。", msgid)]
    assert bubbles[0].updated and bubbles[0].extra["finish"] and bubbles[0].extra["thinking"] == "正在查询"
    refreshes = wecom.bot.heard[1:]
    assert [(one["msgtype"], one["stream"], "response_url" in one) for one in refreshes] == [
        ("stream", {"id": "s1"}, False)
    ] * 2
    assert len({one["msgid"] for one in wecom.bot.heard}) == 3
    assert wecom.double.violations == []


async def test_refreshing_stops_after_six_minutes_and_that_is_the_bots_fault(wecom: WecomStage, clock: Clock) -> None:
    wecom.bot.answer = lambda body: stream("还在想", False)
    await say(wecom)
    clock.now += 361
    await wecom.double.settled()
    assert "six minutes" in wecom.double.violations[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (stream("字" * 6827), "20481 bytes"),
        (stream("x", stream_id=""), "needs an id"),
        ({"msgtype": "stream", "stream": {"id": "s1", "content": "x"}}, "finish must be"),
        ({"msgtype": "text", "text": {"content": "x"}}, "no answer to message"),
        ({"msgtype": "template_card", "template_card": {**CARD, "task_id": "任务"}}, "task_id"),
        (stream("x", False, msg_item=[{"msgtype": "image"}]), "finish: true"),
        (stream("x", msg_item=[{"msgtype": "image", "image": {"base64": "eA==", "md5": "0"}}]), "md5"),
    ],
)
async def test_an_answer_against_the_rules_is_a_violation_and_is_not_shown(
    wecom: WecomStage, answer: dict[str, Any], why: str
) -> None:
    wecom.bot.answer = lambda body: answer
    await say(wecom)
    assert why in wecom.double.violations[0]
    assert wecom.double.ledger.of(role="bot") == []


async def test_an_image_that_fits_its_md5_may_end_a_stream(wecom: WecomStage) -> None:
    image = {"base64": base64.b64encode(b"png").decode(), "md5": hashlib.md5(b"png").hexdigest()}
    wecom.bot.answer = lambda body: stream("图", msg_item=[{"msgtype": "image", "image": image}])
    await say(wecom)
    assert wecom.double.violations == []
    assert wecom.double.ledger.of(role="bot")[0].extra["images"] == 1


async def test_a_reply_that_is_not_sealed_rightly_is_a_violation(wecom: WecomStage) -> None:
    wecom.bot.answer = lambda body: Response('{"msgtype": "stream"}')
    await say(wecom)
    encrypt, sign = WecomEnvelope(TOKEN, AES_KEY).seal("{}", "1", "2")
    wecom.bot.answer = lambda body: Response(
        f'{{"encrypt":"{encrypt}","msgsignature":"{sign}","timestamp":1,"nonce":"2"}}'
    )
    await say(wecom)
    assert len(wecom.double.violations) == 2
    assert "nonce" in wecom.double.violations[1]


async def test_a_fourth_open_interaction_of_one_user_is_not_delivered(wecom: WecomStage) -> None:
    wecom.bot.answer = lambda body: stream("…", False, body.get("stream", {}).get("id", body["msgid"]))
    for _ in range(3):
        await say(wecom)
    fourth = await say(wecom)
    assert wecom.double.ledger.message(fourth).extra["undelivered"] == "3 interactions are open"
    other = await say(wecom, user_id="li")
    assert wecom.double.ledger.message(other).extra["undelivered"] is None


async def test_redelivery_brings_the_same_msgid_under_a_new_signature(wecom: WecomStage) -> None:
    seen: list[str] = []
    wecom.bot.answer = lambda body: stream("您好", stream_id="fixed")
    msgid = await say(wecom)
    await wecom.double.redeliver(msgid)
    seen = [one["msgid"] for one in wecom.bot.heard]
    assert seen == [msgid, msgid]
    assert len(wecom.double.ledger.of(role="bot")) == 1, "the same stream id is the same bubble"
    wecom.bot.answer = lambda body: stream("您好", stream_id="another")
    await wecom.double.redeliver(msgid)
    assert len(wecom.double.ledger.of(role="bot")) == 2, "a new stream id is a duplicate that people see"


async def test_response_url_works_once_within_an_hour(wecom: WecomStage, clock: Clock) -> None:
    msgid = await say(wecom, chat_id="wr1")
    url = wecom.bot.heard[0]["response_url"]
    body = {"msgtype": "markdown", "markdown": {"content": "**处理完成**", "feedback": {"id": "fb9"}}}
    too_long = {"msgtype": "markdown", "markdown": {"content": "字" * 7000}}
    assert (await wecom.api.post(url, json=too_long)).json()["errcode"] == 40058
    assert (await wecom.api.post(url, json=body)).json() == {"errcode": 0, "errmsg": "ok"}
    assert (await wecom.api.post(url, json=body)).json()["errcode"] == 40058
    shown = wecom.double.ledger.of(role="bot")
    assert [(one.text, one.reply_to) for one in shown] == [("**处理完成**", msgid)]
    await say(wecom)
    clock.now += 3601
    late = await wecom.api.post(wecom.bot.heard[1]["response_url"], json=body)
    assert late.json() == {"errcode": 40058, "errmsg": "response_code expired"}


async def test_a_lost_answer_of_response_url_leaves_the_message_in_the_chat(wecom: WecomStage) -> None:
    await say(wecom)
    wecom.double.faults.next("response_url", http=502)
    wecom.double.faults.next("response_url", drop=True)
    url = wecom.bot.heard[0]["response_url"]
    body = {"msgtype": "markdown", "markdown": {"content": "好的"}}
    assert (await wecom.api.post(url, json=body)).status_code == 502
    with pytest.raises(Exception, match="connection dropped"):
        await wecom.api.post(url, json=body)
    assert wecom.double.ledger.texts(role="bot") == ["好的"]


async def test_entering_the_chat_is_told_once_a_day_and_may_be_greeted_in_text(wecom: WecomStage, clock: Clock) -> None:
    wecom.bot.answer = lambda body: {"msgtype": "text", "text": {"content": "您好，请问有什么可以帮您？"}}
    assert await wecom.double.enter_chat("zhang")
    assert await wecom.double.enter_chat("zhang") is None
    assert "chattype" not in wecom.bot.heard[0] and wecom.bot.heard[0]["event"] == {"eventtype": "enter_chat"}
    assert wecom.double.ledger.texts("zhang", "bot") == ["您好，请问有什么可以帮您？"]
    clock.now += 86_401
    assert await wecom.double.enter_chat("zhang")


async def test_thumbs_need_a_feedback_id_and_are_answered_with_nothing(wecom: WecomStage) -> None:
    wecom.bot.answer = in_turn(stream("答", feedback={"id": "fb1"}), None)
    await say(wecom, chat_id="wr1")
    bubble = wecom.double.ledger.of(role="bot")[0]
    await wecom.double.feedback(bubble.message_id, False, "答非所问", [2, 4])
    assert wecom.bot.heard[1]["event"] == {
        "eventtype": "feedback_event",
        "feedback_event": {"id": "fb1", "type": 2, "content": "答非所问", "inaccurate_reason_list": [2, 4]},
    }
    wecom.bot.answer = lambda body: stream("谢谢", stream_id="s2")
    await wecom.double.feedback(bubble.message_id, True)
    assert "no answer to feedback_event" in wecom.double.violations[0]
    await say(wecom)
    with pytest.raises(ValueError, match="feedback id"):
        await wecom.double.feedback(wecom.double.ledger.of("zhang", "bot")[0].message_id, True)


async def test_a_card_is_pressed_and_replaced_under_the_same_task(wecom: WecomStage) -> None:
    update = {
        "response_type": "update_template_card",
        "template_card": {**CARD, "button_list": CARD["button_list"][:1]},
    }
    wecom.bot.answer = in_turn(
        {**stream("已查"), "msgtype": "stream_with_template_card", "template_card": CARD}, update
    )
    await say(wecom, chat_id="wr1")
    card = wecom.double.ledger.of(kind="card")[0]
    assert wecom.double.buttons(card.message_id)[0] == {"text": "转人工", "value": "handoff"}
    await wecom.double.press_card(card.message_id, "li", "handoff", {"category": ["refund"]})
    event = wecom.bot.heard[1]
    assert event["from"] == {"userid": "li"} and event["chatid"] == "wr1" and "response_url" in event
    assert event["event"]["template_card_event"]["task_id"] == "task_1"
    assert len(wecom.double.buttons(card.message_id)) == 1 and wecom.double.ledger.message(card.message_id).updated
    assert wecom.double.violations == []
    wecom.bot.answer = lambda body: {**update, "template_card": {**CARD, "task_id": "task_2"}}
    await wecom.double.press_card(card.message_id, "li", "handoff")
    assert "task_id" in wecom.double.violations[0]


async def test_media_is_served_encrypted_for_five_minutes(wecom: WecomStage, clock: Clock) -> None:
    url = wecom.double.add_media("文件内容".encode())
    await wecom.double.say(chat_id=None, user_id="zhang", msgtype="image", image={"url": url})
    served = await wecom.api.get(wecom.bot.heard[0]["image"]["url"])
    assert WecomEnvelope(TOKEN, AES_KEY).decrypt_media(served.content).decode() == "文件内容"
    clock.now += 301
    assert (await wecom.api.get(url)).status_code == 404
    with pytest.raises(ValueError, match="single chats"):
        await wecom.double.say(chat_id="wr1", user_id="zhang", msgtype="image", image={"url": url})


async def test_quotes_voice_and_mixed_lines_have_the_platforms_shape(wecom: WecomStage) -> None:
    quote = {"msgtype": "text", "text": {"content": "屏幕有划痕"}}
    await wecom.double.say(chat_id="wr1", user_id="zhang", text="这个怎么处理", mention_bot=True, quote=quote)
    await wecom.double.say(chat_id=None, user_id="zhang", text="我的快递到哪里了", msgtype="voice")
    await wecom.double.say(chat_id="wr1", user_id="zhang", text="看看", mention_bot=True, msgtype="mixed")
    quoted, voice, mixed = wecom.bot.heard
    assert quoted["quote"] == quote
    assert voice["voice"] == {"content": "我的快递到哪里了"}
    assert mixed["mixed"]["msg_item"] == [{"msgtype": "text", "text": {"content": "@小汇 看看"}}]


async def test_an_answer_slower_than_the_platform_waits_is_not_shown(wecom: WecomStage) -> None:
    wecom.double.faults.next("webhook", drop=True)
    wecom.bot.answer = lambda body: stream("晚了")
    await say(wecom)
    assert wecom.double.ledger.deliveries[-1].outcome == "late"
    assert wecom.double.ledger.of(role="bot") == []
    assert len(wecom.bot.heard) == 1


async def test_the_callback_url_is_verified_and_hostile_posts_can_be_made(wecom: WecomStage) -> None:
    assert await wecom.double.verify_url()
    body, query = wecom.double.seal('{"msgid": "evil"}')
    assert (await wecom.double.deliver_raw(body, query)).status_code == 200
    assert wecom.bot.heard == [{"msgid": "evil"}]


async def test_closing_stops_all_refreshing(wecom: WecomStage) -> None:
    wecom.bot.answer = lambda body: stream("…", False)
    await say(wecom)
    await wecom.double.aclose()
    await wecom.double.settled(timeout_s=0.1)
    assert wecom.double.ledger.of(role="bot")[0].extra["finish"] is False


async def test_a_service_that_raises_while_a_stream_is_refreshed_is_on_the_record(wecom: WecomStage) -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        if body["msgtype"] == "stream":
            raise RuntimeError("boom")
        return stream("…", False)

    wecom.bot.answer = answer
    await say(wecom)
    await wecom.double.settled()
    assert "boom" in wecom.double.violations[0]
