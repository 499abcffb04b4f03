from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from playground.feishu_content import Person, card_buttons, seen_text, with_mentions
from tests.playground.stages import PAYLOADS, FeishuStage

CARD: dict[str, Any] = json.loads((PAYLOADS / "feishu/card_v2.json").read_text(encoding="utf-8"))


def columns(*labels: str) -> dict[str, Any]:
    def button(label: str) -> dict[str, Any]:
        way = {"type": "callback", "value": {"act": label}}
        return {"tag": "button", "text": {"tag": "plain_text", "content": label}, "behaviors": [way]}

    row = {"tag": "column_set", "columns": [{"tag": "column", "elements": [button(label)]} for label in labels]}
    return {"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": "**转人工**"}, row]}}


async def test_a_group_mention_is_a_placeholder_with_an_entry(feishu: FeishuStage) -> None:
    message_id = await feishu.double.say(
        chat_id="oc_room",
        user_open_id="ou_li",
        user_name="李四",
        text="请 @王五 看看，@所有人",
        mention_bot=True,
        mentions=[("ou_wang", "王五")],
    )
    event = feishu.bot.heard[0]
    message = event["event"]["message"]
    assert event["header"]["event_type"] == "im.message.receive_v1" and len(event["header"]["event_id"]) == 32
    assert (message["message_id"], message["chat_type"]) == (message_id, "group")
    assert json.loads(message["content"]) == {"text": "@_user_1 请 @_user_2 看看，@_all"}
    assert [(one["key"], one["id"]["open_id"]) for one in message["mentions"]] == [
        ("@_user_1", "ou_bot"),
        ("@_user_2", "ou_wang"),
    ]
    assert feishu.double.ledger.message(message_id).text == "@小汇 请 @王五 看看，@所有人"


@given(
    names=st.lists(st.sampled_from(["张三", "张三丰", "小汇", "李 四"]), unique=True),
    words=st.text("你好 ，", max_size=8),
)
def test_placeholders_read_back_as_the_names_that_were_typed(names: list[str], words: str) -> None:
    people = [Person(f"ou_{name}", name) for name in names]
    text = words.join(f"@{name} " for name in names)
    placed, entries = with_mentions(text, people)
    assert not any(f"@{name} " in placed for name in names)
    assert seen_text("text", {"text": placed}, entries) == text


async def test_staff_typing_under_a_card_are_in_its_thread(feishu: FeishuStage) -> None:
    card_id = await feishu.send_card(CARD)
    first = await feishu.double.reply(card_id, user_open_id="ou_wang", user_name="王五", text="我来处理")
    second = await feishu.double.reply(card_id, user_open_id="ou_wang", user_name="王五", text="已退款")
    messages = [one["event"]["message"] for one in feishu.bot.heard]
    assert [(one["root_id"], one["parent_id"]) for one in messages] == [(card_id, card_id)] * 2
    assert messages[0]["thread_id"] == messages[1]["thread_id"] and messages[0]["thread_id"].startswith("omt_")
    assert [feishu.double.ledger.message(one).sender_role for one in (first, second)] == ["staff", "staff"]


async def test_a_quote_in_a_group_has_a_parent_but_no_thread(feishu: FeishuStage) -> None:
    asked = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="什么时候发货")
    await feishu.double.reply(asked, user_open_id="ou_z", user_name="赵六", text="同问", in_thread=False)
    message = feishu.bot.heard[1]["event"]["message"]
    assert (message["parent_id"], message["root_id"], "thread_id" in message) == (asked, asked, False)


async def test_without_the_group_scope_only_mentions_and_private_words_arrive(feishu: FeishuStage) -> None:
    feishu.double.hears_all = False
    who = {"user_open_id": "ou_li", "user_name": "李四"}
    await feishu.double.say(chat_id="oc_room", text="闲聊", **who)
    await feishu.double.say(chat_id="oc_room", text="在吗", mention_bot=True, **who)
    await feishu.double.say(chat_id="oc_p2p", text="你好", chat_type="p2p", **who)
    assert [one["event"]["message"]["chat_type"] for one in feishu.bot.heard] == ["group", "p2p"]


async def test_pressing_a_card_gives_the_toast_and_the_new_card(feishu: FeishuStage) -> None:
    taken = columns("交还")
    answer = {"toast": {"type": "success", "content": "已接手"}, "card": {"type": "raw", "data": taken}}
    feishu.bot.answer = lambda body: answer
    card_id = await feishu.send_card(columns("接手", "忽略"))
    assert [one["text"] for one in feishu.double.buttons(card_id)] == ["接手", "忽略"]
    got = await feishu.double.press(card_id, "ou_wang", "王五", feishu.double.button(card_id, "接手"))
    assert got == answer
    event = feishu.bot.heard[0]
    assert event["header"]["event_type"] == "card.action.trigger"
    assert event["event"]["action"] == {"timezone": "Asia/Shanghai", "value": {"act": "接手"}, "tag": "button"}
    assert event["event"]["context"]["open_message_id"] == card_id
    assert event["event"]["operator"]["open_id"] == "ou_wang"
    assert feishu.double.ledger.message(card_id).card == taken
    with pytest.raises(KeyError, match="交还"):
        feishu.double.button(card_id, "接手")


async def test_a_late_answer_to_a_press_is_an_error_and_is_never_repeated(impatient_feishu: FeishuStage) -> None:
    feishu = impatient_feishu
    card_id = await feishu.send_card(CARD)
    feishu.bot.hold = asyncio.Event()
    got = await feishu.double.press(card_id, "ou_wang", "王五", {"action": "handoff"})
    assert got["toast"]["type"] == "error" and got["error"] == "no answer in time"
    assert feishu.double.pending_redeliveries == []
    feishu.bot.hold.set()


async def test_a_card_that_would_not_render_is_refused_in_an_answer_too(feishu: FeishuStage) -> None:
    broken = {"schema": "2.0", "body": {"elements": [{"tag": "action", "actions": []}]}}
    feishu.bot.answer = lambda body: {"card": {"type": "raw", "data": broken}}
    card_id = await feishu.send_card(CARD)
    got = await feishu.double.press(card_id, "ou_wang", "王五", {})
    assert "unsupported tag action" in got["error"] and feishu.double.violations
    assert feishu.double.ledger.message(card_id).card == CARD


async def test_a_pressed_card_is_updated_twice_within_half_an_hour_after_the_answer(feishu: FeishuStage) -> None:
    card_id = await feishu.send_card(CARD)
    await feishu.double.press(card_id, "ou_wang", "王五", {"action": "handoff"})
    token = feishu.bot.heard[0]["event"]["token"]
    path, body = "/open-apis/interactive/v1/card/update", {"token": token, "card": columns("完成")}

    async def update() -> int:
        return int((await feishu.api.post(path, json=body, headers=await feishu.login())).json()["code"])

    assert [await update(), await update(), await update()] == [0, 0, 300000]
    assert feishu.double.buttons(card_id)[0]["text"] == "完成"
    await feishu.double.press(card_id, "ou_wang", "王五", {})
    body["token"] = feishu.bot.heard[1]["event"]["token"]
    feishu.clock.now += 1801
    assert await update() == 300000


async def test_recalls_reactions_and_memberships_are_events(feishu: FeishuStage) -> None:
    said = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="删掉这句")
    await feishu.double.react(said, "THUMBSUP", "ou_wang")
    await feishu.double.recall(said)
    await feishu.double.bot_removed("oc_room", "售后群", "ou_wang")
    await feishu.double.enter_p2p("ou_li", "李四")
    kinds = [one["header"]["event_type"] for one in feishu.bot.heard[1:]]
    assert kinds == [
        "im.message.reaction.created_v1",
        "im.message.recalled_v1",
        "im.chat.member.bot.deleted_v1",
        "im.chat.access_event.bot_p2p_chat_entered_v1",
    ]
    message = feishu.double.ledger.message(said)
    assert message.recalled and message.reactions == ("THUMBSUP",)
    assert (await feishu.send("还在吗")).json()["code"] == 230002
    await feishu.double.bot_added("oc_room", "售后群", "ou_wang")
    assert (await feishu.send("我回来了")).json()["code"] == 0


async def test_an_unacknowledged_event_climbs_the_ladder_by_the_clock(feishu: FeishuStage) -> None:
    feishu.bot.answer = lambda body: Response("busy", 503)
    said = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
    assert await feishu.double.advance_redeliveries() == 0
    for wait in (15, 300, 3600, 21600):
        feishu.clock.now += wait - 1
        assert await feishu.double.advance_redeliveries() == 0
        feishu.clock.now += 1
        assert await feishu.double.advance_redeliveries() == 1
    assert feishu.double.pending_redeliveries == [] and feishu.double.gave_up == [said]
    assert len(feishu.bot.heard) == 5
    assert len({one["header"]["event_id"] for one in feishu.bot.heard}) == 1


async def test_an_acknowledged_redelivery_ends_the_ladder(feishu: FeishuStage) -> None:
    feishu.double.faults.next("webhook", drop=True)
    said = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
    assert [one.key for one in feishu.double.pending_redeliveries] == [said]
    feishu.clock.now += 30_000
    assert await feishu.double.advance_redeliveries() == 1
    assert feishu.double.pending_redeliveries == []
    assert len(feishu.bot.heard) == 2, "the service heard it twice, though it had acknowledged the first"
    await feishu.double.redeliver(said)
    assert len(feishu.bot.heard) == 3


async def test_a_service_slower_than_three_seconds_is_not_acknowledged_but_goes_on(
    impatient_feishu: FeishuStage,
) -> None:
    feishu = impatient_feishu
    feishu.bot.hold = asyncio.Event()
    said = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
    assert feishu.double.ledger.deliveries[-1].outcome == "late"
    assert [one.key for one in feishu.double.pending_redeliveries] == [said]
    feishu.bot.hold.set()


async def test_the_request_url_is_verified_and_hostile_posts_can_be_made(feishu: FeishuStage) -> None:
    assert await feishu.double.verify_url()
    forged = feishu.double.event("im.message.receive_v1", {"message": {}})
    body, headers = feishu.double.seal(forged)
    assert (await feishu.double.deliver_raw(body, headers)).status_code == 200
    assert feishu.bot.heard[-1] == forged


def test_buttons_are_found_in_forms_and_old_cards_too() -> None:
    form = {"tag": "form", "elements": [{"tag": "button", "name": "ok", "text": {"content": "提交"}}]}
    assert card_buttons({"schema": "2.0", "body": {"elements": [form]}}) == [
        {"text": "提交", "value": {}, "name": "ok"}
    ]
    old = {
        "elements": [{"tag": "action", "actions": [{"tag": "button", "text": {"content": "好"}, "value": {"k": 1}}]}]
    }
    assert card_buttons(old) == [{"text": "好", "value": {"k": 1}}]
