"""Webhook bytes in, inbox out: through the real signature, the double's events and its API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.feishu import presses
from conversation.card_press import CardAnswer
from conversation.errors import RetryLater
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import Button, Card, ContentKind, EventKind, OutgoingMessage, Quote
from tests.channels.feishu.stage import BOT, GROUP, SIGNED_AT, VECTORS, Stage, sample, signed, staged

LI_SI: dict[str, Any] = {"user_open_id": "ou_lisi", "user_name": "李四"}
CARD = Card("需要人工", (("客户", "李四"),), (Button("接单", {"action": "take"}),))
CARD_NOW = Card("处理中", (("客户", "李四"),))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
async def test_every_vector_gets_its_answer_over_http(stage: Stage, case: dict[str, Any]) -> None:
    answer = await stage.post(case["body"].encode(), case["headers"])
    if case["kind"] == "negative":
        assert answer.status_code == 403
        assert stage.inbox.items == []
        return
    assert answer.status_code == 200
    if case["kind"] == "url_verify":
        assert answer.json() == {"challenge": "ajls384kdjx98XX"}
    elif case["name"].startswith("card_action"):
        assert answer.json() == {"toast": {"type": "success", "content": "已接单"}}
        assert stage.inbox.items == []
    else:
        assert answer.json() == {}
        assert len(stage.inbox.messages) == 1


async def test_saving_the_request_url_works(stage: Stage) -> None:
    assert await stage.double._delivery.challenge()


async def learned(stage: Stage) -> None:
    """Waits until the names that are being asked for beside the acknowledgement are known."""
    await asyncio.gather(*stage.channel._people._learning.values())


async def test_a_group_line_comes_in_with_the_name_of_who_wrote_it_once_it_is_known(stage: Stage) -> None:
    await stage.double.say(chat_id="oc_room", text="在吗", **LI_SI)
    await learned(stage)
    stage.inbox.items.clear()
    message_id = await stage.double.say(chat_id="oc_room", text="订单到哪了", mention_bot=True, **LI_SI)
    (heard,) = stage.inbox.messages
    assert (heard.message_id, heard.text, heard.mentions_bot) == (message_id, "订单到哪了", True)
    assert heard.sender == Person("ou_lisi", "李四")
    assert heard.room == GROUP
    assert stage.double.pending_redeliveries == []


async def test_a_name_is_asked_for_once_a_day_and_never_waited_for(stage: Stage) -> None:
    for text in ("一", "二", "三"):
        await stage.double.say(chat_id="oc_room", text=text, **LI_SI)
        await learned(stage)
    assert len(stage.calls("user")) == 1
    stage.clock.now += 86_401
    stage.double.faults.next("user", http=502)
    await stage.double.say(chat_id="oc_room", text="四", **LI_SI)
    await learned(stage)
    await stage.double.say(chat_id="oc_room", text="五", **LI_SI)
    assert [heard.sender.name for heard in stage.inbox.messages] == ["", "李四", "李四", "", ""]
    stage.clock.now += 601
    await stage.double.say(chat_id="oc_room", text="六", **LI_SI)
    await learned(stage)
    assert await stage.channel.name_of(LI_SI["user_open_id"]) == "李四"


async def test_without_the_scope_for_names_nobody_is_asked_for_an_hour(stage: Stage) -> None:
    stage.double.faults.next("user", code=99991672, msg="Access denied")
    for number in range(3):
        await stage.double.say(chat_id="oc_room", text="好", user_open_id=f"ou_{number}", user_name="某人")
        await learned(stage)
    assert len(stage.calls("user")) == 1
    assert len(stage.inbox.messages) == 3


async def test_the_same_message_twice_is_one_message(stage: Stage) -> None:
    message_id = await stage.double.say(chat_id="oc_room", text="在吗", **LI_SI)
    assert await stage.double._delivery.again(message_id)
    assert len(stage.inbox.items) == 1
    assert stage.inbox.keys == [f"feishu:main:{message_id}"]


async def test_a_message_is_acknowledged_only_once_it_is_kept(stage: Stage) -> None:
    stage.inbox.broken = RuntimeError("disk full")
    with pytest.raises(RuntimeError):
        await stage.double.say(chat_id="oc_room", text="在吗", **LI_SI)
    stage.inbox.broken = None
    assert stage.inbox.items == []


async def test_a_reply_in_the_thread_of_a_card_of_ours(stage: Stage) -> None:
    staff_room = Room("feishu", "main", "oc_staff", RoomKind.GROUP)
    card_id = (await stage.channel.send(OutgoingMessage(staff_room, card=CARD), "card-1")).platform_message_id
    await stage.double.reply(card_id, user_open_id="ou_wang", user_name="客服小王", text="已为您退款")
    (line,) = stage.inbox.messages
    assert (line.thread_id, line.sender.speaker, line.sender.name) == (card_id, Speaker.STAFF, "客服小王")
    assert line.quote is not None
    assert (line.quote.message_id, line.quote.of_bot) == (card_id, True)
    assert stage.calls("get") == []


async def test_a_quote_of_an_unknown_message_is_looked_up(stage: Stage) -> None:
    said = await stage.double.say(chat_id="oc_room", text="旧消息 @王五", mentions=[("ou_w", "王五")], **LI_SI)
    async with staged() as fresh:
        fresh.double.rooms.messages.update(stage.double.rooms.messages)
        message = stage.double.rooms.messages[said]
        await fresh.double.say(
            chat_id="oc_room", text="同上", parent_id=said, root_id=said, user_open_id="ou_b", user_name="B"
        )
        (heard,) = fresh.inbox.messages
        assert heard.quote == Quote(message.message_id, "旧消息 @王五", of_bot=False)
        fresh.double.faults.next("get", code=230027)
        await fresh.double.say(
            chat_id="oc_room", text="又", parent_id="om_gone", root_id="om_gone", user_open_id="ou_b", user_name="B"
        )
        assert fresh.inbox.messages[-1].quote == Quote("om_gone")


async def test_files_reactions_recalls_and_comings_reach_the_inbox(stage: Stage) -> None:
    key = stage.double.add_file(b"picture")
    said = await stage.double.say(chat_id="oc_room", message_type="image", content={"image_key": key}, **LI_SI)
    answer = (await stage.channel.send(OutgoingMessage(GROUP, text="收到"), "k1")).platform_message_id
    await stage.double.react(said, "THUMBSUP", "ou_wang")
    await stage.double.react(answer, "THUMBSUP", "ou_wang")
    await stage.double.recall(said)
    await stage.double.bot_added("oc_new", "新群", "ou_lisi")
    await stage.double.bot_removed("oc_new", "新群", "ou_lisi")
    chat_id = await stage.double.enter_p2p("ou_lisi", "李四")
    assert stage.inbox.messages[0].kind is ContentKind.IMAGE
    file = await stage.channel.fetch(stage.inbox.messages[0].attachments[0])
    assert (file.content, file.media_type) == (b"picture", "image/png")
    liked, recalled, added, removed, entered = stage.inbox.events
    assert (liked.kind, liked.room, liked.subject) == (EventKind.LIKED, GROUP, answer)
    assert (recalled.kind, recalled.sender.person_id) == (EventKind.RECALLED, "ou_lisi")
    assert recalled.lane == stage.inbox.messages[0].lane
    assert (added.kind, removed.kind) == (EventKind.BOT_ADDED, EventKind.BOT_REMOVED)
    assert (entered.kind, entered.room.chat_id) == (EventKind.ENTERED, chat_id)
    assert stage.double.pending_redeliveries == []


async def test_an_agents_word_in_a_ticket_comes_with_the_agents_name(stage: Stage) -> None:
    ticket = await stage.double.helpdesk.ticket_created(guest_open_id="ou_lisi", guest_name="李四")
    await stage.double.helpdesk.ticket_message_created(
        ticket, "已退款", sender_type=3, sender_open_id="ou_wang", sender_name="客服小王"
    )
    await stage.double.helpdesk.ticket_message_created(ticket, "谢谢", sender_type=2)
    await stage.double.helpdesk.ticket_updated(ticket, status=51, solve=2)
    created, written, closed = stage.inbox.events
    assert {one.kind for one in stage.inbox.events} == {EventKind.TICKET_CHANGED}
    assert created.subject == ticket
    assert (written.detail["text"], written.sender.name) == ("已退款", "客服小王")
    assert closed.detail["status"] == "resolved"


async def test_unknown_events_are_acknowledged(stage: Stage) -> None:
    assert await stage.double._delivery.send("calendar.event.changed_v9", {"a": 1})
    assert await stage.double._delivery.send("", {})
    old = sample("feishu_fallback/approval_event_v1")
    assert (await stage.post(*signed(old, SIGNED_AT))).json() == {}
    assert stage.inbox.items == []


async def test_a_body_over_a_megabyte_is_refused_declared_or_not(stage: Stage) -> None:
    assert (await stage.post(b" " * (1024 * 1024 + 1))).status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1100):
            yield b" " * 1024

    assert (await stage.web.post("/hook", content=endless())).status_code == 413
    body = {**sample("feishu/im_message_text_p2p")}
    body["event"]["message"]["content"] = json.dumps({"text": "字" * 33_000}, ensure_ascii=False)
    assert (await stage.post(*signed(body, SIGNED_AT))).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]"])
async def test_a_body_that_is_no_json_is_a_bad_request(stage: Stage, body: bytes) -> None:
    assert (await stage.post(body)).status_code == 400


async def test_stale_forged_and_unsigned_posts_are_forbidden(stage: Stage) -> None:
    body, headers = signed(sample("feishu/im_message_text_p2p"), SIGNED_AT)
    stage.clock.now += 301
    assert (await stage.post(body, headers)).status_code == 403
    stage.clock.now -= 301
    assert (await stage.post(body, {**headers, "x-lark-signature": "0" * 64})).status_code == 403
    assert (await stage.post(body)).status_code == 403
    assert stage.inbox.items == []
    assert (await stage.post(body, headers)).status_code == 200


async def test_who_the_bot_is_is_asked_once_and_only_when_somebody_is_mentioned() -> None:
    async with staged(bot_open_id="") as stage:
        await stage.double.say(chat_id="oc_room", text="早", **LI_SI)
        assert stage.calls("bot_info") == []
        for _ in range(2):
            await stage.double.say(chat_id="oc_room", text="在吗", mention_bot=True, **LI_SI)
        assert len(stage.calls("bot_info")) == 1
        assert [heard.mentions_bot for heard in stage.inbox.messages] == [False, True, True]
        assert (await stage.channel.bot_identity()).open_id == BOT


async def test_while_the_bots_id_cannot_be_had_a_mention_is_left_to_be_delivered_again() -> None:
    async with staged(bot_open_id="") as stage:
        stage.double.faults.next("bot_info", http=502)
        await stage.double.say(chat_id="oc_room", text="在吗", mention_bot=True, **LI_SI)
        assert stage.inbox.items == []
        assert len(stage.double.pending_redeliveries) == 1
        stage.clock.now += 15
        await stage.double._delivery.advance()
        assert [heard.mentions_bot for heard in stage.inbox.messages] == [True]


async def staff_card(stage: Stage) -> str:
    room = Room("feishu", "main", "oc_staff", RoomKind.GROUP)
    return (await stage.channel.send(OutgoingMessage(room, card=CARD), "card-1")).platform_message_id


async def test_a_press_is_answered_with_a_toast_and_the_card_as_it_is_now(stage: Stage) -> None:
    card_id = await staff_card(stage)
    stage.desk.answer = CardAnswer("已接单", card=CARD_NOW)
    answer = await stage.double.press(card_id, "ou_wang", "客服小王", stage.double.button(card_id, "接单"))
    assert answer["toast"] == {"type": "success", "content": "已接单"}
    assert stage.double.ledger.message(card_id).text == "处理中\n**客户**：李四"
    (press,) = stage.desk.pressed_with
    assert (press.value, press.card_message_id, press.chat_id) == ({"action": "take"}, card_id, "oc_staff")
    assert press.operator == Person("ou_wang", "客服小王", Speaker.STAFF)
    assert stage.double.violations == []


async def test_a_press_that_came_to_nothing_says_so(stage: Stage) -> None:
    card_id = await staff_card(stage)
    stage.desk.answer = CardAnswer("小李 已接单", good=False)
    assert (await stage.double.press(card_id, "ou_wang", "王", {"a": "b"}))["toast"]["type"] == "error"
    stage.desk.fails = RetryLater("database is busy")
    answer = await stage.double.press(card_id, "ou_wang", "王", {"a": "b"})
    assert answer == {"toast": {"type": "error", "content": presses.FAILED}}
    stage.desk.fails, stage.desk.answer = None, CardAnswer("")
    assert await stage.double.press(card_id, "ou_wang", "王", {"a": "b"}) == {}


async def test_a_press_that_takes_too_long_is_finished_and_shown_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "ANSWER_WITHIN_S", 0.05)
    monkeypatch.setattr(presses, "AFTER_ANSWER_S", 0.0)
    card_id = await staff_card(stage)
    stage.desk.answer, stage.desk.hold = CardAnswer("已接单", card=CARD_NOW), asyncio.Event()
    answer = await stage.double.press(card_id, "ou_wang", "王", {"action": "take"})
    assert answer == {"toast": {"type": "info", "content": "处理中，请稍后刷新"}}
    changed = asyncio.create_task(stage.double.ledger.until(lambda one: one.updated and one.message_id == card_id))
    stage.desk.hold.set()
    assert (await changed).text.startswith("处理中")
    assert len(stage.calls("card_update")) == 1


async def test_closing_gives_up_what_is_under_way(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presses, "ANSWER_WITHIN_S", 0.01)
    card_id = await staff_card(stage)
    stage.desk.hold = asyncio.Event()
    await stage.double.press(card_id, "ou_wang", "王", {"action": "take"})
    await stage.channel.close()
    assert [task for task in asyncio.all_tasks() if "_decide" in repr(task)] == []


async def test_without_an_encrypt_key_plain_events_come_in_by_their_token() -> None:
    async with staged(encrypt_key="") as stage:
        await stage.double.say(chat_id="oc_room", text="在吗", **LI_SI)
        assert [heard.text for heard in stage.inbox.messages] == ["在吗"]
